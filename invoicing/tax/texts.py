"""What paper and e-invoice say where no tax is charged (BT-120), by reason and language. Data.

The words of art. 226(11) and (11a) of the VAT Directive, as each language's law has them.
"""

from __future__ import annotations

from collections.abc import Mapping

REASONS: Mapping[str, Mapping[str, str]] = {
    "reverse_charge": {
        "en": "Reverse charge: the recipient of the service owes the tax.",
        "de": "Steuerschuldnerschaft des Leistungsempfängers.",
        "es": "Inversión del sujeto pasivo.",
    },
    "intra_community": {
        "en": "Exempt intra-Community supply (Art. 138 Directive 2006/112/EC).",
        "de": "Steuerfreie innergemeinschaftliche Lieferung (Art. 138 Richtlinie 2006/112/EG).",
        "es": "Entrega intracomunitaria exenta (art. 138 Directiva 2006/112/CE).",
    },
    "export": {
        "en": "Tax-free export.",
        "de": "Steuerfreie Ausfuhrlieferung.",
        "es": "Exportación exenta.",
    },
    "exempt": {
        "en": "Exempt from tax.",
        "de": "Steuerbefreit.",
        "es": "Exento de impuesto.",
    },
    "place_abroad": {
        "en": "Not subject to tax here: the place of supply is abroad.",
        "de": "Im Inland nicht steuerbar: Der Leistungsort liegt im Ausland.",
        "es": "No sujeto: el lugar de la prestación está en el extranjero.",
    },
    "compensation": {
        "en": "Compensation for damage: not subject to tax.",
        "de": "Schadenersatz: nicht steuerbar.",
        "es": "Indemnización: no sujeta a impuesto.",
    },
    "outside": {
        "en": "Not subject to tax.",
        "de": "Nicht steuerbar.",
        "es": "No sujeto a impuesto.",
    },
}
_CERTIFICATE: Mapping[str, str] = {
    "en": "Exemption certificate {number}.",
    "de": "Befreiungsbescheinigung {number}.",
    "es": "Certificado de exención {number}.",
}


def reason_text(reason: str, *, language: str, certificate: str = "", words: str = "") -> str:
    """The sentence of a reason in a language, English where there is none; empty without a reason.

    :param certificate: its number is named for an exemption.
    :param words: what stands on the client for its exemption, in place of the plain sentence.
    """
    if not reason:
        return ""
    if reason != "exempt":
        return _in(REASONS[reason], language)
    named = _in(_CERTIFICATE, language).format(number=certificate) if certificate else ""
    return " ".join(filter(None, (words or _in(REASONS["exempt"], language), named)))


def _in(texts: Mapping[str, str], language: str) -> str:
    return texts.get(language, texts["en"])

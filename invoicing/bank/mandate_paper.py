"""The mandate form that a client signs, in the partner's brand: a value that the template prints.

The words are those that the rulebooks of the European Payments Council lay down (EPC016-06: CORE, EPC222-07:
B2B), as banks print them in each language: no text to be worded anew by a partner or a translator.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import msgspec

from haas.documents.pages import fill
from haas.documents.renderer import render_in_own_process
from haas.tenancy.branding import Branding

Render = Callable[[str], bytes]

_CORE = {
    "en": (
        (
            "By signing this mandate form, you authorise (A) {creditor} to send instructions to your"
            " bank to debit your account and (B) your bank to debit your account in accordance with the"
            " instructions from {creditor}."
        ),
        (
            "As part of your rights, you are entitled to a refund from your bank under the terms and"
            " conditions of your agreement with your bank. A refund must be claimed within 8 weeks"
            " starting from the date on which your account was debited. Your rights are explained in a"
            " statement that you can obtain from your bank."
        ),
    ),
    "de": (
        (
            "Ich ermächtige (A) {creditor}, Zahlungen von meinem Konto mittels Lastschrift einzuziehen."
            " Zugleich (B) weise ich mein Kreditinstitut an, die von {creditor} auf mein Konto gezogenen"
            " Lastschriften einzulösen."
        ),
        (
            "Hinweis: Ich kann innerhalb von acht Wochen, beginnend mit dem Belastungsdatum, die"
            " Erstattung des belasteten Betrages verlangen. Es gelten dabei die mit meinem"
            " Kreditinstitut vereinbarten Bedingungen."
        ),
    ),
    "es": (
        (
            "Mediante la firma de esta orden de domiciliación, el deudor autoriza (A) a {creditor} a"
            " enviar instrucciones a la entidad del deudor para adeudar su cuenta y (B) a la entidad"
            " para efectuar los adeudos en su cuenta siguiendo las instrucciones de {creditor}."
        ),
        (
            "Como parte de sus derechos, el deudor está legitimado al reembolso por su entidad en los"
            " términos y condiciones del contrato suscrito con la misma. La solicitud de reembolso"
            " deberá efectuarse dentro de las ocho semanas que siguen a la fecha de adeudo en cuenta."
            " Puede obtener información adicional sobre sus derechos en su entidad financiera."
        ),
    ),
}
# Between companies nothing is refunded, and the form must say so.
_B2B = {
    "en": (
        "This mandate is only intended for business-to-business transactions. You are not entitled"
        " to a refund from your bank after your account has been debited, but you are entitled to"
        " request your bank not to debit your account up until the day on which the payment is due."
    ),
    "de": (
        "Dieses Lastschriftmandat dient nur dem Einzug von Lastschriften, die auf Konten von"
        " Unternehmen gezogen sind. Ich bin nicht berechtigt, nach der erfolgten Einlösung eine"
        " Erstattung des belasteten Betrages zu verlangen. Ich bin berechtigt, mein Kreditinstitut"
        " bis zum Fälligkeitstag anzuweisen, Lastschriften nicht einzulösen."
    ),
    "es": (
        "Esta orden de domiciliación está prevista para operaciones exclusivamente entre empresas"
        " y/o autónomos. El deudor no tiene derecho a que su entidad le reembolse una vez que se"
        " haya realizado el cargo en cuenta, pero puede solicitar a su entidad que no efectúe el"
        " adeudo en la cuenta hasta la fecha debida."
    ),
}


class MandateDocument(msgspec.Struct, frozen=True, kw_only=True):
    """All that a mandate form prints; day, place and signature are left blank."""

    branding: Branding
    language: str = "en"
    drafted_on: date
    reference: str
    scheme: str  # CORE | B2B
    is_recurrent: bool
    creditor_name: str
    creditor_id: str
    client_name: str
    client_address_lines: tuple[str, ...] = ()
    customer_number: str = ""
    holder: str
    iban: str
    bic: str = ""

    @property
    def paragraphs(self) -> tuple[str, ...]:
        """What is signed, in the client's language where the Council has it, else in English."""
        spoken = self.language if self.language in _CORE else "en"
        leave, refund = _CORE[spoken]
        return (
            leave.replace("{creditor}", self.creditor_name),
            _B2B[spoken] if self.scheme == "B2B" else refund,
        )


def mandate_pdf(document: MandateDocument, *, render: Render = render_in_own_process) -> bytes:
    """The form as PDF; the same document gives the same bytes."""
    return render(
        fill("mandate.html", branding=document.branding, language=document.language, document=document)
    )

"""A quote, and its acceptance, as PDF in the partner's brand; the same document gives the same bytes."""

from __future__ import annotations

from collections.abc import Callable

from haas.documents.formatting import places_of
from haas.documents.pages import fill
from haas.documents.renderer import render_in_own_process
from haas.errors import InvalidInput
from haas.money import exponent
from haas.tenancy.branding import Branding
from leases.quotes.document import AcceptanceDocument, QuoteDocument

Render = Callable[[str], bytes]
ABREAST = 4  # options side by side on one sheet; more are set in rows of so many


def quote_pdf(
    document: QuoteDocument, *, logo: bytes | None = None, render: Render = render_in_own_process
) -> bytes:
    """The paper of a quote.

    :param logo: the bytes that the document names by their hash.
    :raises InvalidInput: if the logo is missing or is not the one that was frozen.
    """
    return render(_filled("quote.html", document, logo, acceptance=None))


def acceptance_pdf(
    acceptance: AcceptanceDocument, *, logo: bytes | None = None, render: Render = render_in_own_process
) -> bytes:
    """The acceptance: who signed, the option that was chosen, the terms that were agreed to."""
    return render(_filled("quote_acceptance.html", acceptance.quote, logo, acceptance=acceptance))


def _filled(
    template: str, document: QuoteDocument, logo: bytes | None, *, acceptance: AcceptanceDocument | None
) -> str:
    branding = _printable(document.branding, logo)
    places = exponent(document.currency)
    prices = [line.unit_price for option in document.options for line in option.lines]
    return fill(
        template,
        branding=branding,
        language=document.language,
        document=document,
        acceptance=acceptance,
        chosen=document.option(acceptance.option_id) if acceptance else None,
        rows=[
            document.options[start : start + ABREAST] for start in range(0, len(document.options), ABREAST)
        ],
        price_places=max((places_of(price, least=places) for price in prices), default=places),
    )


def _printable(branding: Branding, logo: bytes | None) -> Branding:
    if branding.logo is None:
        return branding
    if logo is not None:
        return branding.with_logo(logo)
    if branding.logo.png is None:
        raise InvalidInput("The document's logo must be given to print it.", field="logo")
    return branding

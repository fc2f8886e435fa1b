"""An invoice that is not issued -> the pro-forma of it: the same figures, and nothing that asks for money."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import msgspec

from invoicing.document import InvoiceDocument, hash_of

# Whoever wants to know what a later day brings looks as far as a year ahead; rent goes on for ever.
AHEAD_DAYS_MAX = 366


def as_pro_forma(document: InvoiceDocument, *, issued_on: date) -> InvoiceDocument:
    """The paper without its number: amounts and tax as they would be, no due day, account or way to pay."""
    return msgspec.structs.replace(
        document,
        kind="proforma",
        issued_on=issued_on,
        due_on=None,
        payment_terms="",
        early_discounts=(),
        payment_reference="",
        payment_means=(),
        pay_url="",
    )


def contents_of(papers: Sequence[InvoiceDocument]) -> list[str]:
    """A name for what each paper says, before it has number and address: asked for twice, it is made once.

    Papers of one request that say the same are still as many: each counts those before it.
    """
    names: list[str] = []
    seen: dict[str, int] = {}
    for paper in papers:
        said = paper.content_hash()
        seen[said] = seen.get(said, 0) + 1
        names.append(said if seen[said] == 1 else hash_of(f"{said} {seen[said]}".encode()))
    return names


def complete(document: InvoiceDocument, *, number: str, portal_url: str) -> InvoiceDocument:
    """The paper with the number and address that it is kept under."""
    return msgspec.structs.replace(document, number=number, portal_url=portal_url)

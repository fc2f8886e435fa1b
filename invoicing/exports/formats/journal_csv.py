"""The general journal as CSV: one row for each side, debit and credit in columns of their own.

No program's own format: what an accountant reads, or an import is set up for. A batch that takes another
back has the same sides on the other side.
"""

from __future__ import annotations

from invoicing.exports.bookings import bookings
from invoicing.exports.contents import Batch, Content, File
from invoicing.exports.formats.spec import CSV, Figure, Format, csv_content, money
from invoicing.exports.mapping import BANK, RECEIVABLES, TAX

HEADER = (
    "batch", "entry", "date", "kind", "document", "account", "debit", "credit", "currency", "tax_code",
    "contact", "cost_centre", "text",
)  # fmt: skip


def write(batch: Batch) -> list[File]:
    """One file of all sides."""
    rows = [
        (
            batch.number,
            Figure(number),
            Figure(booking.booked_on.isoformat()),
            booking.kind,
            booking.number,
            side.account,
            Figure(money(side.amount, booking.currency)) if side.amount > 0 else "",
            Figure(money(-side.amount, booking.currency)) if side.amount < 0 else "",
            booking.currency,
            side.tax_code,
            side.contact or booking.contact,
            side.tracking,
            side.text,
        )
        for number, booking in enumerate(bookings(batch, with_tax_codes=_names_taxes(batch)), start=1)
        for side in booking.sides
    ]
    return [File("", "csv", CSV, csv_content(HEADER, rows))]


def _names_taxes(batch: Batch) -> bool:
    return batch.option("tax_codes") == "yes"


FORMAT = Format(
    name="journal_csv",
    title="General journal (CSV)",
    contents=(Content.JOURNAL, Content.SALES, Content.INVOICES, Content.PAYMENTS),
    write=write,
    reversal="The same entries with debit and credit exchanged.",
    needs_lines=True,
    accounts=(RECEIVABLES, BANK, TAX),
    options=("tax_codes",),
)

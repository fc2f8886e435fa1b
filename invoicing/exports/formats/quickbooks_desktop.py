"""QuickBooks Desktop: IIF. Each transaction is a TRNS row and SPL rows that sum to zero, then ENDTRNS.

Source: support.quickbooks.intuit.com iif_reference_transactions and HOW12778. INVOICE, CREDIT MEMO and
PAYMENT where QuickBooks has the type; what has none (money given back, the journal) is a GENERAL JOURNAL.
Tabs, Windows-1252, MM/DD/YYYY, at most 11 signs of number: the whole one stands in the memo.
"""

from __future__ import annotations

from collections.abc import Iterator

from invoicing.exports.bookings import BookedSide, Booking, bookings
from invoicing.exports.contents import Batch, Content, File
from invoicing.exports.formats.spec import (
    MARK_MAX,
    TEXT_WINDOWS,
    WINDOWS,
    Format,
    as_typed,
    by_currency,
    clip,
    encoded,
    money,
    with_mark,
)
from invoicing.exports.mapping import BANK, RECEIVABLES, TAX, MapKind

NUMBER_MAX, NAME_MAX, MEMO_MAX = 11, 41, 4_095
DATE = "MM/DD/YYYY"
_FIELDS = ("TRNSTYPE", "DATE", "ACCNT", "NAME", "CLASS", "AMOUNT", "DOCNUM", "MEMO")
_TYPES = {"invoice": "INVOICE", "credit_note": "CREDIT MEMO", "payment": "PAYMENT"}


def write(batch: Batch) -> list[File]:
    """One file of all transactions of a currency: a transaction names none."""
    head = [
        "\t".join(("!TRNS", *_FIELDS, "DUEDATE")),
        "\t".join(("!SPL", *_FIELDS, "EXTRA")),
        "!ENDTRNS",
    ]
    files = []
    for suffix, some in list(by_currency(bookings(batch))) or [("", ())]:
        lines = [row for booking in some for row in _rows(batch, booking)]
        content = encoded("\r\n".join([*head, *lines, ""]), WINDOWS)
        files.append(File(suffix.removeprefix("-"), "iif", TEXT_WINDOWS, content))
    return files


def short_number(number: str) -> str:
    """The letters and digits of a number, of them the last that fit: they tell a series apart.

    Of what is taken back, whose number names the batch, too, the last of its own and a mark.
    """
    own, _, batch = number.partition("/")
    signs = "".join(sign for sign in own if sign.isalnum())
    if not batch:
        return signs[-NUMBER_MAX:]
    return with_mark(signs[-(NUMBER_MAX - MARK_MAX) :], whole=number)


def _rows(batch: Batch, booking: Booking) -> Iterator[str]:
    kind = _TYPES.get(booking.kind, "GENERAL JOURNAL")
    first, *rest = booking.sides
    due = as_typed(booking.due_on, DATE) if booking.due_on and kind == "INVOICE" else ""
    yield "\t".join(("TRNS", *_cells(kind, booking, first), due))
    tax_account = batch.names.rows.get((MapKind.ACCOUNT, TAX))
    for side in rest:
        is_tax = side.account == tax_account and kind in ("INVOICE", "CREDIT MEMO")
        cells = _cells(kind, booking, side)
        if is_tax:  # QuickBooks wants the agency that a sales tax is owed to
            cells = (*cells[:3], clip(batch.option("tax_agency", "Sales Tax Agency"), NAME_MAX), *cells[4:])
        yield "\t".join(("SPL", *cells, "AUTOSTAX" if is_tax else ""))
    yield "ENDTRNS"


def _cells(kind: str, booking: Booking, side: BookedSide) -> tuple[str, ...]:
    # In a journal entry only the account of clients may name one, and only one of them.
    name = side.contact if kind == "GENERAL JOURNAL" else booking.contact
    return (
        kind,
        as_typed(booking.booked_on, DATE),
        _clean(side.account, MEMO_MAX),
        _clean(name, NAME_MAX),
        _clean(side.tracking, NAME_MAX),
        money(side.amount, booking.currency),
        short_number(booking.number),
        _clean(f"{booking.number} {side.text}", MEMO_MAX),
    )


def _clean(text: str, most: int) -> str:
    return clip(text.replace('"', "'"), most)


FORMAT = Format(
    name="quickbooks_desktop",
    title="QuickBooks Desktop (IIF)",
    contents=(Content.INVOICES, Content.PAYMENTS, Content.SALES, Content.JOURNAL),
    write=write,
    reversal="Invoices as credit memos and credit memos as invoices, under a number that names the batch;"
    " payments and journal entries as general journal entries with the sides exchanged.",
    needs_lines=True,
    accounts=(RECEIVABLES, BANK, TAX),
    contact_max=NAME_MAX,
    account_words="the account's name, with a colon before a subaccount",
    encoding=WINDOWS,
    options=("tax_agency",),
)

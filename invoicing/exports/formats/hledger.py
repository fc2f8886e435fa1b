"""hledger (and ledger): plain-text double entry, accounts and commodities declared, so `check -s` passes."""

from __future__ import annotations

import re

from haas.money import exponent
from invoicing.exports.bookings import BookedSide, Booking, bookings
from invoicing.exports.contents import Batch, Content, File
from invoicing.exports.formats.beancount import ROOTS
from invoicing.exports.formats.spec import TEXT, Format, flat, money
from invoicing.exports.mapping import BANK, RECEIVABLES, TAX

ACCOUNT = r"[A-Za-z0-9][^\s;()\[\]|]*( [^\s;()\[\]|]+)*"


def write(batch: Batch) -> list[File]:
    """One file: accounts and commodities declared, then the transactions."""
    found = list(bookings(batch))
    accounts = sorted({account_of(side) for booking in found for side in booking.sides})
    currencies = sorted({booking.currency for booking in found})
    lines = [
        f"; {flat(batch.seller)}: {batch.number}" + (f" reverses {batch.reverses}" if batch.reverses else ""),
        "decimal-mark .",
        *(f"commodity 1000.{'0' * exponent(currency)} {currency}" for currency in currencies),
        *(f"account {account}" for account in accounts),
    ]
    for booking in found:
        lines += ["", *_transaction(batch, booking)]
    return [File("", "journal", TEXT, "\n".join([*lines, ""]).encode())]


def account_of(side: BookedSide) -> str:
    """The account as it is mapped; one of our chart stands beneath its kind."""
    root = ROOTS.get(side.account_kind)
    name = re.sub(r"[;()\[\]|:]", " ", f"{side.account} {side.text}" if root else "")
    return f"{root}:{flat(name)}" if root else flat(side.account)


def _transaction(batch: Batch, booking: Booking) -> list[str]:
    lines = [
        f"{booking.booked_on} * ({_bare(booking.number)}) {_bare(booking.text)}",
        f"    ; batch:{batch.number}, kind:{booking.kind}"
        + (f", due:{booking.due_on}" if booking.due_on else ""),
    ]
    for side in booking.sides:
        tracking = f"  ; cost-centre:{_bare(side.tracking)}" if side.tracking else ""
        amount = f"{money(side.amount, booking.currency)} {booking.currency}"
        lines.append(f"    {account_of(side)}  {amount}{tracking}")
    return lines


def _bare(text: str) -> str:
    return flat(re.sub(r"[;()|,]", " ", text))


FORMAT = Format(
    name="hledger",
    title="hledger",
    contents=(Content.JOURNAL, Content.SALES, Content.INVOICES, Content.PAYMENTS),
    write=write,
    reversal="The same transactions with the sides exchanged.",
    needs_lines=True,
    accounts=(RECEIVABLES, BANK, TAX),
    account_pattern=ACCOUNT,
    account_roots=ROOTS,
    account_words="an account such as assets:receivables, without brackets and double spaces",
)

"""Beancount: plain-text double entry, as bean-check reads it."""

from __future__ import annotations

import re
from datetime import date

from invoicing.exports.bookings import BookedSide, Booking, bookings
from invoicing.exports.contents import Batch, Content, File
from invoicing.exports.formats.spec import TEXT, Format, flat, money
from invoicing.exports.mapping import BANK, RECEIVABLES, TAX

ACCOUNT = r"(Assets|Liabilities|Equity|Income|Expenses)(:[A-Z0-9][A-Za-z0-9-]*)+"
ROOTS = {
    "asset": "Assets",
    "liability": "Liabilities",
    "equity": "Equity",
    "income": "Income",
    "expense": "Expenses",
}
_OPENED_ON = date(1970, 1, 1)  # before every booking: an account that is opened late refuses late-comers


def write(batch: Batch) -> list[File]:
    """One file: accounts opened (unless the profile's own ledger does so), then the transactions."""
    found = list(bookings(batch))
    accounts = sorted({account_of(side) for booking in found for side in booking.sides})
    lines = [f"; {flat(batch.seller)}: {batch.number}{_taken_back(batch)}"]
    if batch.option("opens", "yes") == "yes":
        lines += [f"{_OPENED_ON} open {account}" for account in accounts]
    for booking in found:
        lines += ["", *_transaction(batch, booking)]
    return [File("", "beancount", TEXT, "\n".join([*lines, ""]).encode())]


def account_of(side: BookedSide) -> str:
    """The account as it is mapped; one of our chart becomes root, code and name, such as Assets:1000-Bank."""
    if re.fullmatch(ACCOUNT, side.account):
        return side.account
    return ":".join(
        (
            ROOTS.get(side.account_kind, "Equity"),
            "-".join(filter(None, (_part(side.account), _part(side.text)))) or "Unnamed",
        )
    )


def _transaction(batch: Batch, booking: Booking) -> list[str]:
    link = re.sub(r"[^A-Za-z0-9_/.-]", "-", booking.number)
    lines = [
        f"{booking.booked_on} * {_quoted(booking.contact)} {_quoted(booking.text)} ^{link}",
        f"  batch: {_quoted(batch.number)}",
        f"  kind: {_quoted(booking.kind)}",
    ]
    if booking.due_on:
        lines.append(f"  due: {booking.due_on}")
    for side in booking.sides:
        lines.append(f"  {account_of(side)}  {money(side.amount, booking.currency)} {booking.currency}")
        if side.tracking:
            lines.append(f"    cost-centre: {_quoted(side.tracking)}")
    return lines


def _quoted(text: str) -> str:
    escaped = flat(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _part(text: str) -> str:
    cleaned = "-".join(re.findall(r"[A-Za-z0-9]+", text))
    return cleaned[:1].upper() + cleaned[1:]


def _taken_back(batch: Batch) -> str:
    return f" takes {batch.reverses} back" if batch.reverses else ""


FORMAT = Format(
    name="beancount",
    title="Beancount",
    contents=(Content.JOURNAL, Content.SALES, Content.INVOICES, Content.PAYMENTS),
    write=write,
    reversal="The same transactions with the sides exchanged.",
    needs_lines=True,
    accounts=(RECEIVABLES, BANK, TAX),
    account_pattern=ACCOUNT,
    account_roots=ROOTS,
    account_words="an account such as Assets:Receivables",
    options=("opens",),
)

"""Papers, money and entries -> balanced bookings: what every format of a journal is written from. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from invoicing.exports.contents import Batch, Entry, Money, Paper, Party
from invoicing.exports.mapping import BAD_DEBT, RECEIVABLES, TAX, MapKind, bank_key, line_key


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedSide:
    """One side of a booking; debit positive."""

    account: str
    amount: Decimal
    text: str = ""
    tax_code: str = ""
    tracking: str = ""
    account_kind: str = ""
    contact: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """One balanced entry: its sides sum to zero, or there is no booking."""

    kind: str  # invoice, credit_note, payment, refund; entry: and what the journal says of an entry of it
    number: str
    booked_on: date
    currency: str
    contact: str = ""
    text: str = ""
    due_on: date | None = None
    sides: tuple[BookedSide, ...]

    def __post_init__(self) -> None:
        rest = sum((side.amount for side in self.sides), Decimal(0))
        if rest:
            raise ValueError(f"{self.kind} {self.number} is {rest} {self.currency} out of balance")


def bookings(batch: Batch, *, with_tax_codes: bool = False) -> Iterator[Booking]:
    """Every item of the batch as a booking, in the batch's order.

    :param with_tax_codes: whether sides of revenue name their tax; else nothing need be mapped.
    :raises Unmapped: if an account has no name.
    """
    for paper in batch.papers:
        yield _of_paper(batch, paper, with_tax_codes=with_tax_codes)
    for money in batch.money:
        yield _of_money(batch, money)
    for entry in batch.entries:
        yield _of_entry(batch, entry)


def contact_of(batch: Batch, party: Party) -> str:
    """What the books call a client."""
    return batch.names.contact(
        client_id=party.client_id, number=party.number, name=party.name, legal_name=party.legal_name
    )


def _of_paper(batch: Batch, paper: Paper, *, with_tax_codes: bool) -> Booking:
    names, contact = batch.names, contact_of(batch, paper.party)
    tracking = names.tracking(client_id=paper.party.client_id, site=paper.site)
    sides = [
        BookedSide(
            account=names.account(RECEIVABLES),
            amount=paper.total,
            text=" ".join(filter(None, (paper.number, paper.reason))),
            contact=contact,
        )
    ]
    for line in paper.lines:
        code = (
            names.tax_code(line.tax_category, line.tax_rate_pct, paper.party.country)
            if with_tax_codes
            else ""
        )
        sides.append(
            BookedSide(
                account=names.account(line_key(line.kind)),
                amount=-line.net,
                text=line.description,
                tax_code=code,
                tracking=tracking,
            )
        )
    if paper.tax:
        sides.append(BookedSide(account=names.account(TAX), amount=-paper.tax, text=paper.number))
    return Booking(
        kind="credit_note" if paper.is_credit else "invoice",
        number=paper.number,
        booked_on=paper.issued_on,
        due_on=paper.due_on,
        currency=paper.currency,
        contact=contact,
        text=": ".join(filter(None, (f"{paper.number} {contact}", paper.reason))),
        sides=tuple(side for side in sides if side.amount),
    )


def _of_money(batch: Batch, money: Money) -> Booking:
    names, contact = batch.names, contact_of(batch, money.party)
    about = money.invoice_number or money.reference
    claim = money.amount - money.lost
    sides = [
        BookedSide(account=names.account(bank_key(money.method)), amount=money.amount, text=about),
        BookedSide(account=names.account(RECEIVABLES), amount=-claim, text=about, contact=contact),
    ]
    if money.lost:
        sides.append(BookedSide(account=names.account(BAD_DEBT), amount=-money.lost, text=about))
    return Booking(
        kind="refund" if money.amount < 0 else "payment",
        number=money.reference,
        booked_on=money.received_on,
        currency=money.currency,
        contact=contact,
        text=f"{money.reference} {contact}",
        sides=tuple(side for side in sides if side.amount),
    )


def _of_entry(batch: Batch, entry: Entry) -> Booking:
    rows = batch.names.rows
    return Booking(
        kind=f"entry:{entry.source_kind}",
        number=entry.reference or entry.item_id,
        booked_on=entry.dated_on,
        currency=entry.currency,
        text=f"{entry.reference} {entry.source_kind}".strip(),
        sides=tuple(
            BookedSide(
                # An account of ours is called as in our chart, unless the mapping has another name.
                account=rows.get((MapKind.ACCOUNT, f"ledger:{side.code}")) or side.code,
                amount=side.amount,
                text=side.name,
                account_kind=side.account_kind,
                contact=contact_of(batch, side.party) if side.party else "",
                tracking=batch.names.tracking(client_id=side.party.client_id) if side.party else "",
            )
            for side in entry.sides
        ),
    )

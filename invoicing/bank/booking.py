"""Decide on a line: book it as a client's money, book what came back, set it aside, or take that back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import outbox
from haas.calendar import local_day
from haas.crash import crashpoint
from haas.errors import Conflict, InvalidInput
from haas.ids import new_id
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant, scoped
from invoicing import early_discounts
from invoicing.bank import learning, queries
from invoicing.bank.debit_models import COLLECTED, ORDERED, RETURNED, CollectionItem
from invoicing.bank.models import BOOKED, CATEGORIES, IGNORED, OPEN, BankBooking, BankLine
from invoicing.bank.own_transfers import check_not_settled, check_not_transfer
from invoicing.money import queries as money
from invoicing.money import receipts
from invoicing.money.entries import lock_clients
from invoicing.money.models import Receipt

METHOD = "transfer"
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One client's share of a line. `fee` is what a bank kept of what the client paid: amount plus fee.

    `discounts` is what invoices that are settled so are credited for early payment, by their ids.
    """

    client_id: str
    amount: Decimal  # of the line
    allocations: Mapping[str, Decimal] = field(default_factory=dict)  # invoice id -> amount
    fee: Decimal = _NOTHING
    discounts: Mapping[str, Decimal] = field(default_factory=dict)


class LineDecided(Conflict):
    """Somebody decided on this line before: open it again first."""

    code = "line_decided"


def book(
    session: Session,
    tenant: Tenant,
    *,
    line_id: str,
    parts: Sequence[Part],
    at: datetime,
    reasons: Sequence[str] = (),
    is_automatic: bool = False,
    method: str = METHOD,
) -> list[BankBooking]:
    """Book money that came in: a receipt for each part; what no invoice takes is the client's credit.

    :raises LineDecided: if it was booked or set aside before.
    :raises InvalidInput: if the parts are not the line's amount, or more goes to an invoice than is open.
    :raises OwnTransfer: if it is a refund of ours that came back.
    :raises DiscountNotDue, DiscountTaken: as `early_discounts.record_receipt`, by the day of booking.
    """
    line = _open_line(session, tenant, line_id)
    if line.amount < 0:
        raise InvalidInput("Money went out here: it is no payment of a client.", field="line_id")
    check_not_transfer(session, tenant, line=line)
    if not parts or sum((part.amount for part in parts), _NOTHING) != line.amount:
        raise InvalidInput(f"The parts are to add up to {line.amount} {line.currency}.", field="parts")
    # In the order of their ids, as a run does: in that of the parts two bookings could wait for one another.
    lock_clients(session, tenant, client_ids={part.client_id for part in parts})
    made = []
    position = _last_position(session, tenant, line_id=line.id)
    for part in parts:
        position += 1
        receipt = early_discounts.record_receipt(
            session,
            tenant,
            client_id=part.client_id,
            amount=part.amount + part.fee,
            currency=line.currency,
            received_on=line.booked_on,
            method=method,
            # The line's id makes a second run find the receipt; a number follows where it was undone before.
            reference=_reference(line, position),
            allocations=part.allocations,
            discounts=part.discounts,
            source="bank",
            fee=part.fee,
            at=at,
        )
        made.append(
            _note(
                session, tenant, line=line, receipt=receipt, position=position, amount=part.amount, at=at,
                reasons=reasons, is_automatic=is_automatic,
            )
        )  # fmt: skip
    crashpoint("bank_line.received")
    _decide(session, tenant, line, BOOKED, at=at)
    learning.confirm(session, tenant, line=line, client_ids={part.client_id for part in parts}, at=at)
    outbox.publish(session, tenant, "bank.line_booked", line_id=line.id)
    crashpoint("bank_line.booked")
    return made


def book_return(
    session: Session,
    tenant: Tenant,
    *,
    line_id: str,
    receipt_id: str,
    at: datetime,
    fee: Decimal = _NOTHING,
    is_automatic: bool = False,
) -> BankBooking:
    """Book what came back of a receipt: its invoices are open again for as much.

    :param fee: what the bank added for itself, within the line's amount; it is no claim on the client.
    :raises InvalidInput: if more comes back than was received.
    :raises OwnTransfer: if it is a refund of ours on its way out.
    """
    line = _open_line(session, tenant, line_id)
    if line.amount > 0:
        raise InvalidInput("Money came in here: nothing went back.", field="line_id")
    check_not_transfer(session, tenant, line=line)
    returned = -line.amount - fee
    if fee < 0 or returned <= 0:
        raise InvalidInput(f"The fee is between 0 and {-line.amount}.", field="fee")
    receipt = money.get_receipt(session, tenant, receipt_id=receipt_id)
    if receipt.currency != line.currency:
        raise InvalidInput(f"The receipt is in {receipt.currency}.", field="receipt_id")
    position = _last_position(session, tenant, line_id=line.id) + 1
    reversal = receipts.reverse_receipt(
        session,
        tenant,
        receipt_id=receipt_id,
        amount=returned,
        reason=line.return_reason or line.text[:120] or "returned",
        on=max(line.booked_on, receipt.received_on),
        at=at,
        reference=_reference(line, position),
        fee=fee,
    )
    booked = _note(
        session, tenant, line=line, receipt=receipt, position=position, amount=line.amount, at=at,
        reversal_id=reversal.id, is_automatic=is_automatic,
    )  # fmt: skip
    # By hand or by its reference: a collection's item says the same as its receipt.
    session.execute(
        sa.update(CollectionItem)
        .where(
            CollectionItem.partner_id == tenant.partner_id,
            CollectionItem.receipt_id == receipt.id,
            CollectionItem.state == COLLECTED,
            CollectionItem.amount <= returned,
        )
        .values(state=RETURNED, return_reason=line.return_reason)
    )
    _decide(session, tenant, line, BOOKED, at=at)
    outbox.publish(session, tenant, "bank.line_booked", line_id=line.id)
    return booked


def ignore(
    session: Session, tenant: Tenant, *, line_id: str, category: str, at: datetime, note: str = ""
) -> BankLine:
    """Set a line aside that is no client's money: an own transfer, a fee, a provider's payout.

    :raises LineDecided: if it was decided on before.
    """
    if category not in CATEGORIES:
        raise InvalidInput(f"Choose one of {', '.join(CATEGORIES)}.", field="category")
    line = _open_line(session, tenant, line_id)
    line.note = note.strip()
    _decide(session, tenant, line, IGNORED, at=at, category=category)
    return line


def reopen(session: Session, tenant: Tenant, *, line_id: str, at: datetime, reason: str = "") -> BankLine:
    """Take back what was decided: the receipts of a booked line are reversed, and their invoices open again.

    :raises Conflict: if it is open, or if what came back was booked, which only the bank can undo.
    :raises OwnTransfer: if it settled a refund of ours, which is settled once.
    """
    line = queries.lock_line(session, tenant, line_id=line_id)
    if line.state == OPEN:
        raise Conflict("Nothing was decided on this line.")
    check_not_settled(session, tenant, line=line)
    stands = standing_bookings(session, tenant, line_ids=[line.id]).get(line.id, [])
    if any(booking.reversal_id is not None for booking in stands):
        raise Conflict("Money that came back stays booked: record the new payment instead.")
    today = local_day(at, session.get_one(Partner, tenant.partner_id).time_zone)
    for booking in stands:
        receipts.reverse_receipt(
            session,
            tenant,
            receipt_id=booking.receipt_id,
            amount=None,
            reason=reason.strip() or "matched by mistake",
            on=max(line.booked_on, today),
            at=at,
            kind="mistake",
            reference=f"{_reference(line, booking.position)}/U",
        )
        booking.undone_at, booking.undone_by = at, tenant.actor
    if stands:
        # The order waits for its money again, so that the right line can settle it.
        session.execute(
            sa.update(CollectionItem)
            .where(
                CollectionItem.partner_id == tenant.partner_id,
                CollectionItem.receipt_id.in_([booking.receipt_id for booking in stands]),
                CollectionItem.state == COLLECTED,
            )
            .values(state=ORDERED, receipt_id=None)
        )
        learning.refute(
            session, tenant, line=line, client_ids={booking.client_id for booking in stands}, at=at
        )
    _decide(session, tenant, line, OPEN, at=at)
    return line


def standing_bookings(
    session: Session, tenant: Tenant, *, line_ids: Sequence[str]
) -> dict[str, list[BankBooking]]:
    """What is booked of these lines and was not undone; one query."""
    found: dict[str, list[BankBooking]] = {}
    rows = session.scalars(
        scoped(BankBooking, tenant)
        .where(BankBooking.line_id.in_(line_ids), BankBooking.undone_at.is_(None))
        .order_by(BankBooking.line_id, BankBooking.position)
    )
    for row in rows:
        found.setdefault(row.line_id, []).append(row)
    return found


def receipts_to_return(session: Session, tenant: Tenant, *, line: BankLine, most: int = 5) -> list[Receipt]:
    """Receipts of the bank that this money may have come back of: same account or name, enough amount."""
    if line.amount > 0:
        return []
    source = sa.orm.aliased(BankLine)
    told = [
        column == value
        for column, value in (
            (source.end_to_end_id, line.end_to_end_id),
            (source.mandate, line.mandate),
            (source.counterparty_iban, line.counterparty_iban),
            (source.counterparty_name, line.counterparty_name),
        )
        if value
    ]
    if not told:
        return []
    rank = sa.case(*((rule, place) for place, rule in enumerate(told)), else_=len(told))
    return list(
        session.scalars(
            scoped(Receipt, tenant)
            .join(
                BankBooking,
                sa.and_(BankBooking.partner_id == Receipt.partner_id, BankBooking.receipt_id == Receipt.id),
            )
            .join(
                source, sa.and_(source.partner_id == BankBooking.partner_id, source.id == BankBooking.line_id)
            )
            .where(
                BankBooking.undone_at.is_(None),
                BankBooking.reversal_id.is_(None),
                Receipt.currency == line.currency,
                Receipt.amount <= -line.amount,
                source.booked_on <= line.booked_on,
                sa.or_(*told),
            )
            .order_by(rank, Receipt.amount.desc(), Receipt.received_on.desc(), Receipt.id)
            .limit(most)
        )
    )


def _open_line(session: Session, tenant: Tenant, line_id: str) -> BankLine:
    line = queries.lock_line(session, tenant, line_id=line_id)
    if line.state != OPEN:
        raise LineDecided("This line is booked or set aside already: open it again first.")
    return line


def _reference(line: BankLine, position: int) -> str:
    """As statements print it: the day, and enough of the line's id to be no other's of that day."""
    told = f"{line.booked_on.isoformat()} {line.id[-8:].upper()}"
    return told if position == 1 else f"{told}-{position}"


def _last_position(session: Session, tenant: Tenant, *, line_id: str) -> int:
    last = session.scalar(
        sa.select(sa.func.max(BankBooking.position)).where(
            BankBooking.partner_id == tenant.partner_id, BankBooking.line_id == line_id
        )
    )
    return last or 0


def _note(
    session: Session,
    tenant: Tenant,
    *,
    line: BankLine,
    receipt: Receipt,
    position: int,
    amount: Decimal,
    at: datetime,
    reversal_id: str | None = None,
    reasons: Sequence[str] = (),
    is_automatic: bool = False,
) -> BankBooking:
    made = BankBooking(
        partner_id=tenant.partner_id,
        id=new_id("bbk"),
        line_id=line.id,
        position=position,
        client_id=receipt.client_id,
        receipt_id=receipt.id,
        reversal_id=reversal_id,
        amount=amount,
        reasons=[str(reason) for reason in reasons],
        is_automatic=is_automatic,
        booked_at=at,
        booked_by=tenant.actor,
        undone_at=None,
    )
    session.add(made)
    session.flush()
    return made


def _decide(
    session: Session, tenant: Tenant, line: BankLine, state: str, *, at: datetime, category: str = ""
) -> None:
    line.state, line.category = state, category
    line.decided_at, line.decided_by = at, tenant.actor
    session.flush()

"""What came of ordered refunds: the bank's statement says they left, or came back; or somebody does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.errors import Conflict, InvalidInput, NotFound
from haas.tenancy.scope import Tenant, scoped
from invoicing.bank import booking
from invoicing.bank.models import BankLine
from invoicing.bank.own_transfers import REFUND
from invoicing.bank.transfer_models import FAILED, ORDERED, SETTLED, TransferItem, TransferOrder
from invoicing.bulk import among
from invoicing.money import refunds
from invoicing.money.entries import lock_clients


def book_transfer(session: Session, tenant: Tenant, *, line: BankLine, at: datetime) -> bool:
    """A line that is one of our transfers, or a whole order: its refunds are paid, or came back.

    Money that left is told by its end-to-end reference, or by the order's number and its sum to the cent.
    What came back of a transfer that was paid is the client's credit again.
    """
    if line.amount > 0:
        return _came_back(session, tenant, line=line, at=at)
    items = _items_of(session, tenant, line=line)
    if not items or not _lock(session, tenant, items, state=ORDERED):
        return False
    for item in items:
        item.state = SETTLED
        reference = line.bank_id or item.end_to_end_id
        refunds.mark_paid(
            session, tenant, refund_id=item.refund_id, reference=reference, on=line.booked_on, at=at
        )
    session.flush()
    booking.ignore(session, tenant, line_id=line.id, category=REFUND, at=at, note=items[0].end_to_end_id)
    return True


def own_transfers(session: Session, tenant: Tenant, *, lines: Sequence[BankLine]) -> dict[str, set[str]]:
    """Line id -> whose refunds it may be, out or back, of the lines that may be any; two queries.

    Nothing is locked.
    """
    named = _orders_named(session, tenant, lines=lines)
    order_ids = {order_id for told in named.values() for order_id in told}
    items = session.execute(
        scoped(TransferItem, tenant)
        .where(
            sa.or_(
                among(TransferItem.order_id, order_ids),
                among(TransferItem.end_to_end_id, {line.end_to_end_id for line in lines}),
            )
        )
        .with_only_columns(TransferItem.order_id, TransferItem.end_to_end_id, TransferItem.client_id)
    )
    clients: dict[str, set[str]] = defaultdict(set)  # by order, and by end-to-end reference
    for order_id, end_to_end_id, client_id in items:
        clients[order_id].add(client_id)
        clients[end_to_end_id].add(client_id)
    found = {
        line.id: set().union(*(clients.get(key, ()) for key in (line.end_to_end_id, *named.get(line.id, ()))))
        for line in lines
    }
    return {line_id: theirs for line_id, theirs in found.items() if theirs}


def get_item(session: Session, tenant: Tenant, *, item_id: str) -> TransferItem:
    """The transfer.

    :raises NotFound: if this tenant has none by that id.
    """
    found = session.scalar(scoped(TransferItem, tenant).where(TransferItem.id == item_id))
    if found is None:
        raise NotFound(f"There is no transfer {item_id}.")
    return found


def fail_item(
    session: Session, tenant: Tenant, *, item_id: str, failure: str, on: date, at: datetime
) -> TransferItem:
    """The bank refused a transfer, or the whole order: its amount is the client's credit again.

    :raises Conflict: if it is settled, failed or called off.
    """
    item = get_item(session, tenant, item_id=item_id)
    if not failure.strip():
        raise InvalidInput("Say what the bank said.", field="failure")
    if not _lock(session, tenant, [item], state=ORDERED):
        raise Conflict(f"{item.end_to_end_id} is {item.state}.")
    item.state, item.failure = FAILED, failure.strip()
    session.flush()
    refunds.mark_failed(session, tenant, refund_id=item.refund_id, failure=item.failure, on=on, at=at)
    return item


def follow_refund(session: Session, tenant: Tenant, *, refund_id: str) -> None:
    """Somebody noted a refund as paid or failed by hand: its transfer says the same."""
    refund = refunds.get_refund(session, tenant, refund_id=refund_id)
    states = {refunds.PAID: SETTLED, refunds.FAILED: FAILED, refunds.RETURNED: FAILED}
    state = states.get(refund.state)
    if state is not None:
        session.execute(
            sa.update(TransferItem)
            .where(
                TransferItem.partner_id == tenant.partner_id,
                TransferItem.refund_id == refund_id,
                TransferItem.state.in_((ORDERED, SETTLED)),
            )
            .values(state=state, failure=refund.failure)
        )


def _lock(session: Session, tenant: Tenant, items: Sequence[TransferItem], *, state: str) -> bool:
    """Lock what settling these transfers changes, and whether they still stand so.

    In the order in which whoever settles a refund locks: clients, refunds, transfers; three queries.
    """
    lock_clients(session, tenant, client_ids={item.client_id for item in items})
    refunds.lock_refunds(session, tenant, refund_ids={item.refund_id for item in items})
    locked = session.scalars(
        scoped(TransferItem, tenant)
        .where(TransferItem.id.in_([item.id for item in items]))
        .order_by(TransferItem.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    return all(item.state == state for item in locked)


def _items_of(session: Session, tenant: Tenant, *, line: BankLine) -> Sequence[TransferItem]:
    """The ordered items that a debit of the account is; none if the sum is another."""
    ordered = scoped(TransferItem, tenant).where(TransferItem.state == ORDERED)
    if line.end_to_end_id:
        found = session.scalars(ordered.where(TransferItem.end_to_end_id == line.end_to_end_id)).all()
        if found:
            return found if found[0].amount == -line.amount else []
    named = _orders_named(session, tenant, lines=[line]).get(line.id, [])
    if len(named) != 1:
        return []
    items = session.scalars(ordered.where(TransferItem.order_id == named[0]).order_by(TransferItem.id)).all()
    return items if sum(item.amount for item in items) == -line.amount else []


def _orders_named(session: Session, tenant: Tenant, *, lines: Sequence[BankLine]) -> dict[str, list[str]]:
    """Line id -> the orders that it names and is the sum of; one query."""
    rows = session.execute(
        scoped(TransferOrder, tenant)
        .where(
            TransferOrder.total.in_({-line.amount for line in lines}), TransferOrder.cancelled_at.is_(None)
        )
        .with_only_columns(TransferOrder.total, TransferOrder.number, TransferOrder.id)
    )
    orders: dict[Decimal, list[tuple[str, str]]] = defaultdict(list)
    for total, number, order_id in rows:
        orders[total].append((number, order_id))
    found = {}
    for line in lines:
        named = [order_id for number, order_id in orders.get(-line.amount, ()) if number in line.told]
        if named:
            found[line.id] = named
    return found


def _came_back(session: Session, tenant: Tenant, *, line: BankLine, at: datetime) -> bool:
    if not line.end_to_end_id:
        return False
    item = session.scalar(
        scoped(TransferItem, tenant).where(
            TransferItem.end_to_end_id == line.end_to_end_id,
            TransferItem.amount == line.amount,
            TransferItem.state.in_((SETTLED, FAILED)),
        )
    )
    if item is None:
        return False
    if _lock(session, tenant, [item], state=SETTLED):
        item.state, item.failure = FAILED, line.return_reason or line.text[:120] or "returned"
        session.flush()
        refunds.mark_failed(
            session, tenant, refund_id=item.refund_id, failure=item.failure, on=line.booked_on, at=at
        )
    # Where somebody noted it before the bank told of it, it is credit already.
    booking.ignore(session, tenant, line_id=line.id, category=REFUND, at=at, note=item.end_to_end_id)
    return True

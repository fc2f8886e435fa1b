"""What came of a collection: the bank's credit of the whole, and items that came back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import outbox
from haas.errors import HaasError, InvalidInput
from haas.tenancy.scope import Tenant, scoped
from invoicing import queries as invoices
from invoicing.bank import booking, collecting, queries
from invoicing.bank.debit_models import (
    CANCELLED,
    COLLECTED,
    ORDERED,
    RETURNED,
    Collection,
    CollectionItem,
)
from invoicing.bank.models import BankBooking, BankLine
from invoicing.bank.transfer_settling import book_transfer, own_transfers
from invoicing.bulk import among
from invoicing.money.entries import lock_clients
from invoicing.money.queries import reversals_of

_METHOD = "direct_debit"


def settle(
    session: Session,
    tenant: Tenant,
    *,
    line_id: str,
    collection_id: str,
    at: datetime,
    without: Sequence[str] = (),
) -> list[BankBooking]:
    """The bank's credit of an order: each item is a receipt of its own, so that each can come back alone.

    :param without: items that the bank did not collect; they are free to be ordered again.
    :raises InvalidInput: if the rest is not the line's amount.
    """
    _lock(session, tenant, line_id=line_id, collection_id=collection_id)
    made = collecting.lock_collection(session, tenant, collection_id=collection_id)
    items = [
        item for item in collecting.items_of(session, tenant, collection_id=made.id) if item.state == ORDERED
    ]
    if unknown := set(without) - {item.id for item in items}:
        raise InvalidInput(f"Not of this order: {', '.join(sorted(unknown))}.", field="without")
    taken = [item for item in items if item.id not in without]
    still_open = {row.invoice_id: row.open for row in invoices.open_items(session, tenant)}
    parts = [_part(item, still_open=still_open.get(item.invoice_id, Decimal(0))) for item in taken]
    booked = booking.book(
        session, tenant, line_id=line_id, parts=parts, at=at, reasons=["mandate"], method=_METHOD
    )
    for item, row in zip(taken, booked, strict=True):
        item.state, item.receipt_id = COLLECTED, row.receipt_id
    for item in items:
        if item not in taken:
            item.state = CANCELLED
    session.flush()
    outbox.publish(session, tenant, "collection.settled", collection_id=made.id)
    return booked


def _lock(session: Session, tenant: Tenant, *, line_id: str, collection_id: str) -> None:
    """As whoever books a statement does: the line before the clients, and both before the order."""
    queries.lock_line(session, tenant, line_id=line_id)
    of_order = scoped(CollectionItem, tenant).where(CollectionItem.collection_id == collection_id)
    clients = session.scalars(of_order.with_only_columns(CollectionItem.client_id).distinct())
    lock_clients(session, tenant, client_ids=list(clients))


def _part(item: CollectionItem, *, still_open: Decimal) -> booking.Part:
    """An item's share. Where it was paid otherwise meanwhile, what is too much is the client's credit."""
    paid = min(item.amount, still_open)
    return booking.Part(
        client_id=item.client_id,
        amount=item.amount,
        allocations={item.invoice_id: paid} if paid else {},
    )


def book_item_return(session: Session, tenant: Tenant, *, line: BankLine, at: datetime) -> BankBooking | None:
    """A debit that came back, told by its end-to-end reference; none if it is of no collection."""
    if line.amount > 0 or not line.end_to_end_id:
        return None
    item = session.scalar(
        scoped(CollectionItem, tenant)
        .where(CollectionItem.end_to_end_id == line.end_to_end_id, CollectionItem.state == COLLECTED)
        .with_for_update()
    )
    if item is None or item.receipt_id is None or -line.amount < item.amount:
        return None
    return booking.book_return(
        session, tenant, line_id=line.id, receipt_id=item.receipt_id, fee=-line.amount - item.amount, at=at
    )


def note_reversed(session: Session, tenant: Tenant, *, receipt_id: str) -> None:
    """An item whose receipt was reversed by hand has come back too, once all of it has.

    What the bank tells of is noted by `invoicing.bank.booking` at once.
    """
    reversals = reversals_of(session, tenant, receipt_id=receipt_id)
    gone = sum((row.amount for row in reversals), Decimal(0))
    session.execute(
        sa.update(CollectionItem)
        .where(
            CollectionItem.partner_id == tenant.partner_id,
            CollectionItem.receipt_id == receipt_id,
            CollectionItem.state == COLLECTED,
            CollectionItem.amount <= gone,
        )
        .values(state=RETURNED, return_reason=reversals[-1].reason if reversals else "")
    )


def own_lines(session: Session, tenant: Tenant, *, lines: Sequence[BankLine]) -> dict[str, set[str]]:
    """Line id -> whose money it may move, of the lines that may be of our own orders; five queries.

    Nothing is locked.
    """
    orders = _open_orders(session, tenant)
    named = {line.id: order.id for line in lines if (order := _order_of(line, orders)) is not None}
    items = session.execute(
        scoped(CollectionItem, tenant)
        .where(
            sa.or_(
                among(CollectionItem.collection_id, named.values()),
                among(CollectionItem.end_to_end_id, {line.end_to_end_id for line in lines}),
            )
        )
        .with_only_columns(
            CollectionItem.collection_id, CollectionItem.end_to_end_id, CollectionItem.client_id
        )
    )
    clients: dict[str, set[str]] = defaultdict(set)  # by order, and by end-to-end reference
    for collection_id, end_to_end_id, client_id in items:
        clients[collection_id].add(client_id)
        clients[end_to_end_id].add(client_id)
    found = own_transfers(session, tenant, lines=lines)
    for line in lines:
        theirs = clients.get(named.get(line.id, line.end_to_end_id))
        if theirs is not None:
            found[line.id] = found.get(line.id, set()) | theirs
    return found


def book_own(session: Session, tenant: Tenant, *, lines: Sequence[BankLine], at: datetime) -> int:
    """Book of these lines what our own orders brought in or back; how many. What is refused stays open.

    Whoever books several has locked the clients of `own_lines` before.
    """
    orders = _open_orders(session, tenant)
    booked = 0
    for line in lines:
        order = _order_of(line, orders)
        try:
            with session.begin_nested():
                if order is not None:
                    settle(session, tenant, line_id=line.id, collection_id=order.id, at=at)
                    orders.remove(order)
                    done = True
                else:
                    done = book_item_return(session, tenant, line=line, at=at) is not None
                    done = done or book_transfer(session, tenant, line=line, at=at)
        except HaasError:
            continue
        booked += done
    return booked


@dataclass(frozen=True, slots=True)
class _OpenOrder:
    """An order of which the bank has not told yet."""

    id: str
    number: str
    ordered: Decimal


def _open_orders(session: Session, tenant: Tenant) -> list[_OpenOrder]:
    """Every order with what is ordered of it and not collected; one query for a whole statement."""
    rows = session.execute(
        scoped(Collection, tenant)
        .join(
            CollectionItem,
            sa.and_(
                CollectionItem.partner_id == Collection.partner_id,
                CollectionItem.collection_id == Collection.id,
            ),
        )
        .where(CollectionItem.state == ORDERED)
        .group_by(Collection.partner_id, Collection.id)
        .with_only_columns(Collection.id, Collection.number, sa.func.sum(CollectionItem.amount))
    )
    return [_OpenOrder(*row) for row in rows]


def _order_of(line: BankLine, orders: Sequence[_OpenOrder]) -> _OpenOrder | None:
    """The order that a credit is the sum of: named by the bank, and to the cent what is ordered of it."""
    named = [order for order in orders if order.ordered == line.amount and order.number in line.told]
    return named[0] if len(named) == 1 else None

"""Purchase orders: put on file, changed, closed, named on a lease; what is billed under them is counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from haas.errors import Conflict, InvalidInput, NotFound
from haas.ids import new_id
from haas.money import round_minor
from haas.tenancy.models import Client
from haas.tenancy.scope import Tenant, scoped
from invoicing.bulk import among
from invoicing.purchase_orders.limits import OrderTerms
from invoicing.purchase_orders.models import PurchaseOrder
from leases.queries import lock_lease


class OrderNumberTaken(Conflict):
    """The client has another order with this number."""

    code = "order_number_taken"


def list_orders(
    tenant: Tenant, *, client_id: str | None = None, number_prefix: str | None = None
) -> sa.Select[PurchaseOrder]:
    """Orders of the partner's clients, or of one."""
    statement = scoped(PurchaseOrder, tenant)
    if client_id is not None:
        statement = statement.where(PurchaseOrder.client_id == client_id)
    if number_prefix:
        statement = statement.where(PurchaseOrder.number.startswith(number_prefix, autoescape=True))
    return statement


def get_order(session: Session, tenant: Tenant, *, order_id: str, lock: bool = False) -> PurchaseOrder:
    """One order.

    :raises NotFound: if this tenant has no such order.
    """
    statement = scoped(PurchaseOrder, tenant).where(PurchaseOrder.id == order_id)
    if lock:
        # Runs count what was billed behind the session's back.
        statement = statement.with_for_update().execution_options(populate_existing=True)
    order = session.scalar(statement)
    if order is None:
        raise NotFound("There is no such purchase order.")
    return order


def add_order(
    session: Session,
    tenant: Tenant,
    *,
    client_id: str,
    number: str,
    at: datetime,
    description: str = "",
    valid_from: date | None = None,
    valid_until: date | None = None,
    amount_limit: Decimal | None = None,
) -> PurchaseOrder:
    """Put a client's order on file, in the client's currency. `valid_until` is exclusive, the limit net.

    :raises OrderNumberTaken: if the client has one of this number.
    """
    client = session.scalar(scoped(Client, tenant).where(Client.id == client_id))
    if client is None:
        raise NotFound(f"There is no client {client_id}.")
    _check_dates(valid_from, valid_until)
    _check_limit(amount_limit, currency=client.currency)
    order = PurchaseOrder(
        partner_id=tenant.partner_id,
        id=new_id("por"),
        client_id=client.id,
        number=_checked_number(number),
        description=description.strip(),
        currency=client.currency,
        valid_from=valid_from,
        valid_until=valid_until,
        amount_limit=amount_limit,
        billed_total=Decimal(0),
        created_at=at,
    )
    try:
        with session.begin_nested():
            session.add(order)
            session.flush()
    except IntegrityError as twice:
        raise OrderNumberTaken(f"{client.name} has an order {number} already.", field="number") from twice
    return order


def change_order(
    session: Session,
    tenant: Tenant,
    *,
    order_id: str,
    description: str,
    valid_from: date | None,
    valid_until: date | None,
    amount_limit: Decimal | None,
) -> PurchaseOrder:
    """Change dates and limit of an order; its number stays, because papers name it.

    :raises InvalidInput: if more was billed under it than the new limit allows.
    """
    order = get_order(session, tenant, order_id=order_id, lock=True)
    _check_dates(valid_from, valid_until)
    _check_limit(amount_limit, currency=order.currency, billed=order.billed_total)
    order.description, order.amount_limit = description.strip(), amount_limit
    order.valid_from, order.valid_until = valid_from, valid_until
    session.flush()
    return order


def close_order(session: Session, tenant: Tenant, *, order_id: str, at: datetime) -> PurchaseOrder:
    """Bill nothing more under it; what names it waits and is told of in each run."""
    order = get_order(session, tenant, order_id=order_id, lock=True)
    order.closed_at = order.closed_at or at
    session.flush()
    return order


def reopen_order(session: Session, tenant: Tenant, *, order_id: str) -> PurchaseOrder:
    """Let it be billed under again."""
    order = get_order(session, tenant, order_id=order_id, lock=True)
    order.closed_at = None
    session.flush()
    return order


def check_order(session: Session, tenant: Tenant, *, order_id: str, client_id: str) -> PurchaseOrder:
    """The order, if it is this client's and open.

    :raises InvalidInput: if it is another's, or closed.
    """
    order = session.scalar(
        scoped(PurchaseOrder, tenant).where(
            PurchaseOrder.id == order_id, PurchaseOrder.client_id == client_id
        )
    )
    if order is None:
        raise InvalidInput("Choose an order of this client.", field="purchase_order_id")
    if order.closed_at is not None:
        raise InvalidInput(f"Order {order.number} is closed.", field="purchase_order_id")
    return order


def name_on_lease(session: Session, tenant: Tenant, *, lease_id: str, order_id: str | None) -> None:
    """Bill a lease under an order of its client from the next run on; none: under none."""
    lease = lock_lease(session, tenant, lease_id)
    if order_id is not None:
        check_order(session, tenant, order_id=order_id, client_id=lease.client_id)
    lease.purchase_order_id = order_id
    session.flush()


def terms_of_orders(session: Session, tenant: Tenant, *, order_ids: Iterable[str]) -> dict[str, OrderTerms]:
    """What counts of these orders, by id; one query, none without ids."""
    wanted = set(order_ids)
    if not wanted:
        return {}
    rows = session.scalars(
        scoped(PurchaseOrder, tenant)
        .where(among(PurchaseOrder.id, wanted))
        .execution_options(populate_existing=True)
    )
    return {
        row.id: OrderTerms(
            number=row.number,
            currency=row.currency,
            valid_from=row.valid_from,
            valid_until=row.valid_until,
            amount_limit=row.amount_limit,
            billed_total=row.billed_total,
            is_closed=row.closed_at is not None,
        )
        for row in rows
    }


def count_billed(session: Session, tenant: Tenant, *, amounts: Mapping[str, Decimal]) -> None:
    """Add what papers came to under each order, net and signed; the rows in the order of their ids.

    The database refuses what would overrun a limit, whoever asked first.
    """
    changes = sorted((order_id, amount) for order_id, amount in amounts.items() if amount)
    if not changes:
        return
    given = sa.values(
        sa.column("order_id", sa.Text), sa.column("amount", sa.Numeric(15, 3)), name="given"
    ).data(changes)
    session.execute(
        sa.update(PurchaseOrder)
        .where(PurchaseOrder.partner_id == tenant.partner_id, PurchaseOrder.id == given.c.order_id)
        .values(billed_total=PurchaseOrder.billed_total + given.c.amount)
        .execution_options(synchronize_session=False)
    )


def _checked_number(number: str) -> str:
    number = number.strip()
    if not number or len(number) > 60:
        raise InvalidInput("Write the order's number, in at most 60 letters.", field="number")
    return number


def _check_dates(valid_from: date | None, valid_until: date | None) -> None:
    if valid_from and valid_until and valid_from >= valid_until:
        raise InvalidInput("The last day lies before the first.", field="valid_until")


def _check_limit(limit: Decimal | None, *, currency: str, billed: Decimal = Decimal(0)) -> None:
    if limit is None:
        return
    if limit <= 0 or limit != round_minor(limit, currency):
        raise InvalidInput(f"The limit is a sum of {currency} above 0.", field="amount_limit")
    if limit < billed:
        raise InvalidInput(f"{billed:.2f} {currency} were billed under it already.", field="amount_limit")

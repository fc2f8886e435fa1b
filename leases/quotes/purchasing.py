"""The list of what is to be bought: ordered, received, reserved for the lease that needs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from devices.models import HardwareModel
from haas.errors import NotFound
from haas.tenancy.models import Client
from haas.tenancy.scope import Tenant, scoped
from leases.models import Lease
from leases.queries import get_lease
from leases.quotes import staging
from leases.quotes.lifecycle import NEED_LIFECYCLE, NeedState
from leases.quotes.models import PurchaseNeed

CSV_HEAD = (
    "state",
    "needed_by",
    "manufacturer",
    "model",
    "sku",
    "quantity",
    "lease",
    "client",
    "reference",
    "created_at",
    "ordered_at",
    "closed_at",
)


@dataclass(frozen=True, slots=True)
class Need:
    """A need with the names that a buyer reads."""

    row: PurchaseNeed
    manufacturer: str
    model: str
    sku: str
    lease_number: str
    client_name: str


def list_needs(
    tenant: Tenant, *, states: Sequence[str] = (), model_id: str | None = None, lease_id: str | None = None
) -> sa.Select[PurchaseNeed]:
    """Needs, to be paged by the caller."""
    statement = scoped(PurchaseNeed, tenant)
    if states:
        statement = statement.where(PurchaseNeed.state.in_(states))
    if model_id:
        statement = statement.where(PurchaseNeed.model_id == model_id)
    if lease_id:
        statement = statement.where(PurchaseNeed.lease_id == lease_id)
    return statement


def count_needs(session: Session, tenant: Tenant) -> dict[str, int]:
    """How many needs are in each state."""
    counted = session.execute(
        scoped(PurchaseNeed, tenant)
        .with_only_columns(PurchaseNeed.state, sa.func.count())
        .group_by(PurchaseNeed.state)
    )
    return {state: count for state, count in counted}  # noqa: C416 - rows, not pairs


def with_names(session: Session, tenant: Tenant, rows: Sequence[PurchaseNeed]) -> list[Need]:
    """The needs with models, leases and clients; two queries whatever their number."""
    models = {
        model.id: model
        for model in session.scalars(
            scoped(HardwareModel, tenant).where(HardwareModel.id.in_({row.model_id for row in rows}))
        )
    }
    leases = {
        row[0]: (row[1], row[2])
        for row in session.execute(
            sa.select(Lease.id, Lease.number, Client.name)
            .join(Client, sa.and_(Client.partner_id == Lease.partner_id, Client.id == Lease.client_id))
            .where(Lease.partner_id == tenant.partner_id, Lease.id.in_({row.lease_id for row in rows}))
        )
    }
    return [
        Need(
            row,
            models[row.model_id].manufacturer,
            models[row.model_id].name,
            models[row.model_id].sku,
            *leases[row.lease_id],
        )
        for row in rows
    ]


def get_need(session: Session, tenant: Tenant, *, need_id: str, lock: bool = False) -> PurchaseNeed:
    """The need.

    :raises NotFound: if this tenant has none by that id.
    """
    statement = scoped(PurchaseNeed, tenant).where(PurchaseNeed.id == need_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    need = session.scalar(statement)
    if need is None:
        raise NotFound(f"There is no purchase need {need_id}.")
    return need


def order(session: Session, tenant: Tenant, *, need_id: str, reference: str, at: datetime) -> PurchaseNeed:
    """It was ordered, under the number of the purchase order."""
    need = get_need(session, tenant, need_id=need_id, lock=True)
    need.state = NEED_LIFECYCLE.after(NeedState(need.state), "order")
    need.reference = reference.strip()
    need.ordered_at = at
    session.flush()
    return need


def cancel(session: Session, tenant: Tenant, *, need_id: str, at: datetime) -> PurchaseNeed:
    """Nothing is to be bought for it after all."""
    need = get_need(session, tenant, need_id=need_id, lock=True)
    need.state = NEED_LIFECYCLE.after(NeedState(need.state), "cancel")
    need.closed_at = at
    session.flush()
    return need


def reserve(session: Session, tenant: Tenant, *, need_id: str, at: datetime) -> int:
    """Reserve for its lease what is ready on the shelf; answers how many."""
    need = get_need(session, tenant, need_id=need_id)
    lease = get_lease(session, tenant, lease_id=need.lease_id)
    models = {line.model_id for line in lease.lines}  # before the lock reads the lease anew, without lines
    reserved = staging.reserve_free(session, tenant, lease=lease, at=at)
    staging.recount(session, tenant, model_ids=models, at=at)
    return reserved


def csv_rows(needs: Sequence[Need]) -> list[list[str | int | date | datetime | None]]:
    """The needs as a buyer's table."""
    return [
        [
            need.row.state,
            need.row.needed_by,
            need.manufacturer,
            need.model,
            need.sku,
            need.row.quantity,
            need.lease_number,
            need.client_name,
            need.row.reference,
            need.row.created_at,
            need.row.ordered_at,
            need.row.closed_at,
        ]
        for need in needs
    ]

"""What is spent on an asset after it was bought: an expense, or by the partner's rule more of its cost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from devices.lifecycle import AssetState
from devices.models import AssetMove
from devices.queries import get_asset
from haas import clock, outbox
from haas.errors import InvalidInput
from haas.ids import new_id
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant, scoped
from leases.book_events import add_event, checked_event
from leases.book_models import COST_KINDS, AssetCost
from leases.book_policies import repair_policy
from leases.book_records import records_of
from leases.depreciation import Method
from leases.depreciation.events import EventKind

RULE, PERSON = "rule", "person"


def record_cost(
    session: Session,
    tenant: Tenant,
    *,
    asset_id: str,
    kind: str,
    amount: Decimal,
    incurred_on: date,
    warranty_recovered: Decimal = Decimal(0),
    supplier: str = "",
    reference: str = "",
    notes: str = "",
    capitalise: bool | None = None,
    extra_months: int = 0,
    idempotency_key: str | None = None,
) -> AssetCost:
    """Keep a cost, in the asset's currency. Unless a person decides, the rule says whether it is capitalised.

    What is capitalised adds to the cost in every open book that is not kept by MACRS (where an improvement
    is property of its own, IRC 168(i)(6)), less what the warranty has paid. Sent twice with one key, it is
    kept once.

    :raises InvalidInput: for an amount that is nothing, or of which the warranty paid more.
    """
    if kind not in COST_KINDS:
        raise InvalidInput(f"Choose one of {', '.join(COST_KINDS)}.", field="kind")
    asset = get_asset(session, tenant, asset_id=asset_id)
    if idempotency_key is not None:
        found = session.scalar(scoped(AssetCost, tenant).where(AssetCost.idempotency_key == idempotency_key))
        if found is not None:
            return found
    if amount <= 0:
        raise InvalidInput("An amount is more than nothing.", field="amount")
    if warranty_recovered > amount:
        raise InvalidInput("A warranty pays at most the amount.", field="warranty_recovered")
    net = amount - warranty_recovered
    by_rule = repair_policy(session.get_one(Partner, tenant.partner_id)).capitalises(kind=kind, net=net)
    is_capitalised = by_rule if capitalise is None else capitalise
    if is_capitalised and net <= 0:
        raise InvalidInput("The warranty has paid it all: nothing is left to capitalise.", field="capitalise")
    cost = AssetCost(
        partner_id=tenant.partner_id,
        id=new_id("cst"),
        asset_id=asset.id,
        kind=kind,
        amount=amount,
        warranty_recovered=warranty_recovered,
        currency=asset.currency,
        incurred_on=incurred_on,
        supplier=supplier.strip(),
        reference=reference.strip(),
        notes=notes.strip(),
        capitalised=is_capitalised,
        decided_by=RULE if capitalise is None else PERSON,
        extra_months=extra_months if is_capitalised else 0,
        idempotency_key=idempotency_key,
        actor=tenant.actor,
        created_at=clock.now(),
    )
    session.add(cost)
    session.flush()
    if is_capitalised:
        _capitalise(session, tenant, cost=cost, net=net)
    outbox.publish(session, tenant, "asset.cost_recorded", asset_id=asset.id, cost_id=cost.id)
    return cost


def costs_of(session: Session, tenant: Tenant, *, asset_id: str) -> Sequence[AssetCost]:
    """All that was spent on it, the newest first."""
    return session.scalars(
        scoped(AssetCost, tenant)
        .where(AssetCost.asset_id == asset_id)
        .order_by(AssetCost.incurred_on.desc(), AssetCost.id.desc())
    ).all()


def repairs_of(session: Session, tenant: Tenant, *, asset_id: str) -> Sequence[AssetMove]:
    """When it was sent to repair, the newest first: what a cost may be of."""
    return session.scalars(
        scoped(AssetMove, tenant)
        .where(AssetMove.asset_id == asset_id, AssetMove.to_state == AssetState.IN_REPAIR)
        .order_by(sa.desc(AssetMove.position))
    ).all()


def _capitalise(session: Session, tenant: Tenant, *, cost: AssetCost, net: Decimal) -> None:
    """Into the books that are open; one that opens later begins with it."""
    for record in records_of(session, tenant, asset_ids=[cost.asset_id], lock=True):
        book = record.book
        if book.disposed_on is not None or book.method == Method.MACRS:
            continue
        event = checked_event(
            record,
            kind=EventKind.CAPITALISE,
            effective_on=max(cost.incurred_on, book.opened_on or book.in_service_on),
            figures={"amount": net, "extra_months": cost.extra_months, "cost_id": cost.id},
        )
        add_event(session, tenant, record=record, event=event, reason=cost.reference or cost.notes)

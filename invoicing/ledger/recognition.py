"""Which lines are finance leases by the partner's framework, and what takes their assets' place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from devices.models import Asset, HardwareModel
from haas.calendar import local_day
from haas.ids import new_id
from haas.money import round_minor
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant
from invoicing.ledger.chart import month_of
from invoicing.ledger.effective import NOTHING, Flows, recognise
from invoicing.ledger.models import FinanceLeaseLine
from invoicing.ledger.net_rents import IncludedTax, load_included_tax
from leases.book_models import DepreciationPlan
from leases.classification_models import LeaseClassification
from leases.classifying import place_of
from leases.contract import terms_of
from leases.finance.classification import Framework, LeaseClass
from leases.finance.numbers import NoRate
from leases.models import Agreement, Assignment, DepreciationBook, Lease, Line
from leases.schedule import RentKind, rent_schedule
from leases.terms import Component, LineKind

_Stay = tuple[Assignment, Asset, HardwareModel]


@dataclass(frozen=True, slots=True)
class Carried:
    """An asset in the financial book: gross cost, and what is written off, at the end of the month before."""

    cost: Decimal
    accumulated: Decimal

    @property
    def amount(self) -> Decimal:
        """What it is carried at."""
        return self.cost - self.accumulated


def carried(plan: DepreciationPlan, *, on: date) -> Carried:
    """How an asset is carried on a day. The month of that day bears no charge yet."""
    moved = [move for move in plan.movements if date.fromisoformat(move["on"]) <= on]
    cost = sum((Decimal(move["cost"]) for move in moved), NOTHING)
    opened = sum((Decimal(move["accumulated"]) - Decimal(move["adjustment"]) for move in moved), NOTHING)
    first, month = plan.first_month, month_of(on)
    months = (month.year - first.year) * 12 + month.month - first.month
    at = min(months, len(plan.totals))
    charged = Decimal(plan.totals[at - 1]).scaleb(-plan.places) if at > 0 else NOTHING
    return Carried(cost, opened + charged)


def plans_of(session: Session, tenant: Tenant, *, asset_ids: Iterable[str]) -> dict[str, DepreciationPlan]:
    """The plan of each asset's financial book; one query."""
    rows = session.execute(
        sa.select(DepreciationBook.asset_id, DepreciationPlan)
        .join(
            DepreciationPlan,
            sa.and_(
                DepreciationPlan.partner_id == DepreciationBook.partner_id,
                DepreciationPlan.book_id == DepreciationBook.id,
            ),
        )
        .where(
            DepreciationBook.partner_id == tenant.partner_id,
            DepreciationBook.name == "book",
            DepreciationBook.asset_id.in_(set(asset_ids)),
        )
    )
    return {row[0]: row[1] for row in rows}


def recognise_lines(session: Session, tenant: Tenant, *, until: date, at: datetime) -> None:
    """Keep how every finance lease's line that began before `until` comes into the books.

    A line is recognised on the first day of the base term, or of its own rent if that is later, or when a
    modification made the lease one. What is recognised stays, whatever the lease is called later. A line
    without an asset of its own, or whose asset was bought in another currency, stays operating.
    """
    framework = Framework.of_policies(session.get_one(Partner, tenant.partner_id).policies)
    found = session.execute(_candidates(tenant, framework=framework, until=until)).all()
    if not found:
        return
    standing = _standing(session, tenant, line_ids=[row[0].id for row in found])
    plans = plans_of(
        session, tenant, asset_ids=[stay.asset_id for stays in standing.values() for stay, _, _ in stays]
    )
    included = load_included_tax(
        session, tenant, leases=[row[1] for row in found], line_ids=[row[0].id for row in found]
    )
    rows = []
    for line, lease, agreement, lease_class, as_of in found:
        on = _recognised_on(lease, line, as_of)
        there = _there(standing.get(line.id, ()), lease=lease, on=on)
        if there is None or on >= until:
            continue
        asset, model = there
        if asset.id not in plans or asset.currency != lease.currency:
            continue
        if line.ends_on is not None and line.ends_on <= on:
            continue
        row = _row(
            line,
            lease,
            agreement,
            asset=asset,
            model=model,
            standing=carried(plans[asset.id], on=on),
            lease_class=LeaseClass(lease_class),
            on=on,
            included=included,
        )
        if row is not None:
            rows.append(
                {
                    **row,
                    "partner_id": tenant.partner_id,
                    "id": new_id("fll"),
                    "framework": framework.value,
                    "created_at": at,
                }
            )
    if rows:
        # Two runs at once: the second finds the lines of the first.
        session.execute(
            insert(FinanceLeaseLine)
            .values(rows)
            .on_conflict_do_nothing(index_elements=["partner_id", "line_id"])
        )


def _candidates(tenant: Tenant, *, framework: Framework, until: date) -> sa.Select[Any]:
    """Lines not recognised yet with their lease and its agreement, the class that holds, and since when.

    That is the day since which the lease is no operating one.
    """
    known = sa.exists().where(
        FinanceLeaseLine.partner_id == Line.partner_id, FinanceLeaseLine.line_id == Line.id
    )
    later, operating, since = (sa.orm.aliased(LeaseClassification) for _ in range(3))
    is_last = ~sa.exists().where(*_same_lease(later), later.position > LeaseClassification.position)
    last_operating = (
        sa.select(sa.func.max(operating.position))
        .where(*_same_lease(operating), operating.result == LeaseClass.OPERATING)
        .scalar_subquery()
    )
    as_of = (
        sa.select(sa.func.min(since.inputs["as_of"].astext))
        .where(*_same_lease(since), since.position > sa.func.coalesce(last_operating, -1))
        .scalar_subquery()
    )
    return (
        sa.select(Line, Lease, Agreement, LeaseClassification.result, as_of)
        .join(
            LeaseClassification,
            sa.and_(
                LeaseClassification.partner_id == Line.partner_id,
                LeaseClassification.lease_id == Line.lease_id,
            ),
        )
        .join(Lease, sa.and_(Lease.partner_id == Line.partner_id, Lease.id == Line.lease_id))
        .join(
            Agreement, sa.and_(Agreement.partner_id == Lease.partner_id, Agreement.id == Lease.agreement_id)
        )
        .where(
            Line.partner_id == tenant.partner_id,
            Line.kind == LineKind.ASSET,
            Line.component == Component.HARDWARE,
            Line.starts_on < until,
            Lease.commences_on < until,
            Lease.ends_on.is_not(None),
            LeaseClassification.framework == framework,
            LeaseClassification.result != LeaseClass.OPERATING,
            is_last,
            ~known,
        )
        .order_by(Line.id)
    )


def _same_lease(other: type[LeaseClassification]) -> list[sa.ColumnElement[bool]]:
    return [
        other.partner_id == LeaseClassification.partner_id,
        other.lease_id == LeaseClassification.lease_id,
        other.framework == LeaseClassification.framework,
    ]


def _recognised_on(lease: Lease, line: Line, as_of: str | None) -> date:
    days = [day for day in (lease.commences_on, line.starts_on) if day is not None]
    if as_of is not None:
        days.append(date.fromisoformat(as_of))
    return max(days)


def _standing(session: Session, tenant: Tenant, *, line_ids: Sequence[str]) -> dict[str, list[_Stay]]:
    found: dict[str, list[_Stay]] = {}
    for assignment, asset, model in session.execute(
        sa.select(Assignment, Asset, HardwareModel)
        .join(Asset, sa.and_(Asset.partner_id == Assignment.partner_id, Asset.id == Assignment.asset_id))
        .join(
            HardwareModel,
            sa.and_(HardwareModel.partner_id == Asset.partner_id, HardwareModel.id == Asset.model_id),
        )
        .where(Assignment.partner_id == tenant.partner_id, Assignment.line_id.in_(line_ids))
        .order_by(sa.func.lower(Assignment.during), Assignment.id)
    ):
        found.setdefault(assignment.line_id, []).append((assignment, asset, model))
    return found


def _there(stays: Iterable[_Stay], *, lease: Lease, on: date) -> tuple[Asset, HardwareModel] | None:
    """Who stands on a line on a day; the day of a swap belongs to the incoming asset."""
    there = None
    for assignment, asset, model in stays:
        began, ended = assignment.during.lower, assignment.during.upper
        if began is None or local_day(began, lease.time_zone) > on:
            continue
        if ended is None or local_day(ended, lease.time_zone) > on:
            there = asset, model
    return there


def _row(
    line: Line,
    lease: Lease,
    agreement: Agreement,
    *,
    asset: Asset,
    model: HardwareModel,
    standing: Carried,
    lease_class: LeaseClass,
    on: date,
    included: IncludedTax,
) -> dict[str, Any] | None:
    if lease.ends_on is None or lease.ends_on <= on:
        return None
    months = max((lease.ends_on.year - on.year) * 12 + lease.ends_on.month - on.month, 1)
    place = place_of(line, model, asset, term_months=months, on=on)
    schedule = included.taken_out(
        lease, line, rent_schedule(terms_of(lease, line, agreement), line.starts_on, None)
    )
    fair_value = round_minor(place.fair_value, lease.currency)
    residual = round_minor(place.residual, lease.currency)
    guaranteed = min(round_minor(place.guaranteed + place.third_party, lease.currency), residual)
    flows = Flows(
        since=on,
        ends_on=lease.ends_on,
        rents=[
            (rent.due_on, rent.amount)
            for rent in schedule
            if rent.kind is RentKind.RENT and rent.period_start >= on and rent.amount
        ],
        guaranteed=guaranteed,
        unguaranteed=residual - guaranteed,
        currency=lease.currency,
        day_count=lease.day_count,
    )
    try:
        told = recognise(
            flows,
            lease_class=lease_class,
            fair_value=fair_value,
            carrying_amount=standing.amount,
        )
    except NoRate:  # nothing comes back: an asset given away is no lease
        return None
    return {
        "lease_id": lease.id,
        "line_id": line.id,
        "asset_id": asset.id,
        "lease_class": lease_class.value,
        "recognised_on": on,
        "ends_on": lease.ends_on,
        "currency": lease.currency,
        "day_count": lease.day_count,
        "annual_rate": told.annual_rate,
        "fair_value": fair_value,
        "cost": standing.cost,
        "accumulated": standing.accumulated,
        "receivable": told.investment.lease_receivable,
        "residual": told.investment.unguaranteed_residual,
        "guaranteed": flows.guaranteed,
        "unguaranteed": flows.unguaranteed,
        "revenue": told.revenue,
        "cost_of_goods": told.cost_of_goods,
        "profit": told.profit,
        "rents": [[due_on.isoformat(), str(amount)] for due_on, amount in flows.rents],
    }

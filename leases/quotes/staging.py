"""What an accepted lease needs: reserve what is on the shelf, and keep count of what must be bought."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from devices.lifecycle import AssetState
from devices.models import Asset
from haas.errors import Conflict, NotFound
from haas.ids import new_id
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant, scoped
from leases import handover
from leases.contract_policies import lead_days_of
from leases.lifecycle import BILLABLE
from leases.models import Assignment, Lease, Line
from leases.queries import get_lease
from leases.quotes.lifecycle import NEED_LIFECYCLE, WAITING, NeedState
from leases.quotes.models import PurchaseNeed, Quote
from leases.quotes.needs import Lacking, Standing, judge

# On the shelf, or a step of our own away from it: nothing of this has to be bought any more.
IN_STOCK = (AssetState.RECEIVED, AssetState.STAGING, AssetState.READY)
_SPARE_TRIES = 5  # so many more than needed are looked at: rivals take some


def stage(session: Session, tenant: Tenant, *, quote_id: str, at: datetime) -> int:
    """Reserve what is free for the quote's lease and note what must be bought. Twice does nothing more.

    Answers how many devices were reserved.
    """
    quote = session.scalar(scoped(Quote, tenant).where(Quote.id == quote_id))
    if quote is None or quote.lease_id is None:
        raise NotFound(f"There is no accepted quote {quote_id}.")
    lease = get_lease(session, tenant, lease_id=quote.lease_id)
    reserved = reserve_free(session, tenant, lease=lease, at=at)
    by = quote.deliver_by or _usual_delivery(session, tenant, lease)
    note_needs(session, tenant, lease=lease, needed_by=by, at=at)
    return reserved


def reserve_free(session: Session, tenant: Tenant, *, lease: Lease, at: datetime) -> int:
    """Reserve for the empty places of a lease what is ready on the shelf, the oldest in stock first."""
    empty = empty_places(session, tenant, lease_id=lease.id)
    wanted = Counter(line.model_id for line in empty if line.model_id)
    shelf = _shelf(session, tenant, wanted=wanted, client_id=lease.client_id)
    reserved = 0
    for line in empty:
        candidates = shelf.get(line.model_id or "", [])
        while candidates:
            asset_id = candidates.pop(0)
            try:
                with session.begin_nested():
                    handover.reserve(
                        session, tenant, lease_id=lease.id, line_id=line.id, asset_id=asset_id, at=at
                    )
            except Conflict:
                continue  # a rival took it, or it was moved meanwhile
            reserved += 1
            break
    return reserved


def note_needs(session: Session, tenant: Tenant, *, lease: Lease, needed_by: date, at: datetime) -> None:
    """One need for each model of which places are still empty; what was noted before is only counted anew."""
    lacking = Counter(
        line.model_id for line in empty_places(session, tenant, lease_id=lease.id) if line.model_id
    )
    known = set(
        session.scalars(
            scoped(PurchaseNeed, tenant)
            .where(PurchaseNeed.lease_id == lease.id)
            .with_only_columns(PurchaseNeed.model_id)
        )
    )
    session.add_all(
        PurchaseNeed(
            partner_id=tenant.partner_id,
            id=new_id("pnd"),
            lease_id=lease.id,
            model_id=model_id,
            quantity=count,
            needed_by=needed_by,
            created_at=at,
        )
        for model_id, count in sorted(lacking.items())
        if model_id not in known
    )
    session.flush()
    recount(session, tenant, model_ids=[*lacking, *known], at=at)


def recount(session: Session, tenant: Tenant, *, model_ids: Iterable[str | None], at: datetime) -> int:
    """Bring the needs of these models to what places and shelf say now; answers how many changed.

    A fixed number of reads whatever the number of needs.
    """
    models = sorted({model_id for model_id in model_ids if model_id})
    if not models:
        return 0
    needs = session.scalars(
        scoped(PurchaseNeed, tenant)
        .where(PurchaseNeed.model_id.in_(models), PurchaseNeed.state != NeedState.CANCELLED)
        .order_by(PurchaseNeed.needed_by, PurchaseNeed.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    lacking = _lacking_places(session, tenant, lease_ids={need.lease_id for need in needs}, models=models)
    standing = judge(
        [Lacking(need.id, need.model_id, lacking.get((need.lease_id, need.model_id), 0)) for need in needs],
        free=_free_stock(session, tenant, models=models),
    )
    return sum(_settle(need, standing[need.id], at=at) for need in needs)


def recount_waiting(session: Session, tenant: Tenant, *, at: datetime) -> int:
    """Every need that is not closed for good, counted anew."""
    models = session.scalars(
        scoped(PurchaseNeed, tenant)
        .where(
            PurchaseNeed.state.in_([*WAITING, NeedState.RECEIVED]),
            # A lease that has all it needs asks for nothing again.
            sa.exists().where(
                Line.partner_id == PurchaseNeed.partner_id,
                Line.lease_id == PurchaseNeed.lease_id,
                Line.model_id == PurchaseNeed.model_id,
                Line.kind == "asset",
                Line.starts_on.is_(None),
            ),
        )
        .with_only_columns(PurchaseNeed.model_id)
        .distinct()
    ).all()
    return recount(session, tenant, model_ids=models, at=at)


def empty_places(session: Session, tenant: Tenant, *, lease_id: str) -> Sequence[Line]:
    """The asset lines of a lease that nothing stands on and that nothing is reserved for."""
    return session.scalars(
        scoped(Line, tenant).where(Line.lease_id == lease_id, *_is_empty()).order_by(Line.id)
    ).all()


def _is_empty() -> tuple[sa.ColumnElement[bool], ...]:
    return (
        Line.kind == "asset",
        Line.ends_on.is_(None),
        ~sa.exists().where(
            Assignment.partner_id == Line.partner_id,
            Assignment.line_id == Line.id,
            sa.func.upper_inf(Assignment.during),
        ),
    )


def _shelf(
    session: Session, tenant: Tenant, *, wanted: Mapping[str, int], client_id: str
) -> dict[str, list[str]]:
    """What is ready of these models and holds no other client's data, as many as could be needed."""
    if not wanted:
        return {}
    since = sa.func.coalesce(Asset.purchased_on, sa.cast(Asset.created_at, sa.Date))
    ranked = (
        scoped(Asset, tenant)
        .where(
            Asset.state == AssetState.READY,
            Asset.model_id.in_(list(wanted)),
            sa.or_(Asset.holds_data_of_client_id.is_(None), Asset.holds_data_of_client_id == client_id),
        )
        .with_only_columns(
            Asset.id,
            Asset.model_id,
            sa.func.row_number().over(partition_by=Asset.model_id, order_by=(since, Asset.id)).label("place"),
        )
        .subquery()
    )
    found: dict[str, list[str]] = defaultdict(list)
    for row in session.execute(
        sa.select(ranked)
        .where(ranked.c.place <= max(wanted.values()) + _SPARE_TRIES)
        .order_by(ranked.c.place)
    ):
        found[row.model_id].append(row.id)
    return found


def _lacking_places(
    session: Session, tenant: Tenant, *, lease_ids: set[str], models: Sequence[str]
) -> dict[tuple[str, str], int]:
    """(lease, model) -> how many places are empty; leases that are over lack nothing."""
    rows = session.execute(
        scoped(Line, tenant)
        .join(Lease, sa.and_(Lease.partner_id == Line.partner_id, Lease.id == Line.lease_id))
        .where(
            Line.lease_id.in_(lease_ids),
            Line.model_id.in_(models),
            Lease.state.in_(BILLABLE),
            *_is_empty(),
        )
        .with_only_columns(Line.lease_id, Line.model_id, sa.func.count())
        .group_by(Line.lease_id, Line.model_id)
    )
    return {(row[0], row[1] or ""): row[2] for row in rows}


def _free_stock(session: Session, tenant: Tenant, *, models: Sequence[str]) -> dict[str, int]:
    rows = session.execute(
        scoped(Asset, tenant)
        .where(Asset.model_id.in_(models), Asset.state.in_(IN_STOCK))
        .with_only_columns(Asset.model_id, sa.func.count())
        .group_by(Asset.model_id)
    )
    return {row[0]: row[1] for row in rows}


def _settle(need: PurchaseNeed, standing: Standing, *, at: datetime) -> bool:
    before = (need.state, need.quantity)
    if standing.lacking:
        need.quantity = standing.lacking
    is_waiting = need.state in WAITING
    if standing.is_covered and is_waiting:
        need.state = NEED_LIFECYCLE.after(NeedState(need.state), "receive")
        need.closed_at = at
    elif not standing.is_covered and not is_waiting:
        need.state = NEED_LIFECYCLE.after(NeedState(need.state), "reopen")
        need.closed_at = None
    return before != (need.state, need.quantity)


def _usual_delivery(session: Session, tenant: Tenant, lease: Lease) -> date:
    partner = session.get_one(Partner, tenant.partner_id)
    accepted_on = lease.accepted_on or lease.created_at.date()
    return accepted_on + timedelta(days=lead_days_of(partner))

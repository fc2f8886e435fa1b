"""Reads of swap proposals: with the spare that would come now, or what is missing for one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from devices.lifecycle import AssetState
from devices.models import Asset, HardwareModel
from haas.errors import NotFound
from haas.tenancy.scope import Tenant, scoped
from leases.models import Line
from leases.proposal_models import SwapProposal
from leases.queries import assets_by_id
from leases.spares import Spare, best_spare, fits

OPEN = "open"
STATES = (OPEN, "accepted", "dismissed", "withdrawn")
# Not on the shelf yet, but on the way to it.
COMING = (AssetState.ORDERED, AssetState.RECEIVED, AssetState.STAGING, AssetState.REFURBISHING)


@dataclass(frozen=True, slots=True)
class Lack:
    """Why no spare can be suggested: none of the model is free."""

    model: str
    coming: int  # on order, being unpacked, staged or refurbished
    spoken_for: int  # ready, but suggested for another device or with another client's data on it


@dataclass(frozen=True, slots=True)
class Proposed:
    """A proposal as it stands now. One that is closed suggests nothing any more."""

    proposal: SwapProposal
    outgoing: Asset
    spare: Asset | None
    lack: Lack | None


def list_proposals(
    tenant: Tenant, *, states: Sequence[str] = (), lease_id: str | None = None, asset_id: str | None = None
) -> sa.Select[SwapProposal]:
    """Proposals, to be paged by the caller; of an asset: those to take it away."""
    statement = scoped(SwapProposal, tenant)
    if states:
        statement = statement.where(SwapProposal.state.in_(states))
    if lease_id:
        statement = statement.where(SwapProposal.lease_id == lease_id)
    if asset_id:
        statement = statement.where(SwapProposal.outgoing_id == asset_id)
    return statement


def get_proposal(session: Session, tenant: Tenant, *, proposal_id: str, lock: bool = False) -> SwapProposal:
    """The proposal.

    :raises NotFound: if this tenant has none by that id.
    """
    statement = scoped(SwapProposal, tenant).where(SwapProposal.id == proposal_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found = session.scalar(statement)
    if found is None:
        raise NotFound(f"There is no swap proposal {proposal_id}.")
    return found


def find_open(session: Session, tenant: Tenant, *, asset_id: str, lock: bool = False) -> SwapProposal | None:
    """The open proposal to take this asset away."""
    statement = scoped(SwapProposal, tenant).where(
        SwapProposal.outgoing_id == asset_id, SwapProposal.state == OPEN
    )
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return session.scalar(statement)


def look(session: Session, tenant: Tenant, *, proposal_id: str) -> Proposed:
    """One proposal as it stands now.

    :raises NotFound: if this tenant has none by that id.
    """
    return look_at(session, tenant, [get_proposal(session, tenant, proposal_id=proposal_id)])[0]


def look_at(session: Session, tenant: Tenant, proposals: Sequence[SwapProposal]) -> list[Proposed]:
    """Proposals as they stand now, a handful of queries whatever their number.

    The spare that was suggested stays while it is free. Where it is gone another is looked for, the oldest
    proposal first; one spare is never suggested for two devices.
    """
    waiting = sorted((one for one in proposals if one.state == OPEN), key=lambda one: one.id)
    models = _models_of_lines(session, tenant, {one.line_id for one in waiting})
    outgoing = assets_by_id(session, tenant, asset_ids=sorted({one.outgoing_id for one in proposals}))
    elsewhere = _suggested_elsewhere(session, tenant, but={one.id for one in waiting}) if waiting else set()
    shelf = _shelf(session, tenant, waiting, models, at_most=len(waiting) + len(elsewhere))

    chosen: dict[str, str] = {}
    for one in waiting:
        kept = shelf.get(one.spare_id or "")
        if (
            kept is not None
            and kept.id not in chosen.values()
            and fits(kept, model_id=models.get(one.line_id), client_id=one.client_id)
        ):
            chosen[one.id] = kept.id
    for one in waiting:
        if one.id not in chosen:
            found = best_spare(
                shelf.values(),
                model_id=models.get(one.line_id),
                client_id=one.client_id,
                grade=outgoing[one.outgoing_id].grade,
                taken=elsewhere | set(chosen.values()),
            )
            if found is not None:
                chosen[one.id] = found.id
    spares = assets_by_id(session, tenant, asset_ids=sorted(chosen.values())) if chosen else {}
    lacking = {
        one.id: models[one.line_id] for one in waiting if one.id not in chosen and one.line_id in models
    }
    lacks = _lacks(session, tenant, set(lacking.values()))
    return [
        Proposed(
            proposal=one,
            outgoing=outgoing[one.outgoing_id],
            spare=spares.get(chosen.get(one.id, "")),
            lack=lacks.get(lacking.get(one.id, "")),
        )
        for one in proposals
    ]


def _models_of_lines(session: Session, tenant: Tenant, line_ids: Iterable[str]) -> dict[str, str]:
    """Line -> the model that it is priced for."""
    ids = set(line_ids)
    if not ids:
        return {}
    rows = session.execute(
        scoped(Line, tenant).where(Line.id.in_(ids)).with_only_columns(Line.id, Line.model_id)
    )
    return {row[0]: row[1] for row in rows if row[1] is not None}


def _suggested_elsewhere(session: Session, tenant: Tenant, *, but: set[str]) -> set[str]:
    """What other open proposals suggest."""
    return set(
        session.scalars(
            scoped(SwapProposal, tenant)
            .where(
                SwapProposal.state == OPEN, SwapProposal.spare_id.is_not(None), SwapProposal.id.not_in(but)
            )
            .with_only_columns(SwapProposal.spare_id)
        )
    )


def _shelf(
    session: Session,
    tenant: Tenant,
    waiting: Sequence[SwapProposal],
    models: Mapping[str, str],
    *,
    at_most: int,
) -> dict[str, Spare]:
    """What is ready of these models: of each sort the oldest, as many as could be needed at most."""
    if not models:
        return {}
    since = sa.func.coalesce(Asset.purchased_on, sa.cast(Asset.created_at, sa.Date))
    sort = (Asset.model_id, Asset.grade, Asset.holds_data_of_client_id)
    ranked = (
        scoped(Asset, tenant)
        .where(Asset.state == AssetState.READY, Asset.model_id.in_(set(models.values())))
        .with_only_columns(
            Asset.id,
            *sort,
            since.label("since"),
            sa.func.row_number().over(partition_by=sort, order_by=(since, Asset.id)).label("place"),
        )
        .subquery()
    )
    kept = [one.spare_id for one in waiting if one.spare_id]
    rows = session.execute(
        sa.select(*list(ranked.c)[:5]).where(sa.or_(ranked.c.place <= at_most, ranked.c.id.in_(kept)))
    )
    return {row.id: Spare(*row) for row in rows}


def _lacks(session: Session, tenant: Tenant, model_ids: set[str]) -> dict[str, Lack]:
    """Of models none of which is free: what there is of them instead."""
    if not model_ids:
        return {}
    counted = session.execute(
        scoped(Asset, tenant)
        .where(Asset.model_id.in_(model_ids), Asset.state.in_([*COMING, AssetState.READY]))
        .with_only_columns(Asset.model_id, Asset.state, sa.func.count())
        .group_by(Asset.model_id, Asset.state)
    )
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for model_id, state, count in counted:
        found[model_id]["ready" if state == AssetState.READY else "coming"] += count
    names = {
        row.id: f"{row.manufacturer} {row.name}"
        for row in session.scalars(scoped(HardwareModel, tenant).where(HardwareModel.id.in_(model_ids)))
    }
    return {
        model_id: Lack(names[model_id], found[model_id]["coming"], found[model_id]["ready"])
        for model_id in model_ids
    }

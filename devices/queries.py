"""Reads: one asset, the fleet now and as of a date, spares that match, the moves of an asset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy import Select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, joinedload

from devices.identifiers import normalised
from devices.lifecycle import AssetState
from devices.models import Asset, AssetMove, Custody, HardwareModel, LabelToken
from devices.telemetry_models import DeviceState
from haas.db import starts_with
from haas.errors import NotFound
from haas.tenancy.scope import Tenant, scoped


class AssetNotFound(NotFound):
    """No such asset for this tenant."""


@dataclass(frozen=True, slots=True)
class AssetFilter:
    """Which assets of the fleet are meant; an empty field narrows nothing."""

    states: tuple[str, ...] = ()
    model_id: str | None = None
    category: str | None = None
    client_id: str | None = None
    site_id: str | None = None
    in_stock: bool = False  # with no client: the partner's own
    grade: str | None = None
    warranty_before: date | None = None
    text: str = ""  # beginning of a tag or serial
    online: str | None = None  # of its agent: online, suspect, offline, asleep, maintenance
    verdict: str | None = None  # of its health: healthy, watch, failing, no_data
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StateAsOf:
    """The state one asset had at a moment."""

    asset_id: str
    state: AssetState
    since: datetime


def get_asset(session: Session, tenant: Tenant, *, asset_id: str) -> Asset:
    """The asset with its model.

    :raises AssetNotFound: if this tenant has no such asset.
    """
    found = session.scalar(
        scoped(Asset, tenant).where(Asset.id == asset_id).options(joinedload(Asset.model, innerjoin=True))
    )
    return _or_not_found(found, asset_id)


def lock_asset(session: Session, tenant: Tenant, *, asset_id: str) -> Asset:
    """The asset with its model, its row locked until the transaction ends.

    :raises AssetNotFound: if this tenant has no such asset.
    """
    found = session.scalar(_locked(tenant).where(Asset.id == asset_id))
    return _or_not_found(found, asset_id)


def lock_assets(session: Session, tenant: Tenant, *, asset_ids: Sequence[str]) -> list[Asset]:
    """Several assets, locked in one order whatever the order asked, so that two callers never deadlock.

    :raises AssetNotFound: if one of them is not this tenant's.
    """
    statement = _locked(tenant).where(Asset.id.in_(sorted(set(asset_ids)))).order_by(Asset.id)
    found = {asset.id: asset for asset in session.scalars(statement)}
    return [_or_not_found(found.get(asset_id), asset_id) for asset_id in asset_ids]


def find_by_serial(session: Session, tenant: Tenant, *, serial: str) -> Asset | None:
    """The asset with this serial, however it is typed."""
    return session.scalar(scoped(Asset, tenant).where(Asset.serial_norm == normalised(serial)))


def find_by_tag_or_serial(session: Session, tenant: Tenant, *, text: str) -> Asset | None:
    """The one asset with this tag, else with this serial: what a person types beside a label."""
    key = normalised(text)
    found = session.scalars(
        scoped(Asset, tenant)
        .where(sa.or_(Asset.tag_norm == key, Asset.serial_norm == key))
        .options(joinedload(Asset.model, innerjoin=True))
    ).all()
    return next((asset for asset in found if asset.tag_norm == key), found[0] if found else None)


def find_by_label(session: Session, tenant: Tenant, *, token: str) -> Asset | None:
    """The asset whose label bears `token`; none for a revoked label or another partner's."""
    return session.scalar(
        scoped(Asset, tenant)
        .join(
            LabelToken,
            sa.and_(LabelToken.partner_id == Asset.partner_id, LabelToken.asset_id == Asset.id),
        )
        .where(LabelToken.token == token, LabelToken.revoked_at.is_(None))
        .options(joinedload(Asset.model, innerjoin=True))
    )


def current_label(session: Session, tenant: Tenant, *, asset_id: str) -> LabelToken | None:
    """The token that the asset's newest label bears."""
    return session.scalar(
        scoped(LabelToken, tenant)
        .where(LabelToken.asset_id == asset_id, LabelToken.revoked_at.is_(None))
        .order_by(LabelToken.issued_at.desc(), LabelToken.id.desc())
        .limit(1)
    )


def current_labels(session: Session, tenant: Tenant, *, asset_ids: Sequence[str]) -> dict[str, str]:
    """The newest valid token of each asset that has one."""
    rows = session.execute(
        sa.select(LabelToken.asset_id, LabelToken.token)
        .ext(distinct_on(LabelToken.asset_id))
        .where(
            LabelToken.partner_id == tenant.partner_id,
            LabelToken.asset_id.in_(asset_ids),
            LabelToken.revoked_at.is_(None),
        )
        .order_by(LabelToken.asset_id, LabelToken.issued_at.desc(), LabelToken.id.desc())
    )
    return {row[0]: row[1] for row in rows}


def fleet(tenant: Tenant, wanted: AssetFilter | None = None) -> Select[Asset]:
    """The select of the assets that `wanted` names, models joined; the caller sorts, pages or counts it."""
    wanted = wanted or AssetFilter()
    statement = scoped(Asset, tenant).options(joinedload(Asset.model, innerjoin=True))
    return statement.where(*_conditions(tenant, wanted))


def states_of_assets(session: Session, tenant: Tenant, *, asset_ids: Sequence[str]) -> dict[str, DeviceState]:
    """The newest that is known of the devices on these assets, by asset; one query."""
    found = session.scalars(scoped(DeviceState, tenant).where(DeviceState.asset_id.in_(asset_ids)))
    return {state.asset_id: state for state in found}


def count_by_state(session: Session, tenant: Tenant, wanted: AssetFilter | None = None) -> dict[str, int]:
    """How many assets are in each state, of those that `wanted` names; one index-only pass."""
    statement = sa.select(Asset.state, sa.func.count()).where(Asset.partner_id == tenant.partner_id)
    if tenant.client_id is not None:
        statement = statement.where(Asset.client_id == tenant.client_id)
    statement = statement.where(*_conditions(tenant, wanted or AssetFilter())).group_by(Asset.state)
    return {row[0]: row[1] for row in session.execute(statement)}


def state_as_of(session: Session, tenant: Tenant, *, asset_id: str, at: datetime) -> AssetState | None:
    """The state the asset had at `at`; none before it came into being."""
    found = session.scalar(
        scoped(AssetMove, tenant)
        .where(AssetMove.asset_id == asset_id, AssetMove.moved_at <= at)
        .order_by(AssetMove.moved_at.desc(), AssetMove.position.desc())
        .limit(1)
    )
    return AssetState(found.to_state) if found else None


def fleet_as_of(
    session: Session, tenant: Tenant, *, at: datetime, asset_ids: Sequence[str] | None = None
) -> list[StateAsOf]:
    """The state of every asset at `at`, in one pass; those that came later are absent."""
    statement = (
        sa.select(AssetMove.asset_id, AssetMove.to_state, AssetMove.moved_at)
        .ext(distinct_on(AssetMove.asset_id))
        .where(AssetMove.partner_id == tenant.partner_id, AssetMove.moved_at <= at)
        .order_by(AssetMove.asset_id, AssetMove.moved_at.desc(), AssetMove.position.desc())
    )
    if asset_ids is not None:
        statement = statement.where(AssetMove.asset_id.in_(asset_ids))
    return [
        StateAsOf(asset_id, AssetState(state), since) for asset_id, state, since in session.execute(statement)
    ]


def fleet_in_the_past(tenant: Tenant, wanted: AssetFilter, *, at: datetime) -> Select[Asset]:
    """Like `fleet`, with the states of `wanted` as they were at `at`; assets that came later are absent."""
    then = (
        sa.select(AssetMove.asset_id, AssetMove.to_state)
        .ext(distinct_on(AssetMove.asset_id))
        .where(AssetMove.partner_id == tenant.partner_id, AssetMove.moved_at <= at)
        .order_by(AssetMove.asset_id, AssetMove.moved_at.desc(), AssetMove.position.desc())
        .subquery()
    )
    statement = fleet(tenant, replace(wanted, states=())).join(then, then.c.asset_id == Asset.id)
    return statement.where(then.c.to_state.in_(wanted.states)) if wanted.states else statement


def custody_as_of(session: Session, tenant: Tenant, *, asset_id: str, at: datetime) -> Custody | None:
    """Where the asset was at `at` and who answered for it."""
    return session.scalar(
        scoped(Custody, tenant).where(Custody.asset_id == asset_id, Custody.during.contains(at))
    )


def find_spares(
    session: Session, tenant: Tenant, *, model_id: str, for_client_id: str | None = None, limit: int = 50
) -> Sequence[Asset]:
    """Assets of a model that are ready for a client: no other client's data on them, best grade first."""
    holds = Asset.holds_data_of_client_id
    return session.scalars(
        scoped(Asset, tenant)
        .where(
            Asset.model_id == model_id,
            Asset.state == AssetState.READY,
            sa.or_(holds.is_(None), holds == for_client_id) if for_client_id else holds.is_(None),
        )
        .options(joinedload(Asset.model, innerjoin=True))
        .order_by(Asset.grade.asc().nulls_first(), Asset.tag_norm)
        .limit(limit)
    ).all()


def moves_of(session: Session, tenant: Tenant, *, asset_id: str) -> Sequence[AssetMove]:
    """Every move of the asset, oldest first."""
    return session.scalars(
        scoped(AssetMove, tenant).where(AssetMove.asset_id == asset_id).order_by(AssetMove.position)
    ).all()


def get_model(session: Session, tenant: Tenant, *, model_id: str, lock: bool = False) -> HardwareModel:
    """The hardware model; with `lock`, its row is locked until the transaction ends.

    :raises NotFound: if this tenant has no such model.
    """
    statement = scoped(HardwareModel, tenant).where(HardwareModel.id == model_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found = session.scalar(statement)
    if found is None:
        raise NotFound(f"There is no hardware model {model_id}.")
    return found


def list_models(
    session: Session, tenant: Tenant, *, archived: bool | None = False
) -> Sequence[HardwareModel]:
    """The partner's hardware models by maker and name; `archived=None` for all of them."""
    statement = scoped(HardwareModel, tenant)
    if archived is not None:
        statement = statement.where(HardwareModel.archived_at.is_not(None) == sa.literal(archived))
    return session.scalars(statement.order_by(HardwareModel.manufacturer_norm, HardwareModel.name_norm)).all()


def _conditions(tenant: Tenant, wanted: AssetFilter) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    equal = {
        Asset.model_id: wanted.model_id,
        Asset.client_id: wanted.client_id,
        Asset.site_id: wanted.site_id,
        Asset.grade: wanted.grade,
    }
    conditions += [column == value for column, value in equal.items() if value]
    if wanted.states:
        conditions.append(Asset.state.in_(wanted.states))
    if wanted.ids:
        conditions.append(Asset.id.in_(wanted.ids))
    if wanted.in_stock:
        conditions.append(Asset.client_id.is_(None))
    if wanted.warranty_before:
        conditions.append(Asset.warranty_until < wanted.warranty_before)
    if wanted.category:
        models = sa.select(HardwareModel.id).where(
            HardwareModel.partner_id == tenant.partner_id, HardwareModel.category == wanted.category
        )
        conditions.append(Asset.model_id.in_(models))
    if wanted.online or wanted.verdict:
        seen = sa.select(DeviceState.asset_id).where(DeviceState.partner_id == tenant.partner_id)
        if wanted.online:
            seen = seen.where(DeviceState.online == wanted.online)
        if wanted.verdict:
            seen = seen.where(DeviceState.verdict == wanted.verdict)
        conditions.append(Asset.id.in_(seen))
    if key := normalised(wanted.text):
        conditions.append(sa.or_(starts_with(Asset.tag_norm, key), starts_with(Asset.serial_norm, key)))
    return conditions


def _locked(tenant: Tenant) -> Select[Asset]:
    return (
        scoped(Asset, tenant)
        .options(joinedload(Asset.model, innerjoin=True))
        .with_for_update(of=Asset)
        .execution_options(populate_existing=True)
    )


def _or_not_found(found: Asset | None, asset_id: str) -> Asset:
    if found is None:
        raise AssetNotFound(f"There is no asset {asset_id}.")
    return found

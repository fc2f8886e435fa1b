"""The guards of a move: what must hold beside the lifecycle table, whichever door asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from devices.amounts import checked_amount
from devices.identifiers import normalised, tidy
from devices.lifecycle import AssetState
from devices.models import Asset, AssetMove
from haas.errors import Conflict, InvalidInput
from haas.tenancy.scope import Tenant, scoped

GRADES = ("A", "B", "C", "D", "X")
# What a door hands on of a move, beside its moment and its reason.
_TOLD = ("serial", "client_id", "grade", "proceeds")
_BRINGS_MONEY = frozenset({"dispose", "buy_out"})


class WipeRequired(Conflict):
    """It may hold a client's data, and no certificate says otherwise."""

    code = "wipe_required"


class SerialRequired(InvalidInput):
    """An asset is received by its serial number."""

    code = "serial_required"


class SerialTaken(Conflict):
    """Another asset of this partner has this serial number or tag."""

    code = "already_exists"


class TooEarly(InvalidInput):
    """A move or placement is dated before the one that went before it."""

    code = "too_early"


def told(data: Mapping[str, Any]) -> dict[str, str]:
    """The details of a move as a form or a program gave them, in the shape that is kept with it."""
    return {name: str(data[name]) for name in _TOLD if data.get(name) not in (None, "")}


def check(
    session: Session,
    tenant: Tenant,
    *,
    asset: Asset,
    verb: str,
    at: datetime,
    last: AssetMove | None,
    details: Mapping[str, Any],
) -> None:
    """Refuse `verb` if something other than the state forbids it.

    :raises HaasError: with the words for the person who asked.
    """
    if last is not None and at < last.moved_at:
        raise TooEarly(
            f"This cannot have happened before the last move ({last.verb.replace('_', ' ')},"
            f" {last.moved_at:%Y-%m-%d %H:%M} UTC).",
            field="at",
        )
    if verb == "receive" and not (details.get("serial") or asset.serial):
        raise SerialRequired("Give the serial number that is on the device.", field="serial")
    if verb == "accept" and not (details.get("client_id") or asset.client_id):
        raise Conflict("Place the asset at a client first: nobody has accepted it yet.")
    if verb == "grade" and details.get("grade") not in GRADES:
        raise InvalidInput(f"Choose a grade: {', '.join(GRADES)}.", field="grade")
    if details.get("proceeds") is not None:
        if verb not in _BRINGS_MONEY:
            raise InvalidInput("Only a disposal or a sale brings money in.", field="proceeds")
        checked_amount(Decimal(str(details["proceeds"])), asset.currency, field="proceeds")
    if verb == "dispose" and asset.holds_data_of_client_id:
        raise WipeRequired(
            "It may still hold a client's data: certify a purge or destruction before disposal."
        )
    if verb in ("reserve", "ship", "accept", "restock", "buy_out"):
        check_destination(asset=asset, client_id=_destination(session, tenant, asset, verb, details))


def check_destination(*, asset: Asset, client_id: str | None) -> None:
    """Refuse to hand an asset on to anyone but the client whose data it may hold.

    :raises WipeRequired: if `client_id` is another one, or not known.
    """
    if asset.holds_data_of_client_id not in (None, client_id):
        raise WipeRequired(
            "It may still hold another client's data: certify a purge or destruction before it goes on."
        )


def check_identity(
    session: Session,
    tenant: Tenant,
    *,
    serial: str | None = None,
    tag: str | None = None,
    but: str | None = None,
) -> None:
    """Refuse a serial or tag that another asset has. The unique keys settle the race.

    :raises SerialTaken: naming the field.
    """
    for field, column, text in (("serial", Asset.serial_norm, serial), ("tag", Asset.tag_norm, tag)):
        if not text:
            continue
        found = session.scalar(
            scoped(Asset, tenant).where(column == normalised(text), Asset.id != (but or ""))
        )
        if found is not None:
            raise SerialTaken(f"Asset {found.tag} already has the {field} {tidy(text)}.", field=field)


def last_move(
    session: Session, tenant: Tenant, *, asset_id: str, verb: str | None = None
) -> AssetMove | None:
    """The newest move of the asset, or its newest of one verb."""
    statement = scoped(AssetMove, tenant).where(AssetMove.asset_id == asset_id)
    if verb is not None:
        statement = statement.where(AssetMove.verb == verb)
    return session.scalar(statement.order_by(AssetMove.position.desc()).limit(1))


def left_service_at(session: Session, tenant: Tenant, *, asset_id: str) -> datetime | None:
    """When the asset was last out of a client's hands: data may have been written until then."""
    at_client = (AssetState.IN_SERVICE, AssetState.RETURN_DUE, AssetState.LOST, AssetState.STOLEN)
    return session.scalar(
        sa.select(sa.func.max(AssetMove.moved_at)).where(
            AssetMove.partner_id == tenant.partner_id,
            AssetMove.asset_id == asset_id,
            AssetMove.from_state.in_(at_client),
        )
    )


def _destination(
    session: Session, tenant: Tenant, asset: Asset, verb: str, details: Mapping[str, Any]
) -> str | None:
    if named := details.get("client_id"):
        return str(named)
    if verb in ("accept", "buy_out"):
        return asset.client_id
    if verb == "ship":
        reserved = last_move(session, tenant, asset_id=asset.id, verb="reserve")
        return str(reserved.details.get("client_id") or "") or None if reserved else None
    return None


class BelongsToLease(Conflict):
    """The move is part of a contract: it is done on the lease or the return, which know what follows."""

    code = "belongs_to_lease"


def contract_of(
    session: Session, tenant: Tenant, *, asset: Asset, known: Sequence[AssetMove] | None = None
) -> dict[str, str]:
    """The lease or return that has a say in this asset's next move: {"lease_id": …} or {"return_id": …}.

    Who reserves, collects or docks an asset for a contract says so in the move's details.

    :param known: every move of the asset, oldest first, from whoever has read them.
    """
    if asset.state in _ON_LEASE:
        verb, key = "reserve", "lease_id"
    elif asset.state in _ON_RETURN:
        verb, key = None, "return_id"
    else:
        return {}
    if known is None:
        move = last_move(session, tenant, asset_id=asset.id, verb=verb)
    else:
        move = next((each for each in reversed(known) if verb in (None, each.verb)), None)
    found = move.details.get(key) if move else None
    return {key: str(found)} if found else {}


def require_free(session: Session, tenant: Tenant, *, asset: Asset, verb: str) -> None:
    """For doors that move an asset by itself: refuse what a lease or return must do.

    :raises BelongsToLease: naming what it belongs to.
    """
    contract = contract_of(session, tenant, asset=asset)
    if "lease_id" in contract and verb in LEASE_VERBS:
        raise BelongsToLease("This asset stands on a lease: do this on the lease, so that the rent follows.")
    if "return_id" in contract and verb in RETURN_VERBS:
        raise BelongsToLease("A return is open for this asset: do this on the return.")


_ON_LEASE = frozenset(
    {
        AssetState.RESERVED,
        AssetState.IN_TRANSIT_OUT,
        AssetState.IN_SERVICE,
        AssetState.IN_REPAIR,
        AssetState.RETURN_DUE,
    }
)
_ON_RETURN = frozenset({AssetState.IN_TRANSIT_IN, AssetState.QUARANTINE})
LEASE_VERBS = frozenset({"release", "ship", "accept", "refuse", "recall", "keep", "collect", "buy_out"})
RETURN_VERBS = frozenset({"dock", "grade"})

"""Register, move, place and grade assets: the only writers of an asset's state and place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from devices import moves
from devices.amounts import checked_amount
from devices.identifiers import normalised, tidy
from devices.label_tokens import issue_label
from devices.lifecycle import ASSET_LIFECYCLE, FINAL, SERVING, AssetState
from devices.models import Asset, AssetMove, Custody
from devices.numbering import next_tags
from devices.queries import get_model, lock_asset
from haas import clock, outbox
from haas.errors import Conflict, InvalidInput
from haas.ids import new_id
from haas.tenancy.models import Client, Site
from haas.tenancy.scope import Tenant, scoped

REGISTRABLE = (AssetState.ORDERED, AssetState.RECEIVED, AssetState.READY)


def register_asset(
    session: Session,
    tenant: Tenant,
    *,
    model_id: str,
    tag: str | None = None,
    serial: str | None = None,
    cost: Decimal,
    currency: str,
    supplier: str = "",
    purchase_reference: str = "",
    purchased_on: date | None = None,
    warranty_until: date | None = None,
    state: str = AssetState.ORDERED,
    at: datetime,
    custodian: str = "",
    notes: str = "",
    idempotency_key: str | None = None,
) -> Asset:
    """Bring an asset into being: ordered, received, or ready in stock. It gets a tag and a label token.

    :param tag: what its label reads; the next number of the partner's series when absent.
    :raises InvalidInput: if a field is wrong; SerialRequired if it is here but has no serial.
    :raises SerialTaken: if another asset has this serial or tag.
    """
    get_model(session, tenant, model_id=model_id)
    if state not in REGISTRABLE:
        raise InvalidInput(f"An asset begins as one of: {', '.join(REGISTRABLE)}.", field="state")
    if state != AssetState.ORDERED and not (serial and normalised(serial)):
        raise moves.SerialRequired("Give the serial number that is on the device.", field="serial")
    moves.check_identity(session, tenant, serial=serial, tag=tag)
    tag = tidy(tag or "") or next_tags(session, tenant, count=1)[0]
    serial = tidy(serial or "") or None
    asset = Asset(
        partner_id=tenant.partner_id,
        id=new_id("ast"),
        tag=tag,
        tag_norm=normalised(tag),
        serial=serial,
        serial_norm=normalised(serial) if serial else None,
        model_id=model_id,
        state=state,
        custodian=custodian,
        cost=checked_amount(cost, currency, field="cost"),
        currency=currency,
        supplier=supplier,
        purchase_reference=purchase_reference,
        purchased_on=purchased_on,
        warranty_until=warranty_until,
        notes=notes,
        created_at=at,
    )
    session.add(asset)
    session.flush()
    _record_move(
        session, tenant, asset, position=1, verb="register", to=state, at=at, idempotency_key=idempotency_key
    )
    session.add(_custody(tenant, asset, at=at))
    issue_label(session, tenant, asset_id=asset.id, at=at)
    outbox.publish(session, tenant, "asset.registered", asset_id=asset.id)
    session.flush()
    return lock_asset(session, tenant, asset_id=asset.id)


def move_asset(
    session: Session,
    tenant: Tenant,
    *,
    asset_id: str,
    verb: str,
    at: datetime,
    reason: str = "",
    details: Mapping[str, Any] | None = None,
    idempotency_key: str | None = None,
) -> Asset:
    """Do `verb` to an asset: the one way its state changes, and each time a row is left.

    A repeat with the same `idempotency_key` answers the same asset and does nothing.

    :param at: when it happened; not before the asset's last move.
    :param details: kept with the move. Read here: `serial` (receive), `client_id` (reserve, ship, accept,
        restock: for whom), `grade` and `fair_market_value` (grade, restock), `proceeds` (dispose, buy_out:
        the book is closed against it).
    :raises IllegalMove: if the lifecycle has no such move from the asset's state.
    :raises WipeRequired: for a hand-over to another client, or a disposal, without a wipe certificate.
    """
    asset = lock_asset(session, tenant, asset_id=asset_id)
    if idempotency_key is not None and is_repeat(
        session, tenant, asset=asset, verb=verb, key=idempotency_key
    ):
        return asset
    details = dict(details or {})
    before = AssetState(asset.state)
    after = ASSET_LIFECYCLE.after(before, verb)
    last = moves.last_move(session, tenant, asset_id=asset.id)
    moves.check(session, tenant, asset=asset, verb=verb, at=at, last=last, details=details)

    _carry(session, tenant, asset, verb=verb, to=after, at=at, details=details)
    asset.state = after
    session.flush()
    _record_move(
        session,
        tenant,
        asset,
        position=last.position + 1 if last else 1,
        verb=verb,
        came_from=before,
        to=after,
        at=at,
        reason=reason,
        details=details,
        idempotency_key=idempotency_key,
    )
    if verb in ("dock", "recover") and asset.client_id is not None:
        _place(session, tenant, asset, client_id=None, site_id=None, custodian="", at=at)
    outbox.publish(
        session,
        tenant,
        "asset.moved",
        asset_id=asset.id,
        verb=verb,
        from_state=before,
        to_state=after,
        at=at.isoformat(),
    )
    # Events of their own: hardly any move ends or begins a service, and a job for each would be idle work.
    if (before in SERVING) != (after in SERVING):
        outbox.publish(
            session, tenant, "asset.service_changed", asset_id=asset.id, to_state=after, at=at.isoformat()
        )
    if after in FINAL:
        outbox.publish(
            session, tenant, "asset.left_fleet", asset_id=asset.id, to_state=after, at=at.isoformat()
        )
    if verb == "recover":
        outbox.publish(session, tenant, "asset.recovered", asset_id=asset.id, at=at.isoformat())
    session.flush()
    return asset


def place_asset(
    session: Session,
    tenant: Tenant,
    *,
    asset_id: str,
    client_id: str | None,
    site_id: str | None = None,
    custodian: str = "",
    at: datetime,
) -> Asset:
    """Say where an asset is and who answers for it from `at` on; the span before it is closed.

    :param client_id: none for the partner's own stock.
    :raises WipeRequired: if it goes to another client than the one whose data it may hold.
    :raises TooEarly: if it was placed elsewhere after `at`.
    """
    asset = lock_asset(session, tenant, asset_id=asset_id)
    if asset.state in FINAL:
        raise Conflict(f"An asset that is {asset.state.replace('_', ' ')} is not placed any more.")
    if client_id is not None:
        _check_place(session, tenant, client_id=client_id, site_id=site_id)
        moves.check_destination(asset=asset, client_id=client_id)
    elif site_id is not None:
        raise InvalidInput("A site belongs to a client: choose the client too.", field="client_id")
    _place(session, tenant, asset, client_id=client_id, site_id=site_id, custodian=custodian, at=at)
    outbox.publish(
        session,
        tenant,
        "asset.placed",
        asset_id=asset.id,
        client_id=client_id,
        site_id=site_id,
        at=at.isoformat(),
    )
    session.flush()
    return asset


def grade_asset(
    session: Session,
    tenant: Tenant,
    *,
    asset_id: str,
    grade: str,
    at: datetime,
    fair_market_value: Decimal | None = None,
    missing_accessories: Sequence[str] = (),
    damage_notes: str = "",
    idempotency_key: str | None = None,
) -> Asset:
    """Record the inspection of a returned asset in quarantine: grade, value today, kit, damage.

    :param fair_market_value: in the asset's currency; caps what may be charged for damage.
    """
    details: dict[str, Any] = {
        "grade": grade,
        "missing_accessories": list(missing_accessories),
        "damage_notes": damage_notes,
    }
    if fair_market_value is not None:
        details["fair_market_value"] = str(fair_market_value)
    return move_asset(
        session,
        tenant,
        asset_id=asset_id,
        verb="grade",
        at=at,
        reason=damage_notes,
        details=details,
        idempotency_key=idempotency_key,
    )


def new_key() -> str:
    """A key that makes a repeated press of one button, or a scan that is sent twice, count once."""
    return new_id("key")


def is_repeat(session: Session, tenant: Tenant, *, asset: Asset, verb: str, key: str) -> bool:
    """Whether this very move was done with this key before: then a repeat does nothing.

    :raises InvalidInput: if the key was used for another move.
    """
    done = session.scalar(scoped(AssetMove, tenant).where(AssetMove.idempotency_key == key))
    if done is None:
        return False
    if done.asset_id != asset.id or done.verb != verb:
        raise InvalidInput("This key was used for another move; send a new key.", field="idempotency_key")
    return True


def _carry(
    session: Session,
    tenant: Tenant,
    asset: Asset,
    *,
    verb: str,
    to: AssetState,
    at: datetime,
    details: dict[str, Any],
) -> None:
    """What a move changes on the asset beside its state."""
    if verb == "receive" and details.get("serial"):
        moves.check_identity(session, tenant, serial=details["serial"], but=asset.id)
        asset.serial = tidy(details["serial"])
        asset.serial_norm = normalised(asset.serial)
    if to == AssetState.IN_SERVICE:
        client_id = str(details.get("client_id") or asset.client_id or "") or None
        if asset.model.data_bearing:
            asset.holds_data_of_client_id = client_id
        if asset.in_service_on is None:
            asset.in_service_on = _local_day(session, tenant, asset, at)
    if verb in ("grade", "restock") and details.get("grade"):
        if details["grade"] not in moves.GRADES:
            raise InvalidInput(f"Choose a grade: {', '.join(moves.GRADES)}.", field="grade")
        asset.grade = details["grade"]
        if details.get("fair_market_value") is not None:
            asset.fair_market_value = checked_amount(
                Decimal(str(details["fair_market_value"])), asset.currency, field="fair_market_value"
            )


def _local_day(session: Session, tenant: Tenant, asset: Asset, at: datetime) -> date:
    """The calendar day at the asset's place: depreciation starts on it."""
    place: Site | Client | None = None
    if asset.site_id:
        place = session.scalar(scoped(Site, tenant).where(Site.id == asset.site_id))
    if place is None and asset.client_id:
        place = session.scalar(scoped(Client, tenant).where(Client.id == asset.client_id))
    return at.astimezone(ZoneInfo(place.time_zone if place else "UTC")).date()


def _record_move(
    session: Session,
    tenant: Tenant,
    asset: Asset,
    *,
    position: int,
    verb: str,
    to: str,
    at: datetime,
    came_from: str | None = None,
    reason: str = "",
    details: dict[str, Any] | None = None,
    idempotency_key: str | None = None,
) -> None:
    session.add(
        AssetMove(
            partner_id=tenant.partner_id,
            id=new_id("mov"),
            asset_id=asset.id,
            position=position,
            verb=verb,
            from_state=came_from,
            to_state=to,
            moved_at=at,
            recorded_at=clock.now(),
            actor=tenant.actor,
            reason=reason,
            details=details or {},
            idempotency_key=idempotency_key,
        )
    )


def _check_place(session: Session, tenant: Tenant, *, client_id: str, site_id: str | None) -> None:
    if session.scalar(scoped(Client, tenant).where(Client.id == client_id)) is None:
        raise InvalidInput("There is no such client.", field="client_id")
    if site_id is None:
        return
    known = scoped(Site, tenant).where(Site.id == site_id, Site.client_id == client_id)
    if session.scalar(known) is None:
        raise InvalidInput("The client has no such site.", field="site_id")


def _place(
    session: Session,
    tenant: Tenant,
    asset: Asset,
    *,
    client_id: str | None,
    site_id: str | None,
    custodian: str,
    at: datetime,
) -> None:
    asset.client_id, asset.site_id, asset.custodian = client_id, site_id, custodian
    open_span = session.scalar(
        scoped(Custody, tenant).where(Custody.asset_id == asset.id, sa.func.upper_inf(Custody.during))
    )
    if open_span is not None:
        since = open_span.during.lower
        if since is not None and at < since:
            raise moves.TooEarly(
                f"It was placed where it is on {since:%Y-%m-%d %H:%M} UTC: choose a later moment.", field="at"
            )
        if since == at:
            # Placed twice at one moment: the later word counts, and an empty span tells nothing.
            open_span.client_id, open_span.site_id, open_span.custodian = client_id, site_id, custodian
            session.flush()
            return
        open_span.during = Range(since, at)
    session.flush()  # closes the old span before the new one opens: they may not overlap
    session.add(_custody(tenant, asset, at=at))


def _custody(tenant: Tenant, asset: Asset, *, at: datetime) -> Custody:
    return Custody(
        partner_id=tenant.partner_id,
        id=new_id("cus"),
        asset_id=asset.id,
        client_id=asset.client_id,
        site_id=asset.site_id,
        custodian=asset.custodian,
        during=Range(at, None),
        actor=tenant.actor,
    )

"""Wipe certificates (NIST SP 800-88): no redeployment to another client and no disposal without one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from devices.identifiers import tidy
from devices.lifecycle import AssetState
from devices.models import Asset, WipeCertificate
from devices.moves import TooEarly, left_service_at
from devices.numbering import next_wipe_number
from devices.queries import lock_asset
from haas import outbox
from haas.errors import Conflict, InvalidInput, NotFound
from haas.ids import new_id
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant, scoped

METHODS = ("clear", "purge", "destroy")  # from weak to strong
# Where it goes next -> the weakest method that is enough; a partner may ask for more.
POLICY = {
    "same_client": "clear",
    "redeploy": "purge",
    "resale": "purge",
    "supplier": "purge",
    "recycling": "destroy",
    "destruction": "destroy",
}
WIPEABLE = frozenset(
    {
        AssetState.RECEIVED,
        AssetState.STAGING,
        AssetState.READY,
        AssetState.IN_REPAIR,
        AssetState.IN_TRANSIT_IN,
        AssetState.QUARANTINE,
        AssetState.GRADED,
        AssetState.REFURBISHING,
        AssetState.RETIRED,
    }
)
_MEDIUM_KEYS = ("media_type", "maker", "model", "serial", "capacity", "tool_version", "result")


class NotEnough(InvalidInput):
    """The method is weaker than the destination asks for."""

    code = "wipe_too_weak"


def certify_wipe(
    session: Session,
    tenant: Tenant,
    *,
    asset_id: str,
    method: str,
    destination: str,
    technique: str,
    tool: str = "",
    media: Sequence[Mapping[str, Any]],
    verification: str = "full",
    performed_by: str,
    verified_by: str,
    performed_at: datetime,
    place: str = "",
    notes: str = "",
) -> WipeCertificate:
    """Prove that an asset's media hold nothing any more. A purge or destruction frees it for others.

    A mere clear leaves it to the client whose data it was: others could still bring the data back.

    :param destination: a key of `POLICY`; decides which method is enough.
    :param media: one mapping a medium: media_type, and if known maker, model, serial, capacity.
    :param verification: `full` or `sample`.
    :raises NotEnough: if `method` is weaker than `destination` asks for.
    :raises TooEarly: if a client still used it after `performed_at`.
    """
    asset = lock_asset(session, tenant, asset_id=asset_id)
    _check(session, tenant, asset, performed_at=performed_at)
    _check_method(session, tenant, method=method, destination=destination)
    if verification not in ("full", "sample"):
        raise InvalidInput("Verify in full or by sample.", field="verification")
    for field, text in (
        ("technique", technique),
        ("performed_by", performed_by),
        ("verified_by", verified_by),
    ):
        if not text.strip():
            raise InvalidInput("Fill this in: the certificate proves it.", field=field)
    certificate = WipeCertificate(
        partner_id=tenant.partner_id,
        id=new_id("wip"),
        number=next_wipe_number(session, tenant),
        asset_id=asset.id,
        client_id=asset.holds_data_of_client_id,
        method=method,
        destination=destination,
        technique=tidy(technique),
        tool=tidy(tool),
        media=_media(media),
        verification=verification,
        performed_by=tidy(performed_by),
        verified_by=tidy(verified_by),
        performed_at=performed_at,
        place=tidy(place),
        notes=notes.strip(),
    )
    session.add(certificate)
    if method != "clear":
        asset.holds_data_of_client_id = None
    session.flush()
    outbox.publish(session, tenant, "asset.wiped", asset_id=asset.id, certificate_id=certificate.id)
    session.flush()
    return certificate


def needs_wipe(asset: Asset) -> bool:
    """Whether it is back, may still hold a client's data, and can be wiped now."""
    return asset.holds_data_of_client_id is not None and asset.state in WIPEABLE


def get_certificate(session: Session, tenant: Tenant, *, certificate_id: str) -> WipeCertificate:
    """The certificate.

    :raises NotFound: if this tenant has no such certificate.
    """
    found = session.scalar(scoped(WipeCertificate, tenant).where(WipeCertificate.id == certificate_id))
    if found is None:
        raise NotFound(f"There is no wipe certificate {certificate_id}.")
    return found


def certificates_of(session: Session, tenant: Tenant, *, asset_id: str) -> Sequence[WipeCertificate]:
    """The asset's certificates, newest first."""
    return session.scalars(
        scoped(WipeCertificate, tenant)
        .where(WipeCertificate.asset_id == asset_id)
        .order_by(WipeCertificate.performed_at.desc(), WipeCertificate.id.desc())
    ).all()


def weakest_method(session: Session, tenant: Tenant, *, destination: str) -> str:
    """The method that is enough for `destination` by the partner's policy, never less than the product's."""
    if destination not in POLICY:
        raise InvalidInput(f"Choose a destination: {', '.join(POLICY)}.", field="destination")
    ours = POLICY[destination]
    partner = session.get_one(Partner, tenant.partner_id)
    theirs = partner.policies.get("wipe", {}).get(destination, ours)
    return max(ours, theirs if theirs in METHODS else ours, key=METHODS.index)


def _check(session: Session, tenant: Tenant, asset: Asset, *, performed_at: datetime) -> None:
    if asset.state not in WIPEABLE:
        raise Conflict(
            f"An asset that is {asset.state.replace('_', ' ')} cannot be certified as wiped:"
            " bring it in first."
        )
    left = left_service_at(session, tenant, asset_id=asset.id)
    if left is not None and performed_at < left:
        raise TooEarly(
            f"It was in a client's hands until {left:%Y-%m-%d %H:%M} UTC: a wipe before that proves nothing.",
            field="performed_at",
        )


def _check_method(session: Session, tenant: Tenant, *, method: str, destination: str) -> None:
    if method not in METHODS:
        raise InvalidInput(f"Choose a method: {', '.join(METHODS)}.", field="method")
    needed = weakest_method(session, tenant, destination=destination)
    if METHODS.index(method) < METHODS.index(needed):
        raise NotEnough(f"This destination asks for {needed} at least.", field="method")


def _media(media: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    kept = []
    for number, medium in enumerate(media, start=1):
        entry = {key: tidy(str(medium.get(key) or "")) for key in _MEDIUM_KEYS}
        entry["result"] = entry["result"] or "passed"
        if not entry["media_type"]:
            raise InvalidInput(f"Say what medium {number} is.", field="media")
        if entry["result"] != "passed":
            raise InvalidInput(f"Medium {number} did not pass: destroy it instead.", field="media")
        kept.append(entry)
    if not kept:
        raise InvalidInput(
            "Name at least one medium: a certificate of nothing proves nothing.", field="media"
        )
    return kept

"""Acceptances, swaps and returns -> their frozen papers: what a paper says is read once, then printed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from devices.models import Asset, AssetMove
from devices.queries import get_asset
from haas.accounts.audit_log import actor_names
from haas.calendar import local_day
from haas.documents.words import words
from haas.tenancy.branding import Branding
from haas.tenancy.brands import branding_of
from haas.tenancy.models import Client, Partner, Site
from haas.tenancy.scope import Tenant, scoped
from leases import queries
from leases.handover import SILENCE
from leases.models import Agreement, Lease
from leases.paper import HandOverDocument, KitItem, ReturnReceiptDocument, Signature
from leases.terms import rent_start


@dataclass(frozen=True, slots=True)
class _Parties:
    """Who gives, who takes, and under which contract."""

    branding: Branding
    client: Client
    lease: Lease | None
    agreement: Agreement | None
    site: str

    @property
    def agreement_number(self) -> str:
        return self.agreement.number if self.agreement else ""

    @property
    def lease_number(self) -> str:
        return self.lease.number if self.lease else ""


def hand_over_of_acceptance(
    session: Session, tenant: Tenant, *, acceptance_id: str, base_url: str
) -> HandOverDocument:
    """The certificate of one accepted asset."""
    row = queries.get_acceptance(session, tenant, acceptance_id=acceptance_id)
    parties = _parties(session, tenant, client_id=row.client_id, lease_id=row.lease_id)
    asset = get_asset(session, tenant, asset_id=row.asset_id)
    rank = sum(
        1 for other in queries.acceptances_of(session, tenant, lease_id=row.lease_id) if other.id <= row.id
    )
    speak = words(parties.client.language).gettext
    signer = (
        speak("Accepted by silence after the agreed days") if row.signer_name == SILENCE else row.signer_name
    )
    silent = row.signer_name == SILENCE
    return HandOverDocument(
        branding=parties.branding,
        language=parties.client.language,
        number=f"{parties.lease_number}-A{rank:02d}",
        client_name=parties.client.printed_name,
        client_address_lines=tuple(parties.client.printed_address),
        site=parties.site,
        agreement_number=parties.agreement_number,
        lease_number=parties.lease_number,
        accepted_at=row.accepted_at,
        charges_start_on=rent_start(row.accepted_at, _zone(parties)),
        items=(_kit_item(asset, accessories=tuple(row.kit), condition=row.condition),),
        accepted_by=Signature(
            name=signer, capacity=row.signer_title, signed_at=None if silent else row.accepted_at
        ),
        handed_over_by=Signature(
            name=_mover(session, tenant, asset_id=row.asset_id, verb="ship", at=row.accepted_at)
        ),
        portal_url=f"{base_url}/leases/{row.lease_id}",
    )


def hand_over_of_swap(session: Session, tenant: Tenant, *, swap_id: str, base_url: str) -> HandOverDocument:
    """The certificate of the asset that came in a swap, naming the one that went."""
    swap = queries.get_swap(session, tenant, swap_id=swap_id)
    parties = _parties(session, tenant, client_id=swap.client_id, lease_id=swap.lease_id)
    incoming = get_asset(session, tenant, asset_id=swap.incoming_id)
    outgoing = get_asset(session, tenant, asset_id=swap.outgoing_id)
    rank = sum(
        1 for other in queries.swaps_of(session, tenant, lease_id=swap.lease_id) if other.id <= swap.id
    )
    speak = words(parties.client.language).gettext
    note = speak("In place of %(tag)s, serial number %(serial)s, which was taken back at the same time.") % {
        "tag": outgoing.tag,
        "serial": outgoing.serial or "–",
    }
    return HandOverDocument(
        branding=parties.branding,
        language=parties.client.language,
        number=f"{parties.lease_number}-S{rank:02d}",
        client_name=parties.client.printed_name,
        client_address_lines=tuple(parties.client.printed_address),
        site=parties.site,
        agreement_number=parties.agreement_number,
        lease_number=parties.lease_number,
        accepted_at=swap.swapped_at,
        items=(
            _kit_item(
                incoming,
                accessories=tuple(incoming.model.kit),
                condition=swap.condition,
            ),
        ),
        accepted_by=Signature(name=parties.client.name),
        handed_over_by=Signature(
            name=_person(session, tenant, swap.actor, branding=parties.branding), signed_at=swap.swapped_at
        ),
        notes=(note,),
        portal_url=f"{base_url}/leases/{swap.lease_id}",
    )


def receipt_of_return(
    session: Session, tenant: Tenant, *, return_id: str, base_url: str
) -> ReturnReceiptDocument | None:
    """The receipt of what came back; none before it did."""
    order = queries.get_return(session, tenant, return_id=return_id)
    if order.received_at is None:
        return None
    parties = _parties(session, tenant, client_id=order.client_id, lease_id=order.lease_id)
    asset = get_asset(session, tenant, asset_id=order.asset_id)
    stop = local_day(order.received_at, _zone(parties)) if order.line_id else None
    return ReturnReceiptDocument(
        branding=parties.branding,
        language=parties.client.language,
        number=order.number,
        client_name=parties.client.printed_name,
        client_address_lines=tuple(parties.client.printed_address),
        agreement_number=parties.agreement_number,
        lease_number=parties.lease_number,
        received_at=order.received_at,
        items=(_kit_item(asset, charges_stop_on=stop),),
        returned_by=Signature(name=parties.client.name),
        received_by=Signature(
            name=_person(session, tenant, order.received_by, branding=parties.branding),
            signed_at=order.received_at,
        ),
        portal_url=f"{base_url}/returns/{order.id}",
    )


def _parties(session: Session, tenant: Tenant, *, client_id: str, lease_id: str | None) -> _Parties:
    partner = session.get_one(Partner, tenant.partner_id)
    client = session.scalars(scoped(Client, tenant).where(Client.id == client_id)).one()
    lease = queries.get_lease(session, tenant, lease_id=lease_id) if lease_id else None
    agreement = queries.get_agreement(session, tenant, agreement_id=lease.agreement_id) if lease else None
    site = (
        session.scalar(scoped(Site, tenant).where(Site.id == lease.site_id))
        if lease and lease.site_id
        else None
    )
    return _Parties(
        branding=branding_of(session, partner),
        client=client,
        lease=lease,
        agreement=agreement,
        site=site.name if site else "",
    )


def _zone(parties: _Parties) -> str:
    return parties.lease.time_zone if parties.lease else parties.client.time_zone


def _kit_item(asset: Asset, **more: Any) -> KitItem:
    return KitItem(
        tag=asset.tag,
        serial=asset.serial or "",
        description=f"{asset.model.manufacturer} {asset.model.name}",
        **more,
    )


def _mover(session: Session, tenant: Tenant, *, asset_id: str, verb: str, at: datetime) -> str:
    """Who made the asset's last move of that kind before `at`."""
    actor = session.scalar(
        sa.select(AssetMove.actor)
        .where(
            AssetMove.partner_id == tenant.partner_id,
            AssetMove.asset_id == asset_id,
            AssetMove.verb == verb,
            AssetMove.moved_at <= at,
        )
        .order_by(AssetMove.position.desc())
        .limit(1)
    )
    partner = session.get_one(Partner, tenant.partner_id)
    return _person(session, tenant, actor or "", branding=branding_of(session, partner, with_logo=False))


def _person(session: Session, tenant: Tenant, actor: str, *, branding: Branding) -> str:
    """A person's name; the partner's where a program did it."""
    if not actor:
        return branding.display_name
    known = actor_names(session, tenant, [actor])[actor]
    is_nameless = known == actor and actor.startswith(("usr_", "tok_", "job:", "device:", "system"))
    return branding.display_name if is_nameless else known

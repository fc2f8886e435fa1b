"""Mails about leases and returns, sent after the fact to the client. A repeat is the same message."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from devices.queries import get_asset
from haas import clock, db, settings
from haas.calendar import ONE_DAY
from haas.documents import formatting
from haas.mail import Letter, send
from haas.tenancy.branding import Branding
from haas.tenancy.brands import branding_of
from haas.tenancy.models import Client, Partner
from haas.tenancy.scope import Tenant, scoped
from leases import queries
from leases.models import Lease, ReturnOrder
from leases.readers import Reader, readers_of


def lease_activated(*, partner_id: str, event_id: str, lease_id: str, **_: Any) -> None:
    """Tell the client that its rent has begun, and until when it runs."""
    _write_about_lease("lease_activated", partner_id, event_id, lease_id)


def lease_notice_given(*, partner_id: str, event_id: str, lease_id: str, **_: Any) -> None:
    """Confirm the notice and the last day."""
    _write_about_lease("lease_notice_given", partner_id, event_id, lease_id)


def lease_held_over(*, partner_id: str, event_id: str, lease_id: str, **_: Any) -> None:
    """Tell client and sales that the term has run out and rent goes on month to month."""
    _write_about_lease("lease_held_over", partner_id, event_id, lease_id, to_sales=True)


def lease_end_near(
    *, partner_id: str, event_id: str, lease_id: str, ends_on: str, choose_until: str | None = None, **_: Any
) -> None:
    """Remind client and sales of the end and of the last day to choose, unless the end was moved."""
    _write_about_lease(
        "lease_end_near",
        partner_id,
        event_id,
        lease_id,
        to_sales=True,
        only_if_it_ends_on=date.fromisoformat(ends_on),
        choose_until=date.fromisoformat(choose_until) if choose_until else None,
    )


def return_requested(*, partner_id: str, event_id: str, return_id: str, **_: Any) -> None:
    """Tell the client what is to come back, with what, until when; not for what is on its way already."""
    _write_about_return("return_requested", partner_id, event_id, return_id, only_in_state="requested")


def return_inspected(*, partner_id: str, event_id: str, return_id: str, **_: Any) -> None:
    """Tell the client the grade and the charge, and until when it may object."""
    _write_about_return("return_inspected", partner_id, event_id, return_id)


def _write_about_lease(
    message: str,
    partner_id: str,
    event_id: str,
    lease_id: str,
    *,
    to_sales: bool = False,
    only_if_it_ends_on: date | None = None,
    choose_until: date | None = None,
) -> None:
    tenant = Tenant(partner_id, actor="job:letters", door="job", request_id=event_id)
    with db.unit_of_work(tenant) as session:
        lease = queries.get_lease(session, tenant, lease_id=lease_id)
        if only_if_it_ends_on is not None and lease.ends_on != only_if_it_ends_on:
            return
        agreement = queries.get_agreement(session, tenant, agreement_id=lease.agreement_id)
        readers = readers_of(session, tenant, client_ids=[lease.client_id], to_sales=to_sales)[
            lease.client_id
        ]
        branding = _branding(session, tenant)
        values = {
            "lease": lease,
            "last_day": lease.ends_on - ONE_DAY if lease.ends_on else None,
            "holdover_pct": agreement.holdover_rate_pct.normalize(),
            "notice_days": agreement.notice_days,
            "choose_until": choose_until,
            "client_name": _client(session, tenant, lease).name,
        }
    _send(message, event_id, branding, readers, values, path=f"/leases/{lease_id}")


def _write_about_return(
    message: str, partner_id: str, event_id: str, return_id: str, *, only_in_state: str | None = None
) -> None:
    tenant = Tenant(partner_id, actor="job:letters", door="job", request_id=event_id)
    with db.unit_of_work(tenant) as session:
        order = queries.get_return(session, tenant, return_id=return_id)
        if only_in_state is not None and order.state != only_in_state:
            return
        asset = get_asset(session, tenant, asset_id=order.asset_id)
        client = _client(session, tenant, order)
        readers = readers_of(session, tenant, client_ids=[order.client_id])[order.client_id]
        branding = _branding(session, tenant)
        values = {
            "order": order,
            "tag": asset.tag,
            "serial": asset.serial or "",
            "device": f"{asset.model.manufacturer} {asset.model.name}",
            "charge": formatting.money(
                order.damage_charge or Decimal(0), asset.currency, language=client.language
            ),
            "is_charged": bool(order.damage_charge),
        }
    _send(message, event_id, branding, readers, values, path=f"/returns/{return_id}")


def _send(
    message: str,
    event_id: str,
    branding: Branding,
    readers: list[Reader],
    values: dict[str, Any],
    *,
    path: str,
) -> None:
    own = settings.current()
    for reader in readers:
        letter = Letter(
            message=message,
            to=reader.email,
            to_name=reader.name,
            branding=branding,
            language=reader.language,
            time_zone=reader.time_zone,
            message_id=f"{event_id}.{reader.key}",
            values={**values, "link": f"{own.base_url}{path}"},
        )
        send(own, letter, now=clock.now())


def _client(session: Session, tenant: Tenant, row: Lease | ReturnOrder) -> Client:
    return session.scalars(scoped(Client, tenant).where(Client.id == row.client_id)).one()


def _branding(session: Session, tenant: Tenant) -> Branding:
    return branding_of(session, session.get_one(Partner, tenant.partner_id), with_logo=False)

"""Jobs of a lease's end: print offers and bills of sale, reverse the loss of a device that is found."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from haas import db, settings
from haas.calendar import local_day
from haas.files import store_file
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant
from leases.end_paper import sale_pdf
from leases.end_papers import sale_of_buyout
from leases.ends import losses
from leases.ends.buyouts import get_buyout


def print_buyout_quote(*, partner_id: str, event_id: str, buyout_id: str, **_: Any) -> None:
    """Print the offer and keep it. A second run finds it."""
    _print(partner_id, event_id, buyout_id, kind="quote", field="quote_file_id")


def print_bill_of_sale(*, partner_id: str, event_id: str, buyout_id: str, **_: Any) -> None:
    """Print the bill of sale and keep it. A second run finds it."""
    _print(partner_id, event_id, buyout_id, kind="bill_of_sale", field="bill_of_sale_file_id")


def reverse_loss(*, partner_id: str, event_id: str, asset_id: str, at: str, **_: Any) -> None:
    """What was billed for a device that is found goes back with the next run."""
    tenant = _tenant(partner_id, event_id)
    with db.unit_of_work(tenant) as session:
        zone = session.get_one(Partner, partner_id).time_zone
        losses.reverse_if_found(
            session, tenant, asset_id=asset_id, on=local_day(datetime.fromisoformat(at), zone)
        )


def _print(partner_id: str, event_id: str, buyout_id: str, *, kind: str, field: str) -> None:
    tenant = _tenant(partner_id, event_id)
    with db.unit_of_work(tenant) as session:
        if getattr(get_buyout(session, tenant, buyout_id=buyout_id), field) is not None:
            return
        document = sale_of_buyout(
            session, tenant, buyout_id=buyout_id, kind=kind, base_url=settings.current().base_url
        )
    if document is None:
        return
    content = sale_pdf(document)  # a second of work: no transaction is held open for it
    with db.unit_of_work(tenant) as session:
        bought = get_buyout(session, tenant, buyout_id=buyout_id, lock=True)
        stored = store_file(
            session,
            tenant,
            kind=f"buyout_{kind}",
            name=f"{bought.number}{'' if kind == 'quote' else '-sale'}.pdf",
            media_type="application/pdf",
            content=content,
            client_id=bought.client_id,
            once_key=f"buyout_{kind}:{bought.id}",
        )
        setattr(bought, field, stored.id)


def _tenant(partner_id: str, event_id: str) -> Tenant:
    return Tenant(partner_id, actor="job:leases", door="job", request_id=event_id)

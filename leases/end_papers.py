"""Buyouts and loss values -> their frozen papers."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from haas.tenancy.brands import branding_of
from haas.tenancy.models import Client, Partner
from haas.tenancy.scope import Tenant, scoped
from leases import queries
from leases.end_paper import LossRow, LossTableDocument, SaleDocument
from leases.ends.buyouts import get_buyout
from leases.ends.losses import table_of_lease
from leases.ends.policy import TitlePasses
from leases.models import Lease


def sale_of_buyout(
    session: Session, tenant: Tenant, *, buyout_id: str, kind: str, base_url: str
) -> SaleDocument | None:
    """The offer, or the bill of sale; none of a sale before the title has passed."""
    bought = get_buyout(session, tenant, buyout_id=buyout_id)
    written_at = bought.offered_at if kind == "quote" else bought.title_passed_at
    if written_at is None:
        return None
    lease = queries.get_lease(session, tenant, lease_id=bought.lease_id)
    client = session.scalars(scoped(Client, tenant).where(Client.id == bought.client_id)).one()
    return SaleDocument(
        kind=kind,
        branding=branding_of(session, session.get_one(Partner, tenant.partner_id)),
        language=client.language,
        number=bought.number,
        client_name=client.printed_name,
        client_address_lines=tuple(client.printed_address),
        lease_number=lease.number,
        tag=queries.tags_of(session, tenant, asset_ids=[bought.asset_id]).get(bought.asset_id, ""),
        serial=bought.serial,
        description=bought.description,
        price=bought.price,
        currency=bought.currency,
        written_at=written_at,
        priced_on=bought.priced_on,
        valid_until=bought.valid_until if kind == "quote" else None,
        effective_on=bought.effective_on if kind == "bill_of_sale" else None,
        title_on_payment=bought.title_passes == TitlePasses.ON_PAYMENT,
        portal_url=f"{base_url}/buyouts/{bought.id}",
    )


def loss_table_of_lease(
    session: Session, tenant: Tenant, *, lease: Lease, at: datetime, base_url: str
) -> LossTableDocument:
    """The table of a lease as it runs now."""
    client = session.scalars(scoped(Client, tenant).where(Client.id == lease.client_id)).one()
    table = table_of_lease(session, tenant, lease=lease)
    return LossTableDocument(
        branding=branding_of(session, session.get_one(Partner, tenant.partner_id)),
        language=client.language,
        number=lease.number,
        client_name=client.printed_name,
        client_address_lines=tuple(client.printed_address),
        currency=table.currency,
        devices=len(table.places),
        written_at=at,
        rows=tuple(LossRow(*row) for row in table.totals),
        portal_url=f"{base_url}/leases/{lease.id}?tab=end",
    )

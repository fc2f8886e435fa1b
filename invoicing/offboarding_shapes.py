"""An off-boarding's plan -> the driver's list."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from haas.tenancy.brands import branding_of
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant
from invoicing.collection_paper import CollectionDocument, CollectionItem, CollectionStop
from invoicing.offboarding import OffboardingPlan


def collection_of(
    session: Session, tenant: Tenant, *, plan: OffboardingPlan, at: datetime, base_url: str
) -> CollectionDocument:
    """What is at the client now, in the partner's own language: its driver reads it."""
    branding = branding_of(session, session.get_one(Partner, tenant.partner_id))
    due = {order.asset_id: order.due_on for order in plan.returns}
    return CollectionDocument(
        branding=branding,
        language=branding.language,
        number=plan.client.number,
        client_name=plan.client.printed_name,
        client_address_lines=tuple(plan.client.printed_address),
        written_at=at,
        stops=tuple(
            CollectionStop(
                name=stop.site.name if stop.site else "",
                address_lines=tuple(stop.site.address) if stop.site else (),
                contact=stop.site.contact if stop.site else "",
                items=tuple(
                    CollectionItem(
                        tag=place.asset.tag,
                        serial=place.standing.serial,
                        description=f"{place.asset.model.manufacturer} {place.asset.model.name}",
                        kit=tuple(place.asset.model.kit),
                        lease_number=place.lease.number,
                        due_on=due.get(place.asset.id, place.lease.ends_on),
                    )
                    for place in stop.places
                ),
            )
            for stop in plan.stops
        ),
        portal_url=f"{base_url}/clients/{plan.client.id}/offboarding",
    )

"""Jobs of rises of prices: write to a client, amend a chunk of leases."""

from __future__ import annotations

import sqlalchemy as sa

from haas import clock, db, settings
from haas.documents import formatting
from haas.mail import Letter, send
from haas.tenancy.brands import branding_of
from haas.tenancy.models import Client, Partner
from haas.tenancy.scope import Tenant, scoped
from leases.models import Lease, Line
from leases.pricing import rises
from leases.pricing.rise_models import PriceRise, PriceRiseLine, PriceRiseNotice
from leases.readers import readers_of

_ACTOR = "job:price_rise"


def announce(*, partner_id: str, event_id: str, rise_id: str, client_id: str) -> None:
    """Tell one client, line by line, and record to whom the mail went. A repeat is the same message."""
    tenant = Tenant(partner_id, actor=_ACTOR, request_id=event_id)
    with db.unit_of_work(tenant) as session:
        rise = session.scalars(scoped(PriceRise, tenant).where(PriceRise.id == rise_id)).one()
        client = session.scalars(scoped(Client, tenant).where(Client.id == client_id)).one()
        rows = session.execute(
            sa.select(PriceRiseLine, Line.description, Lease.number, Lease.currency)
            .join(
                Line, sa.and_(Line.partner_id == PriceRiseLine.partner_id, Line.id == PriceRiseLine.line_id)
            )
            .join(
                Lease,
                sa.and_(Lease.partner_id == PriceRiseLine.partner_id, Lease.id == PriceRiseLine.lease_id),
            )
            .where(
                PriceRiseLine.partner_id == partner_id,
                PriceRiseLine.rise_id == rise_id,
                PriceRiseLine.client_id == client_id,
            )
            .order_by(Lease.number, Line.description, PriceRiseLine.id)
        ).all()
        readers = readers_of(session, tenant, client_ids=[client_id])[client_id]
        branding = branding_of(session, session.get_one(Partner, partner_id), with_logo=False)
    own = settings.current()
    # Ten equal laptops are one row of the letter.
    counted: dict[tuple[str, str, str, str], int] = {}
    for line, description, number, currency in rows:
        old, new = (
            formatting.money(price, currency, language=client.language)
            for price in (line.old_price, line.new_price)
        )
        key = (number, description, old, new)
        counted[key] = counted.get(key, 0) + 1
    for reader in readers:
        letter = Letter(
            message="price_rise",
            to=reader.email,
            to_name=reader.name,
            branding=branding,
            language=reader.language,
            time_zone=reader.time_zone,
            message_id=f"{event_id}.{reader.key}",
            values={
                "title": rise.title,
                "effective_on": rise.effective_on,
                "index_name": rise.index_name,
                "rows": [(count, *key) for key, count in counted.items()],
                "link": f"{own.base_url}/leases",
            },
        )
        send(own, letter, now=clock.now())
    with db.unit_of_work(tenant) as session:
        session.execute(
            sa.update(PriceRiseNotice)
            .where(
                PriceRiseNotice.partner_id == partner_id,
                PriceRiseNotice.rise_id == rise_id,
                PriceRiseNotice.client_id == client_id,
                PriceRiseNotice.mailed_at.is_(None),
            )
            .values(mailed_at=clock.now(), mailed_to=[reader.email for reader in readers])
        )


def apply_chunk(
    *, partner_id: str, event_id: str, rise_id: str, first_lease_id: str, last_lease_id: str
) -> None:
    """Amend a chunk of leases. A second run of this job finds them amended."""
    tenant = Tenant(partner_id, actor=_ACTOR, request_id=event_id)
    with db.unit_of_work(tenant) as session:
        rises.apply_chunk(
            session,
            tenant,
            rise_id=rise_id,
            first_lease_id=first_lease_id,
            last_lease_id=last_lease_id,
            at=clock.now(),
        )

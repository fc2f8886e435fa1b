"""The link that is mailed with a quote: a random secret kept as its HMAC, good for one decision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import db
from haas.auth.tokens import keyed_hash
from haas.calendar import ONE_DAY, start_of_day
from haas.errors import NotFound
from haas.ids import new_id, new_secret
from haas.tenancy.models import Client, Partner
from haas.tenancy.scope import Stranger, Tenant
from leases.quotes.models import Quote, QuoteLink

SHOWN_AFTERWARDS = timedelta(days=30)  # an old link still says what became of the quote


@dataclass(frozen=True, slots=True)
class Holder:
    """Whoever holds a link: sees what the client sees of this one quote, and acts in the link's name."""

    quote_id: str
    tenant: Tenant
    is_spent: bool


def make_link(session: Session, tenant: Tenant, *, quote: Quote, pepper: str, now: datetime) -> str:
    """A new secret for a quote; earlier links of it still show it, but decide nothing."""
    spend(session, tenant, quote_id=quote.id, now=now)
    if quote.valid_until is None:
        raise ValueError(f"{quote.number} was not sent")
    secret = new_secret()
    session.add(
        QuoteLink(
            partner_id=tenant.partner_id,
            id=new_id("qlk"),
            quote_id=quote.id,
            client_id=quote.client_id,
            token_hash=_hash(secret, pepper),
            created_at=now,
            expires_at=start_of_day(quote.valid_until + ONE_DAY, quote.time_zone) + SHOWN_AFTERWARDS,
        )
    )
    session.flush()
    return secret


def find_holder(secret: str, *, pepper: str, now: datetime, request_id: str = "") -> Holder:
    """Whose link this is. Opens its own unit of work: nobody is known yet.

    :raises NotFound: if it is too old, was never made, or its partner or client is shut out by now.
    """
    key = _hash(secret, pepper)
    with db.unit_of_work(Stranger(key)) as session:
        link = session.scalar(sa.select(QuoteLink).where(QuoteLink.token_hash == key))
    gone = NotFound("This link is too old, or was never made. Ask whoever sent it for a new one.")
    if link is None or link.expires_at <= now:
        raise gone
    tenant = Tenant(
        link.partner_id,
        client_id=link.client_id,
        actor=f"link:{link.id}",
        door="portal",
        request_id=request_id,
    )
    with db.unit_of_work(tenant) as session:
        if _is_shut_out(session, tenant):
            raise gone
    return Holder(quote_id=link.quote_id, tenant=tenant, is_spent=link.used_at is not None)


def spend(session: Session, tenant: Tenant, *, quote_id: str, now: datetime) -> None:
    """No link of this quote decides anything any more."""
    session.execute(
        sa.update(QuoteLink)
        .where(
            QuoteLink.partner_id == tenant.partner_id,
            QuoteLink.quote_id == quote_id,
            QuoteLink.used_at.is_(None),
        )
        .values(used_at=now)
        .execution_options(synchronize_session=False)
    )


def _is_shut_out(session: Session, tenant: Tenant) -> bool:
    """Whoever could not sign in any more answers by no link either."""
    partner = session.get(Partner, tenant.partner_id)
    client = session.get(Client, (tenant.partner_id, tenant.client_id))
    return (
        partner is None
        or partner.suspended_at is not None
        or client is None
        or client.archived_at is not None
    )


def _hash(secret: str, pepper: str) -> str:
    return keyed_hash(secret, pepper=pepper, purpose="quote_link")

"""Jobs and sweeps of quotes: print and keep papers, stage what was accepted, let old ones run out."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from haas import clock, db, outbox
from haas.errors import HaasError
from haas.files import store_file
from haas.settings import Settings
from haas.tenancy.brands import logo_png
from haas.tenancy.partners import working_partners
from haas.tenancy.scope import Tenant
from leases.quotes import papers, queries, sending, staging
from leases.quotes.paper import acceptance_pdf, quote_pdf

log = logging.getLogger(__name__)


def print_quote(*, partner_id: str, event_id: str, quote_id: str, **_: Any) -> None:
    """Print what was sent and keep it, then have it mailed. A second run finds it."""
    tenant = _tenant(partner_id, event_id)
    with db.unit_of_work(tenant) as session:
        quote = queries.get_quote(session, tenant, quote_id=quote_id)
        if quote.file_id is not None or quote.document is None:
            return
        document = papers.frozen(quote)
        logo = logo_png(session, document.branding, partner_id=partner_id)
    content = quote_pdf(document, logo=logo)  # a second of work: no transaction is held open for it
    with db.unit_of_work(tenant) as session:
        quote = queries.get_quote(session, tenant, quote_id=quote_id, lock=True)
        if quote.file_id is not None:
            return
        stored = store_file(
            session,
            tenant,
            kind="quote",
            name=f"{document.full_number}.pdf",
            media_type="application/pdf",
            content=content,
            client_id=quote.client_id,
            once_key=f"quote:{quote.id}",
        )
        quote.file_id = stored.id
        outbox.publish(
            session, tenant, "quote.printed", once_key=f"quote_printed:{quote.id}", quote_id=quote.id
        )


def print_acceptance(*, partner_id: str, event_id: str, quote_id: str, **_: Any) -> None:
    """Print what was signed and keep it, then have it mailed to both. A second run finds it."""
    tenant = _tenant(partner_id, event_id)
    with db.unit_of_work(tenant) as session:
        quote = queries.get_quote(session, tenant, quote_id=quote_id)
        acceptance = queries.find_acceptance(session, tenant, quote_id=quote_id)
        if acceptance is None or acceptance.file_id is not None:
            return
        document = papers.acceptance_of(session, tenant, quote=quote, acceptance=acceptance)
        logo = logo_png(session, document.quote.branding, partner_id=partner_id)
    content = acceptance_pdf(document, logo=logo)
    with db.unit_of_work(tenant) as session:
        queries.get_quote(session, tenant, quote_id=quote_id, lock=True)
        acceptance = queries.find_acceptance(session, tenant, quote_id=quote_id)
        if acceptance is None or acceptance.file_id is not None:
            return
        acceptance.file_id = store_file(
            session,
            tenant,
            kind="quote_acceptance",
            name=f"{document.quote.full_number}-accepted.pdf",
            media_type="application/pdf",
            content=content,
            client_id=acceptance.client_id,
            once_key=f"quote_acceptance:{acceptance.id}",
        ).id
        outbox.publish(
            session,
            tenant,
            "quote.acceptance_printed",
            once_key=f"acceptance_printed:{acceptance.id}",
            quote_id=quote_id,
        )


def stage(*, partner_id: str, event_id: str, quote_id: str, **_: Any) -> None:
    """Reserve what is on the shelf for an accepted quote, and note what must be bought."""
    tenant = _tenant(partner_id, event_id)
    with db.unit_of_work(tenant) as session:
        staging.stage(session, tenant, quote_id=quote_id, at=clock.now())


def expire(settings: Settings, now: datetime) -> None:
    """Quotes whose last day is over where their client is run out."""
    for tenant in _partners():
        with db.unit_of_work(tenant) as session:
            sending.expire_due(session, tenant, now=now)


def recount_needs(settings: Settings, now: datetime) -> None:
    """What is to be bought follows what was received and reserved. A partner's trouble stops no other's."""
    for tenant in _partners():
        try:
            with db.unit_of_work(tenant) as session:
                staging.recount_waiting(session, tenant, at=now)
        except HaasError as refusal:
            log.warning("purchase needs of %s put off: %s", tenant.partner_id, refusal)


def _partners() -> Iterator[Tenant]:
    for partner in working_partners(actor="job:quotes"):
        yield Tenant(partner.id, actor="job:quotes", door="job")


def _tenant(partner_id: str, event_id: str) -> Tenant:
    return Tenant(partner_id, actor="job:quotes", door="job", request_id=event_id)

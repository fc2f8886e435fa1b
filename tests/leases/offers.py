"""A quote to Acme made by the operations themselves: dull defaults for tests of what comes after."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from haas.tenancy.scope import Tenant
from leases.quotes import answers, drafting, papers, queries, sending, texts
from leases.quotes.answers import Signer
from leases.quotes.models import Quote, QuoteAcceptance
from tests.leases.fleet import a_model

TERMS = "Rent is due in advance.\n\nThe devices stay our property."
VALID_UNTIL = date(2099, 12, 31)


def published_terms(session: Session, tenant: Tenant, *, at: datetime, version: str = "2026-01") -> str:
    """Terms under a version; the ones there are, if they are."""
    known = queries.find_terms(session, tenant, version=version)
    return (known or texts.publish(session, tenant, version=version, body=TERMS, at=at)).id


def a_draft_quote(
    session: Session, tenant: Tenant, *, client_id: str, at: datetime, devices: int = 2, **head: Any
) -> Quote:
    """Laptops at 40.00 for 36 months (12 percent of what is left for leaving early), or rented at 55.00."""
    published_terms(session, tenant, at=at)
    model = a_model(session, tenant, at=at)
    quote = drafting.create_quote(session, tenant, client_id=client_id, at=at, title="Laptops", **head)
    lease = drafting.add_option(
        session, tenant, quote_id=quote.id, title="36 months", term_months=36, early_return_pct=Decimal(12)
    )
    rental = drafting.add_option(
        session, tenant, quote_id=quote.id, title="Rental", term_months=12, commercial_model="rental"
    )
    for option, price in ((lease, "40.00"), (rental, "55.00")):
        drafting.add_line(
            session,
            tenant,
            quote_id=quote.id,
            option_id=option.id,
            at=at,
            model_id=model.id,
            quantity=Decimal(devices),
            unit_price=Decimal(price),
        )
        drafting.add_line(
            session,
            tenant,
            quote_id=quote.id,
            option_id=option.id,
            at=at,
            kind="service",
            description="Care pack",
            unit_price=Decimal("5.00"),
        )
    return quote


def a_sent_quote(session: Session, tenant: Tenant, *, client_id: str, at: datetime, **more: Any) -> Quote:
    """The same, in the client's hands."""
    quote = a_draft_quote(session, tenant, client_id=client_id, at=at, **more)
    return sending.send(session, tenant, quote_id=quote.id, valid_until=VALID_UNTIL, at=at)


def option_named(quote: Quote, title: str = "36 months") -> str:
    """The id of an option of what was sent, by its title."""
    return next(option.id for option in papers.frozen(quote).options if option.title == title)


def accepted_quote(
    session: Session, tenant: Tenant, *, client_id: str, at: datetime, **more: Any
) -> QuoteAcceptance:
    """The 36 months, signed by Ada."""
    quote = a_sent_quote(session, tenant, client_id=client_id, at=at, **more)
    return answers.accept(
        session,
        tenant,
        quote_id=quote.id,
        option_id=option_named(quote),
        signer=Signer("Ada Client", "Practice manager", via="partner"),
        agreed=True,
        at=at,
    )

"""Copy a quote under a number of its own, or begin the next version of one that was sent."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from haas.errors import Conflict
from haas.ids import new_id
from haas.series import take_number
from haas.tenancy.scope import Tenant
from leases.quotes import drafting, queries
from leases.quotes.lifecycle import QuoteState
from leases.quotes.models import Quote, QuoteOption


def duplicate(session: Session, tenant: Tenant, *, quote_id: str, at: datetime) -> Quote:
    """A draft of its own with the same options, under a new number."""
    source = queries.get_quote(session, tenant, quote_id=quote_id)
    number = take_number(session, tenant, series="quote", pattern="Q-{:05d}")
    return _copy(session, tenant, source, number=number, revision=1, at=at)


def revise(session: Session, tenant: Tenant, *, quote_id: str, at: datetime) -> Quote:
    """The next version of a quote that was sent, as a draft. What was sent stands until this one is sent.

    :raises Conflict: if it is a draft, was accepted, or the next version is being written already.
    """
    source = queries.get_quote(session, tenant, quote_id=quote_id, lock=True)
    if source.state == QuoteState.DRAFT:
        raise Conflict(f"{source.number} is still a draft: edit it.")
    versions = queries.versions_of(session, tenant, number=source.number)
    if any(row.state == QuoteState.ACCEPTED for row in versions):
        raise Conflict(f"{source.number} was accepted. Change the lease, or duplicate the quote.")
    written = Conflict(f"A next version of {source.number} is being written already.")
    if any(row.state == QuoteState.DRAFT for row in versions):
        raise written
    try:
        with session.begin_nested():
            return _copy(
                session, tenant, source, number=source.number, revision=versions[0].revision + 1, at=at
            )
    except IntegrityError as rival:
        raise written from rival


def _copy(
    session: Session, tenant: Tenant, source: Quote, *, number: str, revision: int, at: datetime
) -> Quote:
    copied = (
        "client_id",
        "site_id",
        "currency",
        "time_zone",
        "contact_name",
        "contact_email",
        "intro",
        "title",
    )
    quote = Quote(
        partner_id=tenant.partner_id,
        id=new_id("quo"),
        number=number,
        revision=revision,
        created_at=at,
        **{name: getattr(source, name) for name in copied},
    )
    session.add(quote)
    session.flush()
    options, lines = [], []
    for each in queries.options_of(session, tenant, quote_id=source.id):
        option = QuoteOption(
            partner_id=tenant.partner_id,
            id=new_id("qop"),
            quote_id=quote.id,
            position=each.option.position,
            **{name: getattr(each.option, name) for name in drafting.TERMS},
        )
        options.append(option)
        lines += [drafting.copied_line(line, option) for line in each.lines]
    session.add_all(options)
    session.flush()  # the lines name their options
    session.add_all(lines)
    session.flush()
    return quote

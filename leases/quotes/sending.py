"""Send a quote, which freezes it; send the link again; take it back; let it run out."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from haas import outbox
from haas.calendar import local_day
from haas.errors import Conflict, InvalidInput
from haas.tenancy.scope import Tenant, scoped
from leases.quotes import links, papers, queries
from leases.quotes.document import QuoteDocument
from leases.quotes.errors import QuoteIncomplete
from leases.quotes.lifecycle import QUOTE_LIFECYCLE, QuoteState
from leases.quotes.models import Quote, TermsVersion

VALID_DAYS = 30  # where nobody says until when


def draft_document(session: Session, tenant: Tenant, *, quote: Quote, today: date) -> QuoteDocument:
    """The paper as it would be if it were sent now.

    :raises QuoteIncomplete: naming what is missing.
    """
    return _document(session, tenant, quote, terms=_terms_for(session, tenant, quote), today=today)


def _document(
    session: Session, tenant: Tenant, quote: Quote, *, terms: TermsVersion, today: date
) -> QuoteDocument:
    valid_until = quote.valid_until or today + timedelta(days=VALID_DAYS)
    document = papers.document_of(
        session, tenant, quote=quote, terms=terms, issued_on=today, valid_until=valid_until
    )
    if not document.options:
        raise QuoteIncomplete("Add an option before you send this quote.")
    for option in document.options:
        if not option.lines:
            raise QuoteIncomplete(f"The option {option.title} has no lines: add some, or take it away.")
    return document


def send(
    session: Session, tenant: Tenant, *, quote_id: str, at: datetime, valid_until: date | None = None
) -> Quote:
    """Freeze the quote and have it mailed. A version that was sent before is replaced by this one.

    :param valid_until: the last day on which it can be accepted; as written on the quote if left out.
    :raises QuoteIncomplete: if an option, a line or the terms are missing.
    :raises InvalidInput: for a last day that is over.
    """
    quote = queries.get_quote(session, tenant, quote_id=quote_id, lock=True)
    after = QUOTE_LIFECYCLE.after(QuoteState(quote.state), "send")
    today = local_day(at, quote.time_zone)
    if valid_until is not None:
        quote.valid_until = valid_until
    # Read once: what is frozen and what the quote names must be the same version.
    terms = _terms_for(session, tenant, quote)
    document = _document(session, tenant, quote, terms=terms, today=today)
    if document.valid_until < today:
        raise InvalidInput("This day is over: let the offer hold until a later one.", field="valid_until")
    if not quote.contact_email.strip():
        raise InvalidInput("Say where to send it.", field="contact_email")
    _replace_versions_before(session, tenant, quote, at=at)
    quote.valid_until = document.valid_until
    quote.terms_version_id = terms.id
    quote.document = msgspec.json.decode(document.to_json())
    quote.document_sha256 = document.sha256
    try:
        with session.begin_nested():
            quote.state = after
            quote.sent_at = at
            session.flush()
    except IntegrityError as rival:
        raise Conflict(f"Another version of {quote.number} was sent or accepted meanwhile.") from rival
    outbox.publish(session, tenant, "quote.sent", quote_id=quote.id)
    return quote


def send_again(session: Session, tenant: Tenant, *, quote_id: str, at: datetime) -> Quote:
    """Mail another link; the one before then only shows the quote."""
    quote = queries.get_quote(session, tenant, quote_id=quote_id, lock=True)
    if quote.state != QuoteState.SENT:
        raise Conflict(f"Quote {quote.number} is {quote.state}: there is nothing to answer.")
    outbox.publish(session, tenant, "quote.link_requested", quote_id=quote.id, asked_at=at.isoformat())
    return quote


def withdraw(session: Session, tenant: Tenant, *, quote_id: str, reason: str, at: datetime) -> Quote:
    """Take a quote back, or drop a draft. Whoever opens its link reads that it was withdrawn."""
    quote = queries.get_quote(session, tenant, quote_id=quote_id, lock=True)
    was_sent = quote.state == QuoteState.SENT
    _close(session, tenant, quote, "withdraw", reason=reason, at=at)
    if was_sent:
        outbox.publish(session, tenant, "quote.withdrawn", quote_id=quote.id)
    return quote


def expire_due(session: Session, tenant: Tenant, *, now: datetime) -> int:
    """Let every quote run out whose last day is over where its client is; answers how many."""
    waiting = session.scalars(
        scoped(Quote, tenant)
        .where(
            Quote.state == QuoteState.SENT,
            # No clock on earth is further ahead; each client's own day is asked below.
            Quote.valid_until < local_day(now, "Pacific/Kiritimati"),
        )
        .order_by(Quote.id)
        .with_for_update(skip_locked=True)
    ).all()
    due = [row for row in waiting if row.valid_until and row.valid_until < local_day(now, row.time_zone)]
    for quote in due:
        _close(session, tenant, quote, "expire", reason="", at=now)
        outbox.publish(session, tenant, "quote.expired", once_key=f"expired:{quote.id}", quote_id=quote.id)
    session.flush()
    return len(due)


def _replace_versions_before(session: Session, tenant: Tenant, quote: Quote, *, at: datetime) -> None:
    for earlier in session.scalars(
        scoped(Quote, tenant)
        .where(Quote.number == quote.number, Quote.state == QuoteState.SENT)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all():
        _close(session, tenant, earlier, "withdraw", reason=f"Replaced by version {quote.revision}", at=at)


def _close(session: Session, tenant: Tenant, quote: Quote, verb: str, *, reason: str, at: datetime) -> None:
    quote.state = QUOTE_LIFECYCLE.after(QuoteState(quote.state), verb)
    quote.reason = reason.strip()
    quote.decided_at = at
    links.spend(session, tenant, quote_id=quote.id, now=at)
    session.flush()


def _terms_for(session: Session, tenant: Tenant, quote: Quote) -> TermsVersion:
    if quote.terms_version_id is not None:
        return queries.get_terms(session, tenant, terms_id=quote.terms_version_id)
    newest = queries.newest_terms(session, tenant)
    if newest is None:
        raise QuoteIncomplete("Publish your terms first: a client accepts a quote under them.")
    return newest


def is_open(quote: Quote, *, now: datetime) -> bool:
    """Whether it can be answered: sent, and its last day is not over where the client is."""
    if quote.state != QuoteState.SENT or quote.valid_until is None:
        return False
    return local_day(now, quote.time_zone) <= quote.valid_until

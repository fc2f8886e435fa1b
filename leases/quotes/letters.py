"""Mails about quotes: the link to the client's contact; what became of it to both. A repeat is the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from haas import clock, db, settings
from haas.files import get_file
from haas.mail import Attachment, Letter, send
from haas.tenancy.branding import Branding
from haas.tenancy.brands import branding_of
from haas.tenancy.models import Client, Partner
from haas.tenancy.scope import Tenant, scoped
from leases.quotes import links, papers, queries
from leases.quotes.document import QuoteDocument
from leases.quotes.models import Quote, QuoteQuestion
from leases.quotes.sending import is_open
from leases.readers import Reader, sales_of

_ASKED_AGES_AGO = timedelta(hours=6)  # a job that was stuck for so long sends no surprise


def quote_sent(*, partner_id: str, event_id: str, quote_id: str, **_: Any) -> None:
    """Make the link of a quote and mail it with the paper. A second run's link voids the first."""
    _mail_link(partner_id, event_id, quote_id)


def link_requested(*, partner_id: str, event_id: str, quote_id: str, asked_at: str, **_: Any) -> None:
    """The same once more, because the first was lost."""
    if clock.now() - datetime.fromisoformat(asked_at) < _ASKED_AGES_AGO:
        _mail_link(partner_id, event_id, quote_id)


def quote_accepted(*, partner_id: str, event_id: str, quote_id: str, **_: Any) -> None:
    """The signed acceptance, to the client's contact and to the partner's sales people."""
    told = _tell(partner_id, event_id, quote_id)
    with db.unit_of_work(told.tenant) as session:
        acceptance = queries.find_acceptance(session, told.tenant, quote_id=quote_id)
        if acceptance is None:
            return
        attached = _attached(session, told.tenant, acceptance.file_id)
        option = told.document.option(acceptance.option_id)
        values = {
            "signer": acceptance.signer_name,
            "option": option.title if option else "",
            "accepted_at": acceptance.accepted_at,
        }
    # The contact may have no account: the paper says it all.
    _send(told, "quote_accepted", event_id, told.contact, {**values, "link": ""}, attachments=attached)
    for reader in told.sales:
        _send(told, "quote_accepted", event_id, reader, values, attachments=attached, inside=True)


def quote_declined(*, partner_id: str, event_id: str, quote_id: str, by: str, **_: Any) -> None:
    """Tell the partner's sales people, with the reason."""
    told = _tell(partner_id, event_id, quote_id)
    for reader in told.sales:
        _send(told, "quote_declined", event_id, reader, {"by": by}, inside=True)


def quote_expired(*, partner_id: str, event_id: str, quote_id: str, **_: Any) -> None:
    """Tell both that it has run out, and how to go on."""
    told = _tell(partner_id, event_id, quote_id)
    _send(told, "quote_expired", event_id, told.contact, {})
    for reader in told.sales:
        _send(told, "quote_expired", event_id, reader, {}, inside=True)


def quote_withdrawn(*, partner_id: str, event_id: str, quote_id: str, **_: Any) -> None:
    """Tell the client that what it holds is no offer any more."""
    told = _tell(partner_id, event_id, quote_id)
    _send(told, "quote_withdrawn", event_id, told.contact, {})


def question_asked(*, partner_id: str, event_id: str, quote_id: str, question_id: str, **_: Any) -> None:
    """Pass a client's question on to the partner's sales people."""
    told = _tell(partner_id, event_id, quote_id)
    with db.unit_of_work(told.tenant) as session:
        question = session.scalars(
            scoped(QuoteQuestion, told.tenant).where(QuoteQuestion.id == question_id)
        ).one()
    for reader in told.sales:
        _send(told, "quote_question", event_id, reader, {"question": question}, inside=True)


@dataclass(frozen=True, slots=True)
class _Told:
    """What every letter about a quote says, and who may get it."""

    tenant: Tenant
    quote: Quote
    document: QuoteDocument
    branding: Branding
    client: Client
    contact: Reader  # whom the quote names, in place of the client's own readers
    sales: list[Reader]


def _tell(partner_id: str, event_id: str, quote_id: str) -> _Told:
    tenant = Tenant(partner_id, actor="job:letters", door="job", request_id=event_id)
    with db.unit_of_work(tenant) as session:
        quote = queries.get_quote(session, tenant, quote_id=quote_id)
        client = session.scalars(scoped(Client, tenant).where(Client.id == quote.client_id)).one()
        branding = branding_of(session, session.get_one(Partner, partner_id), with_logo=False)
        sales = sales_of(session, tenant)
    contact = Reader(
        client.id,
        quote.contact_name or client.name,
        quote.contact_email,
        client.language,
        client.time_zone,
    )
    return _Told(
        tenant=tenant,
        quote=quote,
        document=papers.frozen(quote),
        branding=branding,
        client=client,
        contact=contact,
        sales=sales,
    )


def _mail_link(partner_id: str, event_id: str, quote_id: str) -> None:
    told, own, now = _tell(partner_id, event_id, quote_id), settings.current(), clock.now()
    # Committed before it is mailed: a link that arrives is always good.
    with db.unit_of_work(told.tenant) as session:
        quote = queries.get_quote(session, told.tenant, quote_id=quote_id, lock=True)
        if not is_open(quote, now=now):
            return  # answered, withdrawn or run out meanwhile
        secret = links.make_link(session, told.tenant, quote=quote, pepper=own.secret_key, now=now)
        attached = _attached(session, told.tenant, quote.file_id)
    _send(
        told,
        "quote_sent",
        event_id,
        told.contact,
        {"link": f"{own.base_url}/offers/{secret}", "valid_until": quote.valid_until},
        attachments=attached,
    )


def _send(
    told: _Told,
    message: str,
    event_id: str,
    reader: Reader,
    values: dict[str, Any],
    *,
    attachments: tuple[Attachment, ...] = (),
    inside: bool = False,
) -> None:
    own = settings.current()
    letter = Letter(
        message=message,
        to=reader.email,
        to_name=reader.name,
        branding=told.branding,
        language=reader.language,
        time_zone=reader.time_zone,
        message_id=f"{event_id}.{'sales.' if inside else ''}{reader.key}",
        values={
            "number": told.document.full_number,
            "title": told.document.title,
            "client_name": told.client.name,
            "reason": told.quote.reason,
            "inside": inside,
            "link": f"{own.base_url}/quotes/{told.quote.id}",
            **values,
        },
        attachments=attachments,
    )
    send(own, letter, now=clock.now())


def _attached(session: Session, tenant: Tenant, file_id: str | None) -> tuple[Attachment, ...]:
    if file_id is None:
        return ()
    stored = get_file(session, tenant, file_id=file_id)
    return (Attachment(stored.name, stored.media_type, stored.content),)

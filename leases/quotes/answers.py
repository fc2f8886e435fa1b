"""What a client does with a quote: accept one option, decline, ask. The same for link, portal and partner."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from haas import outbox
from haas.errors import Conflict, InvalidInput, NotFound
from haas.ids import new_id
from haas.tenancy.scope import Tenant
from leases.client_requests import in_the_partners_name
from leases.quotes import contracting, links, papers, queries
from leases.quotes.errors import QuoteNotOpen
from leases.quotes.lifecycle import QUOTE_LIFECYCLE, QuoteState
from leases.quotes.models import Quote, QuoteAcceptance, QuoteQuestion
from leases.quotes.sending import is_open

QUESTIONS_MOST = 50  # of one quote: an open page must not become a mail gun


@dataclass(frozen=True, slots=True)
class Signer:
    """Who agrees, and from where."""

    name: str
    title: str = ""
    via: str = "portal"  # link | portal | partner
    address: str = ""
    user_agent: str = ""


def accept(
    session: Session,
    tenant: Tenant,
    *,
    quote_id: str,
    option_id: str,
    signer: Signer,
    agreed: bool,
    at: datetime,
    document_sha256: str | None = None,
    over_limit_reason: str = "",
) -> QuoteAcceptance:
    """Agree to one option: the acceptance, the agreement if there is none, and the lease, in one transaction.

    Pressed again, it answers with the acceptance that there is.

    :param document_sha256: of what the person has read; none where it was a paper.
    :raises QuoteNotOpen: if it ran out, was taken back or replaced, or was answered otherwise.
    :raises InvalidInput: without a name or without agreeing to the terms.
    :raises OverCreditLimit: if the client may not owe that much more, and there is no reason to let it.
    """
    queries.get_quote(session, tenant, quote_id=quote_id)  # as this tenant sees it
    with in_the_partners_name(session, tenant) as partner:
        quote = queries.get_quote(session, partner, quote_id=quote_id, lock=True)
        before = queries.find_acceptance(session, partner, quote_id=quote.id)
        if before is not None and before.option_id == option_id:
            return before
        demand_open(quote, at=at)
        document = papers.frozen(quote)
        if document.option(option_id) is None:
            raise NotFound(f"There is no option {option_id} of quote {quote.number}.")
        if document_sha256 is not None and document_sha256 != quote.document_sha256:
            raise QuoteNotOpen("This is not the version that you have read. Open the quote again.")
        if not signer.name.strip():
            raise InvalidInput("Write your name.", field="signer_name")
        if not agreed:
            raise InvalidInput("Tick that you agree to the terms.", field="agreed")
        terms = queries.get_terms(session, partner, terms_id=quote.terms_version_id or "")
        lease = contracting.conclude(
            session,
            partner,
            quote=quote,
            option_id=option_id,
            terms=terms,
            signer=signer.name.strip(),
            at=at,
            over_limit_reason=over_limit_reason,
        )
        acceptance = QuoteAcceptance(
            partner_id=partner.partner_id,
            id=new_id("qac"),
            quote_id=quote.id,
            option_id=option_id,
            client_id=quote.client_id,
            lease_id=lease.id,
            via=signer.via,
            signer_name=signer.name.strip(),
            signer_title=signer.title.strip(),
            accepted_at=at,
            address=signer.address[:60],
            user_agent=signer.user_agent[:400],
            actor=partner.actor,
            terms_version_id=terms.id,
            terms_sha256=terms.sha256,
            document_sha256=quote.document_sha256,
        )
        quote.state = QUOTE_LIFECYCLE.after(QuoteState(quote.state), "accept")
        quote.lease_id = lease.id
        quote.decided_at = at
        try:
            with session.begin_nested():
                session.add(acceptance)
                session.flush()
        except IntegrityError as rival:
            raise QuoteNotOpen(f"Quote {quote.number} was answered at the same moment.") from rival
        links.spend(session, partner, quote_id=quote.id, now=at)
        outbox.publish(
            session,
            partner,
            "quote.accepted",
            once_key=f"accepted:{quote.id}",
            quote_id=quote.id,
            lease_id=lease.id,
        )
        session.flush()
        return acceptance


def decline(session: Session, tenant: Tenant, *, quote_id: str, reason: str, by: str, at: datetime) -> Quote:
    """Turn every option down, and say why.

    :raises QuoteNotOpen: if there is nothing to answer any more.
    """
    queries.get_quote(session, tenant, quote_id=quote_id)
    if not reason.strip():
        raise InvalidInput("Say why: a line is enough.", field="reason")
    with in_the_partners_name(session, tenant) as partner:
        quote = queries.get_quote(session, partner, quote_id=quote_id, lock=True)
        demand_open(quote, at=at)
        quote.state = QUOTE_LIFECYCLE.after(QuoteState(quote.state), "decline")
        quote.reason = reason.strip()
        quote.decided_at = at
        links.spend(session, partner, quote_id=quote.id, now=at)
        outbox.publish(session, partner, "quote.declined", quote_id=quote.id, by=by)
        session.flush()
        return quote


def ask(
    session: Session, tenant: Tenant, *, quote_id: str, text: str, by: str, at: datetime
) -> QuoteQuestion:
    """Ask the partner something; it is mailed to its sales people and kept with the quote.

    :raises QuoteNotOpen: if there is nothing to answer any more.
    """
    quote = queries.get_quote(session, tenant, quote_id=quote_id)
    demand_open(quote, at=at)
    if not text.strip():
        raise InvalidInput("Write your question.", field="text")
    if not by.strip():
        raise InvalidInput("Write your name, so that the answer finds you.", field="asked_by")
    if len(queries.questions_of(session, tenant, number=quote.number)) >= QUESTIONS_MOST:
        raise Conflict("That is many questions: please call.")
    question = QuoteQuestion(
        partner_id=tenant.partner_id,
        id=new_id("qqu"),
        quote_id=quote.id,
        client_id=quote.client_id,
        asked_by=by.strip(),
        text=text.strip(),
        asked_at=at,
    )
    session.add(question)
    outbox.publish(session, tenant, "quote.question_asked", quote_id=quote.id, question_id=question.id)
    session.flush()
    return question


def demand_open(quote: Quote, *, at: datetime) -> None:
    """Refuse to answer what cannot be answered any more, in words for whoever holds the link.

    :raises QuoteNotOpen: saying what became of it.
    """
    if is_open(quote, now=at):
        return
    words = {
        QuoteState.DRAFT: "This quote was not sent yet.",
        QuoteState.ACCEPTED: "This quote was accepted already.",
        QuoteState.DECLINED: "This quote was declined already. Ask for a new one.",
        QuoteState.WITHDRAWN: "This quote was withdrawn. Ask for a new one.",
    }
    raise QuoteNotOpen(words.get(QuoteState(quote.state), "This quote has run out. Ask for a new one."))

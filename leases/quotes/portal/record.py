"""/quotes/<id>: what stands in a quote and what became of it; its paper, as it is and as it would be."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from flask import Response, render_template

from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.documents import pictures
from haas.errors import NotFound
from haas.files import get_file
from haas.pages import downloads
from haas.rest.limits import EXPENSIVE, limiter
from haas.tenancy.brands import logo_png
from leases import queries as lease_queries
from leases import summaries
from leases.quotes import offers, papers, queries, sending, staging
from leases.quotes.document import QuoteDocument
from leases.quotes.errors import QuoteIncomplete
from leases.quotes.lifecycle import QuoteState
from leases.quotes.models import Quote
from leases.quotes.paper import quote_pdf
from leases.quotes.portal import words
from leases.quotes.portal.answering import offer_page
from leases.quotes.portal.doors import quotes

PREVIEWED_PAGES = 6
_KEPT = 8  # previews a process remembers: the pictures of one paper are asked for page by page


@quotes.get("/<quote_id>")
@requires("quote.read")
def show(quote_id: str) -> Any:
    """One version of a quote. A client's own people see the offer and answer it."""
    caller = current_caller()
    quote = queries.get_quote(caller.session, caller.tenant, quote_id=quote_id)
    if caller.tenant.client_id is not None:
        return offer_page(caller, quote)
    acceptance = queries.find_acceptance(caller.session, caller.tenant, quote_id=quote.id)
    lease = (
        lease_queries.get_lease(caller.session, caller.tenant, lease_id=quote.lease_id)
        if quote.lease_id
        else None
    )
    stored = get_file(caller.session, caller.tenant, file_id=quote.file_id) if quote.file_id else None
    return render_template(
        "portal/quotes/show.html",
        quote=quote,
        client=summaries.find_client(caller.session, caller.tenant, client_id=quote.client_id),
        options=offers.drafted(caller.session, caller.tenant, partner=caller.partner, quote=quote),
        versions=queries.versions_of(caller.session, caller.tenant, number=quote.number),
        questions=queries.questions_of(caller.session, caller.tenant, number=quote.number),
        acceptance=acceptance,
        lease=lease,
        empty_places=len(staging.empty_places(caller.session, caller.tenant, lease_id=lease.id))
        if lease
        else 0,
        pdf=stored,
        pages=pictures.count_pages(stored.content) if stored else 0,
        terms=queries.get_terms(caller.session, caller.tenant, terms_id=quote.terms_version_id)
        if quote.terms_version_id
        else None,
        is_draft=quote.state == QuoteState.DRAFT,
        is_open=sending.is_open(quote, now=clock.now()),
        shows_cost=caller.may("asset.cost.read"),
        words=words,
    )


@quotes.get("/<quote_id>/paper")
@requires("quote.read")
@limiter.limit(EXPENSIVE)
def paper(quote_id: str) -> str:
    """The paper page by page: of a draft as it would be if it were sent now."""
    caller = current_caller()
    quote = queries.get_quote(caller.session, caller.tenant, quote_id=quote_id)
    try:
        pages = pictures.count_pages(_printed(caller, quote))
        missing = ""
    except QuoteIncomplete as refusal:
        pages, missing = 0, refusal.message
    return render_template(
        "portal/quotes/paper.html",
        quote=quote,
        pages=min(pages, PREVIEWED_PAGES),
        missing=missing,
        is_draft=quote.state == QuoteState.DRAFT,
    )


@quotes.get("/<quote_id>/paper.pdf")
@requires("quote.read")
@limiter.limit(EXPENSIVE)
def paper_pdf(quote_id: str) -> Response:
    """The same as a PDF."""
    caller = current_caller()
    quote = queries.get_quote(caller.session, caller.tenant, quote_id=quote_id)
    return downloads.download(
        _asked_for(caller, quote),
        name=f"{quote.number}-{quote.revision}.pdf",
        media_type="application/pdf",
        inline=True,
    )


@quotes.get("/<quote_id>/paper/<int:number>.png")
@requires("quote.read")
def paper_page(quote_id: str, number: int) -> Response:
    """One page of it as a picture."""
    caller = current_caller()
    quote = queries.get_quote(caller.session, caller.tenant, quote_id=quote_id)
    return Response(pictures.page_png(_asked_for(caller, quote), number=number), mimetype="image/png")


def _asked_for(caller: Caller, quote: Quote) -> bytes:
    try:
        return _printed(caller, quote)
    except QuoteIncomplete as refusal:
        raise NotFound(refusal.message) from refusal


def _printed(caller: Caller, quote: Quote) -> bytes:
    """The stored paper; of what is not stored yet, the one that its document gives."""
    session, tenant = caller.session, caller.tenant
    if quote.file_id is not None:
        return get_file(session, tenant, file_id=quote.file_id).content
    if quote.document is not None:
        document = papers.frozen(quote)
    else:
        document = sending.draft_document(session, tenant, quote=quote, today=clock.today(quote.time_zone))
    logo = logo_png(session, document.branding, partner_id=tenant.partner_id)
    return _rendered(document.to_json(), logo)


@lru_cache(maxsize=_KEPT)
def _rendered(document: bytes, logo: bytes | None) -> bytes:
    return quote_pdf(QuoteDocument.from_json(document), logo=logo)

"""REST: /v1/quotes, written by the partner, answered by the client."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from flask_smorest import Blueprint

from haas import clock
from haas.auth.caller import current_caller, requires
from haas.errors import NotFound
from haas.files import get_file
from haas.pages.downloads import download
from haas.rest.etags import demand_match, etag_of
from haas.rest.openapi import page_of
from haas.rest.paging import Sort, fetch_page
from leases.credit import release_reason
from leases.quotes import answers, drafting, offers, queries, sending, versions
from leases.quotes.answers import Signer
from leases.quotes.errors import QuoteNotOpen
from leases.quotes.models import Quote, QuoteAcceptance, QuoteQuestion
from leases.quotes.queries import QuoteFilter
from leases.quotes.schemas import (
    AcceptanceOfQuoteResource,
    AcceptQuoteRequest,
    CopyOptionRequest,
    DeclineQuoteRequest,
    DraftedLineResource,
    OfferedLineRequest,
    OptionChange,
    OptionRequest,
    QuestionRequest,
    QuestionResource,
    QuoteDetailResource,
    QuoteHeadChange,
    QuoteHeadRequest,
    QuoteListed,
    QuoteResource,
    SendQuoteRequest,
    WithdrawQuoteRequest,
)
from leases.quotes.shapes import shape_quote

blueprint = Blueprint("quotes_api", __name__, url_prefix="/v1/quotes", description="Quotes")

_NEWEST = Sort(Quote.id, Quote.id, descending=True)


@blueprint.get("")
@requires("quote.read")
@blueprint.arguments(QuoteListed, location="query")
@blueprint.response(200, page_of(QuoteResource))
def list_quotes(query: dict[str, Any]) -> dict[str, Any]:
    """Quotes, every version, newest first. A client's own people see what was sent to them."""
    caller = current_caller()
    wanted = QuoteFilter(
        states=(query["state"],) if query.get("state") else (),
        client_id=query.get("client_id"),
        number_prefix=query.get("number"),
    )
    page = fetch_page(
        caller.session,
        queries.list_quotes(caller.tenant, where=wanted),
        sort=_NEWEST,
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    return {"items": page.rows, "next": page.older}


@blueprint.post("")
@requires("quote.manage")
@blueprint.arguments(QuoteHeadRequest)
@blueprint.response(201, QuoteDetailResource)
def create_quote(quote: dict[str, Any]) -> Any:
    """Begin a quote for a client."""
    caller = current_caller()
    made = drafting.create_quote(caller.session, caller.tenant, at=clock.now(), **quote)
    return _shaped(made), 201, _headers(made)


@blueprint.get("/<quote_id>")
@requires("quote.read")
@blueprint.response(200, QuoteDetailResource)
def get_quote(quote_id: str) -> Any:
    """One version of a quote with its options."""
    caller = current_caller()
    found = queries.get_quote(caller.session, caller.tenant, quote_id=quote_id)
    return _shaped(found), 200, {"ETag": etag_of(found)}


@blueprint.patch("/<quote_id>")
@requires("quote.manage")
@blueprint.arguments(QuoteHeadChange)
@blueprint.response(200, QuoteDetailResource)
def edit_quote(changes: dict[str, Any], quote_id: str) -> Any:
    """Change a draft's head. With If-Match, only if nobody changed it meanwhile."""
    caller = current_caller()
    demand_match(queries.get_quote(caller.session, caller.tenant, quote_id=quote_id, lock=True))
    edited = drafting.edit_quote(caller.session, caller.tenant, quote_id=quote_id, changes=changes)
    return _shaped(edited), 200, {"ETag": etag_of(edited)}


@blueprint.post("/<quote_id>/options")
@requires("quote.manage")
@blueprint.arguments(OptionRequest)
@blueprint.response(201, QuoteDetailResource)
def add_option(option: dict[str, Any], quote_id: str) -> Any:
    """Add another way to have it; the answer is the whole quote."""
    caller = current_caller()
    drafting.add_option(caller.session, caller.tenant, quote_id=quote_id, **option)
    return _again(quote_id), 201


@blueprint.patch("/<quote_id>/options/<option_id>")
@requires("quote.manage")
@blueprint.arguments(OptionChange)
@blueprint.response(200, QuoteDetailResource)
def edit_option(changes: dict[str, Any], quote_id: str, option_id: str) -> Any:
    """Change some terms of an option."""
    caller = current_caller()
    drafting.edit_option(
        caller.session, caller.tenant, quote_id=quote_id, option_id=option_id, changes=changes
    )
    return _again(quote_id)


@blueprint.delete("/<quote_id>/options/<option_id>")
@requires("quote.manage")
@blueprint.response(204)
def remove_option(quote_id: str, option_id: str) -> None:
    """Take an option with its lines off a draft."""
    caller = current_caller()
    drafting.remove_option(caller.session, caller.tenant, quote_id=quote_id, option_id=option_id)


@blueprint.post("/<quote_id>/options/<option_id>/copy")
@requires("quote.manage")
@blueprint.arguments(CopyOptionRequest)
@blueprint.response(201, QuoteDetailResource)
def copy_option(wanted: dict[str, Any], quote_id: str, option_id: str) -> Any:
    """The same option with its lines once more, under another title."""
    caller = current_caller()
    drafting.copy_option(caller.session, caller.tenant, quote_id=quote_id, option_id=option_id, **wanted)
    return _again(quote_id), 201


@blueprint.post("/<quote_id>/options/<option_id>/lines")
@requires("quote.manage")
@blueprint.arguments(OfferedLineRequest)
@blueprint.response(201, DraftedLineResource)
def add_line(line: dict[str, Any], quote_id: str, option_id: str) -> Any:
    """Add so many of one thing to an option."""
    caller = current_caller()
    return drafting.add_line(
        caller.session, caller.tenant, quote_id=quote_id, option_id=option_id, at=clock.now(), **line
    ), 201


@blueprint.delete("/<quote_id>/options/<option_id>/lines/<offered_line_id>")
@requires("quote.manage")
@blueprint.response(204)
def remove_line(quote_id: str, option_id: str, offered_line_id: str) -> None:
    """Take a line off an option."""
    caller = current_caller()
    drafting.remove_line(
        caller.session, caller.tenant, quote_id=quote_id, option_id=option_id, line_id=offered_line_id
    )


@blueprint.post("/<quote_id>/send")
@requires("quote.manage")
@blueprint.arguments(SendQuoteRequest)
@blueprint.response(200, QuoteDetailResource)
def send(wanted: dict[str, Any], quote_id: str) -> Any:
    """Freeze the quote and have it mailed; the version sent before is replaced."""
    caller = current_caller()
    sent = sending.send(caller.session, caller.tenant, quote_id=quote_id, at=clock.now(), **wanted)
    return _shaped(sent)


@blueprint.post("/<quote_id>/send-again")
@requires("quote.manage")
@blueprint.response(200, QuoteResource)
def send_again(quote_id: str) -> Quote:
    """Mail a new link; the one before decides nothing any more."""
    caller = current_caller()
    return sending.send_again(caller.session, caller.tenant, quote_id=quote_id, at=clock.now())


@blueprint.post("/<quote_id>/withdraw")
@requires("quote.manage")
@blueprint.arguments(WithdrawQuoteRequest)
@blueprint.response(200, QuoteResource)
def withdraw(why: dict[str, Any], quote_id: str) -> Quote:
    """Take a quote back, or drop a draft."""
    caller = current_caller()
    return sending.withdraw(caller.session, caller.tenant, quote_id=quote_id, at=clock.now(), **why)


@blueprint.post("/<quote_id>/duplicate")
@requires("quote.manage")
@blueprint.response(201, QuoteDetailResource)
def duplicate(quote_id: str) -> Any:
    """A draft of its own with the same options."""
    caller = current_caller()
    made = versions.duplicate(caller.session, caller.tenant, quote_id=quote_id, at=clock.now())
    return _shaped(made), 201, _headers(made)


@blueprint.post("/<quote_id>/revise")
@requires("quote.manage")
@blueprint.response(201, QuoteDetailResource)
def revise(quote_id: str) -> Any:
    """Begin the next version; what was sent stands until it is sent."""
    caller = current_caller()
    made = versions.revise(caller.session, caller.tenant, quote_id=quote_id, at=clock.now())
    return _shaped(made), 201, _headers(made)


@blueprint.post("/<quote_id>/accept")
@requires("quote.accept")
@blueprint.arguments(AcceptQuoteRequest)
@blueprint.response(201, AcceptanceOfQuoteResource)
def accept(consent: dict[str, Any], quote_id: str) -> Any:
    """Agree to one option: for the client itself, or by the partner on a signed paper. Twice is once."""
    caller = current_caller()
    made = answers.accept(
        caller.session,
        caller.tenant,
        quote_id=quote_id,
        option_id=consent["option_id"],
        agreed=consent["agreed"],
        document_sha256=consent["document_sha256"],
        over_limit_reason=release_reason(caller, consent["over_limit_reason"]),
        signer=Signer(
            consent["signer_name"],
            consent["signer_title"],
            via="portal" if caller.tenant.client_id else "partner",
            address=request.remote_addr or "",
            user_agent=request.headers.get("User-Agent", ""),
        ),
        at=clock.now(),
    )
    return made, 201


@blueprint.post("/<quote_id>/decline")
@requires("quote.accept")
@blueprint.arguments(DeclineQuoteRequest)
@blueprint.response(200, QuoteResource)
def decline(why: dict[str, Any], quote_id: str) -> Quote:
    """Turn every option down."""
    caller = current_caller()
    return answers.decline(
        caller.session, caller.tenant, quote_id=quote_id, by=caller.user.name, at=clock.now(), **why
    )


@blueprint.post("/<quote_id>/questions")
@requires("quote.accept")
@blueprint.arguments(QuestionRequest)
@blueprint.response(201, QuestionResource)
def ask(question: dict[str, Any], quote_id: str) -> Any:
    """Ask before deciding."""
    caller = current_caller()
    asked: QuoteQuestion = answers.ask(
        caller.session, caller.tenant, quote_id=quote_id, by=caller.user.name, at=clock.now(), **question
    )
    return asked, 201


@blueprint.get("/<quote_id>/questions")
@requires("quote.read")
@blueprint.response(200, QuestionResource(many=True))
def list_questions(quote_id: str) -> Any:
    """What was asked about any version of this quote, newest first."""
    caller = current_caller()
    quote = queries.get_quote(caller.session, caller.tenant, quote_id=quote_id)
    return queries.questions_of(caller.session, caller.tenant, number=quote.number)


@blueprint.get("/<quote_id>/acceptance")
@requires("quote.read")
@blueprint.response(200, AcceptanceOfQuoteResource)
def get_acceptance(quote_id: str) -> QuoteAcceptance:
    """What the client signed."""
    caller = current_caller()
    queries.get_quote(caller.session, caller.tenant, quote_id=quote_id)
    found = queries.find_acceptance(caller.session, caller.tenant, quote_id=quote_id)
    if found is None:
        raise NotFound("This quote was not accepted.")
    return found


@blueprint.get("/<quote_id>/pdf")
@requires("quote.read")
@blueprint.response(
    200, {"type": "string", "format": "binary"}, content_type="application/pdf", description="The paper"
)
def get_pdf(quote_id: str) -> Response:
    """The paper as it was sent; 409 before that, and while it is being printed."""
    caller = current_caller()
    quote = queries.get_quote(caller.session, caller.tenant, quote_id=quote_id)
    if quote.file_id is None:
        raise QuoteNotOpen(f"Quote {quote.number} was not sent yet, or is being printed.")
    stored = get_file(caller.session, caller.tenant, file_id=quote.file_id)
    answer = download(stored.content, name=stored.name, media_type=stored.media_type)
    answer.headers["ETag"] = f'"{stored.sha256}"'
    return answer


def _again(quote_id: str) -> dict[str, Any]:
    caller = current_caller()
    return _shaped(queries.get_quote(caller.session, caller.tenant, quote_id=quote_id))


def _shaped(quote: Quote) -> dict[str, Any]:
    caller = current_caller()
    written = (
        offers.drafted(caller.session, caller.tenant, partner=caller.partner, quote=quote)
        if caller.tenant.client_id is None
        else []
    )
    return shape_quote(caller, quote, written)


def _headers(quote: Quote) -> dict[str, str]:
    return {"Location": f"/v1/quotes/{quote.id}", "ETag": etag_of(quote)}

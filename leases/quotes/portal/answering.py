"""The client's page of a quote: compare, choose, read the terms, sign; the same by link and in the portal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.errors import NotFound
from haas.pages.forms import Form, blank_form, read_form
from haas.tenancy.scope import Tenant
from leases.credit import release_reason
from leases.portal.doors import attempt
from leases.quotes import answers, papers, queries, sending
from leases.quotes.answers import Signer
from leases.quotes.forms import AskForm, RefuseForm, SignForm
from leases.quotes.models import Quote
from leases.quotes.portal import words
from leases.quotes.portal.doors import quotes


@dataclass(frozen=True, slots=True)
class Ways:
    """Where the pages of one quote are, for whoever looks at it."""

    show: str
    accept: Callable[[str], str]  # option -> the page to sign on
    decline: str
    ask: str
    pdf: str | None  # none until a job has printed it
    may_answer: bool
    template: str  # what it is set in: the portal, or the bare page of a link
    lease: str | None = None


def ways_inside(caller: Caller, quote: Quote) -> Ways:
    """In the portal, for people who are signed in."""

    def accept_at(option_id: str) -> str:
        return url_for("quotes.accept", quote_id=quote.id, option_id=option_id)

    return Ways(
        show=url_for("quotes.show", quote_id=quote.id),
        accept=accept_at,
        decline=url_for("quotes.decline", quote_id=quote.id),
        ask=url_for("quotes.ask", quote_id=quote.id),
        pdf=url_for("quotes.paper_pdf", quote_id=quote.id),
        may_answer=caller.may("quote.accept"),
        template="portal/quotes/inside.html",
        lease=url_for("leases.show", lease_id=quote.lease_id) if quote.lease_id else None,
    )


def offer_page(caller: Caller, quote: Quote, *, form: Form | None = None) -> str:
    """The offer as its client reads it in the portal."""
    return render_offer(
        caller.session,
        caller.tenant,
        quote,
        ways_inside(caller, quote),
        form=form or blank_form(asked_by=caller.user.name, text=""),
    )


def render_offer(session: Session, tenant: Tenant, quote: Quote, ways: Ways, *, form: Form) -> str:
    """The options side by side, what became of the quote, and the question form."""
    return render_template(
        "portal/quotes/offer.html",
        quote=quote,
        document=papers.frozen(quote),
        is_open=sending.is_open(quote, now=clock.now()),
        acceptance=queries.find_acceptance(session, tenant, quote_id=quote.id),
        questions=queries.questions_of(session, tenant, number=quote.number),
        ways=ways,
        form=form,
        words=words,
    )


def render_signing(quote: Quote, ways: Ways, *, option_id: str, form: Form) -> str:
    """One option with the terms as they were frozen with it, and where to sign.

    :raises NotFound: if the quote has no such option.
    """
    document = papers.frozen(quote)
    option = document.option(option_id)
    if option is None:
        raise NotFound(f"There is no option {option_id} of quote {quote.number}.")
    return render_template(
        "portal/quotes/sign.html",
        quote=quote,
        document=document,
        option=option,
        is_open=sending.is_open(quote, now=clock.now()),
        ways=ways,
        form=form,
        words=words,
    )


def signer_of(data: dict[str, Any], *, via: str) -> Signer:
    """Who signs, and from where."""
    return Signer(
        data["signer_name"],
        data["signer_title"],
        via=via,
        address=request.remote_addr or "",
        user_agent=request.headers.get("User-Agent", ""),
    )


@quotes.route("/<quote_id>/options/<option_id>/accept", methods=["GET", "POST"])
@requires("quote.accept")
def accept(quote_id: str, option_id: str) -> Any:
    """Sign for one option: the client itself, or the partner on a signed paper."""
    caller = current_caller()
    quote = queries.get_quote(caller.session, caller.tenant, quote_id=quote_id)
    if quote.document is None:
        raise NotFound(f"Quote {quote.number} was not sent yet.")
    own = caller.tenant.client_id is not None
    if request.method == "GET":
        form = blank_form(signer_name=caller.user.name if own else "", signer_title="", agreed=False)
    else:
        form = read_form(SignForm)
        if form.data is not None:
            data = form.data
            reason = release_reason(caller, data["over_limit_reason"])
            signer = signer_of(data, via="portal" if own else "partner")

            def sign() -> None:
                # What was written before a refusal must not be there when the page is drawn again.
                with caller.session.begin_nested():
                    answers.accept(
                        caller.session,
                        caller.tenant,
                        quote_id=quote_id,
                        option_id=option_id,
                        signer=signer,
                        agreed=data["agreed"],
                        document_sha256=data["document_sha256"],
                        over_limit_reason=reason,
                        at=clock.now(),
                    )

            if attempt(form, sign):
                flash(_("%(number)s is accepted.", number=quote.number), "success")
                return redirect(url_for(".show", quote_id=quote_id), 303)
    page = render_signing(
        queries.get_quote(caller.session, caller.tenant, quote_id=quote_id),
        ways_inside(caller, quote),
        option_id=option_id,
        form=form,
    )
    return page, 422 if form.errors else 200


@quotes.route("/<quote_id>/decline", methods=["GET", "POST"])
@requires("quote.accept")
def decline(quote_id: str) -> Any:
    """Turn every option down, with a reason."""
    caller = current_caller()
    quote = queries.get_quote(caller.session, caller.tenant, quote_id=quote_id)
    form = blank_form(reason="") if request.method == "GET" else read_form(RefuseForm)
    if request.method == "POST" and form.data is not None:
        reason = form.data["reason"]
        if attempt(
            form,
            lambda: answers.decline(
                caller.session,
                caller.tenant,
                quote_id=quote_id,
                reason=reason,
                by=caller.user.name,
                at=clock.now(),
            ),
        ):
            flash(_("%(number)s is declined.", number=quote.number), "success")
            return redirect(url_for(".show", quote_id=quote_id), 303)
    page = render_template(
        "portal/quotes/decline.html", quote=quote, ways=ways_inside(caller, quote), form=form
    )
    return page, 422 if form.errors else 200


@quotes.post("/<quote_id>/questions")
@requires("quote.accept")
def ask(quote_id: str) -> Any:
    """Ask before deciding."""
    caller = current_caller()
    quote = queries.get_quote(caller.session, caller.tenant, quote_id=quote_id)
    form = read_form(AskForm)
    if form.data is not None:
        text, by = form.data["text"], form.data["asked_by"]
        if attempt(
            form,
            lambda: answers.ask(
                caller.session, caller.tenant, quote_id=quote_id, text=text, by=by, at=clock.now()
            ),
        ):
            flash(_("Your question is on its way."), "success")
            return redirect(url_for(".show", quote_id=quote_id), 303)
    return offer_page(caller, quote, form=form), 422

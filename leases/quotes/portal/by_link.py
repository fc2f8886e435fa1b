"""/offers/<secret>: what the mailed link opens, for a client without an account, in the partner's brand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, current_app, flash, g, redirect, render_template, request, url_for
from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from haas import clock, db
from haas.auth.caller import public
from haas.errors import HaasError, NotFound
from haas.files import get_file
from haas.pages import downloads
from haas.pages.forms import Form, blank_form, read_form
from haas.rest.limits import GUESSABLE, limiter
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant
from leases.quotes import answers, links, papers, queries, sending
from leases.quotes.errors import QuoteNotOpen
from leases.quotes.forms import AskForm, RefuseForm, SignForm
from leases.quotes.links import Holder
from leases.quotes.models import Quote
from leases.quotes.portal.answering import Ways, render_offer, render_signing, signer_of

blueprint = Blueprint("quote_links", __name__, url_prefix="/offers")

WHY = "the address itself, sent by mail, says whose quote it is"


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody with a link, within one transaction in the name of that link."""

    session: Session
    tenant: Tenant
    quote: Quote
    ways: Ways


@blueprint.get("/<secret>")
@public(WHY)
@limiter.limit(GUESSABLE)
def show(secret: str) -> Any:
    """Compare the options; or read what became of the quote."""

    def page(visit: Visit) -> Any:
        return render_offer(visit.session, visit.tenant, visit.quote, visit.ways, form=_ask_form(visit))

    return _visit(secret, page)


@blueprint.route("/<secret>/options/<option_id>", methods=["GET", "POST"])
@public(WHY)
@limiter.limit(GUESSABLE)
def accept(secret: str, option_id: str) -> Any:
    """Read the terms, write one's name, tick, sign."""
    form = blank_form(signer_name="", signer_title="", agreed=False)
    if request.method == "POST":
        form = read_form(SignForm)
        if form.data is not None:
            data = form.data
            signer = signer_of(data, via="link")
            if _act(
                secret,
                form,
                lambda session, holder: answers.accept(
                    session,
                    holder.tenant,
                    quote_id=holder.quote_id,
                    option_id=option_id,
                    signer=signer,
                    agreed=data["agreed"],
                    document_sha256=data["document_sha256"],
                    at=clock.now(),
                ),
            ):
                return redirect(url_for(".show", secret=secret), 303)

    def page(visit: Visit) -> Any:
        return render_signing(visit.quote, visit.ways, option_id=option_id, form=form), (
            422 if form.errors else 200
        )

    return _visit(secret, page)


@blueprint.route("/<secret>/decline", methods=["GET", "POST"])
@public(WHY)
@limiter.limit(GUESSABLE)
def decline(secret: str) -> Any:
    """Turn every option down, with a reason."""
    form = blank_form(reason="")
    if request.method == "POST":
        form = read_form(RefuseForm)
        if form.data is not None:
            reason = form.data["reason"]
            if _act(secret, form, lambda session, holder: _decline(session, holder, reason)):
                return redirect(url_for(".show", secret=secret), 303)

    def page(visit: Visit) -> Any:
        return render_template("portal/quotes/decline.html", quote=visit.quote, ways=visit.ways, form=form), (
            422 if form.errors else 200
        )

    return _visit(secret, page)


@blueprint.post("/<secret>/questions")
@public(WHY)
@limiter.limit(GUESSABLE)
def ask(secret: str) -> Any:
    """Ask before deciding."""
    form = read_form(AskForm)
    if form.data is not None:
        text, by = form.data["text"], form.data["asked_by"]
        if _act(
            secret,
            form,
            lambda session, holder: answers.ask(
                session, holder.tenant, quote_id=holder.quote_id, text=text, by=by, at=clock.now()
            ),
        ):
            flash(_("Your question is on its way."), "success")
            return redirect(url_for(".show", secret=secret), 303)

    def page(visit: Visit) -> Any:
        return render_offer(visit.session, visit.tenant, visit.quote, visit.ways, form=form), 422

    return _visit(secret, page)


@blueprint.get("/<secret>/quote.pdf")
@public(WHY)
@limiter.limit(GUESSABLE)
def pdf(secret: str) -> Any:
    """The paper; what was signed once it is."""

    def page(visit: Visit) -> Response:
        signed = queries.find_acceptance(visit.session, visit.tenant, quote_id=visit.quote.id)
        file_id = (signed.file_id if signed else None) or visit.quote.file_id
        if file_id is None:
            raise NotFound(_("The paper is being printed. Try again in a moment."))
        stored = get_file(visit.session, visit.tenant, file_id=file_id)
        return downloads.download(stored.content, name=stored.name, media_type=stored.media_type, inline=True)

    return _visit(secret, page)


def _visit(secret: str, page: Callable[[Visit], Any]) -> Any:
    """Draw a page for whoever holds the link, in the client's language and the partner's brand."""
    try:
        holder = _holder(secret)
    except NotFound as gone:
        return render_template("portal/quotes/link_gone.html", message=gone.message), 404
    with _named(holder) as visit, force_locale(papers.frozen(visit.quote).language):
        return page(visit)


def _act(secret: str, form: Form, act: Callable[[Session, Holder], Any]) -> bool:
    """Do what the form asks for, in a transaction of its own: a refusal leaves nothing behind."""
    try:
        holder = _holder(secret)
        if holder.is_spent:
            raise QuoteNotOpen(_("This link was used already, or replaced by a newer one."))
        with db.unit_of_work(holder.tenant) as session:
            act(session, holder)
    except HaasError as refusal:
        form.refuse(refusal)
        return False
    return True


def _decline(session: Session, holder: Holder, reason: str) -> None:
    quote = queries.get_quote(session, holder.tenant, quote_id=holder.quote_id)
    answers.decline(
        session,
        holder.tenant,
        quote_id=quote.id,
        reason=reason,
        by=quote.contact_name or quote.contact_email,
        at=clock.now(),
    )


@contextmanager
def _named(holder: Holder) -> Iterator[Visit]:
    with db.unit_of_work(holder.tenant) as session:
        g.brand_partner = session.get_one(Partner, holder.tenant.partner_id)
        quote = queries.get_quote(session, holder.tenant, quote_id=holder.quote_id)
        secret = str((request.view_args or {})["secret"])
        yield Visit(
            session,
            holder.tenant,
            quote,
            Ways(
                show=url_for(".show", secret=secret),
                accept=lambda option_id: url_for(".accept", secret=secret, option_id=option_id),
                decline=url_for(".decline", secret=secret),
                ask=url_for(".ask", secret=secret),
                pdf=url_for(".pdf", secret=secret) if quote.file_id else None,
                may_answer=not holder.is_spent and sending.is_open(quote, now=clock.now()),
                template="portal/quotes/outside.html",
            ),
        )


def _holder(secret: str) -> Holder:
    return links.find_holder(
        secret,
        pepper=current_app.config["HAAS"].secret_key,
        now=clock.now(),
        request_id=g.get("request_id", ""),
    )


def _ask_form(visit: Visit) -> Form:
    return blank_form(asked_by=visit.quote.contact_name, text="")

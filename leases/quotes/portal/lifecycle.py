"""Send a quote, take it back, copy it, begin its next version."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.errors import HaasError
from haas.pages.forms import Form, blank_form, read_form
from leases import summaries
from leases.portal.doors import attempt, attempt_or_flash
from leases.quotes import queries, sending, versions
from leases.quotes.forms import WithdrawForm
from leases.quotes.models import Quote
from leases.quotes.portal.doors import quotes
from leases.quotes.schemas import SendQuoteRequest


@quotes.route("/<quote_id>/send", methods=["GET", "POST"])
@requires("quote.manage")
def send(quote_id: str) -> Any:
    """What will be frozen and mailed to whom; then send it."""
    caller = current_caller()
    quote = queries.get_quote(caller.session, caller.tenant, quote_id=quote_id)
    if request.method == "GET":
        until = quote.valid_until or clock.today(quote.time_zone) + timedelta(days=sending.VALID_DAYS)
        return _send_page(caller, blank_form(valid_until=until.isoformat()), quote)
    form = read_form(SendQuoteRequest)
    if form.data is not None:
        until = form.data["valid_until"]
        if attempt(
            form,
            lambda: sending.send(
                caller.session, caller.tenant, quote_id=quote_id, valid_until=until, at=clock.now()
            ),
        ):
            flash(_("%(number)s is on its way to %(email)s.", number=quote.number, email=quote.contact_email))
            return redirect(url_for(".show", quote_id=quote_id), 303)
    return _send_page(caller, form, quote), 422


@quotes.post("/<quote_id>/send-again")
@requires("quote.manage")
def send_again(quote_id: str) -> Any:
    """Mail a new link."""
    caller = current_caller()
    if attempt_or_flash(
        lambda: sending.send_again(caller.session, caller.tenant, quote_id=quote_id, at=clock.now())
    ):
        flash(_("A new link is on its way. The one before only shows the quote."), "success")
    return redirect(url_for(".show", quote_id=quote_id), 303)


@quotes.route("/<quote_id>/withdraw", methods=["GET", "POST"])
@requires("quote.manage")
def withdraw(quote_id: str) -> Any:
    """Take a quote back, or drop a draft; the client reads the reason."""
    caller = current_caller()
    quote = queries.get_quote(caller.session, caller.tenant, quote_id=quote_id)
    form = blank_form(reason="") if request.method == "GET" else read_form(WithdrawForm)
    if request.method == "POST" and form.data is not None:
        reason = form.data["reason"]
        if attempt(
            form,
            lambda: sending.withdraw(
                caller.session, caller.tenant, quote_id=quote_id, reason=reason, at=clock.now()
            ),
        ):
            flash(_("%(number)s is withdrawn.", number=quote.number), "success")
            return redirect(url_for(".show", quote_id=quote_id), 303)
    page = render_template("portal/quotes/withdraw.html", form=form, quote=quote)
    return page, 422 if form.errors else 200


@quotes.post("/<quote_id>/duplicate")
@requires("quote.manage")
def duplicate(quote_id: str) -> Any:
    """A draft of its own with the same options."""
    caller = current_caller()
    made = versions.duplicate(caller.session, caller.tenant, quote_id=quote_id, at=clock.now())
    flash(_("This is the copy, %(number)s.", number=made.number), "success")
    return redirect(url_for(".show", quote_id=made.id), 303)


@quotes.post("/<quote_id>/revise")
@requires("quote.manage")
def revise(quote_id: str) -> Any:
    """Begin the next version."""
    caller = current_caller()
    made: list[Quote] = []
    if attempt_or_flash(
        lambda: made.append(versions.revise(caller.session, caller.tenant, quote_id=quote_id, at=clock.now()))
    ):
        flash(
            _(
                "This is version %(revision)s. What was sent stands until you send it.",
                revision=made[0].revision,
            ),
            "success",
        )
        return redirect(url_for(".show", quote_id=made[0].id), 303)
    return redirect(url_for(".show", quote_id=quote_id), 303)


def _send_page(caller: Caller, form: Form, quote: Quote) -> str:
    document, missing = None, ""
    try:
        document = sending.draft_document(
            caller.session, caller.tenant, quote=quote, today=clock.today(quote.time_zone)
        )
    except HaasError as refusal:
        missing = refusal.message
    return render_template(
        "portal/quotes/send.html",
        form=form,
        quote=quote,
        document=document,
        missing=missing,
        client=summaries.find_client(caller.session, caller.tenant, client_id=quote.client_id),
    )

"""Write a quote: its head, its options, their lines. Every step is a page that works alone."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from devices.queries import list_models
from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.pages.forms import Form, blank_form, read_form
from leases import summaries
from leases.portal.doors import attempt, attempt_or_flash
from leases.quotes import drafting, papers, queries
from leases.quotes.forms import LineForm, OptionForm, QuoteForm
from leases.quotes.lifecycle import QuoteState
from leases.quotes.models import Quote, QuoteOption, TermsVersion
from leases.quotes.portal import words
from leases.quotes.portal.doors import quotes
from leases.quotes.queries import Optioned


@quotes.route("/new", methods=["GET", "POST"])
@requires("quote.manage")
def new() -> Any:
    """Begin a quote for a client."""
    caller = current_caller()
    if request.method == "GET":
        return _head_page(caller, blank_form(client_id=request.args.get("client_id", "")), None)
    form = read_form(QuoteForm)
    made: list[Quote] = []
    if form.data is not None:
        wanted = form.data
        if wanted["client_id"] is None:
            form.errors["client_id"] = [_("Choose the client.")]
        elif attempt(
            form,
            lambda: made.append(
                drafting.create_quote(caller.session, caller.tenant, at=clock.now(), **wanted)
            ),
        ):
            return redirect(url_for(".new_option", quote_id=made[0].id), 303)
    return _head_page(caller, form, None), 422


@quotes.route("/<quote_id>/edit", methods=["GET", "POST"])
@requires("quote.manage")
def edit(quote_id: str) -> Any:
    """Change a draft's head."""
    caller = current_caller()
    quote = queries.get_quote(caller.session, caller.tenant, quote_id=quote_id)
    if request.method == "GET":
        values = {name: getattr(quote, name) for name in drafting.HEAD}
        return _head_page(caller, blank_form(**values), quote)
    form = read_form(QuoteForm)
    if form.data is not None:
        changes = {name: value for name, value in form.data.items() if name != "client_id"}
        changes["contact_email"] = changes["contact_email"] or quote.contact_email
        if attempt(
            form,
            lambda: drafting.edit_quote(caller.session, caller.tenant, quote_id=quote_id, changes=changes),
        ):
            flash(_("Saved."), "success")
            return redirect(url_for(".show", quote_id=quote_id), 303)
    return _head_page(caller, form, quote), 422


@quotes.route("/<quote_id>/options/new", methods=["GET", "POST"])
@requires("quote.manage")
def new_option(quote_id: str) -> Any:
    """Another way to have it; then its lines."""
    caller = current_caller()
    quote = queries.get_quote(caller.session, caller.tenant, quote_id=quote_id)
    if request.method == "GET":
        form = blank_form(title="", term_months=36, anchor_day=1, interim_rent=True, early_return_pct="0")
        return _option_page(caller, form, quote, None)
    form = read_form(OptionForm)
    made: list[QuoteOption] = []
    if form.data is not None:
        terms = form.data
        if attempt(
            form,
            lambda: made.append(
                drafting.add_option(caller.session, caller.tenant, quote_id=quote_id, **terms)
            ),
        ):
            return redirect(url_for(".lines", quote_id=quote_id, option_id=made[0].id), 303)
    return _option_page(caller, form, quote, None), 422


@quotes.route("/<quote_id>/options/<option_id>/edit", methods=["GET", "POST"])
@requires("quote.manage")
def edit_option(quote_id: str, option_id: str) -> Any:
    """Change the terms of an option."""
    caller = current_caller()
    quote = queries.get_quote(caller.session, caller.tenant, quote_id=quote_id)
    option = queries.get_option(caller.session, caller.tenant, quote_id=quote_id, option_id=option_id)
    if request.method == "GET":
        values = {name: getattr(option, name) for name in drafting.TERMS}
        return _option_page(caller, blank_form(**values), quote, option)
    form = read_form(OptionForm)
    if form.data is not None:
        terms = form.data
        if attempt(
            form,
            lambda: drafting.edit_option(
                caller.session, caller.tenant, quote_id=quote_id, option_id=option_id, changes=terms
            ),
        ):
            flash(_("Saved."), "success")
            return redirect(url_for(".show", quote_id=quote_id), 303)
    return _option_page(caller, form, quote, option), 422


@quotes.post("/<quote_id>/options/<option_id>/remove")
@requires("quote.manage")
def remove_option(quote_id: str, option_id: str) -> Any:
    """Take an option off a draft."""
    caller = current_caller()
    attempt_or_flash(
        lambda: drafting.remove_option(caller.session, caller.tenant, quote_id=quote_id, option_id=option_id)
    )
    return redirect(url_for(".show", quote_id=quote_id), 303)


@quotes.post("/<quote_id>/options/<option_id>/copy")
@requires("quote.manage")
def copy_option(quote_id: str, option_id: str) -> Any:
    """The same once more, to be changed."""
    caller = current_caller()
    option = queries.get_option(caller.session, caller.tenant, quote_id=quote_id, option_id=option_id)
    made: list[QuoteOption] = []
    title = _("Copy of %(title)s", title=option.title)[:80]
    if attempt_or_flash(
        lambda: made.append(
            drafting.copy_option(
                caller.session, caller.tenant, quote_id=quote_id, option_id=option_id, title=title
            )
        )
    ):
        return redirect(url_for(".edit_option", quote_id=quote_id, option_id=made[0].id), 303)
    return redirect(url_for(".show", quote_id=quote_id), 303)


@quotes.route("/<quote_id>/options/<option_id>/lines", methods=["GET", "POST"])
@requires("quote.manage")
def lines(quote_id: str, option_id: str) -> Any:
    """The lines of an option: add one, take one off."""
    caller = current_caller()
    quote = queries.get_quote(caller.session, caller.tenant, quote_id=quote_id)
    option = queries.get_option(caller.session, caller.tenant, quote_id=quote_id, option_id=option_id)
    if request.method == "GET":
        return _lines_page(caller, blank_form(kind="asset", quantity="1"), quote, option)
    form = read_form(LineForm)
    if form.data is not None:
        line = form.data
        if attempt(
            form,
            lambda: drafting.add_line(
                caller.session,
                caller.tenant,
                quote_id=quote_id,
                option_id=option_id,
                at=clock.now(),
                **line,
            ),
        ):
            flash(_("Line added."), "success")
            return redirect(url_for(".lines", quote_id=quote_id, option_id=option_id), 303)
    return _lines_page(caller, form, quote, option), 422


@quotes.post("/<quote_id>/options/<option_id>/lines/<offered_line_id>/remove")
@requires("quote.manage")
def remove_line(quote_id: str, option_id: str, offered_line_id: str) -> Any:
    """Take a line off an option."""
    caller = current_caller()
    attempt_or_flash(
        lambda: drafting.remove_line(
            caller.session, caller.tenant, quote_id=quote_id, option_id=option_id, line_id=offered_line_id
        )
    )
    return redirect(url_for(".lines", quote_id=quote_id, option_id=option_id), 303)


def _head_page(caller: Caller, form: Form, quote: Quote | None) -> str:
    client_id = quote.client_id if quote else str(form.value("client_id") or "")
    return render_template(
        "portal/quotes/head.html",
        form=form,
        quote=quote,
        clients=summaries.client_choices(caller.session, caller.tenant),
        sites=summaries.site_choices(caller.session, caller.tenant, client_id=client_id) if client_id else [],
        terms=[
            (row.id, row.version)
            for row in caller.session.scalars(
                queries.list_terms(caller.tenant).order_by(TermsVersion.published_at.desc()).limit(50)
            )
        ],
    )


def _option_page(caller: Caller, form: Form, quote: Quote, option: QuoteOption | None) -> str:
    return render_template(
        "portal/quotes/option.html",
        form=form,
        quote=quote,
        option=option,
        client=summaries.find_client(caller.session, caller.tenant, client_id=quote.client_id),
        words=words,
    )


def _lines_page(caller: Caller, form: Form, quote: Quote, option: QuoteOption) -> str:
    found = queries.options_of(caller.session, caller.tenant, quote_id=quote.id)
    chosen = next((each for each in found if each.option.id == option.id), Optioned(option, []))
    models = list_models(caller.session, caller.tenant)
    return render_template(
        "portal/quotes/lines.html",
        form=form,
        quote=quote,
        option=option,
        lines=chosen.lines,
        priced=papers.priced(chosen, currency=quote.currency),
        models=[(model.id, f"{model.manufacturer} {model.name}") for model in models],
        is_draft=quote.state == QuoteState.DRAFT,
        words=words,
    )

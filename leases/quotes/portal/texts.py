"""/terms: the partner's terms of contract, published version by version."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from haas import clock
from haas.auth.caller import current_caller, requires
from haas.pages.forms import blank_form, read_form
from haas.rest.paging import Sort, fetch_page
from leases.portal.doors import attempt
from leases.quotes import queries, texts
from leases.quotes.document import paragraphs
from leases.quotes.forms import PublishForm
from leases.quotes.models import TermsVersion

blueprint = Blueprint("terms", __name__, url_prefix="/terms")

_NEWEST = Sort(TermsVersion.id, TermsVersion.id, descending=True)


@blueprint.get("")
@requires("terms.read")
def index() -> str:
    """Every published version, newest first."""
    caller = current_caller()
    page = fetch_page(
        caller.session, queries.list_terms(caller.tenant), sort=_NEWEST, cursor=request.args.get("cursor")
    )
    return render_template("portal/quotes/terms_index.html", page=page)


@blueprint.get("/<terms_id>")
@requires("terms.read")
def show(terms_id: str) -> str:
    """The text of one version."""
    caller = current_caller()
    terms = queries.get_terms(caller.session, caller.tenant, terms_id=terms_id)
    return render_template("portal/quotes/terms_show.html", terms=terms, paragraphs=paragraphs(terms.body))


@blueprint.route("/new", methods=["GET", "POST"])
@requires("terms.publish")
def new() -> Any:
    """Write a version, look at it as clients read it, publish it for ever."""
    caller = current_caller()
    if request.method == "GET":
        newest = queries.newest_terms(caller.session, caller.tenant)
        form = blank_form(version="", body=newest.body if newest else "")
        return render_template("portal/quotes/terms_new.html", form=form, shown=None)
    form = read_form(PublishForm)
    if form.data is not None:
        wanted = form.data
        if not wanted["confirmed"]:
            return render_template(
                "portal/quotes/terms_new.html", form=form, shown=paragraphs(wanted["body"])
            )
        made: list[TermsVersion] = []
        if attempt(
            form,
            lambda: made.append(
                texts.publish(
                    caller.session,
                    caller.tenant,
                    version=wanted["version"],
                    body=wanted["body"],
                    at=clock.now(),
                )
            ),
        ):
            flash(_("Version %(version)s is published.", version=made[0].version), "success")
            return redirect(url_for(".show", terms_id=made[0].id), 303)
    return render_template("portal/quotes/terms_new.html", form=form, shown=None), 422

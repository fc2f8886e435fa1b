"""/funders: finance houses, and what they fund. A client's people have no such page."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from haas import clock
from haas.auth.caller import current_caller, requires
from haas.pages.forms import Form, blank_form, read_form
from haas.pages.lists import read_list
from haas.rest.paging import Sort, fetch_page
from leases.funding import operations, queries
from leases.funding.models import Funder, Funding
from leases.funding_schemas import FunderChange, FunderRequest
from leases.portal.doors import attempt

blueprint = Blueprint("funders", __name__, url_prefix="/funders")

SORTS = {"name": Sort(Funder.name, Funder.id), "created": Sort(Funder.created_at, Funder.id)}
_NEWEST = Sort(Funding.id, Funding.id, descending=True)


@blueprint.get("")
@requires("funder.read")
def index() -> str:
    """Funders by name, with what they have advanced."""
    caller = current_caller()
    listed = read_list(sorts=SORTS, default="name", filters=("archived",))
    statement = queries.list_funders(
        caller.tenant, name_prefix=listed.search or None, archived=listed.filters.get("archived") == "1"
    )
    page = fetch_page(caller.session, statement, sort=listed.sort, cursor=listed.cursor, limit=listed.limit)
    totals = queries.funded_totals(caller.session, caller.tenant, funder_ids=(row.id for row in page.rows))
    return render_template("portal/funders/index.html", page=page, listed=listed, totals=totals)


@blueprint.get("/<funder_id>")
@requires("funder.read")
def show(funder_id: str) -> str:
    """One funder with its fundings."""
    caller = current_caller()
    funder = queries.get_funder(caller.session, caller.tenant, funder_id=funder_id)
    page = fetch_page(
        caller.session,
        queries.list_fundings(caller.tenant, funder_id=funder_id),
        sort=_NEWEST,
        cursor=request.args.get("cursor"),
    )
    numbers = queries.lease_numbers(
        caller.session, caller.tenant, lease_ids=(row.lease_id for row in page.rows)
    )
    totals = queries.funded_totals(caller.session, caller.tenant, funder_ids=[funder_id])
    return render_template(
        "portal/funders/show.html",
        funder=funder,
        page=page,
        numbers=numbers,
        totals=totals.get(funder_id, []),
    )


@blueprint.route("/new", methods=["GET", "POST"])
@requires("funder.manage")
def new() -> Any:
    """Register a funder."""
    caller = current_caller()
    if request.method == "GET":
        return _page(None, blank_form())
    form = read_form(FunderRequest)
    made: list[Funder] = []
    if form.data is not None:
        data = form.data
        if attempt(
            form,
            lambda: made.append(
                operations.register_funder(caller.session, caller.tenant, at=clock.now(), **data)
            ),
        ):
            flash(_("%(name)s is registered.", name=made[0].name), "success")
            return redirect(url_for(".show", funder_id=made[0].id), 303)
    return _page(None, form), 422


@blueprint.route("/<funder_id>/edit", methods=["GET", "POST"])
@requires("funder.manage")
def edit(funder_id: str) -> Any:
    """Change who a funder is, or archive it."""
    caller = current_caller()
    funder = queries.get_funder(caller.session, caller.tenant, funder_id=funder_id)
    if request.method == "GET":
        names = ("name", "email", "account", "notes")
        values = {name: getattr(funder, name) for name in names}
        return _page(funder, blank_form(**values, archived=funder.archived_at is not None))
    form = read_form(FunderChange)
    if form.data is not None:
        data = form.data
        if attempt(
            form,
            lambda: operations.change_funder(
                caller.session, caller.tenant, funder_id=funder_id, at=clock.now(), **data
            ),
        ):
            flash(_("The funder is changed."), "success")
            return redirect(url_for(".show", funder_id=funder_id), 303)
    return _page(funder, form), 422


def _page(funder: Funder | None, form: Form) -> str:
    return render_template("portal/funders/form.html", funder=funder, form=form)

"""The flow of a new lease: client, agreement, terms, lines, offer. Every step is a page that works alone."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from devices.queries import list_models
from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.pages.forms import Form, blank_form, read_form
from leases import drafting, operations, queries, summaries
from leases.forms import LeaseForm, LineForm, QuoteForm
from leases.lifecycle import LeaseState
from leases.models import Lease
from leases.portal import words
from leases.portal.doors import attempt, attempt_or_flash, leases
from leases.pricing.suggesting import suggest_for_line
from leases.rent import monthly_rent, view_rent
from leases.terms import LineKind

OFFER_DAYS = 30


@leases.get("/leases/new")
@requires("lease.manage")
def new() -> str:
    """Choose the client, then the agreement, then write the terms."""
    caller = current_caller()
    client_id, agreement_id = request.args.get("client_id"), request.args.get("agreement_id")
    if agreement_id:
        agreement = queries.get_agreement(caller.session, caller.tenant, agreement_id=agreement_id)
        form = blank_form(agreement_id=agreement_id, term_months=36, anchor_day=1, interim_rent=True)
        return _terms_page(caller, form, client_id=agreement.client_id, lease=None)
    client = summaries.find_client(caller.session, caller.tenant, client_id=client_id)
    return render_template(
        "portal/leases/new.html",
        client=client,
        clients=summaries.client_choices(caller.session, caller.tenant) if client is None else [],
        agreements=summaries.agreements_of(caller.session, caller.tenant, client_id=client.id)
        if client
        else [],
        step=2 if client else 1,
        words=words,
    )


@leases.post("/leases/new")
@requires("lease.manage")
def create() -> Any:
    """Keep the terms as a draft, and go on to its lines."""
    caller = current_caller()
    form = read_form(LeaseForm)
    agreement_id = str(form.value("agreement_id") or "")
    agreement = queries.get_agreement(caller.session, caller.tenant, agreement_id=agreement_id)
    made: list[Lease] = []
    if form.data is not None:
        terms = {**form.data, "agreement_id": agreement.id}
        if attempt(
            form,
            lambda: made.append(
                operations.draft_lease(caller.session, caller.tenant, at=clock.now(), **terms)
            ),
        ):
            return redirect(url_for(".lines", lease_id=made[0].id), 303)
    return _terms_page(caller, form, client_id=agreement.client_id, lease=None), 422


@leases.route("/leases/<lease_id>/edit", methods=["GET", "POST"])
@requires("lease.manage")
def edit(lease_id: str) -> Any:
    """Change a draft's terms."""
    caller = current_caller()
    lease = queries.get_lease(caller.session, caller.tenant, lease_id=lease_id)
    if request.method == "GET":
        form = blank_form(**{name: getattr(lease, name) for name in sorted(drafting.EDITABLE)})
        return _terms_page(caller, form, client_id=lease.client_id, lease=lease)
    form = read_form(LeaseForm)
    if form.data is not None:
        changes = form.data
        if attempt(
            form,
            lambda: drafting.edit_draft(caller.session, caller.tenant, lease_id=lease_id, changes=changes),
        ):
            return redirect(url_for(".lines", lease_id=lease_id), 303)
    return _terms_page(caller, form, client_id=lease.client_id, lease=lease), 422


@leases.route("/leases/<lease_id>/lines", methods=["GET", "POST"])
@requires("lease.manage")
def lines(lease_id: str) -> Any:
    """The lines of a draft: add several equal ones at once, take one off."""
    caller = current_caller()
    lease = queries.get_lease(caller.session, caller.tenant, lease_id=lease_id)
    if request.method == "GET":
        return _lines_page(caller, lease, blank_form(kind="asset", count=1))
    form = read_form(LineForm)
    if form.data is not None:
        wanted = form.data
        if attempt(form, lambda: _add_lines(caller, lease, wanted)):
            added = wanted["count"] if wanted["kind"] == "asset" else 1
            flash(ngettext("%(num)s line added.", "%(num)s lines added.", added), "success")
            return redirect(url_for(".lines", lease_id=lease_id), 303)
    return _lines_page(caller, lease, form), 422


@leases.post("/leases/<lease_id>/lines/<line_id>/remove")
@requires("lease.manage")
def remove_line(lease_id: str, line_id: str) -> Any:
    """Take a line off a draft."""
    caller = current_caller()
    attempt_or_flash(
        lambda: operations.remove_line(caller.session, caller.tenant, lease_id=lease_id, line_id=line_id)
    )
    return redirect(url_for(".lines", lease_id=lease_id), 303)


@leases.route("/leases/<lease_id>/quote", methods=["GET", "POST"])
@requires("lease.manage")
def quote(lease_id: str) -> Any:
    """What the offer comes to, then offer it."""
    caller = current_caller()
    lease = queries.get_lease(caller.session, caller.tenant, lease_id=lease_id)
    today = clock.today(caller.partner.time_zone)
    if request.method == "GET":
        return _quote_page(
            caller, lease, blank_form(valid_until=(today + timedelta(days=OFFER_DAYS)).isoformat())
        )
    form = read_form(QuoteForm)
    if form.data is not None:
        until = form.data["valid_until"]
        if attempt(
            form,
            lambda: operations.quote(
                caller.session, caller.tenant, lease_id=lease_id, valid_until=until, at=clock.now()
            ),
        ):
            flash(
                _("%(number)s is offered. The client sees it now and can accept it.", number=lease.number),
                "success",
            )
            return redirect(url_for(".show", lease_id=lease_id), 303)
    # The refused operation read the row anew, without its lines.
    lease = queries.get_lease(caller.session, caller.tenant, lease_id=lease_id)
    return _quote_page(caller, lease, form), 422


def _add_lines(caller: Caller, lease: Lease, wanted: dict[str, Any]) -> None:
    models = {row.id: row for row in list_models(caller.session, caller.tenant)}
    model = models.get(wanted["model_id"] or "")
    is_asset = wanted["kind"] == LineKind.ASSET
    description = wanted["description"] or (f"{model.manufacturer} {model.name}" if model else "")
    price = wanted["unit_price"]
    if price is None:
        price = suggest_for_line(
            caller.session,
            caller.tenant,
            lease=lease,
            day=clock.today(caller.partner.time_zone),
            kind=wanted["kind"],
            model_id=wanted["model_id"],
            description=description,
            more=wanted["count"],
        )
    for _number in range(wanted["count"] if is_asset else 1):
        operations.add_line(
            caller.session,
            caller.tenant,
            lease_id=lease.id,
            at=clock.now(),
            kind=wanted["kind"],
            model_id=wanted["model_id"] if is_asset or wanted["kind"] == LineKind.POOLED else None,
            description=description,
            unit_price=price,
            quantity=Decimal(1) if is_asset else Decimal(wanted["count"]),
            residual_value=wanted["residual_value"],
            standalone_price=wanted["standalone_price"],
            flexible=wanted["flexible"],
            tax_class=wanted["tax_class"],
        )


def _terms_page(caller: Caller, form: Form, *, client_id: str, lease: Lease | None) -> str:
    return render_template(
        "portal/leases/terms.html",
        form=form,
        lease=lease,
        step=3,
        client=summaries.find_client(caller.session, caller.tenant, client_id=client_id),
        sites=summaries.site_choices(caller.session, caller.tenant, client_id=client_id),
        words=words,
    )


def _lines_page(caller: Caller, lease: Lease, form: Form) -> str:
    lease = queries.get_lease(caller.session, caller.tenant, lease_id=lease.id)
    models = list_models(caller.session, caller.tenant)
    return render_template(
        "portal/leases/lines.html",
        lease=lease,
        form=form,
        step=4,
        is_draft=lease.state == LeaseState.DRAFT,
        models=[(model.id, f"{model.manufacturer} {model.name}") for model in models],
        names={model.id: f"{model.manufacturer} {model.name}" for model in models},
        monthly=monthly_rent(lease, lease.lines),
        words=words,
    )


def _quote_page(caller: Caller, lease: Lease, form: Form) -> str:
    today = clock.today(lease.time_zone)
    return render_template(
        "portal/leases/quote.html",
        lease=lease,
        form=form,
        step=5,
        view=view_rent(caller.session, caller.tenant, lease=lease, as_of=today),
        monthly=monthly_rent(lease, lease.lines),
        client=summaries.find_client(caller.session, caller.tenant, client_id=lease.client_id),
        words=words,
    )

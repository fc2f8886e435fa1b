"""/leases/<id>/amendments: how a lease changes, shown to the cent before it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import marshmallow as ma
from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from devices.queries import list_models
from haas import clock
from haas.accounts.audit_log import actor_names
from haas.auth.caller import Caller, current_caller, requires
from haas.calendar import ONE_DAY
from haas.errors import HaasError, NotFound
from haas.ids import new_id
from haas.pages.forms import Form, blank_form, read_form
from invoicing.amendment_schemas import (
    AmendmentForm,
    ApproveRequest,
    RejectRequest,
    ScaleDownForm,
    wanted_of,
)
from invoicing.amendments_preview import AmendmentPreview, preview_amendment
from leases import client_requests, queries, summaries
from leases.amendment_models import Amendment
from leases.amendments import operations
from leases.amendments.outages import offers_for
from leases.amendments.queries import amendments_of, find_by_key, get_amendment
from leases.amendments.tables import leaving_table
from leases.contract import terms_on
from leases.credit import release_reason
from leases.lifecycle import RUNNING
from leases.models import Lease, Line
from leases.portal import words
from leases.portal.doors import attempt
from leases.portal.funding_words import CLASSES, FRAMEWORKS
from leases.portal.record import frame
from leases.terms import LineKind

blueprint = Blueprint("amendments", __name__)

_FIGURES = frozenset({"unit_price", "remaining", "charge"})
# The kinds that start from lines, and of which kind these are; all others change the whole lease.
_OF_LINES: dict[str, frozenset[str] | None] = {
    "scale_up": frozenset({LineKind.SERVICE, LineKind.POOLED}),
    "scale_down": None,
    "price_change": None,
    "abate": None,
}


@blueprint.get("/leases/<lease_id>/amendments")
@requires("lease.read")
def index(lease_id: str) -> str:
    """Every change of the lease, what waits, and what leaving early costs by month."""
    caller = current_caller()
    lease = queries.get_lease(caller.session, caller.tenant, lease_id=lease_id)
    framed = frame(caller, lease, tab="amendments")
    rows = amendments_of(caller.session, caller.tenant, lease_id=lease.id)
    today = clock.today(lease.time_zone)
    is_open = lease.state in RUNNING
    may_amend = is_open and caller.may("lease.amend")
    offers = (
        offers_for(
            caller.session,
            caller.tenant,
            lease=lease,
            agreement=framed["agreement"],
            lines=lease.lines,
            today=today,
        )
        if may_amend
        else []
    )
    return render_template(
        "portal/leases/tab_amendments.html",
        **framed,
        rows=rows,
        kinds=[(kind, words.AMENDMENTS[kind]) for kind in operations.KINDS] if may_amend else [],
        may_ask=is_open and caller.may("lease.request_return"),
        leaving=leaving_table(lease, framed["agreement"], lease.lines),
        offers=offers,
        last_of=lambda end: end - ONE_DAY,
        today=today,
    )


@blueprint.route("/leases/<lease_id>/amendments/new/<kind>", methods=["GET", "POST"])
@requires("lease.amend")
def new(lease_id: str, kind: str) -> Any:
    """What to change; then what that does; confirmed, it is done."""
    caller = current_caller()
    lease = _amendable(caller, lease_id, kind)
    return _write(caller, lease, kind=kind, schema=AmendmentForm, asks=False)


@blueprint.route("/leases/<lease_id>/amendments/ask", methods=["GET", "POST"])
@requires("lease.request_return")
def ask(lease_id: str) -> Any:
    """A client gives places back: what that costs, then the request to its partner."""
    caller = current_caller()
    lease = _amendable(caller, lease_id, "scale_down")
    return _write(caller, lease, kind="scale_down", schema=ScaleDownForm, asks=True)


@blueprint.get("/leases/<lease_id>/amendments/<amendment_id>")
@requires("lease.read")
def show(lease_id: str, amendment_id: str) -> str:
    """One amendment: before and after, the figures that were shown, its paper."""
    caller = current_caller()
    return _page_of(caller, lease_id, amendment_id, blank_form(reason=""))


@blueprint.post("/leases/<lease_id>/amendments/<amendment_id>/approve")
@requires("lease.amend")
def approve(lease_id: str, amendment_id: str) -> Any:
    """Carry it out."""
    caller, form = current_caller(), read_form(ApproveRequest)
    amendment = get_amendment(caller.session, caller.tenant, amendment_id=amendment_id, lease_id=lease_id)
    if form.data is not None:
        reason = release_reason(caller, form.data["over_limit_reason"])
        if attempt(
            form,
            lambda: operations.approve(
                caller.session,
                caller.tenant,
                amendment_id=amendment.id,
                at=clock.now(),
                over_limit_reason=reason,
            ),
        ):
            flash(_("%(number)s is approved and holds.", number=amendment.number), "success")
            return redirect(url_for(".show", lease_id=lease_id, amendment_id=amendment_id), 303)
    return _page_of(caller, lease_id, amendment_id, form), 422


@blueprint.post("/leases/<lease_id>/amendments/<amendment_id>/reject")
@requires("lease.amend")
def reject(lease_id: str, amendment_id: str) -> Any:
    """Turn it down, saying why."""
    caller = current_caller()
    get_amendment(caller.session, caller.tenant, amendment_id=amendment_id, lease_id=lease_id)
    form = read_form(RejectRequest)
    if form.data is not None:
        reason = form.data["reason"]
        if attempt(
            form,
            lambda: operations.reject(
                caller.session, caller.tenant, amendment_id=amendment_id, reason=reason, at=clock.now()
            ),
        ):
            flash(_("It is turned down. Whoever asked reads why."), "success")
            return redirect(url_for(".show", lease_id=lease_id, amendment_id=amendment_id), 303)
    return _page_of(caller, lease_id, amendment_id, form), 422


def _amendable(caller: Caller, lease_id: str, kind: str) -> Lease:
    if kind not in operations.KINDS:
        raise NotFound(_("There is no such part of this page."))
    lease = queries.get_lease(caller.session, caller.tenant, lease_id=lease_id)
    if lease.state not in RUNNING and request.method == "GET":
        abort(redirect(url_for(".index", lease_id=lease_id), 303))
    return lease


def _write(caller: Caller, lease: Lease, *, kind: str, schema: type[ma.Schema], asks: bool) -> Any:
    if request.method == "GET":
        return _form_page(caller, lease, kind, _blank(lease, kind), asks=asks)
    form = read_form(schema)
    if form.data is None:
        return _form_page(caller, lease, kind, form, asks=asks), 422
    data = form.data
    release_reason(caller, data.get("over_limit_reason", ""))
    if data["confirmed"] and (done := find_by_key(caller.session, caller.tenant, key=data["key"])):
        return redirect(url_for(".show", lease_id=done.lease_id, amendment_id=done.id), 303)
    preview, refusal = _preview(caller, lease, kind, data)
    if refusal is not None:
        form.refuse(refusal)
        return _form_page(caller, _again(caller, lease), kind, form, asks=asks), 422
    lease = _again(caller, lease)
    # What was on the page is what is agreed to; if it is another by now, it is shown again.
    if not data["confirmed"] or preview is None or str(preview.charge) != str(data["shown_charge"]):
        return _form_page(caller, lease, kind, form, asks=asks, preview=preview)
    made: list[Amendment] = []
    if not attempt(form, lambda: made.append(_do(caller, lease.id, kind, data, asks=asks))):
        return _form_page(caller, _again(caller, lease), kind, form, asks=asks), 422
    if made[0].state == "applied":
        flash(_("%(number)s holds from its day on.", number=made[0].number), "success")
    else:
        flash(_("%(number)s waits for approval.", number=made[0].number), "success")
    return redirect(url_for(".show", lease_id=lease.id, amendment_id=made[0].id), 303)


def _do(caller: Caller, lease_id: str, kind: str, data: dict[str, Any], *, asks: bool) -> Amendment:
    common: dict[str, Any] = {
        "lease_id": lease_id,
        "effective_on": data["effective_on"],
        "wanted": wanted_of(data),
        "reason": data["reason"],
        "at": clock.now(),
        "idempotency_key": data["key"],
    }
    if asks:
        return client_requests.ask_amendment(caller.session, caller.tenant, **common)
    return operations.amend(
        caller.session, caller.tenant, kind=kind, over_limit_reason=data["over_limit_reason"], **common
    )


def _preview(
    caller: Caller, lease: Lease, kind: str, data: dict[str, Any]
) -> tuple[AmendmentPreview | None, HaasError | None]:
    try:
        with client_requests.in_the_partners_name(caller.session, caller.tenant) as tenant:
            return (
                preview_amendment(
                    caller.session,
                    tenant,
                    lease_id=lease.id,
                    kind=kind,
                    effective_on=data["effective_on"],
                    wanted=wanted_of(data),
                    reason=data["reason"],
                    at=clock.now(),
                ),
                None,
            )
    except HaasError as refusal:
        return None, refusal


def _again(caller: Caller, lease: Lease) -> Lease:
    """What was tried and taken back has made the session forget its rows."""
    return queries.get_lease(caller.session, caller.tenant, lease_id=lease.id)


def _blank(lease: Lease, kind: str) -> Form:
    today = clock.today(lease.time_zone)
    given = {name: request.args.get(name) for name in ("effective_on", "last_day", "reason")}
    return blank_form(
        kind=kind,
        key=new_id("key"),
        effective_on=given["effective_on"] or today.isoformat(),
        last_day=given["last_day"] or "",
        line_ids=request.args.getlist("line_id"),
        share_pct="100",
        months=12 if kind == "renew" else None,
        count=1 if kind == "co_term" else None,
        recall_assets=True,
        reason=given["reason"] or "",
    )


@dataclass(frozen=True, slots=True)
class _Choice:
    """A line that an amendment may name, as its checkbox shows it."""

    id: str
    description: str
    device: str
    quantity: Decimal
    unit_price: Decimal


def _choices(caller: Caller, lease: Lease, kind: str) -> Sequence[_Choice]:
    kinds = _OF_LINES.get(kind, frozenset())
    today = clock.today(lease.time_zone)
    lines: list[Line] = [
        line
        for line in lease.lines
        if line.starts_on is not None
        and line.ends_on is None
        and line.kind != LineKind.ONE_OFF
        and (kinds is None or line.kind in kinds)
    ]
    standing = queries.assignments_by_line(
        caller.session, caller.tenant, line_ids=[line.id for line in lines]
    )
    return [
        _Choice(
            line.id,
            line.description,
            standing[line.id][-1].serial if standing.get(line.id) else "",
            *terms_on(line, today),
        )
        for line in lines
    ]


def _form_page(
    caller: Caller,
    lease: Lease,
    kind: str,
    form: Form,
    *,
    asks: bool,
    preview: AmendmentPreview | None = None,
) -> str:
    chosen = form.value("line_ids") or []
    choices = _choices(caller, lease, kind)
    models = list_models(caller.session, caller.tenant) if kind in ("scale_up", "co_term") else []
    return render_template(
        "portal/leases/amendment_form.html",
        lease=lease,
        kind=kind,
        title=words.AMENDMENTS[kind],
        form=form,
        asks=asks,
        classes=CLASSES,
        frameworks=FRAMEWORKS,
        choices=choices,
        chosen=[str(each) for each in chosen],
        preview=preview,
        names={line.id: line.description for line in lease.lines},
        models=[(model.id, f"{model.manufacturer} {model.name}") for model in models],
        sites=summaries.site_choices(caller.session, caller.tenant, client_id=lease.client_id),
        has_quantities=any(line.kind in (LineKind.SERVICE, LineKind.POOLED) for line in lease.lines),
        words=words,
        last_of=_last_day,
        typed=_typed,
    )


def _page_of(caller: Caller, lease_id: str, amendment_id: str, form: Form) -> str:
    amendment = get_amendment(caller.session, caller.tenant, amendment_id=amendment_id, lease_id=lease_id)
    lease = queries.get_lease(caller.session, caller.tenant, lease_id=lease_id)
    people = [actor for actor in (amendment.requested_by, amendment.decided_by) if actor]
    return render_template(
        "portal/leases/amendment.html",
        lease=lease,
        amendment=amendment,
        title=words.AMENDMENTS[amendment.kind],
        form=form,
        names={line.id: line.description for line in lease.lines},
        people=actor_names(caller.session, caller.tenant, people) if people else {},
        may_decide=amendment.state == "draft" and caller.may("lease.amend") and lease.state in RUNNING,
        words=words,
        last_of=_last_day,
        typed=_typed,
    )


def _last_day(end: date | None) -> date | None:
    return end - ONE_DAY if end else None


def _typed(field: str, kept: Any) -> Any:
    """What an amendment keeps as text, as a page shows it: an exclusive end becomes the last day."""
    if field == "ends_on":
        return _last_day(date.fromisoformat(kept))
    if field == "starts_on":
        return date.fromisoformat(kept)
    return Decimal(kept) if field in _FIGURES else kept

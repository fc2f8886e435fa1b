"""/billing: what the next run would issue, a run as of a day and how it went, and whether mail is held."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from haas import clock, progress
from haas.auth.caller import Caller, current_caller, requires
from haas.auth.models import User
from haas.errors import HaasError
from haas.pages.forms import Form, blank_form, read_form
from invoicing import billing, previews, queries, sending
from invoicing.portal.forms import RunForm, SendingForm

blueprint = Blueprint("billing", __name__, url_prefix="/billing")


@blueprint.get("")
@requires("invoice.issue")
def index() -> Any:
    """The preview as of a day, today if none is asked for, and the latest runs."""
    caller = current_caller()
    return _page(caller, blank_form(as_of=request.args.get("as_of") or _today(caller).isoformat()))


@blueprint.post("/runs")
@requires("invoice.issue")
def start() -> Any:
    """Start a run; jobs do it, chunk by chunk."""
    caller, form = current_caller(), read_form(RunForm)
    if form.data is None:
        return _page(caller, form), 422
    try:
        run = billing.start_run(caller.session, caller.tenant, as_of=form.data["as_of"], at=clock.now())
    except HaasError as refusal:
        form.refuse(refusal)
        return _page(caller, form), refusal.status
    return redirect(url_for(".show", run_id=run.id), 303)


@blueprint.get("/runs/<run_id>")
@requires("invoice.issue")
def show(run_id: str) -> Any:
    """How far a run is; when it is over, what it issued and whom it put off."""
    caller = current_caller()
    run = queries.get_run(caller.session, caller.tenant, run_id=run_id)
    chunks = queries.chunks_of(caller.session, caller.tenant, run_id=run.id)
    starter = caller.session.get(User, run.started_by) if run.started_by.startswith("usr_") else None
    return render_template(
        "portal/billing/run.html",
        run=run,
        job=progress.get(caller.session, caller.tenant, job_id=run.long_job_id),
        invoices=sum(chunk.invoices for chunk in chunks),
        credit_notes=sum(chunk.credit_notes for chunk in chunks),
        problems=queries.problems_of(chunks),
        totals=queries.run_totals(caller.session, caller.tenant, run_id=run.id),
        starter=starter.name if starter else _("the timetable"),
    )


@blueprint.post("/sending")
@requires("invoice.send")
def set_sending() -> Any:
    """Hold new documents back, or mail each as soon as its PDF is there."""
    caller, form = current_caller(), read_form(SendingForm)
    held = bool(form.data and form.data["held"])
    sending.hold(caller.session, caller.tenant, held=held)
    flash(
        _("New documents wait until you send them.") if held else _("New documents are mailed at once."),
        "success",
    )
    return redirect(url_for(".index"), 303)


@blueprint.post("/send-waiting")
@requires("invoice.send")
def send_waiting() -> Any:
    """Mail everything that waits."""
    caller = current_caller()
    number = sending.request_waiting(caller.session, caller.tenant)
    flash(
        ngettext("%(num)d document is on its way.", "%(num)d documents are on their way.", number), "success"
    )
    return redirect(url_for(".index"), 303)


def _page(caller: Caller, form: Form) -> str:
    as_of = _read_day(form) or _today(caller)
    runs = queries.recent_runs(caller.session, caller.tenant, limit=10)
    return render_template(
        "portal/billing/index.html",
        form=form,
        as_of=as_of,
        preview=previews.preview_run(
            caller.session, caller.tenant, as_of=as_of, after=request.args.get("after")
        ),
        runs=runs,
        jobs=queries.jobs_of(caller.session, caller.tenant, runs=runs),
        is_held=sending.is_held(caller.partner),
        paper_words={
            "site": _("Site"),
            "purchase_order": _("Purchase order"),
            "agreement": _("Agreement"),
            "lease": _("Lease"),
        },
        waiting=sending.count_waiting(caller.session, caller.tenant),
    )


def _today(caller: Caller) -> date:
    return clock.today(caller.partner.time_zone)


def _read_day(form: Form) -> date | None:
    try:
        day = date.fromisoformat(str(form.value("as_of")))
    except ValueError:
        return None
    return day if 2000 <= day.year <= 2099 else None

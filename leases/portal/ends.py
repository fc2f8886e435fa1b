"""/leases/<id>?tab=end and beside it: notices, choices, loss values, holdover, the partner's rules."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from flask import flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _

from haas import clock, settings
from haas.auth.caller import Caller, current_caller, requires
from haas.calendar import ONE_DAY, add_months
from haas.pages.downloads import download, table_download
from haas.pages.forms import Form, blank_form, read_form
from haas.rest.fields import FIRST_DAY, LAST_DAY
from leases import client_requests, queries, summaries
from leases.end_paper import loss_table_pdf
from leases.end_papers import loss_table_of_lease
from leases.end_schemas import ChoicesForm, PolicyForm
from leases.ends import buyouts, choices, losses, notices
from leases.ends.choices import Wish
from leases.ends.holdover import DAYS_MAX, holdover_days
from leases.ends.policy import EndPolicy, Option, write_curve
from leases.ends.settings import edit_policy
from leases.models import Lease
from leases.portal import end_words as words
from leases.portal.doors import attempt, attempt_or_flash, leases
from leases.summaries import Place


def end_tab(caller: Caller, lease: Lease, places: list[Place], now: datetime) -> dict[str, Any]:  # noqa: ARG001 - one shape for all tabs
    """What the tab shows: the calendar of notices, each device's options, offers to buy, loss values."""
    session, tenant = caller.session, caller.tenant
    options = choices.options_of(session, tenant, lease=lease)
    today = clock.today(lease.time_zone)
    is_client = tenant.client_id is not None
    in_time = options.choose_until is not None and today <= options.choose_until
    return {
        "options": options,
        "today": today,
        "days_left": (options.choose_until - today).days if options.choose_until else None,
        "may_choose": bool(options.devices) and caller.may("lease.choose") and (in_time or not is_client),
        "notice_days": notices.calendar_of(session, tenant, lease=lease),
        "bought": buyouts.buyouts_of(session, tenant, lease_id=lease.id),
        "loss_table": losses.table_of_places(
            session, tenant, lease=lease, places=[device.place for device in options.devices]
        ),
        "end_words": words,
    }


@leases.post("/leases/<lease_id>/choices")
@requires("lease.choose")
def choose_end(lease_id: str) -> Any:
    """Note what is to become of each device for which something was chosen."""
    caller = current_caller()
    lease = queries.get_lease(caller.session, caller.tenant, lease_id=lease_id)
    form = read_form(ChoicesForm)
    wanted = [each for each in (form.data or {}).get("choices", []) if each["option"]]
    wishes = [Wish(each["line_id"], Option(each["option"]), each["model_id"]) for each in wanted]
    if attempt_or_flash(
        lambda: client_requests.choose_end(
            caller.session,
            caller.tenant,
            lease_id=lease.id,
            wishes=wishes,
            today=clock.today(lease.time_zone),
            at=clock.now(),
        )
    ):
        flash(_("Noted, at the prices shown. You may still change it until the last day."), "success")
    return redirect(url_for(".show", lease_id=lease_id, tab="end"), 303)


@leases.post("/leases/<lease_id>/choices/carry-out")
@requires("lease.end")
def carry_out_end(lease_id: str) -> Any:
    """Turn what was chosen into returns, purchases and a renewal."""
    caller = current_caller()
    lease = queries.get_lease(caller.session, caller.tenant, lease_id=lease_id)
    made: list[choices.CarriedOut] = []
    if attempt_or_flash(
        lambda: made.append(
            choices.carry_out(
                caller.session,
                caller.tenant,
                lease_id=lease.id,
                today=clock.today(lease.time_zone),
                at=clock.now(),
            )
        )
    ):
        flash(_("%(count)s choices are carried out.", count=len(made[0].done)), "success")
        for why in sorted({why for _row, why in made[0].waiting}):
            flash(str(words.WAITING[why]), "warning")
    return redirect(url_for(".show", lease_id=lease_id, tab="end"), 303)


@leases.get("/leases/<lease_id>/loss-values.pdf")
@requires("lease.read")
def loss_values(lease_id: str) -> Any:
    """The stipulated loss values on paper, to go with the lease."""
    caller = current_caller()
    lease = queries.get_lease(caller.session, caller.tenant, lease_id=lease_id)
    document = loss_table_of_lease(
        caller.session, caller.tenant, lease=lease, at=clock.now(), base_url=settings.current().base_url
    )
    name = f"{lease.number}-loss-values.pdf"
    return download(loss_table_pdf(document), name=name, media_type="application/pdf", inline=True)


@leases.get("/leases/holdover")
@requires("lease.read")
def holdover() -> Any:
    """A line for each day after the end of a term, with the rate that held; also as a table to keep."""
    caller = current_caller()
    today = clock.today(caller.partner.time_zone)
    start = _day("start", today.replace(day=1))
    last = _day("last", min(today, start + timedelta(days=DAYS_MAX - 1)))
    if last < start or (last - start).days >= DAYS_MAX:
        last = min(max(last, start), start + timedelta(days=DAYS_MAX - 1))
    days = holdover_days(caller.session, caller.tenant, start=start, until=last + ONE_DAY)
    names = summaries.client_names(caller.session, caller.tenant, {day.lease.client_id for day in days})
    if request.args.get("format") in ("csv", "xlsx"):
        return table_download(
            "xlsx" if request.args["format"] == "xlsx" else "csv",
            name=f"holdover-{start}-{last}",
            header=["day", "client", "lease", "line", "serial", "rate_pct", "amount", "currency"],
            rows=(
                [day.on, names.get(day.lease.client_id, ""), day.lease.number, day.line.description,
                 day.serial, day.rate_pct, day.amount, day.lease.currency]
                for day in days
            ),
        )  # fmt: skip
    totals: dict[str, Any] = {}
    for day in days:
        totals[day.lease.currency] = totals.get(day.lease.currency, 0) + day.amount
    page = render_template(
        "portal/leases/holdover.html",
        days=days,
        names=names,
        totals=totals,
        start=start,
        last=last,
        earlier=add_months(start, -1).replace(day=1),
    )
    return make_response(page)


@leases.route("/settings/lease-ends", methods=["GET", "POST"])
@requires("settings.manage")
def end_settings() -> Any:
    """The partner's own rules for the end of its leases."""
    caller = current_caller()
    if request.method == "GET":
        return _settings_page(_policy_form(EndPolicy.of_policies(caller.partner.policies)))
    form = read_form(PolicyForm)
    if form.data is not None:
        changes = form.data
        if attempt(form, lambda: edit_policy(caller.session, caller.tenant, changes=changes)):
            flash(_("Saved. What was offered or agreed before keeps its own terms."), "success")
            return redirect(url_for(".end_settings"), 303)
    return _settings_page(form), 422


def _settings_page(form: Form) -> str:
    return render_template("portal/settings/lease_ends.html", form=form, words=words)


def _policy_form(policy: EndPolicy) -> Form:
    values = {name: getattr(policy, name) for name in PolicyForm().fields}
    values["notice_days"] = ", ".join(str(days) for days in policy.notice_days)
    values["value_curve"] = write_curve(policy.value_curve)
    values["loss_curve"] = write_curve(policy.loss_curve)
    return blank_form(**values)


def _day(name: str, otherwise: date) -> date:
    try:
        asked = date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return otherwise
    return asked if FIRST_DAY <= asked <= LAST_DAY else otherwise

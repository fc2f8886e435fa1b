"""/settings/reminders: the rules, the plan's steps, and each step's texts with real data."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import marshmallow as ma
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.errors import HaasError, InvalidInput, NotFound
from haas.pages.forms import Form, blank_form, read_form
from haas.rest.fields import Amount, one_of, text
from haas.rest.openapi import Request
from haas.tenancy.models import Client
from haas.tenancy.scope import scoped
from invoicing import queries
from invoicing.credit_limit import ACCEPTED_PERIODS, BeyondLimit
from invoicing.dunning import reminding, rules
from invoicing.dunning.plan import PLACEHOLDERS, Step, fingerprint, late_interest
from invoicing.dunning.policy import DunningPolicy
from invoicing.dunning.portal.words import limit_words, tax_words
from invoicing.dunning.reminding import DueItem, DueLetter
from invoicing.dunning.retries import RetryPlan
from invoicing.open_items import OpenItem
from invoicing.portal.forms import CONFIRM, PREVIEW
from leases.portal.doors import attempt, attempt_or_flash

blueprint = Blueprint("dunning_settings", __name__, url_prefix="/settings/reminders")

LANGUAGES = ("en", "de", "es")


class PolicyForm(Request):
    """What is common to all steps."""

    is_on = ma.fields.Boolean(load_default=False)
    least_amount = Amount(load_default=Decimal(0))
    on_weekends = ma.fields.Boolean(load_default=False)
    interest_basis = one_of("360", "365", required=True)
    pay_within_days = ma.fields.Integer(required=True, validate=ma.validate.Range(0, 90))
    fee_tax_category = one_of("O", "S", required=True)
    beyond_limit = one_of(*(each.value for each in BeyondLimit), required=True)
    accepted_periods = ma.fields.Integer(load_default=ACCEPTED_PERIODS, validate=ma.validate.Range(0, 12))
    retry_days = text(80, load_default="")
    ageing_days = text(60, least=1, required=True)


class PlanForm(Request):
    """A plan by its name."""

    name = text(60, least=1, required=True)


class StepForm(Request):
    """One step, with its texts in each language."""

    step = one_of(PREVIEW, CONFIRM, load_default=CONFIRM)
    shown = text(64, load_default="")  # `fingerprint` of the plan's steps when the page was opened
    name = text(60, least=1, required=True)
    days = ma.fields.Integer(required=True)
    fee = Amount(load_default=Decimal(0))
    interest_pct = Amount(load_default=Decimal(0))
    as_letter = ma.fields.Boolean(load_default=False)
    stops_charging = ma.fields.Boolean(load_default=False)
    subject_en = text(200, least=1, required=True)
    text_en = text(4000, least=1, required=True)
    subject_de = text(200, load_default="")
    text_de = text(4000, load_default="")
    subject_es = text(200, load_default="")
    text_es = text(4000, load_default="")


@blueprint.get("")
@requires("settings.manage")
def edit() -> str:
    """The rules and the steps."""
    caller = current_caller()
    policy = reminding.policy_of(caller.session, caller.tenant)
    return _page(
        policy,
        blank_form(
            is_on=policy.is_on,
            least_amount=policy.plan.least_amount,
            on_weekends=policy.plan.on_weekends,
            interest_basis=str(policy.plan.interest_basis),
            pay_within_days=policy.plan.pay_within_days,
            fee_tax_category=policy.fee_tax_category,
            beyond_limit=policy.beyond_limit.value,
            accepted_periods=policy.accepted_periods,
            retry_days=", ".join(str(day) for day in policy.retries.days),
            ageing_days=", ".join(str(day) for day in policy.ageing_days),
        ),
    )


@blueprint.post("")
@requires("settings.manage")
def save() -> Any:
    """Keep other rules from now on."""
    caller, form = current_caller(), read_form(PolicyForm)
    policy = rules.locked_policy(caller.session, caller.tenant)  # with the steps as they stand by now
    if form.data is not None:
        data = form.data
        if attempt(
            form,
            lambda: rules.change_policy(caller.session, caller.tenant, policy=_changed(policy, data)),
        ):
            flash(_("Saved. What was written stays as it is."), "success")
            return redirect(url_for(".edit"), 303)
    return _page(policy, form), 422


@blueprint.get("/steps/<int:step_no>")
@requires("settings.manage")
def step(step_no: int) -> str:
    """One step; the number behind the last is a new one."""
    caller = current_caller()
    policy = reminding.policy_of(caller.session, caller.tenant)
    found = _step(policy, step_no)
    form = blank_form(
        shown=fingerprint(policy.plan_of(_plan()).steps),
        name=found.name,
        days=found.days,
        fee=found.fee,
        interest_pct=found.interest_pct,
        as_letter=found.as_letter,
        stops_charging=found.stops_charging,
        **{f"subject_{language}": found.subjects.get(language, "") for language in LANGUAGES},
        **{f"text_{language}": found.texts.get(language, "") for language in LANGUAGES},
    )
    return _step_page(caller, policy, step_no, form, previews=_previews(caller, policy, found))


@blueprint.post("/plans")
@requires("settings.manage")
def add_plan() -> Any:
    """A further plan, which begins with the usual steps."""
    caller, form = current_caller(), read_form(PlanForm)
    policy = reminding.policy_of(caller.session, caller.tenant)
    if form.data is not None:
        name = form.data["name"]
        if attempt(form, lambda: rules.add_plan(caller.session, caller.tenant, name=name)):
            flash(_("The plan is there. Change its steps, then give it to clients."), "success")
            return redirect(url_for(".edit", plan=name), 303)
    return _page(policy, form), 422


@blueprint.post("/plans/remove")
@requires("settings.manage")
def remove_plan() -> Any:
    """Do without a plan that no client has."""
    caller, form = current_caller(), read_form(PlanForm)
    name = (form.data or {}).get("name", "")
    if attempt_or_flash(lambda: rules.remove_plan(caller.session, caller.tenant, name=name)):
        flash(_("The plan is gone."), "success")
    return redirect(url_for(".edit"), 303)


@blueprint.post("/steps/<int:step_no>")
@requires("settings.manage")
def save_step(step_no: int) -> Any:
    """Show the texts filled in, or keep the step."""
    caller, form = current_caller(), read_form(StepForm)
    policy = reminding.policy_of(caller.session, caller.tenant)
    if form.data is None:
        return _step_page(caller, policy, step_no, form), 422
    wanted = _typed(form.data)
    if form.data["step"] == PREVIEW:
        try:
            replace(policy.plan, steps=(wanted,)).check()
        except HaasError as refusal:
            form.refuse(refusal)
            return _step_page(caller, policy, step_no, form), refusal.status
        return _step_page(caller, policy, step_no, form, previews=_previews(caller, policy, wanted))
    if attempt(
        form,
        lambda: rules.put_step(
            caller.session,
            caller.tenant,
            step_no=step_no,
            step=wanted,
            plan=_plan(),
            shown=form.value("shown"),
        ),
    ):
        flash(_("The step is saved."), "success")
        return redirect(url_for(".edit", plan=_plan() or None), 303)
    return _step_page(caller, policy, step_no, form), 422


@blueprint.post("/steps/<int:step_no>/remove")
@requires("settings.manage")
def remove_step(step_no: int) -> Any:
    """Take a step out of the plan."""
    caller = current_caller()
    shown = request.args.get("shown")
    if attempt_or_flash(
        lambda: rules.remove_step(caller.session, caller.tenant, step_no=step_no, plan=_plan(), shown=shown)
    ):
        flash(_("The step is gone."), "success")
    return redirect(url_for(".edit", plan=_plan() or None), 303)


def _changed(policy: DunningPolicy, data: dict[str, Any]) -> DunningPolicy:
    return replace(
        policy,
        is_on=data["is_on"],
        plan=replace(
            policy.plan,
            least_amount=data["least_amount"],
            on_weekends=data["on_weekends"],
            interest_basis=int(data["interest_basis"]),
            pay_within_days=data["pay_within_days"],
        ),
        retries=RetryPlan(_days(data["retry_days"], "retry_days"), policy.retries.on_weekends),
        beyond_limit=BeyondLimit(data["beyond_limit"]),
        accepted_periods=data["accepted_periods"],
        fee_tax_category=data["fee_tax_category"],
        ageing_days=_days(data["ageing_days"], "ageing_days"),
    )


def _days(typed: str, field: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in typed.replace(";", ",").split(",") if part.strip())
    except ValueError as unreadable:
        raise InvalidInput(_("Write whole days with commas between, such as 1, 3, 7."), field=field) from (
            unreadable
        )


def _plan() -> str:
    """Which plan the page is about; empty: the usual one."""
    return request.args.get("plan", "")


def _step(policy: DunningPolicy, step_no: int) -> Step:
    if _plan() and _plan() not in policy.plans:
        raise NotFound(f"There is no plan {_plan()}.")
    steps = policy.plan_of(_plan()).steps
    if step_no == len(steps):
        return Step(name="", days=(steps[-1].days + 7 if steps else 7), subjects={}, texts={})
    if not 0 <= step_no < len(steps):
        raise NotFound(f"There is no step {step_no}.")
    return steps[step_no]


def _typed(data: dict[str, Any]) -> Step:
    return Step(
        name=data["name"],
        days=data["days"],
        subjects={each: data[f"subject_{each}"] for each in LANGUAGES if data[f"text_{each}"]},
        texts={each: data[f"text_{each}"] for each in LANGUAGES if data[f"text_{each}"]},
        fee=data["fee"] or Decimal(0),
        interest_pct=data["interest_pct"] or Decimal(0),
        as_letter=data["as_letter"],
        stops_charging=data["stops_charging"],
    )


def _previews(caller: Caller, policy: DunningPolicy, wanted: Step) -> list[tuple[str, str, str]]:
    """Language, subject and text, as the client with the oldest open invoice would read them."""
    items = queries.open_items(caller.session, caller.tenant)
    client = (
        caller.session.scalar(scoped(Client, caller.tenant).where(Client.id == items[0].client_id))
        if items
        else None
    )
    if client is None:
        return []
    # On the day on which the step is reached.
    today: date = items[0].due_on + timedelta(days=wanted.days)
    pay_by = today + timedelta(days=policy.plan.pay_within_days)
    letter = DueLetter(client, items[0].currency, (_as_due(items[0], wanted, policy, today),), pay_by)
    return [
        (language, *reminding.wording(letter, partner=caller.partner, today=today, language=language))
        for language in LANGUAGES
        if language in wanted.texts
    ]


def _as_due(item: OpenItem, wanted: Step, policy: DunningPolicy, today: date) -> DueItem:
    interest = late_interest(
        item.open,
        rate_pct=wanted.interest_pct,
        since=item.due_on,
        until=today,
        basis=policy.plan.interest_basis,
        currency=item.currency,
    )
    return DueItem(item, wanted, interest, today)


def _page(policy: DunningPolicy, form: Form) -> str:
    return render_template(
        "portal/dunning/settings.html",
        policy=policy,
        plan=_plan() if _plan() in policy.plans else "",
        plan_tabs=[(name, url_for(".edit", plan=name), name == _plan()) for name in policy.plans],
        form=form,
        limits=limit_words(),
        taxes=tax_words(),
        currency=current_caller().partner.currency,
    )


def _step_page(
    caller: Caller,
    policy: DunningPolicy,
    step_no: int,
    form: Form,
    *,
    previews: list[tuple[str, str, str]] | None = None,
) -> str:
    return render_template(
        "portal/dunning/step.html",
        step_no=step_no,
        is_new=step_no == len(policy.plan_of(_plan()).steps),
        plan=_plan(),
        form=form,
        previews=previews or [],
        names=", ".join(f"{{{name}}}" for name in sorted(PLACEHOLDERS)),
        languages={"en": _("English"), "de": _("German"), "es": _("Spanish")},
        currency=caller.partner.currency,
        today=clock.today(caller.partner.time_zone),
    )

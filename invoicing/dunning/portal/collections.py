"""/collections: who to call today, and one client's account with everything that can be done about it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _

from haas import clock
from haas.accounts.clients import get_client
from haas.auth.caller import Caller, current_caller, requires
from haas.pages.forms import Form, blank_form, read_form
from invoicing import queries
from invoicing.dunning import choices, reminding, worklist
from invoicing.dunning.models import Reminder
from invoicing.dunning.policy import NEVER
from invoicing.dunning.portal.words import pause_words, reason_words
from invoicing.dunning.schemas import PauseForm, PlanChoice, RemindNowRequest
from invoicing.holds import held
from invoicing.portal.exposure_part import who_is_over
from leases.portal.doors import attempt, attempt_or_flash

blueprint = Blueprint("collections", __name__, url_prefix="/collections")

LETTERS_SHOWN = 20


@blueprint.get("")
@requires("dunning.read")
def index() -> str:
    """What is overdue by client, the weightiest first, and what waits for a decision."""
    caller = current_caller()
    session, tenant = caller.session, caller.tenant
    found = worklist.work_list(session, tenant, today=_today(caller))
    disputes = worklist.open_disputes(session, tenant)
    return render_template(
        "portal/dunning/index.html",
        rows=found[: worklist.SHOWN_MAX],
        more=max(len(found) - worklist.SHOWN_MAX, 0),
        disputes=disputes,
        numbers=queries.numbers_of(session, tenant, invoice_ids=[row.invoice_id for row in disputes]),
        reasons=reason_words(),
        is_on=reminding.policy_of(session, tenant).is_on,
        over_limit=who_is_over(caller, list({row.client.id: row.client for row in found}.values())),
    )


@blueprint.get("/clients/<client_id>")
@requires("dunning.read")
def client(client_id: str) -> Any:
    """What is open, what would be sent, what was sent, and what holds it back."""
    return _page(current_caller(), client_id, blank_form(kind="promise", until="", amount="", reason=""))


@blueprint.post("/clients/<client_id>/remind")
@requires("dunning.manage")
def remind(client_id: str) -> Any:
    """Send what the page showed."""
    caller, form = current_caller(), read_form(RemindNowRequest)
    found = get_client(caller.session, caller.tenant, client_id=client_id)
    currency = form.data["currency"] if form.data else found.currency
    if attempt_or_flash(
        lambda: worklist.remind_now(
            caller.session,
            caller.tenant,
            client_id=found.id,
            currency=currency,
            today=_today(caller),
            at=clock.now(),
        )
    ):
        flash(_("The reminder is on its way to %(name)s.", name=found.name), "success")
    return redirect(url_for(".client", client_id=client_id), 303)


@blueprint.post("/clients/<client_id>/pause")
@requires("dunning.manage")
def pause(client_id: str) -> Any:
    """Note a promise, or a pause by hand."""
    caller, form = current_caller(), read_form(PauseForm)
    get_client(caller.session, caller.tenant, client_id=client_id)
    if form.data is not None:
        wanted = form.data
        if attempt(
            form,
            lambda: held.pause(
                caller.session,
                caller.tenant,
                client_id=client_id,
                today=_today(caller),
                at=clock.now(),
                **wanted,
            ),
        ):
            flash(_("Noted. Nobody is reminded of it or charged meanwhile."), "success")
            return redirect(url_for(".client", client_id=client_id), 303)
    return _page(caller, client_id, form), 422


@blueprint.post("/clients/<client_id>/plan")
@requires("dunning.manage")
def choose_plan(client_id: str) -> Any:
    """Remind it by another plan, or never."""
    caller, form = current_caller(), read_form(PlanChoice)
    if form.data is None:  # the empty name is the usual plan: what cannot be read must not choose it
        return _page(caller, client_id, form), 422
    plan = form.data["plan"]
    if attempt_or_flash(
        lambda: choices.choose_plan(
            caller.session, caller.tenant, client_id=client_id, plan=plan, at=clock.now()
        )
    ):
        flash(_("Saved."), "success")
    return redirect(url_for(".client", client_id=client_id), 303)


@blueprint.post("/pauses/<pause_id>/end")
@requires("dunning.manage")
def resume(pause_id: str) -> Any:
    """End a pause now."""
    caller = current_caller()
    ended = held.resume(caller.session, caller.tenant, pause_id=pause_id, at=clock.now())
    flash(_("The pause is over. Reminders go on tomorrow morning."), "success")
    return redirect(url_for(".client", client_id=ended.client_id), 303)


def _page(caller: Caller, client_id: str, form: Form) -> str:
    session, tenant, today = caller.session, caller.tenant, _today(caller)
    found = get_client(session, tenant, client_id=client_id)
    policy = reminding.policy_of(session, tenant)
    items = queries.open_items(session, tenant, client_id=found.id)
    stopped = held.held_on(session, tenant, today=today, client_id=found.id)
    letters = reminding.due_letters(session, tenant, today=today, policy=policy, items=items, held=stopped)
    written = reminding.written_to(session, tenant, today=today)
    sent = session.scalars(
        worklist.list_reminders(tenant, client_id=found.id)
        .order_by(Reminder.reminded_on.desc(), Reminder.id.desc())
        .limit(LETTERS_SHOWN)
    ).all()
    disputes = worklist.open_disputes(session, tenant, client_id=found.id)
    return render_template(
        "portal/dunning/client.html",
        client=found,
        items=items,
        today=today,
        held=stopped,
        letters=[
            (letter, reminding.wording(letter, partner=caller.partner, today=today))
            for letter in letters
            if (found.id, letter.currency) not in written
        ],
        sent=sent,
        pauses=held.pauses_of(session, tenant, client_id=found.id, today=today),
        disputes=disputes,
        numbers={item.invoice_id: item.number for item in items},
        reasons=reason_words(),
        kinds=pause_words(),
        plan=choices.chosen_plans(session, tenant, client_ids=[found.id]).get(found.id, ""),
        plans=[("", _("the usual plan")), *((name, name) for name in policy.plans), (NEVER, _("never"))],
        form=form,
    )


def _today(caller: Caller) -> Any:
    return clock.today(caller.partner.time_zone)

"""REST: /v1/dunning, /v1/invoices/{id}/disputes, /v1/disputes/{id}."""

from __future__ import annotations

from typing import Any

from flask import current_app
from flask_smorest import Blueprint

from haas import clock
from haas.accounts.clients import get_client
from haas.auth.caller import current_caller, requires
from haas.rest.etags import demand_tag
from haas.rest.openapi import page_of
from haas.rest.paging import Sort, fetch_page
from invoicing import queries
from invoicing.dunning import ageing, choices, disputing, reminding, rules, worklist
from invoicing.dunning.models import Reminder
from invoicing.dunning.plan import fingerprint
from invoicing.dunning.policy import DunningPolicy
from invoicing.dunning.schemas import (
    AgeingAsked,
    AgeingReport,
    CollectionsList,
    DisputeDecisionRequest,
    DunningPauseRequest,
    DunningPauseResource,
    DunningPolicyRequest,
    DunningPolicyResource,
    InvoiceDisputeRequest,
    InvoiceDisputeResource,
    InvoiceDisputes,
    PlanChoice,
    PlanChoiceResource,
    ReminderResource,
    RemindersListed,
    RemindNowRequest,
    WorkListed,
)
from invoicing.holds import held
from invoicing.holds.models import DunningPause, InvoiceDispute

dunning_api = Blueprint(
    "dunning_api", __name__, url_prefix="/v1/dunning", description="Reminders and who to call"
)
reports_api = Blueprint(
    "reports_api", __name__, url_prefix="/v1/reports", description="Reports of what is open"
)
invoices_api = Blueprint(
    "invoice_disputes_api", __name__, url_prefix="/v1/invoices", description="InvoiceDisputes of invoices"
)
disputes_api = Blueprint(
    "disputes_api", __name__, url_prefix="/v1/invoice-disputes", description="InvoiceDisputes of invoices"
)

Answer = dict[str, Any]


@dunning_api.get("")
@requires("dunning.read")
@dunning_api.arguments(WorkListed, location="query")
@dunning_api.response(200, CollectionsList)
def get_work_list(query: dict[str, Any]) -> Answer:
    """Clients with something overdue, the weightiest first: amount times days."""
    caller = current_caller()
    found = worklist.work_list(
        caller.session,
        caller.tenant,
        today=clock.today(caller.partner.time_zone),
        client_id=query.get("client_id"),
    )
    return {"items": found[: worklist.SHOWN_MAX]}


@dunning_api.get("/policy")
@requires("dunning.read")
@dunning_api.response(200, DunningPolicyResource)
def get_policy() -> Any:
    """The partner's rules: plan, retries, limits, ageing."""
    caller = current_caller()
    return _tagged(reminding.policy_of(caller.session, caller.tenant))


@dunning_api.put("/policy")
@requires("dunning.manage")
@dunning_api.arguments(DunningPolicyRequest)
@dunning_api.response(200, DunningPolicyResource)
def change_policy(policy: Answer) -> Any:
    """Other rules from now on; with If-Match, only if nobody changed them meanwhile.

    What was written stays as it is.
    """
    caller = current_caller()
    wanted = rules.policy_from(policy)
    demand_tag(_tag(rules.locked_policy(caller.session, caller.tenant)))
    return _tagged(rules.change_policy(caller.session, caller.tenant, policy=wanted))


def _tagged(policy: DunningPolicy) -> Any:
    return policy.kept(), 200, {"ETag": _tag(policy)}


def _tag(policy: DunningPolicy) -> str:
    return f'"{fingerprint(policy.kept())}"'


@dunning_api.get("/reminders")
@requires("dunning.read")
@dunning_api.arguments(RemindersListed, location="query")
@dunning_api.response(200, page_of(ReminderResource))
def list_reminders(query: dict[str, Any]) -> Answer:
    """Letters that were written, the newest first."""
    caller = current_caller()
    page = fetch_page(
        caller.session,
        worklist.list_reminders(caller.tenant, client_id=query.get("client_id")),
        sort=Sort(Reminder.reminded_on, Reminder.id, descending=True),
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    return {"items": page.rows, "next": page.older}


@dunning_api.post("/clients/<client_id>/reminders")
@requires("dunning.manage")
@dunning_api.arguments(RemindNowRequest)
@dunning_api.response(201, ReminderResource)
def remind_now(wanted: dict[str, Any], client_id: str) -> Reminder:
    """Send what the client is due today, without waiting for the morning."""
    caller = current_caller()
    client = get_client(caller.session, caller.tenant, client_id=client_id)
    return worklist.remind_now(
        caller.session,
        caller.tenant,
        client_id=client.id,
        currency=wanted["currency"],
        today=clock.today(caller.partner.time_zone),
        at=clock.now(),
    )


@dunning_api.put("/clients/<client_id>/plan")
@requires("dunning.manage")
@dunning_api.arguments(PlanChoice)
@dunning_api.response(200, PlanChoiceResource)
def choose_plan(wanted: dict[str, Any], client_id: str) -> Answer:
    """Remind a client by another plan from now on, or never."""
    caller = current_caller()
    plan = choices.choose_plan(
        caller.session, caller.tenant, client_id=client_id, plan=wanted["plan"], at=clock.now()
    )
    return {"client_id": client_id, "plan": plan}


@dunning_api.post("/pauses")
@requires("dunning.manage")
@dunning_api.arguments(DunningPauseRequest)
@dunning_api.response(201, DunningPauseResource)
def pause(wanted: dict[str, Any]) -> DunningPause:
    """Leave a client or an invoice alone, by hand or because payment is promised."""
    caller = current_caller()
    today = clock.today(caller.partner.time_zone)
    return held.pause(caller.session, caller.tenant, today=today, at=clock.now(), **wanted)


@dunning_api.post("/pauses/<pause_id>/end")
@requires("dunning.manage")
@dunning_api.response(200, DunningPauseResource)
def resume(pause_id: str) -> DunningPause:
    """End a pause now."""
    caller = current_caller()
    return held.resume(caller.session, caller.tenant, pause_id=pause_id, at=clock.now())


@reports_api.get("/ageing")
@requires("dunning.read")
@reports_api.arguments(AgeingAsked, location="query")
@reports_api.response(200, AgeingReport)
def get_ageing(query: dict[str, Any]) -> Answer:
    """What was open on a day, by client, currency and how long it had been due."""
    caller = current_caller()
    as_of = query.get("as_of") or clock.today(caller.partner.time_zone)
    bounds = reminding.policy_of(caller.session, caller.tenant).ageing_days
    rows = ageing.ageing(caller.session, caller.tenant, as_of=as_of, bounds=bounds)
    own = ageing.in_own_currency(
        caller.session, caller.tenant, rows=rows, currency=caller.partner.currency, day=as_of
    )
    return {"as_of": as_of, "bounds": bounds, "items": rows, "in_own_currency": own}


@invoices_api.get("/<invoice_id>/disputes")
@requires("invoice.read")
@invoices_api.response(200, InvoiceDisputes)
def list_disputes(invoice_id: str) -> Answer:
    """What was said against an invoice."""
    caller = current_caller()
    invoice = queries.get_invoice(caller.session, caller.tenant, invoice_id=invoice_id)
    return {"items": disputing.disputes_of(caller.session, caller.tenant, invoice_id=invoice.id)}


@invoices_api.post("/<invoice_id>/disputes")
@requires("invoice.dispute")
@invoices_api.arguments(InvoiceDisputeRequest)
@invoices_api.response(201, InvoiceDisputeResource)
def open_dispute(said: dict[str, Any], invoice_id: str) -> InvoiceDispute:
    """Say that an invoice is wrong: nobody reminds of it or charges it until that is decided."""
    caller = current_caller()
    return disputing.open_dispute(
        caller.session, caller.tenant, invoice_id=invoice_id, at=clock.now(), **said
    )


@disputes_api.get("/<dispute_id>")
@requires("invoice.read")
@disputes_api.response(200, InvoiceDisputeResource)
def get_dispute(dispute_id: str) -> InvoiceDispute:
    """One dispute."""
    caller = current_caller()
    return disputing.get_dispute(caller.session, caller.tenant, dispute_id=dispute_id)


@disputes_api.post("/<dispute_id>/decision")
@requires("dunning.manage")
@disputes_api.arguments(DisputeDecisionRequest)
@disputes_api.response(200, InvoiceDisputeResource)
def decide(decided: dict[str, Any], dispute_id: str) -> InvoiceDispute:
    """Accept with a credit note, accept partly, or reject. It cannot be undone."""
    caller = current_caller()
    lines = decided.pop("lines")
    return disputing.decide(
        caller.session,
        caller.tenant,
        dispute_id=dispute_id,
        today=clock.today(caller.partner.time_zone),
        at=clock.now(),
        portal_url=current_app.config["HAAS"].base_url,
        amounts={line["line_id"]: line["net"] for line in lines if line["net"]},
        **decided,
    )


@disputes_api.post("/<dispute_id>/withdrawal")
@requires("invoice.dispute")
@disputes_api.response(200, InvoiceDisputeResource)
def withdraw(dispute_id: str) -> InvoiceDispute:
    """Take it back."""
    caller = current_caller()
    return disputing.withdraw(caller.session, caller.tenant, dispute_id=dispute_id, at=clock.now())

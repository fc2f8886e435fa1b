"""Examples of the changing routes of reminders, pauses and disputes."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session

from haas.tenancy.models import Partner
from invoicing.dunning import disputing, rules
from invoicing.dunning.policy import DunningPolicy
from invoicing.holds import held
from tests.architecture.examples import Example
from tests.cast import Cast
from tests.invoicing.world import NOW, an_invoice
from tests.leases.fleet import day

OF_THE_HOUSE = "it changes the caller's own house; there is no id to guess"


def open_invoice(session: Session, cast: Cast) -> Mapping[str, str]:
    """An invoice that has been due long, and reminders by the default plan."""
    partner = session.get_one(Partner, cast.northwind.id)
    plan = DunningPolicy(is_on=True).check().kept()
    plan["plan"]["on_weekends"] = True
    partner.policies = {**partner.policies, "dunning": plan}
    invoice = an_invoice(session, cast.tenant, client_id=cast.acme.id)
    return {"invoice_id": invoice.id, "client_id": cast.acme.id}


def paused(session: Session, cast: Cast) -> Mapping[str, str]:
    """A pause by hand."""
    values = open_invoice(session, cast)
    made = held.pause(
        session,
        cast.tenant,
        client_id=cast.acme.id,
        kind="by_hand",
        reason="A talk is due",
        until=None,
        today=day("2026-10-01"),
        at=NOW,
    )
    return {**values, "pause_id": made.id}


def disputed(session: Session, cast: Cast) -> Mapping[str, str]:
    """A dispute that waits."""
    values = open_invoice(session, cast)
    made = disputing.open_dispute(
        session, cast.tenant, invoice_id=values["invoice_id"], reason="faulty", words="Broken.", at=NOW
    )
    return {**values, "dispute_id": made.id}


def a_step(_cast: Cast, _values: Mapping[str, str]) -> dict[str, str]:
    """A fifth step."""
    return {
        "name": "Call",
        "days": "40",
        "subject_en": "{numbers}",
        "text_en": "Dear {client}, {amount}.",
    }


def the_first(_session: Session, _cast: Cast) -> Mapping[str, str]:
    """A step of the default plan."""
    return {"step_no": "0"}


def behind_the_last(_session: Session, _cast: Cast) -> Mapping[str, str]:
    """A new step."""
    return {"step_no": "4"}


def another_plan(session: Session, cast: Cast) -> Mapping[str, str]:
    """A plan that no client has."""
    rules.add_plan(session, cast.tenant, name="Strict")
    return {}


SAID = {"reason": "faulty", "words": "It came broken."}
REJECTED = {"state": "rejected", "decision": "It worked on delivery."}
PAUSE = {"kind": "by_hand", "reason": "A talk is due"}


def of_client(_cast: Cast, values: Mapping[str, str]) -> dict[str, str]:
    """The client of the body."""
    return {**PAUSE, "client_id": values["client_id"]}


RULES = {
    "is_on": "1",
    "least_amount": "5",
    "interest_basis": "365",
    "pay_within_days": "7",
    "fee_tax_category": "O",
    "beyond_limit": "warn",
    "retry_days": "1, 3",
    "ageing_days": "0, 30, 60, 90",
}

EXAMPLES = {
    "collections.remind": Example(open_invoice, form={"currency": "USD"}, user="fay", status=303),
    "collections.pause": Example(open_invoice, form=PAUSE, user="fay", status=303),
    "collections.choose_plan": Example(open_invoice, form={"plan": "never"}, user="fay", status=303),
    "dunning_api.choose_plan": Example(open_invoice, json={"plan": "never"}, status=200),
    "dunning_settings.add_plan": Example(
        form={"name": "Gentle"}, status=303, cleo=303, cleo_because=OF_THE_HOUSE
    ),
    "dunning_settings.remove_plan": Example(another_plan, form={"name": "Strict"}, status=303),
    "collections.resume": Example(paused, user="fay", status=303),
    "dunning_api.remind_now": Example(open_invoice, json={"currency": "USD"}, status=201),
    "dunning_api.pause": Example(open_invoice, json=of_client, status=201),
    "dunning_api.resume": Example(paused, status=200),
    "dunning_api.change_policy": Example(
        json=DunningPolicy(is_on=True).check().kept(), status=200, cleo=200, cleo_because=OF_THE_HOUSE
    ),
    "dunning_settings.save": Example(form=RULES, status=303, cleo=303, cleo_because=OF_THE_HOUSE),
    "dunning_settings.save_step": Example(
        behind_the_last, form=a_step, status=303, cleo=303, cleo_because=OF_THE_HOUSE
    ),
    "dunning_settings.remove_step": Example(the_first, status=303, cleo=303, cleo_because=OF_THE_HOUSE),
    "invoice_disputes.open_dispute": [
        Example(open_invoice, form=SAID, user="fay", status=303),
        Example(open_invoice, form=SAID, user="ada", status=303),
    ],
    "invoice_disputes.decide": Example(
        disputed, form={**REJECTED, "step": "confirm"}, user="fay", status=303
    ),
    "invoice_disputes.withdraw": Example(disputed, user="fay", status=303),
    "invoice_disputes_api.open_dispute": Example(open_invoice, json=SAID, status=201),
    "disputes_api.decide": Example(disputed, json=REJECTED, status=200),
    "disputes_api.withdraw": Example(disputed, status=200),
}

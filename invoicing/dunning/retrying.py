"""Try declined charges again by the partner's days: once a try, and never what is held back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.calendar import local_day
from haas.tenancy.scope import Tenant
from invoicing.bank.under_way import ordered
from invoicing.dunning.choices import chosen_plans
from invoicing.dunning.models import ReminderItem
from invoicing.dunning.policy import DunningPolicy
from invoicing.dunning.retries import next_try
from invoicing.holds.held import not_held
from invoicing.models import Invoice
from invoicing.payments.models import PaymentAttempt

SOFT = "soft"


@dataclass(slots=True)
class _Tried:
    declines: list[tuple[date, bool]] = field(default_factory=list)
    is_over: bool = True  # no attempt is under way
    last_no: int = 0


def due_retries(
    session: Session, tenant: Tenant, *, today: date, zone: str, policy: DunningPolicy
) -> list[tuple[str, int]]:
    """Invoices whose next try falls on today, each with the number of that try; two queries.

    Not those that the bank collects, that are disputed, promised or paused, nor those past a step of the
    plan that stops charging.
    """
    statement = (
        sa.select(
            PaymentAttempt.invoice_id,
            PaymentAttempt.attempt_no,
            PaymentAttempt.state,
            PaymentAttempt.decline_kind,
            sa.func.coalesce(PaymentAttempt.settled_at, PaymentAttempt.created_at),
        )
        .join(
            Invoice,
            sa.and_(Invoice.partner_id == PaymentAttempt.partner_id, Invoice.id == PaymentAttempt.invoice_id),
        )
        .where(
            PaymentAttempt.partner_id == tenant.partner_id,
            PaymentAttempt.attempt_no.is_not(None),
            Invoice.kind == "invoice",
            Invoice.state == "issued",
            ~ordered(),
            *not_held(today=today),
            *_not_stopped(policy, chosen_plans(session, tenant)),
        )
        .order_by(PaymentAttempt.attempt_no)
    )
    found: defaultdict[str, _Tried] = defaultdict(_Tried)
    for invoice_id, attempt_no, state, decline_kind, at in session.execute(statement):
        tried = found[invoice_id]
        tried.last_no = max(tried.last_no, attempt_no or 0)
        if state == "declined":
            tried.declines.append((local_day(at, zone), decline_kind == SOFT))
        else:
            tried.is_over = False
    return [
        (invoice_id, tried.last_no + 1)
        for invoice_id, tried in found.items()
        if tried.is_over and next_try(policy.retries, declines=tried.declines, today=today) == today
    ]


def _not_stopped(policy: DunningPolicy, chosen: Mapping[str, str]) -> list[sa.ColumnElement[bool]]:
    """That no step of its client's plan that stops charging is reached; a condition for each plan."""
    found = []
    for name in ("", *policy.plans):
        stops = [step.days for step in policy.plan_of(name).steps if step.stops_charging]
        if stops:
            whose = (
                Invoice.client_id.not_in(list(chosen))
                if not name
                else Invoice.client_id.in_([client_id for client_id, plan in chosen.items() if plan == name])
            )
            found.append(sa.not_(whose & _has_reached(min(stops))))
    return found


def _has_reached(days: int) -> sa.ColumnElement[bool]:
    return (
        sa.select(ReminderItem.id)
        .where(
            ReminderItem.partner_id == Invoice.partner_id,
            ReminderItem.invoice_id == Invoice.id,
            ReminderItem.step_days >= days,
        )
        .exists()
    )

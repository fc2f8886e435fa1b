"""Reads of the overview: the fleet by state, who is online, the rent, the money, and what needs someone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Select
from sqlalchemy.orm import Session

from devices.models import Asset, HardwareModel
from devices.telemetry_models import DeviceState
from haas.alerts.models import Alert
from haas.calendar import add_months
from haas.money import round_minor
from haas.progress import LongJob
from haas.tenancy.models import Client
from haas.tenancy.scope import Tenant, scoped
from invoicing.models import Invoice
from invoicing.queries import given_back, open_of
from leases.lifecycle import BILLABLE, LeaseState
from leases.models import Lease, Line
from leases.proposal_models import SwapProposal

MONTHS_SHOWN = 12
MONTHS_AHEAD = 6
_DAYS_LATE = (0, 30, 60, 90)  # an age ends on this day after the due day; the last has no end
LEASE_END_NOTICE = timedelta(days=90)
FAILED_JOB_SHOWN = timedelta(days=7)
NEEDS_EACH = 6  # of one kind, so that one noisy kind hides no other


@dataclass(frozen=True, slots=True)
class Rent:
    """A month's rent of the leases that run, in one currency."""

    currency: str
    amount: Decimal
    leases: int


@dataclass(frozen=True, slots=True)
class OpenInvoices:
    """What is still to be paid, in one currency, by how late it is."""

    currency: str
    ages: list[Decimal]  # not yet due, then 1 to 30, 31 to 60, 61 to 90 and more days late
    late_invoices: int
    oldest_due_on: date | None

    @property
    def overdue(self) -> Decimal:
        """What should have been paid by now."""
        return sum(self.ages[1:], Decimal(0))


@dataclass(frozen=True, slots=True)
class RentPart:
    """Lines that are due in the same months, added up. Months count from year 0: 2026-03 is 24314."""

    currency: str
    interval_months: int
    is_in_arrears: bool
    phase: int  # periods begin in months that leave this remainder by the interval
    first: int  # the month in which the first period begins
    last: int  # the last one
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Need:
    """Something that waits for a person. `kind` and `state` are those of haas.portal.states."""

    kind: str
    id: str
    title: str
    text: str
    state: str
    at: datetime


def count_states(session: Session, tenant: Tenant) -> dict[str, int]:
    """How many assets are in each state."""
    statement = scoped(Asset, tenant).with_only_columns(Asset.state, sa.func.count()).group_by(Asset.state)
    return {state: count for state, count in session.execute(statement)}  # noqa: C416 - rows, not pairs


def count_devices(session: Session, tenant: Tenant) -> list[tuple[str, str, int]]:
    """Online state, health verdict, and how many devices with an agent are in both."""
    statement = (
        scoped(DeviceState, tenant)
        .with_only_columns(DeviceState.online, DeviceState.verdict, sa.func.count())
        .group_by(DeviceState.online, DeviceState.verdict)
    )
    return [(online, verdict, count) for online, verdict, count in session.execute(statement)]


def count_models(session: Session, tenant: Tenant, *, states: Sequence[str]) -> list[tuple[str, str, int]]:
    """Maker and name of each model, and how many assets in these states there are of it; the most first."""
    count = sa.func.count()
    statement = (
        scoped(Asset, tenant)
        .join(
            HardwareModel,
            sa.and_(HardwareModel.partner_id == Asset.partner_id, HardwareModel.id == Asset.model_id),
        )
        .where(Asset.state.in_(states))
        .with_only_columns(HardwareModel.manufacturer, HardwareModel.name, count)
        .group_by(HardwareModel.manufacturer, HardwareModel.name)
        .order_by(count.desc(), HardwareModel.name)
        .limit(12)
    )
    return [(maker, name, number) for maker, name, number in session.execute(statement)]


def monthly_rent(session: Session, tenant: Tenant, *, as_of: date) -> list[Rent]:
    """The base rent of a month for every line that runs on `as_of`; the largest currency first."""
    amount = sa.func.sum(Line.quantity * Line.unit_price / Lease.interval_months)
    statement = (
        scoped(Line, tenant)
        .join(Lease, sa.and_(Lease.partner_id == Line.partner_id, Lease.id == Line.lease_id))
        .where(
            Lease.state.in_(sorted(BILLABLE)),
            Line.kind != "one_off",
            Line.starts_on <= as_of,
            sa.or_(Line.ends_on.is_(None), Line.ends_on > as_of),
        )
        .with_only_columns(Lease.currency, amount, sa.func.count(sa.distinct(Lease.id)))
        .group_by(Lease.currency)
    )
    rents = [
        Rent(currency, round_minor(total, currency), leases)
        for currency, total, leases in session.execute(statement)
    ]
    return sorted(rents, key=lambda rent: rent.amount, reverse=True)


def months_until(as_of: date) -> list[date]:
    """The first days of the months that a year's chart shows, the newest last."""
    this_month = as_of.replace(day=1)
    return [add_months(this_month, -back) for back in reversed(range(MONTHS_SHOWN))]


def billed_by_month(session: Session, tenant: Tenant, *, months: Sequence[date]) -> dict[str, list[Decimal]]:
    """What was billed in each month, before tax, credits taken off; the largest currency first."""
    month = sa.cast(sa.func.date_trunc("month", Invoice.issued_on), sa.Date)
    statement = (
        scoped(Invoice, tenant)
        .where(Invoice.issued_on >= months[0])
        .with_only_columns(Invoice.currency, month, sa.func.sum(Invoice.net_total))
        .group_by(Invoice.currency, month)
    )
    billed: dict[str, dict[date, Decimal]] = {}
    for currency, of_month, net in session.execute(statement):
        billed.setdefault(currency, {})[of_month] = net
    return {
        currency: [found.get(each, Decimal(0)) for each in months]
        for currency, found in sorted(billed.items(), key=lambda pair: -sum(pair[1].values()))
    }


def open_invoices(session: Session, tenant: Tenant, *, as_of: date) -> list[OpenInvoices]:
    """What is still to be paid and how late it is; the currency with the most first."""
    back = given_back(tenant)
    still_open = open_of(back)
    days_late = sa.literal(as_of, sa.Date) - Invoice.due_on
    age = sa.case(*((days_late <= days, at) for at, days in enumerate(_DAYS_LATE)), else_=len(_DAYS_LATE))
    statement = (
        scoped(Invoice, tenant)
        .outerjoin(back, back.c.invoice_id == Invoice.id)
        .where(Invoice.kind == "invoice", Invoice.state == "issued", still_open > 0)
        .with_only_columns(
            Invoice.currency,
            age.label("age"),
            sa.func.sum(still_open),
            sa.func.count(),
            sa.func.min(Invoice.due_on),
        )
        .group_by(Invoice.currency, sa.text("age"))
    )
    found: dict[str, OpenInvoices] = {}
    for currency, of_age, amount, count, oldest in session.execute(statement):
        before = found.get(currency) or OpenInvoices(currency, [Decimal(0)] * 5, 0, None)
        before.ages[of_age] = amount
        if of_age:
            first = min(oldest, before.oldest_due_on or oldest)
            found[currency] = OpenInvoices(currency, before.ages, before.late_invoices + count, first)
        else:
            found[currency] = before
    return sorted(found.values(), key=lambda each: (each.overdue, sum(each.ages)), reverse=True)


def rent_parts(session: Session, tenant: Tenant, *, as_of: date) -> list[RentPart]:
    """The rent that leases promise from now on, few rows however many lines there are.

    Only within the terms agreed: holdover may end any day, so nobody can count on it.
    """
    now = _month(as_of)
    until = sa.func.least(Line.ends_on, Lease.ends_on)  # the one that is set, if only one is
    starts_before_it_ends = Lease.anchor_day < sa.func.extract("day", until)
    last = _month_of(until) - sa.case((starts_before_it_ends, 0), else_=1)
    first = sa.func.greatest(_month_of(Lease.commences_on), now - Lease.interval_months)
    keys = (
        Lease.currency,
        Lease.interval_months,
        (Lease.timing == "arrears").label("is_in_arrears"),
        (_month_of(Lease.commences_on) % Lease.interval_months).label("phase"),
        first.label("first"),
        sa.func.least(last, now + MONTHS_AHEAD).label("last"),
    )
    statement = (
        scoped(Line, tenant)
        .join(Lease, sa.and_(Lease.partner_id == Line.partner_id, Lease.id == Line.lease_id))
        .where(
            Lease.state.in_(sorted(BILLABLE)),
            Line.kind != "one_off",
            Line.starts_on.is_not(None),
            Lease.commences_on.is_not(None),
            last >= first,
        )
        .with_only_columns(*keys, sa.func.sum(Line.quantity * Line.unit_price))
        .group_by(*(sa.text(str(at)) for at in range(1, len(keys) + 1)))
    )
    return [RentPart(*row) for row in session.execute(statement)]


def rent_due(parts: Sequence[RentPart], *, months: Sequence[date]) -> dict[str, list[Decimal]]:
    """What falls due in each of the months, by currency: whole periods, before tax."""
    due: dict[str, list[Decimal]] = {}
    for part in parts:
        amounts = due.setdefault(part.currency, [Decimal(0)] * len(months))
        for at, month in enumerate(months):
            begins = _month(month) - (part.interval_months if part.is_in_arrears else 0)
            if part.first <= begins <= part.last and begins % part.interval_months == part.phase:
                amounts[at] += part.amount
    return {currency: [round_minor(each, currency) for each in amounts] for currency, amounts in due.items()}


def _month(day: date) -> int:
    return day.year * 12 + day.month - 1


def _month_of(day: Any) -> sa.ColumnElement[int]:
    months = sa.func.extract("year", day) * 12 + sa.func.extract("month", day) - 1
    return sa.cast(months, sa.Integer)


def needs(
    session: Session, tenant: Tenant, *, kinds: Sequence[str], as_of: date, now: datetime
) -> list[Need]:
    """What waits for someone, of the `kinds` that the reader may see: alert, swap, lease, job. One query."""
    narrow: list[Select[Any]] = []
    if "alert" in kinds:
        narrow.append(_alerts(tenant))
    if "swap_proposal" in kinds:
        narrow.append(_swaps(tenant))
    if "lease" in kinds:
        narrow.append(_leases(tenant, as_of=as_of))
    if "job" in kinds:
        narrow.append(_jobs(tenant, now=now))
    if not narrow:
        return []
    # Each part keeps its own order and limit inside its brackets.
    every = sa.union_all(*narrow)
    return [Need(*row) for row in session.execute(every)]


def running_leases(session: Session, tenant: Tenant, *, limit: int = 8) -> Sequence[Lease]:
    """The leases that are billed, the next to end first."""
    statement = (
        scoped(Lease, tenant)
        .where(Lease.state.in_(sorted(BILLABLE)))
        .order_by(Lease.ends_on.asc().nulls_last(), Lease.number)
    )
    return session.scalars(statement.limit(limit)).all()


def newest_invoices(session: Session, tenant: Tenant, *, limit: int = 6) -> Sequence[Invoice]:
    """The invoices issued last."""
    statement = scoped(Invoice, tenant).order_by(Invoice.issued_on.desc(), Invoice.id.desc())
    return session.scalars(statement.limit(limit)).all()


def _need(kind: str, *columns: Any) -> list[Any]:
    names = ("id", "title", "text", "state", "at")
    return [
        sa.literal(kind).label("kind"),
        *(column.label(name) for name, column in zip(names, columns, strict=True)),
    ]


def _alerts(tenant: Tenant) -> Select[Any]:
    weight = sa.case({"critical": 0, "warning": 1}, value=Alert.severity, else_=2)
    return (
        scoped(Alert, tenant)
        .where(Alert.state == "open")
        .with_only_columns(
            *_need("alert", Alert.id, Alert.title, Alert.detail, Alert.severity, Alert.opened_at)
        )
        .order_by(weight, Alert.opened_at.desc())
        .limit(NEEDS_EACH)
    )


def _swaps(tenant: Tenant) -> Select[Any]:
    """Devices that ask to be swapped, the one that waits longest first."""
    return (
        scoped(SwapProposal, tenant)
        .join(
            Asset, sa.and_(Asset.partner_id == SwapProposal.partner_id, Asset.id == SwapProposal.outgoing_id)
        )
        .join(
            Client, sa.and_(Client.partner_id == SwapProposal.partner_id, Client.id == SwapProposal.client_id)
        )
        .where(SwapProposal.state == "open")
        .with_only_columns(
            *_need(
                "swap_proposal",
                SwapProposal.id,
                Asset.tag,
                Client.name,
                SwapProposal.state,
                SwapProposal.proposed_at,
            )
        )
        .order_by(SwapProposal.id)
        .limit(NEEDS_EACH)
    )


def _leases(tenant: Tenant, *, as_of: date) -> Select[Any]:
    """In holdover; accepted and not yet active; or ending soon with nothing decided."""
    ends_at = sa.cast(
        sa.func.coalesce(Lease.ends_on, sa.cast(Lease.created_at, sa.Date)), Alert.opened_at.type
    )
    ending = sa.and_(
        Lease.state.in_((LeaseState.ACTIVE, LeaseState.ENDING)), Lease.ends_on <= as_of + LEASE_END_NOTICE
    )
    waiting = Lease.state.in_((LeaseState.HOLDOVER, LeaseState.ACCEPTED))
    return (
        scoped(Lease, tenant)
        .join(Client, sa.and_(Client.partner_id == Lease.partner_id, Client.id == Lease.client_id))
        .where(sa.or_(waiting, ending))
        .with_only_columns(*_need("lease", Lease.id, Lease.number, Client.name, Lease.state, ends_at))
        .order_by(sa.case((waiting, 0), else_=1), Lease.ends_on.asc().nulls_last())
        .limit(NEEDS_EACH)
    )


def _jobs(tenant: Tenant, *, now: datetime) -> Select[Any]:
    return (
        scoped(LongJob, tenant)
        .where(LongJob.state == "failed", LongJob.created_at >= now - FAILED_JOB_SHOWN)
        .with_only_columns(
            *_need("job", LongJob.id, LongJob.title, LongJob.message, LongJob.state, LongJob.created_at)
        )
        .order_by(LongJob.created_at.desc())
        .limit(NEEDS_EACH)
    )

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
from leases.lifecycle import BILLABLE, LeaseState
from leases.models import Lease, Line

MONTHS_SHOWN = 12
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
class Overdue:
    """What should have been paid by now, in one currency."""

    currency: str
    amount: Decimal
    invoices: int
    oldest_due_on: date


@dataclass(frozen=True, slots=True)
class Money:
    """Billed month by month, and what is overdue; each currency by itself, the largest first."""

    months: list[date]
    billed: dict[str, list[Decimal]]
    overdue: list[Overdue]


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


def count_online(session: Session, tenant: Tenant) -> dict[str, int]:
    """How many devices with an agent are in each online state."""
    statement = (
        scoped(DeviceState, tenant)
        .with_only_columns(DeviceState.online, sa.func.count())
        .group_by(DeviceState.online)
    )
    return {state: count for state, count in session.execute(statement)}  # noqa: C416 - rows, not pairs


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


def money(session: Session, tenant: Tenant, *, as_of: date) -> Money:
    """What was billed (before tax, credits taken off) in each of the last months, and what is overdue."""
    this_month = as_of.replace(day=1)
    months = [add_months(this_month, -back) for back in reversed(range(MONTHS_SHOWN))]
    month = sa.cast(sa.func.date_trunc("month", Invoice.issued_on), sa.Date)
    is_overdue = sa.and_(Invoice.kind == "invoice", Invoice.state == "issued", Invoice.due_on < as_of)
    statement = (
        scoped(Invoice, tenant)
        .where(sa.or_(Invoice.issued_on >= months[0], is_overdue))
        .with_only_columns(
            Invoice.currency,
            month,
            sa.func.sum(Invoice.net_total),
            sa.func.sum(Invoice.total - Invoice.paid_total).filter(is_overdue),
            sa.func.count().filter(is_overdue),
            sa.func.min(Invoice.due_on).filter(is_overdue),
        )
        .group_by(Invoice.currency, month)
    )
    billed: dict[str, dict[date, Decimal]] = {}
    overdue: dict[str, Overdue] = {}
    for currency, of_month, net, late, invoices, oldest in session.execute(statement):
        billed.setdefault(currency, {})[of_month] = net
        if invoices:
            before = overdue.get(currency, Overdue(currency, Decimal(0), 0, oldest))
            overdue[currency] = Overdue(
                currency, before.amount + late, before.invoices + invoices, min(before.oldest_due_on, oldest)
            )
    return Money(
        months=months,
        billed={
            currency: [found.get(each, Decimal(0)) for each in months]
            for currency, found in sorted(billed.items(), key=lambda pair: -sum(pair[1].values()))
        },
        overdue=sorted(overdue.values(), key=lambda late: late.amount, reverse=True),
    )


def needs(
    session: Session, tenant: Tenant, *, kinds: Sequence[str], as_of: date, now: datetime
) -> list[Need]:
    """What waits for someone, of the `kinds` that the reader may see: alert, lease, job. One query."""
    narrow: list[Select[Any]] = []
    if "alert" in kinds:
        narrow.append(_alerts(tenant))
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

"""Sweeps of leases, a partner at a time: holdover, undisputed charges, silent acceptance, reminders."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from haas import db
from haas.calendar import ONE_DAY, local_day
from haas.errors import HaasError
from haas.settings import Settings
from haas.tenancy.partners import working_partners
from haas.tenancy.scope import Tenant
from leases import handover, operations, queries, returns, tax_years, usage
from leases.amendments.lines import bring_in
from leases.amendments.queries import ended_leases
from leases.depreciation.spread import fiscal_year
from leases.ends import notices
from leases.handover import SILENCE
from leases.lifespan import close_if_done
from leases.pricing import rises

log = logging.getLogger(__name__)


def move_to_holdover(settings: Settings, now: datetime) -> None:  # noqa: ARG001 - the timetable's signature
    """Leases whose term has run out while hardware is still there go on month to month."""
    for tenant, today in _partners(now):
        with db.unit_of_work(tenant) as session:
            ids = [row.id for row in queries.leases_past_term(session, tenant, today=today)]
        for lease_id in ids:
            _one_by_one(tenant, lease_id, _hold_over, today=today, now=now)


def close_undisputed(settings: Settings, now: datetime) -> None:  # noqa: ARG001 - the timetable's signature
    """Charges that nobody objected to in time are billed next."""
    for tenant, today in _partners(now):
        with db.unit_of_work(tenant) as session:
            returns.close_undisputed(session, tenant, today=today)


def accept_silently(settings: Settings, now: datetime) -> None:  # noqa: ARG001 - the timetable's signature
    """What was shipped and not refused within the agreed days is accepted, as of the end of those days."""
    for tenant, _ in _partners(now):
        with db.unit_of_work(tenant) as session:
            waiting = [row for row in handover.under_way(session, tenant) if row.accepted_at <= now]
        for row in waiting:
            _one_by_one(tenant, row.asset_id, _accept, at=row.accepted_at)


def remind_of_ends(settings: Settings, now: datetime) -> None:  # noqa: ARG001 - the timetable's signature
    """Give the notices of ends that are due by each partner's own days, once each."""
    for tenant, today in _partners(now):
        with db.unit_of_work(tenant) as session:
            notices.give_due(session, tenant, today=today, at=now)


def follow_amendments(settings: Settings, now: datetime) -> None:  # noqa: ARG001 - the timetable's signature
    """Show terms that have begun on their lines, and close leases of which nothing is left."""
    for tenant, today in _partners(now):
        with db.unit_of_work(tenant) as session:
            bring_in(session, tenant, today=today)
            ids = [row.id for row in ended_leases(session, tenant, today=today)]
        for lease_id in ids:
            _one_by_one(tenant, lease_id, _close, today=today, now=now)


def _close(session: Session, tenant: Tenant, lease_id: str, *, today: date, now: datetime) -> None:
    lease = queries.lock_lease(session, tenant, lease_id)
    close_if_done(session, tenant, lease, on=min(lease.ends_on or today, today), at=now)


def feed_usage(settings: Settings, now: datetime) -> None:  # noqa: ARG001 - the timetable's signature
    """Books by units take up the hours that devices were on."""
    for tenant, today in _partners(now):
        with db.unit_of_work(tenant) as session:
            usage.feed_usage(session, tenant, today=today)


def settle_tax_years(settings: Settings, now: datetime) -> None:  # noqa: ARG001 - the timetable's signature
    """The tax year that has ended follows one convention; a late hand-over may still change it."""
    for tenant, today in _partners(now):
        with db.unit_of_work(tenant) as session:
            for name, month in tax_years.year_ends_kept(session, tenant):
                last_year = fiscal_year(today, end_month=month).start - ONE_DAY
                tax_years.settle_tax_year(session, tenant, on=last_year, book_name=name, year_end_month=month)


def apply_price_rises(settings: Settings, now: datetime) -> None:  # noqa: ARG001 - the timetable's signature
    """Rises that were announced and hold by now are applied: nobody has to press the button."""
    for tenant, today in _partners(now):
        with db.unit_of_work(tenant) as session:
            for rise_id in rises.begun(session, tenant, today=today):
                rises.start_applying(session, tenant, rise_id=rise_id)


def _hold_over(session: Session, tenant: Tenant, lease_id: str, *, today: date, now: datetime) -> None:
    operations.hold_over(session, tenant, lease_id=lease_id, today=today, at=now)


def _accept(session: Session, tenant: Tenant, asset_id: str, *, at: datetime) -> None:
    handover.accept_asset(session, tenant, asset_id=asset_id, at=at, signer_name=SILENCE)


def _one_by_one(tenant: Tenant, row_id: str, act: Any, **values: Any) -> None:
    """One row, one transaction: a row that is refused is logged and asked again next time."""
    try:
        with db.unit_of_work(tenant) as session:
            act(session, tenant, row_id, **values)
    except HaasError as refusal:
        log.warning("%s: %s put off: %s", act.__name__, row_id, refusal)


def _partners(now: datetime) -> Iterator[tuple[Tenant, date]]:
    """Every partner that is not suspended, with the calendar day that it is there."""
    for partner in working_partners(actor="job:leases"):
        yield Tenant(partner.id, actor="job:leases", door="job"), local_day(now, partner.time_zone)

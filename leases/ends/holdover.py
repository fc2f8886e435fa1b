"""Holdover day by day: what each day after the term cost, at which rate, for which device. Reads only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.calendar import ONE_DAY, Period
from haas.errors import InvalidInput
from haas.money import split
from haas.tenancy.scope import Tenant, scoped
from leases.contract import stays_of, terms_of
from leases.models import Agreement, Lease, Line
from leases.queries import assignments_by_line
from leases.schedule import RentKind, Stay, rent_due

DAYS_MAX = 366


@dataclass(frozen=True, slots=True)
class HoldoverDay:
    """One line's holdover rent of one day: its share of the period's payment, to the cent."""

    on: date
    lease: Lease
    line: Line
    serial: str
    rate_pct: Decimal
    amount: Decimal


def holdover_days(session: Session, tenant: Tenant, *, start: date, until: date) -> list[HoldoverDay]:
    """Every holdover day from `start` up to, and not including, `until`; four queries.

    The days of a payment share it by rounded running totals, so that they add up to what is billed.

    :raises InvalidInput: for more than a year, or an end that is not behind the start.
    """
    if not start < until or (until - start).days > DAYS_MAX:
        raise InvalidInput(f"Choose an end behind the start, at most {DAYS_MAX} days later.", field="until")
    rows = session.execute(
        scoped(Line, tenant)
        .join(Lease, sa.and_(Lease.partner_id == Line.partner_id, Lease.id == Line.lease_id))
        .join(
            Agreement,
            sa.and_(Agreement.partner_id == Lease.partner_id, Agreement.id == Lease.agreement_id),
        )
        .where(
            Line.kind != "one_off",
            Line.starts_on.is_not(None),
            Lease.commences_on.is_not(None),
            Lease.ends_on < until,
            sa.or_(Line.ends_on.is_(None), sa.and_(Line.ends_on > Lease.ends_on, Line.ends_on > start)),
        )
        .with_only_columns(Line, Lease, Agreement)
        .order_by(Lease.number, Line.id)
    ).all()
    places = [(row[0], row[1], row[2]) for row in rows]
    stood = assignments_by_line(session, tenant, line_ids=[line.id for line, _, _ in places])
    found: list[HoldoverDay] = []
    for line, lease, agreement in places:
        stays = stays_of(stood.get(line.id, []), time_zone=lease.time_zone)
        found += _of_line(line, lease, agreement, stays, Period(start, until))
    return sorted(found, key=lambda day: (day.on, day.lease.number, day.line.id))


def _of_line(
    line: Line, lease: Lease, agreement: Agreement, stays: list[Stay], asked: Period
) -> Iterator[HoldoverDay]:
    if line.starts_on is None:
        return
    terms = terms_of(lease, line, agreement)
    # In arrears the period that has the last day falls due with its end.
    as_of = terms.cycle.containing(asked.last_day).end
    for payment in rent_due(terms, line.starts_on, line.ends_on, as_of):
        if payment.kind is not RentKind.HOLDOVER or not payment.period.overlap(asked):
            continue
        shares = split(payment.amount, parts=payment.period.days, currency=lease.currency)
        for number, amount in enumerate(shares):
            on = payment.period_start + number * ONE_DAY
            if on in asked:
                serial = next(
                    (
                        stay.serial
                        for stay in stays
                        if stay.start <= on and (stay.end is None or on < stay.end)
                    ),
                    "",
                )
                yield HoldoverDay(on, lease, line, serial, agreement.holdover_rate_pct, amount)

"""Books by units of use are fed with the hours that devices were powered on, month by month."""

from __future__ import annotations

from datetime import date

from sqlalchemy.orm import Session

from devices.hours import powered_hours
from haas import clock
from haas.calendar import add_months, end_of_month, start_of_day
from haas.ids import new_id
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant, scoped
from leases.book_models import DepreciationUsage
from leases.book_plans import refresh_plans
from leases.book_records import records_of
from leases.depreciation import Method
from leases.models import DepreciationBook

AGENT, ENTERED = "agent", "entered"
_MONTHS = 2  # each run looks at the month before last again: devices that were offline report late


def feed_usage(session: Session, tenant: Tenant, *, today: date) -> int:
    """Write the hours of the months that have ended, where the newest word is not a person's; how many.

    A second run finds the same hours and writes nothing.
    """
    book_ids = session.scalars(
        scoped(DepreciationBook, tenant)
        .with_only_columns(DepreciationBook.id)
        .where(DepreciationBook.method == Method.UNITS, DepreciationBook.disposed_on.is_(None))
    ).all()
    if not book_ids:
        return 0
    records = records_of(session, tenant, book_ids=book_ids, lock=True)
    asset_ids = sorted({record.book.asset_id for record in records})
    zone = session.get_one(Partner, tenant.partner_id).time_zone
    fresh: list[DepreciationUsage] = []
    for back in range(_MONTHS, 0, -1):
        first = add_months(today.replace(day=1), -back)
        hours = powered_hours(
            session,
            tenant,
            asset_ids=asset_ids,
            since=start_of_day(first, zone),
            until=start_of_day(add_months(first, 1), zone),
        )
        month = end_of_month(first)
        for record in records:
            units = hours.get(record.book.asset_id)
            if units is None or month < record.book.in_service_on:
                continue
            said = [row for row in record.used if row.month == month]
            if said and (said[-1].source == ENTERED or said[-1].units == units):
                continue
            fresh.append(
                DepreciationUsage(
                    partner_id=tenant.partner_id,
                    id=new_id("use"),
                    book_id=record.book.id,
                    month=month,
                    units=units,
                    source=AGENT,
                    recorded_at=clock.now(),
                )
            )
    session.add_all(fresh)
    session.flush()
    refresh_plans(session, tenant, book_ids=sorted({row.book_id for row in fresh}))
    return len(fresh)

"""Which convention a tax year's MACRS property follows: known when the year is over, and then for good."""

from __future__ import annotations

from datetime import date

from sqlalchemy.orm import Session

from haas.calendar import ONE_DAY, add_months
from haas.money import round_places
from haas.tenancy.scope import Tenant, scoped
from leases.book_events import add_event, new_event
from leases.book_records import records_of
from leases.depreciation import Method
from leases.depreciation.events import EventKind
from leases.depreciation.spread import fiscal_year
from leases.macrs import ConventionChoice, PlacedInService, choose_convention
from leases.models import DepreciationBook


def settle_tax_year(
    session: Session, tenant: Tenant, *, on: date, book_name: str = "tax", year_end_month: int = 12
) -> ConventionChoice | None:
    """Ask the 40 percent test of the tax year that has the day `on`, and keep its books by the outcome.

    Half-year until then. Property that came and went within the year does not count (Reg. 1.168(d)-1(b)(3)).
    None if the year has no such property; a second call changes nothing.
    """
    year = fiscal_year(on, end_month=year_end_month)
    book_ids = session.scalars(
        scoped(DepreciationBook, tenant)
        .with_only_columns(DepreciationBook.id)
        .where(
            DepreciationBook.name == book_name,
            DepreciationBook.method == Method.MACRS,
            DepreciationBook.year_end_month == year_end_month,
            DepreciationBook.in_service_on >= year.start,
            DepreciationBook.in_service_on < year.end,
        )
    ).all()
    if not book_ids:
        return None
    records = records_of(session, tenant, book_ids=book_ids, lock=True)
    shift = 12 - year_end_month  # the test reads calendar years
    choice = choose_convention(
        [
            PlacedInService(
                recovery_years=record.book.recovery_years or 0,
                basis=record.terms.cost,
                placed_on=add_months(record.book.in_service_on, shift),
            )
            for record in records
            if record.book.disposed_on is None or record.book.disposed_on not in year
        ]
    )
    for record in records:
        if record.book.tax_convention == choice.convention:
            continue
        event = new_event(
            EventKind.RESTATE,
            effective_on=record.book.in_service_on,
            figures={"tax_convention": choice.convention.value},
        )
        share = round_places(choice.last_quarter_share * 100, 2)
        add_event(
            session,
            tenant,
            record=record,
            event=event,
            reason=f"{share} % of the year to {year.end - ONE_DAY} came in its last quarter",
        )
    return choice


def year_ends_kept(session: Session, tenant: Tenant) -> list[tuple[str, int]]:
    """The books that are kept by MACRS, with the month in which their tax year ends."""
    rows = session.execute(
        scoped(DepreciationBook, tenant)
        .with_only_columns(DepreciationBook.name, DepreciationBook.year_end_month)
        .where(DepreciationBook.method == Method.MACRS)
        .distinct()
    )
    return [(name, month) for name, month in rows]

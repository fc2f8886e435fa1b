"""Exchange rates by day on file: added by hand or brought in, never changed, and the one that holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from haas.errors import Conflict
from haas.ids import new_id
from haas.tenancy.scope import Tenant, scoped
from invoicing.money.models import ExchangeRate
from invoicing.money.rate_rules import ACROSS, DayRate, FoundRate, checked, resolve

AGE_MAX = timedelta(days=31)  # an older rate says nothing of the day (art. 91 of the VAT Directive)


class RateKnown(Conflict):
    """Another rate is on file for the pair and day, and rates are never edited."""

    code = "exchange_rate_known"


def list_rates(
    tenant: Tenant, *, base: str | None = None, quote: str | None = None
) -> sa.Select[ExchangeRate]:
    """Rates on file, to be paged by the caller."""
    statement = scoped(ExchangeRate, tenant)
    if base:
        statement = statement.where(ExchangeRate.base == base)
    return statement.where(ExchangeRate.quote == quote) if quote else statement


def add_rates(session: Session, tenant: Tenant, *, rows: Sequence[DayRate], source: str, at: datetime) -> int:
    """Put rates on file, all or none; how many were new. What is known already changes nothing.

    :raises RateKnown: naming the row, if another rate is on file for its currencies and day.
    :raises InvalidInput: naming the row that cannot be a rate.
    """
    wanted = {(row.base, row.quote, row.day): checked(row) for row in rows}
    made = session.scalars(
        insert(ExchangeRate).on_conflict_do_nothing().returning(ExchangeRate.id),
        [
            {
                "partner_id": tenant.partner_id,
                "id": new_id("fxr"),
                "base": row.base,
                "quote": row.quote,
                "day": row.day,
                "rate": row.rate,
                "source": source,
                "recorded_at": at,
                "actor": tenant.actor,
            }
            for row in wanted.values()
        ],
    ).all()
    if len(made) < len(rows):
        _demand_equal(session, tenant, rows)
    return len(made)


def _demand_equal(session: Session, tenant: Tenant, rows: Sequence[DayRate]) -> None:
    days = [row.day for row in rows]
    known = {
        (row.base, row.quote, row.day): row.rate
        for row in session.scalars(
            scoped(ExchangeRate, tenant).where(ExchangeRate.day >= min(days), ExchangeRate.day <= max(days))
        )
    }
    for row in rows:
        on_file = known[row.base, row.quote, row.day]
        if on_file != row.rate:
            raise RateKnown(
                f"Row {row.row}: {row.base} in {row.quote} on {row.day:%d %B %Y} is on file as {on_file:f}."
                " A rate is never edited.",
                field="rows",
            )


def latest(session: Session, tenant: Tenant, *, base: str, quote: str, day: date) -> FoundRate | None:
    """The rate that holds on a day: the last one by then, directly, turned round or across the euro."""
    return latest_each(session, tenant, bases=[base], quote=quote, day=day)[base]


def latest_each(
    session: Session, tenant: Tenant, *, bases: Iterable[str], quote: str, day: date
) -> dict[str, FoundRate | None]:
    """The same for several currencies, by currency; one query. A currency in itself is 1 of that day."""
    wanted = set(bases)
    codes = {*wanted, quote, ACROSS}
    newest = (
        scoped(ExchangeRate, tenant)
        .where(
            ExchangeRate.base.in_(codes),
            ExchangeRate.quote.in_(codes),
            ExchangeRate.day <= day,
            ExchangeRate.day >= day - AGE_MAX,
        )
        .order_by(ExchangeRate.day)
    )
    # Of a pair the later days replace the earlier ones.
    known = {
        (row.base, row.quote): FoundRate(row.rate, row.day, row.source) for row in session.scalars(newest)
    }
    return {
        base: FoundRate(Decimal(1), day, "") if base == quote else resolve(base, quote, known)
        for base in wanted
    }

"""Exchange rates by day on file: added by hand or brought in, never changed, and the one that holds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from haas.errors import Conflict
from haas.ids import new_id
from haas.tenancy.scope import Tenant, scoped
from invoicing.money.models import ExchangeRate
from invoicing.money.rate_rules import ACROSS, AGE_MAX, DayRate, FoundRate, RateTable, checked


class RateKnown(Conflict):
    """Another rate is on file for the pair and day, and rates are never edited."""

    code = "exchange_rate_known"


def list_rates(
    tenant: Tenant,
    *,
    base: str | None = None,
    quote: str | None = None,
    between: Collection[str] | None = None,
) -> sa.Select[ExchangeRate]:
    """Rates on file, to be paged by the caller; `between` leaves those of two of its currencies."""
    statement = scoped(ExchangeRate, tenant)
    if between is not None:
        statement = statement.where(ExchangeRate.base.in_(between), ExchangeRate.quote.in_(between))
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
    table = load(session, tenant, codes={*wanted, quote}, first=day, last=day)
    return {base: table.on(base, quote, day) for base in wanted}


def load(session: Session, tenant: Tenant, *, codes: Collection[str], first: date, last: date) -> RateTable:
    """What is on file for asking, of any day from `first` to `last`, what one of the codes was in another."""
    rows = session.execute(
        sa.select(
            ExchangeRate.base, ExchangeRate.quote, ExchangeRate.rate, ExchangeRate.day, ExchangeRate.source
        )
        .where(
            ExchangeRate.partner_id == tenant.partner_id,
            ExchangeRate.base.in_({*codes, ACROSS}),
            ExchangeRate.quote.in_({*codes, ACROSS}),
            ExchangeRate.day.between(first - AGE_MAX, last),
        )
        .order_by(ExchangeRate.day)
    )
    return RateTable((base, quote, FoundRate(rate, day, source)) for base, quote, rate, day, source in rows)


def currencies(session: Session, tenant: Tenant) -> list[str]:
    """Every currency of which a rate is on file."""
    own = ExchangeRate.partner_id == tenant.partner_id
    either = sa.union(
        sa.select(ExchangeRate.base.label("code")).where(own), sa.select(ExchangeRate.quote).where(own)
    ).subquery()
    return list(session.scalars(sa.select(either.c.code).order_by(either.c.code)))

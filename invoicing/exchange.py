"""Exchange rates for stating tax in the seller's own currency: the latest one on file by the day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from sqlalchemy.orm import Session

from haas.tenancy.scope import Tenant, scoped
from invoicing.book import Book
from invoicing.money.models import ExchangeRate as RateRow
from invoicing.tax.taxation import ExchangeRate

AGE_MAX = timedelta(days=31)  # an older rate says nothing of the day (art. 91 of the VAT Directive)


def with_exchange(session: Session, tenant: Tenant, book: Book) -> Book:
    """The same, with the partner's exchange rates; each currency and day is looked up once, if at all."""
    found: dict[tuple[str, str, date], ExchangeRate | None] = {}

    def find(base: str, quote: str, day: date) -> ExchangeRate | None:
        key = (base, quote, day)
        if key not in found:
            found[key] = _latest(session, tenant, base=base, quote=quote, day=day)
        return found[key]

    return replace(book, taxation=replace(book.taxation, find_exchange=find))


def _latest(session: Session, tenant: Tenant, *, base: str, quote: str, day: date) -> ExchangeRate | None:
    row = session.scalar(
        scoped(RateRow, tenant)
        .where(RateRow.base == base, RateRow.quote == quote, RateRow.day <= day, RateRow.day >= day - AGE_MAX)
        .order_by(RateRow.day.desc())
        .limit(1)
    )
    return None if row is None else ExchangeRate(row.rate, row.day, row.source)

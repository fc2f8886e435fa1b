"""Exchange rates for stating tax in the seller's own currency: the latest one on file by the day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from sqlalchemy.orm import Session

from haas.tenancy.scope import Tenant
from invoicing.book import Book
from invoicing.money import rates
from invoicing.tax.taxation import ExchangeRate


def with_exchange(session: Session, tenant: Tenant, book: Book) -> Book:
    """The same, with the partner's exchange rates; each currency and day is looked up once, if at all."""
    found: dict[tuple[str, str, date], ExchangeRate | None] = {}

    def find(base: str, quote: str, day: date) -> ExchangeRate | None:
        key = (base, quote, day)
        if key not in found:
            held = rates.latest(session, tenant, base=base, quote=quote, day=day)
            found[key] = None if held is None else ExchangeRate(held.rate, held.day, held.source)
        return found[key]

    return replace(book, taxation=replace(book.taxation, find_exchange=find))

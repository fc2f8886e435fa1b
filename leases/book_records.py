"""Books with their events and usage, read as they were known: what the rules are asked with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.errors import NotFound
from haas.tenancy.scope import Tenant, scoped
from leases.book_models import BookEventRow, DepreciationUsage
from leases.contract import book_terms, event_of
from leases.depreciation import DepreciationTerms, Method
from leases.depreciation.events import BookEvent, EventKind
from leases.depreciation.history import History, replay
from leases.models import DepreciationBook

BOOK_NAMES = ("book", "tax", "margin")  # financial, tax, partner's margin
ENDS = (EventKind.DISPOSE, EventKind.REINSTATE)  # what ends a book, or takes it up again


@dataclass(frozen=True, slots=True)
class BookRecord:
    """One book's row with all that happened to it."""

    book: DepreciationBook
    rows: Sequence[BookEventRow]
    used: Sequence[DepreciationUsage]

    @property
    def terms(self) -> DepreciationTerms:
        """How it began."""
        return book_terms(self.book)

    @property
    def events(self) -> list[BookEvent]:
        """What happened to it, as the rules read it."""
        return [event_of(row) for row in self.rows]

    def usage(self, *, known_at: datetime | None = None) -> list[tuple[date, Decimal]]:
        """What was used in each month, as it was known: the newest that was said of it by then."""
        newest: dict[date, Decimal] = {}
        for row in self.used:  # in the order in which they were said
            if known_at is None or row.recorded_at <= known_at:
                newest[row.month] = row.units
        return sorted(newest.items())

    def history(self, *, known_at: datetime | None = None, leaving_out_after: date | None = None) -> History:
        """The whole book as it was known at a moment.

        :param leaving_out_after: as it stood on this day, whatever ended it, or took it up again, later.
        """
        events = self.events
        if leaving_out_after is not None:
            events = [e for e in events if e.kind not in ENDS or e.effective_on <= leaving_out_after]
        return replay(self.terms, events, usage=self.usage(known_at=known_at), known_at=known_at)


def records_of(
    session: Session,
    tenant: Tenant,
    *,
    asset_ids: Sequence[str] | None = None,
    book_ids: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    in_service_by: date | None = None,
    lock: bool = False,
) -> list[BookRecord]:
    """The books of these assets, or these books, in the order of their names; three queries at most."""
    chosen = _chosen(tenant, asset_ids=asset_ids, book_ids=book_ids, names=names, in_service_by=in_service_by)
    ordered = chosen.order_by(DepreciationBook.asset_id, DepreciationBook.id)
    books = session.scalars(ordered.with_for_update() if lock else ordered).all()
    if not books:
        return []
    ids = chosen.with_only_columns(DepreciationBook.id)
    rows: dict[str, list[BookEventRow]] = {}
    for row in session.scalars(
        scoped(BookEventRow, tenant).where(BookEventRow.book_id.in_(ids)).order_by(BookEventRow.id)
    ):
        rows.setdefault(row.book_id, []).append(row)
    used: dict[str, list[DepreciationUsage]] = {}
    if any(_is_or_was_by_units(book, rows.get(book.id, ())) for book in books):
        for usage in session.scalars(
            scoped(DepreciationUsage, tenant)
            .where(DepreciationUsage.book_id.in_(ids))
            .order_by(DepreciationUsage.recorded_at, DepreciationUsage.id)
        ):
            used.setdefault(usage.book_id, []).append(usage)
    records = [BookRecord(book, rows.get(book.id, []), used.get(book.id, [])) for book in books]
    return sorted(records, key=lambda record: (record.book.asset_id, _place(record.book.name)))


def record_of(
    session: Session, tenant: Tenant, *, asset_id: str, name: str = "book", lock: bool = False
) -> BookRecord:
    """One of the asset's books with all that happened to it.

    :raises NotFound: if the asset has no such book: it was never in service, or none is kept.
    """
    found = records_of(session, tenant, asset_ids=[asset_id], names=[name], lock=lock)
    if not found:
        if name == "book":
            raise NotFound(f"Asset {asset_id} has no book: it was never in service.")
        raise NotFound(f"Asset {asset_id} has no {name} book.")
    return found[0]


def _chosen(
    tenant: Tenant,
    *,
    asset_ids: Sequence[str] | None,
    book_ids: Sequence[str] | None,
    names: Sequence[str] | None,
    in_service_by: date | None,
) -> sa.Select[DepreciationBook]:
    chosen = scoped(DepreciationBook, tenant)
    if asset_ids is not None:
        chosen = chosen.where(DepreciationBook.asset_id.in_(asset_ids))
    if book_ids is not None:
        chosen = chosen.where(DepreciationBook.id.in_(book_ids))
    if names is not None:
        chosen = chosen.where(DepreciationBook.name.in_(names))
    if in_service_by is not None:
        chosen = chosen.where(DepreciationBook.in_service_on <= in_service_by)
    return chosen


def _is_or_was_by_units(book: DepreciationBook, rows: Sequence[BookEventRow]) -> bool:
    """Whether anything it has been through asks for usage: nearly no book's history does."""
    methods = {book.method, (book.opening or {}).get("method"), *(row.figures.get("method") for row in rows)}
    return Method.UNITS in methods


def _place(name: str) -> int:
    return BOOK_NAMES.index(name) if name in BOOK_NAMES else len(BOOK_NAMES)

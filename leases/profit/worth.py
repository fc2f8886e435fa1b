"""What assets are worth by their books, and what was spent on them after they were bought."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Session

from haas.tenancy.scope import Tenant, scoped
from leases.book_models import AssetCost
from leases.book_records import BookRecord, records_of
from leases.depreciation import DepreciationTerms, depreciation_schedule
from leases.depreciation.events import EventKind
from leases.depreciation.history import History
from leases.profit.facts import NOTHING, Curve, Unbooked, Worth

BOOK = "book"  # the financial one
_NO_COST = frozenset({EventKind.DISPOSE.value, EventKind.REINSTATE.value})  # what leaves and comes back whole


@dataclass(frozen=True, slots=True)
class Booked:
    """A book to which something happened: revalued, repaired, split, taken over, disposed of."""

    history: History

    @property
    def disposed_on(self) -> date | None:
        """When its book was closed; none while it is open."""
        return self.history.disposed_on

    @property
    def proceeds(self) -> Decimal:
        """What its disposal brought in."""
        return self.history.proceeds or NOTHING

    @property
    def opened_on(self) -> date:
        """The first day of the book."""
        return self.history.movements[0].on

    def at(self, day: date) -> Decimal:
        """Book value at the end of a day: cost before the book was opened, nothing once disposed of."""
        opening = self.history.movements[0]
        return opening.cost if day < opening.on else self.history.value_on(day)

    def cost_on(self, day: date) -> Decimal:
        """What was spent on it by the end of a day, whether it is still there or not."""
        opening, *rest = self.history.movements
        return opening.cost + sum(
            (move.cost for move in rest if move.on <= day and move.kind not in _NO_COST), NOTHING
        )

    def changes(self) -> list[tuple[date, Decimal]]:
        """What was added to its cost after it was bought, or went to another asset."""
        return [
            (move.on, move.cost)
            for move in self.history.movements[1:]
            if move.cost and move.kind not in _NO_COST
        ]


@dataclass(slots=True)
class Spent:
    """What was spent on one asset beside its price: expenses with their days, and the rest."""

    expenses: list[tuple[date, Decimal]] = field(default_factory=list)
    added: list[tuple[date, Decimal]] = field(default_factory=list)  # to a cost that no book keeps yet


def read_worths(session: Session, tenant: Tenant, *, asset_id: str | None) -> dict[str, BookRecord]:
    """The financial book of one asset, or of all; three queries."""
    return by_asset(
        records_of(session, tenant, asset_ids=None if asset_id is None else [asset_id], names=[BOOK])
    )


def by_asset(records: Iterable[BookRecord]) -> dict[str, BookRecord]:
    """The financial ones of these books, by asset."""
    return {record.book.asset_id: record for record in records if record.book.name == BOOK}


def read_spent(
    session: Session, tenant: Tenant, *, books: Mapping[str, BookRecord], asset_id: str | None
) -> dict[str, Spent]:
    """What is no part of a book is an expense on its day, less what the warranty has paid; one query."""
    statement = scoped(AssetCost, tenant).order_by(AssetCost.incurred_on, AssetCost.id)
    if asset_id is not None:
        statement = statement.where(AssetCost.asset_id == asset_id)
    found: dict[str, Spent] = defaultdict(Spent)
    for row in session.scalars(statement):
        net, book = row.amount - row.warranty_recovered, books.get(row.asset_id)
        if row.capitalised and book is None:
            found[row.asset_id].added.append((row.incurred_on, net))
        elif net and not (row.capitalised and book is not None and _keeps(book, row)):
            found[row.asset_id].expenses.append((row.incurred_on, net))
    return found


@dataclass(slots=True)
class Valuer:
    """Turns books into worths; books that are alike, and to which nothing happened, share a schedule."""

    _schedules: dict[DepreciationTerms, tuple[Sequence[date], Sequence[Decimal]]] = field(
        default_factory=dict
    )

    def worth_of(self, record: BookRecord) -> Worth:
        """What the asset of this book is worth on any day."""
        terms = record.terms
        if record.rows or record.used or terms.opened_on is not None:
            return Booked(record.history())
        schedule = self._schedules.get(terms)
        if schedule is None:
            entries = depreciation_schedule(terms)
            schedule = [each.month for each in entries], [each.book_value for each in entries]
            self._schedules[terms] = schedule
        return Curve(terms.cost, terms.in_service_on, *schedule)


def unbooked(cost: Decimal, spent: Spent) -> Worth:
    """What an asset is worth that was never in service: what was spent on it."""
    return Unbooked(cost, spent.added)


def _keeps(record: BookRecord, cost: AssetCost) -> bool:
    """Whether the book began with this cost, or was told of it later. A closed book is told of none."""
    told = {row.figures.get("cost_id") for row in record.rows if row.kind == EventKind.CAPITALISE}
    return cost.id in told or cost.created_at <= record.book.created_at

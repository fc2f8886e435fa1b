"""The plans of books, kept in step with them: what sets of books are charged is then read in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from haas import clock
from haas.money import exponent
from haas.tenancy.scope import Tenant, scoped
from leases.book_models import DepreciationPlan
from leases.book_records import BookRecord, records_of
from leases.contract import book_columns, opening_of
from leases.depreciation import DepreciationTerms
from leases.depreciation.history import History, Movement
from leases.depreciation.plan import plan_of
from leases.models import DepreciationBook

_AT_ONCE = 5_000


def write_plans(session: Session, tenant: Tenant, *, records: Sequence[BookRecord]) -> None:
    """Compute these books anew, all in one statement, and let their rows say how they stand now.

    What began a book is kept in `opening` before its row first says anything else.
    """
    if not records:
        return
    # A fleet is bought by the pallet: what began alike, and to which nothing happened, is reckoned once.
    alike: dict[DepreciationTerms, History] = {}
    histories: list[tuple[BookRecord, History]] = []
    for record in records:
        if record.rows or record.used:
            histories.append((record, record.history()))
            continue
        terms = record.terms
        if terms not in alike:
            alike[terms] = record.history()
        histories.append((record, alike[terms]))
    for record, history in histories:
        if record.rows:
            _say(record.book, record, history)
    session.flush()
    statement = insert(DepreciationPlan)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["partner_id", "book_id"],
            set_={
                name: statement.excluded[name]
                for name in ("first_month", "totals", "places", "movements", "computed_at")
            },
        ),
        [_values(tenant, record, history) for record, history in histories],
    )


def refresh_plans(session: Session, tenant: Tenant, *, book_ids: Sequence[str]) -> None:
    """Compute the plans of these books anew."""
    write_plans(session, tenant, records=records_of(session, tenant, book_ids=book_ids))


def ensure_plans(session: Session, tenant: Tenant) -> int:
    """Plans for the books that have none yet (they were opened by an older release); how many were made.

    A posting run asks for this first; with nothing missing it is one look at an index.
    """
    made = 0
    while True:
        missing = session.scalars(
            scoped(DepreciationBook, tenant)
            .with_only_columns(DepreciationBook.id)
            .where(
                ~sa.exists().where(
                    DepreciationPlan.partner_id == DepreciationBook.partner_id,
                    DepreciationPlan.book_id == DepreciationBook.id,
                )
            )
            .order_by(DepreciationBook.id)
            .limit(_AT_ONCE)
        ).all()
        if not missing:
            return made
        refresh_plans(session, tenant, book_ids=missing)
        made += len(missing)


def _say(book: DepreciationBook, record: BookRecord, history: History) -> None:
    if book.opening is None:
        book.opening = opening_of(record.terms)
    for name, value in book_columns(history.terms).items():
        setattr(book, name, value)
    book.disposed_on, book.proceeds = history.disposed_on, history.proceeds


def _values(tenant: Tenant, record: BookRecord, history: History) -> dict[str, Any]:
    plan = plan_of(history)
    return {
        "partner_id": tenant.partner_id,
        "book_id": record.book.id,
        "first_month": plan.first_month,
        "totals": list(plan.totals),
        "places": exponent(history.terms.currency),
        "movements": [_told(move) for move in history.movements],
        "computed_at": clock.now(),
    }


def _told(move: Movement) -> dict[str, Any]:
    return {
        "on": move.on.isoformat(),
        "kind": move.kind,
        "event_id": move.event_id,
        "cost": str(move.cost),
        "accumulated": str(move.accumulated),
        "adjustment": str(move.adjustment),
        "gain": None if move.gain is None else str(move.gain),
    }

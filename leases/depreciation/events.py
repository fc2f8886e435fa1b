"""What happens to a book after it was opened: revaluations, repairs, impairments, splits, its end. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from leases.depreciation.conventions import Convention
from leases.depreciation.terms import DayBasis, DepreciationTerms, FirstMonth, LastMonth, Method


class EventKind(StrEnum):
    """What an event does. All but `restate` count from their day on; what was charged before stays."""

    RESTATE = "restate"  # other conventions, from the first day
    ESTIMATE = "estimate"  # another life or residual value (IAS 8.36)
    REVALUE = "revalue"  # another carrying amount (IAS 16.31)
    CAPITALISE = "capitalise"  # a repair or an upgrade adds to the cost (IAS 16.12-14)
    IMPAIR = "impair"  # (IAS 36.59)
    REVERSE_IMPAIRMENT = "reverse_impairment"  # up to the value without any impairment (IAS 36.117)
    SPLIT = "split"  # part of the cost leaves for another asset, with what was written off of it
    DISPOSE = "dispose"
    REINSTATE = "reinstate"  # what was disposed of is there again
    REVERSE = "reverse"  # the event that it names never was


class CountsFrom(StrEnum):
    """Which month bears the first changed charge."""

    SAME_MONTH = "same_month"
    NEXT_MONTH = "next_month"


@dataclass(frozen=True, slots=True)
class BookEvent:
    """One event of one book. `recorded_at` is when it became known; it is never changed, only reversed.

    Amounts by kind: `restate`, `estimate`: conventions by name; `revalue`: `book_value`; `capitalise`:
    `amount`, and perhaps `extra_months` and `residual_value`; `impair`, `reverse_impairment`: `amount`;
    `split`: `cost`; `dispose`: `proceeds`; `reinstate`: perhaps `book_value`.
    """

    id: str
    kind: EventKind
    effective_on: date
    recorded_at: datetime
    figures: Mapping[str, Any] = field(default_factory=dict)
    counts_from: CountsFrom = CountsFrom.SAME_MONTH
    reverses_id: str | None = None

    def amount(self, name: str) -> Decimal:
        """One of its amounts, as a number.

        :raises ValueError: if it lacks it.
        """
        if self.figures.get(name) is None:
            raise ValueError(f"{self.kind} needs {name}")
        return Decimal(str(self.figures[name]))


def known_events(events: Iterable[BookEvent], *, known_at: datetime | None) -> list[BookEvent]:
    """What was known at a moment, in the order in which it counts; without a moment, all.

    A reversal takes its event away from the moment at which the reversal was recorded.
    """
    known = [event for event in events if known_at is None or event.recorded_at <= known_at]
    gone = {event.reverses_id for event in known if event.kind is EventKind.REVERSE}
    kept = [event for event in known if event.kind is not EventKind.REVERSE and event.id not in gone]
    return sorted(kept, key=lambda event: (event.effective_on, event.recorded_at, event.id))


_CONVERT: dict[str, Callable[[Any], Any]] = {
    "method": Method,
    "first_month": FirstMonth,
    "last_month": LastMonth,
    "day_basis": DayBasis,
    "tax_convention": Convention,
    "residual_value": Decimal,
    "factor": Decimal,
    "total_units": Decimal,
    "rate_pct": Decimal,
    "useful_life_months": int,
    "recovery_years": int,
    "year_end_month": int,
    "switch": bool,
}
CONVENTIONS = frozenset(_CONVERT)


def changed_terms(terms: DepreciationTerms, figures: Mapping[str, Any]) -> DepreciationTerms:
    """The conventions that a `restate` or an `estimate` names, in place of the ones before.

    :raises ValueError: for a convention that there is not, or ones that do not go together.
    """
    return replace(terms, **read_conventions(figures))


def read_conventions(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Conventions as JSON keeps them -> as the terms have them.

    :raises ValueError: for one that there is not.
    """
    unknown = set(figures) - CONVENTIONS
    if unknown:
        raise ValueError(f"there is no convention {', '.join(sorted(unknown))}")
    return {
        name: None if value is None else _CONVERT[name](str(value) if _CONVERT[name] is Decimal else value)
        for name, value in figures.items()
    }

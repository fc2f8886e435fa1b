"""A book's opening and its events -> charges, movements, and its value on any date. Pure.

Every answer is computed from what was known at a moment, so that what a page has shown can be shown
again, whatever became known later.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from haas.calendar import ONE_DAY, end_of_month
from haas.money import round_minor
from leases.depreciation.book import DepreciationEntry, depreciation_schedule, exact_totals
from leases.depreciation.closing import final_charge
from leases.depreciation.events import BookEvent, CountsFrom, EventKind, changed_terms, known_events
from leases.depreciation.terms import DepreciationTerms, Method

ZERO = Decimal(0)
Usage = Sequence[tuple[date, Decimal]]


@dataclass(frozen=True, slots=True)
class Movement:
    """What an event did to the book on its day; the book value changes by cost - accumulated + adjustment.

    `gain` is what a disposal made, negative for a loss; a reinstatement takes it back.
    """

    on: date
    kind: str
    event_id: str
    cost: Decimal = ZERO
    accumulated: Decimal = ZERO
    adjustment: Decimal = ZERO  # revalued less impaired
    gain: Decimal | None = None

    @property
    def value(self) -> Decimal:
        """By how much the book value changed."""
        return self.cost - self.accumulated + self.adjustment


@dataclass(frozen=True, slots=True)
class History:
    """A book as it was known. `terms` are the conventions it ends with, `disposed_on` is none while open."""

    terms: DepreciationTerms
    entries: Sequence[DepreciationEntry]
    movements: Sequence[Movement]
    disposed_on: date | None = None
    proceeds: Decimal | None = None

    def value_on(self, day: date) -> Decimal:
        """Book value at the end of a day; months are borne on their last day, that of disposal at once."""
        return sum((move.value for move in self.movements if move.on <= day), ZERO) - self._charged(day)

    def cost_on(self, day: date) -> Decimal:
        """Gross cost at the end of a day."""
        return sum((move.cost for move in self.movements if move.on <= day), ZERO)

    @property
    def closing(self) -> Movement | None:
        """The disposal that closed it; none while it is open."""
        closings = [move for move in self.movements if move.kind == EventKind.DISPOSE]
        return closings[-1] if closings and self.disposed_on else None

    def gain(self) -> Decimal | None:
        """What the disposal that closed it made; none while it is open."""
        return self.closing.gain if self.closing else None

    def _charged(self, day: date) -> Decimal:
        gone = {end_of_month(move.on): move.on for move in self.movements if move.kind == EventKind.DISPOSE}
        if len(self.movements) == 1 and self.entries:  # nothing has happened: nearly every book
            place = bisect_right(self.entries, day, key=lambda entry: entry.month)
            opening = self.movements[0].accumulated
            return self.entries[place - 1].accumulated - opening if place else ZERO
        return sum(
            (entry.charge for entry in self.entries if gone.get(entry.month, entry.month) <= day), ZERO
        )


@dataclass(slots=True)
class _State:
    terms: DepreciationTerms
    cost: Decimal
    accumulated: Decimal = ZERO  # of the cost that is still there
    adjustment: Decimal = ZERO
    charged: Decimal = ZERO  # all charges so far, also of cost that has left
    entries: list[DepreciationEntry] = field(default_factory=list)
    movements: list[Movement] = field(default_factory=list)
    closed_on: date | None = None
    proceeds: Decimal | None = None

    @property
    def value(self) -> Decimal:
        return self.cost - self.accumulated + self.adjustment


def replay(
    terms: DepreciationTerms,
    events: Iterable[BookEvent] = (),
    *,
    usage: Usage = (),
    known_at: datetime | None = None,
) -> History:
    """The whole book, past and to come, from its opening and what happened to it.

    :raises ValueError: for an event that the book, as it stood on its day, cannot bear.
    """
    known = known_events(events, known_at=known_at)
    for event in known:
        if event.kind is EventKind.RESTATE:
            terms = changed_terms(terms, event.figures)
    rest = [event for event in known if event.kind is not EventKind.RESTATE]
    opening = Movement(
        terms.opened_on or terms.in_service_on,
        "open",
        "",
        cost=terms.cost,
        accumulated=terms.opening_accumulated,
    )
    if not rest and terms.opened_on is None:
        return History(terms, depreciation_schedule(terms, units_by_month=usage), [opening])
    state = _State(terms, terms.cost, accumulated=terms.opening_accumulated, movements=[opening])
    _segment(state, _before(opening.on), usage)
    for event in rest:
        _apply(state, event, usage)
    return History(state.terms, state.entries, state.movements, state.closed_on, state.proceeds)


def value_without_impairment(
    terms: DepreciationTerms,
    events: Iterable[BookEvent],
    *,
    on: date,
    usage: Usage = (),
    known_at: datetime | None = None,
) -> Decimal:
    """What the book would stand at had it never been impaired: the limit of a reversal (IAS 36.117)."""
    others = [
        event
        for event in known_events(events, known_at=known_at)
        if event.kind not in (EventKind.IMPAIR, EventKind.REVERSE_IMPAIRMENT)
    ]
    return replay(terms, others, usage=usage).value_on(on)


def _apply(state: _State, event: BookEvent, usage: Usage) -> None:
    opened = state.movements[0].on
    if event.effective_on < opened:
        raise ValueError(f"{event.kind} on {event.effective_on} lies before the book's first day {opened}")
    if (event.kind is EventKind.REINSTATE) != (state.closed_on is not None):
        is_open = "closed" if state.closed_on else "open"
        raise ValueError(f"{event.kind} on {event.effective_on}: the book is {is_open} on that day")
    if event.kind is EventKind.DISPOSE:
        _dispose(state, event)
        return
    since = _before(event.effective_on)
    if event.kind is EventKind.REINSTATE and state.closed_on:
        since = max(since, end_of_month(state.closed_on))  # the month of disposal has borne its part
    elif event.counts_from is CountsFrom.NEXT_MONTH:
        since = end_of_month(event.effective_on)
    _cut(state, since)
    _change(state, event)
    _segment(state, since, usage)


def _before(day: date) -> date:
    return day.replace(day=1) - ONE_DAY


def _cut(state: _State, until: date) -> None:
    """Keep the months that were over, and stand at the end of the last of them."""
    kept = [entry for entry in state.entries if entry.month <= until]
    dropped = sum((entry.charge for entry in state.entries[len(kept) :]), ZERO)
    state.entries = kept
    state.charged -= dropped
    state.accumulated -= dropped


def _segment(state: _State, since: date, usage: Usage) -> None:
    """Spread what is left over what is left of the life, in the shape of the method."""
    terms, start = state.terms, state.charged
    left = max(state.value - terms.residual_value, ZERO)
    curve = _shape(terms, state.cost, usage)
    ends = [month for month, _ in curve]
    place = bisect_right(ends, since)
    done = curve[place - 1][1] if place else Fraction(0)
    points = [(month, (share - done) / (1 - done)) for month, share in curve[place:]] if done < 1 else []
    if not points and left and terms.method is not Method.UNITS:
        points = [(end_of_month(since + ONE_DAY), Fraction(1))]  # the life is over: the next month bears it
    for month, share in points:
        total = start + round_minor(Fraction(left) * share, terms.currency)
        charge = total - state.charged
        state.charged = total
        state.accumulated += charge
        state.entries.append(DepreciationEntry(month, charge, state.accumulated, state.value))


def _shape(terms: DepreciationTerms, cost: Decimal, usage: Usage) -> list[tuple[date, Fraction]]:
    """Which share of the depreciable amount is written off by the end of each month."""
    residual = min(terms.residual_value, cost)
    if cost == residual:
        cost += 1  # nothing to depreciate has the shape of something
    shaped = replace(terms, cost=cost, residual_value=residual, opening_accumulated=ZERO)
    whole = Fraction(shaped.depreciable)
    return [(month, total / whole) for month, total in exact_totals(shaped, units_by_month=usage)]


def _change(state: _State, event: BookEvent) -> None:
    """Move cost, what is written off and what is adjusted; and say the terms that hold from here."""
    if event.kind is EventKind.ESTIMATE:
        state.terms = changed_terms(state.terms, event.figures)
        return
    move = _MOVES[event.kind](state, event)
    state.cost += move.cost
    state.accumulated += move.accumulated
    state.adjustment += move.adjustment
    state.movements.append(move)
    residual = Decimal(str(event.figures.get("residual_value", state.terms.residual_value)))
    if event.kind is EventKind.SPLIT:
        residual = round_minor(
            Fraction(residual) * Fraction(state.cost) / Fraction(state.cost - move.cost), state.terms.currency
        )
    life = state.terms.useful_life_months + int(event.figures.get("extra_months", 0))
    state.terms = replace(
        state.terms, cost=state.cost, residual_value=min(residual, state.cost), useful_life_months=life
    )


def _already(state: _State, event: BookEvent) -> Decimal:
    """What the month of the event bears by its old terms, and so later than its day."""
    month = end_of_month(event.effective_on)
    return sum(
        (entry.charge for entry in state.entries if entry.month == month > event.effective_on), Decimal(0)
    )


def _capitalise(_: _State, event: BookEvent) -> Movement:
    amount = event.amount("amount")
    if amount <= 0:
        raise ValueError("what is added to the cost is more than nothing")
    return Movement(event.effective_on, event.kind, event.id, cost=amount)


def _revalue(state: _State, event: BookEvent) -> Movement:
    wanted = event.amount("book_value")
    if wanted < 0:
        raise ValueError("a book value is not below nothing")
    change = wanted - state.value - _already(state, event)
    return Movement(event.effective_on, event.kind, event.id, adjustment=change)


def _impair(state: _State, event: BookEvent) -> Movement:
    amount, value = event.amount("amount"), state.value + _already(state, event)
    if not 0 < amount <= value:
        raise ValueError(f"an impairment of {amount} is outside 0..{value}, the book value")
    return Movement(event.effective_on, event.kind, event.id, adjustment=-amount)


def _reverse_impairment(state: _State, event: BookEvent) -> Movement:
    amount = event.amount("amount")
    kinds = (EventKind.IMPAIR, EventKind.REVERSE_IMPAIRMENT)
    impaired = -sum((move.adjustment for move in state.movements if move.kind in kinds), ZERO)
    if not 0 < amount <= impaired:
        raise ValueError(f"{amount} is outside 0..{impaired}, what it is impaired by")
    return Movement(event.effective_on, event.kind, event.id, adjustment=amount)


def _split(state: _State, event: BookEvent) -> Movement:
    cost = event.amount("cost")
    if not 0 < cost < state.cost:
        raise ValueError(f"a part of {cost} is not within the cost of {state.cost}")
    share, currency = Fraction(cost) / Fraction(state.cost), state.terms.currency
    written_off = state.accumulated - _already(state, event)
    return Movement(
        event.effective_on,
        event.kind,
        event.id,
        cost=-cost,
        accumulated=-round_minor(Fraction(written_off) * share, currency),
        adjustment=-round_minor(Fraction(state.adjustment) * share, currency),
    )


def _reinstate(state: _State, event: BookEvent) -> Movement:
    gone = next(move for move in reversed(state.movements) if move.kind == EventKind.DISPOSE)
    change = ZERO
    if event.figures.get("book_value") is not None:
        change = event.amount("book_value") + gone.value
    state.closed_on, state.proceeds = None, None
    adjustment = change - gone.adjustment
    return Movement(
        event.effective_on,
        event.kind,
        event.id,
        cost=-gone.cost,
        accumulated=-gone.accumulated,
        adjustment=adjustment,
        gain=change - (gone.gain or ZERO),  # what the disposal made is taken back
    )


_MOVES = {
    EventKind.CAPITALISE: _capitalise,
    EventKind.REVALUE: _revalue,
    EventKind.IMPAIR: _impair,
    EventKind.REVERSE_IMPAIRMENT: _reverse_impairment,
    EventKind.SPLIT: _split,
    EventKind.REINSTATE: _reinstate,
}


def _dispose(state: _State, event: BookEvent) -> None:
    proceeds = event.amount("proceeds")
    final = final_charge(
        state.terms, state.entries, disposed_on=event.effective_on, last_month=state.terms.last_month
    )
    _cut(state, _before(event.effective_on))
    state.charged += final
    state.accumulated += final
    if final:
        month = end_of_month(event.effective_on)
        state.entries.append(DepreciationEntry(month, final, state.accumulated, state.value))
    state.movements.append(
        Movement(
            event.effective_on,
            event.kind,
            event.id,
            cost=-state.cost,
            accumulated=-state.accumulated,
            adjustment=-state.adjustment,
            gain=proceeds - state.value,
        )
    )
    state.cost = state.accumulated = state.adjustment = ZERO
    state.closed_on, state.proceeds = event.effective_on, proceeds

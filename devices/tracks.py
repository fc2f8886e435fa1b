"""An asset's life as tracks on one time axis: dated spans in, places on the axis out. Pure.

A track is what is true of one side of an asset, and when: its state, who has it, its contract, its health,
whose it is, its books. Places are per cent of the axis, so a drawing needs to know nothing of its own width.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

TRACKS = ("state", "custody", "contract", "health", "title", "books")
TICKS_MAX = 8
# How far apart the axis may be marked: days, then months.
_DAY_STEPS = (1, 2, 7, 14)
_MONTH_STEPS = (1, 2, 3, 6, 12, 24, 60, 120)
_LEAST = timedelta(days=1)  # an axis of no length has no places
_AHEAD = timedelta(days=90)  # how much of what is planned is shown of the youngest asset
_LEAST_WIDTH = 0.4
_MONTH = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Span:
    """What held from `since` on, until `until` (exclusive) or, with none, until now.

    `kind` and `state` name its look in the product's one table of states; `label` is what is written on it
    where that says more than the state's own word. One that ends after now is planned from now on.
    """

    since: datetime
    until: datetime | None
    kind: str
    state: str
    label: Any = ""
    detail: Any = ""
    href: str | None = None


@dataclass(frozen=True, slots=True)
class Track:
    """One side of the asset's life, oldest span first. `key` is one of `TRACKS`."""

    key: str
    spans: Sequence[Span] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """From `at` on it is in `state`."""

    at: datetime
    kind: str
    state: str
    label: Any = ""
    detail: Any = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on the axis."""

    on: date
    place: float
    names_year: bool  # the first one, and each first of a year


@dataclass(frozen=True, slots=True)
class Bar:
    """A span on the axis; `planned_from`: after how many per cent of itself it lies ahead, if it does."""

    span: Span
    place: float
    width: float
    planned_from: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A track on the axis."""

    key: str
    bars: Sequence[Bar]


@dataclass(frozen=True, slots=True)
class Drawing:
    """Tracks on one axis. `now` is the place of today's line."""

    begins: datetime
    ends: datetime
    now: float
    ticks: Sequence[Tick]
    rows: Sequence[Row]
    steps: str = field(default="months")  # days or months: how a tick is written


def spans_of(changes: Iterable[Change]) -> list[Span]:
    """Each change holds until the next; what changes to the same again goes on.

    Of several at one moment the last one counts, in the order given.
    """
    spans: list[Span] = []
    for change in sorted(changes, key=lambda each: each.at):
        last = spans[-1] if spans else None
        if last is not None and last.since == change.at:
            spans.pop()
            last = spans[-1] if spans else None
        if last is not None and (last.kind, last.state, last.label) == (
            change.kind,
            change.state,
            change.label,
        ):
            spans[-1] = replace(last, until=None)
            continue
        if last is not None:
            spans[-1] = replace(last, until=change.at)
        spans.append(Span(change.at, None, change.kind, change.state, change.label, change.detail))
    return spans


def clipped(spans: Iterable[Span], *, since: datetime, until: datetime | None) -> list[Span]:
    """The parts of the spans that lie in [since, until)."""
    found = []
    for span in spans:
        begin = max(span.since, since)
        end = min((each for each in (span.until, until) if each is not None), default=None)
        if end is None or begin < end:
            found.append(replace(span, since=begin, until=end))
    return found


def title_of(state: str) -> str:
    """Whose the asset is while it is in a state: `supplier`, `ours`, `client` or `nobody`.

    Title passes at receipt: goods on order are the supplier's (our convention; a contract may say
    otherwise). Lost or stolen hardware is still ours.
    """
    return {"ordered": "supplier", "bought_out": "client", "disposed": "nobody"}.get(state, "ours")


def draw(tracks: Iterable[Track], *, now: datetime, zone: tzinfo = UTC) -> Drawing | None:
    """The tracks on one axis, from the first thing known to now, or to the end of what is planned.

    :param zone: whose midnights the axis is marked at.
    :return: none if nothing is known at all.
    """
    ordered = sorted(tracks, key=lambda track: TRACKS.index(track.key))
    spans = [span for track in ordered for span in track.spans]
    if not spans:
        return None
    begins = min(span.since for span in spans)
    planned = max((span.until for span in spans if span.until is not None), default=now)
    # Not further ahead than it is old: a term of years would leave no room for what has happened.
    ends = max(now, begins + _LEAST, min(planned, now + max(now - begins, _AHEAD)))
    whole = ends - begins

    def place(at: datetime) -> float:
        return round(100 * (min(max(at, begins), ends) - begins) / whole, 3)

    def bar(span: Span) -> Bar:
        end = span.until or max(now, span.since)
        # An hour in a year would be no thicker than a hair.
        width = max(place(end) - place(span.since), _LEAST_WIDTH)
        left = min(place(span.since), 100 - width)
        ahead = min(place(end) - place(now), width) if end > now else 0
        return Bar(
            span, left, round(width, 3), round(100 * (width - ahead) / width, 3) if ahead > 0 else None
        )

    steps, days = _marks(begins.astimezone(zone).date(), ends.astimezone(zone).date())
    ticks = [
        Tick(
            day, place(datetime(day.year, day.month, day.day, tzinfo=zone)), number == 0 or _is_new_year(day)
        )
        for number, day in enumerate(days)
    ]
    # What is to begin some day and has no end has no place: the axis ends where it would begin.
    rows = [
        Row(track.key, [bar(span) for span in track.spans if span.since <= now or span.until is not None])
        for track in ordered
    ]
    return Drawing(begins, ends, place(now), ticks, rows, steps)


def _marks(first: date, last: date) -> tuple[str, list[date]]:
    """The days at which an axis is marked: few enough to be read."""
    if last - first <= 2 * _MONTH:
        for days in _DAY_STEPS:
            marks = [first + timedelta(days=n) for n in range(1, (last - first).days + 1, days)]
            if len(marks) <= TICKS_MAX:
                return "days", marks
    for months in _MONTH_STEPS:
        marks = _firsts(first, last, months)
        if len(marks) <= TICKS_MAX:
            return "months", marks
    return "months", []


def _firsts(first: date, last: date, months: int) -> list[date]:
    """Every first of a month after `first` whose number since year 0 is a multiple of `months`."""
    number = first.year * 12 + first.month - 1
    number += months - number % months
    marks = []
    while (day := date(number // 12, number % 12 + 1, 1)) <= last:
        marks.append(day)
        number += months
    return marks


def _is_new_year(day: date) -> bool:
    return (day.month, day.day) == (1, 1)

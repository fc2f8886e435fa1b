"""Dated facts become tracks on one axis: spans, what is cut away, places, and marks that can be read."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from devices.lifecycle import AssetState
from devices.tracks import Change, Span, Track, clipped, draw, spans_of, title_of


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def change(on: str, state: str) -> Change:
    return Change(at(on), "asset", state)


def told(spans: list[Span]) -> list[tuple[str, str, str | None]]:
    """(state, first day, day after the last) of each."""
    return [
        (span.state, f"{span.since:%m-%d}", f"{span.until:%m-%d}" if span.until else None) for span in spans
    ]


NOW = at("2026-05-01")


class TestSpansOf:
    def test_holds_each_state_until_the_next(self):
        spans = spans_of([change("2026-02-01", "ready"), change("2026-01-01", "received")])

        assert told(spans) == [("received", "01-01", "02-01"), ("ready", "02-01", None)]

    def test_goes_on_with_what_changes_to_the_same_again(self):
        spans = spans_of([change("2026-01-01", "ready"), change("2026-02-01", "ready")])

        assert told(spans) == [("ready", "01-01", None)]

    def test_shows_the_last_of_several_at_one_moment(self):
        spans = spans_of(
            [
                change("2026-01-01", "received"),
                change("2026-02-01", "staging"),
                change("2026-02-01", "received"),
                change("2026-03-01", "ready"),
            ]
        )

        assert told(spans) == [("received", "01-01", "03-01"), ("ready", "03-01", None)]

    def test_of_nothing_is_nothing(self):
        assert spans_of([]) == []


class TestClipped:
    def test_keeps_what_lies_inside(self):
        spans = spans_of([change("2026-01-01", "a"), change("2026-02-01", "b"), change("2026-03-01", "c")])

        inside = clipped(spans, since=at("2026-01-15"), until=at("2026-03-01"))

        assert told(inside) == [("a", "01-15", "02-01"), ("b", "02-01", "03-01")]


class TestTitleOf:
    def test_knows_whose_it_is_in_every_state(self):
        owners = {state: title_of(state) for state in AssetState}

        assert {state for state, owner in owners.items() if owner != "ours"} == {
            AssetState.ORDERED,
            AssetState.BOUGHT_OUT,
            AssetState.DISPOSED,
        }


class TestDraw:
    def test_places_spans_in_per_cent_of_the_whole(self):
        state = Track("state", spans_of([change("2026-01-01", "received"), change("2026-03-02", "ready")]))

        drawing = draw([state], now=NOW)

        assert drawing is not None
        # 60 of the 120 days from 1 January to 1 May are over on 2 March.
        assert [(bar.place, bar.width) for bar in drawing.rows[0].bars] == [(0, 50), (50, 50)]
        assert drawing.now == 100

    def test_shows_what_is_planned_beyond_today(self):
        contract = Track("contract", [Span(at("2026-01-01"), at("2026-08-29"), "lease", "active")])

        drawing = draw([contract], now=NOW)

        assert drawing is not None
        bar = drawing.rows[0].bars[0]
        assert (bar.place, bar.width, bar.planned_from, drawing.now) == (0, 100, 50, 50)  # 120 of 240 days

    def test_looks_no_further_ahead_than_the_asset_is_old(self):
        contract = Track("contract", [Span(at("2026-01-01"), at("2036-01-01"), "lease", "active")])

        drawing = draw([contract], now=NOW)

        assert drawing is not None
        assert drawing.ends == at("2026-08-29")

    def test_shows_an_hour_in_a_year_as_more_than_a_hair(self):
        states = spans_of(
            [change("2025-05-01", "ready"), Change(NOW - timedelta(hours=1), "asset", "reserved")]
        )

        drawing = draw([Track("state", states)], now=NOW)

        assert drawing is not None
        last = drawing.rows[0].bars[-1]
        assert (last.place, last.width) == (99.6, 0.4)

    def test_keeps_the_order_of_the_tracks_and_shows_empty_ones(self):
        tracks = [Track("books"), Track("state", spans_of([change("2026-01-01", "ready")])), Track("custody")]

        drawing = draw(tracks, now=NOW)

        assert drawing is not None
        assert [row.key for row in drawing.rows] == ["state", "custody", "books"]

    def test_of_nothing_known_is_none(self):
        assert draw([Track("state")], now=NOW) is None

    def test_of_what_began_this_moment_has_a_day(self):
        drawing = draw([Track("state", spans_of([Change(NOW, "asset", "ready")]))], now=NOW)

        assert drawing is not None
        assert drawing.ends - drawing.begins == timedelta(days=1)

    def test_marks_the_midnights_of_the_zone(self):
        tracks = [Track("state", spans_of([change("2026-01-15", "ready")]))]

        drawing = draw(tracks, now=NOW, zone=ZoneInfo("America/New_York"))

        assert drawing is not None
        first = drawing.ticks[0]
        # 1 February in New York begins at 05:00 UTC: 17 days and 5 hours of 106 days.
        assert (first.on, first.place) == (date(2026, 2, 1), round(100 * (17 * 24 + 5) / (106 * 24), 3))
        assert first.names_year

    @pytest.mark.parametrize("days", [1, 3, 20, 59, 61, 200, 400, 1000, 3000, 8000, 30000])
    def test_marks_few_enough_to_be_read(self, days):
        tracks = [Track("state", spans_of([Change(NOW - timedelta(days=days), "asset", "ready")]))]

        drawing = draw(tracks, now=NOW)

        assert drawing is not None
        assert 1 <= len(drawing.ticks) <= 8
        assert [tick.place for tick in drawing.ticks] == sorted(tick.place for tick in drawing.ticks)

"""Periods neither gap nor overlap, whatever the anchor, the length and the days."""

from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haas.calendar import (
    Cycle,
    Period,
    add_months,
    anchored_cycle,
    calendar_cycle,
    end_of_month,
    first_boundary,
    local_day,
    overlaps,
    start_of_day,
    term_end,
    week_cycle,
    whole_months,
)

DAYS = st.dates(min_value=date(1990, 1, 1), max_value=date(2090, 12, 31))
CYCLES = st.one_of(
    st.builds(lambda anchor, months: Cycle(anchor, months=months), DAYS, st.integers(1, 36)),
    st.builds(lambda anchor, days: Cycle(anchor, days=days), DAYS, st.integers(1, 400)),
    st.builds(
        lambda start, day, months: anchored_cycle(start, day=day, months=months),
        DAYS,
        st.integers(1, 31),
        st.integers(1, 12),
    ),
)


class TestAddMonths:
    def test_clamps_to_the_month(self):
        assert add_months(date(2024, 1, 31), 1) == date(2024, 2, 29)

    def test_remembers_the_anchor_day(self):
        assert add_months(date(2023, 2, 28), 1, day=31) == date(2023, 3, 31)

    @given(DAYS, st.integers(-600, 600))
    def test_lands_in_the_month_counted_to(self, day, months):
        moved = add_months(day, months)
        assert (moved.year - day.year) * 12 + moved.month - day.month == months
        assert moved.day == min(day.day, end_of_month(moved).day)


class TestTermEnd:
    def test_is_the_day_before_the_clamped_anniversary(self):
        assert term_end(date(2024, 1, 31), 13) == date(2025, 2, 27)


class TestCycle:
    def test_keeps_the_31st(self):
        cycle = Cycle(date(2023, 1, 31), months=1)
        assert [cycle.boundary(k) for k in range(4)] == [
            date(2023, 1, 31),
            date(2023, 2, 28),
            date(2023, 3, 31),
            date(2023, 4, 30),
        ]

    @given(CYCLES, st.integers(-200, 200))
    def test_has_boundaries_in_order(self, cycle, index):
        assert cycle.boundary(index) < cycle.boundary(index + 1)

    @given(CYCLES, DAYS)
    def test_has_each_day_in_exactly_one_period(self, cycle, day):
        index = cycle.index_of(day)
        assert day in cycle.period(index)
        assert day not in cycle.period(index - 1)
        assert day not in cycle.period(index + 1)

    @given(CYCLES, DAYS, st.integers(0, 1500))
    def test_cuts_into_parts_that_neither_gap_nor_overlap(self, cycle, start, days):
        end = start + timedelta(days=days)
        cut = list(cycle.cut(start, end))
        parts = [part for part, _ in cut]
        assert sum(part.days for part in parts) == days
        assert all(before.end == after.start for before, after in pairwise(parts))
        assert [part.start for part in parts[:1]] == [start] * bool(days)
        assert all(whole.start <= part.start < part.end <= whole.end for part, whole in cut)

    @given(CYCLES, DAYS)
    def test_goes_on_for_ever_without_an_end(self, cycle, start):
        parts = [part for part, _ in islice(cycle.cut(start, None), 5)]
        assert len(parts) == 5
        assert parts[0].start == start

    @pytest.mark.parametrize("length", [{}, {"months": 1, "days": 1}, {"days": -1}])
    def test_refuses_a_length_that_is_none(self, length):
        with pytest.raises(ValueError, match="length"):
            Cycle(date(2024, 1, 1), **length)


class TestFirstBoundary:
    @given(DAYS, st.integers(1, 31), st.integers(1, 24))
    def test_is_on_or_after_the_start_and_within_one_length(self, start, day, months):
        first = first_boundary(start, day=day, months=months)
        assert start <= first <= add_months(start, months + 1)
        assert first.day == min(day, end_of_month(first).day)


class TestOtherGrids:
    def test_calendar_months_end_with_the_month(self):
        assert calendar_cycle(date(2018, 1, 5), months=2).period(0) == Period(
            date(2018, 1, 1), date(2018, 3, 1)
        )

    @given(DAYS)
    def test_weeks_begin_on_monday(self, day):
        week = week_cycle(day).containing(day)
        assert week.start.isoweekday() == 1
        assert week.days == 7


class TestPeriod:
    def test_refuses_to_run_backwards(self):
        with pytest.raises(ValueError, match="before its start"):
            Period(date(2024, 2, 1), date(2024, 1, 1))

    @given(DAYS, st.integers(1, 400), DAYS, st.integers(1, 400))
    def test_overlap_is_what_both_have(self, start, days, other_start, other_days):
        one = Period(start, start + timedelta(days=days))
        other = Period(other_start, other_start + timedelta(days=other_days))
        common = one.overlap(other)
        assert (common is not None) == overlaps(one.start, one.end, other.start, other.end)
        if common:
            assert common.start in one
            assert common.start in other
            assert common.last_day in one
            assert common.last_day in other


class TestLocalDay:
    @pytest.mark.parametrize(
        ("moment", "zone", "day"),
        [
            (datetime(2023, 6, 16, 5, 0, tzinfo=UTC), "America/Halifax", date(2023, 6, 16)),
            (datetime(2023, 6, 16, 2, 59, tzinfo=UTC), "America/Halifax", date(2023, 6, 15)),
            (datetime(2023, 6, 16, 22, 0, tzinfo=UTC), "Europe/Paris", date(2023, 6, 17)),
        ],
    )
    def test_is_the_clients(self, moment, zone, day):
        assert local_day(moment, zone) == day

    def test_refuses_a_moment_without_zone(self):
        with pytest.raises(ValueError, match="no time zone"):
            local_day(datetime(2023, 6, 16), "UTC")  # noqa: DTZ001 - that is the point

    @given(DAYS, st.sampled_from(["Asia/Beirut", "America/Santiago", "Europe/Paris", "UTC", "Pacific/Apia"]))
    def test_begins_where_start_of_day_says(self, day, zone):
        if (zone, day) == ("Pacific/Apia", date(2011, 12, 30)):
            return  # Samoa had no such day
        start = start_of_day(day, zone)
        assert local_day(start, zone) == day
        assert local_day(start - timedelta(seconds=1), zone) < day


class TestWholeMonths:
    @pytest.mark.parametrize(
        ("start", "day", "months"),
        [
            ("2026-03-01", "2029-03-01", 36),
            ("2026-03-01", "2029-02-28", 35),
            ("2026-01-31", "2026-02-28", 1),  # the 31st of February is its last day
            ("2026-03-01", "2026-02-01", 0),
        ],
    )
    def test_counts_whole_months_from_a_clamped_day(self, start: str, day: str, months: int) -> None:
        assert whole_months(date.fromisoformat(start), date.fromisoformat(day)) == months

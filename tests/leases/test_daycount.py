"""Day counts by their definitions; the published figures are in the ground truth."""

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leases.daycount import ALIASES, DAY_COUNTS, days_between, days_without_leap, year_fraction

DAYS = st.dates(min_value=date(1990, 1, 1), max_value=date(2060, 12, 31))


class TestDaysBetween:
    @pytest.mark.parametrize("name", [*DAY_COUNTS, *ALIASES])
    def test_is_none_from_a_day_to_itself(self, name):
        assert days_between(date(2024, 3, 15), date(2024, 3, 15), name) == 0

    @pytest.mark.parametrize("name", [name for name in DAY_COUNTS if name.startswith("30")])
    def test_has_360_in_a_year_of_twelve_equal_months(self, name):
        assert days_between(date(2023, 5, 15), date(2024, 5, 15), name) == 360

    @given(DAYS, DAYS, DAYS)
    def test_adds_up_over_a_cut_where_parts_of_months_are_billed(self, one, two, three):
        first, middle, last = sorted([one, two, three])
        for name in ("actual", "30E/360"):
            parts = days_between(first, middle, name) + days_between(middle, last, name)
            assert parts == days_between(first, last, name)

    def test_refuses_a_name_it_does_not_know(self):
        with pytest.raises(ValueError, match="no day count 'act/999'"):
            days_between(date(2024, 1, 1), date(2024, 2, 1), "act/999")


class TestYearFraction:
    @given(st.integers(1990, 2050), st.integers(1, 9))
    def test_of_whole_calendar_years_is_their_number(self, year, years):
        start, end = date(year, 1, 1), date(year + years, 1, 1)
        for name in ("act/act ISDA", "act/act AFB", "NL/365", "30/360 ISDA", "30E/360", "30U/360"):
            assert year_fraction(start, end, name) == years

    def test_weighs_leap_days_as_isda_says(self):
        fraction = year_fraction(date(2007, 12, 28), date(2008, 2, 29), "act/act ISDA")
        assert fraction == Fraction(4, 365) + Fraction(59, 366)


class TestDaysWithoutLeap:
    @pytest.mark.parametrize(
        ("start", "end", "counts", "days"),
        [
            (date(2024, 2, 1), date(2024, 2, 29), "end", 27),
            (date(2024, 2, 1), date(2024, 2, 29), "start", 28),
            (date(2024, 2, 29), date(2024, 3, 1), "end", 1),
            (date(2024, 2, 29), date(2024, 3, 1), "start", 0),
        ],
    )
    def test_leaves_out_the_29th_at_the_end_it_counts(self, start, end, counts, days):
        assert days_without_leap(start, end, counts=counts) == days

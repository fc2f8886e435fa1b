"""What has fallen due by a date, in exact fractions of whole periods."""

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoicing.periods import (
    INTERVALS,
    Alignment,
    billing_interval,
    cycle_on_day,
    cycles_by_first_length,
    cycles_due,
    due,
    first_billing_date,
    invoice_date,
)
from leases.terms import Timing

DAYS = st.dates(date(2000, 1, 1), date(2040, 12, 31))
GRIDS = st.builds(
    lambda start, name, day: (start, cycle_on_day(start, billing_interval(name), day=day)),
    DAYS,
    st.sampled_from(sorted(INTERVALS)),
    st.integers(1, 31),
)


class TestCyclesDue:
    def test_measures_each_part_against_its_own_period(self):
        monthly = cycle_on_day(date(2011, 1, 1), billing_interval("monthly"), day=15)
        # 14 of the 31 days to 15 January, a whole month, 12 of the 28 days from 15 February
        expected = Fraction(14, 31) + 1 + Fraction(12, 28)
        assert (
            cycles_due(monthly, start=date(2011, 1, 1), end=date(2011, 2, 27), as_of=date(2011, 2, 27))
            == expected
        )

    def test_is_nothing_before_the_start(self):
        monthly = cycle_on_day(date(2011, 1, 1), billing_interval("monthly"), day=15)
        assert cycles_due(monthly, start=date(2011, 1, 1), end=None, as_of=date(2010, 12, 31)) == 0

    @given(GRIDS, st.integers(0, 800), st.integers(0, 900), st.sampled_from(Timing))
    def test_has_every_day_once_when_all_is_due(self, drawn, days, later, timing):
        start, cycle = drawn
        end = start + timedelta(days=days)
        periods = list(due(cycle, start=start, end=end, as_of=end + timedelta(days=later), timing=timing))
        assert sum(each.period.days for each in periods) == days

    @given(GRIDS, st.integers(0, 900))
    def test_in_arrears_is_never_ahead_of_advance(self, drawn, later):
        start, cycle = drawn
        as_of = start + timedelta(days=later)
        arrears = cycles_due(cycle, start=start, end=None, as_of=as_of, timing=Timing.ARREARS)
        advance = cycles_due(cycle, start=start, end=None, as_of=as_of)
        assert advance - 1 <= arrears < advance

    @given(GRIDS, st.integers(0, 900))
    def test_never_goes_back_as_time_passes(self, drawn, later):
        start, cycle = drawn
        as_of = start + timedelta(days=later)
        now = cycles_due(cycle, start=start, end=None, as_of=as_of)
        assert now <= cycles_due(cycle, start=start, end=None, as_of=as_of + timedelta(days=1))


class TestCyclesByFirstLength:
    def test_is_what_it_is_called(self):
        three_months = cycles_by_first_length(date(2012, 3, 2), date(2012, 6, 2), billing_interval("monthly"))
        assert three_months == Fraction(92, 31)  # and not 3: no rule for more than one period


class TestInvoiceDate:
    @pytest.mark.parametrize(
        ("timing", "alignment", "until", "day"),
        [
            (Timing.ADVANCE, Alignment.ANNIVERSARY, None, date(2018, 1, 5)),
            (Timing.ARREARS, Alignment.ANNIVERSARY, None, date(2018, 2, 5)),
            (Timing.ARREARS, Alignment.MONTH_END, None, date(2018, 1, 31)),
            (Timing.ARREARS, Alignment.MONTH_END, date(2018, 1, 15), date(2018, 1, 15)),
            (Timing.ARREARS, Alignment.ANNIVERSARY, date(2018, 1, 15), date(2018, 1, 16)),
            (Timing.ADVANCE, Alignment.ANNIVERSARY, date(2018, 1, 4), None),
        ],
    )
    def test_follows_timing_alignment_and_end(self, timing, alignment, until, day):
        monthly = billing_interval("monthly")
        answer = invoice_date(date(2018, 1, 5), monthly, timing=timing, alignment=alignment, until=until)
        assert answer == day


class TestBillingInterval:
    def test_refuses_a_name_it_does_not_know(self):
        with pytest.raises(ValueError, match="no billing interval"):
            billing_interval("fortnight")

    def test_in_days_starts_with_the_start(self):
        assert first_billing_date(date(2012, 1, 16), billing_interval("thirty_days"), day=17) == date(
            2012, 1, 16
        )

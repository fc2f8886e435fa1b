"""Charges by period on a grid of dates: whole, cut, by days, taken over, disposed of."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leases.depreciation.periods import (
    LifeEnd,
    PeriodMethod,
    PeriodTerms,
    RateOf,
    Weight,
    declining_rate,
    period_ends,
    period_schedule,
)


def make_terms(**changes: Any) -> PeriodTerms:
    given_: dict[str, Any] = {
        "cost": Decimal(1200),
        "residual_value": Decimal(0),
        "currency": "EUR",
        "in_service_on": date(2026, 1, 1),
        "periods": 4,
        "months_per_period": 3,
    }
    return PeriodTerms(**given_ | changes)


def rows(terms):
    return [(entry.period_end.isoformat(), str(entry.charge)) for entry in period_schedule(terms)]


class TestPeriodSchedule:
    def test_charges_whole_quarters_alike(self):
        assert rows(make_terms()) == [  # 1200 / 4
            ("2026-03-31", "300.00"),
            ("2026-06-30", "300.00"),
            ("2026-09-30", "300.00"),
            ("2026-12-31", "300.00"),
        ]

    def test_cuts_the_first_period_by_its_days_and_ends_on_the_anniversary(self):
        assert rows(make_terms(in_service_on=date(2026, 3, 1), periods=2)) == [
            ("2026-03-31", "206.67"),  # 600 x 31 / 90
            ("2026-06-30", "600.00"),
            ("2026-09-01", "393.33"),  # the rest
        ]

    def test_spreads_what_is_left_of_an_asset_taken_over(self):
        taken_over = make_terms(booked=1, opening_accumulated=Decimal(600))
        assert [charge for _, charge in rows(taken_over)] == ["200.00"] * 3  # 600 / 3

    def test_adds_months_to_the_life(self):
        assert [charge for _, charge in rows(make_terms(extended_months=6))] == ["200.00"] * 6  # 1200 / 6

    def test_rebases_a_yearly_rate_with_the_fiscal_year_alone(self):
        terms = make_terms(
            periods=6, method=PeriodMethod.REDUCING_BALANCE, rate=Fraction(2, 5), rate_of=RateOf.YEAR
        )
        assert [charge for _, charge in rows(terms)] == [
            *["120.00"] * 4,  # 1200 x 40 % / 4
            "72.00",  # 720 x 40 % / 4
            "648.00",  # the rest, since a reducing balance never reaches nothing
        ]

    def test_bears_the_days_up_to_a_disposal_its_own_day_included(self):
        assert rows(make_terms(disposed_on=date(2026, 4, 30)))[-1] == ("2026-04-30", "98.90")  # 300 x 30 / 91

    def test_charges_digits(self):
        terms = make_terms(cost=Decimal(100), method=PeriodMethod.SUM_OF_DIGITS)
        assert [charge for _, charge in rows(terms)] == ["40.00", "30.00", "20.00", "10.00"]

    @settings(max_examples=60)
    @given(
        start=st.dates(date(2019, 1, 1), date(2032, 12, 31)),
        cents=st.integers(0, 10_000_000),
        residual=st.fractions(0, 1),
        periods=st.integers(1, 30),
        length=st.sampled_from([1, 3, 6, 12]),
        weight=st.sampled_from(Weight),
        method=st.sampled_from([PeriodMethod.STRAIGHT_LINE, PeriodMethod.REDUCING_BALANCE]),
        booked=st.integers(0, 3),
    )
    def test_bears_exactly_what_can_be_depreciated(
        self, start, cents, residual, periods, length, weight, method, booked
    ):
        cost = Decimal(cents) / 100
        kept = Decimal(int(cents * residual)) / 100
        opening = (cost - kept).quantize(Decimal("0.01")) / 4 // Decimal("0.01") * Decimal("0.01")
        terms = make_terms(
            cost=cost,
            residual_value=kept,
            in_service_on=start,
            periods=periods + booked,
            months_per_period=length,
            weight=weight,
            method=method,
            rate=Fraction(2, 5),
            rate_of=RateOf.YEAR,
            booked=booked,
            opening_accumulated=opening if booked else Decimal(0),
        )

        entries = period_schedule(terms)

        assert sum((entry.charge for entry in entries), terms.opening_accumulated) == cost - kept
        assert all(entry.charge > 0 for entry in entries)
        ends = [entry.period_end for entry in entries]
        assert ends == sorted(set(ends))

    @pytest.mark.parametrize(
        "wrong",
        [
            {"residual_value": Decimal(1201)},
            {"periods": 0},
            {"booked": 4},
            {"opening_accumulated": Decimal(1201)},
            {"method": PeriodMethod.REDUCING_BALANCE},
            {"method": PeriodMethod.SUM_OF_DIGITS, "weight": Weight.LIFE_DAYS},
        ],
    )
    def test_refuses_a_life_that_cannot_be_charged(self, wrong):
        with pytest.raises(ValueError, match=r"\w"):
            make_terms(**wrong)

    def test_refuses_booked_periods_from_before_the_first_day(self):
        taken_over = make_terms(booked=3, first_period_end=date(2026, 3, 31))
        with pytest.raises(ValueError, match="before"):
            period_schedule(taken_over)


class TestPeriodEnds:
    def test_stay_on_month_ends(self):
        terms = make_terms(
            in_service_on=date(2024, 2, 10),
            periods=2,
            months_per_period=1,
            first_period_end=date(2024, 2, 29),
        )
        assert period_ends(terms) == [date(2024, 2, 29), date(2024, 3, 31), date(2024, 4, 10)]

    def test_may_stop_with_the_last_whole_period(self):
        cut = make_terms(in_service_on=date(2026, 2, 10), life_end=LifeEnd.PERIODS)
        assert period_ends(cut)[-1] == date(2026, 12, 31)


class TestDecliningRate:
    def test_is_rounded_before_it_is_applied(self):
        assert declining_rate(periods=3) == Fraction(66667, 100_000)

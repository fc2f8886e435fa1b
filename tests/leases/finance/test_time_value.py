"""Money in time: what has a formula is exact, what is searched for is the same everywhere."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leases.finance.dated import dated_internal_rate, dated_present_value
from leases.finance.numbers import NoRate
from leases.finance.rates import Compounding, annual_rate, periodic_rate
from leases.finance.time_value import (
    FirstFlow,
    cumulative_interest,
    cumulative_principal,
    effective_rate,
    future_value,
    interest_part,
    interest_rate,
    internal_rate,
    level_payment,
    net_present_value,
    nominal_rate,
    number_of_periods,
    present_value,
    principal_part,
)
from leases.terms import Timing

TEN_PER_CENT = Decimal("0.1")
rates = st.decimals("-0.02", "0.05", places=4)
timings = st.sampled_from(Timing)


class TestAnnuity:
    def test_grows_what_is_paid_in_each_year(self):
        # 100 a year for 2 years at 10 %: 100 x 1.1 + 100; in advance each a year longer
        assert future_value(rate=TEN_PER_CENT, periods=2, payment=-100, present=0) == 210
        advance: dict[str, Any] = {"payment": -100, "present": 0, "timing": Timing.ADVANCE}
        assert future_value(rate=TEN_PER_CENT, periods=2, **advance) == Decimal(231)

    def test_is_exact_without_interest(self):
        assert level_payment(rate=0, periods=60, present=15000, future=-3000) == -200  # 12,000 / 60
        assert present_value(rate=0, periods=12, payment=-10, future=-5) == 125
        assert number_of_periods(rate=0, payment=-250, present=15000) == 60
        assert interest_rate(periods=60, payment=-250, present=15000) == 0

    @settings(max_examples=40, deadline=None)
    @given(rate=rates, periods=st.integers(2, 120), future=st.integers(-500, 0), timing=timings)
    def test_comes_back_from_every_side(self, rate, periods, future, timing):
        payment = level_payment(rate=rate, periods=periods, present=10_000, future=future, timing=timing)
        loan: dict[str, Any] = {"payment": payment, "future": future, "timing": timing}
        assert abs(present_value(rate=rate, periods=periods, **loan) - 10_000) < Decimal("1e-25")
        assert abs(interest_rate(periods=periods, present=10_000, **loan) - rate) < Decimal("1e-20")
        assert abs(number_of_periods(rate=rate, present=10_000, **loan) - periods) < Decimal("1e-25")

    @settings(max_examples=20, deadline=None)
    @given(rate=rates, periods=st.integers(1, 60), timing=timings)
    def test_repays_in_its_parts_what_was_lent(self, rate, periods, timing):
        loan: dict[str, Any] = {"rate": rate, "periods": periods, "present": 10_000, "timing": timing}
        repaid = cumulative_principal(first=1, last=periods, **loan)
        assert abs(repaid + 10_000) < Decimal("1e-25")
        paid = level_payment(**loan) * periods
        assert abs(cumulative_interest(first=1, last=periods, **loan) + repaid - paid) < Decimal("1e-25")

    def test_bears_no_interest_in_a_first_payment_in_advance(self):
        loan: dict[str, Any] = {"rate": TEN_PER_CENT, "periods": 3, "present": 1000}
        assert interest_part(period=1, timing=Timing.ADVANCE, **loan) == 0
        assert interest_part(period=1, **loan) == -100  # 1,000 x 10 %
        assert principal_part(period=1, timing=Timing.ADVANCE, **loan) == level_payment(
            timing=Timing.ADVANCE, **loan
        )
        with pytest.raises(ValueError, match="no period 4 of 3"):
            interest_part(period=4, **loan)

    @pytest.mark.parametrize(
        "loan",
        [
            {"rate": TEN_PER_CENT, "payment": -100, "present": 1000},  # just the interest
            {"rate": TEN_PER_CENT, "payment": -50, "present": 1000},  # less than it
            {"rate": 0, "payment": 0, "present": 1000},
        ],
    )
    def test_refuses_to_count_periods_that_never_end(self, loan):
        with pytest.raises(ValueError, match="never"):
            number_of_periods(**loan)


class TestRates:
    def test_are_searched_for_without_a_guess_however_far_they_lie(self):
        assert internal_rate([-100, 110]) == TEN_PER_CENT
        assert internal_rate([-100, 50]) == Decimal("-0.5")
        assert internal_rate([-1, 1001]) == 1000
        assert internal_rate([-1000, *[0] * 9, 1]).quantize(Decimal("1e-12")) == (
            Decimal("0.001") ** (Decimal(1) / 10) - 1
        ).quantize(Decimal("1e-12"))

    def test_take_the_root_that_was_meant_where_there_are_two(self):
        flows = [-100, 230, -132]  # (1 + i) = 1.1 or 1.2
        assert internal_rate(flows, near=0.08) == TEN_PER_CENT
        assert internal_rate(flows, near=0.3) == Decimal("0.2")

    @pytest.mark.parametrize("flows", [[100, 50], [-100, -50], [0, 0]])
    def test_do_not_exist_for_money_that_flows_one_way(self, flows):
        with pytest.raises(NoRate):
            internal_rate(flows)
        with pytest.raises(NoRate):
            interest_rate(periods=12, payment=400, present=10_000, future=5_000)

    def test_stop_early_only_if_asked(self):
        closed_form = (Decimal(10_000) / 3_500) ** (Decimal(1) / 10) - 1
        loan: dict[str, Any] = {"periods": 10, "payment": 0, "present": -3_500, "future": 10_000}
        assert abs(interest_rate(**loan) - closed_form) < Decimal("1e-23")
        early = interest_rate(stop=Decimal("1e-6"), **loan)
        assert Decimal("1e-13") < abs(early - closed_form) < Decimal("1e-9")

    def test_discount_the_first_flow_or_not_as_the_convention_says(self):
        flows = [-100, 121]
        assert net_present_value(flows, rate=TEN_PER_CENT) == 10  # -100 + 121 / 1.1
        later = net_present_value(flows, rate=TEN_PER_CENT, first=FirstFlow.AFTER_ONE)
        assert later * 11 == pytest.approx(100)  # the same 10, a year later: 10 / 1.1

    def test_of_a_year_and_of_a_month_depend_on_the_compounding(self):
        assert periodic_rate(Decimal("0.12"), months=1, compounding=Compounding.NOMINAL) == Decimal("0.01")
        monthly = periodic_rate(Decimal("0.12"), months=1, compounding=Compounding.EFFECTIVE)
        assert abs((1 + monthly) ** 12 - Decimal("1.12")) < Decimal("1e-25")
        assert abs(
            annual_rate(monthly, months=1, compounding=Compounding.EFFECTIVE) - Decimal("0.12")
        ) < Decimal("1e-30")

    def test_effective_is_what_a_nominal_one_grows_to(self):
        assert effective_rate(nominal=Decimal("0.2"), times=2) == Decimal("0.21")  # 1.1 x 1.1
        assert nominal_rate(effective=Decimal("0.21"), times=2) == Decimal("0.2")


class TestDatedFlows:
    FLOWS = ((date(2024, 1, 1), -1000), (date(2025, 1, 1), Decimal(1100)))

    @pytest.mark.parametrize(
        ("convention", "years"),
        [
            ("act/365F", Fraction(366, 365)),  # 2024 has 366 days
            ("act/360", Fraction(366, 360)),
            ("act/act ISDA", Fraction(1)),
            ("30E/360", Fraction(1)),
        ],
    )
    def test_yield_by_the_day_count_of_the_contract(self, convention, years):
        rate = dated_internal_rate(self.FLOWS, convention=convention)
        exponent = Decimal(years.denominator) / years.numerator
        assert abs(rate - (Decimal("1.1") ** exponent - 1)) < Decimal("1e-20")
        assert abs(dated_present_value(self.FLOWS, rate=rate, convention=convention)) < Decimal("1e-18")

    def test_have_no_yield_one_way(self):
        with pytest.raises(NoRate):
            dated_internal_rate([(date(2024, 1, 1), 5), (date(2025, 1, 1), 6)])

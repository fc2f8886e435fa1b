"""Rents and yields: each leads back to the other; a bundle's parts add up to it."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haas.calendar import Period
from leases.finance.pricing import (
    Deal,
    implicit_rate,
    lease_rate_factor,
    rent_for,
    split_by_standalone_price,
    value_of_payments,
    yield_of,
)
from leases.finance.rates import Compounding
from leases.finance.rental import DurationPrice, days_kept, price_per_day, rental_total
from leases.terms import Timing

LAPTOP = Deal(cost=Decimal(1200), residual=Decimal(0), term_months=2, currency="EUR")


class TestRent:
    def test_brings_back_cost_less_what_the_residual_is_worth(self):
        # in arrears at 1 % a month: (1,200 - 200 / 1.01^2) / (1/1.01 + 1/1.01^2) = 1,003.9408 / 1.970395
        deal = Deal(Decimal(1200), Decimal(200), 2, "EUR", timing=Timing.ARREARS)
        rent = rent_for(deal, annual_yield=Decimal("0.12"), compounding=Compounding.NOMINAL)
        assert rent == Decimal("509.51")
        # in advance each rent comes a month earlier: 509.5124 / 1.01
        assert rent_for(
            Deal(Decimal(1200), Decimal(200), 2, "EUR"),
            annual_yield=Decimal("0.12"),
            compounding=Compounding.NOMINAL,
        ) == Decimal("504.47")

    def test_without_yield_is_an_equal_share(self):
        assert rent_for(LAPTOP, annual_yield=0, compounding=Compounding.EFFECTIVE) == 600

    def test_is_rounded_to_the_currency(self):
        yen = Deal(Decimal(100_000), Decimal(0), 3, "JPY")
        assert rent_for(yen, annual_yield=0, compounding=Compounding.NOMINAL) == 33_333

    @settings(max_examples=25, deadline=None)
    @given(
        residual_pct=st.integers(0, 80),
        periods=st.integers(2, 24),
        interval=st.sampled_from((1, 3, 12)),
        annual=st.decimals("0.00", "0.30", places=3),
        compounding=st.sampled_from(Compounding),
        timing=st.sampled_from(Timing),
    )
    def test_yields_what_it_was_priced_for(
        self, residual_pct, periods, interval, annual, compounding, timing
    ):
        deal = Deal(
            Decimal(1_000_000),
            Decimal(10_000 * residual_pct),
            periods * interval,
            "EUR",
            interval_months=interval,
            timing=timing,
        )
        rent = rent_for(deal, annual_yield=annual, compounding=compounding)
        assert abs(yield_of(deal, rent=rent).per_annum(compounding) - annual) < Decimal("1e-5")

    def test_may_lose_money(self):
        # 500 + 500 of 1,200 and nothing left: half a period on average, so well below zero
        assert yield_of(LAPTOP, rent=Decimal(500)).nominal < 0

    @pytest.mark.parametrize(
        "wrong", [{"cost": Decimal(0)}, {"residual": Decimal(-1)}, {"term_months": 5, "interval_months": 3}]
    )
    def test_refuses_a_deal_without_one(self, wrong):
        terms = {"cost": Decimal(1200), "residual": Decimal(0), "term_months": 12, "currency": "EUR"}
        with pytest.raises(ValueError, match=r"cost|residual|whole periods"):
            Deal(**(terms | wrong))


class TestImplicitRate:
    def test_is_that_at_which_rents_and_residual_are_worth_the_fair_value(self):
        steps = [Decimal(100), Decimal(100), Decimal(50)]
        rate = implicit_rate(steps, fair_value=230, residual=20, timing=Timing.ADVANCE)
        assert abs(value_of_payments(steps, rate=rate, residual=20, timing=Timing.ADVANCE) - 230) < Decimal(
            "1e-18"
        )

    def test_is_lower_with_initial_direct_costs_that_are_deferred(self):
        rents = [Decimal(60)] * 2
        plain = implicit_rate(rents, fair_value=100, residual=0, timing=Timing.ARREARS)
        with_costs = implicit_rate(
            rents, fair_value=100, residual=0, timing=Timing.ARREARS, initial_direct_costs=5
        )
        assert with_costs < plain

    def test_has_a_factor_beside_it(self):
        assert lease_rate_factor(rent=Decimal(30), cost=Decimal(1200)) == Decimal("0.025")


class TestSplit:
    def test_shares_a_bundle_by_stand_alone_prices_to_the_cent(self):
        # 100 for hardware worth 80 and service worth 40: two thirds and one third
        assert split_by_standalone_price(
            Decimal("100.00"), {"hardware": 80, "service": 40}, currency="EUR"
        ) == {"hardware": Decimal("66.67"), "service": Decimal("33.33")}


class TestRental:
    PRICES = (DurationPrice(1, Decimal(50)), DurationPrice(7, Decimal(210)))

    @pytest.mark.parametrize(("days", "per_day"), [(3, 50), (6, 50), (7, 30), (40, 30)])
    def test_costs_by_the_longest_price_that_it_reaches(self, days, per_day):
        assert price_per_day(self.PRICES, days=days) == per_day

    def test_owes_the_days_kept_alone(self):
        planned = Period(date(2026, 3, 1), date(2026, 3, 11))
        kept = days_kept(planned, returned_on=date(2026, 3, 8))
        assert kept == 8  # the day of return counts
        total = rental_total(30, quantity=2, days=kept, tax_rate=Decimal("0.19"), currency="EUR")
        assert [total.net, total.tax, total.total] == [480, Decimal("91.20"), Decimal("571.20")]
        assert days_kept(planned, returned_on=None) == 10

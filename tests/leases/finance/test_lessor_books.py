"""A lessor's schedules lose nothing to rounding."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leases.finance.leaseback import sale_and_leaseback
from leases.finance.net_investment import (
    dated_net_investment_schedule,
    liability_schedule,
    net_investment,
    net_investment_schedule,
    selling_profit,
)
from leases.terms import Timing

TEN_PER_CENT = Decimal("0.1")


def schedule(timing, *, payments, opening, residual, rate=TEN_PER_CENT):
    return net_investment_schedule(
        payments, opening=opening, rate=rate, residual=residual, timing=timing, currency="EUR"
    )


class TestNetInvestment:
    def test_discounts_rents_and_both_parts_of_the_residual(self):
        # 110 + 121 in arrears are worth 200; of the residual 60.50 is worth 50 and 121 is worth 100
        investment = net_investment(
            [Decimal(110), Decimal(121)],
            rate=TEN_PER_CENT,
            timing=Timing.ARREARS,
            currency="EUR",
            guaranteed=Decimal("60.50"),
            unguaranteed=Decimal(121),
        )
        assert [investment.lease_receivable, investment.unguaranteed_residual] == [250, 100]
        # revenue 250; goods 300 less the 100 that stay: 200
        profit = selling_profit(investment, fair_value=Decimal(350), carrying_amount=Decimal(300))
        assert [profit.revenue, profit.cost_of_goods, profit.profit] == [250, 200, 50]

    def test_earns_nothing_on_the_first_day_in_advance(self):
        rows = schedule(
            Timing.ADVANCE, payments=[Decimal(100)] * 2, opening=Decimal(200), residual=Decimal("11.55")
        )
        assert [(row.period, row.payment, row.interest, row.balance) for row in rows] == [
            (0, 100, 0, 100),
            (1, 100, 10, 10),  # 100 x 10 %
            (2, Decimal("11.55"), Decimal("1.55"), 0),  # 1.00 and what rounding and price left
        ]

    def test_brings_the_residual_back_with_the_last_rent_in_arrears(self):
        rows = schedule(Timing.ARREARS, payments=[Decimal(110)], opening=Decimal(200), residual=Decimal(110))
        assert [(row.period, row.payment, row.interest, row.principal, row.balance) for row in rows] == [
            (1, 110, 20, 90, 110),  # 200 x 10 %
            (1, 110, 0, 110, 0),
        ]

    @settings(max_examples=40, deadline=None)
    @given(
        payments=st.lists(st.decimals("1", "900", places=2), min_size=1, max_size=24),
        residual=st.decimals("0", "500", places=2),
        rate=st.decimals("0", "0.03", places=5),
        timing=st.sampled_from(Timing),
    )
    def test_ends_at_zero_and_earns_payments_less_opening(self, payments, residual, rate, timing):
        opening = net_investment(
            payments, rate=rate, timing=timing, currency="EUR", unguaranteed=residual
        ).total
        rows = schedule(timing, payments=payments, opening=opening, residual=residual, rate=rate)
        assert rows[-1].balance == 0
        assert sum(row.interest for row in rows) == sum(payments) + residual - opening
        assert all(row.payment == row.interest + row.principal for row in rows)

    def test_may_be_a_single_payment_on_the_first_day(self):
        (row,) = schedule(Timing.ADVANCE, payments=[Decimal(100)], opening=Decimal(100), residual=Decimal(0))
        assert (row.interest, row.balance) == (0, 0)


class TestDatedNetInvestment:
    def test_earns_by_the_days_between_payments(self):
        # 900 for 365 days at 10 %: 90.00; 490 for 731 days: 490 x (1.1 ^ (731 / 365) - 1) = 103.06
        end = date(2029, 1, 1)
        rows = dated_net_investment_schedule(
            [(date(2026, 1, 1), Decimal(100)), (date(2027, 1, 1), Decimal(500)), (end, Decimal("593.06"))],
            opening=Decimal(1000),
            since=date(2026, 1, 1),
            annual_rate=TEN_PER_CENT,
            convention="act/365F",
            currency="EUR",
        )
        assert [row.interest for row in rows] == [0, 90, Decimal("103.06")]
        assert [row.balance for row in rows] == [900, 490, 0]


class TestLiability:
    @pytest.mark.parametrize(
        ("timing", "interest", "closing"),
        [(Timing.ARREARS, [20, 11], [110, 11]), (Timing.ADVANCE, [9, 0], [99, 0])],
    )
    def test_bears_interest_before_or_after_the_payment(self, timing, interest, closing):
        payments = [110, 110] if timing is Timing.ARREARS else [110, 99]
        rows = liability_schedule(payments, opening=200, rate=TEN_PER_CENT, timing=timing)
        assert [row.interest for row in rows] == interest
        assert [row.closing for row in rows] == closing


class TestSaleAndLeaseback:
    def test_gains_on_the_part_that_passed_alone(self):
        # worth 1,000, in the books at 600, sold for 1,100: 100 is borrowed; 500 - 100 = 400 is for the use
        split = sale_and_leaseback(price=1100, fair_value=1000, carrying_amount=600, payments_value=500)
        assert [split.additional_financing, split.lease_liability] == [100, 400]
        assert split.right_of_use == 240  # 600 x 400 / 1,000
        assert split.gain == 240  # (1,000 - 600) x 600 / 1,000

    def test_is_refused_for_what_is_worth_nothing(self):
        with pytest.raises(ValueError, match="positive"):
            sale_and_leaseback(price=1, fair_value=0, carrying_amount=1, payments_value=1)

"""What is owed to a funder, what it takes to be quit with it, and what stays of the rents."""

from datetime import date
from decimal import Decimal

import pytest

from leases.finance.funding import (
    FundingTerms,
    SettlementBasis,
    deal_of,
    funding_schedule,
    payment_for,
    rate_of,
    settle,
    side_by_side,
)
from leases.finance.rates import Compounding
from leases.terms import Timing

# 300 at 1 % a month, three payments of 100 in advance and 3.02 at the end:
# 300 - 100 = 200; + 2.00 - 100 = 102.00; + 1.02 - 100 = 3.02; + 0.03 - 3.05 = 0
TERMS = FundingTerms(
    amount=Decimal(300),
    payment=Decimal(100),
    payments=3,
    annual_rate=Decimal("0.12"),
    starts_on=date(2026, 1, 1),
    currency="EUR",
    balloon=Decimal("3.05"),
)


def terms(**change):
    fields = {name: getattr(TERMS, name) for name in FundingTerms.__slots__}
    return FundingTerms(**(fields | change))


class TestSchedule:
    def test_pays_in_advance_and_the_balloon_after_the_term(self):
        rows = funding_schedule(TERMS)
        assert [(row.number, row.due_on.month, row.interest, row.balance) for row in rows] == [
            (1, 1, 0, 200),
            (2, 2, 2, 102),
            (3, 3, Decimal("1.02"), Decimal("3.02")),
            (4, 4, Decimal("0.03"), 0),
        ]

    def test_price_and_rate_lead_to_each_other(self):
        deal = deal_of(
            amount=Decimal(10_000),
            balloon=Decimal(1_000),
            payments=12,
            interval_months=3,
            timing=Timing.ARREARS,
            currency="EUR",
        )
        payment = payment_for(deal, annual_rate=Decimal("0.06"), compounding=Compounding.EFFECTIVE)
        found = rate_of(deal, payment=payment, compounding=Compounding.EFFECTIVE)
        assert abs(found - Decimal("0.06")) < Decimal("1e-5")


class TestSettle:
    def test_owes_the_balance_with_interest_to_the_day_and_the_fee(self):
        owed = settle(terms(settlement_fee_pct=Decimal(1)), on=date(2026, 2, 15), paid=frozenset({1, 2}))
        assert owed.unpaid == 0
        assert owed.outstanding == 102
        assert owed.interest == Decimal("0.51")  # 102 x 1 % x 14 of 28 days
        assert owed.fee == Decimal("1.02")  # 1 % of 102
        assert owed.total == Decimal("103.53")

    def test_owes_what_was_missed_too(self):
        owed = settle(TERMS, on=date(2026, 2, 15), paid=frozenset({1}))
        assert (owed.unpaid, owed.outstanding) == (Decimal(100), Decimal(102))

    def test_owes_less_by_what_was_paid_ahead(self):
        owed = settle(TERMS, on=date(2026, 2, 15), paid=frozenset({1, 2, 3}))
        assert owed.outstanding == 2  # 102 less the third payment

    def test_may_owe_every_payment_that_is_left(self):
        owed = settle(
            terms(settlement_basis=SettlementBasis.REMAINING),
            on=date(2026, 2, 15),
            paid=frozenset({1, 2}),
        )
        assert owed.total == Decimal("103.05")  # 100 and the balloon, no interest

    def test_owes_nothing_after_the_last_payment(self):
        owed = settle(TERMS, on=date(2026, 6, 1), paid=frozenset({1, 2, 3, 4}))
        assert owed.total == 0

    def test_is_refused_before_the_funding_began(self):
        with pytest.raises(ValueError, match="begins on 2026-01-01"):
            settle(TERMS, on=date(2025, 12, 31))


class TestSideBySide:
    def test_puts_both_in_the_months_in_which_they_fall_due_without_a_gap(self):
        margin = side_by_side(
            {date(2026, 1, 10): Decimal(120), date(2026, 3, 10): Decimal(120)},
            {date(2026, 1, 1): Decimal(100), date(2026, 4, 1): Decimal(105)},
        )
        assert [[month.margin, month.margin_so_far] for month in margin.months] == [
            [20, 20],
            [0, 20],
            [120, 140],
            [-105, 35],
        ]
        assert margin.total == 35  # 240 - 205

    def test_is_empty_without_either(self):
        assert side_by_side({}, {}).months == ()

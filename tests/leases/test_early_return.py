from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from haas.errors import InvalidInput
from leases.amendments.allowance import Allowance, Given, contract_year, room
from leases.amendments.early_return import Leaving, Policy, Rule, charge, rents_given_up, table
from leases.terms import LeaseTerms, RentStep

START = date(2026, 1, 1)
TERMS = LeaseTerms(commences_on=START, term_months=24, rent=Decimal("100.00"), currency="USD")
NEW_YEAR = date(2027, 1, 1)  # 12 rents of 100.00 remain


def leaving(on: date = NEW_YEAR, **more: Decimal) -> Leaving:
    rents = rents_given_up(TERMS, TERMS, line_start=START, line_end=None, on=on)
    return Leaving(rents, START, TERMS.base_end, "USD", **more)


class TestRentsGivenUp:
    def test_are_those_of_the_days_that_are_no_longer_rented(self):
        assert leaving().remaining == Decimal("1200.00")
        assert leaving(date(2027, 11, 16)).remaining == Decimal("150.00")  # 15/30 of November, December

    def test_of_fewer_pieces_are_the_difference(self):
        fewer = replace(TERMS, steps=(RentStep(date(2027, 12, 1), Decimal(70)),))
        given_up = rents_given_up(TERMS, fewer, line_start=START, line_end=None, on=date(2027, 12, 1))
        assert given_up == [(date(2027, 12, 1), Decimal("30.00"))]

    def test_are_none_after_the_term(self):
        assert leaving(date(2028, 3, 1)).rents == []


class TestTheCharge:
    @pytest.mark.parametrize(
        ("rule", "owed"),
        [
            (Rule(), "0"),
            (Rule(Policy.REMAINING_RENTS, pct=Decimal(50)), "600.00"),  # 1200 x 50 %
            (Rule(Policy.REMAINING_RENTS, pct=Decimal("33.333")), "400.00"),  # 399.996
            (Rule(Policy.DECLINING, steps=((1, Decimal(60)), (13, Decimal(40)))), "480.00"),  # month 13
            (Rule(Policy.DECLINING, steps=((1, Decimal(60)), (14, Decimal(40)))), "720.00"),
            (Rule(Policy.PRESENT_VALUE), "1000.00"),  # 1200 + 100 - 300, nothing discounted
        ],
    )
    def test_is_what_the_policy_says(self, rule, owed):
        left = leaving(residual_value=Decimal(100), fair_market_value=Decimal(300))
        assert charge(rule, left, on=NEW_YEAR) == Decimal(owed)

    def test_discounts_each_rent_by_its_whole_months(self):
        # Two rents of 100 (now, in a month) and 100 of residual value in two months, at 1 percent a month:
        # 100 + 100/1.01 + 100/1.0201 = 297.04, less 90 of market value.
        rule = Rule(Policy.PRESENT_VALUE, discount_pct=Decimal(12))
        left = leaving(date(2027, 11, 1), residual_value=Decimal(100), fair_market_value=Decimal(90))
        assert charge(rule, left, on=date(2027, 11, 1)) == Decimal("207.04")

    def test_is_never_negative_and_nothing_after_the_term(self):
        rule = Rule(Policy.PRESENT_VALUE)
        assert charge(rule, leaving(fair_market_value=Decimal(9000)), on=NEW_YEAR) == 0
        assert charge(rule, leaving(), on=TERMS.base_end) == 0

    def test_stands_in_a_table_beforehand_month_by_month(self):
        rows = table(Rule(Policy.REMAINING_RENTS, pct=Decimal(50)), TERMS, line_start=START)
        assert len(rows) == 24
        assert (rows[0].charge, rows[12].start, rows[12].charge, rows[23].charge) == (
            Decimal("1200.00"),
            NEW_YEAR,
            Decimal("600.00"),
            Decimal("50.00"),
        )

    @pytest.mark.parametrize(
        "wrong",
        [
            {"policy": Policy.DECLINING},
            {"policy": Policy.DECLINING, "steps": ((2, Decimal(10)),)},
            {"steps": ((1, Decimal(10)), (1, Decimal(5)))},
            {"pct": Decimal(101)},
        ],
    )
    def test_is_refused_a_rule_without_meaning(self, wrong):
        with pytest.raises(InvalidInput):
            Rule(**wrong)


class TestTheAllowance:
    def ask(self, allowance: Allowance, *given: Given, lines: int = 25, on: date = date(2026, 8, 1)):
        return room(allowance, lines=lines, commences_on=START, asked_on=date(2026, 7, 1), on=on, given=given)

    def test_is_a_share_of_the_lines_a_contract_year(self):
        ten = Allowance(pct=Decimal(10))
        assert self.ask(ten).left == 2  # 2.5 lines: parts do not count
        assert self.ask(ten, Given(date(2026, 2, 1), 1)).left == 1
        assert self.ask(ten, Given(date(2025, 12, 31), 2)).left == 2  # of another year
        assert self.ask(ten, Given(date(2026, 2, 1), 3)).left == 0

    def test_or_a_number_a_quarter_whichever_leaves_more_room(self):
        both = Allowance(pct=Decimal(10), lines_a_quarter=1)
        assert self.ask(both, Given(date(2026, 2, 1), 2)).left == 1
        assert self.ask(both, Given(date(2026, 2, 1), 1), Given(date(2026, 7, 2), 1)).left == 0

    def test_asks_for_its_notice(self):
        late = self.ask(Allowance(pct=Decimal(10)), on=date(2026, 7, 30))
        assert (late.left, late.notice_from) == (0, date(2026, 7, 31))
        assert self.ask(Allowance(pct=Decimal(10)), on=date(2026, 7, 31)).left == 2

    def test_is_nothing_unless_agreed(self):
        assert self.ask(Allowance()).within is None

    def test_counts_years_from_the_start_of_the_term(self):
        start = date(2026, 2, 28)
        assert contract_year(start, date(2027, 2, 27)).start == start
        assert contract_year(start, date(2027, 2, 28)).start == date(2027, 2, 28)

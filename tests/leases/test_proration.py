"""Part of a period costs its part of the rent, under the rule that was agreed."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haas.calendar import Cycle, Period
from leases.proration import price_change, prorate, prorated_amount, return_credit
from leases.terms import Proration

JULY = Period(date(2021, 7, 1), date(2021, 8, 1))


@st.composite
def cut_periods(draw):
    cycle = Cycle(
        draw(st.dates(date(2000, 1, 1), date(2030, 1, 1))),
        months=draw(st.integers(1, 12)),
        day=draw(st.integers(1, 31)),
    )
    whole = cycle.period(draw(st.integers(0, 50)))
    cut = whole.start + timedelta(days=draw(st.integers(0, whole.days)))
    return whole, Period(whole.start, cut), Period(cut, whole.end)


class TestProrate:
    @given(cut_periods(), st.sampled_from([Proration.ACTUAL_PERIOD, Proration.THIRTY_DAY]))
    def test_gives_two_parts_that_make_the_whole(self, drawn, rule):
        whole, first, second = drawn
        shares = prorate(first, whole, rule), prorate(second, whole, rule)
        assert shares[0].days + shares[1].days == shares[0].basis_days
        assert shares[0].fraction + shares[1].fraction == 1

    @given(cut_periods())
    def test_owes_a_whole_period_that_was_begun(self, drawn):
        whole, first, _ = drawn
        assert prorate(first, whole, Proration.WHOLE).fraction == bool(first.days)

    @given(cut_periods())
    def test_owes_nothing_of_a_part_without_proration(self, drawn):
        whole, first, _ = drawn
        assert prorate(first, whole, Proration.NONE).fraction == (first == whole)

    def test_refuses_a_part_from_elsewhere(self):
        with pytest.raises(ValueError, match="does not lie within"):
            prorate(Period(date(2021, 6, 30), date(2021, 7, 2)), JULY)

    def test_rounds_once(self):
        part = Period(date(2018, 2, 24), date(2018, 3, 1))
        whole = Period(date(2018, 2, 1), date(2018, 3, 1))
        assert prorated_amount(Decimal(100), part, whole, currency="EUR") == Decimal("17.86")  # 5 / 28


class TestReturnCredit:
    @pytest.mark.parametrize(
        ("rule", "owed", "credit"),
        [
            (Proration.THIRTY_DAY, "250.00", "50.00"),  # 25 / 30
            (Proration.ACTUAL_PERIOD, "241.94", "58.06"),  # 25 / 31
            (Proration.WHOLE, "300.00", "0.00"),
        ],
    )
    def test_is_what_was_billed_less_what_is_owed(self, rule, owed, credit):
        answer = return_credit(
            JULY, returned_on=date(2021, 7, 25), amount=Decimal(300), whole=JULY, rule=rule, currency="EUR"
        )
        assert (answer.owed, answer.credit) == (Decimal(owed), Decimal(credit))

    @given(st.dates(date(2021, 6, 1), date(2021, 9, 1)), st.integers(0, 10**7), st.sampled_from(Proration))
    def test_adds_up_to_what_was_billed(self, returned_on, cents, rule):
        amount = Decimal(cents) / 100
        answer = return_credit(
            JULY, returned_on=returned_on, amount=amount, whole=JULY, rule=rule, currency="EUR"
        )
        assert answer.owed + answer.credit == amount
        assert 0 <= answer.owed <= amount


class TestPriceChange:
    def test_shows_two_lines(self):
        change = price_change(old=10, new=20, elapsed=Fraction(1, 2), currency="EUR")
        assert [change.credit, change.debit, change.net] == [-5, 10, 5]

    def test_refuses_more_than_the_period(self):
        with pytest.raises(ValueError, match="outside"):
            price_change(old=10, new=20, elapsed=Fraction(3, 2), currency="EUR")

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from leases.schedule import rent_due, rent_due_total
from leases.terms import Abated, LeaseTerms, Proration, RentStep, Timing, steps_in_force

APRIL, MAY, JUNE = date(2026, 4, 1), date(2026, 5, 1), date(2026, 6, 1)


def terms(**changes: object) -> LeaseTerms:
    """100.00 a month from 1 April 2026 for a year, in advance, by days."""
    given = {"commences_on": APRIL, "term_months": 12, "rent": Decimal("100.00"), "currency": "USD"}
    return LeaseTerms(**{**given, **changes})  # type: ignore[arg-type]


def april(given: LeaseTerms) -> str:
    """What the first month costs."""
    return str(rent_due(given, APRIL, None, APRIL)[0].amount)


class TestAStep:
    @pytest.mark.parametrize(
        ("rule", "day", "rent", "owed"),
        [
            (Proration.ACTUAL_PERIOD, 11, "160", "140.00"),  # 100 x 10/30 + 160 x 20/30
            (Proration.ACTUAL_PERIOD, 11, "70", "80.00"),  # 100 x 10/30 + 70 x 20/30
            (Proration.THIRTY_DAY, 16, "50", "75.00"),  # 100 x 15/30 + 50 x 15/30
            (Proration.WHOLE, 11, "160", "160.00"),  # what began in it is owed whole
            (Proration.WHOLE, 11, "70", "100.00"),
            (Proration.NONE, 11, "160", "100.00"),  # what was there all of it is owed
            (Proration.NONE, 11, "70", "70.00"),
        ],
    )
    def test_within_a_period_costs_each_day_at_its_terms(self, rule, day, rent, owed):
        step = RentStep(date(2026, 4, day), Decimal(rent))
        assert april(terms(proration=rule, steps=(step,))) == owed

    def test_at_the_start_of_a_period_leaves_the_ones_before_alone(self):
        stepped = terms(steps=(RentStep(MAY, Decimal("90.005")),))
        amounts = [str(payment.amount) for payment in rent_due(stepped, APRIL, None, JUNE)]
        assert amounts == ["100.00", "90.01", "90.01"]

    def test_neither_adds_nor_moves_a_payment(self):
        stepped = terms(steps=(RentStep(date(2026, 4, 11), Decimal(160)),))
        plain, changed = (rent_due(given, APRIL, None, JUNE) for given in (terms(), stepped))
        assert [payment.period for payment in plain] == [payment.period for payment in changed]
        assert [payment.due_on for payment in plain] == [payment.due_on for payment in changed]

    def test_holds_after_the_term_at_the_holdover_rate(self):
        held = terms(
            term_months=1, holdover_pct=Decimal(150), steps=(RentStep(date(2026, 5, 16), Decimal(200)),)
        )
        # 150 percent of (100 x 15/31 + 200 x 16/31) = 1.5 x 4700/31
        assert rent_due(held, APRIL, None, MAY)[1].amount == Decimal("227.42")

    def test_that_was_agreed_last_holds_whatever_was_agreed_before_for_later(self):
        first, second = RentStep(JUNE, Decimal(50)), RentStep(MAY, Decimal(80))
        assert steps_in_force([first, second]) == (second,)
        assert steps_in_force([second, first]) == (second, first)

    def test_out_of_order_is_refused(self):
        with pytest.raises(ValueError, match="order"):
            terms(steps=(RentStep(JUNE, Decimal(1)), RentStep(MAY, Decimal(1))))


class TestAnAbatement:
    @pytest.mark.parametrize(
        ("rule", "share", "owed"),
        [
            (Proration.ACTUAL_PERIOD, "1", "80.00"),  # 100 less 6/30
            (Proration.ACTUAL_PERIOD, "0.5", "90.00"),  # 100 less half of 6/30
            (Proration.WHOLE, "1", "80.00"),  # days are counted under every rule
            (Proration.NONE, "1", "80.00"),
        ],
    )
    def test_takes_its_share_of_its_days(self, rule, share, owed):
        abated = Abated(date(2026, 4, 5), date(2026, 4, 11), Decimal(share))
        assert april(terms(proration=rule, abated=(abated,))) == owed

    def test_of_a_whole_period_leaves_nothing(self):
        abated = Abated(date(2026, 3, 1), MAY, Decimal(1))
        assert april(terms(abated=(abated,))) == "0.00"

    def test_over_a_boundary_takes_from_both_sides(self):
        abated = Abated(date(2026, 4, 16), date(2026, 5, 17), Decimal(1))
        owed = rent_due_total(terms(timing=Timing.ARREARS, abated=(abated,)), APRIL, None, JUNE)
        assert owed == Decimal("98.39")  # 100 x 15/30 = 50.00 and 100 x 15/31 = 48.39


class TestATermThatEndsWithinAPeriod:
    @pytest.mark.parametrize(
        ("rule", "holdover", "owed"),
        [
            (Proration.WHOLE, "100", ["100.00", "0.00"]),  # the period is one, and owed once
            (Proration.WHOLE, "150", ["100.00", "50.00"]),  # at the highest rent that began in it: 150.00
            (Proration.NONE, "100", ["100.00", "0.00"]),
            (Proration.NONE, "150", ["100.00", "0.00"]),  # at the lowest
            (Proration.ACTUAL_PERIOD, "150", ["50.00", "75.00"]),
        ],
    )
    def test_makes_no_second_period_of_its_rest(self, rule, holdover, owed):
        ending = terms(proration=rule, ends_on=date(2026, 4, 16), holdover_pct=Decimal(holdover))
        assert [str(payment.amount) for payment in rent_due(ending, APRIL, None, date(2026, 4, 30))] == owed

    def test_is_owed_nothing_if_it_was_not_complete_and_only_complete_ones_are(self):
        ending = terms(proration=Proration.NONE, ends_on=date(2026, 4, 16))
        assert rent_due_total(ending, APRIL, date(2026, 4, 21), APRIL.replace(day=30)) == 0

    def test_takes_abated_days_from_both_parts_of_it(self):
        # 100.00 less 6 of April's 30 days, two of them after the term
        abated = Abated(date(2026, 4, 12), date(2026, 4, 18), Decimal(1))
        ending = terms(proration=Proration.WHOLE, ends_on=date(2026, 4, 16), abated=(abated,))
        assert rent_due_total(ending, APRIL, None, date(2026, 4, 30)) == Decimal("80.00")

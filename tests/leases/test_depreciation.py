"""An asset's book: charges add up to the base under every method and convention."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haas.calendar import Period, add_months, end_of_month
from haas.money import round_minor
from leases.depreciation import (
    DayBasis,
    DepreciationTerms,
    FirstMonth,
    LastMonth,
    Method,
    depreciation_schedule,
    gain_on_disposal,
)
from leases.depreciation.events import BookEvent, EventKind
from leases.depreciation.history import replay
from leases.depreciation.methods import (
    DecliningCurve,
    declining_balance,
    declining_with_switch,
    fixed_declining_balance,
    reducing_balance,
    straight_line_gross,
    sum_of_years_digits,
    units_of_production,
    variable_declining_balance,
)
from leases.depreciation.spread import (
    FirstYear,
    by_fiscal_year,
    catch_up,
    fiscal_year,
    rounded_straight_line,
    within_years,
)
from leases.depreciation.terms import YEAR_CONVENTIONS

TERMS = DepreciationTerms(
    cost=Decimal("1300.00"),
    residual_value=Decimal("100.00"),
    in_service_on=date(2025, 1, 17),
    useful_life_months=36,
    currency="EUR",
)
COSTS = st.integers(1, 10**9).map(lambda cents: Decimal(cents) / 100)
DAYS = st.dates(date(2000, 1, 1), date(2030, 12, 31))


@st.composite
def any_terms(draw):
    cost = draw(COSTS)
    method = draw(st.sampled_from(sorted(set(Method) - {Method.UNITS, Method.MACRS})))
    basis = draw(st.sampled_from(DayBasis)) if method is Method.STRAIGHT_LINE else DayBasis.MONTHS
    rules = FirstMonth if basis is DayBasis.MONTHS else set(FirstMonth) - YEAR_CONVENTIONS
    return DepreciationTerms(
        cost=cost,
        residual_value=Decimal(draw(st.integers(0, int(cost * 100)))) / 100,
        in_service_on=draw(DAYS),
        useful_life_months=draw(st.integers(1, 90)),
        currency="EUR",
        method=method,
        first_month=draw(st.sampled_from(sorted(rules))),
        day_basis=basis,
        factor=Decimal(draw(st.integers(5, 40))) / 10,
        switch=draw(st.booleans()),
        rate_pct=Decimal(draw(st.integers(1, 100))),
        year_end_month=draw(st.integers(1, 12)),
    )


class TestDepreciationSchedule:
    @pytest.mark.parametrize(
        ("first_month", "first", "months"),
        [
            (FirstMonth.FULL, "33.33", 36),  # 1200 / 36
            (FirstMonth.HALF, "16.67", 37),
            (FirstMonth.DAILY, "16.13", 37),  # 15 of 31 days
            (FirstMonth.NEXT, "33.33", 36),
        ],
    )
    def test_follows_the_convention_of_the_first_month(self, first_month, first, months):
        entries = depreciation_schedule(replace(TERMS, first_month=first_month))
        assert (entries[0].charge, len(entries)) == (Decimal(first), months)
        began = date(2025, 2, 28) if first_month is FirstMonth.NEXT else date(2025, 1, 31)
        assert entries[0].month == began

    def test_charges_years_digits_in_equal_months(self):
        entries = depreciation_schedule(replace(TERMS, method=Method.SUM_OF_YEARS_DIGITS))
        years = [sum(e.charge for e in entries[i : i + 12]) for i in (0, 12, 24)]
        assert years == [600, 400, 200]  # 1200 x 3/6, 2/6, 1/6

    def test_declines_by_double_the_rate_and_turns_linear(self):
        terms = replace(
            TERMS, method=Method.DECLINING_BALANCE, useful_life_months=60, residual_value=Decimal(0)
        )
        entries = depreciation_schedule(terms)
        years = [sum(e.charge for e in entries[i : i + 12]) for i in range(0, 60, 12)]
        # 40 % of 1300, 780, 468, then 280.80 in two equal years (more than 40 % of 280.80)
        assert years == [Decimal(y) for y in ("520.00", "312.00", "187.20", "140.40", "140.40")]

    def test_by_days_charges_a_leap_february_more(self):
        terms = replace(
            TERMS,
            cost=Decimal(1096),
            residual_value=Decimal(0),
            in_service_on=date(2020, 1, 15),
            day_basis=DayBasis.LIFE_DAYS,
            first_month=FirstMonth.DAILY,
        )
        entries = depreciation_schedule(terms)  # 1,096 days: one a day
        assert [e.charge for e in entries[:3]] == [17, 29, 31]
        assert entries[-1].charge == 14

    def test_by_units_charges_what_was_used(self):
        terms = replace(TERMS, method=Method.UNITS, total_units=Decimal(1000))
        used = [(date(2025, 1, 31), Decimal(250)), (date(2025, 2, 28), Decimal(2000))]
        assert [e.charge for e in depreciation_schedule(terms, units_by_month=used)] == [300, 900]

    @given(any_terms())
    def test_adds_up_to_cost_less_residual(self, terms):
        entries = depreciation_schedule(terms)
        assert sum(e.charge for e in entries) == terms.depreciable
        assert entries[-1].book_value == terms.residual_value
        assert all(e.charge >= 0 for e in entries)
        assert all(after.month == end_of_month(before.month, 1) for before, after in pairwise(entries))
        assert all(e.accumulated + e.book_value == terms.cost for e in entries)

    @pytest.mark.parametrize(
        "change",
        [
            {"residual_value": Decimal(1301)},
            {"residual_value": Decimal(-1)},
            {"useful_life_months": 0},
            {"method": Method.UNITS},
            {"method": Method.DECLINING_BALANCE, "day_basis": DayBasis.LIFE_DAYS},
            {"currency": "?"},
        ],
    )
    def test_refuses_a_book_that_cannot_be_kept(self, change):
        with pytest.raises(ValueError, match=r"\w"):
            replace(TERMS, **change)


class TestBookValue:
    @pytest.mark.parametrize(
        ("as_of", "value"),
        [
            (date(2025, 1, 30), "1300.00"),
            (date(2025, 1, 31), "1266.67"),
            (date(2027, 12, 31), "100.00"),
            (date(2040, 1, 1), "100.00"),
        ],
    )
    def test_is_true_on_any_date(self, as_of, value):
        assert replay(TERMS).value_on(as_of) == Decimal(value)

    @given(any_terms(), st.integers(0, 3000))
    def test_never_rises(self, terms, days):
        day = terms.in_service_on + timedelta(days=days)
        book = replay(terms)
        today, tomorrow = book.value_on(day), book.value_on(day + timedelta(days=1))
        assert terms.residual_value <= tomorrow <= today <= terms.cost


class TestDispose:
    @pytest.mark.parametrize(
        ("last_month", "charge", "gain"),
        [
            (LastMonth.NONE, "0.00", "-766.67"),  # book 1266.67, sold for 500
            (LastMonth.FULL, "33.34", "-733.33"),
            (LastMonth.DAILY_INCLUSIVE, "16.67", "-750.00"),  # 14 of 28 days
            (LastMonth.DAILY_EXCLUSIVE, "15.48", "-751.19"),  # 13 of 28 days
        ],
    )
    def test_charges_the_last_month_by_its_convention(self, last_month, charge, gain):
        sold = BookEvent(
            id="sold",
            kind=EventKind.DISPOSE,
            effective_on=date(2025, 2, 14),
            recorded_at=datetime(2025, 2, 14, tzinfo=UTC),
            figures={"proceeds": "500"},
        )
        book = replay(replace(TERMS, last_month=last_month), [sold])
        final = sum(entry.charge for entry in book.entries if entry.month > sold.effective_on)
        assert (final, book.gain()) == (Decimal(charge), Decimal(gain))

    def test_scrapped_loses_the_book_value(self):
        assert gain_on_disposal(book_value=Decimal(82000)) == -82000


LIVES = st.integers(1, 60)


class TestMethods:
    @given(COSTS, st.fractions(0, 1), LIVES, st.fractions(Fraction(1, 2), 4))
    def test_declining_with_switch_ends_at_salvage(self, cost, salvage_share, life, factor):
        salvage = Fraction(cost) * salvage_share
        charges = declining_with_switch(cost=cost, salvage=salvage, life=life, factor=factor)
        assert sum(charges) == Fraction(cost) - salvage
        assert all(charge >= 0 for charge in charges)

    @given(COSTS, st.fractions(0, 1), LIVES, st.fractions(Fraction(1, 2), 4))
    def test_switch_charges_the_larger_of_both_methods(self, cost, salvage_share, life, factor):
        # The definition, period by period, against the closed form.
        salvage, book = Fraction(cost) * salvage_share, Fraction(cost)
        for period, charge in enumerate(
            declining_with_switch(cost=cost, salvage=salvage, life=life, factor=factor)
        ):
            left = book - salvage
            assert charge == max(min(book * min(factor / life, Fraction(1)), left), left / (life - period))
            book -= charge

    @given(COSTS, st.fractions(0, 1), LIVES, st.fractions(Fraction(1, 2), 4))
    def test_declining_without_switch_never_passes_salvage(self, cost, salvage_share, life, factor):
        salvage = Fraction(cost) * salvage_share
        assert (
            sum(declining_balance(cost=cost, salvage=salvage, life=life, factor=factor))
            <= Fraction(cost) - salvage
        )

    @given(COSTS, LIVES, st.data())
    def test_vdb_adds_up_over_any_cut(self, cost, life, data):
        points = sorted(data.draw(st.lists(st.fractions(0, life), min_size=3, max_size=3)))

        def between(start, end):
            return variable_declining_balance(cost=cost, salvage=0, life=life, start=start, end=end)

        assert between(points[0], points[1]) + between(points[1], points[2]) == between(points[0], points[2])

    def test_vdb_refuses_points_outside_the_life(self):
        with pytest.raises(ValueError, match="not within"):
            variable_declining_balance(cost=100, salvage=0, life=5, start=3, end=6)

    @given(COSTS, LIVES, st.fractions(0, 1).filter(bool))
    def test_years_digits_add_up_under_any_first_year(self, cost, life, first):
        assert sum(sum_of_years_digits(cost=cost, salvage=0, life=life, first_year=first)) == Fraction(cost)

    @given(COSTS, LIVES, st.lists(st.integers(0, 100), max_size=40))
    def test_units_stop_with_the_life(self, cost, total, used):
        charges = units_of_production(cost=cost, salvage=0, total_units=total, units=used)
        assert sum(charges) == Fraction(cost) * min(sum(used), total) / total

    def test_gross_straight_line_stops_at_salvage(self):
        assert straight_line_gross(cost=1000, salvage=300, periods=5) == [200, 200, 200, 100, 0]

    def test_a_rate_stops_at_salvage(self):
        assert reducing_balance(cost=1000, salvage=300, rate=Fraction(2, 5), periods=4) == [400, 240, 60, 0]

    def test_fixed_rate_of_a_part_first_year_ends_in_a_part_last_one(self):
        charges = fixed_declining_balance(cost=2500, salvage=500, life=3, first_year_months=6)
        assert [float(charge) for charge in charges] == [518.75, 822.21875, 480.99796875, 140.691905859375]

    def test_a_life_in_days_is_quick(self):
        curve = DecliningCurve.of(cost=2400, salvage=300, life=3650)
        assert curve.at(Fraction(3650)) == 2100


class TestByFiscalYear:
    @given(COSTS, DAYS, st.integers(1, 20), st.sampled_from(FirstYear), st.integers(1, 12))
    def test_adds_up_to_the_base(self, base, start, years, first_year, end_month):
        charges = by_fiscal_year(
            base, start=start, years=years, currency="EUR", first_year=first_year, end_month=end_month
        )
        assert sum(charge.charge for charge in charges) == base
        assert all(after.year_end == end_of_month(before.year_end, 12) for before, after in pairwise(charges))
        assert len(charges) in (years, years + 1)

    @given(DAYS, st.integers(1, 12))
    def test_knows_the_fiscal_year_of_a_day(self, day, end_month):
        year = fiscal_year(day, end_month=end_month)
        assert day in year
        assert year.last_day.month == end_month
        assert year.days in (365, 366)

    @given(COSTS, DAYS, st.integers(1, 10), st.sampled_from([1, 3, 12]))
    def test_keeps_each_years_total_within_its_periods(self, base, start, years, months):
        by_year = by_fiscal_year(base, start=start, years=years, currency="EUR")
        regular = round_minor(Fraction(base) / years * months / 12, "EUR")
        life = Period(start, add_months(start, 12 * years))
        periods = within_years(by_year, life=life, months_per_period=months, regular=regular)
        totals = {year.year_end.year: year.charge for year in by_year if year.charge}
        assert {
            y: t for y in totals if (t := sum(p.charge for p in periods if p.period_end.year == y))
        } == totals


class TestCatchUp:
    def test_bears_the_missed_months_in_the_first_open_one(self):
        charges = catch_up(rounded_straight_line(Decimal(5000), periods=12, currency="EUR"), locked=5)
        assert charges[:7] == [0, 0, 0, 0, 0, Decimal("2500.02"), Decimal("416.67")]
        assert sum(charges) == 5000

    def test_needs_an_open_month(self):
        with pytest.raises(ValueError, match="no open period"):
            catch_up([Decimal(1)], locked=1)

"""The published tables, and the formula as a check of them."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from leases.macrs import (
    Convention,
    PlacedInService,
    choose_convention,
    declining_factor,
    deductions,
    first_year_fraction,
    formula_percentages,
    published_percentages,
    straight_line_percentages,
)
from leases.macrs_tables import PERCENTAGES

COLUMNS = sorted(PERCENTAGES)


@pytest.mark.parametrize(("table", "years"), COLUMNS)
class TestPublishedPercentages:
    def test_add_up_to_a_hundred(self, table, years):
        assert sum(PERCENTAGES[table, years]) == 100
        assert len(PERCENTAGES[table, years]) == years + 1

    def test_follow_the_formula_to_the_last_digit_or_so(self, table, years):
        convention, quarter = Convention(table[:2]), int(table[2:] or 0) or None
        exact = formula_percentages(
            years, first_year=first_year_fraction(convention, quarter=quarter), factor=declining_factor(years)
        )
        printed = published_percentages(years, convention, quarter=quarter)
        assert max(abs(Fraction(p) - e) for p, e in zip(printed, exact, strict=True)) < Fraction(15, 1000)
        assert sum(exact) == 100


class TestTables:
    def test_are_complete(self):
        assert [f"{table}/{years}" for table, years in COLUMNS] == [
            f"{table}/{years}"
            for table in ("HY", "MQ1", "MQ2", "MQ3", "MQ4")
            for years in (3, 5, 7, 10, 15, 20)
        ]

    def test_refuse_a_column_that_was_not_published(self):
        with pytest.raises(ValueError, match="no column"):
            published_percentages(6, Convention.HALF_YEAR)
        with pytest.raises(ValueError, match="no column"):
            published_percentages(5, Convention.MID_QUARTER)


class TestChooseConvention:
    @pytest.mark.parametrize(
        ("late", "convention"), [("40", Convention.HALF_YEAR), ("40.01", Convention.MID_QUARTER)]
    )
    def test_needs_more_than_forty_per_cent_late(self, late, convention):
        assets = [
            PlacedInService(5, Decimal(100) - Decimal(late), date(2024, 9, 30)),
            PlacedInService(5, Decimal(late), date(2024, 10, 1)),
        ]
        assert choose_convention(assets).convention is convention

    def test_of_no_assets_is_half_year(self):
        assert choose_convention([]).convention is Convention.HALF_YEAR


class TestDeductions:
    def test_are_table_times_basis(self):
        assert deductions(Decimal(1000), 5, Convention.HALF_YEAR) == [
            Decimal(d) for d in ("200.00", "320.00", "192.00", "115.20", "115.20", "57.60")
        ]


class TestStraightLinePercentages:
    @pytest.mark.parametrize("years", [3, 5, 7, 12, Fraction(5, 2), Fraction(55, 2)])
    @pytest.mark.parametrize("first", [Fraction(1, 2), Fraction(7, 8), Fraction(1, 8), Fraction(1)])
    def test_add_up_to_a_hundred(self, years, first):
        assert sum(straight_line_percentages(years, first_year=first)) == 100


class TestFirstYearFraction:
    @pytest.mark.parametrize(
        ("convention", "point", "fraction"),
        [
            (Convention.HALF_YEAR, {}, Fraction(1, 2)),
            (Convention.MID_QUARTER, {"quarter": 1}, Fraction(7, 8)),
            (Convention.MID_QUARTER, {"quarter": 4}, Fraction(1, 8)),
            (Convention.MID_MONTH, {"month": 1}, Fraction(23, 24)),
            (Convention.MID_MONTH, {"month": 12}, Fraction(1, 24)),
        ],
    )
    def test_is_from_the_middle_of_the_point(self, convention, point, fraction):
        assert first_year_fraction(convention, **point) == fraction

    def test_needs_the_point(self):
        with pytest.raises(ValueError, match="no point"):
            first_year_fraction(Convention.MID_QUARTER)

"""Tax by dated rate; lines, groups and total agree to the cent."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoicing.taxes import DatedRate, NoTaxRate, TaxableLine, rate_on, tax_lines
from invoicing.totals import PricedLine, invoice_totals

GERMANY = [
    DatedRate("DE", "S", Decimal(16), date(2020, 7, 1)),
    DatedRate("DE", "S", Decimal(19), date(2007, 1, 1)),
    DatedRate("DE", "S", Decimal(19), date(2021, 1, 1)),
    DatedRate("AT", "S", Decimal(20), date(1984, 1, 1)),
]

TAXABLE = st.builds(
    TaxableLine,
    net=st.integers(-(10**7), 10**7).map(lambda cents: Decimal(cents) / 100),
    category=st.just("S"),
    rate_pct=st.sampled_from([Decimal(19), Decimal(7), Decimal("8.1"), Decimal(0)]),
)


class TestRateOn:
    @pytest.mark.parametrize(
        ("day", "rate"),
        [
            (date(2020, 6, 30), 19),
            (date(2020, 7, 1), 16),
            (date(2020, 12, 31), 16),
            (date(2021, 1, 1), 19),
        ],
    )
    def test_is_the_last_row_that_has_begun(self, day, rate):
        assert rate_on(GERMANY, country="DE", category="S", day=day) == rate

    @pytest.mark.parametrize("category", ["Z", "E", "AE", "K", "G", "O"])
    def test_is_nothing_where_nothing_is_added(self, category):
        assert rate_on([], country="DE", category=category, day=date(2026, 1, 1)) == 0

    def test_refuses_to_guess(self):
        with pytest.raises(NoTaxRate, match="No tax rate for category S in DE is valid on 31 December 2006"):
            rate_on(GERMANY, country="DE", category="S", day=date(2006, 12, 31))


class TestTaxLines:
    def test_gives_the_cent_of_the_sum_to_a_line(self):
        taxed = tax_lines([TaxableLine(Decimal("0.30"), "S", Decimal(19))] * 3, currency="EUR")
        assert taxed.taxes == (Decimal("0.06"), Decimal("0.05"), Decimal("0.06"))  # 0.17 on 0.90
        assert taxed.tax_total == Decimal("0.17")

    @given(st.lists(TAXABLE, max_size=20))
    def test_lines_plus_tax_are_the_total(self, lines):
        taxed = tax_lines(lines, currency="EUR")
        assert sum(taxed.taxes) == sum(group.tax for group in taxed.groups) == taxed.tax_total
        for line, tax in zip(lines, taxed.taxes, strict=True):
            assert abs(tax - line.net * line.rate_pct / 100) <= Decimal("0.01")

    @given(st.lists(TAXABLE, max_size=20))
    def test_agrees_with_the_totals_of_the_invoice(self, lines):
        priced = [PricedLine(Decimal(1), line.net, line.category, line.rate_pct) for line in lines]
        assert tax_lines(lines, currency="EUR").tax_total == invoice_totals(priced, currency="EUR").tax_total

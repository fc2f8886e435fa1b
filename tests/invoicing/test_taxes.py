"""Tax by dated rate; lines, groups and total agree to the cent."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invoicing.taxes import DatedRate, NoTaxRate, TaxableLine, rate_on, tax_lines, tax_within
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


class TestTaxWithin:
    @settings(deadline=None, max_examples=80)
    @given(
        st.lists(
            st.tuples(st.integers(0, 500_000), st.sampled_from(["0", "7", "8.875", "19", "23"])),
            min_size=1,
            max_size=12,
        )
    )
    def test_meets_what_was_agreed_to_the_last_cent(self, agreed):
        lines = [TaxableLine(Decimal(cents) / 100, "S", Decimal(rate)) for cents, rate in agreed]

        taxed, nets = tax_within(lines, currency="EUR")

        assert [net + tax for net, tax in zip(nets, taxed.taxes, strict=True)] == [row.net for row in lines]
        for group in taxed.groups:
            assert group.rate_pct is not None
            assert abs(group.tax - group.basis * group.rate_pct / 100) <= Decimal("0.01")  # BR-CO-17
        assert sum(group.basis for group in taxed.groups) == sum(nets)

    @pytest.mark.parametrize(
        ("agreed", "net", "tax"),
        [
            ("119.00", "100.00", "19.00"),
            ("10.00", "8.40", "1.60"),  # 10 × 19/119 = 1.597
            ("0.03", "0.03", "0.00"),  # 0.0048 is no tax, and 19 % of 0.03 would be 0.01
            ("-10.00", "-8.40", "-1.60"),
        ],
    )
    def test_rounds_the_tax_in_the_price(self, agreed, net, tax):
        taxed, nets = tax_within([TaxableLine(Decimal(agreed), "S", Decimal(19))], currency="EUR")

        assert (nets[0], taxed.tax_total) == (Decimal(net), Decimal(tax))

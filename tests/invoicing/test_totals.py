"""Totals to the cent. The official invoices are in the ground truth."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoicing.totals import AllowanceCharge, PricedLine, invoice_totals, line_net

RATES = st.sampled_from(
    [("S", Decimal(19)), ("S", Decimal("19.0")), ("S", Decimal(7)), ("E", Decimal(0)), ("O", None)]
)


@st.composite
def lines(draw):
    category, rate = draw(RATES)
    return PricedLine(
        quantity=Decimal(draw(st.integers(-(10**6), 10**6))) / 1000,
        price=Decimal(draw(st.integers(0, 10**9))) / 10**4,
        base_quantity=Decimal(draw(st.integers(1, 1000))),
        vat_category=category,
        vat_rate_pct=rate,
        allowances=tuple(draw(st.lists(charges(), max_size=2))),
    )


@st.composite
def charges(draw):
    category, rate = draw(RATES)
    return AllowanceCharge(
        is_charge=draw(st.booleans()),
        amount=Decimal(draw(st.integers(0, 10**6))) / 100,
        vat_category=category,
        vat_rate_pct=rate,
    )


class TestLineNet:
    @pytest.mark.parametrize(
        ("quantity", "price", "base", "net"),
        [
            ("90", "1585", "365", "390.82"),  # 390.8219…
            ("16000", "0.00101", "1", "16.16"),
            ("-1", "0.125", "1", "-0.13"),  # a half, away from zero
        ],
    )
    def test_is_quantity_times_price_by_base_quantity(self, quantity, price, base, net):
        line = PricedLine(Decimal(quantity), Decimal(price), "S", Decimal(25), base_quantity=Decimal(base))
        assert line_net(line, currency="EUR") == Decimal(net)

    def test_refuses_a_base_quantity_of_nothing(self):
        line = PricedLine(Decimal(1), Decimal(1), "S", Decimal(25), base_quantity=Decimal(0))
        with pytest.raises(ValueError, match="not positive"):
            line_net(line, currency="EUR")


class TestInvoiceTotals:
    def test_taxes_the_sum_and_not_the_lines(self):
        three = [PricedLine(Decimal(1), Decimal("0.30"), "S", Decimal(19))] * 3
        totals = invoice_totals(three, currency="EUR")
        assert totals.tax_total == Decimal("0.17")  # 19 % of 0.90; three lines of 0.06 would be 0.18

    def test_joins_rates_that_are_written_differently(self):
        two = [
            PricedLine(Decimal(1), Decimal(1), "S", Decimal(25)),
            PricedLine(Decimal(1), Decimal(1), "S", Decimal("25.00")),
        ]
        assert len(invoice_totals(two, currency="EUR").vat) == 1

    def test_has_no_cents_in_yen_and_no_mils_in_dinar(self):
        line = PricedLine(Decimal(1), Decimal("10.5555"), "S", Decimal(10))
        assert invoice_totals([line], currency="JPY").tax_exclusive == 11
        assert invoice_totals([line], currency="KWD").tax_exclusive == Decimal("10.56")  # BR-DEC: two places

    @given(st.lists(lines(), max_size=8), st.lists(charges(), max_size=4), st.integers(0, 10**6))
    def test_add_up(self, priced, allowances, prepaid):
        totals = invoice_totals(priced, currency="EUR", allowances=allowances, prepaid=Decimal(prepaid) / 100)
        assert sum(totals.line_nets) == totals.line_total  # BR-CO-10
        assert totals.line_total - totals.allowance_total + totals.charge_total == totals.tax_exclusive  # 13
        assert sum(group.basis for group in totals.vat) == totals.tax_exclusive
        assert sum(group.tax for group in totals.vat) == totals.tax_total  # BR-CO-14
        assert totals.tax_exclusive + totals.tax_total == totals.tax_inclusive  # BR-CO-15
        assert totals.tax_inclusive - totals.prepaid + totals.rounding == totals.payable  # BR-CO-16

    @given(st.lists(lines(), max_size=8), st.lists(charges(), max_size=4))
    def test_of_a_credit_are_those_of_the_invoice_turned_round(self, priced, allowances):
        def turned(charge):
            return AllowanceCharge(charge.is_charge, -charge.amount, charge.vat_category, charge.vat_rate_pct)

        credit = [
            PricedLine(
                -line.quantity,
                line.price,
                line.vat_category,
                line.vat_rate_pct,
                line.base_quantity,
                tuple(map(turned, line.allowances)),
            )
            for line in priced
        ]
        invoice = invoice_totals(priced, currency="EUR", allowances=allowances)
        note = invoice_totals(credit, currency="EUR", allowances=map(turned, allowances))
        assert note.payable == -invoice.payable
        assert note.tax_total == -invoice.tax_total

"""InvoiceDocument: frozen, canonical, and never printed unless it adds up."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haas.tenancy.branding import Logo
from invoicing.document import (
    Allowance,
    Endpoint,
    InvoiceDocument,
    SerialRow,
    TaxInOwnCurrency,
    TaxTotal,
)
from tests import paper


class TestInvoiceDocument:
    def test_reads_back_as_it_was_frozen_but_for_the_logo_bytes(self):
        document = paper.invoice(3)

        again = InvoiceDocument.from_json(document.to_json())

        assert again.to_json() == document.to_json()
        assert again.content_hash() == document.content_hash()
        assert again.seller == document.seller.lean()
        assert again.lines == document.lines

    def test_freezes_equal_figures_alike_however_many_zeros_they_carry(self):
        one = paper.invoice((paper.line(price=Decimal(30)),))
        other = paper.invoice((paper.line(price=Decimal("30.0000")),))

        assert one.to_json() == other.to_json()
        assert b'"net":"30"' in one.to_json()

    def test_hashes_the_logo_without_holding_it(self):
        document = paper.invoice()
        other_logo = paper.branding(logo=Logo.of(paper.logo_png(width=300)))

        assert b"iVBOR" not in document.to_json()
        assert document.content_hash() != paper.invoice(seller=other_logo).content_hash()

    def test_refuses_a_document_of_a_later_release(self):
        later = paper.invoice().to_json().replace(b'"schema":3', b'"schema":99')

        with pytest.raises(msgspec.ValidationError, match="newer than this release"):
            InvoiceDocument.from_json(later)

    @pytest.mark.parametrize(
        ("changes", "complaint"),
        [
            ({"net_total": Decimal("59.79")}, "net total"),
            ({"tax_total": Decimal("11.37")}, "tax total"),
            ({"total": Decimal("71.17")}, "the total"),
            ({"payable": Decimal("71.15")}, "amount due"),
            ({"prepaid": Decimal(10)}, "amount due"),
            ({"rounding": Decimal("0.01")}, "amount due"),
            ({"prepaid": Decimal("0.001")}, "digits"),
            ({"tax_totals": ()}, "tax total"),
            (
                {
                    "tax_totals": (
                        TaxTotal(rate_pct=Decimal(7), taxable=Decimal("59.80"), tax=Decimal("11.36")),
                    )
                },
                "taxed by",
            ),
        ],
    )
    def test_refuses_what_does_not_add_up(self, changes, complaint):
        paper.invoice(2)  # 2 × 29.90 = 59.80, 19 % is 11.36, together 71.16

        with pytest.raises(ValueError, match=complaint):
            paper.invoice(2, **changes)

    def test_refuses_devices_that_do_not_share_the_whole_line(self):
        half = SerialRow(
            serial="A", start=paper.START, until=date(2026, 11, 13), days=12, amount=Decimal("11.96")
        )

        with pytest.raises(ValueError, match="do not add up to"):
            paper.invoice((paper.line(serials=(half,)),))

    def test_refuses_a_period_that_ends_before_it_starts(self):
        with pytest.raises(ValueError, match="ends before it starts"):
            paper.invoice((paper.line(start=paper.UNTIL, until=paper.START, serials=()),))

    def test_takes_yen_without_and_dinar_with_three_digits(self):
        yen = paper.invoice(
            (paper.line(price=Decimal(4980), tax_rate_pct=Decimal(10)),), places=Decimal(1), currency="JPY"
        )
        dinar = paper.invoice(
            (paper.line(price=Decimal("29.125"), tax_rate_pct=Decimal(5)),),
            places=Decimal("0.001"), currency="KWD",
        )  # fmt: skip

        assert (yen.total, dinar.total) == (Decimal(5478), Decimal("30.581"))
        with pytest.raises(ValueError, match="more than the 2 digits of EUR"):
            paper.invoice((paper.line(price=Decimal("29.125")),))

    def test_counts_allowances_and_what_was_paid_before(self):
        # 59.80 - 9.80 = 50.00; 19 % is 9.50; 59.50 less 20.00 paid is 39.50
        document = paper.invoice(
            2,
            allowances=(Allowance(description="Loyalty", amount=Decimal("-9.80"), tax_rate_pct=Decimal(19)),),
            tax_totals=(TaxTotal(rate_pct=Decimal(19), taxable=Decimal(50), tax=Decimal("9.50")),),
            net_total=Decimal(50),
            tax_total=Decimal("9.50"),
            total=Decimal("59.50"),
            prepaid=Decimal(20),
            payable=Decimal("39.50"),
        )

        assert document.payable == Decimal("39.50")

    def test_takes_a_lines_own_discounts_and_charges_into_its_net(self):
        # 3 × 10.00 = 30.00; less 10 % is 27.00; with 2.00 for freight 29.00
        discount = Allowance(
            description="Loyalty", amount=Decimal(-3), reason_code="95", base=Decimal(30), percent=Decimal(10)
        )
        freight = Allowance(description="Freight", amount=Decimal(2), reason_code="FC")
        row: dict[str, Any] = {"quantity": Decimal(3), "serials": (), "allowances": (discount, freight)}

        document = paper.invoice((paper.line(price=Decimal(10), net=Decimal(29), **row),))

        assert document.net_total == Decimal(29)
        with pytest.raises(ValueError, match=r"comes to 29\.00 by quantity and price, not to 30"):
            paper.invoice((paper.line(price=Decimal(10), net=Decimal(30), **row),))

    def test_takes_a_price_for_several_units(self):
        # 500 at 0.99 for 1,000 is 0.495, and a half goes up
        row = paper.line(
            price=Decimal("0.99"), base_quantity=Decimal(1000), quantity=Decimal(500), net=Decimal("0.50"),
            serials=(),
        )  # fmt: skip

        assert paper.invoice((row,)).net_total == Decimal("0.5")

    @pytest.mark.parametrize(
        ("make", "complaint"),
        [
            (lambda: paper.line(unit_code="PIECES"), "no unit"),
            (lambda: paper.line(tax_reason_code="VATEX-EU-WRONG"), "no reason for no tax"),
            (lambda: Allowance(description="", amount=Decimal(-1), reason_code="FC"), "discount or charge"),
            (lambda: Allowance(description="", amount=Decimal(1), reason_code="95"), "discount or charge"),
            (lambda: Endpoint(scheme="EMAIL", id="a@b.example"), "register of electronic addresses"),
            (lambda: paper.invoice((paper.line(price=Decimal(-1), serials=()),)), "a quantity may be"),
        ],
    )
    def test_refuses_a_code_that_no_list_has(self, make, complaint):
        with pytest.raises(ValueError, match=complaint):
            make()

    def test_takes_the_tax_out_of_a_price_that_includes_it(self):
        # 0.03 with 19 %: 0.03 × 19/119 = 0.0048 is no tax; on top of 0.03 it would be 0.01
        row = paper.line(
            price=Decimal("0.03"), price_with_tax=Decimal("0.03"), gross=Decimal("0.03"), serials=()
        )
        nothing = (TaxTotal(rate_pct=Decimal(19), taxable=Decimal("0.03"), tax=Decimal(0)),)
        sums: dict[str, Any] = {"tax_totals": nothing, "tax_total": Decimal(0), "total": Decimal("0.03")}

        document = paper.invoice((row,), prices_include_tax=True, payable=Decimal("0.03"), **sums)

        assert document.payable == Decimal("0.03")
        with pytest.raises(ValueError, match=r"is a tax of 0\.01, not of 0"):
            paper.invoice((row,), payable=Decimal("0.03"), **sums)

    def test_states_the_tax_in_the_sellers_currency_by_the_rate_of_a_day(self):
        # 11.36 EUR × 0.8453 = 9.6026
        own = TaxInOwnCurrency(
            currency="GBP", rate=Decimal("0.8453"), rate_on=date(2026, 11, 20), source="ECB",
            tax_total=Decimal("9.60"),
        )  # fmt: skip

        assert paper.invoice(2, accounting=own).accounting == own
        with pytest.raises(ValueError, match=r"the tax is 9\.60 GBP"):
            paper.invoice(2, accounting=msgspec.structs.replace(own, tax_total=Decimal("9.61")))

    @settings(deadline=None, max_examples=40)
    @given(
        st.lists(
            st.tuples(st.integers(-100_000, 1_000_000), st.sampled_from(["0", "7", "19"])),
            min_size=1,
            max_size=20,
        )
    )
    def test_freezes_any_lines_that_add_up(self, lines):
        rows = tuple(
            paper.line(
                number,
                price=Decimal(abs(cents)) / 100,
                quantity=Decimal(1 if cents >= 0 else -1),
                net=Decimal(cents) / 100,
                tax_rate_pct=Decimal(rate),
                serials=(),
            )
            for number, (cents, rate) in enumerate(lines)
        )
        document = paper.invoice(rows)

        assert InvoiceDocument.from_json(document.to_json()).content_hash() == document.content_hash()

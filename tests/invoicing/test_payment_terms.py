"""Discounts for early payment as sums and words, without a database."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from msgspec.structs import replace

from haas.errors import InvalidInput
from haas.tenancy.payment_terms import DiscountStep, check_discounts
from invoicing.document import InvoiceDocument
from invoicing.money.document import paid_out_of_credit
from invoicing.payment_terms import early_discount, offered, payable, terms_text
from tests.paper import invoice, line

D = Decimal
ISSUED, DUE = date(2026, 11, 1), date(2026, 12, 1)
STEPS = (DiscountStep(10, D(3)), DiscountStep(20, D(2)))


def printed() -> InvoiceDocument:
    """100.00 at 19 % and 100.00 at 7 %, together 119.00 + 107.00 = 226.00."""
    plain = invoice(
        (
            line(0, unit_price=D(100), net=D(100), quantity=D(1), serials=()),
            line(1, unit_price=D(100), net=D(100), quantity=D(1), serials=(), tax_rate_pct=D(7)),
        ),
        issued_on=ISSUED,
        due_on=DUE,
    )
    early = offered(STEPS, issued_on=ISSUED, due_on=DUE, base=plain.payable, currency="EUR")
    return replace(plain, early_discounts=early)


class TestEarlyDiscount:
    @pytest.mark.parametrize(
        ("paid_on", "open_total", "discount"),
        [
            (date(2026, 11, 11), "226.00", "6.78"),  # 226.00 x 3 %, on the tenth day
            (date(2026, 11, 12), "226.00", "4.52"),  # 226.00 x 2 %, a day late for the first
            (date(2026, 11, 21), "226.00", "4.52"),
            (date(2026, 11, 22), "226.00", "0"),
            (date(2026, 11, 11), "126.00", "3.78"),  # 100.00 was paid before: 126.00 x 3 %
            (date(2026, 11, 11), "0.10", "0.00"),  # less than half a cent
        ],
    )
    def test_is_the_best_step_that_lasts_of_what_is_open(
        self, paid_on: date, open_total: str, discount: str
    ) -> None:
        document = printed()
        assert early_discount(document, D(open_total), paid_on) == D(discount)
        assert payable(document, open_total=D(open_total), on=paid_on) == D(open_total) - D(discount)

    def test_lasts_no_longer_than_the_due_day(self) -> None:
        due = date(2026, 11, 15)
        early = offered(STEPS, issued_on=ISSUED, due_on=due, base=D(226), currency="EUR")
        assert [(step.days, step.last_on, step.amount) for step in early] == [
            (10, date(2026, 11, 11), D("6.78")),
            (14, due, D("4.52")),  # of the twenty days
        ]
        both_cut = offered(STEPS, issued_on=ISSUED, due_on=date(2026, 11, 8), base=D(226), currency="EUR")
        assert [(step.days, step.percent) for step in both_cut] == [(7, D(3))]

    def test_is_taken_of_what_credit_has_left(self) -> None:
        paid = paid_out_of_credit(printed(), amount=D(126))
        assert [(step.base, step.amount) for step in paid.early_discounts] == [
            (D(100), D(3)),
            (D(100), D(2)),
        ]
        assert "€97.00" in paid.payment_terms.splitlines()[0]
        settled = paid_out_of_credit(printed(), amount=D(226))
        assert (settled.early_discounts, settled.payment_terms) == ((), "")

    def test_says_its_terms_a_line_each(self) -> None:
        told = terms_text(printed().early_discounts, due_on=DUE, base=D(226), currency="EUR", language="en")
        assert told.splitlines() == [
            "3% discount (€6.78) if paid by Nov 11, 2026: €219.22.",
            "2% discount (€4.52) if paid by Nov 21, 2026: €221.48.",
            "Payable by Dec 1, 2026 without deduction.",
        ]

    def test_is_frozen_only_as_its_percentage_comes_to(self) -> None:
        document = printed()
        wrong = replace(document.early_discounts[0], amount=D("6.79"))
        with pytest.raises(ValueError, match=r"no discount of 6\.79"):
            replace(document, early_discounts=(wrong,))


class TestSteps:
    @pytest.mark.parametrize(
        ("first", "second", "field"),
        [
            ((10, None), (None, None), "early_discount_pct"),
            ((None, D(3)), (None, None), "early_discount_days"),
            ((None, None), (20, D(2)), "early_discount_days"),
            ((10, D(3)), (10, D(2)), "second_discount_days"),
            ((10, D(3)), (20, D(3)), "second_discount_pct"),
            ((10, D("50.01")), (None, None), "early_discount_pct"),
            ((10, D("3.001")), (None, None), "early_discount_pct"),
        ],
    )
    def test_are_refused_where_they_are_no_offer(
        self, first: tuple[int | None, Decimal | None], second: tuple[int | None, Decimal | None], field: str
    ) -> None:
        with pytest.raises(InvalidInput) as refusal:
            check_discounts([first, second])
        assert field in refusal.value.fields
        check_discounts([(10, D(3)), (20, D(2))])

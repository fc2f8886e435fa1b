"""Oldest first, to the cent, and by age: rules without a database."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from haas.errors import InvalidInput
from invoicing.money.paying import checked_amount
from invoicing.money.reversing import Held, plan_reversal
from invoicing.open_items import OpenItem, aged, exactly, oldest_first

APRIL, MAY, JUNE = date(2026, 4, 15), date(2026, 5, 15), date(2026, 6, 15)


def item(number: str, due_on: date, amount: str) -> OpenItem:
    return OpenItem(number, number, "cli", "EUR", due_on, due_on, Decimal(amount), Decimal(amount))


ITEMS = [item("B", MAY, "60.00"), item("A", APRIL, "100.00"), item("C", JUNE, "40.00")]


class TestOldestFirst:
    @pytest.mark.parametrize(
        ("amount", "parts"),
        [
            ("50.00", {"A": "50.00"}),
            ("100.00", {"A": "100.00"}),
            ("130.00", {"A": "100.00", "B": "30.00"}),
            ("250.00", {"A": "100.00", "B": "60.00", "C": "40.00"}),  # 50.00 is left over
        ],
    )
    def test_pays_each_in_full_before_the_next(self, amount: str, parts: dict[str, str]) -> None:
        assert oldest_first(Decimal(amount), ITEMS) == {name: Decimal(part) for name, part in parts.items()}


class TestExactly:
    def test_finds_the_one_that_it_pays(self) -> None:
        assert exactly(Decimal("60.00"), ITEMS) == {"B": Decimal("60.00")}
        assert exactly(Decimal("60.00"), [*ITEMS, item("D", JUNE, "60.00")]) == {}


class TestAged:
    def test_sums_what_is_not_due_and_each_thirty_days(self) -> None:
        # On 14 July C is 29 days late, B 60 and A 90.
        sums = aged(ITEMS, today=date(2026, 7, 14))
        assert sums == [Decimal(each) for each in ("0", "40.00", "60.00", "100.00", "0")]
        assert aged(ITEMS, today=APRIL)[0] == Decimal("200.00")


class TestPlanReversal:
    @pytest.mark.parametrize(
        ("amount", "balance", "credit", "taken_off", "unapplied", "shortfall"),
        [
            ("30", "40", "30", [], [], "0"),  # credit that nobody has spent goes first
            ("70", "40", "40", [("p2", "30")], [], "0"),  # then the newest payment
            ("100", "0", "0", [("p2", "50"), ("p1", "10")], [("b1", "40")], "0"),  # what became of its credit
            ("100", "15", "15", [("p2", "50"), ("p1", "10")], [("b1", "25")], "0"),
        ],
    )
    def test_takes_credit_then_payments_then_what_credit_became(
        self, amount, balance, credit, taken_off, unapplied, shortfall
    ) -> None:
        plan = plan_reversal(
            Decimal(amount),
            credit_of_receipt=Decimal(40),
            balance=Decimal(balance),
            payments=[Held("p2", Decimal(50)), Held("p1", Decimal(10))],
            applied=[Held("b1", Decimal(40))],
        )
        assert plan.from_credit == Decimal(credit)
        assert [(each.payment_id, str(each.left)) for each in plan.taken_off] == taken_off
        assert [(each.payment_id, str(each.left)) for each in plan.unapplied] == unapplied
        assert plan.shortfall == Decimal(shortfall)

    def test_loses_what_was_refunded_before(self) -> None:
        plan = plan_reversal(
            Decimal(100), credit_of_receipt=Decimal(100), balance=Decimal(0), payments=[], applied=[]
        )
        assert (plan.shortfall, plan.out_of_balance) == (Decimal(100), Decimal(0))


class TestCheckedAmount:
    @pytest.mark.parametrize(
        ("amount", "currency"),
        [
            ("NaN", "EUR"), ("sNaN", "EUR"), ("Infinity", "EUR"), ("-Infinity", "EUR"), ("1e30", "EUR"),
            ("100000000000", "EUR"), ("0", "EUR"), ("-0.01", "EUR"), ("0.005", "EUR"), ("0.5", "JPY"),
            ("0.0005", "KWD"),
        ],
    )  # fmt: skip
    def test_refuses_what_is_no_money(self, amount: str, currency: str) -> None:
        with pytest.raises(InvalidInput):
            checked_amount(Decimal(amount), currency)

    def test_takes_what_its_currency_has(self) -> None:
        assert checked_amount(Decimal("1e5"), "JPY") == 100_000
        assert checked_amount(Decimal("0.005"), "KWD") == Decimal("0.005")

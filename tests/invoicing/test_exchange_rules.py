"""What payments of foreign money gain or lose against their invoice's rate."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invoicing.ledger.exchange_rules import (
    DifferencesPosted,
    ExchangePolicy,
    Settled,
    realised,
    value,
)

BILLED = Decimal("0.90")


def paid(name: str, amount: str, rate: str | None, reverses: str | None = None) -> Settled:
    return Settled(name, Decimal(amount), None if rate is None else Decimal(rate), reverses)


def gains(*rows: Settled, billed: Decimal | None = BILLED, **posted: str) -> list[Decimal | None]:
    kept = {name: Decimal(amount) for name, amount in posted.items()}
    return list(realised(rows, billed_rate=billed, currency="CHF", posted=kept).values())


def total(found: dict[str, Decimal | None]) -> Decimal:
    return sum((gain for gain in found.values() if gain is not None), Decimal(0))


class TestRealised:
    def test_is_the_value_on_the_day_of_payment_less_that_of_the_invoice(self) -> None:
        assert gains(paid("a", "100.00", "0.95")) == [Decimal("5.00")]  # 95.00 - 90.00
        assert gains(paid("a", "100.00", "0.85")) == [Decimal("-5.00")]

    def test_of_parts_leaves_no_cent_of_the_invoice(self) -> None:
        parts = [paid(name, "0.33", "0.95") for name in "abc"]  # 0.31 each; 0.30, 0.29 and 0.30 of 0.89
        assert gains(*parts) == [Decimal("0.01"), Decimal("0.02"), Decimal("0.01")]

    def test_goes_back_with_the_payment_whatever_the_rate_is_by_then(self) -> None:
        rows = (paid("a", "100.00", "0.95"), paid("b", "-30.00", "2", "a"), paid("c", "-70.00", None, "a"))
        assert gains(*rows) == [Decimal("5.00"), Decimal("-1.50"), Decimal("-3.50")]

    def test_is_unknown_without_a_rate(self) -> None:
        rows = (paid("a", "1.00", None), paid("b", "-1.00", "1", "a"), paid("c", "1.00", "0.95"))
        assert gains(*rows) == [None, None, Decimal("0.05")]
        assert gains(paid("a", "1.00", "1"), billed=None) == [None]

    def test_stays_as_it_is_posted_though_a_nearer_rate_came_later(self) -> None:
        rows = (paid("a", "100.00", "0.99"), paid("b", "-100.00", "1", "a"))
        assert gains(*rows, a="5.00") == [Decimal("5.00"), Decimal("-5.00")]

    @settings(max_examples=50, deadline=None)
    @given(
        st.lists(st.integers(1, 99_999), min_size=1, max_size=6),
        st.integers(1, 30_000),
        st.integers(1, 30_000),
    )
    def test_of_all_parts_is_what_came_in_less_what_was_billed(self, cents, billed, rate) -> None:
        amounts = [Decimal(each).scaleb(-2) for each in cents]
        rates = Decimal(billed).scaleb(-4), Decimal(rate).scaleb(-4)
        rows = [Settled(str(at), amount, rates[1]) for at, amount in enumerate(amounts)]
        found = realised(rows, billed_rate=rates[0], currency="CHF", posted={})
        came_in = sum(value(amount, rates[1], "CHF") for amount in amounts)
        whole = sum(amounts, Decimal(0))
        assert total(found) == came_in - value(whole, rates[0], "CHF")
        back = [Settled(f"-{row.payment_id}", -row.amount, None, row.payment_id) for row in rows]
        assert total(realised([*rows, *back], billed_rate=rates[0], currency="CHF", posted={})) == 0


class TestPolicy:
    def test_is_kept_as_json_and_counts_from_its_day_on(self) -> None:
        policy = ExchangePolicy(DifferencesPosted.ON_PAYMENT, date(2026, 6, 1))
        assert ExchangePolicy.of_policies({"exchange_differences": policy.kept()}) == policy
        assert (policy.counts(date(2026, 6, 1)), policy.counts(date(2026, 5, 31))) == (True, False)
        assert not ExchangePolicy.of_policies({}).counts(date(2026, 6, 1))


@pytest.mark.parametrize(("amount", "found"), [("1.005", "1.01"), ("-1.005", "-1.01")])
def test_a_half_goes_away_from_zero(amount: str, found: str) -> None:
    assert value(Decimal(amount), Decimal(1), "CHF") == Decimal(found)

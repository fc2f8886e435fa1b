"""What devices are worth at the end, what buying and losing them costs: rules with their sums."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haas.errors import InvalidInput
from leases.ends.policy import EndPolicy, LossBasis, Method, read_curve, read_days, write_curve
from leases.ends.stipulated import Insured, Rent, loss_table, loss_value
from leases.ends.values import (
    NOT_A_TRUE_LEASE,
    SALES_TYPE,
    Valued,
    buyout_price,
    fair_market_value,
    pct_at,
)

POLICY = EndPolicy()
LAPTOP = Valued(
    cost=Decimal(1200),
    currency="USD",
    in_service_on=date(2026, 3, 1),
    grade=None,
    book_value=Decimal("120.00"),
)


class TestFairMarketValue:
    @pytest.mark.parametrize(
        ("as_of", "grade", "worth"),
        [
            ("2026-03-01", "B", "1200.00"),
            ("2026-09-01", "B", "960.00"),  # 6 months: halfway from 100 to 60 percent, 80
            ("2029-03-01", "B", "300.00"),  # 36 months: 25 percent
            ("2029-03-01", None, "300.00"),  # not inspected counts as B
            ("2029-03-01", "A", "330.00"),  # 300 x 1.10
            ("2029-03-01", "C", "225.00"),  # 300 x 0.75
            ("2029-03-01", "X", "0.00"),
            ("2040-01-01", "B", "96.00"),  # after the last point: 8 percent
            ("2026-03-15", "A", "1200.00"),  # never more than it cost
        ],
    )
    def test_falls_by_the_curve_and_the_grade(self, as_of: str, grade: str | None, worth: str) -> None:
        device = replace(LAPTOP, grade=grade)
        found = fair_market_value(device, as_of=date.fromisoformat(as_of), policy=POLICY)
        assert found == Decimal(worth)

    @given(months=st.integers(0, 300))
    def test_never_rises_with_age(self, months: int) -> None:
        assert pct_at(POLICY.value_curve, months) >= pct_at(POLICY.value_curve, months + 1)


class TestBuyoutPrice:
    @pytest.mark.parametrize(
        ("method", "price"),
        [
            (Method.CURVE, "300.00"),  # 1,200 x 25 percent
            (Method.FIXED, "120.00"),  # 1,200 x 10 percent
            (Method.NOMINAL, "1.00"),
            (Method.BOOK, "138.00"),  # 120 x 1.15
            (Method.APPRAISAL, "275.50"),
        ],
    )
    def test_follows_the_method(self, method: Method, price: str) -> None:
        device = replace(LAPTOP, appraised=Decimal("275.50"))
        found = buyout_price(device, as_of=date(2029, 3, 1), policy=POLICY, method=method)
        assert (found.method, found.amount) == (method, Decimal(price))

    def test_for_a_token_says_that_this_was_never_a_lease(self) -> None:
        token = buyout_price(LAPTOP, as_of=date(2029, 3, 1), policy=POLICY, method=Method.NOMINAL)
        assert token.warnings == (NOT_A_TRUE_LEASE, SALES_TYPE)

    def test_by_appraisal_needs_one(self) -> None:
        with pytest.raises(InvalidInput, match="appraised"):
            buyout_price(LAPTOP, as_of=date(2029, 3, 1), policy=POLICY, method=Method.APPRAISAL)


class TestLossTable:
    PLACE = Insured(
        cost=Decimal(1200),
        residual_value=Decimal(100),
        currency="USD",
        starts_on=date(2026, 1, 1),
        ends_on=date(2026, 3, 1),
        rents=[Rent(day, day, Decimal(50)) for day in (date(2026, 1, 1), date(2026, 2, 1))],
    )
    AT_TWELVE = replace(POLICY, loss_discount_pct=Decimal(12))

    def test_is_what_is_still_to_come_each_month_discounted(self) -> None:
        assert [row.amount for row in loss_table(self.PLACE, policy=self.AT_TWELVE)] == [
            Decimal("147.53"),  # 50/1.01 + 100/1.0201; January's rent is owed as rent
            Decimal("99.01"),  # 100/1.01
            Decimal("100.00"),  # after the term: the residual value
        ]

    def test_leaves_the_rent_of_the_period_that_has_the_day(self) -> None:
        ends = [row.rent_until for row in loss_table(self.PLACE, policy=POLICY)]
        assert ends == [date(2026, 2, 1), date(2026, 3, 1), None]

    def test_or_a_percent_of_cost_by_the_month(self) -> None:
        by_curve = replace(
            POLICY, loss_basis=LossBasis.CURVE, loss_curve=((0, Decimal(105)), (2, Decimal(95)))
        )
        assert [row.amount for row in loss_table(self.PLACE, policy=by_curve)] == [
            Decimal("1260.00"),
            Decimal("1200.00"),  # halfway: 100 percent
            Decimal("1140.00"),
        ]

    @pytest.mark.parametrize(
        ("lost_on", "month"),
        [("2025-12-24", 0), ("2026-01-31", 0), ("2026-02-01", 1), ("2026-03-01", 2), ("2027-01-01", 2)],
    )
    def test_holds_from_its_day_to_the_next_row(self, lost_on: str, month: int) -> None:
        row = loss_value(self.PLACE, lost_on=date.fromisoformat(lost_on), policy=POLICY)
        assert row.month == month

    @given(rate=st.integers(0, 40), months=st.integers(1, 60))
    def test_is_never_less_without_discount(self, rate: int, months: int) -> None:
        place = replace(
            self.PLACE,
            ends_on=date(2026 + months // 12, months % 12 + 1, 1),
            rents=[Rent(date(2026, 1, 1), date(2026, 1, 1), Decimal(50))] * 3,
        )
        plain = loss_table(place, policy=replace(POLICY, loss_discount_pct=Decimal(0)))
        discounted = loss_table(place, policy=replace(POLICY, loss_discount_pct=Decimal(rate)))
        assert all(less.amount <= more.amount for less, more in zip(discounted, plain, strict=True))


class TestEndPolicy:
    def test_is_the_same_after_it_was_kept(self) -> None:
        changed = replace(POLICY, notice_days=(120, 14), fixed_pct=Decimal("12.5"), title_passes="on_issue")
        assert EndPolicy.of_policies({"lease_ends": changed.kept()}) == changed

    def test_reads_what_people_type(self) -> None:
        assert read_days("30, 60 90,30") == (90, 60, 30)
        curve = read_curve("12: 60, 0:100", field="value_curve")
        assert curve == ((0, Decimal(100)), (12, Decimal(60)))
        assert write_curve(curve) == "0:100, 12:60"

    @pytest.mark.parametrize("typed", ["", "0", "0:-1", "0:100, 0:90", "999:5", "a:b", "0:NaN"])
    def test_refuses_a_curve_that_nobody_could_follow(self, typed: str) -> None:
        with pytest.raises(InvalidInput) as refusal:
            read_curve(typed, field="value_curve")
        assert set(refusal.value.fields) == {"value_curve"}

    @pytest.mark.parametrize(
        ("field", "wrong"),
        [
            ("notice_days", (0,)),
            ("choice_days", 9999),
            ("renewal_pct", Decimal(-1)),
            ("title_passes", "never"),
            ("ungraded_as", "Z"),
        ],
    )
    def test_names_the_field_that_is_wrong(self, field: str, wrong: Any) -> None:
        with pytest.raises(InvalidInput) as refusal:
            replace(POLICY, **{field: wrong}).check()
        assert set(refusal.value.fields) == {field}

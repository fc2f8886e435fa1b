"""The table of days, retries, due days and what is to be expected, without a database."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from haas.errors import InvalidInput
from haas.tenancy.payment_terms import PaymentTerms, TermsKind, due_on
from invoicing.dunning.ageing import AgedClient, converted
from invoicing.dunning.forecast import (
    Agreed,
    Bucket,
    Expected,
    by_span,
    days_late,
    expected_on,
    less_credit,
    of_open_items,
)
from invoicing.dunning.outstanding import DsoMethod, Month, days_sales_outstanding
from invoicing.dunning.plan import Plan, Step, due_step, filled, late_interest
from invoicing.dunning.retries import RetryPlan, next_try
from invoicing.money.rate_rules import FoundRate
from invoicing.open_items import OpenItem

DUE = date(2026, 6, 1)  # a Monday


def step(days: int, *, text: str = "Please pay {numbers}.", **more: object) -> Step:
    """A step with one English text."""
    return Step(f"day {days}", days, {"en": "Reminder"}, {"en": text}, **more)  # type: ignore[arg-type]


PLAN = Plan((step(14, fee=Decimal(5)), step(-3), step(7))).check()


def an_item(invoice_id: str, still_open: str) -> OpenItem:
    """Of one client, due on 1 June."""
    amount = Decimal(still_open)
    return OpenItem(invoice_id, invoice_id, "c1", "EUR", date(2026, 5, 1), DUE, amount, amount)


class TestAPlan:
    def test_orders_its_steps_by_day(self) -> None:
        assert [each.days for each in PLAN.steps] == [-3, 7, 14]

    @pytest.mark.parametrize(
        ("today", "done", "days"),
        [
            (date(2026, 5, 28), [], None),  # four days before
            (date(2026, 5, 29), [], -3),
            (date(2026, 5, 29), [-3], None),
            (date(2026, 6, 1), [], None),  # the friendly word comes too late on the due day itself
            (date(2026, 6, 8), [-3], 7),
            (date(2026, 6, 8), [7], None),
            (date(2026, 6, 13), [], None),  # a Saturday
            (date(2026, 6, 15), [], 14),  # first seen late: the last step alone
            (date(2026, 6, 15), [14], None),
            (date(2027, 6, 1), [-3, 7, 14], None),
        ],
    )
    def test_is_at_one_step_at_most(self, today: date, done: list[int], days: int | None) -> None:
        found = due_step(PLAN, due_on=DUE, today=today, done=done)
        assert (None if found is None else found.days) == days

    @pytest.mark.parametrize(
        ("wrong", "field", "said"),
        [
            (step(7, text="Pay {secret}"), "steps.0.text", "{secret} cannot be filled in"),
            (step(7, text="Pay {amount:>10}"), "steps.0.text", "a format after a colon"),
            (step(7, text="Pay {amount.__class__}"), "steps.0.text", "{amount.__class__}"),
            (step(7, text="Pay { now"), "steps.0.text", "brace"),
            (step(-3, fee=Decimal(5)), "steps.0.fee", "not overdue"),
            (step(500), "steps.0.days", "-30 to 365"),
        ],
    )
    def test_refuses_what_cannot_be(self, wrong: Step, field: str, said: str) -> None:
        with pytest.raises(InvalidInput, match=said.replace("{", "[{]").replace("}", "[}]")) as refused:
            Plan((wrong,)).check()
        assert set(refused.value.fields) == {field}

    def test_fills_in_what_it_knows_and_nothing_that_a_value_says(self) -> None:
        values = {"client": "{amount}", "amount": "10.00"}
        assert filled("{client} owes {amount}", values) == "{amount} owes 10.00"

    def test_reckons_interest_by_days(self) -> None:
        interest = late_interest(
            Decimal("1200.00"),
            rate_pct=Decimal("9.5"),
            since=DUE,
            until=date(2026, 7, 1),
            basis=365,
            currency="EUR",
        )
        assert interest == Decimal("9.37")  # 1,200 x 9.5 % x 30/365 = 9.3699


class TestARetry:
    def test_follows_the_days_and_ends_with_them(self) -> None:
        plan = RetryPlan((1, 3, 7)).check()
        monday = date(2026, 6, 1)
        assert next_try(plan, declines=[(monday, True)], today=monday) == date(2026, 6, 2)
        twice = [(monday, True), (date(2026, 6, 2), True)]
        assert next_try(plan, declines=twice, today=date(2026, 6, 2)) == date(2026, 6, 4)
        thrice = [*twice, (date(2026, 6, 4), True)]
        assert next_try(plan, declines=thrice, today=date(2026, 6, 4)) == date(2026, 6, 8)
        assert next_try(plan, declines=[*thrice, (date(2026, 6, 8), True)], today=monday) is None

    def test_never_follows_a_hard_decline(self) -> None:
        assert next_try(RetryPlan(), declines=[(DUE, True), (DUE, False)], today=DUE) is None

    def test_waits_for_monday_and_makes_good_what_was_missed(self) -> None:
        friday = date(2026, 6, 5)
        assert next_try(RetryPlan((1,)), declines=[(friday, True)], today=friday) == date(2026, 6, 8)
        late = date(2026, 6, 24)
        assert next_try(RetryPlan((1,)), declines=[(friday, True)], today=late) == late


class TestTerms:
    @pytest.mark.parametrize(
        ("kind", "number", "issued", "due"),
        [
            (TermsKind.DAYS, 14, "2026-02-20", "2026-03-06"),
            (TermsKind.END_OF_MONTH, 0, "2026-02-20", "2026-02-28"),
            (TermsKind.END_OF_MONTH, 30, "2026-01-31", "2026-03-02"),
            (TermsKind.DAY_OF_NEXT_MONTH, 15, "2026-12-03", "2027-01-15"),
            (TermsKind.DAY_OF_NEXT_MONTH, 31, "2026-01-03", "2026-02-28"),
        ],
    )
    def test_give_the_due_day(self, kind: TermsKind, number: int, issued: str, due: str) -> None:
        terms = PaymentTerms(kind, number).check()
        assert due_on(terms, date.fromisoformat(issued)) == date.fromisoformat(due)


class TestAForecast:
    def test_expects_a_client_to_pay_as_late_as_it_uses_to(self) -> None:
        paid = [(DUE, date(2026, 6, 4)), (DUE, date(2026, 6, 11)), (DUE, date(2026, 6, 9))]
        assert days_late(paid) == 8
        assert days_late(paid[:2]) == 0  # two say nothing
        assert days_late([(DUE, date(2026, 5, 20))] * 3) == 0  # nobody is taken to pay early
        assert expected_on(DUE, late=8, today=date(2026, 6, 2)) == date(2026, 6, 9)
        assert expected_on(DUE, late=8, today=date(2026, 8, 1)) == date(2026, 8, 1)

    def test_sums_by_week_without_gaps(self) -> None:
        rows = [
            Expected("c1", Decimal(100), date(2026, 5, 1), date(2026, 6, 10), "invoice"),
            Expected("c1", Decimal(50), date(2026, 6, 16), date(2026, 6, 30), "invoice"),
        ]
        buckets = by_span(rows, start=date(2026, 6, 3), until=date(2026, 6, 22), span="week")
        assert buckets == [
            Bucket(date(2026, 6, 1), Decimal(100), Decimal(0)),
            Bucket(date(2026, 6, 8), Decimal(0), Decimal(100)),
            Bucket(date(2026, 6, 15), Decimal(50), Decimal(0)),
        ]

    def test_takes_debits_before_promises_and_counts_no_cent_twice(self) -> None:
        today, june = date(2026, 6, 3), date(2026, 6, 10)
        items = [an_item("i1", "100.00"), an_item("i2", "50.00"), an_item("i3", "30.00")]
        agreed = [
            Agreed(june, "direct_debit", "i1", Decimal(60)),
            Agreed(date(2026, 6, 20), "promise", None, Decimal(70)),  # 40 of the first, 30 of the second
        ]
        rows = of_open_items(items, agreed=agreed, disputed={"i3"}, late=5, today=today)
        assert [(row.why, row.amount, row.expected_on) for row in rows] == [
            ("direct_debit", Decimal(60), june),
            ("promise", Decimal("40.00"), date(2026, 6, 20)),
            ("promise", Decimal("30.00"), date(2026, 6, 20)),
            ("invoice", Decimal("20.00"), date(2026, 6, 6)),
            ("disputed", Decimal("30.00"), None),
        ]
        assert sum(row.amount for row in rows) == Decimal(180)

    def test_expects_nothing_that_credit_pays(self) -> None:
        rows = [Expected("c1", Decimal(100), date(2026, 6, day), DUE, "rent") for day in (20, 10)]
        left = less_credit(rows, Decimal(130))
        assert [(row.due_on.day, row.amount) for row in left] == [(20, Decimal(70))]


def months(*figures: tuple[int, int]) -> list[Month]:
    """(billed, open at the end) of April, May, June 2026."""
    return [
        Month(date(2026, 4 + number, 1), Decimal(billed), Decimal(still_open))
        for number, (billed, still_open) in enumerate(figures)
    ]


class TestDaysOutstanding:
    def test_are_what_is_open_in_days_of_sales(self) -> None:
        told = months((3000, 0), (3000, 0), (3000, 4500))
        assert days_sales_outstanding(told, method=DsoMethod.SIMPLE, over_months=3) == Decimal("45.5")
        nothing = months((0, 5), (0, 5), (0, 5))
        assert days_sales_outstanding(nothing, method=DsoMethod.SIMPLE, over_months=3) is None

    def test_count_months_back_from_the_newest(self) -> None:
        told = months((3000, 0), (3000, 0), (3000, 4500))
        # June's 30 days, and half of May's 31
        assert days_sales_outstanding(told, method=DsoMethod.COUNT_BACK, over_months=3) == Decimal("45.5")
        early = months((6000, 0), (2000, 0), (1000, 4500))
        # 30 + 31 + 30 x 1500 / 6000
        assert days_sales_outstanding(early, method=DsoMethod.COUNT_BACK, over_months=3) == Decimal("68.5")
        assert days_sales_outstanding(months((1, 9)), method=DsoMethod.COUNT_BACK, over_months=3) is None

    def test_go_with_what_was_paid_of_what_fell_due(self) -> None:
        june = Month(DUE, Decimal(0), Decimal(0), fell_due=Decimal(300), paid=Decimal(200))
        assert june.collected_pct == Decimal("66.7")


class TestAnAgedRow:
    def test_adds_up_in_another_currency_too(self) -> None:
        rate = FoundRate(Decimal("1.125"), DUE, "ecb")
        row = AgedClient("c1", "EUR", (Decimal("10.01"), Decimal("10.01"), Decimal(0)))
        found = converted(row, rate, currency="USD")
        assert found == AgedClient("c1", "USD", (Decimal("11.26"), Decimal("11.26"), Decimal("0.00")))
        assert found.total == Decimal("22.52")  # 2 x 11.26125, each rounded; not 22.5225
        assert converted(row, None, currency="USD") is None

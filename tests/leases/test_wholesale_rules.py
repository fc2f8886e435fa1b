"""What a partner uses -> lines at wholesale prices: months, tiers, versions."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from leases.pricing.rules import Book, Item, Level
from leases.pricing.wholesale_rules import Span, TierBasis, Usage, Wholesale, price_usage, since
from tests.leases.fleet import day
from tests.leases.test_price_rules import T14, a_book, a_price

TIERED = a_book(a_price("30.00", quantity_until=3), a_price("27.00", quantity_from=3), level=Level.WHOLESALE)


def used(number: int, start: str, end: str | None = None, *, item: Item = T14, quantity: str = "1") -> Usage:
    """A T14 on a lease of 36 months."""
    span = Span(day(start), day(end) if end else None, Decimal(quantity))
    return Usage(f"lin_{number}", "lse_1", "L-00001", "Lenovo ThinkPad T14", item, "term", 36, [span])


def priced(usages: list[Usage], *books: Book, until: str = "2026-06-30", **options: Any) -> Wholesale:
    """In dollars, until the end of June."""
    return price_usage(usages, books or [TIERED], currency="USD", until=day(until), **options)


def told(found: Wholesale) -> list[tuple[str, str, str | None, Decimal]]:
    """(line, from, until, price)."""
    return [
        (
            each.usage.line_id,
            each.starts_on.isoformat(),
            each.ends_on.isoformat() if each.ends_on else None,
            each.price,
        )
        for each in found.segments
    ]


class TestPriceUsage:
    def test_is_one_open_line_while_nothing_changes(self) -> None:
        assert told(priced([used(1, "2026-03-11")])) == [("lin_1", "2026-03-11", None, Decimal("30.00"))]

    def test_changes_the_price_of_all_at_the_month_in_which_the_tier_is_reached(self) -> None:
        found = priced([used(1, "2026-03-11"), used(2, "2026-03-11"), used(3, "2026-05-20")])
        assert told(found) == [
            ("lin_1", "2026-03-11", "2026-05-01", Decimal("30.00")),
            ("lin_1", "2026-05-01", None, Decimal("27.00")),  # three in May
            ("lin_2", "2026-03-11", "2026-05-01", Decimal("30.00")),
            ("lin_2", "2026-05-01", None, Decimal("27.00")),
            ("lin_3", "2026-05-20", None, Decimal("27.00")),
        ]

    def test_counts_the_first_day_alone_where_that_is_agreed(self) -> None:
        usages = [used(1, "2026-05-01"), used(2, "2026-05-01"), used(3, "2026-05-20")]
        found = priced(usages, basis=TierBasis.FIRST_DAY)
        assert {row for row in told(found) if row[0] == "lin_3"} == {
            ("lin_3", "2026-05-20", "2026-06-01", Decimal("30.00")),  # two on 1 May
            ("lin_3", "2026-06-01", None, Decimal("27.00")),  # three on 1 June
        }

    def test_takes_a_new_version_from_the_month_that_follows_its_day(self) -> None:
        dearer = a_book(a_price("33.00"), level=Level.WHOLESALE, valid_from=day("2026-05-15"), id="pbk_2")
        found = priced([used(1, "2026-03-11"), used(2, "2026-05-20", "2026-06-03")], TIERED, dearer)
        assert told(found) == [
            ("lin_1", "2026-03-11", "2026-06-01", Decimal("30.00")),
            ("lin_1", "2026-06-01", None, Decimal("33.00")),
            ("lin_2", "2026-05-20", "2026-06-03", Decimal("33.00")),  # began under it
        ]

    def test_ends_a_line_where_its_hardware_goes_back(self) -> None:
        found = priced([used(1, "2026-03-11", "2026-04-16")])
        assert told(found) == [("lin_1", "2026-03-11", "2026-04-16", Decimal("30.00"))]

    def test_names_what_has_no_price_and_bills_the_others(self) -> None:
        unknown = used(2, "2026-03-11", item=Item(model_key="dell|xps 13"))
        found = priced([used(1, "2026-03-11"), unknown])
        assert [each.line_id for each in found.unpriced] == ["lin_2"]
        assert len(found.segments) == 1

    @pytest.mark.parametrize("until", ["2026-03-31", "2026-04-30", "2026-12-31"])
    def test_covers_each_day_of_use_once(self, until: str) -> None:
        usages = [used(1, "2026-03-11", "2026-11-20"), used(2, "2026-04-10"), used(3, "2026-06-01")]
        found = priced(usages, until=until)
        for usage in usages:
            mine = [each for each in found.segments if each.usage is usage]
            ends = [each.ends_on for each in mine]
            if usage.spans[0].start > day(until):
                assert not mine
                continue
            assert mine[0].starts_on == usage.spans[0].start
            assert [each.starts_on for each in mine[1:]] == ends[:-1]
            assert ends[-1] == usage.spans[0].end

    def test_follows_the_number_of_a_pool(self) -> None:
        pool = used(1, "2026-03-01")
        spans = [
            Span(day("2026-03-01"), day("2026-05-10"), Decimal(2)),
            Span(day("2026-05-10"), None, Decimal(5)),
        ]
        pool = Usage(pool.line_id, "lse_1", "L-1", pool.name, T14, "term", 36, spans)
        found = priced([pool])
        assert [(each.starts_on.isoformat(), each.quantity, each.price) for each in found.segments] == [
            ("2026-03-01", Decimal(2), Decimal("30.00")),
            ("2026-05-01", Decimal(2), Decimal("27.00")),  # five in May
            ("2026-05-10", Decimal(5), Decimal("27.00")),
        ]

    def test_leaves_out_what_was_used_before_the_account_was_opened(self) -> None:
        usages = since([used(1, "2026-03-11"), used(2, "2026-03-11", "2026-04-30")], day("2026-05-15"))
        assert told(priced(usages)) == [("lin_1", "2026-05-15", None, Decimal("30.00"))]

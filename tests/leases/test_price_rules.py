"""Which price applies: level, version, item, tier; and what a table says."""

from __future__ import annotations

import itertools
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from devices.import_table import read_table
from leases.pricing import rules, tables
from leases.pricing.entries import NewEntry
from leases.pricing.rules import BUYING, Book, Found, Item, Level, Margin, Question, resolve
from tests.leases.fleet import day

T14 = Item(model_key="lenovo|thinkpad t14", category="laptop")


class Counted(int):
    """A number that counts how often it is compared."""

    asked = 0

    def __lt__(self, other: int) -> bool:
        Counted.asked += 1
        return int(self) < other


def a_price(price: str, *, name: str = "ThinkPad T14", **tier: Any) -> rules.Entry:
    """A month of a T14."""
    maker = "" if tier.get("item_kind", "model") != "model" else "Lenovo"
    kind = tier.pop("item_kind", "model")
    return NewEntry(
        item_kind=kind, manufacturer=maker, item_name=name, price=Decimal(price), **tier
    ).as_value(f"pre_{price}")


def a_book(*entries: rules.Entry, level: Level = Level.RETAIL, **fields: Any) -> Book:
    """A book that holds from the beginning of 2026."""
    known: dict[str, Any] = {
        "id": "pbk_1",
        "name": "Standard",
        "currency": "USD",
        "client_id": None,
        "valid_from": date(2026, 1, 1),
        "interval_months": 1,
    }
    return Book(level=level, entries=entries, **{**known, **fields})


def asked(**fields: Any) -> Question:
    """One T14 for 36 months in June."""
    return Question(**{"item": T14, "day": day("2026-06-15"), "currency": "USD", "term_months": 36, **fields})


class TestResolve:
    def test_takes_the_clients_own_price_before_everybodys(self) -> None:
        own = a_book(a_price("40.00"), level=Level.CLIENT, client_id="cli_acme", id="pbk_own")
        books = [a_book(a_price("45.00")), own]

        assert resolve(books, asked(client_id="cli_acme")).monthly == Decimal("40.00")
        assert resolve(books, asked(client_id="cli_globex")).monthly == Decimal("45.00")
        assert resolve(books, asked()).monthly == Decimal("45.00")

    def test_falls_back_to_everybodys_price_and_tells_the_way(self) -> None:
        own = a_book(a_price("5.00", name="MX Master"), level=Level.CLIENT, client_id="cli_acme")
        answer = resolve([own, a_book(a_price("45.00"))], asked(client_id="cli_acme"))

        assert answer.monthly == Decimal("45.00")
        assert [(step.level, step.found) for step in answer.steps] == [
            (Level.CLIENT, Found.NOT_LISTED),
            (Level.RETAIL, Found.USED),
        ]

    def test_takes_the_version_in_force_on_the_day_whole(self) -> None:
        june = a_book(a_price("47.00"), valid_from=day("2026-06-01"), id="pbk_2")
        books = [a_book(a_price("45.00"), a_price("9.00", name="Dock")), june]
        dock = Item(model_key="lenovo|dock")

        assert resolve(books, asked(day=day("2026-05-31"))).monthly == Decimal("45.00")
        assert resolve(books, asked(day=day("2026-06-01"))).monthly == Decimal("47.00")
        # What the new version leaves out has no price any more.
        assert resolve(books, asked(item=dock)).monthly is None

    @pytest.mark.parametrize(
        ("quantity", "price"), [(1, "45"), (9, "45"), (10, "42"), (49, "42"), (50, "39")]
    )
    def test_takes_the_tier_of_the_number(self, quantity: int, price: str) -> None:
        book = a_book(
            a_price("45", quantity_until=10),
            a_price("42", quantity_from=10, quantity_until=50),
            a_price("39", quantity_from=50),
        )
        assert resolve([book], asked(quantity=quantity)).monthly == Decimal(price)

    def test_says_that_an_item_is_listed_but_not_for_so_long(self) -> None:
        answer = resolve([a_book(a_price("45", term_from=24, term_until=36))], asked())
        assert (answer.monthly, answer.steps[-1].found) == (None, Found.OUTSIDE_TIERS)

    def test_takes_the_kind_of_hardware_where_the_model_is_not_listed(self) -> None:
        laptops = a_price("50", name="laptop", item_kind="category")
        assert resolve([a_book(laptops)], asked()).monthly == Decimal(50)
        assert resolve([a_book(laptops, a_price("45"))], asked()).monthly == Decimal(45)

    def test_keeps_currencies_ways_to_sell_and_levels_apart(self) -> None:
        book = a_book(a_price("45"))
        assert resolve([book], asked(currency="EUR")).steps[-1].found is Found.NO_BOOK
        assert resolve([book], asked(commercial_model="rental")).monthly is None
        assert resolve([book], asked(), levels=BUYING).monthly is None

    def test_carries_a_quarters_price_to_a_month(self) -> None:
        answer = resolve([a_book(a_price("100.00"), interval_months=3)], asked())
        assert answer.monthly == Decimal("33.333333")  # 100 / 3
        assert answer.price_for(12) == Decimal("400.000000")  # 100 x 12 / 3


class TestOverlapping:
    def test_finds_two_prices_for_the_same_number_and_term(self) -> None:
        first, second = a_price("45", quantity_until=11), a_price("42", quantity_from=10)
        assert rules.overlapping([first, second]) == (first, second)

    def test_lets_tiers_touch_and_terms_tell_them_apart(self) -> None:
        tiers = [
            a_price("45", quantity_until=10),
            a_price("42", quantity_from=10),
            a_price("60", commercial_model="rental"),
        ]
        by_term = [a_price("45", term_until=36), a_price("42", term_from=36)]
        assert rules.overlapping(tiers) is None
        assert rules.overlapping(by_term) is None

    def test_agrees_with_comparing_each_with_each(self) -> None:
        spans = [(1, 5), (3, None), (5, 9), (9, None)]
        terms = [(0, 12), (12, 36), (24, None)]
        tiers = [
            a_price("1", quantity_from=low, quantity_until=high, term_from=first, term_until=until)
            for low, high in spans
            for first, until in terms
        ]

        def meet(one: rules.Entry, other: rules.Entry) -> bool:
            return any(
                one.covers(number, term) and other.covers(number, term)
                for number in range(1, 12)
                for term in range(0, 48, 12)
            )

        for three in itertools.permutations(tiers, 3):
            found = rules.overlapping(three)
            assert (found is not None) == any(meet(*two) for two in itertools.combinations(three, 2))
            assert found is None or meet(*found)

    def test_compares_thousands_of_tiers_in_no_time(self) -> None:
        tiers = [a_price("1", term_from=Counted(month), term_until=month + 1) for month in range(2000)]
        assert rules.overlapping(tiers) is None
        assert Counted.asked < 100_000  # each with each would be 2,000,000


class TestMargin:
    def test_is_price_less_cost_and_a_share_of_the_price(self) -> None:
        margin = Margin(price=Decimal("45.00"), cost=Decimal("30.00"))
        assert (margin.amount, margin.pct) == (Decimal("15.00"), Decimal("33.33"))  # 15 / 45


class TestTable:
    def read(self, text: str) -> tables.Outcome:
        return tables.read_rows(read_table(text.encode(), headings=tables.HEADINGS, required=tables.REQUIRED))

    def test_gives_a_price_for_each_row(self) -> None:
        outcome = self.read(
            "manufacturer;item;quantity from;quantity below;price\n"
            "Lenovo;ThinkPad T14;;10;45,50\nLenovo;ThinkPad T14;10;;42\n"
        )
        assert not outcome.errors
        assert [
            (row.item_key, row.quantity_from, row.quantity_until, row.price) for row in outcome.entries
        ] == [
            ("lenovo|thinkpad t14", 1, 10, Decimal("45.50")),
            ("lenovo|thinkpad t14", 10, None, Decimal(42)),
        ]

    def test_names_every_wrong_cell_by_its_row(self) -> None:
        outcome = self.read("kind,manufacturer,item,term from,price\nmodel,,T14,x,-1\nthing,,Care,,5\n")
        assert [(error.row, error.column) for error in outcome.errors] == [
            (2, "manufacturer"),
            (2, "term from"),
            (2, "price"),
            (3, "kind"),
        ]

    def test_refuses_two_prices_for_one_tier(self) -> None:
        outcome = self.read("kind,item,price\nservice,Care,5\nservice,Other,6\nservice,care,7\n")
        assert [(error.row, "Row 2" in error.message) for error in outcome.errors] == [(4, True)]

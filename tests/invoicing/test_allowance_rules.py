"""Discounts and surcharges: in order, exact by tax group, never below nothing."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from invoicing.allowances.rules import Chargeable, Rule, apply_rules
from invoicing.taxes import TaxableLine, tax_lines

MAY = date(2026, 5, 1)
FULL, REDUCED = ("S", Decimal(19)), ("S", Decimal(7))
discount = partial(
    Rule, is_charge=False, scope="paper", reason="Loyalty", reason_code="95", position=1, valid_from=MAY
)
surcharge = partial(
    Rule, is_charge=True, scope="paper", reason="Paper invoice", reason_code="ZZZ", position=9, valid_from=MAY
)


def line(
    net: str, kind: str = "rent", tax: tuple[str, Decimal] = FULL, lease: str | None = None
) -> Chargeable:
    return Chargeable(Decimal(net), kind, tax, lease_id=lease)


def apply(rules: list[Rule], lines: list[Chargeable], day: date = MAY) -> tuple[list[Decimal], list[Decimal]]:
    """What all lines bear, and what stands on the paper itself."""
    applied = apply_rules(rules, lines, currency="EUR", day=day)
    return [applied.borne_by(index) for index in range(len(lines))], [each.amount for each in applied.paper]


class TestApplyRules:
    def test_takes_a_percentage_of_each_line_of_a_kind(self) -> None:
        rule = discount(id="a", scope="lines", percent=Decimal("2.5"), kinds=frozenset({"rent"}))
        borne, paper = apply([rule], [line("99.99"), line("50.00", kind="damage")])
        assert (borne, paper) == ([Decimal("-2.50"), 0], [])  # 99.99 x 2.5 % = 2.49975

    def test_takes_one_of_the_paper_by_tax_group_and_largest_remainder(self) -> None:
        # 10 % of 100.05 is 10.01 (half up): 66.70 and 33.35 share it as 6.6733 and 3.3367
        borne, paper = apply(
            [discount(id="a", percent=Decimal(10))],
            [line("33.35"), line("33.35"), line("33.35", tax=REDUCED)],
        )
        assert paper == [Decimal("-6.67"), Decimal("-3.34")]
        assert borne == [Decimal("-3.34"), Decimal("-3.33"), Decimal("-3.34")]

    def test_goes_by_position_each_on_what_is_left_those_of_lines_first(self) -> None:
        rules = [
            discount(id="a", percent=Decimal(10), position=2),
            discount(id="b", amount=Decimal(20), currency="EUR", position=1),
            discount(id="c", percent=Decimal(50), scope="lines", position=3),
        ]
        # 200 less half is 100, less 20 is 80, less 10 % is 72
        assert apply(rules, [line("200.00")])[1] == [-20, -8]

    def test_never_takes_more_than_there_is_nor_what_is_of_another_currency(self) -> None:
        greedy = discount(id="a", amount=Decimal(500), currency="EUR")
        dollars = discount(id="b", amount=Decimal(5), currency="USD")
        assert apply([greedy, dollars], [line("30.00")])[0] == [-30]

    def test_adds_a_surcharge_to_small_papers_of_its_days_alone(self) -> None:
        rule = surcharge(
            id="a",
            amount=Decimal("4.50"),
            currency="EUR",
            net_below=Decimal(50),
            valid_until=date(2026, 6, 1),
        )
        assert apply([rule], [line("49.99")])[1] == [Decimal("4.50")]
        assert apply([rule], [line("50.00")])[1] == []
        assert apply([rule], [line("49.99")], day=date(2026, 6, 1))[1] == []

    def test_takes_what_is_for_one_lease_of_that_alone(self) -> None:
        rule = discount(id="a", percent=Decimal(100), lease_id="l1")
        assert apply([rule], [line("10.00", lease="l1"), line("10.00", lease="l2")])[0] == [-10, 0]

    @given(
        st.lists(
            st.tuples(
                st.integers(1, 10**7), st.sampled_from([FULL, REDUCED]), st.sampled_from(["rent", "charge"])
            ),
            min_size=1,
            max_size=6,
        ),
        st.lists(
            st.tuples(
                st.booleans(),
                st.sampled_from(["lines", "paper"]),
                st.integers(1, 10000),
                st.booleans(),
                st.sampled_from([frozenset(), frozenset({"rent"})]),
            ),
            max_size=4,
        ),
    )
    def test_loses_no_cent_between_rules_groups_and_lines(self, nets, agreed) -> None:
        lines = [line(str(Decimal(cents) / 100), kind, tax) for cents, tax, kind in nets]
        rules = [
            Rule(
                id=str(number),
                is_charge=is_charge,
                scope=scope,
                reason="x",
                reason_code="",
                position=number,
                valid_from=MAY,
                percent=Decimal(value) / 100 if by_percent else None,
                amount=None if by_percent else Decimal(value) / 100,
                currency="EUR",
                kinds=kinds,
            )
            for number, (is_charge, scope, value, by_percent, kinds) in enumerate(agreed)
        ]
        applied = apply_rules(rules, lines, currency="EUR", day=MAY)
        charged = [each.net + applied.borne_by(index) for index, each in enumerate(lines)]
        assert min(charged) >= 0
        printed = [each.net + applied.of_line(index) for index, each in enumerate(lines)]
        assert sum(charged) == sum(printed) + sum(given.amount for given in applied.paper)
        # The tax of each group is taken of its lines and its part of the paper's discounts, exactly.
        taxed = tax_lines(
            [TaxableLine(net, *each.tax) for net, each in zip(charged, lines, strict=True)], currency="EUR"
        )
        for group in taxed.groups:
            key = (group.category, group.rate_pct)
            of_lines = sum(net for net, each in zip(printed, lines, strict=True) if each.tax == key)
            assert group.basis == of_lines + sum(given.amount for given in applied.paper if given.tax == key)

"""What goes on which paper: nothing lost, nothing twice, one currency and term of payment each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haas.tenancy.payment_terms import PaymentTerms
from invoicing.grouping import Grouping, PaperKey, group, paper_key
from invoicing.purchase_orders.limits import OrderTerms, objection, objections

KEYS = st.sampled_from(
    [
        paper_key(
            currency=currency,
            terms=PaymentTerms(number=days),
            grouping=grouping,
            site_id=subject,
            purchase_order_id=subject,
            lease_id=subject,
        )
        for currency, days in [("USD", 14), ("USD", 30), ("EUR", 14)]
        for grouping in Grouping
        for subject in (None, "a", "b")
    ]
)
MAY = date(2026, 5, 1)


@dataclass(frozen=True)
class Row:
    """A line of so much on a paper."""

    number: int
    paper: PaperKey
    net: Decimal


class TestGroup:
    @given(st.lists(st.tuples(KEYS, st.integers(-1000, 1000)), max_size=40))
    def test_loses_no_line_doubles_none_and_keeps_the_sum(
        self, given_rows: list[tuple[PaperKey, int]]
    ) -> None:
        rows = [Row(number, key, Decimal(cents) / 100) for number, (key, cents) in enumerate(given_rows)]
        papers = group(rows)
        together = [row for paper in papers.values() for row in paper]
        assert sorted(together, key=lambda row: row.number) == rows
        assert all(row.paper == key for key, paper in papers.items() for row in paper)
        assert sum(row.net for row in together) == sum(row.net for row in rows)
        # One currency and one term of payment a paper: they are in its key.
        assert all(
            len({(row.paper.currency, row.paper.terms) for row in paper}) == 1 for paper in papers.values()
        )

    @given(st.lists(KEYS, max_size=20), st.randoms(use_true_random=False))
    def test_does_not_depend_on_the_order_of_the_lines(self, keys: list[PaperKey], chance: object) -> None:
        rows = [Row(number, key, Decimal(1)) for number, key in enumerate(keys)]
        shuffled = list(rows)
        chance.shuffle(shuffled)  # type: ignore[attr-defined]
        assert list(group(rows)) == list(group(shuffled))

    def test_keeps_what_has_no_site_on_a_paper_of_its_own(self) -> None:
        by_site = partial(paper_key, currency="USD", terms=PaymentTerms(), grouping=Grouping.SITE)
        keys = [
            by_site(site_id=site, lease_id=lease)
            for site, lease in [("s1", "l1"), (None, "l2"), ("s1", "l3"), (None, None)]
        ]
        assert [key.subject_id for key in group([Row(0, key, Decimal(1)) for key in keys])] == ["", "s1"]


class TestPurchaseOrder:
    LIMITED = OrderTerms("4500017", "USD", amount_limit=Decimal(1000), billed_total=Decimal(900))

    @pytest.mark.parametrize(
        ("order", "amount", "words"),
        [
            (LIMITED, "100.00", None),  # 900 + 100 = 1000
            (LIMITED, "100.01", "100.00 USD left of 1000.00"),
            (LIMITED, "-50.00", None),  # what goes back is welcome
            (OrderTerms("A", "USD", is_closed=True), "1.00", "is closed"),
            (OrderTerms("A", "USD", valid_until=MAY), "1.00", "not valid on 01 May 2026"),
            (OrderTerms("A", "USD", valid_from=date(2026, 5, 2)), "1.00", "not valid on 01 May 2026"),
            (OrderTerms("A", "EUR"), "1.00", "is in EUR"),
            (OrderTerms("A", "USD"), "99999.00", None),
        ],
    )
    def test_objects_to_what_it_does_not_allow(
        self, order: OrderTerms, amount: str, words: str | None
    ) -> None:
        said = objection(order, amount=Decimal(amount), currency="USD", day=MAY)
        assert said is None if words is None else words in str(said)

    def test_counts_each_order_by_itself(self) -> None:
        amounts = {("a", "USD"): Decimal(101), ("b", "USD"): Decimal(5000)}
        assert list(objections(amounts, {"a": self.LIMITED, "b": OrderTerms("B", "USD")}, day=MAY)) == ["a"]

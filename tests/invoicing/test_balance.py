"""Due less billed: a run bills what is missing, and a second run bills nothing."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from invoicing.balance import Billed, Owed, to_bill
from leases.schedule import rent_due
from leases.terms import LeaseTerms, Timing

JANUARY, FEBRUARY, MARCH = date(2025, 1, 1), date(2025, 2, 1), date(2025, 3, 1)


def owed(start, amount, end=None):
    return Owed("lin_1", "rent", start, end or start + timedelta(days=28), Decimal(amount))


def billed(start, amount, revision=0):
    return Billed("lin_1", "rent", start, start + timedelta(days=28), Decimal(amount), revision, due_on=start)


def issue(changes, due_on):
    return [
        Billed(c.line_id, c.kind, c.period_start, c.period_end, c.amount, c.revision, due_on[c.period_start])
        for c in changes
    ]


class TestToBill:
    def test_bills_a_new_period_whole(self):
        (line,) = to_bill([owed(JANUARY, 100)], [], as_of=JANUARY)
        assert (line.amount, line.revision, line.owed) == (Decimal(100), 0, owed(JANUARY, 100))

    def test_bills_nothing_twice(self):
        assert to_bill([owed(JANUARY, 100)], [billed(JANUARY, 100)], as_of=MARCH) == []

    def test_gives_back_what_is_owed_no_more(self):
        # billed in advance, returned in the middle: 100 billed, 45 owed
        (line,) = to_bill([owed(JANUARY, 45)], [billed(JANUARY, 100)], as_of=MARCH)
        assert (line.amount, line.revision) == (Decimal(-55), 1)

    def test_counts_what_was_corrected_before(self):
        past = [billed(JANUARY, 100), billed(JANUARY, -55, revision=1)]
        (line,) = to_bill([owed(JANUARY, 60)], past, as_of=MARCH)
        assert (line.amount, line.revision) == (Decimal(15), 2)

    def test_gives_back_no_more_than_is_left_after_what_was_credited_by_hand(self):
        past = replace(billed(JANUARY, 100), by_hand=Decimal(-70))
        (line,) = to_bill([owed(JANUARY, 45)], [past], as_of=MARCH)
        assert line.amount == Decimal(-30)  # and not 55
        assert to_bill([owed(JANUARY, 45)], [past, billed(JANUARY, -30, revision=1)], as_of=MARCH) == []
        assert to_bill([], [replace(past, by_hand=Decimal(-100))], as_of=MARCH) == []

    def test_takes_back_a_period_that_fell_away(self):
        (line,) = to_bill([], [billed(FEBRUARY, 100)], as_of=MARCH)
        assert (line.amount, line.revision, line.owed) == (Decimal(-100), 1, None)

    def test_gives_back_of_the_latest_row_first_and_of_none_more_than_it_charged(self):
        first = replace(billed(JANUARY, 100), invoice_id="inv_1")
        raised = replace(billed(JANUARY, 10, revision=1), invoice_id="inv_2")

        lines = to_bill([owed(JANUARY, 45)], [first, raised], as_of=MARCH)
        assert [(line.amount, line.revision, line.corrects) for line in lines] == [
            (Decimal(-10), 2, raised),
            (Decimal(-55), 3, first),
        ]
        past = [first, raised, billed(JANUARY, -10, revision=2), billed(JANUARY, -55, revision=3)]
        (rest,) = to_bill([], past, as_of=MARCH)  # nothing of the second is left
        assert (rest.amount, rest.revision, rest.corrects) == (Decimal(-45), 4, first)

    def test_cuts_what_was_discounted_without_losing_a_cent(self):
        first = replace(billed(JANUARY, 100), invoice_id="inv_1", allowance=Decimal("-33.33"))
        raised = replace(billed(JANUARY, 10, revision=1), invoice_id="inv_2", allowance=Decimal("-3.33"))

        lines = to_bill([], [first, raised], as_of=MARCH)
        assert [line.given_back for line in lines] == [Decimal("-6.67"), Decimal("-66.67")]
        assert sum(line.amount for line in lines) == Decimal(-110)

    def test_leaves_alone_what_fell_due_later(self):
        assert (
            to_bill([owed(JANUARY, 100)], [billed(JANUARY, 100), billed(FEBRUARY, 100)], as_of=JANUARY) == []
        )

    def test_does_not_print_a_period_that_costs_nothing(self):
        assert to_bill([owed(JANUARY, 0)], [], as_of=JANUARY) == []

    @given(st.data())
    def test_bills_in_the_end_what_is_owed_whatever_changed_between(self, data):
        start = data.draw(st.dates(date(2024, 1, 1), date(2025, 1, 1)))
        terms = LeaseTerms(
            commences_on=start,
            term_months=data.draw(st.integers(1, 24)),
            rent=Decimal(data.draw(st.integers(1, 10**6))) / 100,
            currency="EUR",
            timing=data.draw(st.sampled_from(Timing)),
            anchor_day=data.draw(st.integers(1, 31)),
        )
        documents: list[Billed] = []
        as_of, end = start, None
        for step in data.draw(st.lists(st.integers(0, 70), min_size=1, max_size=8)):
            as_of += timedelta(days=step)
            # The return is agreed, moved or called off between the runs.
            end = data.draw(st.one_of(st.none(), st.dates(start, start + timedelta(days=500))))
            payments = rent_due(terms, start, end, as_of)
            proposed = [Owed("lin_1", p.kind, p.period_start, p.period_end, p.amount) for p in payments]
            due_on = {d.period_start: d.due_on for d in documents} | {
                p.period_start: p.due_on for p in payments
            }
            documents += issue(to_bill(proposed, documents, as_of=as_of), due_on)
            assert to_bill(proposed, documents, as_of=as_of) == []
        total = sum(d.amount for d in documents)
        assert total == sum(p.amount for p in rent_due(terms, start, end, as_of))
        keys = [(d.line_id, d.kind, d.period_start, d.revision) for d in documents]
        assert len(keys) == len(set(keys))

"""Random sequences of amendments: what the preview says is what is billed, and each day is billed once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random

import pytest

from haas.calendar import ONE_DAY, Period, add_months
from invoicing.balance import Billed, Owed, ToBill, to_bill
from leases.amendments.early_return import Leaving, Policy, Rule, charge, rents_given_up
from leases.schedule import RentPayment, rent_due
from leases.terms import Abated, LeaseTerms, Proration, RentStep, Timing, steps_in_force

SEQUENCES, CHUNKS = 10_000, 20
RULE = Rule(Policy.REMAINING_RENTS, pct=Decimal(50))


@dataclass
class Story:
    """One line's life: its terms as they are agreed over time, and all that was ever billed for it."""

    terms: LeaseTerms
    start: date
    end: date | None = None
    agreed: tuple[RentStep, ...] = ()
    charges: dict[date, Decimal] = field(default_factory=dict)
    billed: list[Billed] = field(default_factory=list)
    today: date = date(2026, 1, 1)

    def due(self, as_of: date) -> list[RentPayment]:
        """Every rent that has fallen due."""
        return rent_due(self.terms, self.start, self.end, as_of)

    def to_bill(self, as_of: date) -> list[ToBill]:
        """Due less billed."""
        owed = [
            Owed("l", row.kind.value, row.period_start, row.period_end, row.amount, row)
            for row in self.due(as_of)
        ]
        owed += [
            Owed(f"a{day}", "early_return", day, day + ONE_DAY, amount)
            for day, amount in self.charges.items()
            if day <= as_of and amount
        ]
        return to_bill(owed, self.billed, as_of=as_of)

    def bill(self, as_of: date) -> Decimal:
        """Bill it, as a run does; what it came to."""
        changes = self.to_bill(as_of)
        for change in changes:
            source = change.owed.source if change.owed else None
            fell_due = source.due_on if isinstance(source, RentPayment) else change.period_start
            self.billed.append(
                Billed(
                    change.line_id,
                    change.kind,
                    change.period_start,
                    change.period_end,
                    change.amount,
                    change.revision,
                    min(fell_due, as_of),
                )
            )
        self.today = as_of
        return sum((change.amount for change in changes), Decimal(0))


def a_story(random: Random) -> Story:
    """A line in one of the combinations of conventions."""
    start = date(2026, 1, 1) + timedelta(days=random.randrange(60))
    terms = LeaseTerms(
        commences_on=start if random.random() < 0.4 else start + timedelta(days=random.randrange(20)),
        term_months=random.choice((3, 6, 12)),
        rent=Decimal(random.randrange(0, 50_000)) / 100,
        currency="USD",
        timing=random.choice(tuple(Timing)),
        anchor_day=random.choice((1, 15, 28, 31)),
        interval_months=random.choice((1, 1, 1, 3)),
        proration=random.choice(tuple(Proration)),
        interim_rent=random.random() < 0.8,
        holdover_pct=random.choice((None, Decimal(100), Decimal(125))),
    )
    return Story(terms, start, today=start)


def amended(story: Story, random: Random) -> Story:
    """The same line after one more amendment; what it was is left alone."""
    on = story.today + timedelta(days=random.randrange(-40, 70))
    on = max(on, story.start)
    after = replace(story, charges=dict(story.charges), billed=list(story.billed))
    kind = random.choice(("step", "step", "step", "abate", "renew", "end"))
    if kind == "step":
        after.agreed = (*story.agreed, RentStep(on, Decimal(random.randrange(0, 60_000)) / 100))
        after.terms = replace(story.terms, steps=steps_in_force(after.agreed))
    elif kind == "abate":
        days = Abated(
            on, on + timedelta(days=random.randrange(1, 40)), Decimal(random.choice((25, 50, 100))) / 100
        )
        if not any(
            days.starts_on < each.ends_on and each.starts_on < days.ends_on for each in story.terms.abated
        ):
            after.terms = replace(story.terms, abated=(*story.terms.abated, days))
    elif kind == "renew":
        after.terms = replace(story.terms, ends_on=add_months(story.terms.base_end, random.randrange(1, 6)))
    elif story.end is None:
        left = Leaving(
            rents_given_up(story.terms, story.terms, line_start=story.start, line_end=None, on=on),
            story.terms.commences_on,
            story.terms.base_end,
            "USD",
        )
        after.end = on
        after.charges[on] = charge(RULE, left, on=on)
    return after


def covered(story: Story, as_of: date) -> None:
    """Each day from the line's start up to what has fallen due is in exactly one period."""
    payments = story.due(as_of)
    for one, two in pairwise(payments):
        assert one.period_end == two.period_start
    if payments:
        first = story.start if story.terms.interim_rent else max(story.start, story.terms.commences_on)
        assert payments[0].period_start == first
        assert sum(row.period.days for row in payments) == Period(first, payments[-1].period_end).days


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_sequence_bills_what_it_previews_and_each_day_once(chunk):
    for seed in range(chunk, SEQUENCES, CHUNKS):
        random = Random(seed)  # noqa: S311 - the same every time
        story = a_story(random)
        total = Decimal(0)
        for _ in range(random.randrange(1, 5)):
            as_of = story.today + timedelta(days=random.randrange(0, 45))
            after = amended(story, random)
            preview = sum((change.amount for change in after.to_bill(as_of)), Decimal(0))
            assert after.billed == story.billed  # a preview leaves no trace
            story = after
            billed = story.bill(as_of)
            assert billed == preview, seed
            assert story.to_bill(as_of) == [], seed  # a second run finds nothing
            total += billed
            covered(story, as_of)
        last = max(story.today, story.terms.base_end) + timedelta(days=100)
        total += story.bill(last)
        due = sum((row.amount for row in story.due(last)), Decimal(0)) + sum(
            story.charges.values(), Decimal(0)
        )
        assert total == due == sum((row.amount for row in story.billed), Decimal(0)), seed
        keys = [(row.line_id, row.kind, row.period_start, row.revision) for row in story.billed]
        assert len(keys) == len(set(keys)), seed  # what the unique key of invoice lines would refuse

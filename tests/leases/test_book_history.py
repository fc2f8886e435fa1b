"""What happens to a book counts from its day, and what was known at a moment can be told again."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haas.calendar import end_of_month
from leases.depreciation import Convention, DepreciationTerms, FirstMonth, LastMonth, Method
from leases.depreciation.book import depreciation_schedule
from leases.depreciation.events import BookEvent, CountsFrom, EventKind
from leases.depreciation.history import replay, value_without_impairment
from leases.depreciation.plan import charge_between, plan_of, unposted

TERMS = DepreciationTerms(
    cost=Decimal(1300),
    residual_value=Decimal(100),
    in_service_on=date(2026, 1, 10),
    useful_life_months=12,
    currency="EUR",
)
NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)


def day(text):
    return date.fromisoformat(text)


def event(kind, on, *, known=0, name=None, counts_from=CountsFrom.SAME_MONTH, reverses_id=None, **figures):
    return BookEvent(
        id=name or f"{kind}-{on}",
        kind=EventKind(kind),
        effective_on=day(on),
        recorded_at=NOON + timedelta(days=known),
        figures=figures,
        counts_from=counts_from,
        reverses_id=reverses_id,
    )


def charges(history):
    return [str(entry.charge) for entry in history.entries]


class TestReplay:
    def test_without_events_is_the_schedule(self):
        assert list(replay(TERMS).entries) == depreciation_schedule(TERMS)

    def test_spreads_a_capitalised_repair_over_the_life_that_is_left(self):
        history = replay(TERMS, [event("capitalise", "2026-07-15", amount="60.00")])
        assert charges(history) == ["100.00"] * 6 + ["110.00"] * 6  # (600 + 60) / 6
        assert history.value_on(day("2026-07-15")) == 760  # 1300 - 600 + 60
        assert history.cost_on(day("2026-12-31")) == 1360

    def test_may_count_from_the_next_month(self):
        later = event("capitalise", "2026-07-15", amount="60.00", counts_from=CountsFrom.NEXT_MONTH)
        assert charges(replay(TERMS, [later]))[6:] == ["100.00"] + ["112.00"] * 5  # (500 + 60) / 5

    def test_revalues_on_the_day_and_charges_the_new_amount_prospectively(self):
        history = replay(TERMS, [event("revalue", "2026-07-15", book_value="400.00")])
        assert history.value_on(day("2026-07-14")) == 700
        assert history.value_on(day("2026-07-15")) == 400
        assert charges(history)[6:] == ["50.00"] * 6  # (400 - 100) / 6

    def test_impairs_and_reverses_up_to_the_value_without_impairment(self):
        events = [event("impair", "2026-04-01", amount="300.00")]
        assert replay(TERMS, events).value_on(day("2026-06-30")) == 500  # 1000 - 300 - 3 x 66.67
        assert value_without_impairment(TERMS, events, on=day("2026-06-30")) == 700
        with pytest.raises(ValueError, match="impaired by"):
            replay(TERMS, [*events, event("reverse_impairment", "2026-07-01", amount="300.01")])

    def test_changes_the_estimate_of_the_life(self):
        history = replay(TERMS, [event("estimate", "2026-07-01", useful_life_months=18)])
        assert charges(history) == ["100.00"] * 6 + ["50.00"] * 12  # 600 / 12

    def test_splits_cost_and_what_was_written_off_alike(self):
        history = replay(TERMS, [event("split", "2026-07-01", cost="325.00")])
        parted = history.movements[1]
        assert [parted.cost, parted.accumulated] == [-325, -150]  # a quarter of 1300, and of 600
        assert charges(history)[6:] == ["75.00"] * 6  # (975 - 450 - 75) / 6

    def test_disposes_with_the_gain_and_is_worth_nothing_after(self):
        terms = replace(TERMS, last_month=LastMonth.FULL)
        history = replay(terms, [event("dispose", "2026-03-10", proceeds="1100.00")])
        assert [history.gain(), charges(history)] == [100, ["100.00"] * 3]  # 1100 - (1300 - 300)
        assert history.value_on(day("2026-03-09")) == 1100
        assert history.value_on(day("2026-03-10")) == 0

    def test_reinstates_what_was_lost_and_spreads_it_over_the_rest(self):
        events = [
            event("dispose", "2026-03-10", proceeds="0"),
            event("reinstate", "2026-07-01"),
        ]
        history = replay(TERMS, events)
        assert history.value_on(day("2026-05-31")) == 0
        assert history.value_on(day("2026-07-01")) == 1100  # as it stood when it went: 1300 - 200
        assert charges(history)[2:] == ["166.67", "166.66", "166.67", "166.67", "166.66", "166.67"]
        assert history.gain() is None

    def test_restates_conventions_from_the_first_day(self):
        restated = event("restate", "2026-06-01", useful_life_months=24, known=40)
        assert len(replay(TERMS, [restated]).entries) == 24
        assert len(replay(TERMS, [restated], known_at=NOON + timedelta(days=39)).entries) == 12

    def test_forgets_an_event_from_the_moment_it_is_reversed(self):
        events = [
            event("impair", "2026-04-01", amount="300.00", name="one"),
            event("reverse", "2026-04-01", known=60, reverses_id="one"),
        ]
        assert replay(TERMS, events).value_on(day("2026-04-01")) == 1000
        assert replay(TERMS, events, known_at=NOON).value_on(day("2026-04-01")) == 700

    def test_takes_a_book_over_with_what_was_written_off(self):
        taken = replace(TERMS, opened_on=day("2026-07-01"), opening_accumulated=Decimal(600))
        history = replay(taken)
        assert charges(history) == ["100.00"] * 6
        assert [history.value_on(day(on)) for on in ("2026-06-30", "2026-07-01")] == [0, 700]

    @pytest.mark.parametrize(
        "wrong",
        [
            event("impair", "2026-04-01", amount="1000.01"),
            event("split", "2026-04-01", cost="1300.00"),
            event("capitalise", "2026-04-01", amount="0"),
            event("reinstate", "2026-04-01"),
            event("revalue", "2025-12-31", book_value="1.00"),
            event("estimate", "2026-04-01", lifetime=3),
        ],
    )
    def test_refuses_what_the_book_cannot_bear(self, wrong):
        with pytest.raises(ValueError, match=r"\w"):
            replay(TERMS, [wrong])


class TestConventions:
    def test_half_a_year_is_borne_by_the_months_left_of_the_year(self):
        terms = replace(TERMS, in_service_on=date(2026, 10, 3), first_month=FirstMonth.HALF_YEAR)
        assert charges(replay(terms)) == ["200.00"] * 3 + ["100.00"] * 6  # 600 in three months, then 6 of 12

    def test_macrs_bears_the_published_percentage_of_each_tax_year(self):
        terms = replace(
            TERMS,
            cost=Decimal(1000),
            residual_value=Decimal(0),
            method=Method.MACRS,
            recovery_years=5,
            in_service_on=date(2026, 8, 1),
        )
        by_year: dict[int, Decimal] = {}
        for entry in replay(terms).entries:
            by_year[entry.month.year] = by_year.get(entry.month.year, Decimal(0)) + entry.charge
        assert by_year == {  # Table A-1
            2026: 200,
            2027: 320,
            2028: 192,
            2029: Decimal("115.20"),
            2030: Decimal("115.20"),
            2031: Decimal("57.60"),
        }
        late = replace(terms, tax_convention=Convention.MID_QUARTER, in_service_on=date(2026, 11, 1))
        assert sum(entry.charge for entry in replay(late).entries[:2]) == 50  # Table A-5: 5 %

    def test_half_the_charge_of_the_year_of_disposal(self):
        terms = replace(TERMS, useful_life_months=24, last_month=LastMonth.HALF_YEAR)
        history = replay(terms, [event("dispose", "2027-10-05", proceeds="0")])
        # 600 a year; half of 2027 is 300, and January to September have borne 450
        assert [history.entries[-1].charge, history.gain()] == [-150, -400]


KINDS = {
    "capitalise": lambda cents: {"amount": f"{cents / 100:.2f}"},
    "revalue": lambda cents: {"book_value": f"{cents / 100:.2f}"},
    "impair": lambda cents: {"amount": f"{cents / 1000:.2f}"},
    "estimate": lambda cents: {"useful_life_months": 1 + cents % 40},
    "split": lambda cents: {"cost": f"{cents / 1000:.2f}"},
    "dispose": lambda cents: {"proceeds": f"{cents / 100:.2f}"},
    "reinstate": lambda cents: {},
    "restate": lambda cents: {"useful_life_months": 1 + cents % 40},
}


@st.composite
def told_one_after_another(draw):
    """Events in the order in which they became known, each one that the book can bear when it comes."""
    events: list[BookEvent] = []
    for number in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(sorted(KINDS)))
        on = date(2026, 1, 10) + timedelta(days=draw(st.integers(0, 500)))
        fresh = event(
            kind,
            on.isoformat(),
            known=number,
            name=str(number),
            counts_from=draw(st.sampled_from(CountsFrom)),
            **KINDS[kind](draw(st.integers(1, 100_000))),
        )
        if events and draw(st.booleans()):
            fresh = event("reverse", on.isoformat(), known=number, name=str(number), reverses_id=events[0].id)
        try:
            replay(TERMS, [*events, fresh])
        except ValueError:
            continue
        events.append(fresh)
    return events


class TestWhatWasShown:
    @settings(max_examples=80, deadline=None)
    @given(told_one_after_another(), st.dates(date(2025, 12, 1), date(2029, 12, 31)))
    def test_can_be_computed_again_whatever_came_later(self, events, on):
        shown = [replay(TERMS, events[:count]).value_on(on) for count in range(len(events) + 1)]
        moments = [NOON - timedelta(days=1), *(each.recorded_at for each in events)]
        again = [replay(TERMS, events, known_at=moment).value_on(on) for moment in moments]
        assert again == shown

    @settings(max_examples=80, deadline=None)
    @given(told_one_after_another())
    def test_months_and_movements_account_for_every_cent(self, events):
        history = replay(TERMS, events)
        assert all(after.month > before.month for before, after in pairwise(history.entries))
        end = date(2040, 1, 1)
        moved = sum(move.value for move in history.movements)
        assert history.value_on(end) == moved - sum(entry.charge for entry in history.entries)
        if history.disposed_on:
            assert history.value_on(end) == 0
        else:
            assert history.value_on(end) <= max(history.terms.residual_value, moved)


class TestPlan:
    def test_adds_up_the_charges_by_month_in_minor_units(self):
        plan = plan_of(replay(TERMS))
        assert (plan.first_month, list(plan.totals[:2]), plan.totals[-1]) == (
            day("2026-01-31"),
            [10_000, 20_000],
            120_000,
        )
        assert plan.charge(day("2026-05-31")) == 10_000
        assert (plan.total_by(day("2025-12-31")), plan.total_by(day("2030-01-31"))) == (0, 120_000)

    def test_repeats_the_total_in_months_without_a_charge(self):
        gone = [event("dispose", "2026-03-10", proceeds="0"), event("reinstate", "2026-07-01")]
        plan = plan_of(replay(TERMS, gone))
        assert plan.totals[1] == plan.totals[5] == 20_000

    def test_lets_the_first_open_month_make_good_what_closed_ones_missed(self):
        plan = plan_of(replay(TERMS))
        assert charge_between(plan, posted=10_000, month=day("2026-03-31")) == 20_000
        assert unposted(plan, posted=10_000, first_open=day("2026-03-01"), until=day("2026-04-30")) == [
            (day("2026-03-31"), 20_000),
            (day("2026-04-30"), 10_000),
        ]

    def test_gives_back_what_closed_months_bore_too_much(self):
        longer = plan_of(replay(TERMS, [event("restate", "2026-01-10", useful_life_months=24)]))
        assert charge_between(longer, posted=30_000, month=day("2026-04-30")) == -10_000  # 4 x 50 - 300

    def test_has_no_month_after_the_end(self):
        assert (
            charge_between(plan_of(replay(TERMS)), posted=120_000, month=end_of_month(day("2030-01-01"))) == 0
        )

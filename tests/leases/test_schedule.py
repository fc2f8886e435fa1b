"""The rent of a line: what is owed for which days, when, and for which serial."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haas.calendar import Period
from leases.schedule import (
    RentKind,
    Stay,
    rent_due,
    rent_due_total,
    rent_schedule,
    split_by_serial,
)
from leases.terms import LeaseTerms, Proration, Timing, commencement, rent_start

TERMS = LeaseTerms(
    commences_on=date(2025, 2, 1), term_months=24, rent=Decimal("310.00"), currency="EUR", anchor_day=1
)
FAR = date(2040, 1, 1)

DAYS = st.dates(min_value=date(2000, 1, 1), max_value=date(2030, 12, 31))


@st.composite
def any_terms(draw):
    accepted = draw(DAYS)
    anchor_day = draw(st.integers(1, 31))
    interim = draw(st.booleans())
    return accepted, LeaseTerms(
        commences_on=commencement(accepted_on=accepted, anchor_day=anchor_day, interim_rent=interim),
        term_months=draw(st.integers(1, 60)),
        rent=Decimal(draw(st.integers(0, 10**7))) / 100,
        currency="EUR",
        timing=draw(st.sampled_from(Timing)),
        anchor_day=anchor_day,
        interval_months=draw(st.sampled_from([1, 3, 6, 12])),
        proration=draw(st.sampled_from(Proration)),
        interim_rent=interim,
    )


class TestRentDue:
    def test_charges_interim_rent_by_the_day_up_to_the_first_anchor(self):
        # accepted 18 January: 14 of January's 31 days, 310.00 x 14 / 31 = 140.00
        first, second = rent_due(TERMS, date(2025, 1, 18), None, date(2025, 2, 1))
        assert (first.kind, first.period_start, first.period_end) == (
            RentKind.INTERIM,
            date(2025, 1, 18),
            date(2025, 2, 1),
        )
        assert (first.days, first.basis_days, first.amount) == (14, 31, Decimal("140.00"))
        assert (second.kind, second.amount) == (RentKind.RENT, Decimal("310.00"))

    def test_charges_the_part_of_the_last_period(self):
        # 10 of April's 30 days: 310.00 / 3
        last = rent_due(TERMS, date(2025, 2, 1), date(2025, 4, 11), FAR)[-1]
        assert (last.days, last.basis_days, last.amount) == (10, 30, Decimal("103.33"))

    def test_in_advance_is_due_on_the_first_day(self):
        assert [p.due_on for p in rent_due(TERMS, date(2025, 2, 1), None, date(2025, 3, 31))] == [
            date(2025, 2, 1),
            date(2025, 3, 1),
        ]

    def test_in_arrears_is_due_on_the_day_after_the_last(self):
        terms = replace(TERMS, timing=Timing.ARREARS)
        assert rent_due(terms, date(2025, 2, 1), None, date(2025, 2, 28)) == []
        assert [p.period_start for p in rent_due(terms, date(2025, 2, 1), None, date(2025, 3, 1))] == [
            date(2025, 2, 1)
        ]

    def test_keeps_the_31st_through_short_months(self):
        terms = replace(TERMS, commences_on=date(2025, 1, 31), anchor_day=31)
        starts = [p.period_start for p in rent_due(terms, date(2025, 1, 31), None, date(2025, 4, 30))]
        assert starts == [date(2025, 1, 31), date(2025, 2, 28), date(2025, 3, 31), date(2025, 4, 30)]

    @pytest.mark.parametrize(
        ("months", "ends_on"), [(1, "2027-03-31"), (12, "2028-02-29"), (2, "2027-04-30")]
    )
    def test_of_a_term_of_whole_periods_is_whole_though_it_begins_in_a_short_month(self, months, ends_on):
        terms = replace(TERMS, commences_on=date(2027, 2, 28), anchor_day=31, term_months=months)
        assert terms.base_end == date.fromisoformat(ends_on)
        assert [p.amount for p in rent_schedule(terms)] == [Decimal("310.00")] * months

    @given(any_terms())
    def test_a_term_of_whole_periods_costs_whole_rents(self, drawn):
        _, terms = drawn
        if terms.interim_rent and terms.term_months % terms.interval_months == 0:
            rents = [p for p in rent_schedule(terms) if p.kind is RentKind.RENT]
            assert [p.amount for p in rents] == [terms.rent] * (terms.term_months // terms.interval_months)

    def test_goes_on_as_holdover_at_its_own_rate(self):
        terms = replace(TERMS, term_months=1, holdover_pct=Decimal(110))
        payments = rent_due(terms, date(2025, 2, 1), None, date(2025, 3, 1))
        assert [(p.kind, p.amount) for p in payments] == [
            (RentKind.RENT, Decimal("310.00")),
            (RentKind.HOLDOVER, Decimal("341.00")),
        ]

    def test_stops_with_the_term_where_no_holdover_was_agreed(self):
        terms = replace(TERMS, term_months=2, holdover_pct=None)
        assert rent_due(terms, date(2025, 2, 1), None, FAR)[-1].period_end == date(2025, 4, 1)

    def test_gives_the_days_before_the_term_away_without_interim_rent(self):
        terms = replace(TERMS, interim_rent=False)
        assert rent_due(terms, date(2025, 1, 18), None, FAR)[0].period_start == date(2025, 2, 1)

    @pytest.mark.parametrize(
        ("rule", "amount"),
        [
            (Proration.ACTUAL_PERIOD, "140.00"),  # 310 x 14 / 31
            (Proration.THIRTY_DAY, "134.33"),  # 310 x 13 / 30: the 31st costs nothing more
            (Proration.WHOLE, "310.00"),
            (Proration.NONE, "0.00"),
        ],
    )
    def test_follows_the_proration_rule(self, rule, amount):
        stub = rent_due(replace(TERMS, proration=rule), date(2025, 1, 18), None, date(2025, 1, 18))[0]
        assert stub.amount == Decimal(amount)

    @given(any_terms(), st.integers(0, 1500))
    def test_bills_every_day_of_the_line_once(self, drawn, days):
        start, terms = drawn
        end = start + timedelta(days=days)
        payments = rent_due(terms, start, end, FAR)
        if not terms.interim_rent:
            start = max(start, terms.commences_on)
        assert sum((p.period_end - p.period_start).days for p in payments) == max((end - start).days, 0)
        assert all(before.period_end == after.period_start for before, after in pairwise(payments))
        assert all(p.period_start == start for p in payments[:1])

    @given(any_terms(), st.integers(1, 1500), st.integers(0, 1600))
    def test_never_takes_a_due_payment_back(self, drawn, days, later):
        start, terms = drawn
        end = start + timedelta(days=days)
        as_of = start + timedelta(days=later)
        due = rent_due(terms, start, end, as_of)
        assert rent_due(terms, start, end, as_of + timedelta(days=40))[: len(due)] == due
        assert all(p.due_on <= as_of for p in due)

    @given(any_terms(), st.integers(0, 1600))
    def test_a_closed_line_costs_no_more_than_an_open_one(self, drawn, later):
        start, terms = drawn
        as_of = start + timedelta(days=later)
        closed = rent_due_total(terms, start, as_of, as_of)
        if terms.timing is Timing.ADVANCE:
            assert closed <= rent_due_total(terms, start, None, as_of)

    @given(any_terms())
    def test_of_whole_periods_is_the_rent_times_their_number(self, drawn):
        _, terms = drawn
        terms = replace(terms, commences_on=terms.cycle.anchor, term_months=terms.interval_months * 5)
        terms = replace(terms, ends_on=terms.cycle.boundary(5))
        assert [p.amount for p in rent_schedule(terms)] == [terms.rent] * 5


class TestTerms:
    @pytest.mark.parametrize(
        "change",
        [
            {"term_months": 0},
            {"anchor_day": 32},
            {"rent": Decimal(-1)},
            {"currency": "EURO"},
            {"day_count": "act/1"},
            {"interval_months": 0},
        ],
    )
    def test_refuse_what_has_no_meaning(self, change):
        with pytest.raises(ValueError, match=r"\w"):
            replace(TERMS, **change)

    def test_commence_on_the_anchor_after_acceptance(self):
        assert commencement(accepted_on=date(2025, 1, 18), anchor_day=31) == date(2025, 1, 31)
        assert commencement(accepted_on=date(2025, 1, 18), anchor_day=15) == date(2025, 2, 15)
        assert commencement(accepted_on=date(2025, 1, 18), anchor_day=15, interim_rent=False) == date(
            2025, 1, 18
        )

    def test_begin_rent_on_the_clients_day(self):
        accepted = datetime(2025, 1, 17, 23, 30, tzinfo=UTC)
        assert rent_start(accepted, "Europe/Berlin") == date(2025, 1, 18)


class TestSplitBySerial:
    JULY = Period(date(2025, 7, 1), date(2025, 8, 1))

    def test_shares_by_days_and_loses_no_cent(self):
        swapped = datetime(2025, 7, 18, 9, 0, tzinfo=UTC)
        stays = [
            Stay.between("OLD", datetime(2025, 1, 1, tzinfo=UTC), swapped, time_zone="UTC"),
            Stay.between("NEW", swapped, None, time_zone="UTC"),
        ]
        shares = split_by_serial(Decimal("100.00"), self.JULY, stays, currency="EUR")
        assert [(s.serial, s.days, s.amount) for s in shares] == [
            ("OLD", 17, Decimal("54.84")),
            ("NEW", 14, Decimal("45.16")),
        ]

    def test_leaves_out_who_was_not_there(self):
        stays = [Stay("GONE", date(2025, 1, 1), date(2025, 7, 1)), Stay("LATER", date(2025, 8, 1))]
        assert split_by_serial(Decimal("100.00"), self.JULY, stays, currency="EUR") == []

    @given(
        st.integers(-(10**8), 10**8),
        st.lists(st.dates(date(2025, 6, 1), date(2025, 8, 31)), min_size=1, max_size=6, unique=True).map(
            sorted
        ),
    )
    def test_adds_up_to_the_amount(self, cents, swaps):
        ends = [*swaps[1:], None]
        stays = [Stay(f"S{i}", start, end) for i, (start, end) in enumerate(zip(swaps, ends, strict=True))]
        amount = Decimal(cents) / 100
        shares = split_by_serial(amount, self.JULY, stays, currency="EUR")
        if shares:
            assert sum(s.amount for s in shares) == amount
            assert sum(s.days for s in shares) == (self.JULY.end - max(swaps[0], self.JULY.start)).days

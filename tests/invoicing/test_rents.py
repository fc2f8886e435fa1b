"""A past that was billed as owed is compared as a whole; the answer is that of due less billed, or none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from hashlib import sha256
from random import Random

import sqlalchemy as sa
from sqlalchemy.orm import Session

from invoicing import book, corrections, queries
from invoicing.balance import Billed
from invoicing.models import Invoice
from invoicing.proposals import propose
from invoicing.rents import EPOCH, Past, Schedule
from leases.models import Line
from leases.schedule import RentPayment, rent_due
from leases.terms import LeaseTerms
from tests.cast import Cast
from tests.invoicing.test_billing import ACCEPTED, NOW, PORTAL, a_rate, bill
from tests.leases.fleet import day, lease_in_service
from tests.leases.test_amendment_sequences import a_story, amended

TERMS = LeaseTerms(commences_on=date(2026, 1, 1), term_months=12, rent=Decimal(100), currency="USD")
MARCH = date(2026, 3, 1)


def past_of(billed: Iterable[Billed], *, as_of: date) -> Past | None:
    """What the database tells of these rows."""
    rows = sorted(
        (row.kind, row.period_start, row.revision, row.amount)
        for row in billed
        if row.line_id == "l" and row.due_on <= as_of
    )
    text = ",".join(
        f"{kind} {(start - EPOCH).days} {revision} {amount:.3f}" for kind, start, revision, amount in rows
    )
    return Past(len(rows), sha256(text.encode()).digest()) if rows else None


def a_schedule() -> Schedule:
    return Schedule(rent_due(TERMS, date(2026, 1, 1), None, MARCH))  # January, February and March


def billed(payment: RentPayment, *, amount: str = "100", revision: int = 0) -> Billed:
    return Billed(
        "l", "rent", payment.period_start, payment.period_end, Decimal(amount), revision, payment.due_on
    )


class TestStillOwed:
    def test_is_all_where_nothing_was_billed(self) -> None:
        schedule = a_schedule()
        assert schedule.still_owed(None) == schedule.payments

    def test_is_what_comes_after_what_was_billed(self) -> None:
        schedule = a_schedule()
        january, february, march = schedule.payments
        past = past_of([billed(january), billed(february)], as_of=MARCH)
        assert schedule.still_owed(past) == [march]
        assert schedule.still_owed(past_of(map(billed, schedule.payments), as_of=MARCH)) == []

    def test_is_not_told_where_the_past_is_another(self) -> None:
        schedule = a_schedule()
        january, february, _ = schedule.payments
        for rows in (
            [billed(january, amount="99.99")],
            [billed(february)],  # January was left out
            [billed(january), billed(january, amount="-10", revision=1)],  # corrected since
            [billed(january), replace(billed(february), kind="interim_rent")],
        ):
            assert schedule.still_owed(past_of(rows, as_of=MARCH)) is None

    def test_agrees_with_due_less_billed_whatever_was_amended(self) -> None:
        told = untold = 0
        for seed in range(1_500):
            random = Random(seed)  # noqa: S311 - the same every time
            story = a_story(random)
            for _ in range(random.randrange(2, 7)):
                as_of = story.today + timedelta(days=random.randrange(-20, 45))
                if random.random() < 0.4:
                    story = amended(story, random)
                changes = [change for change in story.to_bill(as_of) if change.line_id == "l"]
                rest = Schedule(story.due(as_of)).still_owed(past_of(story.billed, as_of=as_of))
                if rest is None:
                    untold += 1
                else:
                    told += 1
                    assert [(row.kind.value, row.period_start, row.amount, 0) for row in rest] == [
                        (row.kind, row.period_start, row.amount, row.revision) for row in changes
                    ], seed
                    assert [row.owed.source for row in changes if row.owed is not None] == rest, seed
                if as_of >= story.today:
                    story.bill(as_of)
        assert told > 3 * untold > 0  # both ways are walked


class TestBook:
    def test_proposes_the_same_as_if_every_billed_row_were_read(self, session: Session, cast: Cast) -> None:
        a_rate(session, cast.tenant)
        kept = lease_in_service(
            session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED, rent="93.00"
        )
        lease_in_service(session, cast.tenant, client_id=cast.globex.id, accepted_at=ACCEPTED)
        clients = [cast.acme.id, cast.globex.id]

        def ahead_of(as_of: str) -> set[str]:
            """Lines whose past was not read, after proving that reading it proposes the same."""
            found = book.load(session, cast.tenant, client_ids=clients, as_of=day(as_of), lock=False)
            lines = [line.id for rows in found.lines.values() for line in rows]
            everything = book.load_billed(session, cast.tenant, sources=lines)
            assert propose(found) == propose(replace(found, ahead={}, billed=everything))
            return set(found.ahead)

        both = {line.id for line in session.scalars(sa.select(Line))}
        assert ahead_of("2026-05-01") == both  # nothing is billed yet
        first = bill(session, cast, "2026-04-01")
        assert ahead_of("2026-04-01") == ahead_of("2026-06-01") == ahead_of("2026-03-15") == both

        of_kept = next(row for row in first if row.client_id == cast.acme.id)
        rent = queries.lines_of(session, cast.tenant, invoice_id=of_kept.id)[1]
        corrections.credit_invoice(
            session,
            cast.tenant,
            invoice_id=of_kept.id,
            reason="Goodwill",
            issued_on=day("2026-04-05"),
            at=NOW,
            portal_url=PORTAL,
            amounts={rent.id: Decimal(10)},
        )
        assert ahead_of("2026-05-01") == both  # what was credited by hand is not billed again

        kept.lines[0].ends_on = day("2026-04-11")
        session.flush()
        assert ahead_of("2026-05-01") == both - {kept.lines[0].id}  # twenty days go back
        notes = [row for row in bill(session, cast, "2026-05-01") if row.kind == "credit_note"]
        assert [(row.client_id, row.net_total) for row in notes] == [(cast.acme.id, Decimal("-62.00"))]
        assert ahead_of("2026-06-01") == both - {kept.lines[0].id}
        assert session.scalar(sa.select(sa.func.count()).select_from(Invoice)) == 5

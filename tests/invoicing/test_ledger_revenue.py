"""Rent is earned by its days: evenly, to the cent, whatever is billed when."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.calendar import Period
from haas.tenancy.scope import scoped
from invoicing.ledger import posting, reports
from invoicing.ledger.chart import Book
from invoicing.ledger.earning import Rents, earned_by, months_in
from invoicing.ledger.models import JournalLine
from invoicing.ledger.reports import Span
from leases.amendments.operations import amend
from leases.amendments.wanted import Wanted
from leases.models import Line
from tests.cast import Cast
from tests.invoicing.world import a_lease, a_rate, bill, keep_operating

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
TODAY = date(2026, 11, 1)
APRIL, MAY, JUNE = (date(2026, month, 1) for month in (4, 5, 6))


@pytest.fixture(autouse=True)
def operating(session: Session, cast: Cast) -> None:
    """Finance leases are told of in test_ledger_finance."""
    keep_operating(session, cast.tenant)


class TestMonthsIn:
    @pytest.mark.parametrize(
        ("start", "end", "months"),
        [
            (date(2026, 4, 1), date(2029, 4, 1), 36),
            (date(2026, 4, 16), date(2026, 6, 16), 2),  # 15/30 + 1 + 15/30
        ],
    )
    def test_weighs_each_calendar_month_the_same(self, start, end, months) -> None:
        assert months_in(Period(start, end)) == months


class TestEarnedBy:
    def test_equalises_what_is_free_at_first(self) -> None:
        # Three free months, then 33 of 120.00: 3,960.00 over 36 months is 110.00 in each.
        rents = Rents(Period(date(2026, 4, 1), date(2029, 4, 1)), Decimal("3960.00"))
        assert earned_by(rents, until=MAY, currency="USD") == Decimal("110.00")
        assert earned_by(rents, until=date(2029, 4, 1), currency="USD") == Decimal("3960.00")

    def test_loses_no_cent(self) -> None:
        rents = Rents(Period(date(2026, 4, 1), date(2026, 7, 1)), Decimal("100.00"))
        totals = [earned_by(rents, until=until, currency="USD") for until in (MAY, JUNE, date(2026, 7, 1))]
        assert totals == [Decimal("33.33"), Decimal("66.67"), Decimal("100.00")]

    def test_earns_what_is_agreed_on_the_way_from_then_on(self) -> None:
        # 100.00 a month for four months; from the third on 130.00, agreed when two were over.
        rents = Rents(Period(APRIL, date(2026, 8, 1)), Decimal("460.00"), before=((JUNE, Decimal("400.00")),))
        untils = (MAY, JUNE, date(2026, 7, 1), date(2026, 8, 1))
        totals = [earned_by(rents, until=until, currency="USD") for until in untils]
        assert totals == [Decimal(100), Decimal(200), Decimal(330), Decimal(460)]


class TestPosting:
    def test_earns_the_month_that_was_billed_ahead(self, session: Session, cast: Cast) -> None:
        a_rate(session, cast.tenant)
        a_lease(session, cast.tenant, client_id=cast.acme.id, rent="93.00")
        bill(session, cast.tenant, APRIL)
        bill(session, cast.tenant, MAY)
        for month in (APRIL, APRIL, MAY):
            run = posting.start_run(session, cast.tenant, month=month, today=TODAY, at=NOW)
            posting.run_now(session, cast.tenant, run=run, at=NOW)

        rent = session.scalar(sa.select(sa.func.sum(JournalLine.amount)).where(JournalLine.purpose == "rent"))
        assert rent == Decimal("-186.00")  # April and May
        rows = reports.roll_forward(
            session, cast.tenant, report=reports.DEFERRED_RENT, span=Span(Book.FINANCIAL, APRIL, MAY)
        )
        assert [(row.moved, row.closing) for row in rows] == [
            ({"billed": Decimal("186.00"), "earned": Decimal("-186.00")}, Decimal(0))
        ]

    def test_earns_a_rise_from_when_it_was_agreed(self, session: Session, cast: Cast) -> None:
        a_lease(session, cast.tenant, client_id=cast.acme.id, rent="93.00")
        line = session.scalars(scoped(Line, cast.tenant)).one()
        amend(
            session,
            cast.tenant,
            lease_id=line.lease_id,
            kind="price_change",
            effective_on=JUNE,
            wanted=Wanted(line_ids=(line.id,), unit_price=Decimal("100.00")),
            at=datetime(2026, 6, 1, 15, 0, tzinfo=UTC),
        )
        run = posting.start_run(session, cast.tenant, month=JUNE, today=TODAY, at=NOW)
        posting.run_now(session, cast.tenant, run=run, at=NOW)
        months = session.execute(
            sa.select(JournalLine.period, sa.func.sum(-JournalLine.amount))
            .where(JournalLine.purpose == "rent")
            .group_by(JournalLine.period)
            .order_by(JournalLine.period)
        )
        assert [row[1] for row in months] == [Decimal(93), Decimal(93), Decimal(100)]

    def test_says_before_what_was_earned(self, session: Session, cast: Cast) -> None:
        a_lease(session, cast.tenant, client_id=cast.acme.id, rent="93.00")
        told = posting.preview(session, cast.tenant, month=JUNE, book=Book.FINANCIAL)
        assert ("revenue", 3, Decimal("279.00")) in [(row.kind, row.entries, row.amount) for row in told]

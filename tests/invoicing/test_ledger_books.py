"""Depreciation and the books' events in the ledger; reports tie to the entries; any history balances."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from devices.operations import move_asset
from haas.calendar import add_months
from invoicing.corrections import credit_invoice
from invoicing.ledger import periods, posting, queries, reports
from invoicing.ledger.chart import Book
from invoicing.ledger.models import DepreciationPosting, JournalEntry, JournalLine
from invoicing.ledger.reports import Span
from invoicing.queries import lines_of
from leases import books
from leases.ends import buyouts, losses
from leases.ends.policy import Method
from leases.models import DepreciationBook
from tests.cast import Cast
from tests.invoicing.world import PORTAL, an_invoice, bill, keep_operating

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
TODAY = date(2026, 11, 1)
MARCH, APRIL, MAY, JUNE = (date(2026, month, 1) for month in (3, 4, 5, 6))
A_MONTH = Decimal("30.00")  # (1200 - 10 %) / 36


@pytest.fixture(autouse=True)
def operating(session: Session, cast: Cast) -> None:
    """Finance leases are told of in test_ledger_finance."""
    keep_operating(session, cast.tenant)


def post_until(session: Session, cast: Cast, month: date, at: datetime = NOW) -> None:
    """A whole run, in this transaction."""
    run = posting.start_run(session, cast.tenant, month=month, today=TODAY, at=at)
    posting.run_now(session, cast.tenant, run=run, at=at)


def charges(session: Session) -> list[tuple[date, Decimal, Decimal]]:
    """Month, charge and all so far of the one asset's financial book."""
    rows = session.execute(
        sa.select(DepreciationPosting.period, DepreciationPosting.charge, DepreciationPosting.accumulated)
        .where(DepreciationPosting.book == Book.FINANCIAL)
        .order_by(DepreciationPosting.period)
    )
    return [(row[0], row[1], row[2]) for row in rows]


def stands_at(session: Session, purpose: str) -> Decimal:
    """The balance of a purpose in the financial book."""
    return session.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(JournalLine.amount), 0)).where(
            JournalLine.purpose == purpose, JournalLine.book == Book.FINANCIAL
        )
    ) or Decimal(0)


def the_book(session: Session) -> DepreciationBook:
    """The one asset's financial book."""
    return session.scalars(sa.select(DepreciationBook).where(DepreciationBook.name == "book")).one()


@pytest.fixture
def in_service(session: Session, cast: Cast) -> None:
    """A laptop for 1,200 at work since 11 March 2026, its first month charged whole."""
    an_invoice(session, cast.tenant, client_id=cast.acme.id)


@pytest.mark.usefixtures("in_service")
class TestDepreciation:
    def test_charges_each_month_once(self, session: Session, cast: Cast) -> None:
        for month in (MARCH, MAY, MAY):
            post_until(session, cast, month)
        assert charges(session) == [
            (MARCH, A_MONTH, Decimal(30)),
            (APRIL, A_MONTH, Decimal(60)),
            (MAY, A_MONTH, Decimal(90)),
        ]
        assert stands_at(session, "depreciation") == Decimal("90.00")
        assert stands_at(session, "accumulated_depreciation") == Decimal("-90.00")

    def test_catches_up_in_the_first_open_month(self, session: Session, cast: Cast) -> None:
        periods.lock_month(session, cast.tenant, book=Book.FINANCIAL, month=APRIL, today=TODAY, at=NOW)
        post_until(session, cast, JUNE)
        assert charges(session) == [
            (MAY, 3 * A_MONTH, Decimal(90)),  # March and April are locked
            (JUNE, A_MONTH, Decimal(120)),
        ]

    def test_ends_with_the_life(self, session: Session, cast: Cast) -> None:
        far = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)
        run = posting.start_run(session, cast.tenant, month=date(2029, 11, 1), today=date(2030, 1, 1), at=far)
        posting.run_now(session, cast.tenant, run=run, at=far)
        found = charges(session)
        assert len(found) == 36
        assert found[-1] == (date(2029, 2, 1), A_MONTH, Decimal(1080))  # 1200 less 10 %
        told = posting.preview(session, cast.tenant, month=date(2029, 11, 1), book=Book.FINANCIAL)
        assert [row for row in told if row.kind == "depreciation"] == []

    def test_says_what_an_entry_sums(self, session: Session, cast: Cast) -> None:
        post_until(session, cast, MARCH)
        entry = session.scalars(
            sa.select(JournalEntry).where(
                JournalEntry.source_kind == "depreciation", JournalEntry.book == Book.FINANCIAL
            )
        ).one()
        (row,) = queries.books_of(session, cast.tenant, entry=entry, limit=10)
        assert (row.charge, row.accumulated) == (A_MONTH, Decimal(30))

    def test_reads_a_fixed_number_of_statements_in_chunks_of_any_size(
        self, session: Session, cast: Cast
    ) -> None:
        run = posting.start_run(session, cast.tenant, month=MARCH, today=TODAY, at=NOW, chunk_books=1)
        posting.run_now(session, cast.tenant, run=run, at=NOW)
        assert charges(session) == [(MARCH, A_MONTH, Decimal(30))]


@pytest.mark.usefixtures("in_service")
class TestDisposal:
    def test_takes_cost_and_depreciation_out_and_books_the_gain(self, session: Session, cast: Cast) -> None:
        post_until(session, cast, APRIL)
        book = the_book(session)
        books.close_book(
            session,
            cast.tenant,
            asset_id=book.asset_id,
            disposed_on=date(2026, 6, 15),
            proceeds=Decimal("1150.00"),
        )
        post_until(session, cast, JUNE)

        assert stands_at(session, "equipment") == 0
        assert stands_at(session, "accumulated_depreciation") == 0
        assert stands_at(session, "depreciation") == Decimal("90.00")  # March to May; June bears none
        assert stands_at(session, "proceeds") == Decimal("1150.00")
        assert stands_at(session, "gain") == Decimal("-40.00")  # 1150 - (1200 - 90)


@pytest.mark.usefixtures("in_service")
class TestSale:
    def test_clears_its_proceeds_and_what_is_credited_of_it_lessens_the_gain(
        self, session: Session, cast: Cast
    ) -> None:
        book, on = the_book(session), date(2026, 5, 1)
        offered = buyouts.offer(
            session, cast.tenant, asset_id=book.asset_id, priced_on=on, today=on, at=NOW, method=Method.BOOK
        )
        sold = buyouts.agree(
            session, cast.tenant, buyout_id=offered.id, agreed_by="Ada", agreed_on=on, at=NOW
        )
        books.close_book(session, cast.tenant, asset_id=book.asset_id, disposed_on=on, proceeds=sold.price)
        (invoice,) = bill(session, cast.tenant, on)
        post_until(session, cast, MAY)
        gain = sold.price - (1200 - 2 * A_MONTH)
        assert [stands_at(session, purpose) for purpose in ("proceeds", "gain")] == [0, -gain]

        (row,) = (
            row for row in lines_of(session, cast.tenant, invoice_id=invoice.id) if row.kind == "buy_out"
        )
        credit_invoice(
            session,
            cast.tenant,
            invoice_id=invoice.id,
            reason="scratched",
            issued_on=date(2026, 5, 20),
            at=NOW,
            portal_url=PORTAL,
            amounts={row.id: Decimal("50.00")},
        )
        post_until(session, cast, JUNE)
        assert [stands_at(session, purpose) for purpose in ("proceeds", "gain")] == [0, 50 - gain]


@pytest.mark.usefixtures("in_service")
class TestLoss:
    def test_clears_its_proceeds_against_the_invoice_and_back_when_it_is_found(
        self, session: Session, cast: Cast
    ) -> None:
        book = the_book(session)
        lost_at = datetime(2026, 5, 10, 15, 0, tzinfo=UTC)
        charge = losses.confirm_loss(
            session,
            cast.tenant,
            asset_id=book.asset_id,
            cause="lost",
            lost_on=lost_at.date(),
            at=lost_at,
        )
        bill(session, cast.tenant, date(2026, 5, 31))
        post_until(session, cast, MAY)
        assert stands_at(session, "proceeds") == 0
        assert stands_at(session, "damage") == 0  # it is no income beside the gain
        assert stands_at(session, "gain") == -(charge.amount - (1200 - 2 * A_MONTH))

        found_at = datetime(2026, 6, 5, 9, 0, tzinfo=UTC)
        move_asset(session, cast.tenant, asset_id=book.asset_id, verb="recover", at=found_at)
        losses.reverse_if_found(session, cast.tenant, asset_id=book.asset_id, on=found_at.date())
        bill(session, cast.tenant, date(2026, 6, 6))
        post_until(session, cast, JUNE)
        assert [stands_at(session, purpose) for purpose in ("proceeds", "gain")] == [0, 0]
        assert stands_at(session, "equipment") == 1200


@pytest.mark.usefixtures("in_service")
class TestReports:
    def test_roll_assets_forward_to_the_cent(self, session: Session, cast: Cast) -> None:
        post_until(session, cast, MAY)
        span = Span(Book.FINANCIAL, APRIL, MAY)
        (cost,) = reports.roll_forward(session, cast.tenant, report=reports.ASSET_COST, span=span)
        (written_off,) = reports.roll_forward(
            session, cast.tenant, report=reports.ASSET_DEPRECIATION, span=span
        )
        assert (cost.label, cost.opening, cost.closing) == ("laptop", Decimal(1200), Decimal(1200))
        assert written_off.opening == Decimal("30.00")
        assert written_off.moved == {"depreciation": Decimal("60.00")}
        assert written_off.closing == Decimal("90.00")

    def test_balance_in_each_currency(self, session: Session, cast: Cast) -> None:
        post_until(session, cast, MAY)
        rows = reports.trial_balance(session, cast.tenant, span=Span(Book.FINANCIAL, MARCH, MAY))
        assert sum(row.debit for row in rows) == sum(row.credit for row in rows) > 0
        assert sum(row.closing for row in rows) == 0

    def test_follow_receivables_by_client(self, session: Session, cast: Cast) -> None:
        post_until(session, cast, APRIL)
        (row,) = reports.roll_forward(
            session, cast.tenant, report=reports.RECEIVABLES, span=Span(Book.FINANCIAL, APRIL, APRIL)
        )
        assert (row.label, row.moved) == ("Acme Dental", {"billed": Decimal("168.48")})


class TestAnyHistory:
    @settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(st.sampled_from(["post", "lock", "dispose", "skip"]), min_size=2, max_size=6))
    def test_balances_and_ties(self, session: Session, cast: Cast, steps: list[str]) -> None:
        place = session.begin_nested()
        try:
            an_invoice(session, cast.tenant, client_id=cast.acme.id)
            book, month = the_book(session), MARCH
            for step in steps:
                if step == "post":
                    post_until(session, cast, month)
                elif step == "lock" and (
                    (last := periods.last_locked(session, cast.tenant, book=Book.FINANCIAL)) is None
                    or last < month
                ):
                    periods.lock_month(
                        session, cast.tenant, book=Book.FINANCIAL, month=month, today=TODAY, at=NOW
                    )
                elif step == "dispose" and book.disposed_on is None:
                    books.close_book(
                        session,
                        cast.tenant,
                        asset_id=book.asset_id,
                        disposed_on=month.replace(day=20),
                        proceeds=Decimal("700.00"),
                    )
                month = add_months(month, 1)
            post_until(session, cast, date(2026, 10, 1))
            self._check(session, cast)
        finally:
            place.rollback()

    def _check(self, session: Session, cast: Cast) -> None:
        whole = Span(Book.FINANCIAL, MARCH, date(2026, 10, 1))
        rows = reports.trial_balance(session, cast.tenant, span=whole)
        assert sum(row.closing for row in rows) == 0
        closing = {row.code: row.closing for row in rows}
        for report, code in ((reports.ASSET_COST, "1500"), (reports.ASSET_DEPRECIATION, "1590")):
            rolled = reports.roll_forward(session, cast.tenant, report=report, span=whole)
            assert sum(row.closing for row in rolled) == report.sign * closing.get(code, 0)
        book = the_book(session)
        posted = session.scalar(
            sa.select(sa.func.coalesce(sa.func.sum(DepreciationPosting.charge), 0)).where(
                DepreciationPosting.book_id == book.id
            )
        )
        assert posted == stands_at(session, "depreciation")
        value = books.fleet_value(session, cast.tenant, as_of=date(2026, 10, 31))
        stood = stands_at(session, "equipment") + stands_at(session, "accumulated_depreciation")
        assert stood == value.get(book.asset_id, 0)

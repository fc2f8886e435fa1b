"""Posting: facts become balanced entries once, whatever runs twice; a locked month takes none."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

import invoicing
from haas.errors import Conflict, InvalidInput
from haas.ids import new_id
from haas.outbox import OutboxEvent
from haas.tenancy.models import Partner
from invoicing import corrections
from invoicing.end_charges import BUY_OUT, EARLY_RETURN, LOSS
from invoicing.ledger import accounts, facts, journal, periods, posting
from invoicing.ledger.chart import DEFAULT_CHART, LINE_PURPOSES, Book, Purpose, period_for
from invoicing.ledger.journal import Draft, Side
from invoicing.ledger.models import JournalEntry, JournalLine, LedgerAccount, PostingRun
from leases.amendments.closed_books import LOCKED_UNTIL
from leases.schedule import RentKind
from tests.cast import Cast
from tests.invoicing.world import PORTAL, an_invoice, keep_operating

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
TODAY = date(2026, 11, 1)
MARCH, APRIL, MAY = date(2026, 3, 1), date(2026, 4, 1), date(2026, 5, 1)


@pytest.fixture(autouse=True)
def operating(session: Session, cast: Cast) -> None:
    """Finance leases are told of in test_ledger_finance."""
    keep_operating(session, cast.tenant)


def post_until(session: Session, cast: Cast, month: date) -> PostingRun:
    """A whole run, in this transaction."""
    run = posting.start_run(session, cast.tenant, month=month, today=TODAY, at=NOW)
    posting.run_now(session, cast.tenant, run=run, at=NOW)
    return run


def sums(session: Session, *, book: Book = Book.FINANCIAL) -> dict[str, Decimal]:
    """What each purpose stands at; debit positive."""
    rows = session.execute(
        sa.select(JournalLine.purpose, sa.func.sum(JournalLine.amount))
        .where(JournalLine.book == book)
        .group_by(JournalLine.purpose)
    )
    return {purpose: amount for purpose, amount in rows if amount}


def entries(session: Session, kind: str) -> list[JournalEntry]:
    """The entries of one kind, oldest first."""
    return list(
        session.scalars(
            sa.select(JournalEntry)
            .where(JournalEntry.source_kind == kind)
            .order_by(JournalEntry.dated_on, JournalEntry.id)
        )
    )


class TestChart:
    def test_has_an_account_for_each_purpose(self) -> None:
        assert {account.purpose for account in DEFAULT_CHART} == set(Purpose)
        assert len({account.code for account in DEFAULT_CHART}) == len(DEFAULT_CHART)

    def test_says_what_every_kind_of_invoice_line_is_for(self) -> None:
        written = "".join(path.read_text() for path in sorted(Path(invoicing.__file__).parent.glob("*.py")))
        named = set(re.findall(r'Owed\([\w.]+, "(\w+)"', written)) | {"manual"}
        assert {"damage", "one_off"} <= named
        assert {*named, *RentKind, BUY_OUT, LOSS, EARLY_RETURN} <= set(LINE_PURPOSES)

    def test_is_seeded_once(self, session: Session, cast: Cast) -> None:
        for _ in range(2):
            accounts.ensure_chart(session, cast.tenant)
        number = session.scalar(sa.select(sa.func.count()).select_from(LedgerAccount))
        assert number == len(DEFAULT_CHART)

    def test_keeps_what_was_posted_when_a_purpose_moves(self, session: Session, cast: Cast) -> None:
        an_invoice(session, cast.tenant, client_id=cast.acme.id)
        post_until(session, cast, APRIL)
        chart = accounts.get_chart(session, cast.tenant)
        before = chart.purposes[Purpose.RECEIVABLES]
        other = accounts.add_account(session, cast.tenant, code="1110", name="Trade debtors", kind="asset")
        accounts.map_purpose(session, cast.tenant, purpose=Purpose.RECEIVABLES, account_id=other.id)
        found = session.scalars(
            sa.select(JournalLine.account_id).where(JournalLine.purpose == Purpose.RECEIVABLES)
        )
        assert set(found) == {before}

    def test_refuses_a_code_that_is_taken(self, session: Session, cast: Cast) -> None:
        accounts.ensure_chart(session, cast.tenant)
        with pytest.raises(Conflict, match="1000"):
            accounts.add_account(session, cast.tenant, code="1000", name="Till", kind="asset")


class TestPeriodFor:
    @pytest.mark.parametrize(
        ("dated_on", "first_open", "period"),
        [
            (date(2026, 3, 11), None, MARCH),
            (date(2026, 3, 11), MARCH, MARCH),
            (date(2026, 3, 11), APRIL, APRIL),  # March is locked
            (date(2026, 5, 31), APRIL, MAY),
        ],
    )
    def test_is_its_month_or_the_first_open_one(self, dated_on, first_open, period) -> None:
        assert period_for(dated_on, first_open=first_open) == period


class TestPostingRun:
    def test_posts_an_invoice_and_its_payment(self, session: Session, cast: Cast) -> None:
        invoice = an_invoice(session, cast.tenant, client_id=cast.acme.id)
        corrections.record_payment(
            session,
            cast.tenant,
            invoice_id=invoice.id,
            amount=Decimal("50.00"),
            received_on=date(2026, 4, 10),
            method="transfer",
            reference="BANK-1",
            at=NOW,
        )
        post_until(session, cast, APRIL)

        found = sums(session)
        assert found["receivables"] == Decimal("118.48")  # 168.48 - 50.00
        assert found["bank"] == Decimal("50.00")
        assert found["tax_payable"] == Decimal("-12.48")
        assert found["interim"] == Decimal("-63.00")
        assert found["rent"] == Decimal("-93.00")  # billed ahead on 1 April, earned by its end
        assert sum(found.values()) == 0

    def test_puts_a_machine_into_stock_and_then_to_work(self, session: Session, cast: Cast) -> None:
        an_invoice(session, cast.tenant, client_id=cast.acme.id)
        post_until(session, cast, MARCH)

        (receipt,) = entries(session, "receipt")
        (addition,) = entries(session, "addition")
        assert addition.dated_on == date(2026, 3, 11)
        assert addition.period == MARCH
        assert receipt.source_id != addition.source_id
        found = sums(session)
        assert found["equipment"] == Decimal("1200.00")
        assert found["acquisition"] == Decimal("-1200.00")
        assert "stock" not in found  # in and out again

    def test_reverses_what_a_credit_note_gives_back_where_it_came_from(
        self, session: Session, cast: Cast
    ) -> None:
        invoice = an_invoice(session, cast.tenant, client_id=cast.acme.id)
        corrections.credit_invoice(
            session,
            cast.tenant,
            invoice_id=invoice.id,
            reason="Wrong client",
            issued_on=date(2026, 4, 20),
            at=NOW,
            portal_url=PORTAL,
        )
        post_until(session, cast, APRIL)
        found = sums(session)
        assert not {"receivables", "tax_payable", "interim", "deferred_rent", "rent"} & set(found)

    def test_leaves_what_is_dated_later(self, session: Session, cast: Cast) -> None:
        an_invoice(session, cast.tenant, client_id=cast.acme.id)  # issued on 1 April
        post_until(session, cast, MARCH)
        assert entries(session, "invoice") == []

    def test_changes_nothing_when_it_runs_again(self, session: Session, cast: Cast) -> None:
        an_invoice(session, cast.tenant, client_id=cast.acme.id)
        post_until(session, cast, APRIL)
        before = session.scalar(sa.select(sa.func.count()).select_from(JournalLine))
        run = post_until(session, cast, APRIL)
        for chunk in posting.chunks_of(session, cast.tenant, run_id=run.id):
            posting.post_chunk(session, cast.tenant, chunk_id=chunk.id, at=NOW)
        assert session.scalar(sa.select(sa.func.count()).select_from(JournalLine)) == before

    def test_posts_each_paper_in_one_of_the_shares_that_workers_take(
        self, session: Session, cast: Cast
    ) -> None:
        for _ in range(2):
            an_invoice(session, cast.tenant, client_id=cast.acme.id)
        accounts.ensure_chart(session, cast.tenant)
        shares = journal.shares_of(
            session, cast.tenant, source=facts.INVOICES, book=Book.FINANCIAL, until=MAY, size=1
        )
        an_invoice(session, cast.tenant, client_id=cast.acme.id)  # it came while the run was under way

        posted = [
            journal.post(
                session,
                cast.tenant,
                source=facts.INVOICES,
                book=Book.FINANCIAL,
                until=MAY,
                run_id=None,
                at=NOW,
                after_id=after_id,
                last_id=last_id,
            ).entries
            for after_id, last_id, _ in shares
        ]

        assert [number for _, _, number in shares] == [1, 1]
        assert posted == [1, 2]

    def test_leads_a_second_start_to_the_run_under_way(self, session: Session, cast: Cast) -> None:
        first = posting.start_run(session, cast.tenant, month=MARCH, today=TODAY, at=NOW)
        again = posting.start_run(session, cast.tenant, month=APRIL, today=TODAY, at=NOW)
        assert again.id == first.id

    def test_begins_its_last_wave_when_the_first_is_done(self, session: Session, cast: Cast) -> None:
        run = posting.start_run(session, cast.tenant, month=MARCH, today=TODAY, at=NOW)
        chunks = posting.chunks_of(session, cast.tenant, run_id=run.id)
        first = [chunk for chunk in chunks if chunk.wave == 1]

        def handed_out() -> set[str]:
            events = session.scalars(sa.select(OutboxEvent).where(OutboxEvent.name == "ledger.chunk_due"))
            return {event.payload["chunk_id"] for event in events}

        assert handed_out() == {chunk.id for chunk in first}
        for chunk in first:
            posting.post_chunk(session, cast.tenant, chunk_id=chunk.id, at=NOW)
            posting.note_progress(session, cast.tenant, chunk_id=chunk.id, at=NOW)
        session.flush()
        assert handed_out() == {chunk.id for chunk in chunks}

    def test_refuses_a_month_that_has_not_ended(self, session: Session, cast: Cast) -> None:
        with pytest.raises(InvalidInput, match="has not ended"):
            posting.start_run(session, cast.tenant, month=TODAY, today=TODAY, at=NOW)

    def test_says_before_what_it_would_post(self, session: Session, cast: Cast) -> None:
        an_invoice(session, cast.tenant, client_id=cast.acme.id)
        told = posting.preview(session, cast.tenant, month=APRIL, book=Book.FINANCIAL)
        assert ("invoice", "USD", 1, Decimal("168.48")) in [
            (row.kind, row.currency, row.entries, row.amount) for row in told
        ]
        post_until(session, cast, APRIL)
        assert posting.preview(session, cast.tenant, month=APRIL, book=Book.FINANCIAL) == []


class TestLock:
    def test_puts_what_comes_later_into_the_first_open_month(self, session: Session, cast: Cast) -> None:
        periods.lock_month(session, cast.tenant, book=Book.FINANCIAL, month=APRIL, today=TODAY, at=NOW)
        an_invoice(session, cast.tenant, client_id=cast.acme.id)  # issued on 1 April
        post_until(session, cast, MAY)
        (entry,) = entries(session, "invoice")
        assert (entry.dated_on, entry.period) == (date(2026, 4, 1), MAY)

    def test_is_for_good(self, session: Session, cast: Cast) -> None:
        lock: dict[str, Any] = {"book": Book.FINANCIAL, "today": TODAY, "at": NOW}
        periods.lock_month(session, cast.tenant, month=APRIL, **lock)
        with pytest.raises(Conflict, match="locked up to the end of April"):
            periods.lock_month(session, cast.tenant, month=MARCH, **lock)

    def test_is_kept_by_the_database(self, session: Session, cast: Cast) -> None:
        accounts.ensure_chart(session, cast.tenant)
        periods.lock_month(session, cast.tenant, book=Book.FINANCIAL, month=APRIL, today=TODAY, at=NOW)
        with pytest.raises(sa.exc.IntegrityError, match="locked for 2026-03"):
            session.execute(sa.insert(JournalEntry), [an_entry(cast, period=MARCH)])

    def test_tells_leases_up_to_when_nothing_is_amended(self, session: Session, cast: Cast) -> None:
        partner = session.get_one(Partner, cast.tenant.partner_id)
        periods.lock_month(session, cast.tenant, book=Book.TAX, month=APRIL, today=TODAY, at=NOW)
        assert LOCKED_UNTIL not in partner.policies
        periods.lock_month(session, cast.tenant, book=Book.FINANCIAL, month=APRIL, today=TODAY, at=NOW)
        assert partner.policies[LOCKED_UNTIL] == "2026-04-30"

    def test_leaves_other_books_open(self, session: Session, cast: Cast) -> None:
        periods.lock_month(session, cast.tenant, book=Book.TAX, month=APRIL, today=TODAY, at=NOW)
        session.execute(sa.insert(JournalEntry), [an_entry(cast, period=MARCH)])


def an_entry(cast: Cast, *, period: date) -> dict[str, object]:
    """The head of an entry, as a row."""
    return {
        "partner_id": cast.northwind.id,
        "id": new_id("jen"),
        "book": "financial",
        "period": period,
        "dated_on": period,
        "currency": "USD",
        "source_kind": "test",
        "source_id": new_id("tst"),
        "key": "1",
        "reference": "T-1",
        "run_id": None,
        "posted_at": NOW,
        "posted_by": "test",
    }


def a_draft(cast: Cast, *amounts: str, key: str = "1") -> Draft:
    """An entry of so many sides."""
    sides = [Side(Purpose.BANK, Decimal(amount)) for amount in amounts]
    return Draft("tst_1", key, date(2026, 4, 10), "USD", "T-1", sides)


class TestDatabase:
    def test_refuses_an_entry_that_does_not_balance(self, session: Session, cast: Cast) -> None:
        accounts.ensure_chart(session, cast.tenant)
        post: dict[str, Any] = {"kind": "test", "book": Book.FINANCIAL, "run_id": None, "at": NOW}
        journal.post_drafts(session, cast.tenant, drafts=[a_draft(cast, "1.00", "-1.00")], **post)
        with pytest.raises(sa.exc.IntegrityError, match="does not balance"):
            journal.post_drafts(
                session, cast.tenant, drafts=[a_draft(cast, "1.00", "-0.99", key="2")], **post
            )

    def test_refuses_to_post_the_same_twice(self, session: Session, cast: Cast) -> None:
        accounts.ensure_chart(session, cast.tenant)
        post: dict[str, Any] = {"kind": "test", "book": Book.FINANCIAL, "run_id": None, "at": NOW}
        journal.post_drafts(session, cast.tenant, drafts=[a_draft(cast, "1.00", "-1.00")], **post)
        with pytest.raises(sa.exc.IntegrityError, match="source_kind"):
            journal.post_drafts(session, cast.tenant, drafts=[a_draft(cast, "2.00", "-2.00")], **post)

    @pytest.mark.parametrize("table", ["journal_entry", "journal_line", "depreciation_posting"])
    def test_never_changes_what_is_posted(self, session: Session, table: str) -> None:
        with pytest.raises(sa.exc.DBAPIError, match=r"append-only|permission denied"):
            session.execute(sa.text(f"delete from {table}"))

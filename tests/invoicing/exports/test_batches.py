"""Batches: nothing twice, nothing forgotten, whatever runs twice or comes late; taken back by a batch."""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import db
from haas.errors import Conflict, InvalidInput
from haas.files import get_file
from haas.outbox import OutboxEvent
from invoicing import corrections
from invoicing.exports import batches, profiles, schedules, writing
from invoicing.exports.dry_run import dry_run
from invoicing.exports.mapping import MapKind, Unmapped
from invoicing.exports.models import ExportBatch, ExportItem, ExportProfile
from invoicing.exports.schedule import Cut, Rhythm, Schedule, cut_off
from invoicing.ledger import accounts, posting
from invoicing.money import balances, refunds
from invoicing.money.receipts import record_receipt, reverse_receipt
from invoicing.money.refunds import mark_paid, refund_balance
from tests.cast import Cast
from tests.invoicing.world import NOW, PORTAL, an_invoice, counted_statements, pretend_rendered

CODES = [
    ("account", "receivables", "1100"),
    ("account", "bank", "1000"),
    ("account", "tax", "2200"),
    ("account", "line:rent", "4000"),
    ("account", "line:interim_rent", "4200"),
    ("tax", "S/*/*", "T1"),
]


@pytest.fixture
def committed(cast: Cast) -> Cast:
    """An invoice of 168.48 at Acme and 50.00 paid of it, committed: jobs have transactions of their own."""
    with db.unit_of_work(cast.tenant) as session:
        invoice = an_invoice(session, cast.tenant, client_id=cast.acme.id)
        pay(session, cast, invoice.id, "BANK-1")
    return cast


def pay(session: Session, cast: Cast, invoice_id: str, reference: str) -> None:
    """50.00 on 10 April."""
    corrections.record_payment(
        session,
        cast.tenant,
        invoice_id=invoice_id,
        amount=Decimal("50.00"),
        received_on=date(2026, 4, 10),
        method="transfer",
        reference=reference,
        at=NOW,
    )


def a_profile(session: Session, cast: Cast, name: str = "Books", **asked: Any) -> ExportProfile:
    """A general journal of sales, whose accounts and taxes have names."""
    wanted = {"format": "journal_csv", "content": "sales", **asked}
    profile = profiles.create_profile(session, cast.tenant, name=name, at=NOW, **wanted)
    if wanted["content"] != "journal":  # whose accounts have their own codes
        profiles.set_names(session, cast.tenant, profile_id=profile.id, rows=CODES)
    return profile


def made(cast: Cast, profile_id: str) -> ExportBatch:
    """A batch claimed, then written by its job, twice."""
    with db.unit_of_work(cast.tenant) as session:
        batch_id = batches.start(session, cast.tenant, profile_id=profile_id, at=NOW).id
    return written(cast, batch_id)


def written(cast: Cast, batch_id: str) -> ExportBatch:
    """The job, twice."""
    for _ in range(2):
        writing.write_batch(cast.tenant, batch_id=batch_id)
    with db.unit_of_work(cast.tenant) as session:
        return batches.get_batch(session, cast.tenant, batch_id=batch_id)


def file_of(cast: Cast, batch: ExportBatch) -> bytes:
    """What is downloaded."""
    with db.unit_of_work(cast.tenant) as session:
        return get_file(session, cast.tenant, file_id=str(batch.file_id)).content


class TestBatch:
    def test_takes_what_waits_once_and_keeps_its_file(self, committed: Cast) -> None:
        with db.unit_of_work(committed.tenant) as session:
            profile_id = a_profile(session, committed).id
        batch = made(committed, profile_id)
        content = file_of(committed, batch)
        assert (batch.number, batch.state, batch.items) == ("EXP-2026-00001", "done", 2)
        assert batch.sums == {"USD": "218.480"}  # 168.48 + 50.00
        assert hashlib.sha256(content).hexdigest() == batch.sha256
        rows = list(csv.DictReader(io.StringIO(content.decode())))
        assert sum(Decimal(row["debit"] or 0) for row in rows) == Decimal("218.48")
        assert {row["account"] for row in rows} == {"1100", "1000", "2200", "4000", "4200"}
        with db.unit_of_work(committed.tenant) as session, pytest.raises(batches.NothingWaits):
            batches.start(session, committed.tenant, profile_id=profile_id, at=NOW)

    def test_of_a_general_journal_names_taxes_where_its_profile_asks_for_them(
        self, committed: Cast, web: Callable[..., Any]
    ) -> None:
        with db.unit_of_work(committed.tenant) as session:
            profile_id = a_profile(session, committed, content="invoices", options={"tax_codes": "yes"}).id
        changed = {"name": "Journal", "contact_rule": "name", "rhythm": "never", "cut": "everything"}
        answer = web(committed.fay).post(
            f"/exports/{profile_id}/settings", data={**changed, "at_minute": "06:30"}
        )
        assert answer.status_code == 303  # the page has no field for it, and leaves it as it is
        rows = csv.DictReader(io.StringIO(file_of(committed, made(committed, profile_id)).decode()))
        assert {(row["account"], row["tax_code"]) for row in rows} == {
            ("1100", ""), ("4000", "T1"), ("4200", "T1"), ("2200", ""),
        }  # fmt: skip

    def test_takes_back_a_refund_that_came_back_after_it_was_exported(self, committed: Cast) -> None:
        tenant = committed.tenant
        told: dict[str, Any] = {"on": date(2026, 4, 20), "at": NOW}
        with db.unit_of_work(tenant) as session:
            profile_id = a_profile(session, committed).id
            account: dict[str, Any] = {"client_id": committed.acme.id, "currency": "USD", "reason": "Wish"}
            balances.grant(session, tenant, amount=Decimal(30), **account, **told)
            asked = refunds.refund_balance(session, tenant, amount=Decimal(30), **account, **told)
            refunds.mark_paid(session, tenant, refund_id=asked.id, reference="SEPA-7", **told)
        first = made(committed, profile_id)
        for _ in range(2):  # told twice, taken back once
            with db.unit_of_work(tenant) as session:
                refunds.mark_failed(
                    session,
                    tenant,
                    refund_id=asked.id,
                    failure="Account closed",
                    on=date(2026, 4, 24),
                    at=NOW,
                )
        second = made(committed, profile_id)
        with db.unit_of_work(tenant) as session:
            credit = balances.balance_of(session, tenant, client_id=committed.acme.id)
            items = session.execute(
                sa.select(ExportItem.number, ExportItem.amount)
                .where(ExportItem.batch_id.in_((first.id, second.id)), ExportItem.number.like("SEPA%"))
                .order_by(ExportItem.dated_on)
            ).all()
        assert [tuple(row) for row in items] == [("SEPA-7", Decimal(-30)), ("SEPA-7/returned", Decimal(30))]
        assert second.sums == {"USD": "30.000"}
        (bank,) = [
            row for row in csv.DictReader(io.StringIO(file_of(committed, second).decode())) if row["debit"]
        ]
        assert (bank["account"], bank["debit"], bank["date"]) == ("1000", "30.00", "2026-04-24")
        assert credit == {"USD": Decimal(30)}
        with db.unit_of_work(tenant) as session, pytest.raises(batches.NothingWaits):
            batches.start(session, tenant, profile_id=profile_id, at=NOW)

    def test_leaves_a_late_comer_to_the_next_whatever_its_date(self, committed: Cast) -> None:
        with db.unit_of_work(committed.tenant) as session:
            profile_id = a_profile(session, committed).id
        first = made(committed, profile_id)
        with db.unit_of_work(committed.tenant) as session:
            late = an_invoice(session, committed.tenant, client_id=committed.globex.id)
        assert late.issued_on < first.dated_until  # dated before the first batch ended
        second = made(committed, profile_id)
        with db.unit_of_work(committed.tenant) as session:
            items = session.scalars(sa.select(ExportItem).where(ExportItem.batch_id == second.id)).all()
        assert [(item.item_id, item.number) for item in items] == [(late.id, late.number)]

    def test_taken_back_has_the_same_sides_exchanged_and_frees_its_rows(self, committed: Cast) -> None:
        with db.unit_of_work(committed.tenant) as session:
            profile_id = a_profile(session, committed).id
        first = made(committed, profile_id)
        with db.unit_of_work(committed.tenant) as session:
            back_id = batches.reverse(
                session, committed.tenant, batch_id=first.id, reason="Wrong books", at=NOW
            ).id
        back = written(committed, back_id)
        assert back.sums == {"USD": "-218.480"}
        sums: dict[str, Decimal] = {}
        for row in [
            *csv.DictReader(io.StringIO(file_of(committed, first).decode())),
            *csv.DictReader(io.StringIO(file_of(committed, back).decode())),
        ]:
            amount = Decimal(row["debit"] or 0) - Decimal(row["credit"] or 0)
            sums[row["account"]] = sums.get(row["account"], Decimal(0)) + amount
        assert set(sums.values()) == {Decimal(0)}
        again = made(committed, profile_id)
        assert again.items == 2
        with db.unit_of_work(committed.tenant) as session:
            for batch_id, words in ((first.id, "already"), (back.id, "itself")):
                with pytest.raises(Conflict, match=words):
                    batches.reverse(session, committed.tenant, batch_id=batch_id, reason="", at=NOW)

    def test_is_refused_with_every_key_that_has_no_name(self, session: Session, cast: Cast) -> None:
        an_invoice(session, cast.tenant, client_id=cast.acme.id)
        profile = profiles.create_profile(
            session, cast.tenant, name="Sage", format="sage50", content="sales", at=NOW
        )
        with pytest.raises(Unmapped) as refused:
            batches.start(session, cast.tenant, profile_id=profile.id, at=NOW)
        assert refused.value.missing == [
            (MapKind.ACCOUNT, "line:interim_rent"),
            (MapKind.ACCOUNT, "line:rent"),
            (MapKind.TAX, "S/8/US"),
        ]
        assert session.scalar(sa.select(sa.func.count()).select_from(ExportItem)) == 0

    def test_is_refused_where_a_client_has_a_name_too_long_to_be_told_apart(
        self, session: Session, cast: Cast
    ) -> None:
        an_invoice(session, cast.tenant, client_id=cast.acme.id)
        profile = a_profile(session, cast, format="sage50", contact_rule="name")
        with pytest.raises(Unmapped, match=cast.acme.id):
            batches.start(session, cast.tenant, profile_id=profile.id, at=NOW)

    def test_of_the_same_books_in_another_format_takes_nothing_twice(
        self, session: Session, cast: Cast
    ) -> None:
        an_invoice(session, cast.tenant, client_id=cast.acme.id)
        first = a_profile(session, cast, "One", family="main")
        second = a_profile(session, cast, "Two", family="main", format="sage50")
        other = a_profile(session, cast, "Three")
        batches.start(session, cast.tenant, profile_id=first.id, at=NOW)
        with pytest.raises(batches.NothingWaits):
            batches.start(session, cast.tenant, profile_id=second.id, at=NOW)
        assert batches.start(session, cast.tenant, profile_id=other.id, at=NOW).items == 1

    def test_is_kept_from_a_second_claim_by_the_database(self, session: Session, cast: Cast) -> None:
        an_invoice(session, cast.tenant, client_id=cast.acme.id)
        batch = batches.start(session, cast.tenant, profile_id=a_profile(session, cast).id, at=NOW)
        item = session.scalars(sa.select(ExportItem).where(ExportItem.batch_id == batch.id)).one()
        twice = {column.key: getattr(item, column.key) for column in ExportItem.__table__.columns}
        with pytest.raises(sa.exc.IntegrityError, match="uq_export_item_live"):
            session.execute(sa.insert(ExportItem), [{**twice, "id": "exi_2", "position": 2}])

    def test_that_cannot_be_written_gives_its_rows_back_and_tells(self, committed: Cast) -> None:
        with db.unit_of_work(committed.tenant) as session:
            profile_id = a_profile(session, committed).id
            batch = batches.start(session, committed.tenant, profile_id=profile_id, at=NOW)
            batch.mapping = []  # as if a key had been missed by the question before
        failed = written(committed, batch.id)
        assert failed.state == "failed"
        assert "line:interim_rent" in failed.error or "receivables" in failed.error
        with db.unit_of_work(committed.tenant) as session:
            told = session.scalars(sa.select(OutboxEvent).where(OutboxEvent.name == "export.failed")).all()
            assert [event.payload["profile_id"] for event in told] == [profile_id]
        assert made(committed, profile_id).items == 2


class TestContent:
    def test_of_the_journal_is_every_entry_once(self, session: Session, cast: Cast) -> None:
        an_invoice(session, cast.tenant, client_id=cast.acme.id)
        run = posting.start_run(session, cast.tenant, month=date(2026, 4, 1), today=date(2026, 11, 1), at=NOW)
        posting.run_now(session, cast.tenant, run=run, at=NOW)
        profile = a_profile(session, cast, format="beancount", content="journal")
        found = dry_run(session, cast.tenant, profile_id=profile.id, at=NOW)
        assert found.items > 3
        assert "Assets:1100-Receivables  168.48 USD" in found.heads[0].text

    def test_of_journal_and_papers_is_not_for_the_same_books(self, session: Session, cast: Cast) -> None:
        a_profile(session, cast, "One", family="main")
        with pytest.raises(Conflict, match="booked twice"):
            a_profile(session, cast, "Two", family="main", content="journal")

    def test_of_an_archive_is_the_pdfs_with_a_manifest_of_their_hashes(self, committed: Cast) -> None:
        with db.unit_of_work(committed.tenant) as session:
            profile_id = a_profile(session, committed, format="archive", content="invoices").id
            with pytest.raises(batches.NothingWaits):  # not before it is rendered
                batches.start(session, committed.tenant, profile_id=profile_id, at=NOW)
            invoice = an_invoice(session, committed.tenant, client_id=committed.globex.id)
            pretend_rendered(session, committed.tenant, invoice)
        content = file_of(committed, made(committed, profile_id))
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            rows = list(csv.DictReader(io.StringIO(archive.read("manifest.csv").decode())))
            assert len(rows) + 1 == len(archive.namelist())
            for row in rows:
                assert row["sha256"] == hashlib.sha256(archive.read(row["file"])).hexdigest()
                assert (row["document"], row["total"]) == (invoice.number, "168.48")


class TestCreditNote:
    def test_of_a_part_goes_as_negative_to_xero_and_adds_up(self, session: Session, cast: Cast) -> None:
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
        profile = a_profile(session, cast, format="xero")
        (head,) = dry_run(session, cast.tenant, profile_id=profile.id, at=NOW).heads
        rows = list(csv.DictReader(io.StringIO(head.text)))
        assert {row["Total"] for row in rows} == {"168.48", "-168.48"}
        assert sum(Decimal(row["*Quantity"]) * Decimal(row["*UnitAmount"]) for row in rows) == 0
        assert {row["*AccountCode"] for row in rows} == {"4000", "4200"}  # as what it corrects


class TestMapping:
    def test_begins_with_the_partners_own_chart(self, session: Session, cast: Cast) -> None:
        accounts.ensure_chart(session, cast.tenant)
        profile = profiles.create_profile(
            session, cast.tenant, name="Plain", format="hledger", content="sales", at=NOW
        )
        names = profiles.names_of(session, cast.tenant, profile=profile)
        assert names.account("line:rent") == "Income:4000-Rent"
        assert names.account("receivables") == "Assets:1100-Receivables"

    @pytest.mark.parametrize(
        ("row", "words"),
        [
            (("account", "bank", "no such account"), "nominal code"),
            (("tax", "S/8/US", "VAT"), "T0 to T99"),
            (("tax", "S", "T1"), "category/rate/country"),
            (("contact", "cli_1", "A name that is too long"), "at most 8"),
            (("tracking", "site:Depot", "Berlin"), "0 to 999"),
            (("contact", "cli_1", "北京公"), "has not all of these letters"),
        ],
    )
    def test_refuses_what_the_format_cannot_take_and_saves_nothing(
        self, session: Session, cast: Cast, row, words
    ) -> None:
        profile = profiles.create_profile(
            session, cast.tenant, name="Sage", format="sage50", content="sales", at=NOW
        )
        with pytest.raises(InvalidInput, match=words):
            profiles.set_names(
                session, cast.tenant, profile_id=profile.id, rows=[("account", "tax", "2200"), row]
            )
        assert profiles.rows_of(session, cast.tenant, profile_id=profile.id) == []

    def test_is_set_by_the_same_number_of_statements_for_more_rows(
        self, session: Session, cast: Cast
    ) -> None:
        profile = a_profile(session, cast)
        forget = ("account", "tax", "")

        def statements(*rows: tuple[str, str, str]) -> int:
            with counted_statements(session) as counted:
                profiles.set_names(session, cast.tenant, profile_id=profile.id, rows=rows)
            return counted[0]

        few = statements(("account", "bank", "1010"), forget)
        assert statements(*(("contact", f"cli_{n}", "x") for n in range(99)), forget) == few
        twice = (("account", "line:rent", "1"), ("account", "line:rent", "4001"))  # the later one holds
        profiles.set_names(session, cast.tenant, profile_id=profile.id, rows=twice)
        rows = profiles.names_of(session, cast.tenant, profile=profile).rows
        assert (MapKind.ACCOUNT, "tax") not in rows
        assert (rows[MapKind.ACCOUNT, "bank"], rows[MapKind.ACCOUNT, "line:rent"]) == ("1010", "4001")
        assert len(rows) == len(CODES) - 1 + 99


class TestDryRun:
    def test_wants_an_account_for_what_went_back_twice(self, session: Session, cast: Cast) -> None:
        receipt = record_receipt(
            session, cast.tenant, client_id=cast.acme.id, amount=Decimal("50.00"), currency="USD",
            received_on=date(2026, 4, 10), method="transfer", reference="BANK-1", allocations={},
            source="bank", at=NOW,
        )  # fmt: skip
        refund = refund_balance(
            session, cast.tenant, client_id=cast.acme.id, amount=Decimal("20.00"), currency="USD",
            reason="Asked for", on=date(2026, 4, 11), at=NOW,
        )  # fmt: skip
        mark_paid(session, cast.tenant, refund_id=refund.id, reference="OUT-1", on=date(2026, 4, 12), at=NOW)
        reverse_receipt(
            session, cast.tenant, receipt_id=receipt.id, amount=None, reason="Returned",
            on=date(2026, 4, 13), at=NOW,
        )  # fmt: skip
        profile = a_profile(session, cast, content="payments")
        found = dry_run(session, cast.tenant, profile_id=profile.id, at=NOW)
        assert [(each.kind, each.key) for each in found.missing] == [("account", "bad_debt")]
        profiles.set_names(
            session, cast.tenant, profile_id=profile.id, rows=[("account", "bad_debt", "6700")]
        )
        (head,) = dry_run(session, cast.tenant, profile_id=profile.id, at=NOW).heads
        assert [
            row["debit"] for row in csv.DictReader(io.StringIO(head.text)) if row["account"] == "6700"
        ] == ["20.00"]

    def test_shows_the_real_file_and_changes_nothing(self, session: Session, cast: Cast) -> None:
        an_invoice(session, cast.tenant, client_id=cast.acme.id)
        profile = a_profile(session, cast)
        found = dry_run(session, cast.tenant, profile_id=profile.id, at=NOW)
        assert [(row.currency, row.items, row.amount) for row in found.waits] == [
            ("USD", 1, Decimal("168.48"))
        ]
        assert found.heads[0].text.startswith("batch,entry,date")
        assert (found.missing, found.problem) == ([], "")
        assert session.scalar(sa.select(sa.func.count()).select_from(ExportBatch)) == 0

    def test_asks_the_same_number_of_questions_for_more_documents(self, session: Session, cast: Cast) -> None:
        an_invoice(session, cast.tenant, client_id=cast.acme.id)
        profile = a_profile(session, cast)

        def questions() -> int:
            session.expire_all()
            with counted_statements(session) as counted:
                dry_run(session, cast.tenant, profile_id=profile.id, at=NOW)
            return counted[0]

        one = questions()
        an_invoice(session, cast.tenant, client_id=cast.globex.id)
        assert questions() == one


class TestSchedule:
    @pytest.mark.parametrize(
        ("rhythm", "after", "due"),
        [
            (Rhythm.NEVER, "2026-06-15T09:00", None),
            (Rhythm.DAILY, "2026-06-15T09:59", "2026-06-15T10:00"),  # 06:00 in New York, daylight time
            (Rhythm.DAILY, "2026-06-15T10:00", "2026-06-16T10:00"),
            (Rhythm.DAILY, "2026-12-15T10:00", "2026-12-15T11:00"),  # the same in winter
            (Rhythm.WEEKLY, "2026-06-15T12:00", "2026-06-17T10:00"),  # a Wednesday
            (Rhythm.MONTHLY, "2026-06-15T12:00", "2026-07-03T10:00"),
        ],
    )
    def test_is_due_at_the_partners_own_time(self, rhythm, after, due) -> None:
        schedule = Schedule(rhythm=rhythm, at_minute=360, weekday=2, month_day=3, zone="America/New_York")
        moment = datetime.fromisoformat(after).replace(tzinfo=UTC)
        expected = datetime.fromisoformat(due).replace(tzinfo=UTC) if due else None
        assert schedule.next_after(moment) == expected

    def test_may_leave_the_month_that_is_under_way(self) -> None:
        assert cut_off(Cut.ENDED_MONTHS, today=date(2026, 6, 15)) == date(2026, 6, 1)
        assert cut_off(Cut.EVERYTHING, today=date(2026, 6, 15)) is None

    def scheduled(self, session: Session, cast: Cast, *, rows: list[tuple[str, str, str]]) -> ExportProfile:
        profile = profiles.create_profile(
            session, cast.tenant, name="Nightly", format="journal_csv", content="invoices", at=NOW
        )
        profiles.set_names(session, cast.tenant, profile_id=profile.id, rows=rows)
        profile.rhythm, profile.next_at = "daily", NOW
        session.flush()
        return profile

    def run_twice(self, session: Session, cast: Cast, profile: ExportProfile) -> list[ExportBatch]:
        for _ in range(2):
            schedules.start_scheduled(
                session,
                cast.tenant,
                profile_id=profile.id,
                now=NOW,
                today=NOW.date(),
                zone="America/New_York",
            )
        return list(session.scalars(sa.select(ExportBatch)))

    def test_makes_one_batch_and_moves_on(self, session: Session, cast: Cast) -> None:
        an_invoice(session, cast.tenant, client_id=cast.acme.id)
        profile = self.scheduled(session, cast, rows=CODES)
        assert schedules.due_profiles(session, cast.tenant, now=NOW) == [profile.id]
        assert len(self.run_twice(session, cast, profile)) == 1
        assert profile.next_at is not None
        assert profile.next_at > NOW

    def test_tells_of_what_is_unmapped_and_claims_nothing(self, session: Session, cast: Cast) -> None:
        an_invoice(session, cast.tenant, client_id=cast.acme.id)
        profile = self.scheduled(session, cast, rows=CODES[:1])
        assert self.run_twice(session, cast, profile) == []
        (event,) = session.scalars(sa.select(OutboxEvent).where(OutboxEvent.name == "export.failed"))
        assert "account line:rent" in event.payload["reason"]

"""The billing run: due less billed, whatever runs twice; frozen papers; credits with their reference."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from devices.models import HardwareModel
from haas import audit, db, progress
from haas.audit import AuditEntry, AuditLink
from haas.errors import InvalidInput
from haas.files import StoredFile
from haas.ids import new_id
from haas.outbox import OutboxEvent
from haas.tenancy.scope import Tenant, scoped
from invoicing import billing, corrections, queries
from invoicing.document import InvoiceDocument
from invoicing.jobs import render_pdf
from invoicing.models import Invoice, InvoiceLine, TaxRate
from leases import returns
from leases.swaps import swap_asset
from tests.cast import Cast
from tests.invoicing.world import an_invoice
from tests.leases.fleet import a_spare, day, lease_in_service

ACCEPTED = datetime(2026, 3, 11, 15, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
PORTAL = "https://portal.example"


def a_rate(session: Session, tenant: Tenant, *, pct: str = "8.000", country: str = "US") -> None:
    """Sales tax from 2020 on."""
    session.add(
        TaxRate(
            partner_id=tenant.partner_id,
            id=new_id("tax"),
            country=country,
            category="S",
            rate_pct=Decimal(pct),
            name="Sales tax",
            valid_from=date(2020, 1, 1),
        )
    )
    session.flush()


def bill(session: Session, cast: Cast, as_of: str) -> list[Invoice]:
    """Run the whole billing as of a day; answers what it issued."""
    before = set(session.scalars(sa.select(Invoice.id)))
    run = billing.start_run(session, cast.tenant, as_of=day(as_of), at=NOW)
    for chunk in queries.chunks_of(session, cast.tenant, run_id=run.id):
        billing.bill_chunk(session, cast.tenant, chunk_id=chunk.id, at=NOW, portal_url=PORTAL)
        billing.note_progress(session, cast.tenant, chunk_id=chunk.id, at=NOW)
    issued = session.scalars(sa.select(Invoice).order_by(Invoice.kind.desc(), Invoice.number))
    return [row for row in issued if row.id not in before]


class TestBillingRun:
    def test_bills_interim_rent_and_the_first_period_in_advance(self, session: Session, cast: Cast) -> None:
        a_rate(session, cast.tenant)
        lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED, rent="93.00")
        (invoice,) = bill(session, cast, "2026-04-01")
        lines = queries.lines_of(session, cast.tenant, invoice_id=invoice.id)

        assert [(row.kind, row.net) for row in lines] == [
            ("interim_rent", Decimal("63.00")),  # 93.00 x 21 / 31, 11 to 31 March
            ("rent", Decimal("93.00")),
        ]
        assert (invoice.net_total, invoice.tax_total, invoice.total) == (
            Decimal("156.00"),
            Decimal("12.48"),  # 156 x 8 %
            Decimal("168.48"),
        )
        assert invoice.number == "INV-2026-00001"
        assert invoice.due_on == day("2026-04-15")

    def test_bills_a_period_once_however_often_it_runs(self, session: Session, cast: Cast) -> None:
        a_rate(session, cast.tenant)
        lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED)
        assert len(bill(session, cast, "2026-04-01")) == 1
        assert bill(session, cast, "2026-04-01") == []
        assert bill(session, cast, "2026-03-15") == []  # an earlier date takes nothing back

    def test_catches_up_whatever_was_missed(self, session: Session, cast: Cast) -> None:
        a_rate(session, cast.tenant)
        lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED, rent="100.00")
        (invoice,) = bill(session, cast, "2026-06-01")
        lines = queries.lines_of(session, cast.tenant, invoice_id=invoice.id)
        assert [row.period_start for row in lines if row.kind == "rent"] == [
            day("2026-04-01"),
            day("2026-05-01"),
            day("2026-06-01"),
        ]

    def test_leaves_one_sealed_audit_entry_for_each_invoice(self, cast: Cast) -> None:
        with db.unit_of_work(cast.tenant) as session:
            a_rate(session, cast.tenant)
            for client in (cast.acme, cast.globex):
                lease_in_service(session, cast.tenant, client_id=client.id, accepted_at=ACCEPTED)
            issued = bill(session, cast, "2026-04-01")
        with db.unit_of_work(cast.tenant) as session:
            entries = session.scalars(
                sa.select(AuditEntry)
                .where(AuditEntry.subject == "invoice", AuditEntry.action == "insert")
                .order_by(AuditEntry.id)
            ).all()
            assert [(each.subject_id, each.actor) for each in entries] == [
                (row.id, cast.tenant.actor) for row in sorted(issued, key=lambda row: row.number)
            ]
            for entry, row in zip(entries, sorted(issued, key=lambda row: row.number), strict=True):
                assert entry.before is None
                assert entry.after is not None
                assert set(entry.after) == set(Invoice.__table__.columns.keys())  # none is forgotten
                assert entry.after["number"] == row.number
                assert entry.after["document_hash"] == row.document_hash
                assert Decimal(str(entry.after["total"])) == row.total
                assert entry.after["document"] == "***"  # it is frozen, and the hash tells
                assert entry.after["pdf_file_id"] is None
            report = audit.verify(session, chain=cast.tenant.partner_id)
            links = session.scalar(
                sa.select(sa.func.count())
                .select_from(AuditLink)
                .where(AuditLink.entry_id.in_([each.id for each in entries]))
            )
        assert (report.broken_at, links) == (None, 2)

    def test_numbers_without_gaps_one_series_a_partner_and_year(self, session: Session, cast: Cast) -> None:
        a_rate(session, cast.tenant)
        lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED)
        numbers = [
            row.number for month in ("04", "05", "06") for row in bill(session, cast, f"2026-{month}-01")
        ]
        assert numbers == ["INV-2026-00001", "INV-2026-00002", "INV-2026-00003"]

    def test_puts_off_a_client_without_a_tax_rate_and_says_so(self, session: Session, cast: Cast) -> None:
        lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED)
        assert bill(session, cast, "2026-04-01") == []
        run = queries.recent_runs(session, cast.tenant)[0]
        job = progress.get(session, cast.tenant, job_id=run.long_job_id)
        assert job.state == "done"
        assert job.result["problems"][0]["client"] == "Acme Dental"
        assert "No tax rate" in job.result["problems"][0]["problem"]

    def test_freezes_what_is_printed(self, session: Session, cast: Cast) -> None:
        a_rate(session, cast.tenant)
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED)
        (invoice,) = bill(session, cast, "2026-04-01")
        session.refresh(invoice)
        document = msgspec.convert(invoice.document, type=InvoiceDocument)

        assert document.content_hash() == invoice.document_hash
        assert document.buyer.name == "Acme Dental LLC"
        assert document.lines[0].serials[0].serial == made.assets[0].serial
        assert document.lines[0].details == "Rent before the term · 21/31"
        with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
            session.execute(sa.update(Invoice).values(total=0))

    def test_tells_of_each_paper_by_an_event(self, session: Session, cast: Cast) -> None:
        a_rate(session, cast.tenant)
        lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED)
        (invoice,) = bill(session, cast, "2026-04-01")
        payload = session.scalars(
            sa.select(OutboxEvent.payload).where(OutboxEvent.name == "invoice.issued")
        ).all()
        assert payload == [{"invoice_id": invoice.id}]

    def test_reads_by_a_fixed_number_of_queries(self, session: Session, cast: Cast) -> None:
        a_rate(session, cast.tenant)
        lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED, lines=2)
        few = _count_statements(session, cast, "2026-04-01")
        lease_in_service(
            session,
            cast.tenant,
            client_id=cast.acme.id,
            accepted_at=ACCEPTED,
            lines=8,
            model=session.scalars(sa.select(HardwareModel)).first(),
        )
        many = _count_statements(session, cast, "2026-05-01")
        assert many <= few + 2  # SQLAlchemy may cut a long insert into batches


class TestSwapOnTheInvoice:
    def test_splits_the_days_by_serial_and_changes_no_cent(self, session: Session, cast: Cast) -> None:
        a_rate(session, cast.tenant)
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED)
        bill(session, cast, "2026-04-01")
        spare = a_spare(session, cast.tenant, model=made.model, at=ACCEPTED)
        swap_asset(
            session,
            cast.tenant,
            outgoing_id=made.assets[0].id,
            incoming_id=spare.id,
            reason="fault",
            at=datetime(2026, 5, 11, 15, 0, tzinfo=UTC),
        )
        (may,) = bill(session, cast, "2026-05-31")
        (line,) = queries.lines_of(session, cast.tenant, invoice_id=may.id)
        assert line.net == Decimal("100.00")
        assert [(row["days"], row["amount"]) for row in line.serials] == [
            (10, "32.26"),  # 100 x 10 / 31
            (21, "67.74"),
        ]


class TestReturnDuringAPeriodBilledAhead:
    def test_gives_the_rest_back_by_a_credit_note_that_names_the_invoice(
        self, session: Session, cast: Cast
    ) -> None:
        a_rate(session, cast.tenant)
        made = lease_in_service(
            session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED, rent="90.00"
        )
        bill(session, cast, "2026-03-31")
        (april,) = bill(session, cast, "2026-04-01")
        at = datetime(2026, 4, 20, 15, 0, tzinfo=UTC)
        order = returns.request_return(
            session,
            cast.tenant,
            asset_id=made.assets[0].id,
            reason="scale down",
            notice_on=day("2026-04-02"),
            due_on=day("2026-04-20"),
            at=at,
        )
        returns.collect(session, cast.tenant, return_id=order.id, at=at)
        returns.receive(
            session, cast.tenant, return_id=order.id, at=at, serial_seen=made.assets[0].serial or ""
        )
        (credit,) = bill(session, cast, "2026-05-01")

        assert credit.kind == "credit_note"
        assert credit.credits_invoice_id == april.id
        assert credit.net_total == Decimal("-30.00")  # 90 x 10 / 30: 21 to 30 April
        assert credit.tax_total == Decimal("-2.40")
        document = msgspec.convert(credit.document, type=InvoiceDocument)
        assert document.total == Decimal("32.40")
        assert document.references[0].number == april.number
        (line,) = queries.lines_of(session, cast.tenant, invoice_id=april.id)
        days = {line.id: corrections.Part(until=day("2026-04-11"))}
        # Ten of the twenty days that are left of it, and none of those that went back.
        plan = corrections.plan_credit(session, cast.tenant, invoice=april, amounts=days)
        assert plan.net == Decimal("30.00")  # 90 x 10 / 30
        gone = {line.id: corrections.Part(start=day("2026-04-21"))}
        with pytest.raises(corrections.AlreadyCredited):
            corrections.plan_credit(session, cast.tenant, invoice=april, amounts=gone)
        assert bill(session, cast, "2026-06-01") == []

    def test_bills_the_damage_after_the_window_once(self, session: Session, cast: Cast) -> None:
        a_rate(session, cast.tenant)
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED)
        bill(session, cast, "2026-04-01")
        at = datetime(2026, 4, 30, 15, 0, tzinfo=UTC)
        order = returns.request_return(
            session,
            cast.tenant,
            asset_id=made.assets[0].id,
            reason="ends",
            notice_on=day("2026-04-02"),
            due_on=day("2026-04-30"),
            at=at,
        )
        returns.collect(session, cast.tenant, return_id=order.id, at=at)
        returns.receive(
            session, cast.tenant, return_id=order.id, at=at, serial_seen=made.assets[0].serial or ""
        )
        returns.inspect(
            session,
            cast.tenant,
            return_id=order.id,
            at=at,
            grade="C",
            repair_cost=Decimal(200),
            fair_market_value=Decimal(150),
            damage_notes="Screen",
        )
        assert bill(session, cast, "2026-05-10") == []
        returns.close_undisputed(session, cast.tenant, today=day("2026-05-20"))
        (charge,) = bill(session, cast, "2026-05-20")
        (line,) = queries.lines_of(session, cast.tenant, invoice_id=charge.id)
        assert (line.kind, line.net) == ("damage", Decimal("150.00"))
        assert bill(session, cast, "2026-06-20") == []


class TestCreditInvoice:
    def test_credited_by_hand_goes_back_once_though_its_days_fall_away(
        self, session: Session, cast: Cast
    ) -> None:
        a_rate(session, cast.tenant)
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED)
        (invoice,) = bill(session, cast, "2026-04-01")
        corrections.credit_invoice(
            session,
            cast.tenant,
            invoice_id=invoice.id,
            reason="goodwill",
            issued_on=day("2026-04-02"),
            at=NOW,
            portal_url=PORTAL,
        )
        made.lines[0].ends_on = day("2026-04-01")
        session.flush()
        assert bill(session, cast, "2026-04-10") == []

    def test_takes_of_no_invoice_more_than_it_charged_where_a_raise_was_billed_apart(
        self, session: Session, cast: Cast
    ) -> None:
        a_rate(session, cast.tenant)
        made = lease_in_service(
            session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED, rent="100.00"
        )
        (first,) = bill(session, cast, "2026-04-01")
        made.lines[0].unit_price = Decimal("110.00")
        session.flush()
        (raise_,) = bill(session, cast, "2026-04-02")
        corrections.record_payment(
            session, cast.tenant, invoice_id=raise_.id, amount=raise_.total, received_on=day("2026-04-03"),
            method="transfer", reference="BANK-1", at=NOW,
        )  # fmt: skip
        made.lines[0].ends_on = day("2026-04-01")
        session.flush()
        issued = bill(session, cast, "2026-04-10")
        session.execute(sa.text("set constraints all immediate"))

        # April's 100.00 and 10.00 with 8 %; 110.00 of the second invoice would be more than it asks for.
        assert {row.credits_invoice_id: row.total for row in issued} == {
            first.id: Decimal("-108.00"),
            raise_.id: Decimal("-10.80"),
        }
        assert bill(session, cast, "2026-04-20") == []

    def test_of_the_rest_of_what_was_paid_in_part_leaves_a_paid_invoice(
        self, session: Session, cast: Cast
    ) -> None:
        invoice = an_invoice(session, cast.tenant, client_id=cast.acme.id)  # 168.48
        interim, rent = queries.lines_of(session, cast.tenant, invoice_id=invoice.id)
        corrections.record_payment(
            session, cast.tenant, invoice_id=invoice.id, amount=Decimal("60.48"),
            received_on=day("2026-04-03"), method="transfer", reference="BANK-1", at=NOW,
        )  # fmt: skip
        corrections.credit_invoice(
            session, cast.tenant, invoice_id=invoice.id, reason="Goodwill", issued_on=day("2026-04-05"),
            at=NOW, portal_url=PORTAL, amounts={interim.id: Decimal(50), rent.id: Decimal(50)},
        )  # fmt: skip

        # 168.48 - 60.48 - 108.00: nothing is open, so nothing is overdue either.
        assert invoice.state == "paid"
        told = scoped(OutboxEvent, cast.tenant).where(OutboxEvent.name == "invoice.paid")
        assert len(session.scalars(told).all()) == 1

    def test_gives_all_back_once_and_is_not_billed_again(self, session: Session, cast: Cast) -> None:
        a_rate(session, cast.tenant)
        lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED)
        (invoice,) = bill(session, cast, "2026-04-01")
        credit = corrections.credit_invoice(
            session,
            cast.tenant,
            invoice_id=invoice.id,
            reason="Wrong client",
            issued_on=day("2026-04-05"),
            at=NOW,
            portal_url=PORTAL,
        )
        assert credit.total == -invoice.total
        assert credit.number == "CRN-2026-00001"
        assert invoice.state == "credited"
        assert bill(session, cast, "2026-04-05") == []
        with pytest.raises(corrections.AlreadyCredited):
            corrections.credit_invoice(
                session,
                cast.tenant,
                invoice_id=invoice.id,
                reason="Again",
                issued_on=day("2026-04-05"),
                at=NOW,
                portal_url=PORTAL,
            )

    def test_in_part_leaves_the_rest(self, session: Session, cast: Cast) -> None:
        a_rate(session, cast.tenant)
        lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED, rent="100.00")
        (invoice,) = bill(session, cast, "2026-04-01")
        rent = queries.lines_of(session, cast.tenant, invoice_id=invoice.id)[1]
        for amount in (Decimal(60), Decimal(40)):
            corrections.credit_invoice(
                session,
                cast.tenant,
                invoice_id=invoice.id,
                reason="Goodwill",
                issued_on=day("2026-04-05"),
                at=NOW,
                portal_url=PORTAL,
                amounts={rent.id: amount},
            )
        with pytest.raises(corrections.AlreadyCredited):
            corrections.credit_invoice(
                session,
                cast.tenant,
                invoice_id=invoice.id,
                reason="More",
                issued_on=day("2026-04-05"),
                at=NOW,
                portal_url=PORTAL,
                amounts={rent.id: Decimal("0.01")},
            )
        assert invoice.state == "issued"

    def test_of_all_its_parts_comes_to_the_last_cent_and_the_database_takes_no_more(
        self, session: Session, cast: Cast
    ) -> None:
        a_rate(session, cast.tenant, pct="19")
        lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED, rent="100.00")
        (invoice,) = bill(session, cast, "2026-04-01")
        rent = queries.lines_of(session, cast.tenant, invoice_id=invoice.id)[1]
        told: dict[str, Any] = {"invoice_id": invoice.id, "issued_on": day("2026-04-05"), "at": NOW}
        told |= {"portal_url": PORTAL, "reason": "", "reason_code": "service_not_rendered"}
        with pytest.raises(corrections.AlreadyCredited):
            corrections.plan_credit(session, cast.tenant, invoice=invoice, amounts={rent.id: Decimal(101)})
        parts: list[Mapping[str, Decimal | corrections.Part] | None] = [
            {rent.id: corrections.Part(start=day("2026-04-21"))},
            {rent.id: corrections.Part(start=day("2026-04-11"), until=day("2026-04-21"))},
            {rent.id: Decimal("33.33")},
            None,
        ]
        issued = [corrections.credit_invoice(session, cast.tenant, amounts=part, **told) for part in parts]

        assert [row.net_total for row in issued[:3]] == [
            Decimal("-33.33"),
            Decimal("-33.34"),
            Decimal("-33.33"),
        ]
        assert [row.tax_total for row in issued[:3]] == [Decimal("-6.33"), Decimal("-6.34"), Decimal("-6.33")]
        assert sum(row.total for row in issued) == -invoice.total
        assert invoice.state == "credited"
        document = msgspec.convert(issued[1].document, type=InvoiceDocument)
        assert document.notes == ("Service not rendered",)
        assert (document.lines[0].details, document.lines[0].until) == ("10/30", day("2026-04-21"))
        more = session.get_one(InvoiceLine, (cast.tenant.partner_id, rent.id))
        copy = {c.key: getattr(more, c.key) for c in InvoiceLine.__table__.columns}
        with pytest.raises(sa.exc.IntegrityError, match="more than line"), session.begin_nested():
            session.execute(
                sa.insert(InvoiceLine).values(
                    copy
                    | {"id": "ivl_more", "invoice_id": issued[0].id, "source_id": rent.id, "kind": "manual"}
                    | {"revision": 99, "net": Decimal("-0.01"), "position": 9}
                )
            )


class TestRecordPayment:
    def test_in_full_pays_the_invoice(self, session: Session, cast: Cast) -> None:
        a_rate(session, cast.tenant)
        lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED)
        (invoice,) = bill(session, cast, "2026-04-01")
        corrections.record_payment(
            session,
            cast.tenant,
            invoice_id=invoice.id,
            amount=invoice.total,
            received_on=day("2026-04-10"),
            method="transfer",
            reference="BANK-1",
            at=NOW,
        )
        assert invoice.state == "paid"
        assert queries.open_amount(session, cast.tenant, invoice=invoice) == 0

    def test_does_not_come_from_the_future(self, session: Session, cast: Cast) -> None:
        a_rate(session, cast.tenant)
        lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED)
        (invoice,) = bill(session, cast, "2026-04-01")
        with pytest.raises(InvalidInput) as refusal:
            corrections.record_payment(
                session,
                cast.tenant,
                invoice_id=invoice.id,
                amount=invoice.total,
                received_on=NOW.date() + timedelta(days=2),
                method="transfer",
                reference="BANK-1",
                at=NOW,
            )
        assert "received_on" in refusal.value.fields
        assert invoice.state == "issued"


class TestRenderPdf:
    def test_twice_makes_one_file(self, cast: Cast) -> None:
        with db.unit_of_work(cast.tenant) as session:
            a_rate(session, cast.tenant)
            lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED)
            (invoice,) = bill(session, cast, "2026-04-01")
        for _ in range(2):
            render_pdf(partner_id=cast.northwind.id, event_id="evt_1", invoice_id=invoice.id)
        with db.unit_of_work(cast.acme_tenant) as session:
            (stored,) = session.scalars(sa.select(StoredFile))
            assert stored.content.startswith(b"%PDF-")
            assert stored.name == "INV-2026-00001.pdf"
        with db.unit_of_work(cast.stranger) as session:
            assert session.scalars(sa.select(StoredFile)).all() == []


def _count_statements(session: Session, cast: Cast, as_of: str) -> int:
    counted = 0

    def count(*_: object) -> None:
        nonlocal counted
        counted += 1

    engine = session.get_bind()
    sa.event.listen(engine, "before_cursor_execute", count)
    try:
        billing.bill_clients(
            session,
            cast.tenant,
            first_client_id=cast.acme.id,
            last_client_id=cast.acme.id,
            as_of=day(as_of),
            at=NOW,
            portal_url=PORTAL,
        )
    finally:
        sa.event.remove(engine, "before_cursor_execute", count)
    assert session.scalar(sa.select(sa.func.count()).select_from(InvoiceLine))
    return counted

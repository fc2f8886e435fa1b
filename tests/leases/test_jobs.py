"""Papers, mails and sweeps of leases: each once, however often it runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from devices.operations import move_asset
from devices.sanitisation import certify_wipe
from haas import db
from haas.files import StoredFile
from haas.outbox import OutboxEvent
from haas.settings import Settings
from haas.tenancy.scope import scoped
from leases import books, handover, jobs, letters, operations, queries, returns, sweeps
from leases.lifecycle import LeaseState
from leases.models import Acceptance, ReturnOrder, Swap
from leases.swaps import swap_asset
from tests.cast import Cast
from tests.leases.fleet import InService, a_spare, day, lease_in_service
from tests.paper import text_of

ACCEPTED = datetime(2026, 3, 1, 15, 0, tzinfo=UTC)
LATER = datetime(2026, 9, 20, 15, 0, tzinfo=UTC)


@pytest.fixture
def made(cast: Cast) -> InService:
    """One laptop in service at Acme, committed."""
    with db.unit_of_work(cast.tenant) as session:
        return lease_in_service(
            session, cast.tenant, client_id=cast.acme.id, site_id=cast.acme_site.id, accepted_at=ACCEPTED
        )


def event_of(session: Session, cast: Cast, name: str) -> OutboxEvent:
    """The newest event of that name."""
    found = session.scalars(
        scoped(OutboxEvent, cast.tenant).where(OutboxEvent.name == name).order_by(OutboxEvent.id.desc())
    ).first()
    assert found is not None
    return found


def run_twice(job: object, cast: Cast, name: str) -> None:
    """What the relay would do, and does again after a worker died."""
    with db.unit_of_work(cast.tenant) as session:
        event = event_of(session, cast, name)
    for _ in range(2):
        job(partner_id=cast.northwind.id, event_id=event.id, **event.payload)  # type: ignore[operator]


def files_of(cast: Cast, kind: str) -> list[StoredFile]:
    with db.unit_of_work(cast.tenant) as session:
        rows = list(session.scalars(scoped(StoredFile, cast.tenant).where(StoredFile.kind == kind)))
        for row in rows:
            assert row.content
        return rows


def mail_to(settings: Settings, address: str) -> list[EmailMessage]:
    """Everything in the mail folder for this address."""
    folder = Path(settings.mail_url.removeprefix("folder://"))
    found = [
        message_from_bytes(path.read_bytes(), policy=policy.default) for path in sorted(folder.glob("*.eml"))
    ]
    return [mail for mail in found if address in str(mail["To"])]


def received(cast: Cast, made: InService) -> ReturnOrder:
    with db.unit_of_work(cast.tenant) as session:
        order = returns.request_return(
            session,
            cast.tenant,
            asset_id=made.assets[0].id,
            reason="scale down",
            notice_on=day("2026-09-01"),
            due_on=day("2026-09-30"),
            at=LATER - timedelta(days=10),
        )
        returns.collect(session, cast.tenant, return_id=order.id, at=LATER - timedelta(days=1))
        return returns.receive(
            session, cast.tenant, return_id=order.id, at=LATER, serial_seen=made.assets[0].serial or ""
        )


class TestPrintAcceptance:
    def test_keeps_one_certificate_for_the_client(self, cast: Cast, made: InService) -> None:
        run_twice(jobs.print_acceptance, cast, "lease.asset_accepted")

        (stored,) = files_of(cast, "hand_over")
        words = text_of(stored.content)
        assert stored.client_id == cast.acme.id
        assert str(made.assets[0].serial) in words
        assert made.lease.number in words
        assert "Ada Client" in words
        with db.unit_of_work(cast.tenant) as session:
            (acceptance,) = queries.acceptances_of(session, cast.tenant, lease_id=made.lease.id)
        assert acceptance.file_id == stored.id


class TestPrintSwap:
    def test_names_both_assets(self, cast: Cast, made: InService) -> None:
        with db.unit_of_work(cast.tenant) as session:
            spare = a_spare(session, cast.tenant, model=made.model, at=ACCEPTED)
            swap = swap_asset(
                session,
                cast.tenant,
                outgoing_id=made.assets[0].id,
                incoming_id=spare.id,
                reason="fault",
                at=LATER,
            )
        run_twice(jobs.print_swap, cast, "lease.asset_swapped")

        (stored,) = files_of(cast, "hand_over")
        words = text_of(stored.content)
        assert str(spare.serial) in words
        assert str(made.assets[0].serial) in words
        with db.unit_of_work(cast.tenant) as session:
            assert session.get_one(Swap, (cast.northwind.id, swap.id)).file_id == stored.id


class TestPrintReceipt:
    def test_says_when_the_rent_ends(self, cast: Cast, made: InService) -> None:
        order = received(cast, made)
        run_twice(jobs.print_receipt, cast, "return.received")

        (stored,) = files_of(cast, "return_receipt")
        words = text_of(stored.content)
        assert order.number in words
        assert "SN-" in words
        assert "Charges end on" in words
        assert words.count("Sep 20, 2026") == 3  # received, the last rent day, and the signature


class TestCloseBook:
    def test_closes_it_on_the_day_of_disposal_with_its_proceeds(self, cast: Cast, made: InService) -> None:
        order = received(cast, made)
        asset_id = order.asset_id
        with db.unit_of_work(cast.tenant) as session:
            returns.inspect(
                session, cast.tenant, return_id=order.id, at=LATER, grade="D", fair_market_value=Decimal(50)
            )
            certify_wipe(
                session,
                cast.tenant,
                asset_id=asset_id,
                method="destroy",
                destination="recycling",
                technique="shredded",
                media=[{"media_type": "NVMe SSD"}],
                performed_by="Ben",
                verified_by="Ana",
                performed_at=LATER,
            )
            move_asset(session, cast.tenant, asset_id=asset_id, verb="retire", at=LATER)
        with db.unit_of_work(cast.tenant) as session:
            book = queries.find_book(session, cast.tenant, asset_id=asset_id)
            assert book is not None
            assert book.disposed_on is None
            gone_at = datetime(2026, 10, 1, 2, 0, tzinfo=UTC)  # still 30 September in New York
            move_asset(
                session,
                cast.tenant,
                asset_id=asset_id,
                verb="dispose",
                at=gone_at,
                details={"proceeds": "40.00"},
            )
        run_twice(jobs.close_book, cast, "asset.left_fleet")
        with db.unit_of_work(cast.tenant) as session:
            book = queries.find_book(session, cast.tenant, asset_id=asset_id)
            assert book is not None
            assert (book.disposed_on, book.proceeds) == (day("2026-09-30"), Decimal("40.00"))
            # March to August are borne, 6 x 30.00; the month of disposal is not: 1,020.00 are left.
            closed = books.view_book(session, cast.tenant, asset_id=asset_id, as_of=day("2026-12-31"))
            assert (closed.value, closed.accumulated, closed.gain) == (
                Decimal(0),
                Decimal(180),
                Decimal(-980),
            )
            assert [entry.month for entry in closed.entries][-1] == day("2026-08-31")
            before = books.view_book(session, cast.tenant, asset_id=asset_id, as_of=day("2026-09-29"))
            assert (before.value, before.gain, len(before.entries)) == (Decimal(1020), None, 36)

    def test_by_units_closes_at_what_was_used(self, cast: Cast, made: InService) -> None:
        asset_id, tenant = made.assets[0].id, cast.tenant
        with db.unit_of_work(tenant) as session:
            books.change_conventions(
                session,
                tenant,
                asset_id=asset_id,
                method="units",
                first_month="full",
                life_months=36,
                residual_value=Decimal(120),
                total_units=Decimal(10800),
            )
            books.record_usage(
                session, tenant, asset_id=asset_id, month=day("2026-04-30"), units=Decimal(500)
            )
            # 1,080 x 500 / 10,800 = 50.00 are borne; 1,150.00 are left, and 200.00 came in.
            outcome = books.close_book(
                session, tenant, asset_id=asset_id, disposed_on=day("2026-09-30"), proceeds=Decimal(200)
            )
        assert outcome is not None
        assert (outcome.book_value, outcome.gain) == (Decimal(1150), Decimal(-950))


class TestLetters:
    def test_tell_the_client_of_the_beginning_and_of_the_notice(
        self, cast: Cast, made: InService, settings: Settings
    ) -> None:
        run_twice(letters.lease_activated, cast, "lease.activated")
        with db.unit_of_work(cast.tenant) as session:
            operations.give_notice(
                session, cast.tenant, lease_id=made.lease.id, noticed_on=day("2026-09-20"), at=LATER
            )
        run_twice(letters.lease_notice_given, cast, "lease.notice_given")

        subjects = [mail["Subject"] for mail in mail_to(settings, cast.ada.email)]
        assert sorted(subjects) == [
            f"Lease {made.lease.number} has begun",
            f"Notice for lease {made.lease.number}",
        ]

    def test_ask_for_a_device_back_and_tell_what_it_costs(
        self, cast: Cast, made: InService, settings: Settings
    ) -> None:
        order = received(cast, made)
        with db.unit_of_work(cast.tenant) as session:
            asked = event_of(session, cast, "return.requested")
        letters.return_requested(partner_id=cast.northwind.id, event_id=asked.id, **asked.payload)
        assert mail_to(settings, cast.ada.email) == []  # it is back already

        with db.unit_of_work(cast.tenant) as session:
            returns.inspect(
                session,
                cast.tenant,
                return_id=order.id,
                at=LATER,
                grade="C",
                repair_cost=Decimal(480),
                fair_market_value=Decimal(310),
                damage_notes="Cracked lid",
            )
        run_twice(letters.return_inspected, cast, "return.inspected")
        (mail,) = mail_to(settings, cast.ada.email)
        body = mail.get_body(("plain",))
        assert body is not None
        text = body.get_content()
        assert "$310.00" in text  # not 480: capped at the fair market value
        assert "October 4, 2026" in text
        assert "Cracked lid" in text


class TestSweeps:
    @pytest.fixture
    def cast(self, alone: Cast) -> Cast:
        return alone

    def test_move_to_holdover_once_the_term_is_over_where_the_partner_is(
        self, cast: Cast, made: InService, settings: Settings
    ) -> None:
        # Accepted on 1 March 2026 for 36 months: 1 March 2029 is the first day after the term.
        still_february = datetime(2029, 3, 1, 3, 0, tzinfo=UTC)  # 28 February, 22:00 in New York
        for now, state in (
            (still_february, LeaseState.ACTIVE),
            (still_february + timedelta(hours=3), LeaseState.HOLDOVER),
            (still_february + timedelta(hours=4), LeaseState.HOLDOVER),
        ):
            sweeps.move_to_holdover(settings, now)
            with db.unit_of_work(cast.tenant) as session:
                assert queries.get_lease(session, cast.tenant, lease_id=made.lease.id).state == state
        run_twice(letters.lease_held_over, cast, "lease.held_over")
        assert len(mail_to(settings, cast.ada.email)) == 1
        assert len(mail_to(settings, cast.sam.email)) == 1

    def test_close_charges_that_nobody_disputed(
        self, cast: Cast, made: InService, settings: Settings
    ) -> None:
        order = received(cast, made)
        with db.unit_of_work(cast.tenant) as session:
            returns.inspect(
                session,
                cast.tenant,
                return_id=order.id,
                at=LATER,
                grade="B",
                repair_cost=Decimal(50),
                fair_market_value=Decimal(310),
                damage_notes="Dent",
            )
        for now, state in (
            (datetime(2026, 10, 4, 12, 0, tzinfo=UTC), "inspected"),
            (datetime(2026, 10, 5, 12, 0, tzinfo=UTC), "closed"),
        ):
            sweeps.close_undisputed(settings, now)
            with db.unit_of_work(cast.tenant) as session:
                found = queries.get_return(session, cast.tenant, return_id=order.id)
                assert found.state == state

    def test_accept_what_nobody_refused_as_of_the_end_of_the_agreed_days(
        self, cast: Cast, made: InService, settings: Settings
    ) -> None:
        shipped = LATER
        with db.unit_of_work(cast.tenant) as session:
            lease = operations.draft_lease(
                session, cast.tenant, agreement_id=made.agreement.id, term_months=24, at=shipped
            )
            line = operations.add_line(
                session,
                cast.tenant,
                lease_id=lease.id,
                at=shipped,
                description="ThinkPad T14",
                unit_price=Decimal(30),
                model_id=made.model.id,
            )
            operations.quote(
                session, cast.tenant, lease_id=lease.id, valid_until=day("2026-12-31"), at=shipped
            )
            operations.accept(
                session,
                cast.tenant,
                lease_id=lease.id,
                signer="Ada",
                accepted_on=day("2026-09-20"),
                at=shipped,
            )
            spare = a_spare(session, cast.tenant, model=made.model, at=shipped)
            handover.reserve(
                session, cast.tenant, lease_id=lease.id, line_id=line.id, asset_id=spare.id, at=shipped
            )
            handover.ship(session, cast.tenant, asset_id=spare.id, at=shipped)
        sweeps.accept_silently(settings, shipped + timedelta(days=4))
        with db.unit_of_work(cast.tenant) as session:
            assert queries.acceptances_of(session, cast.tenant, lease_id=lease.id) == []
        for hours in (0, 1):
            sweeps.accept_silently(settings, shipped + timedelta(days=9, hours=hours))
        with db.unit_of_work(cast.tenant) as session:
            (acceptance,) = queries.acceptances_of(session, cast.tenant, lease_id=lease.id)
        assert acceptance.signer_name == handover.SILENCE
        assert acceptance.accepted_at == shipped + timedelta(days=5)  # however late the sweep came

    def test_remind_180_90_60_and_30_days_before_the_end_once_each(
        self, cast: Cast, made: InService, settings: Settings
    ) -> None:
        end = datetime(2029, 3, 1, 12, 0, tzinfo=UTC)
        counts = []
        for days in (181, 180, 95, 90, 89, 61, 60, 45, 30, 3):
            sweeps.remind_of_ends(settings, end - timedelta(days=days))
            with db.unit_of_work(cast.tenant) as session:
                counts.append(
                    session.scalar(
                        sa.select(sa.func.count())
                        .select_from(OutboxEvent)
                        .where(OutboxEvent.name == "lease.end_near")
                    )
                )
        assert counts == [0, 1, 1, 2, 2, 2, 3, 3, 4, 4]
        run_twice(letters.lease_end_near, cast, "lease.end_near")
        (mail,) = mail_to(settings, cast.ada.email)
        assert mail["Subject"] == f"Lease {made.lease.number} ends on February 28, 2029"


def test_acceptance_rows_take_nothing_but_their_file(cast: Cast, made: InService) -> None:
    with db.unit_of_work(cast.tenant) as session, pytest.raises(sa.exc.ProgrammingError):
        session.execute(sa.update(Acceptance).values(signer_name="Somebody else"))

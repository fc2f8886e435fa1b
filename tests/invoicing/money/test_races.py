"""Two who move the same money at the same moment: the second waits for the first, then finds it done."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from haas import db
from haas.auth.models import User
from haas.db import Base
from haas.errors import HaasError
from haas.settings import Settings
from haas.tenancy.scope import Tenant, scoped
from invoicing import book
from invoicing.bank import accounts, booking, importing
from invoicing.bank.layouts import sniff
from invoicing.bank.models import BankBooking, BankLine, BankStatement
from invoicing.corrections import credit_invoice
from invoicing.dunning import reminding
from invoicing.dunning.models import Reminder
from invoicing.dunning.policy import POLICY, DunningPolicy
from invoicing.exports import batches, profiles
from invoicing.exports.models import ExportBatch, ExportItem
from invoicing.models import Invoice, Payment
from invoicing.money import balances, receipts, refunds
from invoicing.money.entries import lock_client
from invoicing.money.models import BalanceEntry, Receipt, ReceiptReversal, Refund
from invoicing.payments import settling
from invoicing.payments.local_server.server import Desk
from invoicing.payments.models import PaymentAttempt
from invoicing.payments.protocol import Money, Outcome
from leases.models import Lease
from leases.queries import lock_lease
from tests.cast import Cast
from tests.invoicing.payments.house import OWED, open_till
from tests.invoicing.world import NOW, PORTAL, an_invoice

DAY = date(2026, 11, 2)  # a Monday
SECONDS = 60

Act = Callable[[Session], Any]


@pytest.fixture
def tenant(cast: Cast) -> Tenant:
    """Northwind with an invoice of 168.48 at Acme, committed."""
    with db.unit_of_work(cast.tenant) as session:
        an_invoice(session, cast.tenant, client_id=cast.acme.id)
    return cast.tenant


def race(tenant: Tenant, first: Act, second: Act | None = None) -> Any:
    """What the second gets, or is refused by, if it comes before the first commits, and so has to wait."""
    told: list[Any] = []
    here = threading.Event()

    def come_second() -> None:
        try:
            with db.unit_of_work(tenant) as session:
                told.append(session.scalar(sa.select(sa.func.pg_backend_pid())))
                here.set()
                told.append((second or first)(session))
        except (HaasError, sa.exc.SQLAlchemyError) as refusal:
            told.append(refusal)

    rival = threading.Thread(target=come_second)
    with db.unit_of_work(tenant) as session:
        first(session)
        session.flush()
        rival.start()
        assert here.wait(SECONDS)
        assert _waits(told[0], rival), "the second did not wait for the first"
    rival.join(SECONDS)
    assert not rival.is_alive()
    return told[1]


def _waits(pid: int, rival: threading.Thread) -> bool:
    """Look until the database says that it waits for another's lock, or it has ended without."""
    with db.engine().connect() as connection:
        while rival.is_alive():
            if connection.scalar(sa.select(sa.func.cardinality(sa.func.pg_blocking_pids(pid)))):
                return True
            os.sched_yield()
    return False


def count(tenant: Tenant, model: type[Base]) -> int:
    with db.unit_of_work(tenant) as session:
        return session.scalar(sa.select(sa.func.count()).select_from(model)) or 0


def credit(tenant: Tenant, client_id: str) -> Decimal:
    with db.unit_of_work(tenant) as session:
        return balances.balance_of(session, tenant, client_id=client_id).get("USD", Decimal(0))


def invoice_id(session: Session, tenant: Tenant) -> str:
    return session.scalars(scoped(Invoice, tenant)).one().id


class TestTwoReceipts:
    def receive(self, cast: Cast, reference: str, amount: str = "168.48", part: str = "168.48") -> Act:
        return lambda session: receipts.record_receipt(
            session,
            cast.tenant,
            client_id=cast.acme.id,
            amount=Decimal(amount),
            currency="USD",
            received_on=DAY,
            method="cheque",
            reference=reference,
            allocations={invoice_id(session, cast.tenant): Decimal(part)} if Decimal(part) else {},
            source="manual",
            at=NOW,
        )

    def test_of_one_reference_are_one(self, cast: Cast, tenant: Tenant) -> None:
        second = race(tenant, self.receive(cast, "CHEQUE-1"))
        assert (second.amount, count(tenant, Receipt), count(tenant, Payment)) == (OWED, 1, 1)

    def test_never_pay_more_than_an_invoice_has_open(self, cast: Cast, tenant: Tenant) -> None:
        refused = race(tenant, self.receive(cast, "A", "100", "100"), self.receive(cast, "B", "100", "100"))
        assert "Only 68.48" in str(refused)  # 168.48 - 100.00
        assert (count(tenant, Receipt), count(tenant, Payment)) == (1, 1)

    def test_go_back_once(self, cast: Cast, tenant: Tenant) -> None:
        with db.unit_of_work(tenant) as session:
            receipt_id = self.receive(cast, "A")(session).id

        def reverse(session: Session) -> Any:
            return receipts.reverse_receipt(
                session,
                tenant,
                receipt_id=receipt_id,
                amount=None,
                reason="Not honoured",
                on=DAY,
                at=NOW,
                reference="A/back",
            )

        assert race(tenant, reverse).amount == OWED
        assert count(tenant, ReceiptReversal) == 1


class TestTwoWhoSpendOneCredit:
    @pytest.fixture(autouse=True)
    def forty(self, cast: Cast, tenant: Tenant) -> None:
        """40.00 to Acme's credit."""
        with db.unit_of_work(tenant) as session:
            balances.grant(
                session,
                tenant,
                client_id=cast.acme.id,
                amount=Decimal(40),
                currency="USD",
                reason="Goodwill",
                on=DAY,
                at=NOW,
            )

    def refund(self, cast: Cast, key: str | None = None) -> Act:
        return lambda session: refunds.refund_balance(
            session,
            cast.tenant,
            client_id=cast.acme.id,
            amount=Decimal(30),
            currency="USD",
            reason="Wish",
            on=DAY,
            at=NOW,
            once_key=key,
        )

    def apply(self, session: Session, tenant: Tenant) -> Payment:
        return balances.apply_to_invoice(
            session, tenant, invoice_id=invoice_id(session, tenant), on=DAY, at=NOW
        )

    def test_are_not_both_refunded(self, cast: Cast, tenant: Tenant) -> None:
        assert "The credit is 10.00" in str(race(tenant, self.refund(cast)))  # 40.00 - 30.00
        assert (count(tenant, Refund), credit(tenant, cast.acme.id)) == (1, Decimal(10))

    def test_are_refunded_once_by_one_key(self, cast: Cast, tenant: Tenant) -> None:
        assert race(tenant, self.refund(cast, "wish-1")).amount == Decimal(30)
        assert (count(tenant, Refund), credit(tenant, cast.acme.id)) == (1, Decimal(10))

    def test_apply_it_once(self, cast: Cast, tenant: Tenant) -> None:
        refused = race(tenant, lambda session: self.apply(session, tenant))
        assert "no credit in USD" in str(refused)
        assert (count(tenant, BalanceEntry), count(tenant, Payment)) == (2, 1)  # granted, applied

    def test_are_refunded_once_by_one_page_that_is_sent_twice(
        self, cast: Cast, tenant: Tenant, web: Callable[[User | None], FlaskClient]
    ) -> None:
        browser, address = web(cast.ana), f"/money/credit/{cast.acme.id}"
        shown = re.search(r'name="once" value="([^"]+)"', browser.get(address).text)
        assert shown
        form = {"what": "refund", "amount": "20", "currency": "USD", "reason": "Wish", "once": shown[1]}
        assert [browser.post(address, data=form).status_code for _ in range(2)] == [303, 303]
        assert (count(tenant, Refund), credit(tenant, cast.acme.id)) == (1, Decimal(20))

    def test_take_what_is_left_when_one_refunds_and_one_applies(self, cast: Cast, tenant: Tenant) -> None:
        applied = race(tenant, self.refund(cast), lambda session: self.apply(session, tenant))
        assert (applied.amount, credit(tenant, cast.acme.id)) == (Decimal(10), Decimal(0))


class TestTwoExports:
    def test_take_each_row_once(self, cast: Cast, tenant: Tenant) -> None:
        with db.unit_of_work(tenant) as session:
            profile = profiles.create_profile(
                session, tenant, name="Books", format="journal_csv", content="invoices", at=NOW
            )
            rows = [
                ("account", name, "4000") for name in ("receivables", "tax", "line:rent", "line:interim_rent")
            ]
            profiles.set_names(session, tenant, profile_id=profile.id, rows=rows)

        refused = race(tenant, lambda session: batches.start(session, tenant, profile_id=profile.id, at=NOW))
        assert isinstance(refused, batches.NothingWaits)
        assert (count(tenant, ExportBatch), count(tenant, ExportItem)) == (1, 1)


class TestTwoWhoBringInOneStatement:
    CONTENT = f"Date,Amount,Payee,Memo\n{DAY},168.48,Somebody,Thanks\n{DAY},5.00,Somebody,More\n".encode()

    @pytest.fixture
    def account_id(self, tenant: Tenant) -> str:
        """In dollars."""
        with db.unit_of_work(tenant) as session:
            return accounts.open_account(
                session, tenant, name="Operating", holder="Northwind IT", number="021000021 4417002233",
                bic="", currency="USD", auto_book=False, at=NOW,
            ).id  # fmt: skip

    def bring(self, session: Session, tenant: Tenant, account_id: str) -> BankStatement:
        stored = importing.upload(session, tenant, name="s.csv", content=self.CONTENT)
        (made,) = importing.bring_in(
            session,
            tenant,
            file_id=stored.id,
            account_id=account_id,
            layout=sniff(self.CONTENT).layout,
            at=NOW,
        )
        return made

    def test_take_its_lines_once(self, tenant: Tenant, account_id: str) -> None:
        second = race(tenant, lambda session: self.bring(session, tenant, account_id))
        assert second.new_lines == 2
        assert (count(tenant, BankStatement), count(tenant, BankLine)) == (1, 2)

    def test_book_a_line_once(self, cast: Cast, tenant: Tenant, account_id: str) -> None:
        with db.unit_of_work(tenant) as session:
            self.bring(session, tenant, account_id)
            line_id = session.scalars(scoped(BankLine, tenant).where(BankLine.amount == OWED)).one().id

        def book(session: Session) -> Any:
            part = booking.Part(
                client_id=cast.acme.id, amount=OWED, allocations={invoice_id(session, tenant): OWED}
            )
            return booking.book(session, tenant, line_id=line_id, parts=[part], at=NOW)

        assert isinstance(race(tenant, book), booking.LineDecided)
        assert (count(tenant, BankBooking), count(tenant, Receipt), count(tenant, Payment)) == (1, 1, 1)


class TestTwoRunsOfReminders:
    def test_write_to_a_client_once(self, cast: Cast, tenant: Tenant) -> None:
        with db.unit_of_work(tenant) as session:
            partner = session.get_one(type(cast.northwind), tenant.partner_id)
            partner.policies = {**partner.policies, POLICY: DunningPolicy(is_on=True).check().kept()}

        assert race(tenant, lambda session: reminding.remind(session, tenant, today=DAY, at=NOW)) == []
        assert count(tenant, Reminder) == 1


class TestAWebhookAndOurOwnQuestion:
    def test_make_one_receipt_of_one_payment(
        self, cast: Cast, settings: Settings, payment_desk: Desk
    ) -> None:
        till = open_till(cast, settings, payment_desk)
        till.card()
        attempt_id = till.charge(till.invoice()).id
        outcome = Outcome("succeeded", id="pay_1", money=Money.of(OWED, "USD"))

        second: PaymentAttempt = race(
            cast.tenant,
            lambda session: settling.settle(
                session, cast.tenant, attempt_id=attempt_id, outcome=outcome, at=NOW
            ),
        )
        assert second.state == "succeeded"
        assert (count(cast.tenant, Receipt), count(cast.tenant, Payment)) == (1, 1)


class TestARunAndAnAmendment:
    def test_wait_for_one_another_and_never_in_a_circle(self, cast: Cast, tenant: Tenant) -> None:
        told: list[Any] = []
        here = threading.Event()

        def bill() -> None:
            with db.unit_of_work(tenant) as session:
                told.append(session.scalar(sa.select(sa.func.pg_backend_pid())))
                here.set()
                told.append(book.load(session, tenant, client_ids=[cast.acme.id], as_of=DAY).leases)

        run = threading.Thread(target=bill)
        with db.unit_of_work(tenant) as session:
            lock_lease(session, tenant, session.scalars(scoped(Lease, tenant)).one().id)
            run.start()
            assert here.wait(SECONDS)
            assert _waits(told[0], run), "the run did not wait for the lease"
            lock_client(session, tenant, client_id=cast.acme.id)  # as whoever asks about its credit does
        run.join(SECONDS)
        assert len(told[1]) == 1

    def test_let_a_credit_note_through_that_holds_the_client(self, cast: Cast, tenant: Tenant) -> None:
        with db.unit_of_work(tenant) as session:
            invoice_id = session.scalars(scoped(Invoice, tenant)).one().id
            lease_id = session.scalars(scoped(Lease, tenant)).one().id
        with db.unit_of_work(tenant) as amending:
            lock_lease(amending, tenant, lease_id)
            with db.unit_of_work(tenant) as session:
                session.execute(sa.text("set local lock_timeout = '5s'"))
                credit_invoice(
                    session, tenant, invoice_id=invoice_id, reason="A day less", issued_on=DAY, at=NOW,
                    portal_url=PORTAL,
                )  # fmt: skip
            lock_client(amending, tenant, client_id=cast.acme.id)

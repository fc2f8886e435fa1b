"""Money taken through a provider, from the decision to the receipt: each once, whatever goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from haas import clock, db
from haas.accounts.clients import edit_client
from haas.audit import AuditEntry
from haas.errors import Conflict, InvalidInput
from haas.outbox import OutboxEvent
from haas.settings import Settings
from haas.tenancy.models import Partner
from haas.tenancy.scope import scoped
from invoicing import pay_links
from invoicing.corrections import record_payment
from invoicing.models import Invoice
from invoicing.money.models import BalanceEntry, Receipt, ReceiptReversal
from invoicing.money.receipts import RefundUnderWay, reverse_receipt
from invoicing.money.refunds import RefundOrdered, get_refund, mark_failed, mark_paid, refund_balance
from invoicing.pay_link_models import PayLink
from invoicing.payments import (
    charges,
    checkouts,
    credit_refunds,
    inbox,
    jobs,
    payouts,
    queries,
    refunds,
    settling,
)
from invoicing.payments.errors import NoMethod, NothingToPay, PaymentUnderWay
from invoicing.payments.lifecycle import ATTEMPT, AttemptState
from invoicing.payments.local_server.server import Desk
from invoicing.payments.models import MoneyBack, PaymentAttempt, Payout, ProviderMessage
from invoicing.payments.protocol import DisputeReported, Money, Outcome, ProviderUnreachable, RefundReported
from tests.cast import Cast
from tests.invoicing.payments.house import FEE, OWED, Till, open_till

NOW = datetime.now(UTC)
BACK = "https://portal.example/back"


@pytest.fixture
def till(cast: Cast, settings: Settings, payment_desk: Desk) -> Till:
    return open_till(cast, settings, payment_desk)


@pytest.fixture
def browser(web: Callable[..., FlaskClient]) -> FlaskClient:
    return web(None)


def receipts(till: Till) -> list[Receipt]:
    with db.unit_of_work(till.tenant) as session:
        return list(session.scalars(scoped(Receipt, till.tenant).order_by(Receipt.id)))


def lost(till: Till) -> dict[str, Decimal]:
    """What each kind of reversal was of money that had gone back already."""
    with db.unit_of_work(till.tenant) as session:
        return {row.kind: row.shortfall for row in session.scalars(scoped(ReceiptReversal, till.tenant))}


def events(till: Till, name: str) -> list[OutboxEvent]:
    with db.unit_of_work(till.tenant) as session:
        return list(session.scalars(scoped(OutboxEvent, till.tenant).where(OutboxEvent.name == name)))


def process_all(till: Till) -> None:
    """The jobs that follow stored webhooks, in the order in which they came."""
    with db.unit_of_work(till.tenant) as session:
        ids = session.scalars(
            scoped(ProviderMessage, till.tenant)
            .order_by(ProviderMessage.received_at)
            .with_only_columns(ProviderMessage.id)
        ).all()
    for message_id in ids:
        inbox.process(till.tenant, message_id=message_id, settings=till.settings)


class TestCharge:
    def test_pays_the_invoice_once_however_often_the_job_runs(self, till: Till) -> None:
        till.card()
        invoice = till.invoice()
        attempt = till.charge(invoice)
        for _ in range(2):
            attempt = till.send(attempt)

        (receipt,) = receipts(till)
        assert (attempt.state, till.open(invoice)) == ("succeeded", Decimal(0))
        assert (receipt.amount, receipt.fee, receipt.method) == (OWED, FEE, "card")
        assert (receipt.source, receipt.provider_id) == ("provider", attempt.payment_id)
        assert till.desk.asked.count(attempt.id) == 1

    @pytest.mark.parametrize("behaviour", ["error_after", "error_before"])
    def test_whose_answer_was_lost_is_looked_up_by_its_key(self, till: Till, behaviour: str) -> None:
        till.card()
        invoice = till.invoice()
        attempt = till.charge(invoice)
        till.desk.next_behaviour = behaviour
        with pytest.raises(ProviderUnreachable):
            till.send(attempt)
        assert till.attempt(attempt.id).state == "unknown"
        with pytest.raises(PaymentUnderWay):
            till.charge(invoice)

        assert till.send(attempt).state == "succeeded"
        assert len(till.desk.engine.by_key(till.desk.engine.payments, attempt.id)) == 1
        assert len(receipts(till)) == 1

    def test_of_a_process_that_died_after_sending_is_found_by_the_sweep(self, till: Till) -> None:
        till.card()
        attempt = till.charge(till.invoice())
        prepared = charges._prepare(till.tenant, attempt_id=attempt.id, settings=till.settings)
        assert prepared is not None
        prepared[0].charge_off_session(prepared[1])  # and here the process dies

        jobs.ask_after(till.settings, datetime.now(UTC) + timedelta(minutes=10))

        assert till.attempt(attempt.id).state == "succeeded"
        assert till.desk.asked.count(attempt.id) == 1

    @pytest.mark.parametrize(("digits", "kind"), [("0341", "soft"), ("0002", "hard")])
    def test_that_is_declined_says_so_and_lets_another_be_tried(
        self, till: Till, digits: str, kind: str
    ) -> None:
        till.card(digits)
        invoice = till.invoice()
        attempt = till.send(till.charge(invoice, attempt_no=1))

        (declined,) = events(till, "payment.declined")
        assert (attempt.state, attempt.decline_kind, till.open(invoice)) == ("declined", kind, OWED)
        assert declined.payload == {
            "invoice_id": invoice.id,
            "attempt_id": attempt.id,
            "attempt_no": 1,
            "kind": kind,
            "reason": attempt.reason,
        }
        assert till.charge(invoice, attempt_no=1).id == attempt.id  # the same try happens once
        assert till.charge(invoice, attempt_no=2).id != attempt.id

    def test_is_refused_without_a_method_and_for_a_settled_invoice(self, till: Till) -> None:
        invoice = till.invoice()
        with pytest.raises(NoMethod):
            till.charge(invoice)
        till.card()
        till.send(till.charge(invoice))
        with pytest.raises(NothingToPay):
            till.charge(invoice)

    def test_of_what_was_paid_by_transfer_in_the_meantime_is_not_sent(self, till: Till) -> None:
        till.card()
        invoice = till.invoice()
        attempt = till.charge(invoice)
        self._transfer(till, invoice)

        attempt = till.send(attempt)
        assert (attempt.state, attempt.reason) == ("expired", "settled_otherwise")
        assert attempt.id not in till.desk.asked

    def test_that_came_beside_a_transfer_is_the_clients_credit(self, till: Till) -> None:
        till.card("3063")
        invoice = till.invoice()
        attempt = till.send(till.charge(invoice))
        assert attempt.state == "pending"
        self._transfer(till, invoice)
        till.desk.engine.settle(attempt.payment_id or "", paid=True)
        checkouts.refresh(till.tenant, attempt_id=attempt.id, settings=till.settings)

        with db.unit_of_work(till.tenant) as session:
            (entry,) = session.scalars(scoped(BalanceEntry, till.tenant)).all()
        assert (entry.kind, entry.amount) == ("overpayment", OWED)

    def _transfer(self, till: Till, invoice: Invoice) -> None:
        with db.unit_of_work(till.tenant) as session:
            record_payment(
                session,
                till.tenant,
                invoice_id=invoice.id,
                amount=OWED,
                received_on=date(2026, 4, 10),
                method="transfer",
                reference="BANK-1",
                at=NOW,
            )


class TestWebhook:
    def test_is_stored_once_and_done_once(self, till: Till, browser: FlaskClient) -> None:
        till.card("3063")
        attempt = till.send(till.charge(till.invoice()))
        till.desk.engine.settle(attempt.payment_id or "", paid=True)
        told = till.events(attempt.id)
        for event in [*told, *reversed(told)]:  # twice, and in the wrong order
            assert till.hook(event, browser) == 200
        process_all(till)
        process_all(till)

        assert (till.attempt(attempt.id).state, len(receipts(till))) == ("succeeded", 1)
        assert len(events(till, "payment.webhook_stored")) == len(told)

    def test_of_a_refund_may_come_before_that_of_the_payment(self, till: Till, browser: FlaskClient) -> None:
        till.card()
        invoice = till.invoice()
        attempt = till.charge(invoice)
        prepared = charges._prepare(till.tenant, attempt_id=attempt.id, settings=till.settings)
        assert prepared is not None
        paid = prepared[0].charge_off_session(prepared[1])
        till.desk.engine.refund({"payment": paid.id, "amount": 6848}, "somebody_at_the_provider")
        till.desk.engine.dispute(paid.id)
        for event in reversed(till.events(attempt.id)):
            till.hook(event, browser)
        process_all(till)

        # 168.48 came, and 236.96 went: the dispute took it whole, and leaves nothing for the refund.
        assert till.open(invoice) == OWED
        assert len(receipts(till)) == 1
        assert lost(till) == {"chargeback": Decimal(0), "refunded": Decimal("68.48")}

    def test_of_a_dispute_opens_the_invoice_and_won_closes_it(self, till: Till, browser: FlaskClient) -> None:
        till.card()
        invoice = till.invoice()
        attempt = till.send(till.charge(invoice))
        till.desk.engine.dispute(attempt.payment_id or "")
        till.hook(till.events(attempt.id)[-1], browser)
        process_all(till)
        assert till.open(invoice) == OWED
        till.desk.engine.dispute(attempt.payment_id or "", won=True)
        till.hook(till.events(attempt.id)[-1], browser)
        process_all(till)

        assert till.open(invoice) == 0
        assert [row.reference.rpartition("/")[2] for row in receipts(till)][-1] == "won"

    def test_that_is_not_signed_or_too_large_or_nobodys_is_refused(
        self, till: Till, browser: FlaskClient
    ) -> None:
        event = {"id": "evt_forged", "type": "payment.succeeded", "data": {}}
        address = f"/webhooks/payments/{till.account.webhook_token}"

        assert till.hook(event, browser, secret="whsec_" + "QUJD" * 8) == 400
        assert browser.post(address, data=b"x" * (inbox.BODY_BYTES_MAX + 1)).status_code == 413
        assert browser.post("/webhooks/payments/nobody", data=b"{}").status_code == 404
        assert events(till, "payment.webhook_stored") == []

    def test_of_another_program_that_uses_the_account_changes_nothing(
        self, till: Till, browser: FlaskClient
    ) -> None:
        data = {"id": "pay_x", "key": "theirs", "amount": 1, "currency": "USD", "checkout": ""}
        event = {"id": "evt_x", "type": "payment.succeeded", "data": {**data, "status": "succeeded"}}
        till.hook(event, browser)
        process_all(till)

        assert receipts(till) == []


class TestCheckout:
    def page(self, till: Till, invoice: Invoice, actor: str = "usr_1") -> PaymentAttempt:
        tenant = type(till.tenant)(till.tenant.partner_id, actor=actor)
        return checkouts.open_checkout(tenant, invoice_id=invoice.id, return_url=BACK, settings=till.settings)

    def test_is_one_page_for_one_caller_and_closed_for_the_next(self, till: Till) -> None:
        invoice = till.invoice()
        first = self.page(till, invoice)
        again = self.page(till, invoice)
        other = self.page(till, invoice, actor="link:1")

        assert (again.id, again.checkout_url) == (first.id, first.checkout_url)
        assert other.id != first.id
        assert till.attempt(first.id).state == "expired"
        assert till.desk.engine.checkouts[first.checkout_id or ""]["status"] == "expired"

    def test_takes_off_the_discount_of_who_pays_early(
        self, till: Till, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        terms = {"early_discount_days": 10, "early_discount_pct": Decimal(3)}
        with db.unit_of_work(till.tenant) as session:
            edit_client(session, till.tenant, client_id=till.cast.acme.id, changes=terms)
        invoice = till.invoice()
        monkeypatch.setattr(clock, "now", lambda: datetime(2026, 4, 11, 15, tzinfo=UTC))
        page = self.page(till, invoice)
        assert (page.amount, page.discount) == (Decimal("163.43"), Decimal("5.05"))  # 3 % of 168.48

        till.desk.engine.pay(page.checkout_id or "", how="4242")
        monkeypatch.setattr(clock, "now", lambda: datetime(2026, 4, 12, 15, tzinfo=UTC))
        checkouts.refresh(till.tenant, attempt_id=page.id, settings=till.settings)

        (receipt,) = receipts(till)  # the page was shown in time: that it is told a day later does no harm
        assert (receipt.amount, till.open(invoice)) == (Decimal("163.43"), Decimal(0))

    def test_is_paid_though_its_discount_is_not_due_by_the_day_that_it_has_by_now(
        self, till: Till, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        terms = {"early_discount_days": 10, "early_discount_pct": Decimal(3)}
        with db.unit_of_work(till.tenant) as session:
            edit_client(session, till.tenant, client_id=till.cast.acme.id, changes=terms)
        invoice = till.invoice()
        monkeypatch.setattr(clock, "now", lambda: datetime(2026, 4, 11, 20, tzinfo=UTC))  # the last day
        page = self.page(till, invoice)
        with db.unit_of_work(till.tenant) as session:
            session.get_one(Partner, till.tenant.partner_id).time_zone = "Asia/Tokyo"  # there the next one
        till.desk.engine.pay(page.checkout_id or "", how="4242")
        checkouts.refresh(till.tenant, attempt_id=page.id, settings=till.settings)

        (receipt,) = receipts(till)  # the money came: it is never refused for the discount
        assert (receipt.amount, till.open(invoice)) == (Decimal("163.43"), Decimal("5.05"))

    def test_on_which_somebody_paid_a_moment_ago_counts(self, till: Till) -> None:
        invoice = till.invoice()
        first = self.page(till, invoice)
        till.desk.engine.pay(first.checkout_id or "", how="4242")

        with pytest.raises(NothingToPay):
            self.page(till, invoice, actor="link:1")
        assert (till.attempt(first.id).state, till.open(invoice)) == ("succeeded", Decimal(0))

    def test_whose_answer_was_lost_is_the_same_page_again(self, till: Till) -> None:
        invoice = till.invoice()
        till.desk.next_behaviour = "error_after"
        with pytest.raises(ProviderUnreachable):
            self.page(till, invoice)
        pages = len(till.desk.engine.checkouts)

        assert self.page(till, invoice).checkout_url
        assert len(till.desk.engine.checkouts) == pages

    def test_that_no_webhook_tells_of_is_asked_after(self, till: Till) -> None:
        invoice = till.invoice()
        attempt = self.page(till, invoice)
        till.desk.engine.pay(attempt.checkout_id or "", how="0341")
        till.desk.engine.pay(attempt.checkout_id or "", how="4242")  # another card on the same page
        jobs.ask_after(till.settings, datetime.now(UTC) + timedelta(minutes=10))

        assert till.open(invoice) == 0


class TestRefund:
    def test_opens_the_invoice_again_for_as_much_and_no_more(self, till: Till, browser: FlaskClient) -> None:
        till.card()
        invoice = till.invoice()
        attempt = till.send(till.charge(invoice))
        back = self.ask(till, attempt, "68.48")
        till.desk.next_behaviour = "error_after"
        with pytest.raises(ProviderUnreachable):
            refunds.send(till.tenant, back_id=back.id, settings=till.settings)
        refunds.send(till.tenant, back_id=back.id, settings=till.settings)
        till.hook(till.events(attempt.id)[-1], browser)  # and its webhook
        process_all(till)

        assert till.open(invoice) == Decimal("68.48")
        assert len(till.desk.engine.by_key(till.desk.engine.refunds, back.id)) == 1
        with pytest.raises(InvalidInput, match="Only 100"):  # 168.48 - 68.48
            self.ask(till, attempt, "100.01")

    def test_at_the_provider_by_somebody_else_is_taken_over_once(
        self, till: Till, browser: FlaskClient
    ) -> None:
        till.card()
        invoice = till.invoice()
        attempt = till.send(till.charge(invoice))
        till.desk.engine.refund({"payment": attempt.payment_id, "amount": 1000}, "theirs")
        for _ in range(2):
            till.hook(till.events(attempt.id)[-1], browser)
        process_all(till)

        assert till.open(invoice) == Decimal("10.00")

    def test_in_another_currency_than_the_payment_is_not_taken_over(self, till: Till) -> None:
        till.card()
        invoice = till.invoice()
        attempt = till.send(till.charge(invoice))
        foreign = Money(1000, "JPY")
        told = RefundReported("theirs", attempt.payment_id or "", Outcome("succeeded", "re_1", foreign))
        lost = DisputeReported("dp_1", attempt.payment_id or "", foreign, is_lost=True, reason="fraud")
        with pytest.raises(Conflict, match="1000 JPY"), db.unit_of_work(till.tenant) as session:
            refunds.note_refund(session, till.tenant, attempt=attempt, told=told, at=NOW)
        with pytest.raises(Conflict, match="1000 JPY"), db.unit_of_work(till.tenant) as session:
            refunds.note_dispute(session, till.tenant, attempt=attempt, told=lost, at=NOW)

        assert till.open(invoice) == 0

    def test_that_succeeds_after_the_payers_bank_took_all_back_is_a_loss(
        self, till: Till, browser: FlaskClient
    ) -> None:
        till.card()
        invoice = till.invoice()
        attempt = till.send(till.charge(invoice))
        back = self.ask(till, attempt, "168.48")
        till.desk.engine.dispute(attempt.payment_id or "")
        till.hook(till.events(attempt.id)[-1], browser)
        process_all(till)
        for _ in range(2):  # a job may run twice
            refunds.send(till.tenant, back_id=back.id, settings=till.settings)

        with db.unit_of_work(till.tenant) as session:
            assert queries.get_back(session, till.tenant, back_id=back.id).state == "succeeded"
            assert refunds.left_of(session, till.tenant, attempt=attempt) == 0
        assert till.open(invoice) == OWED
        assert lost(till) == {"chargeback": Decimal(0), "refunded": OWED}

    def ask(self, till: Till, attempt: PaymentAttempt, amount: str) -> MoneyBack:
        with db.unit_of_work(till.tenant) as session:
            return refunds.ask_refund(
                session,
                till.tenant,
                attempt_id=attempt.id,
                amount=Decimal(amount),
                reason="Agreed",
                at=NOW,
            )


class TestDueDay:
    def test_charges_each_due_invoice_once_where_the_partner_wants_it(self, till: Till) -> None:
        card = till.card()
        invoice = till.invoice()
        with db.unit_of_work(till.tenant) as session:
            assert jobs.due_to_charge(session, till.tenant, today=date(2026, 4, 15)) == []
            account = queries.get_account(session, till.tenant, account_id=till.account.id)
            account.charges_on_due_day = True
            # A card that was saved when the invoice was there already is charged by hand alone.
            assert jobs.due_to_charge(session, till.tenant, today=date(2026, 4, 15)) == []
            method = queries.get_method(session, till.tenant, method_id=card.id)
            method.created_at = invoice.created_at - timedelta(days=1)
            session.flush()
            assert jobs.due_to_charge(session, till.tenant, today=date(2026, 4, 14)) == []
            assert jobs.due_to_charge(session, till.tenant, today=date(2026, 4, 15)) == [invoice.id]
        for _ in range(2):
            jobs.charge_due(till.settings, datetime(2026, 4, 15, 16, tzinfo=UTC))

        with db.unit_of_work(till.tenant) as session:
            (attempt,) = session.scalars(scoped(PaymentAttempt, till.tenant)).all()
        assert (attempt.attempt_no, attempt.amount) == (1, OWED)


class TestPayout:
    def test_shows_fees_and_what_was_not_recorded(self, till: Till) -> None:
        while till.desk.engine.pay_out():  # what other tests left, of each account and currency
            pass
        card = till.card()
        attempt = till.send(till.charge(till.invoice()))
        till.desk.engine.charge({"method": card.method_token, "amount": 500, "currency": "USD"}, "theirs_too")
        made = till.desk.engine.pay_out()
        assert made is not None
        for _ in range(2):
            payouts.fetch_lately(till.tenant, account_id=till.account.id, settings=till.settings)

        with db.unit_of_work(till.tenant) as session:
            found = session.scalars(
                queries.list_payouts(till.tenant).where(Payout.external_id == made["id"])
            ).one()
            report = payouts.report(session, till.tenant, payout=found)
        assert report.unexplained == 0
        assert report.amount == OWED + Decimal("5.00")
        (off,) = report.differences
        assert (off.difference, off.invoice_id) == (Decimal("5.00"), None)
        assert {row.fee for row in receipts(till) if row.provider_id == attempt.payment_id} == {FEE}


class TestSecrets:
    def test_reach_no_audit_row_and_no_answer(self, till: Till, api: Callable[..., FlaskClient]) -> None:
        till.card()
        answers = [
            api(till.cast.ana).get("/v1/payment-accounts").get_data(as_text=True),
            api(till.cast.ana).get(f"/v1/clients/{till.cast.acme.id}/payment-methods").get_data(as_text=True),
        ]
        with db.unit_of_work(till.tenant) as session:
            rows = session.scalars(sa.select(AuditEntry).where(AuditEntry.subject.like("payment_%"))).all()
            answers += [str((row.before, row.after)) for row in rows]
            token = queries.methods_of(session, till.tenant, client_id=till.cast.acme.id)[0].method_token
        assert rows
        for secret in ("local_test_key", till.secret, token, till.account.api_key_sealed):
            assert not any(secret in answer for answer in answers)

    def test_of_a_link_are_kept_as_a_hash_and_revoked_for_good(
        self, till: Till, browser: FlaskClient
    ) -> None:
        invoice = till.invoice()
        with db.unit_of_work(till.tenant) as session:
            secret = pay_links.make_link(session, till.tenant, invoice=invoice, at=NOW)
        assert browser.get(f"/pay/{secret}").status_code == 200
        with db.unit_of_work(till.tenant) as session:
            kept = session.scalars(scoped(PayLink, till.tenant)).one()
            assert secret not in kept.token_hash
            pay_links.revoke(session, till.tenant, invoice_id=invoice.id, at=NOW)
        gone = browser.get(f"/pay/{secret}")
        assert (gone.status_code, gone.headers["X-Robots-Tag"]) == (404, "noindex")


class TestPayPage:
    def test_tells_what_is_true(self, till: Till, browser: FlaskClient) -> None:
        invoice = till.invoice()
        with db.unit_of_work(till.tenant) as session:
            secret = pay_links.make_link(session, till.tenant, invoice=invoice, at=NOW)
        page = browser.get(f"/pay/{secret}").get_data(as_text=True)
        assert "$168.48" in page
        assert "haas" not in page.lower().replace("haas-charts", "").replace("css/haas.css", "")

        leaving = browser.post(f"/pay/{secret}").get_data(as_text=True)
        with db.unit_of_work(till.tenant) as session:
            (attempt,) = queries.attempts_of(session, till.tenant, invoice_id=invoice.id)
        assert (attempt.checkout_url or "") in leaving
        till.desk.engine.pay(attempt.checkout_id or "", how="3063")
        assert "under way" in browser.get(f"/pay/{secret}/back", follow_redirects=True).get_data(as_text=True)
        assert browser.post(f"/pay/{secret}").status_code == 409
        (payment,) = till.desk.engine.by_key(till.desk.engine.payments, attempt.id)
        till.desk.engine.settle(payment["id"], paid=False)
        assert "did not go through" in browser.get(f"/pay/{secret}/back", follow_redirects=True).get_data(
            as_text=True
        )
        browser.post(f"/pay/{secret}")
        with db.unit_of_work(till.tenant) as session:
            second = queries.attempts_of(session, till.tenant, invoice_id=invoice.id)[0]
        till.desk.engine.pay(second.checkout_id or "", how="4242")
        assert "Nothing is open" in browser.get(f"/pay/{secret}/back", follow_redirects=True).get_data(
            as_text=True
        )


class TestLifecycle:
    def test_lets_nothing_end_money_that_came(self) -> None:
        assert ATTEMPT.verbs_from(AttemptState.SUCCEEDED) == []
        for state in set(AttemptState) - {AttemptState.SUCCEEDED}:
            assert ATTEMPT.after(state, "succeed") == AttemptState.SUCCEEDED

    def test_refuses_money_of_another_currency(self, till: Till) -> None:
        till.card()
        attempt = till.charge(till.invoice())
        with pytest.raises(Conflict), db.unit_of_work(till.tenant) as session:
            settling.settle(
                session,
                till.tenant,
                attempt_id=attempt.id,
                outcome=Outcome("succeeded", id="pay_eur", money=Money(16_848, "EUR")),
                at=NOW,
            )


class TestARefundUnderWay:
    def test_keeps_its_money_from_a_reversal_by_hand(self, till: Till) -> None:
        till.card()
        attempt = till.send(till.charge(till.invoice()))
        reverse = partial(
            reverse_receipt, receipt_id=attempt.receipt_id or "", reason="By hand", on=NOW.date(), at=NOW
        )
        with db.unit_of_work(till.tenant) as session:
            back = refunds.ask_refund(
                session, till.tenant, attempt_id=attempt.id, amount=Decimal(100), reason="Too much", at=NOW
            )
            for amount in (None, Decimal("68.49")):  # 168.48 less 100.00 is 68.48
                with pytest.raises(RefundUnderWay, match=r"at most 68\.48"):
                    reverse(session, till.tenant, amount=amount)
            reverse(session, till.tenant, amount=Decimal("68.00"))

        refunds.send(till.tenant, back_id=back.id, settings=till.settings)
        with db.unit_of_work(till.tenant) as session:
            assert queries.get_back(session, till.tenant, back_id=back.id).state == "succeeded"
            assert refunds.left_of(session, till.tenant, attempt=attempt) == Decimal("0.48")
            reverse(session, till.tenant, amount=None)
            with pytest.raises(InvalidInput, match=r"Only 0"):
                refunds.ask_refund(
                    session, till.tenant, attempt_id=attempt.id, amount=Decimal(1), reason="More", at=NOW
                )


class TestCreditThatGoesBack:
    def test_by_the_provider_leaves_once_and_is_told_of_without_a_second_effect(
        self, till: Till, browser: FlaskClient
    ) -> None:
        till.card("3063")
        invoice = till.invoice()
        attempt = till.send(till.charge(invoice))
        TestCharge()._transfer(till, invoice)  # so that what the debit brings is credit
        till.desk.engine.settle(attempt.payment_id or "", paid=True)
        attempt = checkouts.refresh(till.tenant, attempt_id=attempt.id, settings=till.settings)
        with db.unit_of_work(till.tenant) as session:
            refund = refund_balance(
                session,
                till.tenant,
                client_id=till.cast.acme.id,
                amount=OWED,
                currency="USD",
                reason="Paid twice",
                on=date(2026, 12, 1),
                at=NOW,
                receipt_id=attempt.receipt_id,
            )
        till.desk.next_behaviour = "error_after"
        with pytest.raises(ProviderUnreachable):
            credit_refunds.carry_out(till.tenant, refund_id=refund.id, settings=till.settings)
        with db.unit_of_work(till.tenant) as session, pytest.raises(RefundOrdered):
            mark_failed(
                session, till.tenant, refund_id=refund.id, failure="By hand", on=date(2026, 12, 1), at=NOW
            )
        with db.unit_of_work(till.tenant) as session, pytest.raises(RefundOrdered):
            mark_paid(session, till.tenant, refund_id=refund.id, reference="BANK", on=NOW.date(), at=NOW)
        till.hook(till.events(attempt.id)[-1], browser)
        process_all(till)
        credit_refunds.carry_out(till.tenant, refund_id=refund.id, settings=till.settings)

        with db.unit_of_work(till.tenant) as session:
            settled = get_refund(session, till.tenant, refund_id=refund.id)
            assert session.scalars(scoped(MoneyBack, till.tenant)).all() == []
            assert refunds.left_of(session, till.tenant, attempt=attempt) == 0
        assert settled.state == "paid"
        assert len(till.desk.engine.by_key(till.desk.engine.refunds, refund.id)) == 1

"""Money that a provider or a payer's bank gives back or takes: once, whoever tells of it, in any order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask.testing import FlaskClient

from haas import clock, db
from haas.calendar import add_months
from haas.errors import InvalidInput
from haas.settings import Settings
from haas.tenancy.scope import scoped
from invoicing.corrections import record_payment
from invoicing.ledger import posting
from invoicing.money.models import BalanceEntry
from invoicing.money.refunds import refund_balance
from invoicing.payments import checkouts, jobs, queries, refunds
from invoicing.payments.local_server.server import Desk
from invoicing.payments.protocol import DisputeReported, Money, Outcome, ProviderUnreachable, RefundReported
from invoicing.payments.stripe_shapes import facts_of
from tests.cast import Cast
from tests.invoicing.payments.house import FEE, OWED, Till, open_till
from tests.invoicing.payments.test_taking_money import lost, process_all, receipts
from tests.invoicing.test_ledger_posting import sums
from tests.invoicing.world import keep_operating

NOW = datetime.now(UTC)


@pytest.fixture
def till(cast: Cast, settings: Settings, payment_desk: Desk) -> Till:
    return open_till(cast, settings, payment_desk)


@pytest.fixture
def browser(web: Callable[..., FlaskClient]) -> FlaskClient:
    return web(None)


def ask(till: Till, attempt_id: str, amount: Decimal) -> str:
    with db.unit_of_work(till.tenant) as session:
        return refunds.ask_refund(
            session, till.tenant, attempt_id=attempt_id, amount=amount, reason="Agreed", at=NOW
        ).id


class TestCharge:
    @pytest.mark.parametrize(("behaviour", "charged"), [("error_before", 0), ("error_after", 1)])
    def test_that_never_arrived_is_not_sent_for_what_was_paid_meanwhile(
        self, till: Till, behaviour: str, charged: int
    ) -> None:
        till.card()
        invoice = till.invoice()
        attempt = till.charge(invoice)
        till.desk.next_behaviour = behaviour
        with pytest.raises(ProviderUnreachable):
            till.send(attempt)
        with db.unit_of_work(till.tenant) as session:
            record_payment(
                session, till.tenant, invoice_id=invoice.id, amount=OWED, received_on=date(2026, 4, 20),
                method="transfer", reference="BANK-8", at=NOW,
            )  # fmt: skip
        state = till.send(attempt).state

        assert state == ("succeeded" if charged else "expired")
        assert len(till.desk.engine.by_key(till.desk.engine.payments, attempt.id)) == charged


class TestRefund:
    def test_that_somebody_asked_for_at_the_provider_is_never_asked_for_again(self, till: Till) -> None:
        till.card()
        invoice = till.invoice()
        attempt = till.send(till.charge(invoice))
        theirs = till.desk.engine.refund({"payment": attempt.payment_id, "amount": 1000}, "theirs")
        told = RefundReported(
            "", attempt.payment_id or "", Outcome("pending", theirs["id"], Money(1000, "USD"))
        )
        theirs["status"] = "pending"
        with db.unit_of_work(till.tenant) as session:
            refunds.note_refund(session, till.tenant, attempt=attempt, told=told, at=NOW)
        later = [datetime.now(UTC) + timedelta(minutes=minutes) for minutes in (10, 20, 30)]
        jobs.ask_after(till.settings, later[0])
        assert till.open(invoice) == 0  # it waits at the provider still
        theirs["status"] = "succeeded"
        for now in later[1:]:
            jobs.ask_after(till.settings, now)

        assert till.open(invoice) == Decimal("10.00")
        made = till.desk.engine.refunds.values()
        assert [row["id"] for row in made if row["payment"] == attempt.payment_id] == [theirs["id"]]

    def test_is_not_asked_for_where_the_bank_gave_the_credit_back(self, till: Till) -> None:
        till.card("3063")
        invoice = till.invoice()
        attempt = till.send(till.charge(invoice))
        with db.unit_of_work(till.tenant) as session:  # paid by transfer, so what the debit brings is credit
            record_payment(
                session, till.tenant, invoice_id=invoice.id, amount=OWED, received_on=date(2026, 4, 20),
                method="transfer", reference="BANK-9", at=NOW,
            )  # fmt: skip
        till.desk.engine.settle(attempt.payment_id or "", paid=True)
        attempt = checkouts.refresh(till.tenant, attempt_id=attempt.id, settings=till.settings)
        with db.unit_of_work(till.tenant) as session:
            refund_balance(
                session, till.tenant, client_id=till.cast.acme.id, amount=Decimal(100), currency="USD",
                reason="Paid twice", on=NOW.date(), at=NOW,
            )  # fmt: skip

        ask(till, attempt.id, Decimal("60.00"))
        with pytest.raises(InvalidInput, match=r"Only 8\.48"):  # 168.48 - 100.00 - 60.00
            ask(till, attempt.id, Decimal("8.49"))


class TestDispute:
    def tell(self, till: Till, browser: FlaskClient, payment_id: str | None, *, won: bool) -> None:
        till.desk.engine.dispute(payment_id or "", won=won)
        till.hook(till.desk.engine.events[-1], browser)
        process_all(till)

    def test_won_that_is_told_first_leaves_all_as_it_was(self, till: Till, browser: FlaskClient) -> None:
        till.card()
        invoice = till.invoice()
        attempt = till.send(till.charge(invoice))
        for won in (True, False, True):
            self.tell(till, browser, attempt.payment_id, won=won)

        assert till.open(invoice) == 0
        assert [row.amount for row in receipts(till)] == [OWED, OWED]  # it came, was taken, and came again
        with db.unit_of_work(till.tenant) as session:
            assert session.scalars(scoped(BalanceEntry, till.tenant)).all() == []

    def test_won_after_a_refund_gives_us_our_loss_back_and_the_client_nothing(
        self, till: Till, browser: FlaskClient
    ) -> None:
        till.card()
        invoice = till.invoice()
        attempt = till.send(till.charge(invoice))
        back_id = ask(till, attempt.id, Decimal("100.00"))
        refunds.send(till.tenant, back_id=back_id, settings=till.settings)
        self.tell(till, browser, attempt.payment_id, won=False)
        assert lost(till) == {"refunded": Decimal(0), "chargeback": Decimal("100.00")}
        self.tell(till, browser, attempt.payment_id, won=True)

        assert till.open(invoice) == Decimal("100.00")  # what was refunded is owed
        assert [row.amount for row in receipts(till)] == [OWED, Decimal("68.48")]
        month = NOW.date().replace(day=1)
        with db.unit_of_work(till.tenant) as session:
            keep_operating(session, till.tenant)
            run = posting.start_run(session, till.tenant, month=month, today=add_months(month, 1), at=NOW)
            posting.run_now(session, till.tenant, run=run, at=NOW)
            stands = sums(session)
        assert "bad_debt" not in stands  # 100.00 - 100.00
        assert stands["provider"] == OWED - 100 - FEE
        assert stands["receivables"] == Decimal("100.00")

    @pytest.mark.parametrize(
        ("kind", "status", "is_lost"),
        [
            ("created", "warning_needs_response", []),  # an inquiry takes no money
            ("closed", "warning_closed", []),
            ("funds_withdrawn", "needs_response", [True]),
            ("created", "needs_response", [True]),
            ("closed", "lost", [True]),  # of an inquiry that became one: told once more does no harm
            ("closed", "won", [False]),
        ],
    )
    def test_is_told_by_stripe_where_money_moves(self, kind: str, status: str, is_lost: list[bool]) -> None:
        told: dict[str, Any] = {
            "id": "dp_1", "payment_intent": "pi_1", "amount": 100, "currency": "usd", "status": status
        }  # fmt: skip

        def facts(thing: Mapping[str, Any]) -> list[bool]:
            event = {"type": f"charge.dispute.{kind}", "data": {"object": thing}}
            return [fact.is_lost for fact in facts_of(event) if isinstance(fact, DisputeReported)]

        assert facts(told) == is_lost
        assert facts({**told, "payment_intent": None}) == []  # of a payment without us


class TestPage:
    def test_that_the_provider_never_made_keeps_the_card_waiting_for_an_hour_at_most(
        self, till: Till, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        till.card()
        invoice = till.invoice()
        till.desk.next_behaviour = "error_before"
        with pytest.raises(ProviderUnreachable):
            checkouts.open_checkout(
                till.tenant,
                invoice_id=invoice.id,
                return_url="https://portal.example/b",
                settings=till.settings,
            )
        for minutes, state in ((50, "created"), (70, "expired")):
            now = datetime.now(UTC) + timedelta(minutes=minutes)
            monkeypatch.setattr(clock, "now", lambda now=now: now)
            jobs.ask_after(till.settings, now)
            with db.unit_of_work(till.tenant) as session:
                (attempt,) = queries.attempts_of(session, till.tenant, invoice_id=invoice.id)
            assert attempt.state == state

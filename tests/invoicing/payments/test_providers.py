"""The contract of `PaymentProvider`, over real HTTP, by Stripe's library and by the local test provider."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from invoicing.payments.local import LocalProvider, verified
from invoicing.payments.local_server.server import API_KEY
from invoicing.payments.protocol import (
    BadSignature,
    ChargeRequest,
    CheckoutExpired,
    CheckoutRequest,
    DisputeReported,
    Fact,
    MethodSetUp,
    Money,
    PaymentReported,
    ProviderRefused,
    ProviderUnreachable,
    RefundReported,
    RefundRequest,
    SavedMethod,
    SetupRequest,
)
from invoicing.payments.stripe_account import StripeProvider
from tests.haas.alerts.situations import VECTORS
from tests.invoicing.payments.servers import Inbox, Served, listening, serve

EUR_100 = Money(10_000, "EUR")
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module", params=["local", "stripe"])
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    with serve(request.param) as running:
        yield running


@pytest.fixture(scope="module")
def listener() -> Iterator[Inbox]:
    with listening() as heard:
        yield heard


@pytest.fixture
def inbox(served: Served, listener: Inbox) -> Iterator[tuple[Inbox, str]]:
    """An address that the account tells of, and the secret it signs with."""
    saved(served)  # of this no test wants to hear
    served.desk.delivery.flush()
    listener.heard.clear()
    yield listener, served.provider.register_webhook(listener.url)
    served.desk.engine.webhooks.clear()


def saved(served: Served, digits: str = "4242", *, key: str = "set_1") -> SavedMethod:
    """A card, saved by somebody on the provider's page."""
    page = served.provider.create_setup(
        SetupRequest(f"{key}:{digits}", None, "Acme", "ap@acme.example", "EUR", "https://portal.example/back")
    )
    if served.desk.engine.checkouts[page.id]["status"] == "open":
        served.desk.engine.pay(page.id, how=digits)
    found = served.provider.saved_method(page.id)
    assert found is not None
    return found


def a_charge(served: Served, key: str, digits: str = "4242") -> ChargeRequest:
    method = saved(served, digits)
    return ChargeRequest(key, EUR_100, "Invoice INV-1", method.customer_id, method.token)


def a_page(served: Served, key: str) -> CheckoutRequest:
    return CheckoutRequest(key, EUR_100, "Invoice INV-1", "ap@acme.example", "https://portal.example/back")


class TestCheckout:
    def test_is_one_page_for_one_key_and_tells_when_it_was_paid(self, served: Served) -> None:
        page = served.provider.create_checkout(a_page(served, "pat_page"))

        assert served.provider.create_checkout(a_page(served, "pat_page")) == page
        assert served.provider.find_checkout(page.id).status == "open"
        served.desk.engine.pay(page.id, how="4242")
        state = served.provider.find_checkout(page.id)
        assert state.status == "complete"
        assert state.outcome is not None
        assert (state.outcome.status, state.outcome.money) == ("succeeded", EUR_100)

    def test_that_is_closed_tells_if_somebody_was_quicker(self, served: Served) -> None:
        closed = served.provider.create_checkout(a_page(served, "pat_closed"))
        paid = served.provider.create_checkout(a_page(served, "pat_quick"))
        served.desk.engine.pay(paid.id, how="4242")

        assert served.provider.expire_checkout(closed.id).status == "expired"
        assert served.provider.expire_checkout(paid.id).status == "complete"


class TestSavedMethod:
    def test_shows_a_brand_and_four_digits_and_nothing_more(self, served: Served) -> None:
        method = saved(served)

        assert (method.kind, method.brand.lower(), method.last_four) == ("card", "visa", "4242")
        assert (method.expires_month, method.expires_year) == (12, 2034)

    def test_that_was_forgotten_is_never_charged_again(self, served: Served) -> None:
        method = saved(served, key="set_gone")
        served.provider.forget_method(method.token)
        served.provider.forget_method("pm_never_was")

        with pytest.raises(ProviderRefused):
            served.provider.charge_off_session(
                ChargeRequest("pat_gone", EUR_100, "x", method.customer_id, method.token)
            )


class TestCharge:
    def test_takes_money_and_says_what_it_cost(self, served: Served) -> None:
        outcome = served.provider.charge_off_session(a_charge(served, "pat_ok"))

        assert (outcome.status, outcome.money) == ("succeeded", EUR_100)
        assert outcome.fee == Money(165, "EUR")  # 1.4 % of 100.00, and 0.25

    @pytest.mark.parametrize(
        ("digits", "kind", "reason"),
        [("0341", "soft", "insufficient_funds"), ("0002", "hard", "stolen_card")],
    )
    def test_declined_says_whether_another_try_is_worth_it(
        self, served: Served, digits: str, kind: str, reason: str
    ) -> None:
        outcome = served.provider.charge_off_session(a_charge(served, f"pat_{digits}", digits))

        assert (outcome.status, outcome.decline, outcome.reason) == ("declined", kind, reason)

    def test_of_a_debit_waits_until_the_bank_has_paid(self, served: Served) -> None:
        outcome = served.provider.charge_off_session(a_charge(served, "pat_wait", "3063"))
        served.desk.engine.settle(outcome.id, paid=True)

        assert outcome.status == "pending"
        key, settled = served.provider.find_payment(outcome.id)
        assert (key, settled.status) == ("pat_wait", "succeeded")

    @pytest.mark.parametrize("behaviour", ["hang_after", "error_after"])
    def test_whose_answer_was_lost_is_found_by_its_key_and_never_made_twice(
        self, served: Served, behaviour: str
    ) -> None:
        charge = a_charge(served, f"pat_lost_{behaviour}")
        served.desk.next_behaviour = behaviour
        outcome = served.provider.charge_off_session(charge)
        found = served.provider.find_charge(key=charge.key, customer_id=charge.customer_id, since=LONG_AGO)
        again = served.provider.charge_off_session(charge)

        assert outcome.status == "unknown"
        assert found is not None
        assert (found.status, again.id) == ("succeeded", found.id)
        made = [row for row in served.desk.engine.payments.values() if row["key"] == charge.key]
        assert len(made) == 1

    def test_that_never_arrived_is_not_found(self, served: Served) -> None:
        charge = a_charge(served, "pat_never")
        served.desk.next_behaviour = "error_before"

        assert served.provider.charge_off_session(charge).status == "unknown"
        assert (
            served.provider.find_charge(key=charge.key, customer_id=charge.customer_id, since=LONG_AGO)
            is None
        )


class TestRefund:
    def test_gives_back_a_part_and_no_more_than_is_left(self, served: Served) -> None:
        paid = served.provider.charge_off_session(a_charge(served, "pat_back"))
        back = served.provider.refund(RefundRequest("prf_1", paid.id, Money(4_000, "EUR")))

        assert (back.status, back.money) == ("succeeded", Money(4_000, "EUR"))
        assert served.provider.find_refund(key="prf_1", payment_id=paid.id) == back
        assert served.provider.find_refund(key="prf_2", payment_id=paid.id) is None
        with pytest.raises(ProviderRefused):
            served.provider.refund(RefundRequest("prf_3", paid.id, Money(6_001, "EUR")))


class TestPayout:
    def test_reports_lines_whose_sum_is_what_arrives(self, served: Served) -> None:
        paid = served.provider.charge_off_session(a_charge(served, "pat_payout"))
        served.provider.refund(RefundRequest("prf_payout", paid.id, Money(1_000, "EUR")))
        served.desk.engine.pay_out()
        payout = served.provider.list_payouts(since=date(2025, 12, 1))[-1]
        lines = served.provider.payout_report(payout.id)

        assert sum(line.net.minor for line in lines) == payout.money.minor
        mine = {line.kind: line.net.minor for line in lines if line.payment_id == paid.id}
        assert mine == {"payment": 10_000 - 165, "refund": -1_000}


class TestTheTestProvider:
    def test_keeps_accounts_apart_by_their_keys(self) -> None:
        with serve("local") as served:
            other = LocalProvider(address=served.address, api_key=f"{API_KEY}_other", timeout_seconds=2)
            paid = served.provider.charge_off_session(a_charge(served, "pat_ours"))
            served.desk.engine.pay_out()

            assert other.check_connection().id == "acct_local_other"
            assert other.find_charge(key="pat_ours", customer_id="", since=LONG_AGO) is None
            assert other.list_payouts(since=date(2025, 12, 1)) == []
            (payout,) = served.provider.list_payouts(since=date(2025, 12, 1))
            assert [line.payment_id for line in served.provider.payout_report(payout.id)] == [paid.id]
            with pytest.raises(ProviderRefused):
                other.payout_report(payout.id)


class TestWebhook:
    def test_tells_what_happened_under_our_key(self, served: Served, inbox: tuple[Inbox, str]) -> None:
        heard, secret = inbox
        outcome = served.provider.charge_off_session(a_charge(served, "pat_told"))  # its card is saved before
        headers, body = heard.wait_for(1)[-1]
        event = served.provider.verify_webhook(headers=headers, body=body, secrets=["whsec_b2xk", secret])

        (fact,) = event.facts
        assert isinstance(fact, PaymentReported)
        assert (fact.key, fact.outcome.id, fact.outcome.status) == ("pat_told", outcome.id, "succeeded")

    def test_tells_of_every_kind_of_event(self, served: Served, inbox: tuple[Inbox, str]) -> None:
        heard, secret = inbox
        engine, deliver = served.desk.engine, served.desk.delivery
        paid = served.provider.charge_off_session(a_charge(served, "pat_kinds"))
        deliver.flush()
        engine.refund({"payment": paid.id, "amount": 100}, "prf_kinds")
        engine.dispute(paid.id)
        engine.dispute(paid.id, won=True)
        page = served.provider.create_checkout(a_page(served, "pat_expires"))
        engine.expire(page.id)
        saved(served, key="set_kinds")
        deliver.flush()

        facts: list[Fact] = []
        for headers, body in list(heard.heard):
            facts += served.provider.verify_webhook(headers=headers, body=body, secrets=[secret]).facts
        assert RefundReported in {type(fact) for fact in facts}
        assert CheckoutExpired("pat_expires") in facts
        assert any(isinstance(fact, MethodSetUp) and fact.key == "set_kinds:4242" for fact in facts)
        lost = [fact.is_lost for fact in facts if isinstance(fact, DisputeReported)]
        assert lost == [True, False]

    def test_that_was_altered_or_signed_by_another_is_refused(
        self, served: Served, inbox: tuple[Inbox, str]
    ) -> None:
        heard, secret = inbox
        served.desk.engine.tell(
            "checkout.expired",
            served.desk.engine.open_checkout(
                {"mode": "payment", "amount": 1, "currency": "EUR", "return_url": ""}, "pat_forged"
            ),
        )
        served.desk.delivery.flush()
        headers, body = heard.wait_for(1)[0]

        for wrong in (body.replace(b"pat_forged", b"pat_forgex"), b"", b"\xff"):
            with pytest.raises(BadSignature):
                served.provider.verify_webhook(headers=headers, body=wrong, secrets=[secret])
        for secrets in ([], ["whsec_" + "QUJD" * 8], [""]):
            with pytest.raises(BadSignature):
                served.provider.verify_webhook(headers=headers, body=body, secrets=secrets)
        # As headers come: bytes beyond ASCII are signs that no digest compares to.
        garbled = {
            name: "t=1,v1=\u00e9" if name.lower().endswith("-signature") else value
            for name, value in headers.items()
        }
        for wrong_headers in ({}, garbled):
            with pytest.raises(BadSignature):
                served.provider.verify_webhook(headers=wrong_headers, body=body, secrets=[secret])


class TestUnreachableProvider:
    def test_is_told_apart_from_one_that_refuses(self, served: Served) -> None:
        with pytest.raises(ProviderUnreachable):
            StripeProvider(api_key="sk_test_x", address="http://127.0.0.1:1").check_connection()
        served.provider.check_connection()
        wrong = type(served.provider)(api_key="wrong", address=served.address)  # type: ignore[call-arg]
        with pytest.raises(ProviderRefused):
            wrong.check_connection()


class TestStandardWebhooks:
    def test_are_signed_and_checked_as_the_published_vectors_say(self) -> None:
        from standardwebhooks import Webhook

        told = json.loads(VECTORS.read_text())
        for vector in told["vectors"]:
            if vector["scheme"] == "v1":
                at = datetime.fromtimestamp(vector["timestamp"], tz=UTC)
                signed = Webhook(vector["secret"]).sign(vector["msg_id"], at, vector["payload"])
                assert signed == vector["signature"], vector["id"]

    @pytest.mark.parametrize("offset_seconds", [-301, 301])
    def test_are_refused_when_too_old_or_from_the_future(self, offset_seconds: int) -> None:
        from standardwebhooks import Webhook

        secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", '{"id": "evt_1"}'
        at = datetime.now(UTC) + timedelta(seconds=offset_seconds)
        headers = {
            "webhook-id": "evt_1",
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(secret).sign("evt_1", at, body),
        }
        with pytest.raises(BadSignature):
            verified(headers=headers, body=body.encode(), secrets=[secret])
        with pytest.raises(BadSignature):
            verified(headers={**headers, "webhook-signature": "v1,"}, body=body.encode(), secrets=[secret])


class TestMoney:
    def test_is_whole_minor_units_of_its_currency(self) -> None:
        assert Money.of(Decimal("1234.5"), "EUR") == Money(123_450, "EUR")
        assert Money.of(Decimal(1234), "JPY") == Money(1234, "JPY")
        assert Money(1_500, "KWD").amount == Decimal("1.5")
        with pytest.raises(ValueError, match="finer"):
            Money.of(Decimal("0.001"), "EUR")

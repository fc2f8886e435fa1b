"""Stripe by its own library: Checkout, PaymentIntents, Refunds, Payouts. The API's version is pinned.

Sources: docs.stripe.com/api/checkout/sessions, /payment_intents, /refunds, /balance_transactions, /payouts;
docs.stripe.com/currencies for the minor units that differ from ISO 4217.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar, cast

import stripe

from invoicing.payments.protocol import (
    UNKNOWN,
    AccountInfo,
    BadSignature,
    ChargeRequest,
    Checkout,
    CheckoutRequest,
    CheckoutState,
    Outcome,
    Payout,
    PayoutLine,
    ProviderEvent,
    ProviderRefused,
    ProviderUnreachable,
    RefundRequest,
    SavedMethod,
    SetupRequest,
)
from invoicing.payments.stripe_shapes import (
    EVENTS,
    KEY,
    as_stripe_counts,
    checkout_state,
    facts_of,
    key_of,
    line_kind,
    money_of,
    payment_outcome,
    refund_outcome,
    saved_method,
    source_payment,
)

API_VERSION = "2026-10-28.endive"
ADDRESS = "https://api.stripe.com"
TIMEOUT_SECONDS = 20.0
TOLERANCE_SECONDS = 300
_BACKDATED = timedelta(minutes=5)  # their clock may be behind ours

Answer = TypeVar("Answer")


class StripeProvider:
    """An account at Stripe."""

    def __init__(
        self, *, api_key: str, address: str = ADDRESS, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        # No retries of the library's own: what became of a request is asked, by its key.
        self._client = stripe.StripeClient(
            api_key,
            stripe_version=API_VERSION,
            base_addresses={"api": address},
            max_network_retries=0,
            http_client=stripe.RequestsClient(timeout=timeout_seconds),
        )
        self._is_live = "_live_" in api_key

    def check_connection(self) -> AccountInfo:
        """Whose account it is."""
        found = _asked(self._client.v1.accounts.retrieve_current)
        profile = getattr(found, "business_profile", None)
        name = getattr(profile, "name", None) or getattr(found, "email", None) or found.id
        return AccountInfo(found.id, str(name), is_live=self._is_live)

    def register_webhook(self, url: str) -> str:
        """An endpoint of the account that hears what we understand."""
        params: Any = {"url": url, "enabled_events": list(EVENTS), "api_version": API_VERSION}
        made = _asked(lambda: self._client.v1.webhook_endpoints.create(params))
        return str(made.secret)

    def create_checkout(self, request: CheckoutRequest) -> Checkout:
        """A Checkout Session in payment mode."""
        params: dict[str, Any] = {
            "mode": "payment",
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": request.money.currency.lower(),
                        "unit_amount": as_stripe_counts(request.money),
                        "product_data": {"name": request.description},
                    },
                }
            ],
            "success_url": request.return_url,
            "cancel_url": request.return_url,
            "locale": request.language,
            "client_reference_id": request.key,
            "metadata": {KEY: request.key},
            "payment_intent_data": {"description": request.description, "metadata": {KEY: request.key}},
        }
        if request.email:
            params["customer_email"] = request.email
        return self._session(params, key=request.key)

    def find_checkout(self, checkout_id: str) -> CheckoutState:
        """Where it stands."""
        return checkout_state(
            _asked(
                lambda: self._client.v1.checkout.sessions.retrieve(
                    checkout_id, {"expand": ["payment_intent"]}
                )
            )
        )

    def expire_checkout(self, checkout_id: str) -> CheckoutState:
        """Close it; a session that is complete refuses, and tells what came of it."""
        try:
            _asked(lambda: self._client.v1.checkout.sessions.expire(checkout_id))
        except ProviderRefused:
            return self.find_checkout(checkout_id)
        return CheckoutState("expired")

    def create_setup(self, request: SetupRequest) -> Checkout:
        """A Checkout Session in setup mode."""
        params: dict[str, Any] = {
            "mode": "setup",
            "currency": request.currency.lower(),
            "success_url": request.return_url,
            "cancel_url": request.return_url,
            "locale": request.language,
            "client_reference_id": request.key,
            "metadata": {KEY: request.key},
            "setup_intent_data": {"metadata": {KEY: request.key}},
        }
        if request.customer_id:
            params["customer"] = request.customer_id
        else:
            params["customer_creation"] = "always"
            if request.email:
                params["customer_email"] = request.email
        return self._session(params, key=request.key)

    def saved_method(self, setup_id: str) -> SavedMethod | None:
        """What was saved on that page."""
        expand = {"expand": ["setup_intent.payment_method"]}
        return saved_method(
            _asked(lambda: self._client.v1.checkout.sessions.retrieve(setup_id, cast("Any", expand)))
        )

    def forget_method(self, token: str) -> None:
        """Detach it from its customer."""
        try:
            _asked(lambda: self._client.v1.payment_methods.detach(token))
        except ProviderRefused:
            return  # detached before, or deleted at Stripe: gone either way

    def charge_off_session(self, request: ChargeRequest) -> Outcome:
        """A PaymentIntent that is confirmed at once, with nobody there to answer questions."""
        params: dict[str, Any] = {
            "amount": as_stripe_counts(request.money),
            "currency": request.money.currency.lower(),
            "customer": request.customer_id,
            "payment_method": request.token,
            "off_session": True,
            "confirm": True,
            "description": request.description,
            "metadata": {KEY: request.key},
            "expand": ["latest_charge.balance_transaction"],
        }
        options: Any = {"idempotency_key": request.key}
        try:
            made = _asked(lambda: self._client.v1.payment_intents.create(cast("Any", params), options))
        except ProviderUnreachable:
            return UNKNOWN
        except CardDeclined as declined:
            return payment_outcome(declined.intent)
        return payment_outcome(made)

    def find_charge(self, *, key: str, customer_id: str, since: datetime) -> Outcome | None:
        """The customer's PaymentIntents since then: a list is exact at once, their search lags behind."""
        params: Any = {
            "customer": customer_id,
            "created": {"gte": int((since - _BACKDATED).timestamp())},
            "limit": 100,
            "expand": ["data.latest_charge.balance_transaction"],
        }
        found = _asked(lambda: list(self._client.v1.payment_intents.list(params).auto_paging_iter()))
        mine = [intent for intent in found if key_of(intent) == key]
        return payment_outcome(mine[0]) if mine else None

    def find_payment(self, payment_id: str) -> tuple[str, Outcome]:
        """The PaymentIntent of that id."""
        params: Any = {"expand": ["latest_charge.balance_transaction"]}
        found = _asked(lambda: self._client.v1.payment_intents.retrieve(payment_id, params))
        return key_of(found), payment_outcome(found)

    def refund(self, request: RefundRequest) -> Outcome:
        """A Refund of a PaymentIntent."""
        params: Any = {
            "payment_intent": request.payment_id,
            "amount": as_stripe_counts(request.money),
            "metadata": {KEY: request.key},
        }
        options: Any = {"idempotency_key": request.key}
        try:
            return refund_outcome(_asked(lambda: self._client.v1.refunds.create(params, options)))
        except ProviderUnreachable:
            return UNKNOWN

    def find_refund(self, *, key: str, payment_id: str, refund_id: str = "") -> Outcome | None:
        """The payment's refunds, told apart by our key, or by their id."""
        params: Any = {"payment_intent": payment_id, "limit": 100}
        found = _asked(lambda: list(self._client.v1.refunds.list(params).auto_paging_iter()))
        mine = [each for each in found if (each.id == refund_id if refund_id else key_of(each) == key)]
        return refund_outcome(mine[0]) if mine else None

    def verify_webhook(
        self, *, headers: Mapping[str, str], body: bytes, secrets: Sequence[str]
    ) -> ProviderEvent:
        """The event as Stripe signs it.

        :raises BadSignature: if none of the secrets signed it, or too long ago.
        """
        signature = {name.lower(): value for name, value in headers.items()}.get("stripe-signature", "")
        if not signature.isascii():  # which compares to nothing: the library would fail at it
            raise BadSignature("The signature of this webhook is not right, or too old.")
        for secret in secrets:
            try:
                stripe.WebhookSignature.verify_header(body, signature, secret, TOLERANCE_SECONDS)
                told = json.loads(body)
                return ProviderEvent(str(told["id"]), str(told["type"]), facts_of(told))
            except (stripe.SignatureVerificationError, UnicodeDecodeError):
                continue
            except (ValueError, KeyError, TypeError) as unreadable:
                raise BadSignature("This webhook is signed, but it is no event.") from unreadable
        raise BadSignature("The signature of this webhook is not right, or too old.")

    def list_payouts(self, *, since: date) -> list[Payout]:
        """Payouts created since a day."""
        start = datetime(since.year, since.month, since.day, tzinfo=UTC)
        params: Any = {"created": {"gte": int(start.timestamp())}, "limit": 100}
        found = _asked(lambda: list(self._client.v1.payouts.list(params).auto_paging_iter()))
        return [
            Payout(
                each.id,
                money_of(each.amount, each.currency),
                datetime.fromtimestamp(each.arrival_date, tz=UTC).date(),
                status=each.status,
            )
            for each in found
        ]

    def payout_report(self, payout_id: str) -> list[PayoutLine]:
        """The balance transactions that it is made of; the payout itself is one of them and left out."""
        params: Any = {"payout": payout_id, "limit": 100, "expand": ["data.source"]}
        found = _asked(lambda: list(self._client.v1.balance_transactions.list(params).auto_paging_iter()))
        return [
            PayoutLine(
                each.id,
                line_kind(str(each.reporting_category)),
                source_payment(each.source),
                money_of(each.amount, each.currency),
                money_of(each.fee, each.currency),
            )
            for each in found
            if each.reporting_category != "payout"
        ]

    def _session(self, params: dict[str, Any], *, key: str) -> Checkout:
        options: Any = {"idempotency_key": key}
        made = _asked(lambda: self._client.v1.checkout.sessions.create(cast("Any", params), options))
        return Checkout(made.id, str(made.url), datetime.fromtimestamp(made.expires_at, tz=UTC))


class CardDeclined(Exception):
    """Stripe answers a declined charge with an error that carries the PaymentIntent."""

    def __init__(self, intent: Mapping[str, Any]) -> None:
        super().__init__("declined")
        self.intent = intent


def _asked(ask: Callable[[], Answer]) -> Answer:
    """Their answer, or our error for theirs. What may have been done is never called refused.

    :raises ProviderUnreachable: for no answer, 409 (another request holds the key), 429 and 5xx.
    :raises CardDeclined: for a charge that was made and declined.
    :raises ProviderRefused: for everything else: nothing was done.
    """
    try:
        return ask()
    except stripe.CardError as declined:
        intent = getattr(declined.error, "payment_intent", None)
        if intent is None:
            raise ProviderRefused(f"Stripe refused: {declined.user_message or declined.code}") from declined
        raise CardDeclined(intent) from declined
    except (stripe.APIConnectionError, stripe.RateLimitError) as silence:
        raise ProviderUnreachable("Stripe did not answer. Try again in a moment.") from silence
    except stripe.StripeError as failure:
        status = failure.http_status or 0
        if status >= 500 or status in (0, 409):
            raise ProviderUnreachable("Stripe could not say what it did. It is asked again.") from failure
        raise ProviderRefused(
            f"Stripe refused: {failure.user_message or failure.code or status}"
        ) from failure

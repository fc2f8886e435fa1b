"""The local test provider as its clients see it: JSON over HTTP, Standard Webhooks; for the demo too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, cast

import requests
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook, WebhookVerificationError

from invoicing.payments.protocol import (
    UNKNOWN,
    AccountInfo,
    BadSignature,
    ChargeRequest,
    Checkout,
    CheckoutExpired,
    CheckoutRequest,
    CheckoutState,
    DisputeReported,
    Fact,
    MethodSetUp,
    Money,
    Outcome,
    PaymentReported,
    Payout,
    PayoutLine,
    PayoutReported,
    ProviderEvent,
    ProviderRefused,
    ProviderUnreachable,
    RefundReported,
    RefundRequest,
    SavedMethod,
    SetupRequest,
)

TIMEOUT_SECONDS = 20.0


class LocalProvider:
    """An account at `haas payment-provider`."""

    def __init__(self, *, address: str, api_key: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._address = address.rstrip("/")
        self._api_key = api_key
        self._timeout = timeout_seconds

    def check_connection(self) -> AccountInfo:
        """Whose account it is."""
        found = self._get("account")
        return AccountInfo(found["id"], found["name"], is_live=False)

    def register_webhook(self, url: str) -> str:
        """Be told at `url`."""
        return str(self._post("webhooks", {"url": url})["secret"])

    def create_checkout(self, request: CheckoutRequest) -> Checkout:
        """A page to pay on."""
        body = {
            "mode": "payment",
            **_amount(request.money),
            "description": request.description,
            "return_url": request.return_url,
        }
        return _checkout(self._post("checkouts", body, key=request.key))

    def find_checkout(self, checkout_id: str) -> CheckoutState:
        """Where it stands."""
        return _checkout_state(self._get(f"checkouts/{checkout_id}"))

    def expire_checkout(self, checkout_id: str) -> CheckoutState:
        """Close it."""
        return _checkout_state(self._post(f"checkouts/{checkout_id}/expire", {}))

    def create_setup(self, request: SetupRequest) -> Checkout:
        """A page to save a means of payment on."""
        body = {
            "mode": "setup",
            "currency": request.currency,
            "customer": request.customer_id,
            "description": request.client_name,
            "return_url": request.return_url,
        }
        return _checkout(self._post("checkouts", body, key=request.key))

    def saved_method(self, setup_id: str) -> SavedMethod | None:
        """What was saved there."""
        found = self._get(f"checkouts/{setup_id}").get("method")
        if found is None:
            return None
        return SavedMethod(
            token=found["id"],
            customer_id=found["customer"],
            kind=found["kind"],
            brand=found["brand"],
            last_four=found["last_four"],
            expires_month=found["expires_month"],
            expires_year=found["expires_year"],
            mandate=found["mandate"],
        )

    def forget_method(self, token: str) -> None:
        """Never charge it again."""
        self._post(f"methods/{token}/forget", {})

    def charge_off_session(self, request: ChargeRequest) -> Outcome:
        """Charge a saved method."""
        body = {**_amount(request.money), "description": request.description, "method": request.token}
        try:
            return _outcome(self._post("charges", body, key=request.key))
        except ProviderUnreachable:
            return UNKNOWN

    def find_charge(self, *, key: str, customer_id: str, since: datetime) -> Outcome | None:  # noqa: ARG002
        """What became of it; keys are kept for ever here."""
        found = self._get("payments", key=key)["items"]
        return _outcome(found[0]) if found else None

    def find_payment(self, payment_id: str) -> tuple[str, Outcome]:
        """The key it was asked for under, and what became of it."""
        found = self._get(f"payments/{payment_id}")
        return str(found["key"]), _outcome(found)

    def refund(self, request: RefundRequest) -> Outcome:
        """Give money back."""
        body = {**_amount(request.money), "payment": request.payment_id}
        try:
            return _outcome(self._post("refunds", body, key=request.key))
        except ProviderUnreachable:
            return UNKNOWN

    def find_refund(self, *, key: str, payment_id: str, refund_id: str = "") -> Outcome | None:  # noqa: ARG002 - keys suffice
        """What became of it."""
        if refund_id:
            return _outcome(self._get(f"refunds/{refund_id}"))
        found = self._get("refunds", key=key)["items"]
        return _outcome(found[0]) if found else None

    def verify_webhook(
        self, *, headers: Mapping[str, str], body: bytes, secrets: Sequence[str]
    ) -> ProviderEvent:
        """The event as Standard Webhooks sign it.

        :raises BadSignature: if none of the secrets signed it, or too long ago.
        """
        told = verified(headers=headers, body=body, secrets=secrets)
        return ProviderEvent(str(told["id"]), str(told["type"]), _facts(told["type"], told["data"]))

    def list_payouts(self, *, since: date) -> list[Payout]:
        """Payouts since a day."""
        return [
            Payout(each["id"], _money(each), date.fromisoformat(each["arrives_on"]), status=each["status"])
            for each in self._get("payouts", since=since.isoformat())["items"]
        ]

    def payout_report(self, payout_id: str) -> list[PayoutLine]:
        """What is in it."""
        return [
            PayoutLine(
                each["id"],
                each["kind"],
                each["payment"],
                _money(each),
                Money(each["fee"], each["currency"]),
            )
            for each in self._get(f"payouts/{payout_id}")["lines"]
        ]

    def _get(self, path: str, **query: str) -> dict[str, Any]:
        return self._send("GET", path, params=query)

    def _post(self, path: str, body: dict[str, Any], *, key: str | None = None) -> dict[str, Any]:
        return self._send("POST", path, json=body, headers={"Idempotency-Key": key} if key else {})

    def _send(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **options: Any
    ) -> dict[str, Any]:
        try:
            answer = requests.request(
                method,
                f"{self._address}/v1/{path}",
                timeout=self._timeout,
                allow_redirects=False,
                headers={"Authorization": f"Bearer {self._api_key}", **(headers or {})},
                **options,
            )
            found = answer.json() if answer.status_code < 500 else None
        except (requests.RequestException, ValueError) as failure:
            raise ProviderUnreachable(
                f"The test provider did not answer ({type(failure).__name__}). Is it running?"
            ) from failure
        if found is None:
            raise ProviderUnreachable(f"The test provider answered {answer.status_code}.")
        if answer.status_code >= 400:
            raise ProviderRefused(f"The test provider refused: {found.get('error', answer.status_code)}")
        return cast("dict[str, Any]", found)


def verified(*, headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> dict[str, Any]:
    """The body of a message that one of `secrets` signed, read as JSON.

    :raises BadSignature: if none did, headers are missing, or the message is older or newer than 5 minutes.
    """
    for secret in secrets:
        try:
            told = Webhook(secret).verify(body, dict(headers))
        except (WebhookVerificationError, EmptyWebhookSecretError, ValueError):
            continue  # another secret may have signed it; what cannot be decoded was signed by none
        if isinstance(told, dict):
            return told
    raise BadSignature("The signature of this webhook is not right, or too old.")


def _amount(money: Money) -> dict[str, Any]:
    return {"amount": money.minor, "currency": money.currency}


def _money(told: Mapping[str, Any]) -> Money:
    return Money(int(told["amount"]), str(told["currency"]))


def _outcome(told: Mapping[str, Any]) -> Outcome:
    fee = told.get("fee")
    return Outcome(
        told["status"],
        id=str(told["id"]),
        money=_money(told),
        fee=None if fee is None else Money(int(fee), str(told["currency"])),
        decline=told.get("decline"),
        reason=str(told.get("reason") or ""),
    )


def _checkout(told: Mapping[str, Any]) -> Checkout:
    return Checkout(
        str(told["id"]), str(told["url"]), datetime.fromtimestamp(int(told["expires_at"]), tz=UTC)
    )


def _checkout_state(told: Mapping[str, Any]) -> CheckoutState:
    payment = told.get("payment")
    return CheckoutState(told["status"], None if payment is None else _outcome(payment))


def _facts(kind: str, data: Mapping[str, Any]) -> tuple[Fact, ...]:
    match kind.partition(".")[0]:
        case "payment":
            # A payer whose card was declined on the page may try another one on it.
            is_final = data["status"] != "declined" or not data["checkout"]
            return (PaymentReported(str(data["key"]), _outcome(data), is_final=is_final),)
        case "checkout":
            if data["status"] == "expired":
                return (CheckoutExpired(str(data["key"])),)
            if data["method"] is not None:
                return (MethodSetUp(str(data["key"]), str(data["id"])),)
        case "refund":
            return (RefundReported(str(data["key"]), str(data["payment"]), _outcome(data)),)
        case "dispute":
            return (
                DisputeReported(
                    str(data["id"]),
                    str(data["payment"]),
                    _money(data),
                    is_lost=data["status"] != "won",
                    reason=str(data["reason"]),
                ),
            )
        case "payout":
            return (PayoutReported(str(data["id"])),)
    return ()

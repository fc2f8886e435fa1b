"""Stripe's objects -> our values: PaymentIntents, sessions, refunds, events; as dicts or objects. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

from haas.money import exponent
from invoicing.payments.protocol import (
    CheckoutExpired,
    CheckoutState,
    DeclineKind,
    DisputeReported,
    Fact,
    MethodSetUp,
    Money,
    Outcome,
    PaymentReported,
    PayoutReported,
    RefundReported,
    SavedMethod,
)

KEY = "haas_key"  # in the metadata of whatever we ask for

EVENTS = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "payment_intent.succeeded",
    "payment_intent.processing",
    "payment_intent.payment_failed",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.closed",
    "payout.paid",
    "payout.failed",
)

# Stripe counts these otherwise than ISO 4217 (docs.stripe.com/currencies, "special cases").
_PLACES_DIFFER = {"ISK": 2, "UGX": 2, "MGA": 0}

# Never charged again with this method (docs.stripe.com/declines/codes, "do not retry" and the like).
HARD = frozenset(
    {
        "lost_card",
        "stolen_card",
        "pickup_card",
        "restricted_card",
        "expired_card",
        "invalid_account",
        "invalid_number",
        "incorrect_number",
        "card_not_supported",
        "currency_not_supported",
        "fraudulent",
        "merchant_blacklist",
        "security_violation",
        "revocation_of_authorization",
        "revocation_of_all_authorizations",
        "stop_payment_order",
        "transaction_not_allowed",
        "new_account_information_available",
        "debit_not_authorized",
        "mandate_invalid",
        "account_closed",
        "bank_account_restricted",
        # Only its owner can answer what the bank asks: another charge by us changes nothing.
        "authentication_required",
    }
)

_LINE_KINDS: dict[str, Literal["payment", "refund", "chargeback", "fee", "adjustment"]] = {
    "charge": "payment",
    "refund": "refund",
    "partial_capture_reversal": "refund",
    "charge_failure": "refund",
    "refund_failure": "adjustment",
    "dispute": "chargeback",
    "dispute_reversal": "chargeback",
    "fee": "fee",
    "network_cost": "fee",
}


def as_stripe_counts(money: Money) -> int:
    """The amount in the units that Stripe wants.

    :raises ValueError: if Stripe's unit is coarser and the amount does not fit.
    """
    units = money.amount.scaleb(_places(money.currency))
    if units != units.to_integral_value():
        raise ValueError(f"Stripe takes no fraction of {money.currency}")
    return int(units)


def money_of(units: int, currency: str) -> Money:
    """The reverse of `as_stripe_counts`."""
    code = currency.upper()
    return Money.of(Decimal(units).scaleb(-_places(code)), code)


def payment_outcome(intent: Any) -> Outcome:
    """What became of a PaymentIntent; its fee if the charge's balance transaction is expanded."""
    status, money = get(intent, "status"), money_of(get(intent, "amount"), get(intent, "currency"))
    payment_id = str(get(intent, "id"))
    match status:
        case "succeeded":
            return Outcome("succeeded", id=payment_id, money=money, fee=_fee(intent))
        case "processing":
            return Outcome("pending", id=payment_id, money=money)
        case "requires_capture" | "requires_confirmation":
            return Outcome("pending", id=payment_id, money=money, reason=status)
    error = get(intent, "last_payment_error")
    if error is None and status not in ("canceled", "requires_payment_method", "requires_action"):
        return Outcome("unknown", id=payment_id, money=money, reason=str(status))
    reason = str(get(error, "decline_code") or get(error, "code") or status)
    return Outcome("declined", id=payment_id, money=money, decline=decline_kind(reason), reason=reason)


def decline_kind(reason: str) -> DeclineKind:
    """Whether another try later is worth it."""
    return "hard" if reason in HARD or reason == "requires_action" else "soft"


def refund_outcome(refund: Any) -> Outcome:
    """What became of a refund."""
    status, money = get(refund, "status"), money_of(get(refund, "amount"), get(refund, "currency"))
    found = str(get(refund, "id"))
    if status == "succeeded":
        return Outcome("succeeded", id=found, money=money)
    if status in ("failed", "canceled"):
        reason = str(get(refund, "failure_reason") or status)
        return Outcome("declined", id=found, money=money, decline="hard", reason=reason)
    return Outcome("pending", id=found, money=money)


def checkout_state(session: Any) -> CheckoutState:
    """Where a Checkout Session stands; its PaymentIntent may be expanded."""
    status, intent = get(session, "status"), get(session, "payment_intent")
    if status == "expired":
        return CheckoutState("expired")
    outcome = payment_outcome(intent) if intent is not None and not isinstance(intent, str) else None
    if status == "complete":
        return CheckoutState("complete", outcome)
    return CheckoutState("open", outcome)


def saved_method(session: Any) -> SavedMethod | None:
    """What was saved on a session in setup mode, its SetupIntent's method expanded."""
    intent = get(session, "setup_intent")
    method = get(intent, "payment_method") if intent is not None and not isinstance(intent, str) else None
    if get(session, "status") != "complete" or method is None or isinstance(method, str):
        return None
    kind = str(get(method, "type"))
    details = get(method, kind)
    customer = get(session, "customer") or get(method, "customer")
    mandate = get(intent, "mandate")
    return SavedMethod(
        token=str(get(method, "id")),
        customer_id=str(customer if isinstance(customer, str) else get(customer, "id")),
        kind=kind,
        brand=str(get(details, "brand") or get(details, "bank_name") or kind.replace("_", " ")),
        last_four=str(get(details, "last4") or ""),
        expires_month=get(details, "exp_month"),
        expires_year=get(details, "exp_year"),
        mandate=str(mandate if isinstance(mandate, str) else get(mandate, "id") or ""),
    )


def line_kind(category: str) -> Literal["payment", "refund", "chargeback", "fee", "adjustment"]:
    """Our kind for a reporting category (docs.stripe.com/reports/reporting-categories)."""
    return _LINE_KINDS.get(category, "adjustment")


def source_payment(source: Any) -> str:
    """The PaymentIntent behind a balance transaction's source: a charge, a refund or a dispute."""
    if source is None or isinstance(source, str):
        return ""
    intent = get(source, "payment_intent")
    return str(intent if isinstance(intent, str) else get(intent, "id") or "")


def facts_of(event: Mapping[str, Any]) -> tuple[Fact, ...]:
    """What an event tells; nothing for kinds that concern nobody here."""
    kind, thing = str(event["type"]), event["data"]["object"]
    key = str((thing.get("metadata") or {}).get(KEY) or thing.get("client_reference_id") or "")
    match kind.rpartition(".")[0]:
        case "checkout.session" if kind == "checkout.session.expired":
            return (CheckoutExpired(key),) if key else ()
        case "checkout.session" if key and thing.get("mode") == "setup":
            return (MethodSetUp(key, str(thing["id"])),)
        case "checkout.session" if key:
            return (PaymentReported(key, _session_outcome(kind, thing)),)
        case "payment_intent" if key:
            outcome = payment_outcome(thing)
            # A payer whose card was declined on the page may try another one on it, which is the same intent.
            return (PaymentReported(key, outcome, is_final=outcome.status != "declined"),)
        case "refund":
            payment_id = str(thing.get("payment_intent") or "")
            return (RefundReported(key, payment_id, refund_outcome(thing)),) if payment_id else ()
        case "charge.dispute":
            return _dispute(kind, thing)
        case "payout":
            return (PayoutReported(str(thing["id"])),)
    return ()


def key_of(thing: Any) -> str:
    """Our key in its metadata; empty for what we did not ask for."""
    return str(get(get(thing, "metadata"), KEY) or "")


def get(thing: Any, name: str) -> Any:
    """A field of a dict or of one of the library's objects; none if it is not there."""
    if thing is None:
        return None
    return thing.get(name) if isinstance(thing, Mapping) else getattr(thing, name, None)


def _session_outcome(kind: str, session: Mapping[str, Any]) -> Outcome:
    money = money_of(session["amount_total"], session["currency"])
    intent = session.get("payment_intent")
    payment_id = str(intent if isinstance(intent, str) else get(intent, "id") or "")
    if kind.endswith("async_payment_failed"):
        return Outcome("declined", id=payment_id, money=money, decline="soft", reason="async_payment_failed")
    if session.get("payment_status") == "paid":
        return Outcome("succeeded", id=payment_id, money=money)
    return Outcome("pending", id=payment_id, money=money)


def _dispute(kind: str, dispute: Mapping[str, Any]) -> tuple[Fact, ...]:
    status, payment_id = str(dispute.get("status") or ""), str(dispute.get("payment_intent") or "")
    # An inquiry takes no money; where a dispute comes of it, that is told by the money that is withdrawn.
    if not payment_id or status.startswith("warning_"):
        return ()
    if kind == "charge.dispute.closed" and status not in ("won", "lost"):
        return ()
    return (
        DisputeReported(
            str(dispute["id"]),
            payment_id,
            money_of(dispute["amount"], dispute["currency"]),
            is_lost=status != "won" or kind != "charge.dispute.closed",
            reason=str(dispute.get("reason") or ""),
        ),
    )


def _fee(intent: Any) -> Money | None:
    charge = get(intent, "latest_charge")
    entry = None if isinstance(charge, str) else get(charge, "balance_transaction")
    if entry is None or isinstance(entry, str):
        return None
    return money_of(get(entry, "fee"), get(entry, "currency"))


def _places(currency: str) -> int:
    return _PLACES_DIFFER.get(currency, exponent(currency))

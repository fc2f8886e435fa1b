"""PaymentProvider: what is asked of a company that takes money for a partner, and what it may answer. Pure.

No card field is ours: whoever pays does so on the provider's own page, to which the browser is sent.
Every request that could move money carries `key`, our name for it. A provider does what one key asks for
once, however often it is sent, and can be asked later what became of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, Protocol

from haas.errors import Conflict, HaasError
from haas.money import exponent

PaymentStatus = Literal["succeeded", "pending", "declined", "unknown"]
DeclineKind = Literal["soft", "hard"]  # worth another try later, or never again with this method
CheckoutStatus = Literal["open", "complete", "expired"]


class ProviderUnreachable(HaasError):
    """No answer, or none that says anything: it may have been done or not."""

    status = 503
    code = "provider_unreachable"


class ProviderRefused(Conflict):
    """The provider understood and will not: a wrong key, a method that is gone. Nothing was done."""

    code = "provider_refused"


class BadSignature(HaasError):
    """A webhook that its provider did not sign, or too long ago."""

    status = 400
    code = "bad_signature"


@dataclass(frozen=True, slots=True)
class Money:
    """An amount as providers count it: whole minor units of an ISO 4217 currency."""

    minor: int
    currency: str

    @classmethod
    def of(cls, amount: Decimal, currency: str) -> Money:
        """1234.50 EUR is 123450.

        :raises ValueError: if the amount is finer than the minor unit.
        """
        scaled = amount.scaleb(exponent(currency))
        if scaled != scaled.to_integral_value():
            raise ValueError(f"{amount} is finer than the minor unit of {currency}")
        return cls(int(scaled), currency)

    @property
    def amount(self) -> Decimal:
        """123450 of EUR is 1234.50."""
        return Decimal(self.minor).scaleb(-exponent(self.currency))


@dataclass(frozen=True, slots=True)
class AccountInfo:
    """Whose account the keys open."""

    id: str
    name: str
    is_live: bool


@dataclass(frozen=True, slots=True)
class CheckoutRequest:
    """One payment on the provider's page; it sends the browser back to `return_url`, paid or not."""

    key: str
    money: Money
    description: str  # "Invoice INV-2026-00001"
    email: str
    return_url: str
    language: str = "en"


@dataclass(frozen=True, slots=True)
class SetupRequest:
    """Save a means of payment on the provider's page, for charges to come."""

    key: str
    customer_id: str | None  # the provider's; none: it makes one
    client_name: str
    email: str
    currency: str
    return_url: str
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Checkout:
    """A hosted page that waits."""

    id: str
    url: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class SavedMethod:
    """A means of payment as its provider names it: never a whole number of a card or an account."""

    token: str
    customer_id: str
    kind: str  # card, sepa_debit …
    brand: str
    last_four: str
    expires_month: int | None = None
    expires_year: int | None = None
    mandate: str = ""


@dataclass(frozen=True, slots=True)
class ChargeRequest:
    """Take money from a saved method without its owner at the screen."""

    key: str
    money: Money
    description: str
    customer_id: str
    token: str


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """Give back all or part of a payment."""

    key: str
    payment_id: str
    money: Money


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a payment or a refund. Of `unknown` nothing else is known."""

    status: PaymentStatus
    id: str = ""  # the provider's, of the payment or the refund
    money: Money | None = None
    fee: Money | None = None  # what the provider keeps, where it says so
    decline: DeclineKind | None = None
    reason: str = ""  # the provider's own word


UNKNOWN = Outcome("unknown")


@dataclass(frozen=True, slots=True)
class CheckoutState:
    """Where a hosted page stands; the outcome once somebody has paid on it or tried to."""

    status: CheckoutStatus
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class PaymentReported:
    """A payment went through, waits or failed. `is_final`: nothing else can become of it by itself."""

    key: str
    outcome: Outcome
    is_final: bool = True


@dataclass(frozen=True, slots=True)
class CheckoutExpired:
    """Nobody paid on the page, and nobody can any more."""

    key: str


@dataclass(frozen=True, slots=True)
class MethodSetUp:
    """Somebody saved a means of payment; `PaymentProvider.saved_method` tells which."""

    key: str
    setup_id: str


@dataclass(frozen=True, slots=True)
class RefundReported:
    """Money goes back, whoever asked for it; `key` is empty where it was not us."""

    key: str
    payment_id: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class DisputeReported:
    """The payer's bank took money back (`is_lost`), or gave it back again after the partner had won."""

    dispute_id: str
    payment_id: str
    money: Money
    is_lost: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PayoutReported:
    """A payout is on its way or failed; `payout_report` tells what is in it."""

    payout_id: str


Fact = PaymentReported | CheckoutExpired | MethodSetUp | RefundReported | DisputeReported | PayoutReported


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """One message of a provider. It may come twice, late, or before the answer it belongs to."""

    id: str
    kind: str  # the provider's name for it
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Payout:
    """Money sent to the partner's bank account."""

    id: str
    money: Money
    arrives_on: date
    status: str  # paid, in_transit, failed …


@dataclass(frozen=True, slots=True)
class PayoutLine:
    """What a payout is made of: amount less fee is what it adds. `payment_id` of a payment or its refund."""

    id: str
    kind: Literal["payment", "refund", "chargeback", "fee", "adjustment"]
    payment_id: str
    amount: Money
    fee: Money

    @property
    def net(self) -> Money:
        """What it adds to the payout."""
        return Money(self.amount.minor - self.fee.minor, self.amount.currency)


class PaymentProvider(Protocol):
    """One provider's account. Each method is one request over the network, or none.

    All but the charge and the refund raise `ProviderUnreachable` where no answer came; those two answer
    `UNKNOWN`, since money may have moved. All raise `ProviderRefused` for what will never be done.
    """

    def check_connection(self) -> AccountInfo:
        """Whose account it is."""

    def register_webhook(self, url: str) -> str:
        """Ask to be told at `url`; the secret that signs what is told."""

    def create_checkout(self, request: CheckoutRequest) -> Checkout:
        """A page to pay on. The same key again is the same page."""

    def find_checkout(self, checkout_id: str) -> CheckoutState:
        """Where a page stands."""

    def expire_checkout(self, checkout_id: str) -> CheckoutState:
        """Close a page; if somebody was quicker, what came of it."""

    def create_setup(self, request: SetupRequest) -> Checkout:
        """A page to save a means of payment on."""

    def saved_method(self, setup_id: str) -> SavedMethod | None:
        """What was saved on that page; none if nothing was."""

    def forget_method(self, token: str) -> None:
        """Never charge it again. One that is gone already is no error."""

    def charge_off_session(self, request: ChargeRequest) -> Outcome:
        """Charge a saved method."""

    def find_charge(self, *, key: str, customer_id: str, since: datetime) -> Outcome | None:
        """What became of a charge that was sent after `since`; none if it never arrived."""

    def find_payment(self, payment_id: str) -> tuple[str, Outcome]:
        """The key under which a payment was asked for, and what became of it."""

    def refund(self, request: RefundRequest) -> Outcome:
        """Give money back."""

    def find_refund(self, *, key: str, payment_id: str, refund_id: str = "") -> Outcome | None:
        """What became of a refund, by our key or, whoever asked, by its id; none if it never arrived."""

    def verify_webhook(
        self, *, headers: Mapping[str, str], body: bytes, secrets: Sequence[str]
    ) -> ProviderEvent:
        """The event, if it was signed with one of `secrets` within five minutes.

        :raises BadSignature: if it was not.
        """

    def list_payouts(self, *, since: date) -> list[Payout]:
        """Payouts that were made on that day or later."""

    def payout_report(self, payout_id: str) -> list[PayoutLine]:
        """What a payout is made of."""

"""REST: payment accounts, methods, checkouts, charges, attempts, refunds of payments, payouts."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from haas import clock
from haas.auth.caller import current_caller, requires
from haas.errors import NotFound
from haas.rest.openapi import Paged, page_of
from haas.rest.paging import Sort, fetch_page
from haas.tenancy.models import Client
from haas.tenancy.scope import scoped
from invoicing import queries as invoices
from invoicing.payments import accounts, charges, checkouts, methods, payouts, queries, refunds
from invoicing.payments.doors import in_the_house, settings
from invoicing.payments.models import PaymentAccount, PaymentAttempt, Payout
from invoicing.payments.schemas import (
    ChargeBody,
    CheckoutResource,
    MoneyBackResource,
    PaymentAccountChange,
    PaymentAccountRequest,
    PaymentAccountResource,
    PaymentAccounts,
    PaymentAttemptListed,
    PaymentAttemptResource,
    PaymentMethodResource,
    PaymentMethods,
    PaymentPageRequest,
    PaymentRefundRequest,
    PaymentSetupResource,
    PayoutReport,
    PayoutResource,
    ProviderAnswer,
)

accounts_api = Blueprint(
    "payment_accounts_api",
    __name__,
    url_prefix="/v1/payment-accounts",
    description="Accounts at providers",
)
clients_api = Blueprint(
    "client_payment_methods_api", __name__, url_prefix="/v1/clients", description="Clients' means of payment"
)
methods_api = Blueprint(
    "payment_methods_api", __name__, url_prefix="/v1/payment-methods", description="Saved means of payment"
)
invoices_api = Blueprint(
    "invoice_payments_api", __name__, url_prefix="/v1/invoices", description="Payment of invoices"
)
attempts_api = Blueprint(
    "payment_attempts_api", __name__, url_prefix="/v1/payment-attempts", description="Attempts to be paid"
)
payouts_api = Blueprint("payouts_api", __name__, url_prefix="/v1/payouts", description="Payouts")

_NEWEST_ATTEMPT = Sort(PaymentAttempt.id, PaymentAttempt.id, descending=True)
_NEWEST_PAYOUT = Sort(Payout.arrives_on, Payout.id, descending=True)


@accounts_api.get("")
@requires("payment.settings")
@accounts_api.response(200, PaymentAccounts)
def list_accounts() -> Any:
    """All accounts, those that are closed last."""
    caller = current_caller()
    return {"items": [_shown(row) for row in queries.accounts_of(caller.session, caller.tenant)]}


@accounts_api.post("")
@requires("payment.settings")
@accounts_api.arguments(PaymentAccountRequest)
@accounts_api.response(201, PaymentAccountResource)
def connect_account(wanted: dict[str, Any]) -> Any:
    """Connect an account: its key is tried first, then sealed."""
    caller = current_caller()
    account = accounts.connect(caller.session, caller.tenant, at=clock.now(), settings=settings(), **wanted)
    return _shown(account), 201, {"Location": f"/v1/payment-accounts/{account.id}"}


@accounts_api.get("/<account_id>")
@requires("payment.settings")
@accounts_api.response(200, PaymentAccountResource)
def get_account(account_id: str) -> Any:
    """One account."""
    caller = current_caller()
    return _shown(queries.get_account(caller.session, caller.tenant, account_id=account_id))


@accounts_api.patch("/<account_id>")
@requires("payment.settings")
@accounts_api.arguments(PaymentAccountChange)
@accounts_api.response(200, PaymentAccountResource)
def edit_account(changes: dict[str, Any], account_id: str) -> Any:
    """Make it the default, charge on the due day, take over a new webhook secret."""
    caller = current_caller()
    return _shown(
        accounts.edit(caller.session, caller.tenant, account_id=account_id, settings=settings(), **changes)
    )


@accounts_api.post("/<account_id>/test")
@requires("payment.settings")
@accounts_api.response(200, ProviderAnswer)
def test_account(account_id: str) -> Any:
    """Ask the provider whose account it is."""
    caller = current_caller()
    account = queries.get_account(caller.session, caller.tenant, account_id=account_id)
    return accounts.provider_of(account, settings()).check_connection()


@accounts_api.post("/<account_id>/close")
@requires("payment.settings")
@accounts_api.response(200, PaymentAccountResource)
def close_account(account_id: str) -> Any:
    """Take no more payments through it; what is under way is followed to its end."""
    caller = current_caller()
    return _shown(accounts.close(caller.session, caller.tenant, account_id=account_id, at=clock.now()))


@clients_api.get("/<client_id>/payment-methods")
@requires("invoice.read")
@clients_api.response(200, PaymentMethods)
def list_methods(client_id: str) -> Any:
    """What a client has saved, its default first."""
    caller = current_caller()
    _known_client(client_id)
    return {"items": queries.methods_of(caller.session, caller.tenant, client_id=client_id)}


@clients_api.post("/<client_id>/payment-methods")
@requires("payment.method")
@clients_api.arguments(PaymentPageRequest)
@clients_api.response(201, PaymentSetupResource)
def save_method(wanted: dict[str, Any], client_id: str) -> Any:
    """A page of the provider to save a means of payment on; what was saved appears in the list."""
    _known_client(client_id)
    setup_id, url = methods.open_setup(
        in_the_house(current_caller()),
        client_id=client_id,
        # Whoever asks chooses the address whole: nothing is put into it.
        return_url=wanted["return_url"].replace("{", "%7B").replace("}", "%7D"),
        settings=settings(),
    )
    return {"id": setup_id, "url": url}


@methods_api.post("/<method_id>/default")
@requires("payment.method")
@methods_api.response(200, PaymentMethodResource)
def make_default(method_id: str) -> Any:
    """Charge this one from now on."""
    caller = current_caller()
    return methods.make_default(caller.session, caller.tenant, method_id=method_id)


@methods_api.delete("/<method_id>")
@requires("payment.method")
@methods_api.response(204)
def remove_method(method_id: str) -> None:
    """Never charge it again."""
    caller = current_caller()
    methods.remove(caller.session, caller.tenant, method_id=method_id, at=clock.now())


@invoices_api.post("/<invoice_id>/checkout")
@requires("payment.checkout")
@invoices_api.arguments(PaymentPageRequest)
@invoices_api.response(201, CheckoutResource)
def open_checkout(wanted: dict[str, Any], invoice_id: str) -> Any:
    """A page of the provider to pay what is open on; asked for again, the page that waits."""
    caller = current_caller()
    invoice = invoices.get_invoice(caller.session, caller.tenant, invoice_id=invoice_id)
    return checkouts.open_checkout(
        in_the_house(caller), invoice_id=invoice.id, return_url=wanted["return_url"], settings=settings()
    )


@invoices_api.post("/<invoice_id>/charge")
@requires("payment.charge")
@invoices_api.arguments(ChargeBody)
@invoices_api.response(202, PaymentAttemptResource)
def charge(wanted: dict[str, Any], invoice_id: str) -> Any:
    """Charge what is open to the client's saved method; a job sends it."""
    caller = current_caller()
    return charges.charge_invoice(
        caller.session, caller.tenant, invoice_id=invoice_id, at=clock.now(), **wanted
    )


@attempts_api.get("")
@requires("invoice.read")
@attempts_api.arguments(PaymentAttemptListed, location="query")
@attempts_api.response(200, page_of(PaymentAttemptResource))
def list_attempts(query: dict[str, Any]) -> Any:
    """Attempts, the newest first."""
    caller = current_caller()
    page = fetch_page(
        caller.session,
        queries.list_attempts(caller.tenant, invoice_id=query.get("invoice_id")),
        sort=_NEWEST_ATTEMPT,
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    return {"items": page.rows, "next": page.older}


@attempts_api.get("/<attempt_id>")
@requires("invoice.read")
@attempts_api.response(200, PaymentAttemptResource)
def get_attempt(attempt_id: str) -> Any:
    """One attempt."""
    caller = current_caller()
    return queries.get_attempt(caller.session, caller.tenant, attempt_id=attempt_id)


@attempts_api.post("/<attempt_id>/cancel")
@requires("payment.charge")
@attempts_api.response(200, PaymentAttemptResource)
def cancel_attempt(attempt_id: str) -> Any:
    """Close a page that waits. If somebody paid on it in the meantime, that counts."""
    caller = current_caller()
    queries.get_attempt(caller.session, caller.tenant, attempt_id=attempt_id)
    return checkouts.give_up(in_the_house(caller), attempt_id=attempt_id, settings=settings())


@attempts_api.post("/<attempt_id>/refund")
@requires("payment.refund")
@attempts_api.arguments(PaymentRefundRequest)
@attempts_api.response(202, MoneyBackResource)
def refund(wanted: dict[str, Any], attempt_id: str) -> Any:
    """Give back all or part of a payment; a job sends it. The invoice is then open again for as much."""
    caller = current_caller()
    return refunds.ask_refund(caller.session, caller.tenant, attempt_id=attempt_id, at=clock.now(), **wanted)


@payouts_api.get("")
@requires("payout.read")
@payouts_api.arguments(Paged, location="query")
@payouts_api.response(200, page_of(PayoutResource))
def list_payouts(query: dict[str, Any]) -> Any:
    """Payouts, the newest first."""
    caller = current_caller()
    page = fetch_page(
        caller.session,
        queries.list_payouts(caller.tenant),
        sort=_NEWEST_PAYOUT,
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    return {"items": page.rows, "next": page.older}


@payouts_api.get("/<payout_id>")
@requires("payout.read")
@payouts_api.response(200, PayoutReport)
def get_payout(payout_id: str) -> Any:
    """A payout line by line, each beside what was recorded of it."""
    caller = current_caller()
    payout = queries.get_payout(caller.session, caller.tenant, payout_id=payout_id)
    return payouts.report(caller.session, caller.tenant, payout=payout)


def _shown(account: PaymentAccount) -> dict[str, Any]:
    fields = (
        "id", "kind", "name", "external_id", "is_live", "is_default", "charges_on_due_day", "api_key_tail",
        "webhook_heard_at", "created_at", "closed_at",
    )  # fmt: skip
    return {
        **{name: getattr(account, name) for name in fields},
        "webhook_url": accounts.webhook_address(settings(), account.webhook_token),
    }


def _known_client(client_id: str) -> None:
    caller = current_caller()
    if caller.session.scalar(scoped(Client, caller.tenant).where(Client.id == client_id)) is None:
        raise NotFound(f"There is no client {client_id}.")

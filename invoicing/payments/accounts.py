"""A partner's accounts at providers: connected, made the default, closed; their keys sealed."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import outbox
from haas.auth import vault
from haas.errors import InvalidInput
from haas.ids import new_id, new_secret
from haas.settings import Settings
from haas.tenancy.partners import lock_partner
from haas.tenancy.scope import Tenant
from invoicing import pay_links
from invoicing.payments import queries
from invoicing.payments.local import LocalProvider
from invoicing.payments.models import KINDS, PaymentAccount
from invoicing.payments.protocol import PaymentProvider, ProviderRefused, ProviderUnreachable
from invoicing.payments.stripe_account import StripeProvider

_API_KEY, _WEBHOOK = "payment api key", "payment webhook secret"


def kinds_on_offer(settings: Settings) -> list[str]:
    """What can be connected: the test provider only where this house runs one."""
    return [kind for kind in KINDS if kind != "local" or settings.payment_provider_url]


def connect(
    session: Session,
    tenant: Tenant,
    *,
    kind: str,
    api_key: str,
    webhook_secret: str,
    at: datetime,
    settings: Settings,
) -> PaymentAccount:
    """Try the key, ask to be told of what happens, and keep both sealed. The first account is the default.

    Where the key may not set up webhooks, somebody copies the address to the provider and its secret here.

    :raises InvalidInput: if the provider does not know the key.
    :raises ProviderUnreachable: if it does not answer.
    """
    if kind not in kinds_on_offer(settings):
        raise InvalidInput("Choose one of the providers shown.", field="kind")
    provider = _provider(kind, api_key.strip(), settings)
    try:
        info = provider.check_connection()
    except ProviderRefused as refusal:
        raise InvalidInput(f"This key opens no account. {refusal.message}", field="api_key") from refusal
    token = new_secret()
    if not webhook_secret.strip():
        try:
            webhook_secret = provider.register_webhook(webhook_address(settings, token))
        except (ProviderRefused, ProviderUnreachable):
            webhook_secret = ""
    account = PaymentAccount(
        partner_id=tenant.partner_id,
        id=new_id("pac"),
        kind=kind,
        name=info.name,
        external_id=info.id,
        is_live=info.is_live,
        is_default=queries.find_default_account(session, tenant) is None,
        charges_on_due_day=False,
        api_key_sealed=_seal(api_key.strip(), _API_KEY, settings),
        api_key_tail=api_key.strip()[-4:],
        webhook_secrets_sealed=_seal(webhook_secret.strip(), _WEBHOOK, settings),
        webhook_token=token,
        webhook_heard_at=None,
        created_at=at,
        closed_at=None,
    )
    session.add(account)
    session.flush()
    outbox.publish(session, tenant, "payment_account.connected", account_id=account.id)
    return account


def edit(
    session: Session,
    tenant: Tenant,
    *,
    account_id: str,
    settings: Settings,
    webhook_secret: str = "",
    charges_on_due_day: bool | None = None,
    is_default: bool = False,
) -> PaymentAccount:
    """Change what an account is used for; a new webhook secret is good beside the last one.

    :raises InvalidInput: if the account is closed.
    """
    account = queries.get_account(session, tenant, account_id=account_id, lock=True)
    if account.closed_at is not None:
        raise InvalidInput("This account is closed. Connect it anew.")
    if webhook_secret.strip():
        kept = [webhook_secret.strip(), *webhook_secrets(account, settings)[:1]]
        account.webhook_secrets_sealed = _seal("\n".join(dict.fromkeys(kept)), _WEBHOOK, settings)
    if charges_on_due_day is not None:
        account.charges_on_due_day = charges_on_due_day
    if is_default and not account.is_default:
        session.execute(
            sa.update(PaymentAccount)
            .where(PaymentAccount.partner_id == tenant.partner_id, PaymentAccount.is_default)
            .values(is_default=False)
        )
        account.is_default = True
    session.flush()
    return account


def print_links(session: Session, tenant: Tenant, *, wanted: bool) -> None:
    """Whether new invoices bear a link to pay by."""
    partner = lock_partner(session, tenant)
    partner.policies = {**partner.policies, pay_links.POLICY: wanted}
    session.flush()


def close(session: Session, tenant: Tenant, *, account_id: str, at: datetime) -> PaymentAccount:
    """Take no more payments through it. What is under way is still followed to its end."""
    account = queries.get_account(session, tenant, account_id=account_id, lock=True)
    if account.closed_at is None:
        account.closed_at, account.is_default, account.charges_on_due_day = at, False, False
        session.flush()
    return account


def provider_of(account: PaymentAccount, settings: Settings) -> PaymentProvider:
    """The account, ready to be asked."""
    key = vault.unseal(account.api_key_sealed, secret_key=settings.secret_key, purpose=_API_KEY)
    return _provider(account.kind, key, settings)


def webhook_secrets(account: PaymentAccount, settings: Settings) -> list[str]:
    """What its webhooks may be signed with, the newest first."""
    text = vault.unseal(account.webhook_secrets_sealed, secret_key=settings.secret_key, purpose=_WEBHOOK)
    return text.split()


def webhook_address(settings: Settings, token: str) -> str:
    """Where the provider tells what happens."""
    return f"{settings.base_url}/webhooks/payments/{token}"


def _provider(kind: str, api_key: str, settings: Settings) -> PaymentProvider:
    if kind == "local":
        return LocalProvider(address=settings.payment_provider_url, api_key=api_key)
    return StripeProvider(api_key=api_key, address=settings.stripe_url)


def _seal(text: str, purpose: str, settings: Settings) -> str:
    return vault.seal(text, secret_key=settings.secret_key, purpose=purpose)

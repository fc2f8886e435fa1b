"""Clients' means of payment: saved on the provider's page, made the default, removed."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import clock, db, outbox
from haas.errors import NotFound
from haas.ids import new_id
from haas.settings import Settings
from haas.tenancy.models import Client
from haas.tenancy.scope import Tenant, scoped
from invoicing.payments import accounts, queries
from invoicing.payments.models import PaymentMethod, PaymentSetup
from invoicing.payments.protocol import SavedMethod, SetupRequest


def open_setup(tenant: Tenant, *, client_id: str, return_url: str, settings: Settings) -> tuple[str, str]:
    """A page of the provider to save a means of payment on: the visit's id, and where to go.

    Opens its own units of work, none while the provider works. `return_url` holds `{setup_id}`.

    :raises NoProvider: if the partner has connected none.
    :raises ProviderUnreachable: if it does not answer.
    """
    with db.unit_of_work(tenant) as session:
        client = session.scalar(scoped(Client, tenant).where(Client.id == client_id))
        if client is None:
            raise NotFound(f"There is no client {client_id}.")
        account = queries.default_account(session, tenant)
        setup = PaymentSetup(
            partner_id=tenant.partner_id,
            id=new_id("pst"),
            client_id=client_id,
            account_id=account.id,
            setup_id="",
            created_at=clock.now(),
            actor=tenant.actor,
        )
        session.add(setup)
        session.flush()
        request = SetupRequest(
            key=setup.id,
            customer_id=_customer(session, tenant, client_id=client_id, account_id=account.id),
            client_name=client.name,
            email=client.email,
            currency=client.currency,
            return_url=return_url.format(setup_id=setup.id),
            language=client.language,
        )
        provider = accounts.provider_of(account, settings)
    page = provider.create_setup(request)
    with db.unit_of_work(tenant) as session:
        queries.get_setup(session, tenant, setup_id=setup.id, lock=True).setup_id = page.id
    return setup.id, page.url


def finish_setup(tenant: Tenant, *, setup_id: str, settings: Settings) -> PaymentMethod | None:
    """Learn what was saved on a page; none if nothing was, or was removed since. Opens its own units of work.

    The first that a client saves is its default. Safe to be called twice: by whoever comes back, and by the
    webhook.
    """
    with db.unit_of_work(tenant) as session:
        setup = queries.get_setup(session, tenant, setup_id=setup_id)
        account = queries.get_account(session, tenant, account_id=setup.account_id)
        provider = accounts.provider_of(account, settings)
    found = provider.saved_method(setup.setup_id) if setup.setup_id and setup.method_id is None else None
    with db.unit_of_work(tenant) as session:
        setup = queries.get_setup(session, tenant, setup_id=setup_id, lock=True)
        if found is not None and setup.method_id is None:
            setup.method_id = _keep(session, tenant, setup, found, at=clock.now()).id
            session.flush()
        return session.scalar(
            scoped(PaymentMethod, tenant).where(
                PaymentMethod.id == setup.method_id, PaymentMethod.removed_at.is_(None)
            )
        )


def make_default(session: Session, tenant: Tenant, *, method_id: str) -> PaymentMethod:
    """Charge this one from now on."""
    method = queries.get_method(session, tenant, method_id=method_id)
    _lock_client(session, tenant, client_id=method.client_id)
    method = queries.get_method(session, tenant, method_id=method_id, lock=True)
    if not method.is_default:
        _clear_default(session, tenant, client_id=method.client_id)
        method.is_default = True
        session.flush()
    return method


def remove(session: Session, tenant: Tenant, *, method_id: str, at: datetime) -> PaymentMethod:
    """Never charge it again; a job tells the provider. The oldest that is left is then the default."""
    method = queries.get_method(session, tenant, method_id=method_id)
    _lock_client(session, tenant, client_id=method.client_id)
    method = queries.get_method(session, tenant, method_id=method_id, lock=True)
    was_default = method.is_default
    method.removed_at, method.is_default = at, False
    session.flush()
    kept = queries.methods_of(session, tenant, client_id=method.client_id)
    if was_default and kept:
        kept[0].is_default = True
        session.flush()
    outbox.publish(
        session, tenant, "payment_method.removed", method_id=method.id, once_key=f"removed:{method.id}"
    )
    return method


def forget(tenant: Tenant, *, method_id: str, settings: Settings) -> None:
    """Tell the provider that a method was removed. Opens its own units of work."""
    with db.unit_of_work(tenant) as session:
        method = session.scalars(scoped(PaymentMethod, tenant).where(PaymentMethod.id == method_id)).one()
        account = queries.get_account(session, tenant, account_id=method.account_id)
        provider = accounts.provider_of(account, settings)
    if method.removed_at is not None:
        provider.forget_method(method.method_token)


def _keep(
    session: Session, tenant: Tenant, setup: PaymentSetup, found: SavedMethod, *, at: datetime
) -> PaymentMethod:
    _lock_client(session, tenant, client_id=setup.client_id)
    known = session.scalar(
        scoped(PaymentMethod, tenant).where(
            PaymentMethod.account_id == setup.account_id, PaymentMethod.method_token == found.token
        )
    )
    if known is not None:
        return known
    method = PaymentMethod(
        partner_id=tenant.partner_id,
        id=new_id("pmt"),
        client_id=setup.client_id,
        account_id=setup.account_id,
        method_token=found.token,
        customer_id=found.customer_id,
        kind=found.kind,
        brand=found.brand[:40],
        last_four=found.last_four[:4],
        expires_month=found.expires_month,
        expires_year=found.expires_year,
        mandate=found.mandate,
        is_default=not queries.methods_of(session, tenant, client_id=setup.client_id),
        created_at=at,
    )
    session.add(method)
    session.flush()
    outbox.publish(
        session, tenant, "payment_method.saved", method_id=method.id, once_key=f"saved:{method.id}"
    )
    return method


def _customer(session: Session, tenant: Tenant, *, client_id: str, account_id: str) -> str | None:
    """Who the client is at the provider, from what it saved there before."""
    return session.scalar(
        scoped(PaymentMethod, tenant)
        .where(PaymentMethod.client_id == client_id, PaymentMethod.account_id == account_id)
        .order_by(PaymentMethod.id.desc())
        .limit(1)
        .with_only_columns(PaymentMethod.customer_id)
    )


def _lock_client(session: Session, tenant: Tenant, *, client_id: str) -> None:
    """Two that save at once cannot both be the first."""
    session.execute(
        scoped(Client, tenant)
        .where(Client.id == client_id)
        .with_only_columns(Client.id)
        .with_for_update(key_share=True)
    )


def _clear_default(session: Session, tenant: Tenant, *, client_id: str) -> None:
    session.execute(
        sa.update(PaymentMethod)
        .where(
            PaymentMethod.partner_id == tenant.partner_id,
            PaymentMethod.client_id == client_id,
            PaymentMethod.is_default,
        )
        .values(is_default=False)
    )

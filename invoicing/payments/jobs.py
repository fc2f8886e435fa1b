"""Jobs: send charges and refunds, do what webhooks say, charge on the due day, ask after what is open."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import db
from haas.calendar import local_day
from haas.errors import HaasError
from haas.settings import Settings
from haas.settings import current as current_settings
from haas.tenancy.partners import working_partners
from haas.tenancy.scope import Tenant, scoped
from invoicing.bank.collecting import items_of
from invoicing.bank.under_way import DebitUnderWay, announced, ordered
from invoicing.holds.held import not_held
from invoicing.models import Invoice
from invoicing.payments import charges, checkouts, credit_refunds, inbox, methods, payouts, queries, refunds
from invoicing.payments.errors import NothingToPay, PaymentUnderWay
from invoicing.payments.models import MoneyBack, PaymentAccount, PaymentAttempt, PaymentMethod

log = logging.getLogger(__name__)

FIRST_TRY = 1
_PATIENCE = timedelta(minutes=2)  # so long the job that sent it is given
_CHUNK = 200


def send_charge(*, partner_id: str, event_id: str, attempt_id: str) -> None:
    """Send a charge. A second run of this job asks what became of the first."""
    charges.send(
        Tenant(partner_id, actor="job:payments", request_id=event_id),
        attempt_id=attempt_id,
        settings=current_settings(),
    )


def send_refund(*, partner_id: str, event_id: str, back_id: str) -> None:
    """Send a refund. A second run of this job asks what became of the first."""
    refunds.send(
        Tenant(partner_id, actor="job:payments", request_id=event_id),
        back_id=back_id,
        settings=current_settings(),
    )


def carry_out_refund(*, partner_id: str, event_id: str, refund_id: str) -> None:
    """Have a provider give a client's credit back. A second run asks what became of the first."""
    credit_refunds.carry_out(
        Tenant(partner_id, actor="job:payments", request_id=event_id),
        refund_id=refund_id,
        settings=current_settings(),
    )


def process_webhook(*, partner_id: str, event_id: str, message_id: str) -> None:
    """Do what a provider told. A second run finds it done."""
    inbox.process(
        Tenant(partner_id, actor="job:payments", request_id=event_id),
        message_id=message_id,
        settings=current_settings(),
    )


def close_pages(*, partner_id: str, event_id: str, collection_id: str) -> None:
    """Close the pages that wait for invoices which the bank collects now. A second run finds them closed.

    What somebody paid on one counts, and is the client's credit once the bank has collected too.
    """
    tenant = Tenant(partner_id, actor="job:payments", request_id=event_id)
    with db.unit_of_work(tenant) as session:
        items = items_of(session, tenant, collection_id=collection_id)
        waiting = queries.pages_waiting(session, tenant, invoice_ids=[item.invoice_id for item in items])
    for attempt_id in waiting:
        checkouts.give_up(tenant, attempt_id=attempt_id, settings=current_settings())


def forget_method(*, partner_id: str, event_id: str, method_id: str) -> None:
    """Tell the provider that a method was removed. A second time changes nothing there."""
    methods.forget(
        Tenant(partner_id, actor="job:payments", request_id=event_id),
        method_id=method_id,
        settings=current_settings(),
    )


def charge_due(settings: Settings, now: datetime) -> None:
    """Charge what has fallen due, of clients with a method, where the partner wants that; each once."""
    for tenant, zone in _partners():
        with db.unit_of_work(tenant) as session:
            invoice_ids = due_to_charge(session, tenant, today=local_day(now, zone))
        for invoice_id in invoice_ids:
            try:
                with db.unit_of_work(tenant) as session:
                    charges.charge_invoice(
                        session, tenant, invoice_id=invoice_id, attempt_no=FIRST_TRY, at=now
                    )
            except (NothingToPay, PaymentUnderWay, DebitUnderWay):
                continue  # paid, or about to be, since it was read
            except HaasError as refusal:
                log.warning("invoice %s is not charged: %s", invoice_id, refusal)


def due_to_charge(session: Session, tenant: Tenant, *, today: date) -> list[str]:
    """Open invoices, due, not held back, never tried, whose client has a default method; one query.

    Not those that the bank collects, or whose client was told that it will: that is how they are paid.
    """
    tried = (
        sa.select(PaymentAttempt.id)
        .where(
            PaymentAttempt.partner_id == Invoice.partner_id,
            PaymentAttempt.invoice_id == Invoice.id,
            # What was paid and given back is charged again by hand alone.
            sa.or_(PaymentAttempt.attempt_no.is_not(None), PaymentAttempt.state == "succeeded"),
        )
        .exists()
    )
    statement = (
        sa.select(Invoice.id)
        .join(
            PaymentMethod,
            sa.and_(
                PaymentMethod.partner_id == Invoice.partner_id,
                PaymentMethod.client_id == Invoice.client_id,
                PaymentMethod.is_default,
            ),
        )
        .join(
            PaymentAccount,
            sa.and_(
                PaymentAccount.partner_id == PaymentMethod.partner_id,
                PaymentAccount.id == PaymentMethod.account_id,
                PaymentAccount.is_default,
                PaymentAccount.charges_on_due_day,
            ),
        )
        .where(
            Invoice.partner_id == tenant.partner_id,
            Invoice.kind == "invoice",
            Invoice.state == "issued",
            Invoice.due_on <= today,
            # What was issued before the client agreed to be charged is the partner's to charge by hand.
            Invoice.created_at >= PaymentMethod.created_at,
            ~tried,
            ~ordered(),
            ~announced(since=today),
            *not_held(today=today),
        )
        .order_by(Invoice.due_on, Invoice.id)
    )
    return list(session.scalars(statement))


def ask_after(settings: Settings, now: datetime) -> None:
    """Ask providers what became of what they never told: no answer, no webhook, nobody came back."""
    for tenant, _ in _partners():
        with db.unit_of_work(tenant) as session:
            attempts = [
                (row.id, row.kind, row.state)
                for row in queries.waiting(session, tenant, sent_before=now - _PATIENCE, limit=_CHUNK)
            ]
            backs = list(
                session.scalars(
                    scoped(MoneyBack, tenant)
                    .where(
                        MoneyBack.state.in_(("created", "sent", "pending", "unknown")),
                        MoneyBack.created_at < now - _PATIENCE,
                    )
                    .with_only_columns(MoneyBack.id)
                    .limit(_CHUNK)
                )
            )
            credit = credit_refunds.waiting(session, tenant, asked_before=now - _PATIENCE, limit=_CHUNK)
        for attempt_id, kind, state in attempts:
            with _put_off(attempt_id):
                if kind == "charge" and state != "pending":
                    charges.send(tenant, attempt_id=attempt_id, settings=settings)
                else:
                    checkouts.refresh(tenant, attempt_id=attempt_id, settings=settings)
        for back_id in backs:
            with _put_off(back_id):
                refunds.send(tenant, back_id=back_id, settings=settings)
        for refund_id in credit:
            with _put_off(refund_id):
                credit_refunds.carry_out(tenant, refund_id=refund_id, settings=settings)


def fetch_payouts(settings: Settings, now: datetime) -> None:
    """The payouts of the last days of every account."""
    for tenant, _ in _partners():
        with db.unit_of_work(tenant) as session:
            account_ids = [row.id for row in queries.accounts_of(session, tenant) if row.closed_at is None]
        for account_id in account_ids:
            with _put_off(account_id):
                payouts.fetch_lately(tenant, account_id=account_id, settings=settings)


@contextmanager
def _put_off(what: str) -> Iterator[None]:
    """One provider that does not answer does not stop the sweep: it is asked again next time."""
    try:
        yield
    except HaasError as refusal:
        log.warning("%s is put off: %s", what, refusal)


def _partners() -> list[tuple[Tenant, str]]:
    """Those that have an account at a provider."""
    found = []
    for partner in working_partners(actor="job:payments"):
        tenant = Tenant(partner.id, actor="job:payments")
        with db.unit_of_work(tenant) as session:
            if queries.accounts_of(session, tenant):
                found.append((tenant, partner.time_zone))
    return found

"""Mails about a client's means of payment: one that was refused for good, one that is about to expire."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import clock, db, mail, outbox
from haas.accounts.clients import get_client
from haas.calendar import ONE_DAY, add_months, local_day
from haas.documents import formatting
from haas.mail import Letter
from haas.settings import Settings
from haas.settings import current as current_settings
from haas.tenancy.partners import working_partners
from haas.tenancy.scope import Tenant, scoped
from invoicing import pay_links, queries
from invoicing.letters import letter_to
from invoicing.models import Invoice
from invoicing.payments.models import PaymentAccount, PaymentAttempt, PaymentMethod

# What the payer can do about a decline decides what the mail says; every other one is the bank's refusal.
_EXPIRED = frozenset(
    {"expired_card", "invalid_account", "account_closed", "new_account_information_available"}
)
_TO_CONFIRM = frozenset({"authentication_required", "requires_action"})


def mail_declined(*, partner_id: str, event_id: str, attempt_id: str, kind: str | None, **_: Any) -> None:
    """Ask for another means of payment where trying again changes nothing. A repeat is the same message.

    Only for a charge of ours: whoever stands on a page is told there. A soft decline is tried again first.
    """
    if kind != "hard":
        return
    tenant, own = Tenant(partner_id, actor="job:payments", request_id=event_id), current_settings()
    with db.unit_of_work(tenant) as session:
        letter = _declined(session, tenant, attempt_id=attempt_id, message_id=event_id, settings=own)
    if letter is not None:
        mail.send(own, letter, now=clock.now())


def tell_expiring(settings: Settings, now: datetime) -> None:  # noqa: ARG001 - every sweep takes them
    """In the month before a card's last one, tell its owner, once a card and month."""
    for partner in working_partners(actor="job:payments"):
        tenant = Tenant(partner.id, actor="job:payments")
        with db.unit_of_work(tenant) as session:
            note_expiring(session, tenant, today=local_day(now, partner.time_zone))


def note_expiring(session: Session, tenant: Tenant, *, today: date) -> int:
    """Ask for a mail for each card that is charged and is good until the end of next month; how many."""
    last = add_months(today.replace(day=1), 1)
    wanted = (
        scoped(PaymentMethod, tenant)
        .join(
            PaymentAccount,
            sa.and_(
                PaymentAccount.partner_id == PaymentMethod.partner_id,
                PaymentAccount.id == PaymentMethod.account_id,
                PaymentAccount.closed_at.is_(None),
            ),
        )
        .where(
            PaymentMethod.is_default,
            PaymentMethod.expires_year == last.year,
            PaymentMethod.expires_month == last.month,
        )
    )
    keys = {f"expires:{row.id}:{last:%Y-%m}": row.id for row in session.scalars(wanted)}
    known = set(
        session.scalars(
            sa.select(outbox.OutboxEvent.once_key).where(
                outbox.OutboxEvent.partner_id == tenant.partner_id, outbox.OutboxEvent.once_key.in_(keys)
            )
        )
    )
    told = 0
    for key, method_id in keys.items():
        if key not in known:
            outbox.publish(session, tenant, "payment_method.expires_soon", method_id=method_id, once_key=key)
            told += 1
    return told


def mail_expiring(*, partner_id: str, event_id: str, method_id: str, **_: Any) -> None:
    """Ask for a card that lasts longer, unless another took its place meanwhile."""
    tenant, own = Tenant(partner_id, actor="job:payments", request_id=event_id), current_settings()
    with db.unit_of_work(tenant) as session:
        method = session.scalar(
            scoped(PaymentMethod, tenant).where(PaymentMethod.id == method_id, PaymentMethod.is_default)
        )
        if method is None or method.expires_year is None or method.expires_month is None:
            return
        last_day = add_months(date(method.expires_year, method.expires_month, 1), 1) - ONE_DAY
        letter = _to_client(
            session,
            tenant,
            client_id=method.client_id,
            message="card_expires_soon",
            message_id=event_id,
            values={
                "card": f"{method.brand} ···· {method.last_four}",
                "last_day": last_day,
                "link": methods_page(own, client_id=method.client_id),
            },
        )
    if letter is not None:
        mail.send(own, letter, now=clock.now())


def methods_page(settings: Settings, *, client_id: str) -> str:
    """Where a client's people save another means of payment; they sign in there."""
    return f"{settings.base_url}/clients/{client_id}/payment-methods"


def _declined(
    session: Session, tenant: Tenant, *, attempt_id: str, message_id: str, settings: Settings
) -> Letter | None:
    attempt = session.scalars(scoped(PaymentAttempt, tenant).where(PaymentAttempt.id == attempt_id)).one()
    if attempt.kind != "charge":
        return None
    method = session.scalars(scoped(PaymentMethod, tenant).where(PaymentMethod.id == attempt.method_id)).one()
    invoice = session.scalars(scoped(Invoice, tenant).where(Invoice.id == attempt.invoice_id)).one()
    still_open = queries.open_amount(session, tenant, invoice=invoice)
    if invoice.state != "issued" or not still_open:
        return None  # paid otherwise meanwhile
    letter = _to_client(
        session,
        tenant,
        client_id=attempt.client_id,
        message="payment_declined",
        message_id=message_id,
        values={
            "number": invoice.number,
            "why": _why(attempt.reason),
            "method": f"{method.brand or method.kind} ···· {method.last_four}",
            "methods_page": methods_page(settings, client_id=attempt.client_id),
        },
    )
    if letter is None:
        return None
    # Made here alone: the mail is its one place, and a repeat of this job makes another that works too.
    secret = pay_links.make_link(session, tenant, invoice=invoice, at=clock.now())
    amount = formatting.money(still_open, invoice.currency, language=letter.language)
    more = {"link": pay_links.address(settings.base_url, secret), "amount": amount}
    return replace(letter, values={**letter.values, **more})


def _why(reason: str) -> str:
    if reason in _EXPIRED:
        return "expired"
    return "to_confirm" if reason in _TO_CONFIRM else "refused"


def _to_client(
    session: Session,
    tenant: Tenant,
    *,
    client_id: str,
    message: str,
    message_id: str,
    values: dict[str, Any],
) -> Letter | None:
    """To where the client's invoices go; none if nobody can be written to, or nobody may."""
    client = get_client(session, tenant, client_id=client_id)
    if client.archived_at is not None:
        return None
    return letter_to(session, tenant, client=client, message=message, message_id=message_id, values=values)

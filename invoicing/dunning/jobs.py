"""Jobs: the day's reminders, each printed if it is a letter, then mailed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import clock, db, mail, outbox
from haas.accounts.clients import get_client
from haas.calendar import local_day, start_of_day
from haas.crash import crashpoint
from haas.documents import formatting
from haas.errors import HaasError
from haas.files import get_file, store_file
from haas.mail import Letter
from haas.settings import Settings
from haas.settings import current as current_settings
from haas.tenancy.brands import branding_of
from haas.tenancy.models import Client, Partner
from haas.tenancy.partners import working_partners
from haas.tenancy.scope import Tenant, scoped
from invoicing import pay_to
from invoicing.bank.under_way import DebitUnderWay
from invoicing.dunning import reminding, retrying
from invoicing.dunning.models import Reminder, ReminderItem
from invoicing.dunning.paper import ReminderDocument, ReminderRow, reminder_pdf
from invoicing.dunning.policy import DunningPolicy
from invoicing.letters import both_ends, letter_to
from invoicing.models import Invoice
from invoicing.payments.charges import charge_invoice
from invoicing.payments.errors import NothingToPay, PaymentUnderWay

log = logging.getLogger(__name__)

_NOT_BEFORE = timedelta(hours=8)  # of the partner's day: nobody is reminded at night


def remind_daily(settings: Settings, now: datetime) -> None:
    """Each morning, by each partner's clock: record what is due. The rest of the day finds it recorded."""
    for partner, today in _at_day(now):
        tenant = Tenant(partner.id, actor="job:dunning")
        with db.unit_of_work(tenant) as session:
            reminding.remind(session, tenant, today=today, at=now)


def retry_declined(settings: Settings, now: datetime) -> None:
    """By each partner's clock: try declined charges again on the days of its plan; each try once."""
    for partner, today in _at_day(now):
        tenant = Tenant(partner.id, actor="job:dunning")
        policy = DunningPolicy.of_policies(partner.policies)
        with db.unit_of_work(tenant) as session:
            due = retrying.due_retries(session, tenant, today=today, zone=partner.time_zone, policy=policy)
        for invoice_id, attempt_no in due:
            try:
                with db.unit_of_work(tenant) as session:
                    charge_invoice(session, tenant, invoice_id=invoice_id, attempt_no=attempt_no, at=now)
            except (NothingToPay, PaymentUnderWay, DebitUnderWay):
                continue  # paid, or about to be, since it was read
            except HaasError as refusal:
                log.warning("invoice %s is not tried again: %s", invoice_id, refusal)


def _at_day(now: datetime) -> Iterator[tuple[Partner, date]]:
    """The partners where it is day, each with the date there."""
    for partner in working_partners(actor="job:dunning"):
        today = local_day(now, partner.time_zone)
        if now >= start_of_day(today, partner.time_zone) + _NOT_BEFORE:
            yield partner, today


def print_letter(*, partner_id: str, event_id: str, reminder_id: str, **_: Any) -> None:
    """Print a reminder that goes out as a letter, and let it be mailed. A second run finds it printed."""
    tenant = _tenant(partner_id, event_id)
    with db.unit_of_work(tenant) as session:
        reminder = _get(session, tenant, reminder_id)
        if reminder.letter_file_id is not None:
            return
        document = _document(session, tenant, reminder, base_url=current_settings().base_url)
    content = reminder_pdf(document)  # a second of work: no transaction is held open for it
    crashpoint("reminder.printed")
    with db.unit_of_work(tenant) as session:
        reminder = _get(session, tenant, reminder_id, lock=True)
        if reminder.letter_file_id is not None:
            return
        stored = store_file(
            session,
            tenant,
            kind="reminder_letter",
            name=f"reminder-{reminder.reminded_on:%Y-%m-%d}.pdf",
            media_type="application/pdf",
            content=content,
            client_id=reminder.client_id,
            once_key=f"reminder:{reminder.id}",
        )
        reminder.letter_file_id = stored.id
        outbox.publish(session, tenant, "reminder.ready", reminder_id=reminder.id)


def mail_reminder(*, partner_id: str, event_id: str, reminder_id: str, **_: Any) -> None:
    """Mail it to where the client's invoices go, unless it left before. A repeat is the same message."""
    tenant, own = _tenant(partner_id, event_id), current_settings()
    with db.unit_of_work(tenant) as session:
        reminder = _get(session, tenant, reminder_id)
        letter = None if reminder.sent_at else _letter(session, tenant, reminder, base_url=own.base_url)
    if letter is None:
        return
    crashpoint("reminder.before_send")
    mail.send(own, letter, now=clock.now())
    crashpoint("reminder.after_send")
    with db.unit_of_work(tenant) as session:
        _get(session, tenant, reminder_id, lock=True).sent_at = clock.now()


def _get(session: Session, tenant: Tenant, reminder_id: str, *, lock: bool = False) -> Reminder:
    statement = scoped(Reminder, tenant).where(Reminder.id == reminder_id)
    return session.scalars(statement.with_for_update() if lock else statement).one()


def _rows(session: Session, tenant: Tenant, reminder: Reminder) -> list[ReminderRow]:
    found = session.execute(
        sa.select(
            Invoice.number,
            Invoice.issued_on,
            Invoice.due_on,
            ReminderItem.amount,
            ReminderItem.interest,
            sa.func.coalesce(
                sa.func.nullif(Invoice.document["payment_reference"].astext, ""), Invoice.number
            ),
        )
        .join(
            ReminderItem,
            sa.and_(ReminderItem.partner_id == Invoice.partner_id, ReminderItem.invoice_id == Invoice.id),
        )
        .where(Invoice.partner_id == tenant.partner_id, ReminderItem.reminder_id == reminder.id)
        .order_by(Invoice.due_on, Invoice.number)
    )
    return [ReminderRow(*row) for row in found]


def _document(session: Session, tenant: Tenant, reminder: Reminder, *, base_url: str) -> ReminderDocument:
    partner, client = both_ends(session, tenant, client_id=reminder.client_id)
    return ReminderDocument(
        branding=branding_of(session, partner),
        language=client.language,
        client_name=client.printed_name,
        client_address_lines=tuple(client.printed_address),
        customer_number=client.number,
        written_on=reminder.reminded_on,
        subject=reminder.subject,
        paragraphs=_paragraphs(reminder),
        rows=tuple(_rows(session, tenant, reminder)),
        currency=reminder.currency,
        amount=reminder.amount,
        fee=reminder.fee,
        interest=reminder.interest,
        pay_by=reminder.pay_by,
        pay_to=_pay_to(session, tenant, reminder, client),
        portal_url=f"{base_url}/invoices",
    )


def _letter(session: Session, tenant: Tenant, reminder: Reminder, *, base_url: str) -> Letter | None:
    client = get_client(session, tenant, client_id=reminder.client_id)
    printed = reminder.letter_file_id
    return letter_to(
        session,
        tenant,
        client=client,
        message="reminder",
        message_id=reminder.id,
        values={
            "subject": reminder.subject,
            "paragraphs": _paragraphs(reminder),
            "rows": [
                {
                    "number": row.number,
                    "due_on": row.due_on,
                    "amount": formatting.money(row.amount, reminder.currency, language=client.language),
                    "reference": row.reference,
                }
                for row in _rows(session, tenant, reminder)
            ],
            "pay_to": _pay_to(session, tenant, reminder, client),
            "link": f"{base_url}/invoices",
        },
        files=[get_file(session, tenant, file_id=printed)] if printed is not None else [],
    )


def _pay_to(session: Session, tenant: Tenant, reminder: Reminder, client: Client) -> tuple[str, ...]:
    return pay_to.own_lines(
        session,
        tenant,
        branding=branding_of(session, session.get_one(Partner, tenant.partner_id), with_logo=False),
        currency=reminder.currency,
        language=client.language,
    )


def _paragraphs(reminder: Reminder) -> tuple[str, ...]:
    return tuple(part.strip() for part in reminder.text.split("\n\n") if part.strip())


def _tenant(partner_id: str, event_id: str) -> Tenant:
    return Tenant(partner_id, actor="job:dunning", door="job", request_id=event_id)

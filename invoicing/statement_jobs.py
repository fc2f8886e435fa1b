"""Jobs: each month a statement of account by mail to the clients that want one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from sqlalchemy import select

from haas import clock, db, mail, outbox
from haas.calendar import add_months, local_day
from haas.mail import Attachment
from haas.settings import Settings
from haas.settings import current as current_settings
from haas.tenancy.models import Client
from haas.tenancy.partners import working_partners
from haas.tenancy.scope import Tenant, scoped
from invoicing.letters import letter_to
from invoicing.statement_paper import statement_pdf
from invoicing.statement_shapes import document_for

_DAYS_TO_ASK = 5  # of a month: whoever was down on the first still sends


def ask_monthly(settings: Settings, now: datetime) -> None:  # noqa: ARG001 - every sweep takes them
    """In the first days of a month ask for last month's statement of every client that wants one, once."""
    for partner in working_partners(actor="job:statements"):
        today = local_day(now, partner.time_zone)
        if today.day > _DAYS_TO_ASK:
            continue
        tenant = Tenant(partner.id, actor="job:timetable")
        with db.unit_of_work(tenant) as session:
            wanted = scoped(Client, tenant).where(
                Client.wants_statements, Client.archived_at.is_(None), Client.email != ""
            )
            month = add_months(today.replace(day=1), -1).isoformat()
            keys = {row.id: f"statement:{row.id}:{month}" for row in session.scalars(wanted)}
            known = set(
                session.scalars(
                    select(outbox.OutboxEvent.once_key).where(
                        outbox.OutboxEvent.partner_id == partner.id,
                        outbox.OutboxEvent.once_key.in_(keys.values()),
                    )
                )
            )
            for client_id, key in keys.items():
                if key not in known:
                    outbox.publish(
                        session, tenant, "statement.due", client_id=client_id, month=month, once_key=key
                    )


def mail_statement(*, partner_id: str, event_id: str, client_id: str, month: str) -> None:
    """Mail one month's statement. A second run sends the same Message-ID: a mail program shows it once."""
    own, tenant = current_settings(), Tenant(partner_id, actor="job:statement", request_id=event_id)
    start = date.fromisoformat(month)
    with db.unit_of_work(tenant) as session:
        client = session.scalar(scoped(Client, tenant).where(Client.id == client_id))
        if client is None or not client.wants_statements:
            return
        document = document_for(
            session, tenant, client=client, start=start, until=add_months(start, 1), base_url=own.base_url
        )
        letter = letter_to(
            session,
            tenant,
            client=client,
            message="statement",
            message_id=event_id,
            values={"start": document.start, "until": document.until, "link": document.portal_url},
        )
    if letter is None or not document.accounts:
        return
    name, pdf = f"statement-{client.number}-{month[:7]}.pdf", statement_pdf(document)
    letter = replace(letter, attachments=(Attachment(name, "application/pdf", pdf),))
    mail.send(own, letter, now=clock.now())

"""Jobs of the bank: what follows a statement that was brought in."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from haas import clock, mail
from haas.calendar import local_day, start_of_day
from haas.crash import crashpoint
from haas.db import unit_of_work
from haas.settings import Settings
from haas.settings import current as current_settings
from haas.tenancy.partners import working_partners
from haas.tenancy.scope import Tenant
from invoicing.bank import (
    accounts,
    certain,
    importing,
    letters,
    notices,
    queries,
    settling,
    transfer_settling,
)
from invoicing.bank.mandate_paper import mandate_pdf
from invoicing.bank.queries import LineFilter

_NOT_BEFORE = timedelta(hours=8)  # of the partner's day: nobody is written to at night


def announce_daily(settings: Settings, now: datetime) -> None:
    """Each morning, by each partner's clock: announce the debits of what falls due; each once."""
    for partner in working_partners(actor="job:bank"):
        today = local_day(now, partner.time_zone)
        if now >= start_of_day(today, partner.time_zone) + _NOT_BEFORE:
            tenant = Tenant(partner.id, actor="job:bank")
            with unit_of_work(tenant) as session:
                notices.announce_due(session, tenant, today=today, at=now)


def mail_notice(*, partner_id: str, event_id: str, notice_id: str, **_payload: Any) -> None:
    """Mail the announcement of a debit, unless it left before. A repeat is the same message."""
    tenant = Tenant(partner_id, actor="job:bank", door="job", request_id=event_id)
    with unit_of_work(tenant) as session:
        notice = notices.get_notice(session, tenant, notice_id=notice_id)
        letter = letters.of_notice(session, tenant, notice=notice, message_id=event_id)
    if letter is None:
        return
    mail.send(current_settings(), letter, now=clock.now())
    with unit_of_work(tenant) as session:
        notices.note_sent(
            session, tenant, notice_id=notice_id, announced_at=notice.announced_at, at=clock.now()
        )


def mail_mandate(*, partner_id: str, event_id: str, mandate_id: str, **_payload: Any) -> None:
    """Mail a mandate's form to be signed. A repeat is the same message; one that was signed is not sent."""
    tenant = Tenant(partner_id, actor="job:bank", door="job", request_id=event_id)
    with unit_of_work(tenant) as session:
        letter = letters.of_form(session, tenant, mandate_id=mandate_id, message_id=event_id)
        form = letters.form_of(session, tenant, mandate_id=mandate_id) if letter is not None else None
    if letter is not None and form is not None:
        content = mandate_pdf(form)  # a second of work: no transaction is held open for it
        letter = letters.with_form(letter, reference=form.reference, content=content)
        mail.send(current_settings(), letter, now=clock.now())


def follow_refund(*, partner_id: str, event_id: str, refund_id: str, **_payload: Any) -> None:
    """Say of a transfer what was noted of its refund. A second run changes nothing."""
    tenant = Tenant(partner_id, actor="system", door="job", request_id=event_id)
    with unit_of_work(tenant) as session:
        transfer_settling.follow_refund(session, tenant, refund_id=refund_id)


def note_reversal(*, partner_id: str, event_id: str, receipt_id: str, **_payload: Any) -> None:
    """Say of a collection's item that its money went back. A second run changes nothing."""
    tenant = Tenant(partner_id, actor="system", door="job", request_id=event_id)
    with unit_of_work(tenant) as session:
        settling.note_reversed(session, tenant, receipt_id=receipt_id)


def match_statement(*, partner_id: str, event_id: str, statement_id: str, **_payload: Any) -> None:
    """Book what is certain, where the account says so. A second run finds those lines booked."""
    tenant = Tenant(partner_id, actor="system", door="job", request_id=event_id)
    with unit_of_work(tenant) as session:
        statement = importing.find_statement(session, tenant, statement_id=statement_id)
        account = accounts.get_account(session, tenant, account_id=statement.account_id)
        if account.auto_book:
            where = LineFilter(statement_id=statement_id)
            lines = session.scalars(queries.list_lines(tenant, where=where)).all()
            certain.book_statement(session, tenant, lines=lines, at=clock.now())
            crashpoint("bank_match.before_commit")

"""Jobs of the bank: what follows a statement that was brought in."""

from __future__ import annotations

from typing import Any

from haas import clock
from haas.db import unit_of_work
from haas.tenancy.scope import Tenant
from invoicing.bank import accounts, booking, importing, queries, settling
from invoicing.bank.queries import LineFilter


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
            settling.book_own(session, tenant, lines=lines, at=clock.now())
            booking.book_certain(session, tenant, lines=lines, at=clock.now())

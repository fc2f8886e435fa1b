"""A client's account -> its paper, the answer of the API, the table to download."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from haas.money import round_minor
from haas.tenancy.brands import branding_of
from haas.tenancy.models import Client, Partner
from haas.tenancy.scope import Tenant
from invoicing.statement_paper import StatementAccount, StatementDocument, StatementRow
from invoicing.statements import Statement, statements_of

TABLE_HEADER = ("date", "kind", "document", "due on", "amount", "balance", "currency")


def document_for(
    session: Session, tenant: Tenant, *, client: Client, start: date, until: date, base_url: str
) -> StatementDocument:
    """The account as it is printed, in the client's language and the partner's brand.

    :raises InvalidInput: if it would end before it starts.
    """
    partner = session.get_one(Partner, tenant.partner_id)
    found = statements_of(session, tenant, client_id=client.id, start=start, until=until)
    return StatementDocument(
        branding=branding_of(session, partner),
        language=client.language,
        client_name=client.printed_name,
        client_number=client.number,
        client_address_lines=tuple(client.printed_address),
        start=start,
        until=until,
        accounts=tuple(_account(account) for account in found),
        portal_url=f"{base_url}/invoices/statement/{client.id}",
    )


def table_of(found: Sequence[Statement]) -> list[list[Any]]:
    """A row for each movement, under `TABLE_HEADER`."""
    return [
        [
            entry.on,
            entry.kind,
            entry.text,
            entry.due_on,
            round_minor(entry.amount, account.currency),
            round_minor(entry.balance, account.currency),
            account.currency,
        ]
        for account in found
        for entry in account.entries
    ]


def _account(account: Statement) -> StatementAccount:
    def exact(amount: Any) -> Any:
        return round_minor(amount, account.currency)

    return StatementAccount(
        currency=account.currency,
        opening=exact(account.opening),
        closing=exact(account.closing),
        overdue=exact(account.overdue),
        credit=exact(account.credit),
        aged=tuple(exact(amount) for amount in account.aged),
        rows=tuple(
            StatementRow(
                on=entry.on,
                kind=entry.kind,
                text=entry.text,
                due_on=entry.due_on,
                amount=exact(entry.amount),
                balance=exact(entry.balance),
            )
            for entry in account.entries
        ),
    )

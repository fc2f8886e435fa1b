"""A bank account and a line of it, by the operations themselves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy.orm import Session

from haas.tenancy.company import COMPANY_ID, Company
from haas.tenancy.models import Client, Partner
from haas.tenancy.scope import Tenant, scoped
from invoicing.bank import accounts, importing
from invoicing.bank.models import BankAccount, BankLine
from invoicing.bank.queries import LineFilter, list_lines
from tests.cast import Cast

AT = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)


@pytest.fixture
def tenant(cast: Cast) -> Tenant:
    """Northwind, with Ana at the desk."""
    return cast.tenant


@pytest.fixture
def dollars(session: Session, tenant: Tenant) -> BankAccount:
    """An account in the currency of Northwind's invoices."""
    return accounts.open_account(
        session, tenant, name="Operating", holder="Northwind IT", number="021000021 4417002233", bic="",
        currency="USD", auto_book=True, at=AT,
    )  # fmt: skip


def csv_of(*rows: str) -> bytes:
    """date,amount,name,text"""
    return ("Date,Amount,Payee,Memo\n" + "\n".join(rows) + "\n").encode()


def bring_line(session: Session, tenant: Tenant, *, account_id: str, row: str) -> BankLine:
    """The one line of a CSV of that row, brought in as the page does."""
    stored = importing.upload(session, tenant, name="s.csv", content=csv_of(row))
    reading = importing.read(session, tenant, file_id=stored.id, account_id=account_id)
    (made,) = importing.bring_in(
        session, tenant, file_id=stored.id, account_id=account_id, layout=reading.layout, at=AT
    )
    return session.scalars(list_lines(tenant, where=LineFilter(statement_id=made.id))).one()


def sell_in_euros(session: Session, tenant: Tenant, *, client_id: str) -> None:
    """Partner and client, and the creditor identifier without which nothing is collected."""
    session.get_one(Partner, tenant.partner_id).currency = "EUR"
    session.get_one(Client, (tenant.partner_id, client_id)).currency = "EUR"
    company = session.scalar(scoped(Company, tenant)) or Company(partner_id=tenant.partner_id, id=COMPANY_ID)
    company.creditor_id = "DE98ZZZ09999999999"
    session.add(company)


@pytest.fixture
def came(session: Session, tenant: Tenant, dollars: BankAccount) -> Callable[..., BankLine]:
    """`came("100.00", text)`: a line of the account, brought in by a file of its own."""

    def bring(amount: str, text: str = "", *, name: str = "Somebody", day: str = "2026-11-01") -> BankLine:
        row = f"{day},{Decimal(amount)},{name},{text}"
        return bring_line(session, tenant, account_id=dollars.id, row=row)

    return bring

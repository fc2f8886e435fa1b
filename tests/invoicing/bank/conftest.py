"""A bank account and a line of it, by the operations themselves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.orm import Session

from haas.tenancy.scope import Tenant
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


@pytest.fixture
def came(session: Session, tenant: Tenant, dollars: BankAccount) -> Callable[..., BankLine]:
    """`came("100.00", text)`: a line of the account, brought in by a file of its own."""

    def bring(amount: str, text: str = "", *, name: str = "Somebody", day: str = "2026-11-01") -> BankLine:
        content = csv_of(f"{day},{Decimal(amount)},{name},{text}")
        stored = importing.upload(session, tenant, name="s.csv", content=content)
        options: dict[str, Any] = {"file_id": stored.id, "account_id": dollars.id}
        reading = importing.read(session, tenant, **options)
        (made,) = importing.bring_in(session, tenant, **options, layout=reading.layout, at=AT)
        return session.scalars(list_lines(tenant, where=LineFilter(statement_id=made.id))).one()

    return bring

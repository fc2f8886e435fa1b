"""The partner's own bank accounts: opened, changed, found by what a statement calls them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from stdnum import bic as bic_number
from stdnum import iban as iban_number

from haas.errors import Conflict, InvalidInput, NotFound
from haas.ids import new_id
from haas.money import exponent
from haas.tenancy.scope import Tenant, scoped
from invoicing.bank.layouts import Layout
from invoicing.bank.models import BankAccount
from invoicing.references import reference_key


def open_account(
    session: Session,
    tenant: Tenant,
    *,
    name: str,
    holder: str,
    number: str,
    bic: str,
    currency: str,
    auto_book: bool,
    at: datetime,
) -> BankAccount:
    """Note an account, so that its statements can be brought in.

    :param number: IBAN, or what the bank calls it where there are none: sort code and number.
    :raises Conflict: if it is there already.
    """
    _check(number=number, bic=bic, currency=currency)
    account = BankAccount(
        partner_id=tenant.partner_id,
        id=new_id("bac"),
        name=name.strip(),
        holder=holder.strip(),
        number=reference_key(number),
        bic=reference_key(bic),
        currency=currency,
        auto_book=auto_book,
        csv_layout=None,
        created_at=at,
    )
    try:
        with session.begin_nested():
            session.add(account)
            session.flush()
    except IntegrityError as twice:
        raise Conflict("This account is there already.", field="number") from twice
    return account


def change_account(
    session: Session, tenant: Tenant, *, account_id: str, name: str, holder: str, bic: str, auto_book: bool
) -> BankAccount:
    """Change what is not the account itself: its number and currency stay."""
    account = lock_account(session, tenant, account_id=account_id)
    _check(number=account.number, bic=bic, currency=account.currency)
    account.name, account.holder = name.strip(), holder.strip()
    account.bic, account.auto_book = reference_key(bic), auto_book
    account.version += 1
    session.flush()
    return account


def close_account(session: Session, tenant: Tenant, *, account_id: str, at: datetime) -> BankAccount:
    """Take it off the lists; what was booked stays. Its statements can still be brought in."""
    account = lock_account(session, tenant, account_id=account_id)
    account.closed_at = account.closed_at or at
    session.flush()
    return account


def list_accounts(session: Session, tenant: Tenant, *, closed: bool = False) -> Sequence[BankAccount]:
    """The open ones by name; with `closed`, all."""
    statement = scoped(BankAccount, tenant).order_by(BankAccount.name, BankAccount.id)
    return session.scalars(statement if closed else statement.where(BankAccount.closed_at.is_(None))).all()


def get_account(session: Session, tenant: Tenant, *, account_id: str) -> BankAccount:
    """The account.

    :raises NotFound: if this tenant has none by that id.
    """
    found = session.scalar(scoped(BankAccount, tenant).where(BankAccount.id == account_id))
    if found is None:
        raise NotFound(f"There is no bank account {account_id}.")
    return found


def lock_account(session: Session, tenant: Tenant, *, account_id: str) -> BankAccount:
    """The account, whose statements nobody else brings in until the transaction ends."""
    found = session.scalar(
        scoped(BankAccount, tenant)
        .where(BankAccount.id == account_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFound(f"There is no bank account {account_id}.")
    return found


def is_called(account: BankAccount, number: str) -> bool:
    """Whether a statement's account is this one.

    A German IBAN ends with bank code and account number, which MT940 and OFX write alone, with leading
    zeros or without.
    """
    told = reference_key(number)
    if not told or told == account.number:
        return True
    parts = [reference_key(part).lstrip("0") for part in number.replace("/", " ").split() if part]
    rest = account.number
    return (
        bool(parts) and iban_number.is_valid(rest) and all(len(part) >= 4 and part in rest for part in parts)
    )


def layout_of(account: BankAccount) -> Layout | None:
    """How this bank's CSV was read the last time."""
    return None if account.csv_layout is None else msgspec.convert(account.csv_layout, type=Layout)


def as_kept(layout: Layout) -> dict[str, Any]:
    """A layout as it is kept with the account."""
    kept: dict[str, Any] = msgspec.to_builtins(layout)
    return kept


def _check(*, number: str, bic: str, currency: str) -> None:
    key = reference_key(number)
    if len(key) < 4:
        raise InvalidInput("Give the IBAN, or the account number with its bank or sort code.", field="number")
    if key[:2].isalpha() and key[2:4].isdigit() and not iban_number.is_valid(key):
        raise InvalidInput("This IBAN is wrong: compare it with the bank's papers.", field="number")
    if bic and not bic_number.is_valid(reference_key(bic)):
        raise InvalidInput("This BIC is wrong: it has 8 or 11 letters and digits.", field="bic")
    try:
        exponent(currency)
    except ValueError as unknown:
        raise InvalidInput(f"{currency} is not a currency that is known here.", field="currency") from unknown

"""The partner's chart: seeded once, renamed and recoded freely, and which account each purpose stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from haas.errors import Conflict, InvalidInput, NotFound
from haas.ids import new_id
from haas.tenancy.scope import Tenant, scoped
from invoicing.ledger.chart import DEFAULT_CHART, KINDS, Purpose
from invoicing.ledger.models import LedgerAccount, LedgerPurpose

_CODE_MAX, _NAME_MAX = 20, 80


@dataclass(frozen=True, slots=True)
class Chart:
    """Every account by its code, and what is posted where."""

    accounts: Sequence[LedgerAccount]
    purposes: Mapping[str, str]  # purpose -> account id


def ensure_chart(session: Session, tenant: Tenant) -> None:
    """Give the partner the default chart, and an account to each purpose that has none; else nothing."""
    mapped = set(
        session.scalars(sa.select(LedgerPurpose.purpose).where(LedgerPurpose.partner_id == tenant.partner_id))
    )
    missing = [account for account in DEFAULT_CHART if account.purpose not in mapped]
    if not missing:
        return
    # Two first runs at once: the second finds the rows of the first.
    session.execute(
        insert(LedgerAccount)
        .values(
            [
                {
                    "partner_id": tenant.partner_id,
                    "id": new_id("acc"),
                    "code": account.code,
                    "name": account.name,
                    "kind": account.kind,
                }
                for account in missing
            ]
        )
        .on_conflict_do_nothing(index_elements=["partner_id", "code"])
    )
    by_code: dict[str, str] = {row.code: row.id for row in session.scalars(scoped(LedgerAccount, tenant))}
    session.execute(
        insert(LedgerPurpose)
        .values(
            [
                {
                    "partner_id": tenant.partner_id,
                    "id": new_id("pur"),
                    "purpose": account.purpose.value,
                    "account_id": by_code[account.code],
                }
                for account in missing
            ]
        )
        .on_conflict_do_nothing(index_elements=["partner_id", "purpose"])
    )


def get_chart(session: Session, tenant: Tenant) -> Chart:
    """The chart as it is; two queries."""
    accounts = session.scalars(scoped(LedgerAccount, tenant).order_by(LedgerAccount.code)).all()
    purposes = session.scalars(scoped(LedgerPurpose, tenant).order_by(LedgerPurpose.purpose)).all()
    # A purpose of an earlier release keeps its row, though nothing is posted for it any more.
    known = set(Purpose)
    return Chart(accounts, {row.purpose: row.account_id for row in purposes if row.purpose in known})


def get_account(session: Session, tenant: Tenant, *, account_id: str) -> LedgerAccount:
    """One account.

    :raises NotFound: if this partner has no such account.
    """
    account = session.scalar(scoped(LedgerAccount, tenant).where(LedgerAccount.id == account_id))
    if account is None:
        raise NotFound(f"There is no account {account_id}.")
    return account


def add_account(session: Session, tenant: Tenant, *, code: str, name: str, kind: str) -> LedgerAccount:
    """An account beside the seeded ones.

    :raises Conflict: if the code is taken.
    """
    code, name = _checked(code, name)
    if kind not in KINDS:
        raise InvalidInput(f"The kind is one of {', '.join(KINDS)}.", field="kind")
    account = LedgerAccount(partner_id=tenant.partner_id, id=new_id("acc"), code=code, name=name, kind=kind)
    try:
        with session.begin_nested():
            session.add(account)
    except sa.exc.IntegrityError as taken:
        raise _code_taken(code) from taken
    return account


def rename_account(
    session: Session, tenant: Tenant, *, account_id: str, code: str, name: str
) -> LedgerAccount:
    """Another code or name; what was posted to the account stays with it.

    :raises Conflict: if another account has the code.
    """
    account = get_account(session, tenant, account_id=account_id)
    code, name = _checked(code, name)
    try:
        with session.begin_nested():
            account.code, account.name = code, name
            session.flush()
    except sa.exc.IntegrityError as taken:
        raise _code_taken(code) from taken
    return account


def map_purpose(session: Session, tenant: Tenant, *, purpose: str, account_id: str) -> LedgerPurpose:
    """From now on post `purpose` to another account; what was posted stays where it is."""
    if purpose not in set(Purpose):
        raise NotFound(f"Nothing is posted for {purpose}.")
    account = get_account(session, tenant, account_id=account_id)
    row = session.scalar(scoped(LedgerPurpose, tenant).where(LedgerPurpose.purpose == purpose))
    if row is None:
        row = LedgerPurpose(
            partner_id=tenant.partner_id, id=new_id("pur"), purpose=purpose, account_id=account.id
        )
        session.add(row)
    row.account_id = account.id
    session.flush()
    return row


def _checked(code: str, name: str) -> tuple[str, str]:
    code, name = code.strip(), name.strip()
    if not 0 < len(code) <= _CODE_MAX or not code.isprintable():
        raise InvalidInput(f"A code has 1 to {_CODE_MAX} signs.", field="code")
    if not 0 < len(name) <= _NAME_MAX:
        raise InvalidInput(f"A name has 1 to {_NAME_MAX} signs.", field="name")
    return code, name


def _code_taken(code: str) -> Conflict:
    return Conflict(f"Another account has the code {code}: choose one that is free.")

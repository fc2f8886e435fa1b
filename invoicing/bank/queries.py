"""Reads: what lines are known, statements by file and account, lines by filter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from haas.errors import NotFound
from haas.tenancy.scope import Tenant, scoped
from invoicing.bank.models import OPEN, BankAccount, BankLine, BankStatement
from invoicing.bank.statement import KnownLine
from invoicing.bulk import among


@dataclass(frozen=True, slots=True)
class LineFilter:
    """What a list of lines is narrowed to. Dates are half-open."""

    state: str | None = OPEN
    account_id: str | None = None
    statement_id: str | None = None
    way: str | None = None  # in | out
    booked_from: date | None = None
    booked_until: date | None = None
    text: str | None = None  # in a name, a text or a reference


def known_lines(
    session: Session, tenant: Tenant, *, account_id: str, first: date | None, last: date | None
) -> list[KnownLine]:
    """The lines of the account from the first to the last day; one query."""
    if first is None or last is None:
        return []
    rows = session.execute(
        sa.select(BankLine.key, BankLine.kind, BankLine.booked_on, BankLine.amount).where(
            BankLine.partner_id == tenant.partner_id,
            BankLine.account_id == account_id,
            BankLine.booked_on.between(first, last),
        )
    )
    return [KnownLine(*row) for row in rows]


def closing_before(session: Session, tenant: Tenant, *, account_id: str, day: date) -> Decimal | None:
    """The closing balance of the last statement that ended before `day`."""
    return session.scalar(
        sa.select(BankStatement.closing)
        .where(
            BankStatement.partner_id == tenant.partner_id,
            BankStatement.account_id == account_id,
            BankStatement.last_on < day,
            BankStatement.closing.is_not(None),
        )
        .order_by(BankStatement.last_on.desc(), BankStatement.id.desc())
        .limit(1)
    )


def statements_of_file(session: Session, tenant: Tenant, *, file_id: str) -> Sequence[BankStatement]:
    """What was brought in of a file, in its order."""
    return session.scalars(
        scoped(BankStatement, tenant).where(BankStatement.file_id == file_id).order_by(BankStatement.position)
    ).all()


def list_statements(tenant: Tenant, *, account_id: str | None = None) -> sa.Select[BankStatement]:
    """Statements, to be paged by the caller."""
    statement = scoped(BankStatement, tenant)
    return statement.where(BankStatement.account_id == account_id) if account_id else statement


def list_lines(tenant: Tenant, *, where: LineFilter) -> sa.Select[BankLine]:
    """Lines that fit, to be paged by the caller."""
    equal: dict[Any, Any] = {
        BankLine.state: where.state,
        BankLine.account_id: where.account_id,
        BankLine.statement_id: where.statement_id,
    }
    statement = scoped(BankLine, tenant).where(*(column == value for column, value in equal.items() if value))
    if where.way:
        statement = statement.where(BankLine.amount > 0 if where.way == "in" else BankLine.amount < 0)
    if where.booked_from:
        statement = statement.where(BankLine.booked_on >= where.booked_from)
    if where.booked_until:
        statement = statement.where(BankLine.booked_on < where.booked_until)
    if where.text:
        said = sa.func.concat_ws(
            " ", BankLine.counterparty_name, BankLine.text, BankLine.reference, BankLine.end_to_end_id
        )
        statement = statement.where(sa.func.strpos(sa.func.lower(said), where.text.lower()) > 0)
    return statement


def get_line(session: Session, tenant: Tenant, *, line_id: str) -> BankLine:
    """The line.

    :raises NotFound: if this tenant has none by that id.
    """
    found = session.scalar(scoped(BankLine, tenant).where(BankLine.id == line_id))
    if found is None:
        raise NotFound(f"There is no bank line {line_id}.")
    return found


def lock_line(session: Session, tenant: Tenant, *, line_id: str) -> BankLine:
    """The line as it stands, which nobody else decides on until the transaction ends."""
    found = session.scalar(
        scoped(BankLine, tenant)
        .where(BankLine.id == line_id)
        .with_for_update()
        .execution_options(populate_existing=True)  # doors and jobs have read it before they wait here
    )
    if found is None:
        raise NotFound(f"There is no bank line {line_id}.")
    return found


def lock_lines(session: Session, tenant: Tenant, *, line_ids: Sequence[str]) -> None:
    """Many lines, locked as they stand, in the order of their ids; one query."""
    session.scalars(
        scoped(BankLine, tenant)
        .where(among(BankLine.id, line_ids))
        .order_by(BankLine.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def counts_by_state(session: Session, tenant: Tenant) -> dict[str, int]:
    """How many lines there are in each state; one query."""
    rows = session.execute(
        sa.select(BankLine.state, sa.func.count())
        .where(BankLine.partner_id == tenant.partner_id)
        .group_by(BankLine.state)
    )
    return {row[0]: row[1] for row in rows}


@dataclass(frozen=True, slots=True)
class AccountState:
    """How far an account's statements reach."""

    account: BankAccount
    until: date | None
    closing: Decimal | None
    open_lines: int


def account_states(session: Session, tenant: Tenant) -> list[AccountState]:
    """The open accounts with their last statement and what is left to match; one query."""
    latest = (
        sa.select(BankStatement.account_id, BankStatement.last_on, BankStatement.closing)
        .where(BankStatement.partner_id == tenant.partner_id)
        .ext(distinct_on(BankStatement.account_id))
        .order_by(
            BankStatement.account_id, BankStatement.last_on.desc().nulls_last(), BankStatement.id.desc()
        )
        .subquery("latest")
    )
    waiting = (
        sa.select(BankLine.account_id, sa.func.count().label("lines"))
        .where(BankLine.partner_id == tenant.partner_id, BankLine.state == OPEN)
        .group_by(BankLine.account_id)
        .subquery("waiting")
    )
    rows = session.execute(
        sa.select(BankAccount, latest.c.last_on, latest.c.closing, sa.func.coalesce(waiting.c.lines, 0))
        .outerjoin(latest, latest.c.account_id == BankAccount.id)
        .outerjoin(waiting, waiting.c.account_id == BankAccount.id)
        .where(BankAccount.partner_id == tenant.partner_id, BankAccount.closed_at.is_(None))
        .order_by(BankAccount.name, BankAccount.id)
    )
    return [AccountState(row[0], row[1], row[2], row[3]) for row in rows]

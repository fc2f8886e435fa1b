"""Bring a bank's file in: kept, shown, then taken whole; what came before is known and left out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import outbox
from haas.crash import crashpoint
from haas.errors import Conflict, InvalidInput, NotFound
from haas.files import StoredFile, get_file, store_file
from haas.ids import new_id
from haas.tenancy.scope import Tenant, scoped
from invoicing.bank import accounts, queries
from invoicing.bank.files import kind_of
from invoicing.bank.layouts import Layout, Sniffed, fits, sniff
from invoicing.bank.models import BankAccount, BankLine, BankStatement
from invoicing.bank.reader import read_limited
from invoicing.bank.statement import KnownLine, Statement, StatementLine, new_lines

KIND = "bank_statement"
_MEDIA_TYPES = {
    "camt": "application/xml",
    "mt940": "text/plain",
    "ofx": "application/x-ofx",
    "csv": "text/csv",
}
_TEXT_MOST = 2000  # of what banks write into one field


@dataclass(frozen=True, slots=True)
class Found:
    """What one statement of a file would bring in."""

    account: BankAccount
    statement: Statement
    new: Sequence[tuple[StatementLine, str]]  # with their keys
    gap: Decimal | None  # by how much it opens beside the last closing balance; none where nothing is known

    @property
    def known(self) -> int:
        """How many of its lines had come before."""
        return len(self.statement.lines) - len(self.new)


@dataclass(frozen=True, slots=True)
class Reading:
    """A file as it is understood, before anything is brought in."""

    file: StoredFile
    kind: str
    found: Sequence[Found]
    sniffed: Sniffed | None = None  # of a CSV: what was guessed
    layout: Layout | None = None  # of a CSV: how it was read, or is proposed to be
    is_confirmed: bool = True  # false: the layout is a guess that somebody is to look at


def upload(session: Session, tenant: Tenant, *, name: str, content: bytes) -> StoredFile:
    """Keep an uploaded file, if it may be a statement; the same bytes are the same file.

    :raises UnreadableStatement: for what is surely none.
    """
    kind = kind_of(content)
    return store_file(
        session,
        tenant,
        kind=KIND,
        name=name[:120] or f"statement.{kind}",
        media_type=_MEDIA_TYPES[kind],
        content=content,
        once_key=f"bank:{hashlib.sha256(content).hexdigest()}",
    )


def read(
    session: Session,
    tenant: Tenant,
    *,
    file_id: str,
    account_id: str | None = None,
    layout: Layout | None = None,
) -> Reading:
    """Read a kept file against what is there; nothing changes.

    :param account_id: whose it is, where the file does not tell; where it does, they must agree.
    :param layout: how a CSV is to be read; without it, as this account's was before, or as is guessed.
    :raises UnreadableStatement: naming the entry or row.
    :raises InvalidInput: if it is of an account that is not there.
    """
    stored = get_file(session, tenant, file_id=file_id)
    if stored.kind != KIND:
        raise NotFound(f"There is no statement file {file_id}.")
    content = stored.content
    kind = kind_of(content)
    account = accounts.get_account(session, tenant, account_id=account_id) if account_id else None
    sniffed, is_confirmed = None, True
    if kind == "csv":
        if account is None:
            raise InvalidInput("Choose the account: a CSV does not tell it.", field="account_id")
        sniffed = sniff(content)
        before = accounts.layout_of(account)
        if layout is None and before is not None and fits(before, sniffed):
            layout = before
        is_confirmed = layout is not None
        layout = layout or sniffed.layout
        if not is_confirmed and sniffed.doubts:
            return Reading(stored, kind, (), sniffed, layout, is_confirmed=False)
    statements = read_limited(content, layout=layout, currency=account.currency if account else "")
    found = _against_what_is_there(session, tenant, statements, account=account)
    return Reading(stored, kind, found, sniffed, layout, is_confirmed)


def find_sniffed(session: Session, tenant: Tenant, *, file_id: str) -> Sniffed | None:
    """How a kept file seems to be written, if it is a CSV."""
    stored = get_file(session, tenant, file_id=file_id)
    if stored.kind != KIND or kind_of(stored.content) != "csv":
        return None
    return sniff(stored.content)


def bring_in(
    session: Session,
    tenant: Tenant,
    *,
    file_id: str,
    at: datetime,
    account_id: str | None = None,
    layout: Layout | None = None,
) -> list[BankStatement]:
    """Take every statement of the file, or none. A file that was taken before is answered as it was.

    A CSV's layout is kept with the account: next month's file needs no confirmation.

    :raises UnreadableStatement: naming the entry or row.
    :raises Conflict: if a CSV is read by a guess that nobody has confirmed.
    """
    # Whoever brings the same file in beside us waits here, and then finds it done.
    session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(file_id, 0))))
    done = queries.statements_of_file(session, tenant, file_id=file_id)
    if done:
        return list(done)
    reading = read(session, tenant, file_id=file_id, account_id=account_id, layout=layout)
    if not reading.is_confirmed:
        raise Conflict("Confirm how the CSV is to be read first.", field="layout")
    for account in sorted({found.account.id for found in reading.found}):
        accounts.lock_account(session, tenant, account_id=account)
    # Read again behind the locks: another file may have brought the same lines in meanwhile.
    found = _against_what_is_there(
        session,
        tenant,
        [each.statement for each in reading.found],
        account=reading.found[0].account if reading.kind == "csv" else None,
    )
    made = [
        _take(session, tenant, each, file_id=file_id, position=position, at=at)
        for position, each in enumerate(found, start=1)
    ]
    if reading.layout is not None:
        found[0].account.csv_layout = accounts.as_kept(reading.layout)
    session.flush()
    crashpoint("bank_import.before_commit")
    return made


def _against_what_is_there(
    session: Session, tenant: Tenant, statements: Sequence[Statement], *, account: BankAccount | None
) -> list[Found]:
    known_accounts = accounts.list_accounts(session, tenant, closed=True)
    found: list[Found] = []
    seen: dict[str, list[KnownLine]] = {}
    for statement in statements:
        owner = _owner(statement, known_accounts, account)
        known = [
            *queries.known_lines(
                session, tenant, account_id=owner.id, first=statement.first_on, last=statement.last_on
            ),
            *seen.get(owner.id, []),
        ]
        new = new_lines(statement, known=known)
        seen.setdefault(owner.id, []).extend(
            KnownLine(key, statement.kind, line.booked_on, line.amount) for line, key in new
        )
        gap = _gap(
            session, tenant, owner, statement, before=[each for each in found if each.account is owner]
        )
        found.append(Found(owner, statement, new, gap))
    return found


def _owner(statement: Statement, known: Sequence[BankAccount], chosen: BankAccount | None) -> BankAccount:
    if chosen is not None:
        if not accounts.is_called(chosen, statement.account):
            raise InvalidInput(
                f"The file is of account {statement.account[:40]}, not of {chosen.name}.", field="account_id"
            )
        owner = chosen
    else:
        fitting = [
            each for each in known if statement.account and accounts.is_called(each, statement.account)
        ]
        if len(fitting) != 1:
            told = statement.account[:40] or "an account that it does not tell"
            raise InvalidInput(
                f"The file is of {told}: choose the account, or add it first.", field="account_id"
            )
        owner = fitting[0]
    if statement.currency and statement.currency != owner.currency:
        raise InvalidInput(
            f"The file is in {statement.currency}, but {owner.name} is in {owner.currency}.", field="file"
        )
    return owner


def _gap(
    session: Session, tenant: Tenant, owner: BankAccount, statement: Statement, *, before: Sequence[Found]
) -> Decimal | None:
    """How far the opening balance lies from the last closing one: not 0 where a statement is missing."""
    if statement.opening is None or statement.first_on is None:
        return None
    if before:
        last = before[-1].statement.closing
    else:
        last = queries.closing_before(session, tenant, account_id=owner.id, day=statement.first_on)
    return None if last is None else statement.opening - last


def _take(
    session: Session, tenant: Tenant, found: Found, *, file_id: str, position: int, at: datetime
) -> BankStatement:
    statement = found.statement
    made = BankStatement(
        partner_id=tenant.partner_id,
        id=new_id("bst"),
        account_id=found.account.id,
        file_id=file_id,
        position=position,
        kind=statement.kind,
        bank_id=statement.bank_id[:80],
        first_on=statement.first_on,
        last_on=statement.last_on,
        opening=statement.opening,
        closing=statement.closing,
        new_lines=len(found.new),
        known_lines=found.known,
        left_out=statement.left_out,
        imported_at=at,
        actor=tenant.actor,
    )
    session.add(made)
    session.flush()
    rows = [_row(tenant, made, line, key) for line, key in found.new]
    if rows:
        session.execute(sa.insert(BankLine), rows)
    crashpoint("bank_import.inserted")
    outbox.publish(
        session, tenant, "bank.statement_imported", statement_id=made.id, once_key=f"bank_statement:{made.id}"
    )
    return made


def _row(tenant: Tenant, made: BankStatement, line: StatementLine, key: str) -> dict[str, Any]:
    return {
        **{name: told[:_TEXT_MOST] if isinstance(told, str) else told for name, told in asdict(line).items()},
        "partner_id": tenant.partner_id,
        "id": new_id("bln"),
        "account_id": made.account_id,
        "statement_id": made.id,
        "key": key,
        "kind": made.kind,
        "decided_at": None,
    }


def line_of(row: BankLine) -> StatementLine:
    """A kept line as the rules know it."""
    told = {name: getattr(row, name) for name in StatementLine.__dataclass_fields__}
    return StatementLine(**told)


def find_statement(session: Session, tenant: Tenant, *, statement_id: str) -> BankStatement:
    """The statement.

    :raises NotFound: if this tenant has none by that id.
    """
    found = session.scalar(scoped(BankStatement, tenant).where(BankStatement.id == statement_id))
    if found is None:
        raise NotFound(f"There is no bank statement {statement_id}.")
    return found

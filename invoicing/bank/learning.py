"""What matches teach: which account, name or mandate pays for which client; wrong ones are forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from haas.ids import new_id
from haas.tenancy.models import Client
from haas.tenancy.scope import Tenant, scoped
from invoicing import queries as invoices
from invoicing.bank.importing import line_of
from invoicing.bank.matching import Hint, Known, Suggestion, hints_of, suggest
from invoicing.bank.models import OPEN, BankHint, BankLine
from invoicing.bank.names import Names
from invoicing.open_items import OpenItem


def known_for(
    session: Session, tenant: Tenant, *, lines: Sequence[BankLine], items: Sequence[OpenItem] | None = None
) -> Known:
    """What these lines are held against: open invoices, hints on them, names of clients; three queries.

    :param items: the open invoices, where the caller has read them.
    """
    hints = session.scalars(
        scoped(BankHint, tenant)
        .where(sa.tuple_(BankHint.kind, BankHint.key).in_(_told_by(lines)))
        .order_by(BankHint.id)
    )
    clients = session.execute(
        scoped(Client, tenant)
        .where(Client.archived_at.is_(None))
        .with_only_columns(Client.id, Client.name, Client.legal_name)
    )
    return Known(
        items=invoices.open_items(session, tenant) if items is None else items,
        hints=[
            Hint(
                kind=row.kind,
                key=row.key,
                client_id=row.client_id,
                confirmed=row.confirmed,
                refuted=row.refuted,
            )
            for row in hints
        ],
        names=Names({row.id: (row.name, row.legal_name) for row in clients}),
    )


def suggestions(
    session: Session, tenant: Tenant, *, lines: Sequence[BankLine], items: Sequence[OpenItem] | None = None
) -> dict[str, list[Suggestion]]:
    """Line id -> who may have paid, for the open lines among these; three queries, whatever their number.

    :param items: the open invoices, where the caller has read them.
    """
    waiting = [row for row in lines if row.state == OPEN and row.amount > 0]
    if not waiting:
        return {}
    known = known_for(session, tenant, lines=waiting, items=items)
    return {row.id: suggest(line_of(row), known=known) for row in waiting}


def confirm(session: Session, tenant: Tenant, *, line: BankLine, client_ids: set[str], at: datetime) -> None:
    """This line was money of this client. What had said another is refuted; of several nothing is learned."""
    told = hints_of(line_of(line))
    if len(client_ids) != 1 or not told:
        return
    (client_id,) = client_ids
    _count(session, tenant, told=told, client_id=client_id, at=at)
    others = _locked(tenant, sorted(told.items())).where(BankHint.client_id != client_id)
    for row in session.scalars(others):
        row.refuted += 1
        row.changed_at = at
    session.flush()


def refute(session: Session, tenant: Tenant, *, line: BankLine, client_ids: set[str], at: datetime) -> None:
    """It was not: the match was undone. What it had taught is taken back, and counts against it."""
    told = hints_of(line_of(line))
    if not told:
        return
    theirs = _locked(tenant, sorted(told.items())).where(BankHint.client_id.in_(client_ids))
    for row in session.scalars(theirs):
        row.confirmed = max(row.confirmed - 1, 0)
        row.refuted += 1
        row.changed_at = at
    session.flush()


def lock_hints(session: Session, tenant: Tenant, *, lines: Sequence[BankLine]) -> None:
    """What these lines may teach, or show to be wrong; one query."""
    session.scalars(_locked(tenant, _told_by(lines))).all()


def _told_by(lines: Sequence[BankLine]) -> list[tuple[str, str]]:
    return sorted({told for line in lines for told in hints_of(line_of(line)).items()})


def _locked(tenant: Tenant, told: Sequence[tuple[str, str]]) -> sa.Select[BankHint]:
    return (
        scoped(BankHint, tenant)
        .where(sa.tuple_(BankHint.kind, BankHint.key).in_(told))
        .order_by(BankHint.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def _count(session: Session, tenant: Tenant, *, told: dict[str, str], client_id: str, at: datetime) -> None:
    """Once more right."""
    rows = [
        {
            "partner_id": tenant.partner_id,
            "id": new_id("bht"),
            "kind": kind,
            "key": key,
            "client_id": client_id,
            "confirmed": 1,
            "refuted": 0,
            "changed_at": at,
        }
        for kind, key in sorted(told.items())
    ]
    statement = insert(BankHint).values(rows)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["partner_id", "kind", "key", "client_id"],
            set_={
                "confirmed": BankHint.confirmed + 1,
                "changed_at": at,
            },
        )
    )

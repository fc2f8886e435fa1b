"""Append-only, hash-chained record of every change: who, what, before, after.

The rows are written by a trigger on each table (`haas/migrations/ddl.py`), so no door can forget; this
module reads them, checks the chain, and notes what is not a change of a row (a sign-in, an export).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from haas.db import Base

OPERATOR_CHAIN = "operator"  # rows that belong to no partner


class AuditEntry(Base):
    """One change of one row, or one act worth remembering."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        sa.Index("ix_audit_entry_subject", "chain", "subject", "subject_id"),
        sa.Index("ix_audit_entry_recent", "chain", "id"),
        sa.Index("ix_audit_entry_transaction", "transaction_id"),
    )

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(always=True), primary_key=True)
    chain: Mapped[str]  # the partner, or `operator`
    transaction_id: Mapped[int] = mapped_column(sa.BigInteger)
    at: Mapped[datetime]
    actor: Mapped[str]
    door: Mapped[str]
    request_id: Mapped[str]
    action: Mapped[str]  # insert | update | delete | a word of the code's own
    subject: Mapped[str]  # the table
    subject_id: Mapped[str]
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB)


class AuditLink(Base):
    """An entry's place in its partner's chain; the hash covers the entry and the link before it."""

    __tablename__ = "audit_link"
    __table_args__ = (sa.UniqueConstraint("entry_id"),)

    chain: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True)
    entry_id: Mapped[int] = mapped_column(sa.ForeignKey("audit_entry.id"))
    hash: Mapped[bytes]


class AuditHead(Base):
    """The newest link of a chain; locked only while a transaction commits."""

    __tablename__ = "audit_head"

    chain: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(sa.BigInteger)
    hash: Mapped[bytes]


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What a check of a chain found. `broken_at` is the first link that does not hold."""

    chain: str
    links: int
    broken_at: int | None
    head: str


def note(
    session: Session,
    *,
    action: str,
    subject: str,
    subject_id: str,
    details: Mapping[str, Any],
) -> None:
    """Record an act that changes no row by itself: signed in, exported, looked at a secret."""
    session.execute(
        sa.text("select haas_audit_note(:action, :subject, :subject_id, cast(:details as jsonb))"),
        {
            "action": action,
            "subject": subject,
            "subject_id": subject_id,
            "details": json.dumps(details, default=str),
        },
    )


def verify(session: Session, *, chain: str) -> ChainReport:
    """Recompute every link of `chain` in the database and compare."""
    links, broken_at, head = session.execute(
        sa.text("select links, broken_at, encode(head, 'hex') from haas_audit_verify(:chain)"),
        {"chain": chain},
    ).one()
    return ChainReport(chain=chain, links=links, broken_at=broken_at, head=head or "")

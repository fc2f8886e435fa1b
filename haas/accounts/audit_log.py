"""Reading the audit trail: found by subject, actor and day; readable; exported; its chain verified."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import audit
from haas.audit import AuditEntry, ChainReport
from haas.auth.models import ApiToken, User
from haas.calendar import start_of_day
from haas.errors import TooLarge
from haas.outbox import OutboxEvent
from haas.rest.paging import Page, Sort, fetch_page
from haas.tenancy.scope import Tenant, scoped

# The id alone is unique; the second column only completes the pair that a cursor is made of.
NEWEST_FIRST = Sort(AuditEntry.id, AuditEntry.subject_id, descending=True)
EXPORT_MAX = 50_000

EXPORT_HEADER = (
    "entry",
    "at",
    "actor",
    "actor_name",
    "door",
    "action",
    "subject",
    "subject_id",
    "before",
    "after",
    "request",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which entries are meant; days are calendar days of the partner's zone, the last one included."""

    subject: str = ""
    subject_id: str = ""
    actor: str = ""
    action: str = ""
    from_day: date | None = None
    to_day: date | None = None
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Change:
    """One field before and after; for what was made or deleted, one side is none."""

    field: str
    before: str | None
    after: str | None


def list_entries(
    session: Session, tenant: Tenant, *, wanted: Filter, cursor: str | None, limit: int
) -> Page[AuditEntry]:
    """One page of entries, newest first."""
    return fetch_page(session, _select(tenant, wanted), sort=NEWEST_FIRST, cursor=cursor, limit=limit)


def export_rows(session: Session, tenant: Tenant, *, wanted: Filter) -> Iterator[tuple[Any, ...]]:
    """The filtered entries as rows under `EXPORT_HEADER`, oldest first; the export itself is noted.

    :raises TooLarge: for more than 50,000 entries: narrow the days.
    """
    statement = _select(tenant, wanted)
    count = session.scalar(sa.select(sa.func.count()).select_from(statement.limit(EXPORT_MAX + 1).subquery()))
    if (count or 0) > EXPORT_MAX:
        raise TooLarge(f"More than {EXPORT_MAX:,} entries; choose fewer days.")
    names = _Names(session, tenant)
    entries = session.scalars(statement.order_by(AuditEntry.id)).all()
    audit.note(
        session,
        action="exported",
        subject="audit_entry",
        subject_id="",
        details={"entries": len(entries), "filter": _filter_words(wanted)},
    )
    for entry in entries:
        yield (
            entry.id,
            entry.at,
            entry.actor,
            names.of(entry.actor),
            entry.door,
            entry.action,
            entry.subject,
            entry.subject_id,
            _json(entry.before),
            _json(entry.after),
            entry.request_id,
        )


def verify_chain(session: Session, tenant: Tenant) -> ChainReport:
    """Recompute the partner's whole chain and note that it was done."""
    report = audit.verify(session, chain=tenant.partner_id)
    audit.note(
        session,
        action="chain_verified",
        subject="audit_link",
        subject_id="",
        details={"links": report.links, "broken_at": report.broken_at, "head": report.head},
    )
    return report


def last_anchor(session: Session, tenant: Tenant) -> dict[str, Any] | None:
    """What the last nightly anchor said: day, links, head; none before the first night."""
    event = session.scalar(
        scoped(OutboxEvent, tenant)
        .where(OutboxEvent.name == "audit.anchored")
        .order_by(OutboxEvent.id.desc())
        .limit(1)
    )
    return dict(event.payload) if event is not None else None


def changes_of(entry: AuditEntry) -> list[Change]:
    """What the entry says happened to each field, by name."""
    before, after = entry.before or {}, entry.after or {}
    return [
        Change(
            field,
            _words(before[field]) if field in before else None,
            _words(after[field]) if field in after else None,
        )
        for field in sorted(set(before) | set(after))
        if field != "partner_id"
    ]


def actor_names(session: Session, tenant: Tenant, actors: Iterable[str]) -> dict[str, str]:
    """The names behind `usr_…` and `tok_…`; others stand for themselves."""
    names = _Names(session, tenant)
    return {actor: names.of(actor) for actor in set(actors)}


def subjects(session: Session, tenant: Tenant) -> list[str]:
    """Which tables the partner's trail tells of; hops over the index rather than reading it all."""
    hop = sa.text(
        "with recursive hop(subject) as ("
        " (select subject from audit_entry where chain = :chain order by subject limit 1)"
        " union all select (select a.subject from audit_entry a where a.chain = :chain"
        " and a.subject > hop.subject order by a.subject limit 1) from hop where hop.subject is not null"
        ") select subject from hop where subject is not null"
    )
    return list(session.scalars(hop, {"chain": tenant.partner_id}))


class _Names:
    def __init__(self, session: Session, tenant: Tenant) -> None:
        people = sa.select(User.id, User.name).where(User.partner_id == tenant.partner_id)
        tokens = sa.select(ApiToken.id, ApiToken.name).where(ApiToken.partner_id == tenant.partner_id)
        self._known = {row[0]: row[1] for row in session.execute(people.union_all(tokens))}

    def of(self, actor: str) -> str:
        return self._known.get(actor, actor)


def _select(tenant: Tenant, wanted: Filter) -> sa.Select[AuditEntry]:
    statement = sa.select(AuditEntry).where(AuditEntry.chain == tenant.partner_id)
    for column, value in (
        (AuditEntry.subject, wanted.subject),
        (AuditEntry.subject_id, wanted.subject_id),
        (AuditEntry.actor, wanted.actor),
        (AuditEntry.action, wanted.action),
    ):
        if value:
            statement = statement.where(column == value)
    if wanted.from_day is not None:
        statement = statement.where(AuditEntry.at >= start_of_day(wanted.from_day, wanted.zone))
    if wanted.to_day is not None:
        after = date.fromordinal(wanted.to_day.toordinal() + 1)
        statement = statement.where(AuditEntry.at < start_of_day(after, wanted.zone))
    return statement


def _words(value: Any) -> str:
    if value is None:
        return "—"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _json(value: dict[str, Any] | None) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _filter_words(wanted: Filter) -> dict[str, str]:
    fields = ("subject", "subject_id", "actor", "action", "from_day", "to_day")
    return {name: str(value) for name in fields if (value := getattr(wanted, name))}

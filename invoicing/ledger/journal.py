"""Facts -> balanced entries, set-based: one statement writes entries and lines of all that was not posted.

A source of facts is a SELECT with one row for each side of an entry (`COLUMNS`). What is posted is left out
by the entry's own key, so that a second run finds nothing to do; a rival run fails on the unique key.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.calendar import add_months
from haas.ids import new_id
from haas.tenancy.scope import Tenant
from invoicing.ledger import periods
from invoicing.ledger.chart import Book, period_for
from invoicing.ledger.models import JournalEntry, LedgerPurpose

COLUMNS = (
    "source_id, key, dated_on, currency, reference, purpose, amount,"
    " asset_class, client_id, lease_id, asset_id, source_kind"
)

_WANTED = """
with facts ({columns}) as ({facts}),
wanted as materialized (
  select f.*, greatest(date_trunc('month', f.dated_on)::date, cast(:first_open as date)) as period
    from facts f where f.amount <> 0 and f.dated_on < :until
)
"""

# Numbered by sorting, not joined, and accounts looked up in one value: the planner knows nothing of how many
# rows a fact has, and would loop over all of them for each account.
_POST = """,
sides as (
  select source_kind, source_id, key, currency, purpose, asset_class, client_id, lease_id, asset_id,
         sum(amount) as amount, min(dated_on) as dated_on, min(period) as period, min(reference) as reference
    from wanted
   group by source_kind, source_id, key, currency, purpose, asset_class, client_id, lease_id, asset_id
  having sum(amount) <> 0
),
numbered as materialized (
  select s.source_kind, s.source_id, s.key, s.currency, s.purpose, s.asset_class, s.client_id, s.lease_id,
         s.asset_id, s.amount, min(s.dated_on) over source as dated_on, min(s.period) over source as period,
         min(s.reference) over source as reference,
         row_number() over (source order by s.amount < 0, s.purpose, s.asset_class, s.lease_id) as position,
         :stem || lpad(to_hex(dense_rank() over (
           order by s.source_kind, s.source_id, s.key, s.currency)), 6, '0') as id
    from sides s
  window source as (partition by s.source_kind, s.source_id, s.key, s.currency)
),
entries as (
  insert into journal_entry (partner_id, id, book, period, dated_on, currency, source_kind, source_id, key,
    reference, run_id, posted_at, posted_by)
  select :partner, id, :book, period, dated_on, currency, source_kind, source_id, key, reference, :run_id,
         :at, :actor
    from numbered where position = 1
  returning id
),
lines as (
  insert into journal_line (partner_id, entry_id, position, book, period, currency, account_id, purpose,
    amount, asset_class, client_id, lease_id, asset_id)
  select :partner, n.id, n.position, :book, n.period, n.currency, a.account_of ->> n.purpose, n.purpose,
         n.amount, n.asset_class, n.client_id, n.lease_id, n.asset_id
    from numbered n cross join (select jsonb_object_agg(p.purpose, p.account_id) as account_of
                                  from ledger_purpose p where p.partner_id = :partner) a
  returning amount
)
select (select count(*) from entries), coalesce(sum(amount) filter (where amount > 0), 0) from lines
"""

# Not a bare `not exists`: that becomes a join, which the planner loops because it takes the policies of
# row-level security for strict: every paper against every entry.
_NOT_POSTED = (
    "case when exists (select from journal_entry e where e.partner_id = :partner and e.book = :book"
    " and e.source_kind = '{kind}' and e.source_id = {source_id} and e.key = {key}) then false else true end"
)

LAST_OF_ALL = ""  # no last id: what is behind every id is not the same in every collation

# A floor that is never above a real month: greatest() leaves nulls out, but a date is plainer.
BEFORE_ALL = date(1900, 1, 1)

_PREVIEW = """
select source_kind, currency, count(distinct (source_id, key)), sum(amount) filter (where amount > 0)
  from wanted group by source_kind, currency order by source_kind, currency
"""


@dataclass(frozen=True, slots=True)
class Source:
    """A statement that reads facts of kinds that belong together, for the books that have them."""

    name: str
    books: tuple[Book, ...]
    facts: str
    # What is not posted, as sorted ids, which a run shares out: facts are of those after one up to another.
    ids: str = ""


@dataclass(frozen=True, slots=True)
class Unposted:
    """What a run would post of one kind in one currency."""

    kind: str
    currency: str
    entries: int
    amount: Decimal  # the debits


@dataclass(frozen=True, slots=True)
class Posted:
    """What was posted: entries, and the sum of their debits (over all currencies, for the audit note)."""

    entries: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Side:
    """One side of an entry that a rule computed."""

    purpose: str
    amount: Decimal  # debit positive
    client_id: str | None = None
    lease_id: str | None = None
    asset_id: str | None = None
    asset_class: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry that a rule computed, not posted yet."""

    source_id: str
    key: str
    dated_on: date
    currency: str
    reference: str
    sides: Sequence[Side] = field(default_factory=tuple)

    @property
    def debits(self) -> Decimal:
        """The sum of its debits."""
        return sum((max(side.amount, Decimal(0)) for side in self.sides), Decimal(0))


def not_posted(kind: str, source_id: str, key: str) -> str:
    """The condition of a source that what has this id and this key, both as SQL, is not in the book yet."""
    return _NOT_POSTED.format(kind=kind, source_id=source_id, key=key)


def first_open(session: Session, tenant: Tenant, *, book: Book) -> date | None:
    """The first month that takes entries; none if no month was ever locked.

    Holds the book's key until the transaction ends: nobody locks a month while it is posted to.
    """
    session.execute(
        sa.select(
            sa.func.pg_advisory_xact_lock_shared(sa.func.haas_ledger_lock_key(tenant.partner_id, book.value))
        )
    )
    locked = periods.last_locked(session, tenant, book=book)
    return None if locked is None else add_months(locked, 1)


def post(
    session: Session,
    tenant: Tenant,
    *,
    source: Source,
    book: Book,
    until: date,
    run_id: str | None,
    at: datetime,
    after_id: str = "",
    last_id: str = LAST_OF_ALL,
) -> Posted:
    """Post all that `source` tells of before the day `until`, in as many entries as there are keys.

    Of a source that is shared out, only what is behind `after_id` up to `last_id`.
    """
    row = session.execute(
        sa.text(_WANTED.format(columns=COLUMNS, facts=source.facts) + _POST),
        {
            "partner": tenant.partner_id,
            "book": book.value,
            "until": until,
            "first_open": first_open(session, tenant, book=book) or BEFORE_ALL,
            "stem": new_id("jen")[:-6],
            "run_id": run_id,
            "at": at,
            "actor": tenant.actor,
            "after_id": after_id,
            "last_id": last_id,
        },
    ).one()
    return Posted(int(row[0]), Decimal(row[1]))


def preview(
    session: Session,
    tenant: Tenant,
    *,
    sources: Sequence[Source],
    book: Book,
    until: date,
    first_open: date,
) -> list[Unposted]:
    """What `post` would write of all `sources`, by kind and currency: one query."""
    facts = " union all ".join(f"({source.facts})" for source in sources)
    found = session.execute(
        sa.text(_WANTED.format(columns=COLUMNS, facts=facts) + _PREVIEW),
        {
            "partner": tenant.partner_id,
            "book": book.value,
            "until": until,
            "first_open": first_open,
            "after_id": "",
            "last_id": LAST_OF_ALL,
        },
    )
    return [
        Unposted(kind, currency, entries, amount or Decimal(0)) for kind, currency, entries, amount in found
    ]


def sum_drafts(drafts: Iterable[tuple[str, Draft]]) -> list[Unposted]:
    """What `post_drafts` would write of entries, each told with its kind, by kind and currency."""
    found: dict[tuple[str, str], list[Decimal]] = defaultdict(list)
    for kind, draft in drafts:
        found[kind, draft.currency].append(draft.debits)
    return [Unposted(*key, len(debits), sum(debits, Decimal(0))) for key, debits in sorted(found.items())]


def shares_of(
    session: Session, tenant: Tenant, *, source: Source, book: Book, until: date, size: int
) -> list[tuple[str, str, int]]:
    """(id before the first, last id, number) of what `source` has to post, about `size` at a time.

    They touch, and the last is open: what comes to be after this is in one of them, too.
    """
    if not source.ids:
        return [("", LAST_OF_ALL, 0)]
    ids = session.scalars(
        sa.text(source.ids), {"partner": tenant.partner_id, "book": book.value, "until": until}
    ).all()
    lasts = [last_id for _, last_id, _ in ranges_of(ids, size=size)][:-1]
    parts = list(zip(["", *lasts], [*lasts, LAST_OF_ALL], strict=True))
    return [(*part, min(size, len(ids) - place * size)) for place, part in enumerate(parts)]


def ranges_of(ids: Sequence[str], *, size: int) -> list[tuple[str, str, int]]:
    """(first id, last id, number) of sorted ids, `size` at a time."""
    parts = [ids[at : at + size] for at in range(0, len(ids), size)]
    return [(part[0], part[-1], len(part)) for part in parts]


def post_drafts(
    session: Session,
    tenant: Tenant,
    *,
    kind: str,
    book: Book,
    drafts: Sequence[Draft],
    run_id: str | None,
    at: datetime,
) -> Posted:
    """Post entries that a rule computed; their keys are new, or the database refuses them."""
    opened = first_open(session, tenant, book=book)
    accounts: dict[str, str] = dict(
        session.execute(
            sa.select(LedgerPurpose.purpose, LedgerPurpose.account_id).where(
                LedgerPurpose.partner_id == tenant.partner_id
            )
        ).all()
    )
    stem, total = new_id("jen")[:-6], Decimal(0)
    entries: list[dict[str, Any]] = []
    lines: list[dict[str, Any]] = []
    for number, draft in enumerate(drafts, start=1):
        sides = [side for side in draft.sides if side.amount]
        if not sides:
            continue
        own: dict[str, Any] = {
            "partner_id": tenant.partner_id,
            "book": book.value,
            "period": period_for(draft.dated_on, first_open=opened),
            "currency": draft.currency,
        }
        entry_id = f"{stem}{number:06x}"
        entries.append(
            {
                **own,
                "id": entry_id,
                "dated_on": draft.dated_on,
                "source_kind": kind,
                "source_id": draft.source_id,
                "key": draft.key,
                "reference": draft.reference,
                "run_id": run_id,
                "posted_at": at,
                "posted_by": tenant.actor,
            }
        )
        for position, side in enumerate(sides, start=1):
            lines.append(
                {
                    "book": book.value,
                    "period": own["period"].isoformat(),
                    "currency": draft.currency,
                    "entry_id": entry_id,
                    "position": position,
                    "account_id": accounts[side.purpose],
                    "purpose": side.purpose,
                    "amount": str(side.amount),
                    "asset_class": side.asset_class,
                    "client_id": side.client_id,
                    "lease_id": side.lease_id,
                    "asset_id": side.asset_id,
                }
            )
        total += draft.debits
    if entries:
        session.execute(sa.insert(JournalEntry), entries)
        # One statement for all: the trigger that asks for balance looks at whole statements.
        session.execute(_INSERT_LINES, {"partner": tenant.partner_id, "lines": json.dumps(lines)})
    return Posted(len(entries), total)


_INSERT_LINES = sa.text("""
insert into journal_line (partner_id, entry_id, position, book, period, currency, account_id, purpose, amount,
  asset_class, client_id, lease_id, asset_id)
select :partner, l.* from jsonb_to_recordset(cast(:lines as jsonb)) as l(entry_id text, position integer,
  book text, period date, currency text, account_id text, purpose text, amount numeric, asset_class text,
  client_id text, lease_id text, asset_id text)
""")

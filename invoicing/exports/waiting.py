"""What stands in no batch of a family yet: asked of the rows themselves, so that no late-comer is missed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.tenancy.scope import Tenant
from invoicing.exports.contents import ITEM_KINDS, MONEY_KINDS, Content, ItemKind
from invoicing.exports.mapping import BAD_DEBT, Key, MapKind, bank_key, line_key, tax_key

# By what is claimed and not by dates alone: a row that is committed late has no item, whatever its date.
_FREE = (
    "(cast(:begins_on as date) is null or {day} >= :begins_on)"
    " and (cast(:until as date) is null or {day} < :until)"
    " and not exists (select from export_item x where x.partner_id = :partner and x.family = :family"
    " and x.item_kind = '{kind}' and x.item_id = {id} and not x.is_reversal and x.released_by_id is null)"
)
# (rows, the day they are dated, their id)
_ROWS = {
    ItemKind.INVOICE: (
        (
            "select 'invoice' as item_kind, i.id, i.number, i.issued_on as dated_on, i.total as amount,"
            " i.currency from invoice i where i.partner_id = :partner"
            " and i.kind in ('invoice', 'credit_note')"
            " and (not cast(:rendered as boolean) or i.pdf_file_id is not null)"
        ),
        "i.issued_on",
        "i.id",
    ),
    ItemKind.RECEIPT: (
        (
            "select 'receipt' as item_kind, r.id, r.reference as number, r.received_on as dated_on, r.amount,"
            " r.currency from receipt r where r.partner_id = :partner"
        ),
        "r.received_on",
        "r.id",
    ),
    ItemKind.RETURN: (
        (
            "select 'receipt_reversal' as item_kind, v.id, v.reference as number, v.reversed_on as dated_on,"
            " -v.amount as amount, v.currency from receipt_reversal v where v.partner_id = :partner"
        ),
        "v.reversed_on",
        "v.id",
    ),
    ItemKind.REFUND: (
        (
            "select 'refund' as item_kind, f.id, coalesce(nullif(f.reference, ''), f.id) as number,"
            " f.settled_on as dated_on, -f.amount as amount, f.currency"
            " from refund f where f.partner_id = :partner and f.state in ('paid', 'returned')"
        ),
        "f.settled_on",
        "f.id",
    ),
    ItemKind.REFUND_RETURN: (
        (
            "select 'refund_return' as item_kind, f.id || '/returned' as id,"
            " coalesce(nullif(f.reference, ''), f.id) || '/returned' as number, f.returned_on as dated_on,"
            " f.amount, f.currency from refund f where f.partner_id = :partner and f.state = 'returned'"
        ),
        "f.returned_on",
        "f.id || '/returned'",
    ),
    ItemKind.ENTRY: (
        (
            "select 'entry' as item_kind, e.id, e.reference as number, e.dated_on,"
            " (select sum(l.amount) from journal_line l"
            " where l.partner_id = e.partner_id and l.entry_id = e.id and l.amount > 0) as amount, e.currency"
            " from journal_entry e where e.partner_id = :partner and e.book = 'financial'"
        ),
        "e.dated_on",
        "e.id",
    ),
}
_SELECTS = {
    kind: f"{rows} and {_FREE.format(day=day, kind=kind.value, id=own_id)}"
    for kind, (rows, day, own_id) in _ROWS.items()
}

# What a credit by hand gives back is named as what it corrects.
_LINE_KEYS = """
select distinct coalesce(o.kind, l.kind), l.tax_category, l.tax_rate_pct,
       coalesce(nullif(i.document->'buyer'->>'country', ''), c.country)
  from invoice_line l
  join invoice i on i.partner_id = l.partner_id and i.id = l.invoice_id
  join client c on c.partner_id = i.partner_id and c.id = i.client_id
  left join invoice_line o on l.kind = 'manual' and o.partner_id = l.partner_id and o.id = l.source_id
 where l.partner_id = :partner and l.invoice_id = any(:ids)
"""
_ALLOWANCE_KEYS = """
select distinct case when (a->>'amount')::numeric < 0 then 'allowance' else 'charge' end,
       a->>'tax_category', (a->>'tax_rate_pct')::numeric,
       coalesce(nullif(i.document->'buyer'->>'country', ''), c.country)
  from invoice i
  join client c on c.partner_id = i.partner_id and c.id = i.client_id
 cross join lateral jsonb_array_elements(i.document->'allowances') a
 where i.partner_id = :partner and i.id = any(:ids)
"""
_METHODS = """
select method, false from receipt where partner_id = :partner and id = any(:ids)
union select r.method, v.shortfall > 0 from receipt_reversal v
  join receipt r on r.partner_id = v.partner_id and r.id = v.receipt_id
 where v.partner_id = :partner and v.id = any(:ids)
union select channel, false from refund where partner_id = :partner
   and id in (select split_part(item, '/', 1) from unnest(cast(:ids as text[])) item)
"""
_CLIENTS = """
select c.id, c.number, c.name, c.legal_name from client c
 where c.partner_id = :partner and c.id in (
   select client_id from invoice where partner_id = :partner and id = any(:invoices)
   union select client_id from receipt where partner_id = :partner and id = any(:money)
   union select client_id from receipt_reversal where partner_id = :partner and id = any(:money)
   union select client_id from refund where partner_id = :partner
     and id in (select split_part(item, '/', 1) from unnest(cast(:money as text[])) item))
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One row that a batch would take."""

    item_kind: ItemKind
    id: str
    number: str
    dated_on: date
    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Waits:
    """How much waits in one currency."""

    currency: str
    items: int
    amount: Decimal
    oldest_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which rows a batch takes."""

    family: str
    content: Content
    begins_on: date | None = None
    until: date | None = None
    rendered: bool = False  # only documents whose PDF is there


def list_waiting(session: Session, tenant: Tenant, *, wanted: Wanted, most: int) -> list[Waiting]:
    """The oldest rows first, at most so many; what is left waits for the next batch."""
    found = session.execute(
        sa.text(f"{_union(wanted)} order by dated_on, number, id limit :most"),
        {**_given(tenant, wanted), "most": most},
    )
    return [Waiting(ItemKind(kind), *rest) for kind, *rest in found]


def count_waiting(session: Session, tenant: Tenant, *, wanted: Wanted) -> list[Waits]:
    """How much waits, by currency; one query."""
    found = session.execute(
        sa.text(
            "select currency, count(*), sum(amount), min(dated_on)"
            f" from ({_union(wanted)}) w group by currency order by currency"  # nosec B608 # words of ours
        ),
        _given(tenant, wanted),
    )
    return [Waits(currency, items, amount, oldest) for currency, items, amount, oldest in found]


def keys_of(session: Session, tenant: Tenant, *, rows: Sequence[Waiting], taxes: bool) -> set[Key]:
    """The keys of lines, taxes and methods that the rows hold; at most three queries."""
    own = {"partner": tenant.partner_id}
    invoices, moved = ids_of(rows, ItemKind.INVOICE), ids_of(rows, *MONEY_KINDS)
    found: set[Key] = set()
    for statement in (_LINE_KEYS, _ALLOWANCE_KEYS) if invoices else ():
        for kind, category, rate, country in session.execute(sa.text(statement), {**own, "ids": invoices}):
            found.add((MapKind.ACCOUNT, line_key(kind)))
            if taxes:
                found.add((MapKind.TAX, tax_key(category, Decimal(rate), country)))
    if moved:
        for method, is_lost in session.execute(sa.text(_METHODS), {**own, "ids": moved}):
            found.add((MapKind.ACCOUNT, bank_key(method)))
            if is_lost:
                found.add((MapKind.ACCOUNT, BAD_DEBT))
    return found


def clients_of(
    session: Session, tenant: Tenant, *, rows: Sequence[Waiting]
) -> list[tuple[str, str, str, str]]:
    """(id, number, name, legal name) of every client that the rows name; one query."""
    found = session.execute(
        sa.text(_CLIENTS),
        {
            "partner": tenant.partner_id,
            "invoices": ids_of(rows, ItemKind.INVOICE),
            "money": ids_of(rows, *MONEY_KINDS),
        },
    )
    return [(row[0], row[1], row[2], row[3]) for row in found]


def ids_of(rows: Sequence[Waiting], *kinds: ItemKind) -> list[str]:
    """The ids of some kinds, in the order of the rows."""
    return [row.id for row in rows if row.item_kind in kinds]


def _union(wanted: Wanted) -> str:
    return " union all ".join(_SELECTS[kind] for kind in ITEM_KINDS[wanted.content])


def _given(tenant: Tenant, wanted: Wanted) -> dict[str, object]:
    return {
        "partner": tenant.partner_id,
        "family": wanted.family,
        "begins_on": wanted.begins_on,
        "until": wanted.until,
        "rendered": wanted.rendered,
    }

"""Depreciation, posted by SQL from the books' plans: charge = planned so far less posted so far.

So a month is charged once whatever runs twice, a locked month stays as it is, what was missed comes in the
first open one, and a plan that changed is caught up from the next month on. What a plan charges for months
in which the asset was leased out for good is left out of the financial book.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.calendar import add_months
from haas.ids import new_id
from haas.tenancy.scope import Tenant
from invoicing.ledger.chart import Book
from invoicing.ledger.finance_facts import AWAY
from invoicing.ledger.journal import BEFORE_ALL, Posted, Unposted, first_open
from invoicing.ledger.models import DepreciationPosting

STEP = "depreciation"

# The newest posting of a book is looked for where it is for nearly all of them: side by side in the month
# that was posted last; else at the end of its plan; and only then wherever it may be.
_CHARGES_BY_MONTH = """
with away as (
  select asset_id, array_agg(first_month) as outs, array_agg(last_month) as backs
    from ({away}) f where :book = 'financial' group by asset_id
),
planned as (
  select b.id, b.currency, m.category, date_trunc('month', p.first_month)::date as first_month, p.totals,
         p.places, (date_trunc('month', p.first_month)
           + make_interval(months => cardinality(p.totals) - 1))::date as last_month, w.outs, w.backs
    from depreciation_book b
    join depreciation_plan p on p.partner_id = b.partner_id and p.book_id = b.id
    join asset a on a.partner_id = b.partner_id and a.id = b.asset_id
    join hardware_model m on m.partner_id = a.partner_id and m.id = a.model_id
    left join away w on w.asset_id = b.asset_id
   where b.partner_id = :partner and b.name = :name and b.id between :first_id and :last_id
     and p.first_month < :until and cardinality(p.totals) > 0
),
standing as (
  select n.*, coalesce(v.accumulated, e.accumulated, o.accumulated, 0) as accumulated,
         coalesce(v.period, e.period, o.period) as posted_until
    from planned n
    left join depreciation_posting v on v.partner_id = :partner and v.book = :book and v.period = :newest
      and v.book_id = n.id
    left join lateral (
      select d.accumulated, d.period from depreciation_posting d
       where v.book_id is null and d.partner_id = :partner and d.book = :book and d.period = n.last_month
         and n.last_month < :newest and d.book_id = n.id
       limit 1) e on true
    left join lateral (
      select d.accumulated, d.period from depreciation_posting d
       where v.book_id is null and e.period is null and d.partner_id = :partner and d.book_id = n.id
       order by d.period desc limit 1) o on true
),
totals as (
  select s.id, s.currency, s.category, s.accumulated, g.period::date as period,
         ({by_period} - case when s.outs is null then 0 else (
           select coalesce(sum(coalesce({by_back}, 0) - coalesce({by_out}, 0)), 0)
             from unnest(s.outs, s.backs) u(since, back)
            where u.since <= g.period and u.since <= u.back) end
         )::numeric(18, 3) / (10 ^ s.places)::int as total
    from standing s cross join lateral generate_series(
      greatest(s.first_month, cast(:first_open as date),
        (s.posted_until + interval '1 month')::date)::timestamp,
      cast(:month as timestamp), interval '1 month') g(period)
),
charges as materialized (
  select id, currency, category, period, total,
         total - lag(total, 1, accumulated) over (partition by id order by period) as charge
    from totals
)
"""


def _total(month: str) -> str:
    """What a plan comes to by the end of a month, in minor units; nothing before its first."""
    return f"""s.totals[least(cardinality(s.totals), 1 + (extract(year from {month})::int * 12
           + extract(month from {month})::int) - (extract(year from s.first_month)::int * 12
           + extract(month from s.first_month)::int))]"""


_CHARGES = _CHARGES_BY_MONTH.format(
    away=AWAY,
    by_period=_total("g.period"),
    by_back=_total("least(u.back, g.period)"),
    by_out=_total("(u.since - interval '1 month')"),
)

_POST = """,
postings as (
  insert into depreciation_posting (partner_id, book, period, book_id, charge, accumulated, posted_at)
  select :partner, :book, period, id, charge, total, :at from charges where charge <> 0
),
sums as materialized (
  select period, currency, category, count(*) as items, sum(charge) as amount
    from charges where charge <> 0 group by period, currency, category
),
heads as materialized (
  select period, currency, :stem || lpad(to_hex(row_number() over (order by period, currency)), 6, '0') as id
    from sums group by period, currency
),
entries as (
  insert into journal_entry (partner_id, id, book, period, dated_on, currency, source_kind, source_id, key,
    reference, run_id, posted_at, posted_by)
  select :partner, id, :book, period, (period + interval '1 month' - interval '1 day')::date, currency,
         'depreciation', :chunk_id, to_char(period, 'YYYY-MM') || ':' || currency, to_char(period, 'YYYY-MM'),
         :run_id, :at, :actor
    from heads
),
lines as (
  insert into journal_line (partner_id, entry_id, position, book, period, currency, account_id, purpose,
    amount, asset_class)
  select :partner, h.id, row_number() over (partition by h.id order by d.sign desc, s.category), :book,
         s.period, s.currency, p.account_id, d.purpose, d.sign * s.amount, s.category
    from sums s join heads h using (period, currency)
    cross join (values ('depreciation', 1), ('accumulated_depreciation', -1)) d(purpose, sign)
    join ledger_purpose p on p.partner_id = :partner and p.purpose = d.purpose
   where s.amount <> 0
)
select coalesce(sum(items), 0), coalesce(sum(amount), 0) from sums
"""

_PREVIEW = """
select currency, count(*), sum(charge) from charges where charge <> 0 group by currency order by currency
"""

_RANGES = """
select min(id), max(id), count(*) from (
  select id, (row_number() over (order by id) - 1) / :size as part from depreciation_book
   where partner_id = :partner and name = :name and in_service_on < :until
) b group by part order by part
"""


_ENDS = """
select min(id), max(id),
       (select max(period) from depreciation_posting where partner_id = :partner and book = :book)
  from depreciation_book
 where partner_id = :partner and name = :name and in_service_on < :until
"""


def ranges(
    session: Session, tenant: Tenant, *, book: Book, month: date, size: int
) -> list[tuple[str, str, int]]:
    """(first id, last id, number) of the depreciation books in service by a month, `size` at a time."""
    rows = session.execute(
        sa.text(_RANGES),
        {
            "partner": tenant.partner_id,
            "name": book.depreciation_name,
            "until": add_months(month, 1),
            "size": size,
        },
    )
    return [(first, last, int(number)) for first, last, number in rows]


def post(
    session: Session,
    tenant: Tenant,
    *,
    book: Book,
    month: date,
    first_id: str,
    last_id: str,
    chunk_id: str,
    run_id: str,
    at: datetime,
) -> Posted:
    """Charge a range of books for every open month up to `month`: a row each, an entry with their sums."""
    values = _values(session, tenant, book=book, month=month, first_id=first_id, last_id=last_id)
    _join_by_hash(session, only=True)
    row = session.execute(
        sa.text(_CHARGES + _POST),
        {
            **values,
            "stem": new_id("jen")[:-6],
            "chunk_id": chunk_id,
            "run_id": run_id,
            "at": at,
            "actor": tenant.actor,
        },
    ).one()
    _join_by_hash(session, only=False)
    return Posted(int(row[0]), Decimal(row[1]))


def preview(session: Session, tenant: Tenant, *, book: Book, month: date, first_open: date) -> list[Unposted]:
    """What all books would be charged up to a month, by currency. Two queries."""
    asked: dict[str, Any] = {
        "partner": tenant.partner_id,
        "book": book.value,
        "name": book.depreciation_name,
        "month": month,
        "until": add_months(month, 1),
        "first_open": first_open,
    }
    first_id, last_id, newest = session.execute(sa.text(_ENDS), asked).one()
    if first_id is None:
        return []
    found = session.execute(
        sa.text(_CHARGES + _PREVIEW),
        {**asked, "first_id": first_id, "last_id": last_id, "newest": newest},
    )
    return [Unposted(STEP, currency, int(items), amount) for currency, items, amount in found]


def _join_by_hash(session: Session, *, only: bool) -> None:
    """The planner takes the policies of row-level security for strict and would look each book up by itself.

    Within this transaction alone.
    """
    session.execute(sa.text(f"set local enable_nestloop = {'off' if only else 'on'}"))


def _values(
    session: Session, tenant: Tenant, *, book: Book, month: date, first_id: str, last_id: str
) -> dict[str, Any]:
    return {
        "partner": tenant.partner_id,
        "book": book.value,
        "name": book.depreciation_name,
        "month": month,
        "until": add_months(month, 1),
        "newest": session.scalar(
            sa.select(sa.func.max(DepreciationPosting.period)).where(
                DepreciationPosting.partner_id == tenant.partner_id, DepreciationPosting.book == book
            )
        ),
        "first_id": first_id,
        "last_id": last_id,
        "first_open": first_open(session, tenant, book=book) or BEFORE_ALL,
    }

"""Finance leases, as sets: which assets are out of the books when, and what is put right afterwards."""

from __future__ import annotations

from invoicing.ledger.chart import Book
from invoicing.ledger.journal import Source

# Each asset's time on a recognised line, in whole months: neither that in which it left nor that in which it
# comes back bears depreciation. Without an end it is there yet.
AWAY = """
select s.asset_id, date_trunc('month', greatest(f.recognised_on,
         (lower(s.during) at time zone l.time_zone)::date))::date as first_month,
       coalesce(date_trunc('month', least(n.ends_on, (upper(s.during) at time zone l.time_zone)::date))::date,
         date '9999-01-01') as last_month
  from finance_lease_line f
  join lease l on l.partner_id = f.partner_id and l.id = f.lease_id
  join lease_line n on n.partner_id = f.partner_id and n.id = f.line_id
  join assignment s on s.partner_id = f.partner_id and s.line_id = f.line_id
 where f.partner_id = :partner and lower(s.during) is not null
   and (upper(s.during) is null or (upper(s.during) at time zone l.time_zone)::date > f.recognised_on)"""

# What was billed before anybody knew that the line is a finance lease waits in deferred rent.
RECLASSIFIED = Source(
    "reclassification",
    (Book.FINANCIAL,),
    """
select d.id, d.entries::text, cast(:until as date) - 1, d.currency, d.number, s.purpose, s.sign * d.amount,
       '', d.client_id, d.lease_id, d.asset_id, 'reclassification'
  from (
    select f.id, f.currency, l.number, l.client_id, f.lease_id, f.asset_id, coalesce(n.entries, 0) as entries,
           coalesce(b.net, 0) + coalesce(n.amount, 0) as amount
      from finance_lease_line f
      join lease l on l.partner_id = f.partner_id and l.id = f.lease_id
      left join (
        select v.line_id, sum(v.net - v.allowance) as net
          from finance_lease_line g
          join invoice_line v on v.partner_id = g.partner_id and v.line_id = g.line_id
          left join invoice_line o on v.kind = 'manual' and o.partner_id = v.partner_id and o.id = v.source_id
          join journal_entry e on e.partner_id = v.partner_id and e.book = :book
            and e.source_kind = 'invoice' and e.source_id = v.invoice_id and e.key = 'issued'
         where g.partner_id = :partner and coalesce(o.kind, v.kind) = 'rent'
           and coalesce(o.period_start, v.period_start) >= g.recognised_on
         group by v.line_id) b on b.line_id = f.line_id
      left join (
        select j.lease_id, j.asset_id, sum(j.amount) as amount,
               count(*) filter (where e.source_kind = 'reclassification') as entries
          from journal_line j join journal_entry e on e.partner_id = j.partner_id and e.id = j.entry_id
         where j.partner_id = :partner and j.book = :book and j.purpose = 'net_investment'
           and e.source_kind in ('invoice', 'reclassification')
         group by j.lease_id, j.asset_id) n on n.lease_id = f.lease_id and n.asset_id = f.asset_id
     where f.partner_id = :partner and f.recognised_on < :until
  ) d cross join (values ('deferred_rent', 1), ('net_investment', -1)) s(purpose, sign)""",
)

# The financial book of an asset goes on as planned while a net investment stands for it. So what a disposal
# takes out by that plan differs from what is there: the difference is part of the gain.
SETTLED = Source(
    "settlement",
    (Book.FINANCIAL,),
    f"""
select d.asset_id, d.entries::text,
       case d.entries when 0 then d.disposed_on else cast(:until as date) - 1 end, d.currency, d.tag,
       s.purpose, s.amount, d.category, null, null, d.asset_id, 'settlement'
  from (
    select a.id as asset_id, a.tag, m.category, b.currency, b.disposed_on,
           coalesce(j.cost, 0) as cost, coalesce(j.entries, 0) as entries,
           coalesce(j.accumulated, 0) - coalesce(p.charged, 0) as accumulated
      from (select distinct asset_id from ({AWAY}) w) f
      join asset a on a.partner_id = :partner and a.id = f.asset_id
      join hardware_model m on m.partner_id = a.partner_id and m.id = a.model_id
      join depreciation_book b on b.partner_id = a.partner_id and b.asset_id = a.id and b.name = 'book'
      left join lateral (
        select sum(l.amount) filter (where l.purpose = 'equipment') as cost,
               sum(l.amount) filter (where l.purpose = 'accumulated_depreciation') as accumulated,
               count(distinct e.id) filter (where e.source_kind = 'settlement') as entries
          from journal_line l join journal_entry e on e.partner_id = l.partner_id and e.id = l.entry_id
         where l.partner_id = :partner and l.book = :book and l.asset_id = a.id
           and l.purpose in ('equipment', 'accumulated_depreciation', 'gain')) j on true
      left join lateral (
        select sum(charge) as charged from depreciation_posting q
         where q.partner_id = :partner and q.book = :book and q.book_id = b.id) p on true
     where b.disposed_on < :until
  ) d cross join lateral (values
    ('equipment', -d.cost), ('accumulated_depreciation', -d.accumulated), ('gain', d.cost + d.accumulated)
  ) s(purpose, amount)""",  # nosec B608 # only words of ours are put in
)

"""What the other contexts' tables tell the books: hardware bought, put to work and gone, papers."""

from __future__ import annotations

from devices.lifecycle import FINAL
from invoicing.ledger.chart import LINE_PURPOSES, Book
from invoicing.ledger.finance_facts import RECLASSIFIED, SETTLED
from invoicing.ledger.journal import Source, not_posted
from invoicing.ledger.money_facts import MONEY

_GONE = ", ".join(f"'{state}'" for state in sorted(FINAL))

# Hardware comes into the books when it is received; where its cost is corrected later, the difference comes.
RECEIPTS = Source(
    "receipt",
    (Book.FINANCIAL,),
    """
select d.id, d.key, d.dated_on, d.currency, d.tag, s.purpose, s.sign * d.amount, d.category,
       null, null, d.id, 'receipt'
  from (
    select a.id, a.tag, a.currency, m.category, coalesce(n.entries, 0)::text as key,
           case when n.entries is null
             then (coalesce(r.at, a.created_at) at time zone p.time_zone)::date
             else cast(:until as date) - 1 end as dated_on,
           coalesce(o.value, a.cost) - coalesce(n.amount, 0) as amount
      from asset a
      join partner p on p.id = a.partner_id
      join hardware_model m on m.partner_id = a.partner_id and m.id = a.model_id
      left join lateral (
        select (q.movements->0->>'cost')::numeric - (q.movements->0->>'accumulated')::numeric as value
          from depreciation_book b
          join depreciation_plan q on q.partner_id = b.partner_id and q.book_id = b.id
         where b.partner_id = a.partner_id and b.asset_id = a.id and b.name = 'book') o on true
      left join (
        select l.asset_id, count(*) as entries, sum(l.amount) as amount
          from journal_line l join journal_entry e on e.partner_id = l.partner_id and e.id = l.entry_id
         where l.partner_id = :partner and l.book = :book and l.purpose = 'stock'
           and e.source_kind = 'receipt'
         group by l.asset_id) n on n.asset_id = a.id
      left join lateral (select min(v.moved_at) as at from asset_move v
                          where v.partner_id = a.partner_id and v.asset_id = a.id
                            and v.to_state = 'received') r on true
     where a.partner_id = :partner and a.state <> 'ordered'
       and (n.entries is null or coalesce(o.value, a.cost) <> n.amount)
  ) d cross join (values ('stock', 1), ('acquisition', -1)) s(purpose, sign)""",
)

# What the books' events did to cost and value: into service, later costs, impairment, disposal. A book is
# recomputed when an event is reversed or comes late, so each event's sides are posted less what was posted.
_MOVED_KINDS = """
  case m.kind when 'open' then 'addition' when 'capitalise' then 'capitalisation'
    when 'revalue' then 'revaluation' when 'impair' then 'impairment'
    when 'reverse_impairment' then 'impairment' when 'dispose' then 'disposal'
    when 'reinstate' then 'reinstatement' else m.kind end"""
MOVED = ("addition", "capitalisation", "revaluation", "impairment", "split", "disposal", "reinstatement")
_MOVED = ", ".join(f"'{kind}'" for kind in MOVED)
MOVEMENTS = Source(
    "movement",
    tuple(Book),
    f"""
with told as (
  select case when m.event_id = '' then b.id else m.event_id end as source_id, {_MOVED_KINDS} as source_kind,
         m.day, b.currency, a.tag, c.category, b.asset_id, s.purpose, s.amount
    from depreciation_plan p
    join depreciation_book b on b.partner_id = p.partner_id and b.id = p.book_id
    join asset a on a.partner_id = b.partner_id and a.id = b.asset_id
    join hardware_model c on c.partner_id = a.partner_id and c.id = a.model_id
    cross join lateral (
      select (e->>'on')::date as day, e->>'kind' as kind, e->>'event_id' as event_id,
             (e->>'cost')::numeric as cost, (e->>'gain')::numeric as gain,
             (e->>'adjustment')::numeric - (e->>'accumulated')::numeric as reduction
        from jsonb_array_elements(p.movements) e) m
    cross join lateral (values
      ('equipment', m.cost),
      ('accumulated_depreciation', m.reduction),
      (case m.kind when 'open' then case :book when 'financial' then 'stock' else 'acquisition' end
         when 'capitalise' then 'acquisition' when 'split' then 'acquisition' when 'dispose' then 'proceeds'
         when 'reinstate' then 'proceeds' else 'impairment' end,
       coalesce(m.gain, 0) - m.cost - m.reduction),
      ('gain', -coalesce(m.gain, 0))) s(purpose, amount)
   where p.partner_id = :partner and m.day < :until
     and b.name = case :book when 'financial' then 'book' else :book end
),
posted as (
  select e.source_id, e.source_kind, max(e.reference) as tag, e.currency, l.asset_class as category,
         l.asset_id, l.purpose, sum(l.amount) as amount, max(e.key::integer) as last_key
    from journal_entry e join journal_line l on l.partner_id = e.partner_id and l.entry_id = e.id
   where e.partner_id = :partner and e.book = :book and e.source_kind in ({_MOVED})
   group by e.source_id, e.source_kind, e.currency, l.asset_class, l.asset_id, l.purpose
),
due as (
  select source_id, source_kind, max(day) as day, currency, max(tag) as tag, category, asset_id, purpose,
         sum(amount) as amount, max(max(last_key)) over (partition by source_kind, source_id) as last_key
    from (select source_id, source_kind, day, currency, tag, category, asset_id, purpose, amount,
                 null::integer as last_key from told
          union all
          select source_id, source_kind, null, currency, tag, category, asset_id, purpose, -amount, last_key
            from posted) b
   group by source_id, source_kind, currency, category, asset_id, purpose
)
select source_id, coalesce(last_key + 1, 0)::text,
       case when last_key is null then day else cast(:until as date) - 1 end, currency, tag, purpose,
       amount, category, null, null, asset_id, source_kind
  from due where amount <> 0""",  # nosec B608 # only words of ours are put in
)

# Hardware that left without ever having been in service leaves stock at its cost.
STOCK_DISPOSALS = Source(
    "stock_disposal",
    (Book.FINANCIAL,),
    f"""
select d.id, 'disposed', d.dated_on, d.currency, d.tag, s.purpose, s.amount, d.category,
       null, null, d.id, 'stock_disposal'
  from (
    select a.id, a.tag, a.currency, m.category, (v.moved_at at time zone p.time_zone)::date as dated_on,
           case when v.details->>'proceeds' ~ '^[0-9]+([.][0-9]+)?$' then (v.details->>'proceeds')::numeric
                else 0 end as proceeds,
           (select coalesce(sum(l.amount), 0) from journal_line l
             where l.partner_id = a.partner_id and l.book = :book and l.asset_id = a.id
               and l.purpose = 'stock') as cost
      from asset a
      join partner p on p.id = a.partner_id
      join hardware_model m on m.partner_id = a.partner_id and m.id = a.model_id
      join lateral (select moved_at, details from asset_move v
                     where v.partner_id = a.partner_id and v.asset_id = a.id
                     order by v.position desc limit 1) v on true
     where a.partner_id = :partner and a.state in ({_GONE})
       and not exists (select from depreciation_book b
                        where b.partner_id = a.partner_id and b.asset_id = a.id and b.name = 'book')
       and {not_posted("stock_disposal", "a.id", "'disposed'")}
  ) d cross join lateral (values
    ('stock', -d.cost), ('proceeds', d.proceeds), ('gain', d.cost - d.proceeds)) s(purpose, amount)""",  # nosec B608 # only words of ours are put in
)

_LINE_KINDS = " ".join(f"when '{kind}' then '{purpose}'" for kind, purpose in LINE_PURPOSES.items())

# An invoice, and with the other sign a credit note. What was credited by hand goes where it came from; of
# base rent it lessens what is earned, because nobody will bill it again; of a device that was bought or lost,
# what was made of it. The rent of a finance lease pays its net investment back.
INVOICES = Source(
    "invoice",
    (Book.FINANCIAL,),
    f"""
select i.id, 'issued', i.issued_on, i.currency, i.number, s.purpose, s.amount, '', i.client_id, s.lease_id,
       s.asset_id, 'invoice'
  from invoice i cross join lateral (
    select 'receivables' as purpose, i.total as amount, null as lease_id, null as asset_id
    union all select 'tax_payable', -i.tax_total, null, null
    union all
    select t.purpose, t.amount, l.lease_id, t.asset_id
      from invoice_line l
      -- Asked as an id that is null: as a further condition it would look each line up, and then drop it.
      left join invoice_line o on o.partner_id = l.partner_id
        and o.id = case when l.kind = 'manual' then l.source_id end
      left join lease_line r on r.partner_id = l.partner_id and r.id = l.line_id
      left join finance_lease_line f on f.partner_id = l.partner_id and f.line_id = l.line_id
        and coalesce(o.kind, l.kind) = 'rent' and coalesce(o.period_start, l.period_start) >= f.recognised_on
      cross join lateral (values
        (case when f.id is not null then 'net_investment'
              when coalesce(o.kind, l.kind) = 'rent' and 'service' in (r.component, r.kind) then 'service'
              when o.kind = 'rent' then 'rent'
              when o.kind in ('buy_out', 'loss') then 'gain'
              else case coalesce(o.kind, l.kind) {_LINE_KINDS} else 'service' end end,
         l.allowance - l.net, f.asset_id),
        ('discounts', -l.allowance, null)) t(purpose, amount, asset_id)
     where l.partner_id = i.partner_id and l.invoice_id = i.id
  ) s
 where i.partner_id = :partner and i.issued_on < :until and i.id > :after_id
   and (:last_id = '' or i.id <= :last_id)
   and {not_posted("invoice", "i.id", "'issued'")}""",  # nosec B608 # only words of ours are put in
    ids=f"""
select i.id from invoice i
 where i.partner_id = :partner and i.issued_on < :until and {not_posted("invoice", "i.id", "'issued'")}
 order by i.id""",  # nosec B608 # only words of ours are put in
)

# A wave waits for the one before it.
FIRST_WAVE: tuple[Source, ...] = (RECEIPTS, MOVEMENTS, INVOICES, *MONEY)
LAST_WAVE: tuple[Source, ...] = (STOCK_DISPOSALS, RECLASSIFIED, SETTLED)
SOURCES = {source.name: source for source in (*FIRST_WAVE, *LAST_WAVE)}

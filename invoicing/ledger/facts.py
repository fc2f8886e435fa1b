"""What the other contexts' tables tell the books: hardware bought, put to work and gone, papers, money."""

from __future__ import annotations

from devices.lifecycle import FINAL
from invoicing.ledger.chart import LINE_PURPOSES, Book
from invoicing.ledger.journal import NOT_POSTED, Source

_EVERY_BOOK = tuple(Book)
_GONE = ", ".join(f"'{state}'" for state in sorted(FINAL))


def _not_posted(kind: str, source_id: str, key: str) -> str:
    return NOT_POSTED.format(kind=kind, source_id=source_id, key=f"'{key}'")


def _posted(kind: str, purpose: str) -> str:
    """What was posted so far of a kind for each asset: the next entry's key, and the sum it starts from."""
    return f"""
(select l.asset_id, count(*) as entries, sum(l.amount) as amount
   from journal_line l join journal_entry e on e.partner_id = l.partner_id and e.id = l.entry_id
  where l.partner_id = :partner and l.book = :book and l.purpose = '{purpose}' and e.source_kind = '{kind}'
  group by l.asset_id)"""


# Hardware comes into the books when it is received, whenever its cost is corrected by the difference.
RECEIPTS = Source(
    "receipt",
    (Book.FINANCIAL,),
    f"""
select d.id, d.key, d.dated_on, d.currency, d.tag, s.purpose, s.sign * d.amount, d.category,
       null, null, d.id
  from (
    select a.id, a.tag, a.currency, m.category, coalesce(n.entries, 0)::text as key,
           case when n.entries is null
             then (coalesce(r.at, a.created_at) at time zone p.time_zone)::date
             else cast(:until as date) - 1 end as dated_on,
           coalesce(b.cost, a.cost) - coalesce(n.amount, 0) as amount
      from asset a
      join partner p on p.id = a.partner_id
      join hardware_model m on m.partner_id = a.partner_id and m.id = a.model_id
      left join depreciation_book b on b.partner_id = a.partner_id and b.asset_id = a.id and b.name = 'book'
      left join {_posted("receipt", "stock")} n on n.asset_id = a.id
      left join lateral (select min(v.moved_at) as at from asset_move v
                          where v.partner_id = a.partner_id and v.asset_id = a.id
                            and v.to_state = 'received') r on true
     where a.partner_id = :partner and a.state <> 'ordered'
       and (n.entries is null or coalesce(b.cost, a.cost) <> n.amount)
  ) d cross join (values ('stock', 1), ('acquisition', -1)) s(purpose, sign)""",
)

# Into service: from stock to lease equipment. The other books know no stock.
ADDITIONS = Source(
    "addition",
    _EVERY_BOOK,
    f"""
select d.id, d.key, d.dated_on, d.currency, d.tag, s.purpose, s.sign * d.amount, d.category,
       null, null, d.asset_id
  from (
    select b.id, b.asset_id, a.tag, b.currency, m.category, coalesce(n.entries, 0)::text as key,
           case when n.entries is null then b.in_service_on else cast(:until as date) - 1 end as dated_on,
           b.cost - coalesce(n.amount, 0) as amount
      from depreciation_book b
      join asset a on a.partner_id = b.partner_id and a.id = b.asset_id
      join hardware_model m on m.partner_id = a.partner_id and m.id = a.model_id
      left join {_posted("addition", "equipment")} n on n.asset_id = b.asset_id
     where b.partner_id = :partner
       and b.name = case :book when 'financial' then 'book' else :book end
       and (n.entries is null or b.cost <> n.amount)
  ) d cross join (values ('equipment', 1),
    (case :book when 'financial' then 'stock' else 'acquisition' end, -1)) s(purpose, sign)""",
)

# Out of the books: cost against what was depreciated and what it brought in; the rest is gain or loss.
DISPOSALS = Source(
    "disposal",
    _EVERY_BOOK,
    f"""
select d.id, 'disposed', d.disposed_on, d.currency, d.tag, s.purpose, s.amount, d.category,
       null, null, d.asset_id
  from (
    select b.id, b.asset_id, a.tag, b.currency, m.category, b.disposed_on,
           coalesce(b.proceeds, 0) as proceeds,
           (select coalesce(sum(l.amount), 0) from journal_line l
             where l.partner_id = b.partner_id and l.book = :book and l.asset_id = b.asset_id
               and l.purpose = 'equipment') as cost,
           coalesce((select p.accumulated from depreciation_posting p
                      where p.partner_id = b.partner_id and p.book_id = b.id
                      order by p.period desc limit 1), 0)
         - (select coalesce(sum(l.amount), 0) from journal_line l
             where l.partner_id = b.partner_id and l.book = :book and l.asset_id = b.asset_id
               and l.purpose = 'accumulated_depreciation') as accumulated
      from depreciation_book b
      join asset a on a.partner_id = b.partner_id and a.id = b.asset_id
      join hardware_model m on m.partner_id = a.partner_id and m.id = a.model_id
     where b.partner_id = :partner and b.disposed_on is not null and b.disposed_on < :until
       and b.name = case :book when 'financial' then 'book' else :book end
       and {_not_posted("disposal", "b.id", "disposed")}
  ) d cross join lateral (values
    ('equipment', -d.cost),
    ('accumulated_depreciation', d.accumulated),
    ('proceeds', d.proceeds),
    ('gain', d.cost - d.accumulated - d.proceeds)) s(purpose, amount)""",
)

# Hardware that left without ever having been in service leaves stock at its cost.
STOCK_DISPOSALS = Source(
    "stock_disposal",
    (Book.FINANCIAL,),
    f"""
select d.id, 'disposed', d.dated_on, d.currency, d.tag, s.purpose, s.amount, d.category,
       null, null, d.id
  from (
    select a.id, a.tag, a.currency, m.category, (v.moved_at at time zone p.time_zone)::date as dated_on,
           coalesce((v.details->>'proceeds')::numeric, 0) as proceeds,
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
       and {_not_posted("stock_disposal", "a.id", "disposed")}
  ) d cross join lateral (values
    ('stock', -d.cost), ('proceeds', d.proceeds), ('gain', d.cost - d.proceeds)) s(purpose, amount)""",
)

_LINE_KINDS = " ".join(f"when '{kind}' then '{purpose}'" for kind, purpose in LINE_PURPOSES.items())

# An invoice, and with the other sign a credit note. What was credited by hand goes where it came from.
INVOICES = Source(
    "invoice",
    (Book.FINANCIAL,),
    f"""
select i.id, 'issued', i.issued_on, i.currency, i.number, s.purpose, s.amount, '', i.client_id, s.lease_id,
       null
  from invoice i cross join lateral (
    select 'receivables' as purpose, i.total as amount, null as lease_id
    union all select 'tax_payable', -i.tax_total, null
    union all
    select case when coalesce(o.kind, l.kind) = 'rent' and r.component = 'service' then 'service'
                else case coalesce(o.kind, l.kind) {_LINE_KINDS} else 'service' end end,
           -l.net, l.lease_id
      from invoice_line l
      left join invoice_line o on l.kind = 'manual' and o.partner_id = l.partner_id and o.id = l.source_id
      left join lease_line r on r.partner_id = l.partner_id and r.id = l.line_id
     where l.partner_id = i.partner_id and l.invoice_id = i.id
  ) s
 where i.partner_id = :partner and i.issued_on < :until
   and {_not_posted("invoice", "i.id", "issued")}""",
)

PAYMENTS = Source(
    "payment",
    (Book.FINANCIAL,),
    f"""
select y.id, 'received', y.received_on, y.currency, y.reference, s.purpose, s.sign * y.amount, '',
       y.client_id, null, null
  from payment y cross join (values ('bank', 1), ('receivables', -1)) s(purpose, sign)
 where y.partner_id = :partner and y.received_on < :until
   and {_not_posted("payment", "y.id", "received")}""",
)

# A wave waits for the one before it: a disposal takes out what was depreciated until then.
FIRST_WAVE: tuple[Source, ...] = (RECEIPTS, ADDITIONS, INVOICES, PAYMENTS)
LAST_WAVE: tuple[Source, ...] = (DISPOSALS, STOCK_DISPOSALS)
SOURCES = {source.kind: source for source in (*FIRST_WAVE, *LAST_WAVE)}

"""What money in and out tells the books: payments, credit balances, refunds, fees, deposits, differences."""

from __future__ import annotations

from invoicing.ledger.chart import Book
from invoicing.ledger.journal import Source, not_posted

# Where a receipt's money lies: with the provider until it pays out, in its deposit, or in the bank.
_PLACE = "case r.source when 'provider' then 'provider' when 'deposit' then 'deposits' else 'bank' end"

# A payment lessens what is receivable, by money that came in or by the client's credit.
PAYMENTS = Source(
    "payment",
    (Book.FINANCIAL,),
    f"""
select y.id, 'received', y.received_on, y.currency, y.reference, s.purpose, s.sign * y.amount, '',
       y.client_id, null, null, 'payment'
  from payment y left join receipt r on r.partner_id = y.partner_id and r.id = y.receipt_id
  cross join lateral (values
    (case y.method when 'balance' then 'prepayments' else {_PLACE} end, 1), ('receivables', -1)
  ) s(purpose, sign)
 where y.partner_id = :partner and y.received_on < :until
   and {not_posted("payment", "y.id", "'received'")}""",  # nosec B608 # only words of ours are put in
)

# What moves the credit from outside. What it pays, and what comes off an invoice into it, payments tell.
BALANCES = Source(
    "balance",
    (Book.FINANCIAL,),
    f"""
select b.id, 'moved', b.happened_on, b.currency, coalesce(r.reference, b.reason), s.purpose,
       s.sign * b.amount, '', b.client_id, null, null, 'balance'
  from balance_entry b left join receipt r on r.partner_id = b.partner_id and r.id = b.receipt_id
  cross join lateral (values
    (case b.kind when 'goodwill' then 'goodwill' when 'refund' then 'refunds'
       when 'refund_failed' then 'refunds' else {_PLACE} end, 1), ('prepayments', -1)
  ) s(purpose, sign)
 where b.partner_id = :partner and b.happened_on < :until and b.kind not in ('applied', 'released')
   and {not_posted("balance", "b.id", "'moved'")}""",  # nosec B608 # only words of ours are put in
)

REFUNDS = Source(
    "refund",
    (Book.FINANCIAL,),
    f"""
select f.id, w.key, w.day, f.currency, f.reference, s.purpose, w.way * s.sign * f.amount, '', f.client_id,
       null, null, 'refund'
  from refund f cross join lateral (values
    ('paid', f.settled_on, 1), ('returned', f.returned_on, -1)) w(key, day, way)
  cross join lateral (values
    ('refunds', 1), (case f.channel when 'provider' then 'provider' else 'bank' end, -1)) s(purpose, sign)
 where f.partner_id = :partner and f.state in ('paid', 'returned') and w.day < :until
   and {not_posted("refund", "f.id", "w.key")}""",  # nosec B608 # only words of ours are put in
)

# What bank or provider kept of a receipt, or took for sending it back. Of money that was recorded by mistake
# nothing was kept: whatever it was said to be is told again with what the money is.
FEES = Source(
    "payment_fee",
    (Book.FINANCIAL,),
    f"""
select d.id, 'fee', d.day, d.currency, d.reference, s.purpose, s.sign * d.fee, '', d.client_id, null, null,
       'payment_fee'
  from (
    select r.id, r.received_on as day, r.currency, r.reference, r.fee, r.client_id, {_PLACE} as place
      from receipt r where r.partner_id = :partner and r.fee <> 0
    union all
    select v.id, v.reversed_on, v.currency, v.reference,
           v.fee - case when v.kind = 'mistake' and v.amount = r.amount then r.fee else 0 end, v.client_id,
           {_PLACE}
      from receipt_reversal v join receipt r on r.partner_id = v.partner_id and r.id = v.receipt_id
     where v.partner_id = :partner
  ) d cross join lateral (values ('payment_fees', 1), (d.place, -1)) s(purpose, sign)
 where d.fee <> 0 and d.day < :until
   and {not_posted("payment_fee", "d.id", "'fee'")}""",  # nosec B608 # only words of ours are put in
)

# Money that went back after the client had been given it already: nobody owes it.
SHORTFALLS = Source(
    "shortfall",
    (Book.FINANCIAL,),
    f"""
select v.id, 'lost', v.reversed_on, v.currency, v.reference, s.purpose, s.sign * v.shortfall, '',
       v.client_id, null, null, 'shortfall'
  from receipt_reversal v join receipt r on r.partner_id = v.partner_id and r.id = v.receipt_id
  cross join lateral (values ('bad_debt', 1), ({_PLACE}, -1)) s(purpose, sign)
 where v.partner_id = :partner and v.shortfall <> 0 and v.reversed_on < :until
   and {not_posted("shortfall", "v.id", "'lost'")}""",  # nosec B608 # only words of ours are put in
)

# A dispute that was won: what it returns of such a loss is no client's money, and is on no receipt.
RECOVERIES = Source(
    "recovery",
    (Book.FINANCIAL,),
    f"""
select m.id, 'recovered', m.day, m.currency, m.reference, s.purpose, s.sign * m.amount, '', m.client_id,
       null, null, 'recovery'
  from (
    select b.id, (b.settled_at at time zone p.time_zone)::date as day, b.currency,
           coalesce(b.external_id, b.id) as reference, b.amount - coalesce(r.amount, 0) as amount, b.client_id
      from money_back b
      join partner p on p.id = b.partner_id
      left join receipt r on r.partner_id = b.partner_id and r.id = b.receipt_id
     where b.partner_id = :partner and b.kind = 'chargeback_won' and b.state = 'succeeded'
  ) m cross join lateral (values ('provider', 1), ('bad_debt', -1)) s(purpose, sign)
 where m.amount <> 0 and m.day < :until
   and {not_posted("recovery", "m.id", "'recovered'")}""",  # nosec B608 # only words of ours are put in
)

DEPOSITS = Source(
    "deposit",
    (Book.FINANCIAL,),
    f"""
select y.id, y.kind, y.happened_on, d.currency, d.number, s.purpose, s.sign * y.amount, '', y.client_id,
       d.lease_id, null, 'deposit'
  from deposit_entry y
  join deposit d on d.partner_id = y.partner_id and d.id = y.deposit_id
  cross join (values ('bank', 1), ('deposits', -1)) s(purpose, sign)
 where y.partner_id = :partner and y.happened_on < :until and y.kind <> 'applied'
   and {not_posted("deposit", "y.id", "y.kind")}""",  # nosec B608 # only words of ours are put in
)

MONEY = (PAYMENTS, BALANCES, REFUNDS, FEES, SHORTFALLS, RECOVERIES, DEPOSITS)

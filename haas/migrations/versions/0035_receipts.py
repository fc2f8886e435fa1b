"""Receipts, their reversals, credit balances, refunds, exchange rates; what payments are out of; terms."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from haas.migrations import ddl
from haas.migrations.tables import AMOUNT, amount, create_table, day, moment, text, texts, whole

revision = "0035_receipts"
down_revision = "0034_charges"
branch_labels = None
depends_on = None

_TABLES = ("receipt", "receipt_reversal", "refund", "balance_entry", "exchange_rate")
_PAYMENT_KEYS = {
    "receipt_id": "receipt",
    "balance_entry_id": "balance_entry",
    "reverses_payment_id": "payment",
}
_CLIENT_CHECKS = {
    "payment_terms_sane": "payment_terms_days between 0 and 365",
    "credit_limit_not_negative": "credit_limit >= 0",
}
_SIGN = "amount <> 0 and (amount < 0) = (reverses_payment_id is not null)"

_GUARDS = """
-- The release before this one records payments without a receipt: theirs is written here.
create function haas_payment_has_source() returns trigger language plpgsql as $$
begin
  if new.receipt_id is null and new.balance_entry_id is null then
    new.receipt_id := 'rcp' || substr(new.id, 4);
    insert into receipt (partner_id, id, client_id, amount, currency, received_on, method, reference, source,
      recorded_at, actor)
    values (new.partner_id, new.receipt_id, new.client_id, new.amount, new.currency, new.received_on,
      new.method, new.reference, case new.method when 'deposit' then 'deposit' else 'manual' end,
      new.recorded_at, new.actor);
  end if;
  return new;
end $$;

-- What came in is on invoices, in the balance, or went back; asked at commit, when all rows are there.
create function haas_receipt_ties() returns trigger language plpgsql as $$
declare
  which text := to_jsonb(new)->>(case tg_table_name when 'receipt' then 'id' else 'receipt_id' end);
  came numeric;
  used numeric;
begin
  if which is null then return null; end if;
  select amount into came from receipt where partner_id = new.partner_id and id = which for share;
  select coalesce((select sum(amount) from payment
                    where partner_id = new.partner_id and receipt_id = which), 0)
       + coalesce((select sum(amount) from balance_entry
                    where partner_id = new.partner_id and receipt_id = which), 0)
       + coalesce((select sum(amount - shortfall) from receipt_reversal
                    where partner_id = new.partner_id and receipt_id = which), 0) into used;
  if came is distinct from used then
    raise exception 'receipt % is %, but % of it is told', which, came, used
      using errcode = 'check_violation';
  end if;
  return null;
end $$;

-- The invoice's row is locked, so that of two who pay it at once the second counts what the first did.
create function haas_check_paid(partner text, which text) returns void language plpgsql as $$
declare
  owed record;
  paid numeric;
begin
  select kind, client_id, currency, total, paid_total, number into owed from invoice
   where partner_id = partner and id = which for no key update;
  if exists (select from payment where partner_id = partner and invoice_id = which
              and (owed.kind <> 'invoice' or client_id <> owed.client_id or currency <> owed.currency)) then
    raise exception 'a payment is not of the client and currency of %', owed.number
      using errcode = 'check_violation';
  end if;
  select coalesce(sum(amount), 0) into paid from payment where partner_id = partner and invoice_id = which;
  if paid is distinct from owed.paid_total or paid < 0 or paid > owed.total + coalesce((
       select sum(total) from invoice where partner_id = partner and credits_invoice_id = which), 0) then
    raise exception 'invoice % is paid %, its payments come to %, and its total is %', owed.number,
      owed.paid_total, paid, owed.total using errcode = 'check_violation';
  end if;
end $$;

create function haas_payment_ties() returns trigger language plpgsql as $$
begin
  perform haas_check_paid(new.partner_id, new.invoice_id);
  return null;
end $$;

create function haas_invoice_ties() returns trigger language plpgsql as $$
begin
  perform haas_check_paid(new.partner_id, new.id);
  return null;
end $$;

create function haas_receipt_frozen() returns trigger language plpgsql as $$
begin
  if old.fee <> 0 and new.fee <> old.fee then
    raise exception 'the fee of receipt % is known already', old.reference
      using errcode = 'restrict_violation';
  end if;
  return new;
end $$;

create function haas_refund_settles() returns trigger language plpgsql as $$
begin
  if old.state <> 'asked' then
    raise exception 'refund % is settled', old.id using errcode = 'restrict_violation';
  end if;
  return new;
end $$;
"""


def upgrade() -> None:
    """Tables and columns, what was paid before, then who may see and change what, and what must tie."""
    _receipts()
    _refunds()
    _balances()
    _rates()
    _payments()
    _client_terms()
    op.execute(_GUARDS)
    _old_payments()
    _protect()
    op.execute(
        "create trigger payment_has_source before insert on payment"
        " for each row execute function haas_payment_has_source()"
    )
    for table in ("receipt", "payment", "balance_entry", "receipt_reversal"):
        op.execute(
            f"create constraint trigger {table}_receipt_ties after insert on {table}"
            " deferrable initially deferred for each row execute function haas_receipt_ties()"
        )
    op.execute(
        "create constraint trigger payment_invoice_ties after insert on payment"
        " deferrable initially deferred for each row execute function haas_payment_ties()"
    )
    op.execute(
        "create constraint trigger invoice_paid_ties after update of paid_total on invoice"
        " deferrable initially deferred for each row"
        " when (old.paid_total is distinct from new.paid_total) execute function haas_invoice_ties()"
    )
    op.execute(
        "create trigger receipt_frozen before update on receipt"
        " for each row execute function haas_receipt_frozen()"
    )
    op.execute(
        "create trigger refund_settles before update on refund"
        " for each row execute function haas_refund_settles()"
    )


def downgrade() -> None:
    """The reverse. What was taken off invoices, and came out of credit, is forgotten with its reason."""
    for trigger in ("payment_invoice_ties", "payment_receipt_ties", "payment_has_source"):
        op.execute(f"drop trigger {trigger} on payment")
    op.execute("drop trigger invoice_paid_ties on invoice")
    op.execute("alter table payment disable trigger user")
    for table in ("payment", "invoice"):
        op.execute(f"alter table {table} no force row level security")
    op.execute("delete from payment where amount < 0")
    op.execute(
        "update payment set reference = reference || '/' || id where (partner_id, reference) in"
        " (select partner_id, reference from payment group by partner_id, reference having count(*) > 1)"
    )
    for table in ("payment", "invoice"):
        op.execute(f"alter table {table} force row level security")
    op.execute("alter table payment enable trigger user")
    op.drop_index("ix_payment_receipt", "payment")
    op.drop_constraint(op.f("ck_payment_taken_off_names_what"), "payment", type_="check")
    for column in _PAYMENT_KEYS:
        op.drop_column("payment", column)
    op.create_unique_constraint(
        op.f("uq_payment_partner_id_reference"), "payment", ["partner_id", "reference"]
    )
    op.create_check_constraint(op.f("ck_payment_amount_positive"), "payment", "amount > 0")
    for name in _CLIENT_CHECKS:
        op.drop_constraint(op.f(f"ck_client_{name}"), "client", type_="check")
    for column in ("wants_statements", "purchase_order", "credit_limit", "payment_terms_days"):
        op.drop_column("client", column)
    for table in ("balance_entry", "refund", "receipt_reversal", "receipt", "exchange_rate"):
        op.drop_table(table)
    for name in (
        "refund_settles",
        "receipt_frozen",
        "invoice_ties",
        "payment_ties",
        "receipt_ties",
        "payment_has_source",
    ):
        op.execute(f"drop function haas_{name}()")
    op.execute("drop function haas_check_paid(text, text)")


def _receipts() -> None:
    table = "receipt"
    create_table(
        table,
        text("client_id"),
        amount("amount"),
        sa.Column("currency", sa.String(3), nullable=False),
        day("received_on"),
        text("method"),
        sa.Column("reference", sa.Text(collation="C"), nullable=False),
        text("source"),
        sa.Column("provider", sa.Text(), nullable=False, server_default=""),
        text("provider_id", null=True),
        sa.Column("fee", AMOUNT, nullable=False, server_default="0"),
        *_record(),
        references={"client_id": "client"},
        checks={
            "amount_positive": "amount > 0",
            "fee_not_negative": "fee >= 0",
            "source_known": "source in ('manual', 'bank', 'provider', 'deposit')",
        },
        uniques=[("partner_id", "reference")],
    )
    op.create_index("ix_receipt_recent", table, ["partner_id", "received_on", "id"])
    op.create_index("ix_receipt_client", table, ["partner_id", "client_id", "received_on", "id"])
    op.create_index(
        "ix_receipt_provider",
        table,
        ["partner_id", "provider", "provider_id"],
        postgresql_where=sa.text("provider_id is not null"),
    )
    table = "receipt_reversal"
    create_table(
        table,
        *texts("receipt_id", "client_id"),
        amount("amount"),
        sa.Column("shortfall", AMOUNT, nullable=False, server_default="0"),
        sa.Column("fee", AMOUNT, nullable=False, server_default="0"),
        sa.Column("currency", sa.String(3), nullable=False),
        *texts("kind", "reason", "reference"),
        day("reversed_on"),
        *_record(),
        references={"receipt_id": "receipt", "client_id": "client"},
        checks={
            "amount_positive": "amount > 0",
            "fee_not_negative": "fee >= 0",
            "shortfall_within": "shortfall >= 0 and shortfall <= amount",
            "kind_known": "kind in ('returned', 'chargeback', 'refunded', 'mistake')",
        },
        uniques=[("partner_id", "reference")],
    )
    op.create_index("ix_receipt_reversal_receipt", table, ["partner_id", "receipt_id", "id"])
    op.create_index("ix_receipt_reversal_client", table, ["partner_id", "client_id", "reversed_on"])


def _refunds() -> None:
    table = "refund"
    create_table(
        table,
        text("client_id"),
        sa.Column("currency", sa.String(3), nullable=False),
        amount("amount"),
        text("channel"),
        text("receipt_id", null=True),
        *texts("reason", "state", "reference", "failure"),
        text("once_key", null=True),
        day("asked_on"),
        moment("asked_at"),
        text("asked_by"),
        day("settled_on", null=True),
        references={"client_id": "client", "receipt_id": "receipt"},
        checks={
            "amount_positive": "amount > 0",
            "channel_known": "channel in ('bank', 'provider')",
            "state_known": "state in ('asked', 'paid', 'failed')",
            "settled_has_a_day": "(state = 'asked') = (settled_on is null)",
            "provider_has_receipt": "channel <> 'provider' or receipt_id is not null",
        },
        uniques=[("partner_id", "once_key")],
    )
    op.create_index("ix_refund_recent", table, ["partner_id", "id"])
    op.create_index("ix_refund_client", table, ["partner_id", "client_id", "id"])
    op.create_index(
        "ix_refund_asked",
        table,
        ["partner_id", "channel", "id"],
        postgresql_where=sa.text("state = 'asked'"),
    )


def _balances() -> None:
    table = "balance_entry"
    account = ("partner_id", "client_id", "currency")
    create_table(
        table,
        text("client_id"),
        sa.Column("currency", sa.String(3), nullable=False),
        whole("position"),
        whole("position_before", null=True),
        text("kind"),
        amount("amount"),
        amount("balance_before"),
        amount("balance_after"),
        day("happened_on"),
        text("reason"),
        text("receipt_id", null=True),
        text("invoice_id", null=True),
        text("refund_id", null=True),
        text("once_key", null=True),
        *_record(),
        sa.UniqueConstraint(*account, "position", "balance_after", name=f"uq_{table}_stands"),
        sa.ForeignKeyConstraint(
            [*account, "position_before", "balance_before"],
            [f"{table}.{column}" for column in (*account, "position", "balance_after")],
            name=f"fk_{table}_before",
        ),
        references={
            "client_id": "client",
            "receipt_id": "receipt",
            "invoice_id": "invoice",
            "refund_id": "refund",
        },
        checks={
            "kind_known": "kind in ('overpayment', 'released', 'goodwill', 'applied', 'refund',"
            " 'refund_failed', 'reversed')",
            "sign_by_kind": "(kind in ('overpayment', 'released', 'goodwill', 'refund_failed')) ="
            " (amount > 0) and amount <> 0",
            "adds_up": "balance_after = balance_before + amount",
            "balance_not_negative": "balance_after >= 0",
            "follows": "(position = 1 and position_before is null and balance_before = 0)"
            " or (position > 1 and position_before = position - 1)",
        },
        uniques=[(*account, "position"), ("partner_id", "once_key")],
    )
    op.create_index("ix_balance_entry_receipt", table, ["partner_id", "receipt_id"])


def _rates() -> None:
    table = "exchange_rate"
    create_table(
        table,
        sa.Column("base", sa.String(3), nullable=False),
        sa.Column("quote", sa.String(3), nullable=False),
        day("day"),
        sa.Column("rate", sa.Numeric(18, 8), nullable=False),
        text("source"),
        *_record(),
        checks={
            "rate_positive": "rate > 0",
            "of_two_currencies": "base <> quote",
            "source_known": "source in ('ecb', 'manual', 'import')",
        },
        uniques=[("partner_id", "base", "quote", "day")],
    )


def _payments() -> None:
    for column in _PAYMENT_KEYS:
        op.add_column("payment", sa.Column(column, sa.Text(), nullable=True))
    # The receipts' own key takes its place, and one receipt pays many invoices.
    op.execute(
        "-- squawk-ignore ban-drop-constraint\n"
        "alter table payment drop constraint uq_payment_partner_id_reference"
    )
    op.execute(
        "-- squawk-ignore ban-drop-constraint\nalter table payment drop constraint ck_payment_amount_positive"
    )
    # Not valid: the next migration reads the old rows, outside this lock.
    op.execute(
        f"alter table payment add constraint ck_payment_taken_off_names_what check ({_SIGN}) not valid"
    )
    for column, target in _PAYMENT_KEYS.items():
        op.execute(
            f"alter table payment add constraint fk_payment_partner_id_{column} foreign key"
            f" (partner_id, {column}) references {target} (partner_id, id) not valid"
        )
    # The column is new and empty: the index is built within the lock that the table has anyway.
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        "create index ix_payment_receipt on payment (partner_id, receipt_id)"
    )


def _client_terms() -> None:
    op.add_column("client", sa.Column("payment_terms_days", sa.Integer(), nullable=True))
    op.add_column("client", sa.Column("credit_limit", AMOUNT, nullable=True))
    op.add_column("client", sa.Column("purchase_order", sa.Text(), nullable=False, server_default=""))
    op.add_column(
        "client", sa.Column("wants_statements", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    for name, rule in _CLIENT_CHECKS.items():
        op.execute(f"alter table client add constraint ck_client_{name} check ({rule}) not valid")


def _old_payments() -> None:
    """Each payment gets its receipt; what credit notes made too much of goes to the client's credit.

    The owner is bound by the policies too.
    """
    tables = ("payment", "receipt", "invoice", "balance_entry")
    op.execute("alter table payment disable trigger user")
    for table in tables:
        op.execute(f"alter table {table} no force row level security")
    op.execute(
        "insert into receipt (partner_id, id, client_id, amount, currency, received_on, method, reference,"
        " source, recorded_at, actor) select partner_id, 'rcp' || substr(id, 4), client_id, amount, currency,"
        " received_on, method, reference, case method when 'deposit' then 'deposit' else 'manual' end,"
        " recorded_at, actor from payment"
    )
    op.execute("update payment set receipt_id = 'rcp' || substr(id, 4) where receipt_id is null")
    op.execute(_RELEASE)
    for table in tables:
        op.execute(f"alter table {table} force row level security")
    op.execute("alter table payment enable trigger user")


# The newest payment is taken off first.
_RELEASE = """
with too_much as (
  select i.partner_id, i.id, i.paid_total - greatest(i.total + c.total, 0) as extra
    from invoice i
    join (select partner_id, credits_invoice_id, sum(total) as total from invoice
           where credits_invoice_id is not null group by 1, 2) c
      on c.partner_id = i.partner_id and c.credits_invoice_id = i.id
   where i.paid_total > greatest(i.total + c.total, 0)
), taken as (
  select p.*, least(p.amount, t.extra - coalesce(sum(p.amount) over newer, 0)) as back
    from payment p join too_much t on t.partner_id = p.partner_id and t.id = p.invoice_id
  window newer as (partition by p.partner_id, p.invoice_id order by p.id desc
                   rows between unbounded preceding and 1 preceding)
), rows as (
  select t.*, row_number() over account as position, sum(back) over account as after
    from taken t where back > 0
  window account as (partition by partner_id, client_id, currency order by id)
), entries as (
  insert into balance_entry (partner_id, id, client_id, currency, position, position_before, kind, amount,
    balance_before, balance_after, happened_on, reason, receipt_id, invoice_id, recorded_at, actor)
  select partner_id, 'bal' || substr(id, 4), client_id, currency, position, nullif(position - 1, 0),
         'released', back, after - back, after, current_date, '', receipt_id, invoice_id, now(), 'migration'
    from rows order by position
  returning id
), payments as (
  insert into payment (partner_id, id, invoice_id, client_id, amount, currency, received_on, method,
    reference, receipt_id, balance_entry_id, reverses_payment_id, recorded_at, actor)
  select partner_id, 'pab' || substr(id, 4), invoice_id, client_id, -back, currency, current_date, 'balance',
         reference, receipt_id, 'bal' || substr(id, 4), id, now(), 'migration'
    from rows
  returning id
)
update invoice i set paid_total = i.paid_total - t.extra,
       state = case when i.paid_total = t.extra then 'credited' else i.state end
  from too_much t where t.partner_id = i.partner_id and t.id = i.id
"""


def _protect() -> None:
    ddl.protect("receipt", client="column", rights="select, insert, update (fee)")
    ddl.protect("receipt_reversal", client="column", rights=ddl.APPEND_ONLY)
    ddl.protect("balance_entry", client="column", rights=ddl.APPEND_ONLY)
    ddl.protect(
        "refund", client="column", rights="select, insert, update (state, reference, failure, settled_on)"
    )
    ddl.protect("exchange_rate", client="hidden", rights=ddl.APPEND_ONLY)
    for table in ("receipt", "receipt_reversal", "balance_entry", "refund"):
        ddl.clients_only_read(table)
    for table in _TABLES:
        ddl.audited(table)


def _record() -> list[sa.Column[Any]]:
    return [moment("recorded_at"), text("actor")]

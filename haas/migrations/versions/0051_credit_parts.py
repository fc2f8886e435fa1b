"""Why a credit note was issued, what was counted for it, and never more back than is left of a line."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0051_credit_parts"
down_revision = "0050_debit_notices"
branch_labels = None
depends_on = None

_REASONS = (
    "reason_code in ('', 'return_of_goods', 'price_error', 'service_not_rendered', 'goodwill',"
    " 'early_payment_discount', 'wrong_recipient', 'cancelled')"
)
_MEASURES = "credited_by in ('amount', 'quantity', 'days')"

# The code asks first. Of two who credit the same line at once the second waits for the invoice's row, and
# counts what the first gave back. What a run takes back is named by what it was billed for, by hand the line.
_WITHIN = """
create function haas_credit_within() returns trigger language plpgsql as $$
declare
  charged record;
  rest numeric;
begin
  charged := new;
  if new.kind = 'manual' then
    select * into charged from invoice_line where partner_id = new.partner_id and id = new.source_id;
    perform from invoice where partner_id = new.partner_id and id = charged.invoice_id for no key update;
    select charged.net + sum(net) into rest from invoice_line
     where partner_id = new.partner_id and source_id = new.source_id and kind = 'manual';
    if rest is null or rest < 0 then
      raise exception 'credit notes take back % more than line % charged', -rest, new.source_id
        using errcode = 'check_violation';
    end if;
  end if;
  select sum(l.net + coalesce((select sum(m.net) from invoice_line m
                                where m.partner_id = l.partner_id and m.source_id = l.id
                                  and m.kind = 'manual'), 0)) into rest
    from invoice_line l
   where l.partner_id = new.partner_id and l.source_id = charged.source_id and l.kind = charged.kind
     and l.period_start is not distinct from charged.period_start;
  if rest < 0 then
    raise exception 'credit notes take back % more than was charged for % of %', -rest, charged.kind,
      charged.source_id using errcode = 'check_violation';
  end if;
  return null;
end $$;
"""


def upgrade() -> None:
    """With defaults, so that the release before goes on writing; the next migration reads the old rows."""
    op.add_column("invoice", sa.Column("reason_code", sa.Text(), nullable=False, server_default=""))
    op.add_column("invoice_line", sa.Column("credited_by", sa.Text(), nullable=True))
    op.execute(f"alter table invoice add constraint ck_invoice_reason_known check ({_REASONS}) not valid")
    op.execute(
        "alter table invoice_line add constraint ck_invoice_line_credited_by_known"
        f" check ({_MEASURES}) not valid"
    )
    op.execute(_WITHIN)
    op.execute(
        "create trigger invoice_line_credit_within after insert on invoice_line for each row"
        " when (new.net < 0) execute function haas_credit_within()"
    )


def downgrade() -> None:
    """Drop what `upgrade` made."""
    op.execute("drop trigger invoice_line_credit_within on invoice_line")
    op.execute("drop function haas_credit_within()")
    op.drop_column("invoice_line", "credited_by")
    op.drop_column("invoice", "reason_code")

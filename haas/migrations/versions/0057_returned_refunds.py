"""A refund that was paid and came back is returned, and exports take it back by a row of its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from haas.migrations import ddl

revision = "0057_returned_refunds"
down_revision = "0056_tax_classes_checked"
branch_labels = None
depends_on = None

_STATES = ("asked", "paid", "failed")
_ITEMS = ("invoice", "receipt", "receipt_reversal", "refund", "entry")
_RETURNED = "(state = 'returned') = (returned_on is not null)"

# Settled once; only what was paid may come back, and how it was paid stays as it was.
_SETTLES = """
create or replace function haas_refund_settles() returns trigger language plpgsql as $$
begin
  if old.state <> 'asked' {unless} then
    raise exception 'refund % is settled', old.id using errcode = 'restrict_violation';
  end if;
  return new;
end $$;
"""
_CAME_BACK = """and not (old.state = 'paid' and new.state = 'returned'
    and new.settled_on = old.settled_on and new.reference = old.reference)"""


def upgrade() -> None:
    """More is allowed than before; the release before writes none of it."""
    op.add_column("refund", sa.Column("returned_on", sa.Date(), nullable=True))
    op.execute(f"grant update (returned_on) on refund to {ddl.APP_ROLE}")
    _known("refund", "state", (*_STATES, "returned"))
    op.execute(
        f"alter table refund add constraint ck_refund_returned_has_a_day check ({_RETURNED}) not valid"
    )
    op.execute(_SETTLES.format(unless=_CAME_BACK))
    _known("export_item", "item_kind", (*_ITEMS, "refund_return"))


def downgrade() -> None:
    """What came back is as if it had stayed paid."""
    for table in ("refund", "export_item"):
        op.execute(f"alter table {table} disable trigger user")
        op.execute(f"alter table {table} no force row level security")
    op.execute("delete from export_item where item_kind = 'refund_return'")
    op.execute("update refund set state = 'paid', returned_on = null where state = 'returned'")
    for table in ("refund", "export_item"):
        op.execute(f"alter table {table} force row level security")
        op.execute(f"alter table {table} enable trigger user")
    _known("export_item", "item_kind", _ITEMS)
    op.execute(_SETTLES.format(unless=""))
    op.drop_column("refund", "returned_on")
    _known("refund", "state", _STATES)


def _known(table: str, column: str, words: tuple[str, ...]) -> None:
    """Exchange the words that a column may hold; the next migration reads the rows against them."""
    name, listed = f"ck_{table}_{column}_known", ", ".join(f"'{word}'" for word in words)
    op.execute(f"-- squawk-ignore ban-drop-constraint\nalter table {table} drop constraint {name}")
    op.execute(f"alter table {table} add constraint {name} check ({column} in ({listed})) not valid")

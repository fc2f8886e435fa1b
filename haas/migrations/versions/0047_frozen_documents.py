"""Frozen documents are compressed by LZ4 where the server has it."""

from __future__ import annotations

from alembic import op

revision = "0047_frozen_documents"
down_revision = "0046_audit_by_statement"
branch_labels = None
depends_on = None


_COMPRESS = """
do $$ begin
  if (select 'lz4' = any(enumvals) from pg_settings where name = 'default_toast_compression') then
    alter table invoice alter column document set compression lz4;
  end if;
end $$
"""


def upgrade() -> None:
    """For new rows; what is stored stays readable. Compression by pglz was a third of an invoice's insert."""
    op.execute(_COMPRESS)


def downgrade() -> None:
    """The reverse."""
    op.execute("alter table invoice alter column document set compression default")

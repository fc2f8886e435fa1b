"""What was sent and signed stays as it is; of contracts a client only reads."""

from __future__ import annotations

from alembic import op

from haas.migrations import ddl

revision = "0029_signed_stays"
down_revision = "0028_classification_history"
branch_labels = None
depends_on = None

# Whatever a client asks for here is written in its partner's name (`leases.client_requests`).
_ONLY_READ = (
    "quote",
    "quote_acceptance",
    "amendment",
    "line_terms",
    "abatement",
    "lease_end_notice",
    "lease_end_choice",
    "buyout",
    "loss_charge",
    "deposit",
    "deposit_entry",
)
_NEVER_DELETED = ("quote", "quote_link", "quote_acceptance", "amendment", "purchase_need")

_FROZEN = """
create or replace function haas_quote_frozen() returns trigger language plpgsql
set search_path = public, pg_temp as $$
begin
  if {condition}
     (new.document, new.document_sha256, new.valid_until, new.terms_version_id, new.number, new.revision,
      new.client_id, new.currency) is distinct from
     (old.document, old.document_sha256, old.valid_until, old.terms_version_id, old.number, old.revision,
      old.client_id, old.currency) {more} then
    raise exception 'quote % was sent and is frozen', old.number using errcode = 'restrict_violation';
  end if;
  return new;
end $$;
"""


def upgrade() -> None:
    """A sent quote is no draft again; a signature changes by its paper alone; clients write nothing here."""
    op.execute(
        _FROZEN.format(
            condition="old.document is not null and (",
            more="or (new.state = 'draft' and old.state <> 'draft'))",
        )
    )
    for table in _NEVER_DELETED:
        op.execute(f"revoke delete on {table} from {ddl.APP_ROLE}")
    op.execute(f"revoke update on quote_acceptance from {ddl.APP_ROLE}")
    op.execute(f"grant update (file_id) on quote_acceptance to {ddl.APP_ROLE}")
    for table in _ONLY_READ:
        ddl.clients_only_read(table)


def downgrade() -> None:
    """As it was before."""
    for table in _ONLY_READ:
        for what in ("insert", "update", "delete"):
            op.execute(f"drop policy client_{what} on {table}")
    op.execute(f"revoke update (file_id) on quote_acceptance from {ddl.APP_ROLE}")
    op.execute(f"grant update on quote_acceptance to {ddl.APP_ROLE}")
    for table in _NEVER_DELETED:
        op.execute(f"grant delete on {table} to {ddl.APP_ROLE}")
    op.execute(_FROZEN.format(condition="new.state <> 'draft' and old.document is not null and", more=""))

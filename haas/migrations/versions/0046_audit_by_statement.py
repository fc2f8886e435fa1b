"""Invoices leave their audit entries by one statement for all, and a transaction's links are one insert."""

from __future__ import annotations

from alembic import op

from haas.migrations import ddl

revision = "0046_audit_by_statement"
down_revision = "0045_included_tax"
branch_labels = None
depends_on = None

# The same links and hashes as before: only that they are written by one statement, not one for each entry.
_SEAL = """
create or replace function haas_audit_seal() returns trigger language plpgsql security definer
set search_path = public, pg_temp as $$
declare
  entry audit_entry;
  head audit_head;
  sealed bigint;
  ids bigint[] := '{}';
  hashes bytea[] := '{}';
begin
  if exists (select from audit_link where entry_id = new.id) then return null; end if;
  insert into audit_head (chain, seq, hash) values (new.chain, 0, '\\x') on conflict do nothing;
  select * into head from audit_head where chain = new.chain for update;
  sealed := head.seq;
  for entry in
    select e.* from audit_entry e
     where e.transaction_id = new.transaction_id and e.chain = new.chain
       and not exists (select from audit_link l where l.entry_id = e.id)
     order by e.id
  loop
    head.seq := head.seq + 1;
    head.hash := haas_audit_digest(head.hash, entry);
    ids := ids || entry.id;
    hashes := hashes || head.hash;
  end loop;
  insert into audit_link (chain, seq, entry_id, hash)
    select new.chain, sealed + l.place, l.id, l.hash
      from unnest(ids, hashes) with ordinality as l(id, hash, place);
  update audit_head set seq = head.seq, hash = head.hash where chain = new.chain;
  return null;
end $$;
"""


def upgrade() -> None:
    """The function, and the trigger of a table whose rows come by thousands."""
    ddl.create_audit_of_inserts()
    op.execute("drop trigger invoice_audit on invoice")
    ddl.audited("invoice", masked=("document",), many_inserts=True)
    op.execute(_SEAL)


def downgrade() -> None:
    """The reverse."""
    op.execute("drop trigger invoice_audit_inserts on invoice")
    op.execute("drop trigger invoice_audit on invoice")
    ddl.audited("invoice", masked=("document",))
    ddl.drop_audit_of_inserts()
    op.execute(ddl.SEAL)

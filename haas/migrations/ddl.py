"""The database's own guards, as functions a migration calls: policies, grants, audit triggers.

Row-level security is FORCEd on every table: the owner is bound too. The application's role owns nothing,
cannot bypass a policy, and gets exactly the rights a table needs (append-only tables have no UPDATE).
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from alembic import op

from haas.db import ClientScope

APP_ROLE = os.environ.get("HAAS_APP_ROLE", "haas_app")

READ_WRITE = "select, insert, update, delete"
APPEND_ONLY = "select, insert"

_SETTINGS = """
create function haas_partner() returns text language sql stable parallel safe as
  $$ select nullif(current_setting('haas.partner', true), '') $$;
create function haas_client() returns text language sql stable parallel safe as
  $$ select nullif(current_setting('haas.client', true), '') $$;
create function haas_level() returns text language sql stable parallel safe as
  $$ select nullif(current_setting('haas.level', true), '') $$;
create function haas_key() returns text language sql stable parallel safe as
  $$ select nullif(current_setting('haas.key', true), '') $$;
"""

_REFUSE_CHANGE = """
create function haas_refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
end $$;
"""

# Written by the table's owner, who alone may insert: the application's role cannot forge an entry.
_AUDIT = """
create function haas_audit_write(
  chain text, action text, subject text, subject_id text, before jsonb, after jsonb)
returns void language sql security definer set search_path = public, pg_temp as $$
  insert into audit_entry (chain, transaction_id, at, actor, door, request_id, action, subject, subject_id,
    before, after)
  values (chain, pg_current_xact_id()::text::bigint, clock_timestamp(),
    coalesce(nullif(current_setting('haas.actor', true), ''), session_user),
    coalesce(nullif(current_setting('haas.door', true), ''), 'sql'),
    coalesce(current_setting('haas.request', true), ''), action, subject, subject_id, before, after)
$$;

create function haas_audit() returns trigger language plpgsql security definer
set search_path = public, pg_temp as $$
declare
  masked text[] := coalesce(tg_argv[:], '{}');
  old_row jsonb := case when tg_op = 'INSERT' then null else to_jsonb(old) end;
  new_row jsonb := case when tg_op = 'DELETE' then null else to_jsonb(new) end;
  whole jsonb := coalesce(new_row, old_row);
  chain text := coalesce(case when tg_table_name = 'partner' then whole->>'id' else whole->>'partner_id' end,
                         'operator');
  hidden text;
begin
  if tg_op = 'UPDATE' then
    select jsonb_object_agg(o.key, o.value), jsonb_object_agg(o.key, new_row->o.key)
      into old_row, new_row
      from jsonb_each(old_row) o where o.value is distinct from new_row->o.key;
    if old_row is null then return null; end if;
  end if;
  foreach hidden in array masked loop
    if old_row ? hidden and old_row->hidden <> 'null' then
      old_row := jsonb_set(old_row, array[hidden], '"***"');
    end if;
    if new_row ? hidden and new_row->hidden <> 'null' then
      new_row := jsonb_set(new_row, array[hidden], '"***"');
    end if;
  end loop;
  perform haas_audit_write(
    chain, lower(tg_op), tg_table_name, coalesce(whole->>'id', ''), old_row, new_row);
  return null;
end $$;

create function haas_audit_note(action text, subject text, subject_id text, details jsonb)
returns void language sql security definer set search_path = public, pg_temp as $$
  select haas_audit_write(coalesce(haas_partner(), 'operator'), action, subject, subject_id, null, details)
$$;

create function haas_audit_digest(previous bytea, entry audit_entry) returns bytea
language sql stable set timezone = 'UTC' as $$
  select sha256(previous || convert_to(jsonb_build_array(entry.id, entry.chain, entry.transaction_id,
    extract(epoch from entry.at), entry.actor, entry.door, entry.request_id, entry.action, entry.subject,
    entry.subject_id, entry.before, entry.after)::text, 'UTF8'))
$$;
"""

SEAL = """
-- Runs at commit, once for all entries of the transaction: the head of the chain is the last lock taken
-- and is held only while committing, so it can neither deadlock with the work nor make it wait.
create or replace function haas_audit_seal() returns trigger language plpgsql security definer
set search_path = public, pg_temp as $$
declare
  entry audit_entry;
  head audit_head;
begin
  if exists (select from audit_link where entry_id = new.id) then return null; end if;
  insert into audit_head (chain, seq, hash) values (new.chain, 0, '\\x') on conflict do nothing;
  select * into head from audit_head where chain = new.chain for update;
  for entry in
    select e.* from audit_entry e
     where e.transaction_id = new.transaction_id and e.chain = new.chain
       and not exists (select from audit_link l where l.entry_id = e.id)
     order by e.id
  loop
    head.seq := head.seq + 1;
    head.hash := haas_audit_digest(head.hash, entry);
    insert into audit_link (chain, seq, entry_id, hash) values (entry.chain, head.seq, entry.id, head.hash);
  end loop;
  update audit_head set seq = head.seq, hash = head.hash where chain = new.chain;
  return null;
end $$;
"""

_VERIFY = """
create function haas_audit_verify(which text, out links bigint, out broken_at bigint, out head bytea)
-- Stable: links and head are of one snapshot, else a link sealed in between would look like a break.
language plpgsql stable security definer set search_path = public, pg_temp as $$
declare
  link record;
  previous bytea := '\\x';
begin
  if which is distinct from
     coalesce(haas_partner(), case when haas_level() = 'operator' then 'operator' end) then
    raise exception 'not your chain' using errcode = 'insufficient_privilege';
  end if;
  links := 0;
  for link in
    select l.seq, l.hash, e as entry from audit_link l left join audit_entry e on e.id = l.entry_id
     where l.chain = which order by l.seq
  loop
    links := links + 1;
    if link.seq <> links or link.entry is null
       or link.hash is distinct from haas_audit_digest(previous, link.entry) then
      broken_at := links; return;
    end if;
    previous := link.hash;
  end loop;
  head := previous;
  -- The head remembers a newest link that someone deleted.
  if exists (select from audit_head h where h.chain = which and (h.seq <> links or h.hash <> previous)) then
    broken_at := links + 1;
  end if;
end $$;
"""

# What `haas_audit` writes, for all rows of one statement. The columns are looked up, so none is forgotten;
# one that is masked (a document of kilobytes) is not read for it.
_AUDIT_INSERTS = """
create function haas_audit_inserts() returns trigger language plpgsql security definer
set search_path = public, pg_temp as $$
declare
  masked text[] := coalesce(tg_argv[:], '{}');
  shown text;
begin
  select string_agg(
           case when a.attname = any(masked)
             then format('case when n.%1$I is not null then ''***'' end as %1$I', a.attname)
             else format('n.%I', a.attname) end, ', ' order by a.attnum)
    into shown
    from pg_attribute a where a.attrelid = tg_relid and a.attnum > 0 and not a.attisdropped;
  execute format(
    'insert into audit_entry (chain, transaction_id, at, actor, door, request_id, action, subject, subject_id,
       before, after)
     select n.partner_id, pg_current_xact_id()::text::bigint, clock_timestamp(), $1, $2, $3, ''insert'', $4,
            n.id, null, to_jsonb(r)
       from inserted n cross join lateral (select %s) r', shown)
    using coalesce(nullif(current_setting('haas.actor', true), ''), session_user),
          coalesce(nullif(current_setting('haas.door', true), ''), 'sql'),
          coalesce(current_setting('haas.request', true), ''), tg_table_name;
  return null;
end $$;
"""


def create_functions() -> None:
    """The functions that policies and triggers use. Called once, before any table."""
    op.execute(_SETTINGS)
    op.execute(_REFUSE_CHANGE)


def drop_functions() -> None:
    """The reverse of `create_functions`."""
    op.execute("drop function haas_refuse_change()")
    for name in ("haas_key", "haas_level", "haas_client", "haas_partner"):
        op.execute(f"drop function {name}()")


def create_audit() -> None:
    """Functions and guards of the audit tables, which must exist."""
    for functions in (_AUDIT, SEAL, _VERIFY):
        op.execute(functions)
    op.execute(
        "create constraint trigger audit_entry_seal after insert on audit_entry"
        " deferrable initially deferred for each row execute function haas_audit_seal()"
    )
    for table in ("audit_entry", "audit_link", "audit_head"):
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"alter table {table} force row level security")
        # The definer functions above run as the owner; the application's role may only read its own chain.
        op.execute(f"create policy definer on {table} for all to current_user using (true) with check (true)")
        op.execute(
            f"create policy reader on {table} for select to {APP_ROLE} using (haas_client() is null and"
            " chain = coalesce(haas_partner(), case when haas_level() = 'operator' then 'operator' end))"
        )
        op.execute(f"grant select on {table} to {APP_ROLE}")
    for table in ("audit_entry", "audit_link"):
        op.execute(
            f"create trigger {table}_append_only before update or delete or truncate on {table}"
            " for each statement execute function haas_refuse_change()"
        )


def drop_audit() -> None:
    """The reverse of `create_audit`; the tables go with their migration."""
    for table in ("audit_head", "audit_link", "audit_entry"):
        op.execute(f"drop table {table} cascade")
    for signature in (
        "haas_audit_verify(text)",
        "haas_audit_seal()",
        "haas_audit_note(text, text, text, jsonb)",
        "haas_audit()",
        "haas_audit_write(text, text, text, text, jsonb, jsonb)",
    ):
        op.execute(f"drop function {signature}")


def create_audit_of_inserts() -> None:
    """The function by which tables with many inserts leave their entries; the audit's own must exist."""
    op.execute(_AUDIT_INSERTS)


def drop_audit_of_inserts() -> None:
    """The reverse of `create_audit_of_inserts`; no trigger may use it any more."""
    op.execute("drop function haas_audit_inserts()")


def protect(
    table: str,
    *,
    client: ClientScope = "hidden",
    rights: str = READ_WRITE,
    known_keys: Sequence[str] = (),
    levels: Sequence[str] = (),
    partner_column: str = "partner_id",
) -> None:
    """Row-level security and grants for one partner-owned table.

    :param client: what a client's own user may see; see `haas.db.ClientScope`.
    :param rights: what the application's role may do at all.
    :param known_keys: columns by which a stranger who presents the value may read that one row.
    :param levels: platform levels (`operator`, `relay`) that may read and write rows of every partner.
    """
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    mine = f"{partner_column} = haas_partner()"
    op.execute(f"create policy partner on {table} for all using ({mine}) with check ({mine})")
    for column in known_keys:
        op.execute(f"create policy known_{column} on {table} for select using ({column} = haas_key())")
    for level in levels:
        allowed = f"haas_level() = '{level}'"
        op.execute(f"create policy level_{level} on {table} for all using ({allowed}) with check ({allowed})")
    _restrict_client(table, client)
    op.execute(f"grant {rights} on {table} to {APP_ROLE}")
    if "update" not in rights and "delete" not in rights:
        append_only(table)


def append_only(table: str) -> None:
    """Refuse UPDATE, DELETE and TRUNCATE, whoever asks."""
    op.execute(
        f"create trigger {table}_append_only before update or delete or truncate on {table}"
        " for each statement execute function haas_refuse_change()"
    )


def audited(table: str, *, masked: Sequence[str] = (), many_inserts: bool = False) -> None:
    """Record every change of `table`. `masked` columns (secrets, bytes) appear only as `***`.

    :param many_inserts: whether new rows come by thousands: each has its entry, but all of a statement's are
        written at once, by a second trigger.
    """
    arguments = ", ".join(f"'{column}'" for column in masked)
    changes = "update or delete" if many_inserts else "insert or update or delete"
    op.execute(
        f"create trigger {table}_audit after {changes} on {table}"
        f" for each row execute function haas_audit({arguments})"
    )
    if many_inserts:
        op.execute(
            f"create trigger {table}_audit_inserts after insert on {table} referencing new table as inserted"
            f" for each statement execute function haas_audit_inserts({arguments})"
        )


def clients_only_read(table: str) -> None:
    """Whatever a client's own user may see of `table`, it changes none of it."""
    nobody = "haas_client() is null"
    op.execute(f"create policy client_insert on {table} as restrictive for insert with check ({nobody})")
    op.execute(f"create policy client_update on {table} as restrictive for update using ({nobody})")
    op.execute(f"create policy client_delete on {table} as restrictive for delete using ({nobody})")


def _restrict_client(table: str, client: ClientScope) -> None:
    nobody = "haas_client() is null"
    if client == "column":
        rule = f"{nobody} or client_id = haas_client()"
        op.execute(
            f"create policy client on {table} as restrictive for all using ({rule}) with check ({rule})"
        )
    elif client == "hidden":
        op.execute(
            f"create policy client on {table} as restrictive for all using ({nobody}) with check ({nobody})"
        )
    elif client == "append":
        op.execute(f"create policy client on {table} as restrictive for select using ({nobody})")
    elif client == "shared":
        clients_only_read(table)

"""What no reader should have to remember of the wall between partners, asked of the migrated database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from haas.models import EVERY_TABLE

# Tables without partner_id: why they need none.
NOT_OWNED = {
    "partner": "is the tenant itself; its policy compares the id",
    "audit_entry": "belongs to a chain, which is a partner or the operator",
    "audit_link": "the same",
    "audit_head": "the same",
    "passkey_challenge": "belongs to nobody until it is brought back; its policy compares the key",
    "subscriber_heartbeat": "one row for each subscriber process, about no partner",
    "alembic_version": "says which migrations ran; the application's role cannot see it",
}
# Keys over all partners: a random value that nobody can guess, so that its uniqueness tells nothing.
GLOBAL_KEYS = {
    "uq_partner_slug": "a public name, chosen by the operator",
    "pk_partner": "an id of random bits",
    "pk_app_user": "an id of random bits; people sign in before their partner is known",
    "pk_passkey": "the authenticator's own random credential id",
    "pk_recovery_code": "an id of random bits",
    "pk_portal_session": "an id of random bits",
    "uq_portal_session_token_hash": "HMAC of 256 random bits",
    "pk_one_time_link": "an id of random bits",
    "uq_one_time_link_token_hash": "HMAC of 256 random bits",
    "uq_api_token_token_hmac": "HMAC of 256 random bits",
    "uq_app_user_email": "begins with the partner, or '' for operators",
}
# Keys of other parts; each must be a random token, and says so where it is made.
RANDOM_TOKENS = ("token", "secret", "code_hash", "hmac", "device_id", "username")
# Policies for INSERT alone: they have a check and no condition to read by.
INSERT_ONLY = {"operator_invites"}
# Tables whose changes leave no audit row: why not.
NOT_AUDITED = {
    "audit_entry": "is the audit trail",
    "audit_link": "is the audit trail",
    "audit_head": "is the audit trail",
    "passkey_challenge": "a challenge says nothing about anybody",
    "portal_session": "last-seen times; signing in and out is noted by itself",
    "long_job": "progress; what a job changes is audited where it changes it",
    "outbox_event": "append-only record of facts whose changes are audited",
    "outbox_delivery": "the outbox's own bookkeeping",
    "idempotency_answer": "copies of answers; the changes they answered for are audited",
    "number_series": "a counter; each number stands on an audited paper",
    "asset_move": "append-only: each row is the record of a move",
    "lease_move": "append-only: each row is the record of a move",
    "invoice_line": "append-only, frozen with its audited invoice",
    "billing_chunk": "progress of a run whose invoices are audited",
    "export_item": "says what stands in a batch, which is audited with its count and sums",
    "posting_chunk": "progress of a run; each leaves a note with its counts and sums",
    "journal_entry": "append-only: each row is the record; each chunk of a run leaves a note in the chain",
    "journal_line": "the same",
    "depreciation_posting": "the same",
    "depreciation_plan": "computed from a book and its events, which are audited",
    "billing_round_part": "progress of runs whose invoices are audited",
    "price_rise_line": "a plan; the amendments that carry it out are audited",
    "wholesale_line": "written by a job beside a lease line, which is audited",
    "provider_event": "the inbox: what follows from a message is audited where it happens",
    "payout_line": "append-only: each row is the record, and the payout is audited",
    "alert_delivery": "each row is the record of what was sent",
    "telemetry": "written by devices all day; is a record by itself",
    "inventory": "the same",
    "device_state": "the same",
    "device_session": "the same",
    "online_transition": "the same",
    "health_change": "the same",
    "quarantined_message": "the same",
    "quarantine_count": "the same",
    "subscriber_heartbeat": "written by a process every few seconds",
    "alembic_version": "written by migrations alone",
}


@pytest.fixture(scope="module")
def catalogue(database: Any) -> Iterator[sa.Connection]:
    """The database's own catalogue, read as the owner."""
    engine = sa.create_engine(database.owner_url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        yield connection


def tables(catalogue: sa.Connection) -> dict[str, tuple[bool, bool]]:
    """Every table but the partitions of one: whether row-level security is on, and forced."""
    rows = catalogue.execute(
        sa.text(
            "select c.relname, c.relrowsecurity, c.relforcerowsecurity from pg_class c"
            " join pg_namespace n on n.oid = c.relnamespace"
            " where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition"
        )
    )
    return {name: (on, forced) for name, on, forced in rows}


def owned(catalogue: sa.Connection) -> set[str]:
    """Tables with a partner_id."""
    return set(
        catalogue.scalars(
            sa.text(
                "select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid"
                " join pg_namespace n on n.oid = c.relnamespace"
                " where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition"
                " and a.attname = 'partner_id' and not a.attisdropped"
            )
        )
    )


class TestEveryTable:
    def test_belongs_to_a_partner_or_says_why_not(self, catalogue: sa.Connection) -> None:
        assert set(tables(catalogue)) - owned(catalogue) - set(NOT_OWNED) == set()

    def test_has_row_level_security_on_and_forced(self, catalogue: sa.Connection) -> None:
        bare = {name for name, guards in tables(catalogue).items() if guards != (True, True)}
        assert bare - {"alembic_version"} == set()

    def test_has_a_policy_that_compares_the_partner_and_checks_what_is_written(
        self, catalogue: sa.Connection
    ) -> None:
        rows = catalogue.execute(
            sa.text("select tablename, qual, with_check from pg_policies where policyname = 'partner'")
        )
        good = {
            table
            for table, qual, check in rows
            if "haas_partner()" in (qual or "") and "haas_partner()" in (check or "")
        }
        assert owned(catalogue) - good == set()

    def test_has_no_permissive_policy_that_lets_everything_through(self, catalogue: sa.Connection) -> None:
        rows = catalogue.execute(
            sa.text(
                "select tablename, policyname, qual, roles::text[] from pg_policies"
                " where permissive = 'PERMISSIVE'"
            )
        )
        open_doors = [
            (table, policy)
            for table, policy, qual, roles in rows
            if (qual or "").strip("() ") in ("true", "")
            and policy not in INSERT_ONLY
            and "haas_owner" not in roles
        ]
        assert open_doors == []

    def test_of_the_models_is_in_the_database(self, catalogue: sa.Connection) -> None:
        assert {table.name for table in EVERY_TABLE} - set(tables(catalogue)) == set()

    def test_is_audited_or_says_why_not(self, catalogue: sa.Connection) -> None:
        audited = set(
            catalogue.scalars(
                sa.text(
                    # All of insert (4), delete (8) and update (16), by one trigger or two.
                    "select c.relname from pg_trigger t join pg_class c on c.oid = t.tgrelid"
                    " join pg_proc p on p.oid = t.tgfoid"
                    " where p.proname in ('haas_audit', 'haas_audit_inserts') and not t.tgisinternal"
                    " and t.tgenabled = 'O' group by c.relname having bit_or(t.tgtype) & 28 = 28"
                )
            )
        )
        silent = set(tables(catalogue)) - audited - set(NOT_AUDITED)
        assert silent == set()
        assert audited & set(NOT_AUDITED) == set()


class TestForeignKeys:
    def test_between_owned_tables_carry_the_partner(self, catalogue: sa.Connection) -> None:
        mine = owned(catalogue)
        rows = catalogue.execute(
            sa.text(
                "select k.conname, c.relname, r.relname, array(select a.attname from unnest(k.conkey) with"
                " ordinality u(n, o) join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.n"
                " order by o)"
                " from pg_constraint k join pg_class c on c.oid = k.conrelid"
                " join pg_class r on r.oid = k.confrelid"
                " where k.contype = 'f' and k.conparentid = 0"
            )
        )
        # People are looked up before their partner is known, so their key is one random id.
        plain = [
            name
            for name, table, target, columns in rows
            if table in mine and target in mine and target != "app_user" and "partner_id" not in columns
        ]
        assert plain == []


class TestUniqueKeys:
    def test_begin_with_the_partner_or_are_random(self, catalogue: sa.Connection) -> None:
        rows = catalogue.execute(
            sa.text(
                "select i.relname, t.relname, pg_get_indexdef(x.indexrelid, 1, true) from pg_index x"
                " join pg_class i on i.oid = x.indexrelid join pg_class t on t.oid = x.indrelid"
                " join pg_namespace n on n.oid = t.relnamespace"
                " where x.indisunique and n.nspname = 'public' and not t.relispartition"
            )
        )
        mine = owned(catalogue)
        oracles = [
            (index, first)
            for index, table, first in rows
            if table in mine
            and first != "partner_id"
            and index not in GLOBAL_KEYS
            and not any(word in index for word in RANDOM_TOKENS)
        ]
        assert oracles == []


class TestTheDatabase:
    def test_has_no_materialised_view(self, catalogue: sa.Connection) -> None:
        assert catalogue.scalars(sa.text("select matviewname from pg_matviews")).all() == []

    def test_has_no_view_that_runs_as_its_owner(self, catalogue: sa.Connection) -> None:
        rows = catalogue.scalars(
            sa.text(
                "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
                " where n.nspname = 'public' and c.relkind = 'v'"
                " and not coalesce(c.reloptions::text like '%security_invoker=true%', false)"
            )
        )
        assert rows.all() == []

    def test_runs_definer_functions_with_a_fixed_search_path(self, catalogue: sa.Connection) -> None:
        rows = catalogue.scalars(
            sa.text(
                "select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace"
                " where n.nspname = 'public' and p.prosecdef"
                " and not coalesce(p.proconfig::text like '%search_path%', false)"
            )
        )
        assert rows.all() == []

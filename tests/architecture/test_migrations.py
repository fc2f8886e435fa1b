"""The schema goes up, is what the models say, goes down to nothing and up again, and stops no traffic."""

from __future__ import annotations

import io
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory

from haas import migrations
from haas.db import Base
from haas.embedded.postgres import OWNER
from haas.migrations import configuration
from haas.models import MODULES
from tests.fixtures_stack import Database, SharedStack

ROOT = Path(__file__).parents[2]
PRODUCT = ("haas", "devices", "leases", "invoicing")
# Rules of squawk that do not hold here, and why.
SQUAWK_EXCLUDES = {
    "prefer-bigint-over-int": "counts and positions that stay small; amounts of bytes and numbers are bigint",
    "prefer-text-field": "a SHA-256 has 64 letters for ever, and alembic's own table is alembic's",
    "require-statement-timeout": "a migration may take its time; it must not wait for a lock, which is set",
}


@pytest.fixture
def empty_url(stack: SharedStack, worker_id: str) -> str:
    """The owner's URL of a database without any table."""
    name = f"haas_bare_{worker_id}"
    stack.postgres.drop_database(name)
    stack.postgres.ensure_database(name)
    return stack.postgres.url(OWNER, database=name)


def things(url: str) -> set[str]:
    """Tables, functions, types and sequences of the schema."""
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        return set(
            connection.scalars(
                sa.text(
                    "select 'relation ' || relname from pg_class where relnamespace = 'public'::regnamespace"
                    " union select 'function ' || proname from pg_proc p where pronamespace ="
                    " 'public'::regnamespace and not exists (select 1 from pg_depend d where d.objid = p.oid"
                    " and d.deptype = 'e')"
                    " union select 'type ' || typname from pg_type t where typnamespace ="
                    " 'public'::regnamespace and not exists (select 1 from pg_depend d where d.objid = t.oid"
                    " and d.deptype in ('e', 'i'))"
                )
            )
        )


class TestMigrations:
    def test_go_up_to_what_the_models_say_down_to_nothing_and_up_again(
        self, empty_url: str, fresh_database: Database
    ) -> None:
        url = fresh_database.owner_url  # which went up from nothing when this run began
        before, there = things(empty_url), things(url)
        migrations.check(url)
        migrations.downgrade(url, "base")
        left = {each for each in things(url) - before if "alembic_version" not in each}
        assert left == set()
        migrations.upgrade(url)
        assert things(url) == there
        migrations.check(url)

    def test_go_down_and_up_one_at_a_time(self, empty_url: str) -> None:
        """Whoever must go back one release after a bad one."""
        scripts = ScriptDirectory.from_config(configuration(empty_url))
        for revision in [each.revision for each in scripts.walk_revisions()][::-1]:
            migrations.upgrade(empty_url, revision)  # goes up again first by the step that was taken back
            if revision != scripts.get_bases()[0]:
                migrations.downgrade(empty_url, "-1")
        migrations.upgrade(empty_url)

    def test_are_numbered_in_one_line(self) -> None:
        scripts = ScriptDirectory.from_config(configuration("postgresql://"))
        revisions = [each.revision for each in scripts.walk_revisions()][::-1]
        assert len(scripts.get_heads()) == 1
        numbers = [int(revision[:4]) for revision in revisions]
        assert numbers == list(range(1, len(numbers) + 1))

    def test_pass_the_linter_for_migrations(self, tmp_path: Path) -> None:
        """What an administrator would apply by hand (`alembic upgrade --sql`), read by squawk."""
        script = io.StringIO()
        with redirect_stdout(script):
            command.upgrade(configuration("postgresql+psycopg://"), "head", sql=True)
        path = tmp_path / "upgrade.sql"
        path.write_text(script.getvalue())
        assert "set lock_timeout" in script.getvalue()
        squawk = Path(sys.executable).with_name("squawk")
        checked = subprocess.run(
            [squawk, "--pg-version", "15.0", "--exclude", ",".join(SQUAWK_EXCLUDES), "upgrade.sql"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert checked.returncode == 0, checked.stdout + checked.stderr


class TestEveryModel:
    def test_is_named_once_in_haas_models(self) -> None:
        mapped = {mapper.class_.__module__ for mapper in Base.registry.mappers}
        product = {
            name for name in mapped if name.split(".")[0] in ("haas", "devices", "leases", "invoicing")
        }
        assert product == set(MODULES)
        assert len(MODULES) == len(set(MODULES))

    def test_is_in_a_module_that_says_so(self) -> None:
        """A module with a table that nothing imports would be missed by the mapper and by the check above."""
        found = set()
        for package in PRODUCT:
            for path in (ROOT / package).rglob("*.py"):
                if "__tablename__ =" in path.read_text() and "migrations" not in path.parts:
                    found.add(".".join(path.relative_to(ROOT).with_suffix("").parts))
        assert found == set(MODULES)

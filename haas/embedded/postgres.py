"""PostgreSQL in the data folder: made once, started, adopted after a crash, with its two roles."""

from __future__ import annotations

import signal
import sys
from contextlib import suppress
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from haas.embedded.binaries import PostgresTree, find_postgres, reachable_postgres
from haas.embedded.errors import StackError
from haas.embedded.folder import DataFolder
from haas.embedded.process import Command, ServerProcess, clean_environment, wait_until

ADMIN = "haas_admin"  # the superuser: makes roles, databases and extensions, and nothing else
OWNER = "haas_owner"  # owns the tables; migrations
APPLICATION = "haas_app"  # what the product runs as: row-level security binds it
DATABASE = "haas"

_START_SECONDS = 120  # after a crash the log is replayed first
_LOCAL = ("listen_addresses=", "unix_socket_permissions=0700")
_TUNING = (
    "max_connections=120",
    "shared_buffers=128MB",
    "wal_compression=on",
    "jit=off",  # compiling costs more than it gives on queries this short
    "timezone=UTC",
    "log_timezone=UTC",
)
# Survives the death of any process, not of the machine: for tests, whose data is thrown away.
_NOT_DURABLE = ("fsync=off", "full_page_writes=off")


class Postgres:
    """One PostgreSQL server on a Unix socket."""

    name = "PostgreSQL"

    def __init__(self, folder: DataFolder, *, durable: bool = True) -> None:
        self._folder = folder
        self._durable = durable
        self._process = ServerProcess(self.name)
        self._tree: PostgresTree | None = None

    @property
    def pid(self) -> int | None:
        """The postmaster's process id."""
        return self._process.pid

    def start(self) -> None:
        """Start it, or take over the one an earlier run left, and make sure of its roles and database.

        :raises StackError: if there is no fitting PostgreSQL or it does not come up.
        """
        self._tree = self._find_tree()
        if not self.adopt():
            self._initialise()
            self._start_server()
        try:
            self._ensure_roles()
            self.ensure_database(DATABASE)
        except psycopg.Error as failure:
            raise StackError(f"PostgreSQL runs but cannot be prepared: {failure}") from failure

    def adopt(self) -> bool:
        """Take over a live postmaster of an earlier run; whether there is one."""
        data = self._folder.path / "postgres"
        try:
            pid = int((data / "postmaster.pid").read_text().splitlines()[0])
            if str(data) not in psutil.Process(pid).cmdline():
                return False  # the number was given to another program since
            self._process.adopt(pid)
        except (OSError, ValueError, IndexError, psutil.Error):
            return False  # a file that outlived its process: PostgreSQL itself sorts that out
        wait_until(lambda: not self._process.is_running() or self.responds(), seconds=_START_SECONDS)
        return self._process.is_running()

    def is_running(self) -> bool:
        """Whether the postmaster lives."""
        return self._process.is_running()

    def responds(self) -> bool:
        """Whether it answers a query."""
        with (
            suppress(psycopg.Error),
            self._connect("postgres", connect_timeout=5) as connection,
        ):
            return connection.execute("SELECT 1").fetchone() is not None
        return False

    def stop(self) -> None:
        """Fast shutdown: sessions are ended, everything is written."""
        self._process.stop(signal.SIGINT, seconds=30)

    def url(self, role: str, *, database: str = DATABASE) -> str:
        """The SQLAlchemy URL of a database for one of our roles."""
        password = quote(self._folder.secret(f"postgres_{role}"), safe="")
        sockets = quote(str(self._folder.socket_folder()), safe="/")
        return f"postgresql+psycopg://{role}:{password}@/{database}?host={sockets}"

    def ensure_database(self, name: str, *, template: str | None = None) -> None:
        """Make a database of the owner's, with the extension the schema needs, if it is missing.

        A `template` is copied whole and must have no connections.
        """
        with self._connect("postgres") as connection:
            row = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
            if row is None:
                create = sql.SQL("CREATE DATABASE {} OWNER {}").format(
                    sql.Identifier(name), sql.Identifier(OWNER)
                )
                if template is not None:
                    create += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
                    if not self._durable and self._require_tree().major >= 15:
                        # Half the time: nothing of it is written to the log, and no disk is waited for.
                        create += sql.SQL(" STRATEGY file_copy")
                connection.execute(create)
                for statement in (
                    "REVOKE ALL ON DATABASE {database} FROM PUBLIC",
                    "GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {application}",
                ):
                    connection.execute(
                        sql.SQL(statement).format(
                            database=sql.Identifier(name),
                            application=sql.Identifier(APPLICATION),
                        )
                    )

    def freeze_database(self, name: str) -> None:
        """Close a database to all but the superuser, so that it can be copied at any moment."""
        with self._connect("postgres") as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                (name,),
            )
            connection.execute(
                sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false").format(sql.Identifier(name))
            )

    def drop_database(self, name: str) -> None:
        """Drop a database, ending whoever is connected to it."""
        with self._connect("postgres") as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )

    def _find_tree(self) -> PostgresTree:
        version_file = self._folder.path / "postgres" / "PG_VERSION"
        wanted = int(version_file.read_text()) if version_file.exists() else None
        return reachable_postgres(find_postgres(wanted_major=wanted), self._folder)

    def _initialise(self) -> None:
        data = self._folder.path / "postgres"
        if (data / "PG_VERSION").exists():
            return
        tree = self._require_tree()
        self._folder.folder("postgres")
        self._folder.secret(f"postgres_{ADMIN}")
        command = [
            tree.program("initdb"),
            f"--pgdata={data}",
            f"--username={ADMIN}",
            "--auth=scram-sha-256",
            f"--pwfile={self._folder.path / 'secrets' / f'postgres_{ADMIN}'}",
            "--encoding=UTF8",
            "--data-checksums",
            "--no-instructions",
            *_locale_arguments(tree.major),
            *([] if self._durable else ["--no-sync"]),
        ]
        process = ServerProcess("initdb")
        process.start(self._command(command))
        if not process.wait(_START_SECONDS) or not (data / "global" / "pg_control").exists():
            raise StackError(f"initdb failed. The end of its log:\n{process.log_tail()}")

    def _start_server(self) -> None:
        settings = [
            *_LOCAL,
            f"unix_socket_directories={self._folder.socket_folder()}",
            *_TUNING,
        ]
        settings += [] if self._durable else _NOT_DURABLE
        options = [part for setting in settings for part in ("-c", setting)]
        data = str(self._folder.path / "postgres")
        command = self._command([self._require_tree().program("postgres"), "-D", data, *options])

        def attempt() -> bool:
            # After kill -9 of the postmaster its backends need a moment to notice and go; until
            # then the next one refuses to share their memory.
            self._process.start(command)
            wait_until(
                lambda: not self._process.is_running() or self.responds(),
                seconds=_START_SECONDS,
            )
            return self._process.is_running()

        if not wait_until(attempt, seconds=15):
            raise StackError(f"PostgreSQL does not start. The end of its log:\n{self._process.log_tail()}")

    def _ensure_roles(self) -> None:
        with self._connect("postgres") as connection:
            for role in (OWNER, APPLICATION):
                exists = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
                connection.execute(
                    sql.SQL(
                        "{verb} ROLE {role} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE "
                        "NOREPLICATION PASSWORD {password}"
                    ).format(
                        verb=sql.SQL("ALTER" if exists else "CREATE"),
                        role=sql.Identifier(role),
                        password=sql.Literal(self._folder.secret(f"postgres_{role}")),
                    )
                )

    def _connect(self, database: str, *, connect_timeout: int = 30) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=str(self._folder.socket_folder()),
            user=ADMIN,
            password=self._folder.secret(f"postgres_{ADMIN}"),
            dbname=database,
            connect_timeout=connect_timeout,
            autocommit=True,
        )

    def _command(self, arguments: list[str]) -> Command:
        environment = clean_environment()
        tree = self._require_tree()
        if tree.libraries is not None:
            environment["LD_LIBRARY_PATH"] = str(tree.libraries)
        return Command(
            arguments=arguments,
            log_file=self._folder.path / "logs" / "postgres.log",
            environment=environment,
            folder=self._folder.path,
            run_as=self._folder.run_as,
        )

    def _require_tree(self) -> PostgresTree:
        if self._tree is None:
            self._tree = self._find_tree()
        return self._tree


def _locale_arguments(major: int) -> list[str]:
    """Sort by code point everywhere: an operating system's upgrade must not reorder our indexes."""
    if major >= 17:
        return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    if sys.platform == "darwin":  # has no C.UTF-8, and plain C would not fold accented letters
        return ["--locale=C", "--lc-ctype=en_US.UTF-8"]
    return ["--locale=C.UTF-8"]

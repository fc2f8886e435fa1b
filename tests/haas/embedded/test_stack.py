"""The stack: starts, survives kill -9 of its servers and of itself, continues."""

import os
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from haas.embedded.errors import StackError
from haas.embedded.folder import RunAs, is_reachable
from haas.embedded.process import wait_until
from haas.embedded.product import ROOT
from haas.embedded.stack import External, Stack

NOBODY = 65534

# Starts a stack in the folder named, uses each server as the product would, and says who runs them.
USE_STACK = """
import sys, psutil, psycopg, redis
from haas.embedded.stack import Stack
with Stack(sys.argv[1], durable=False) as stack:
    with psycopg.connect(stack.app_url.replace("+psycopg", "")) as connection:
        assert connection.execute("select current_user").fetchone() == ("haas_app",)
    assert redis.Redis.from_url(stack.redis_url).incr("starts") >= 1
    assert stack.broker.responds()
    print(*sorted({psutil.Process(pid).uids().effective for pid in stack.supervisor.pids().values()}))
"""


def connect(url: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(url.replace("+psycopg", ""), connect_timeout=5)


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE  # nobody may be there to reap it
    except psutil.NoSuchProcess:
        return False


def pythons_for(user: RunAs) -> list[str]:
    """An interpreter of our version that this user can reach: ours may lie in root's home."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    candidates = [sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"]
    site = Path(sysconfig.get_paths()["purelib"])
    if not is_reachable(site, user):
        return []
    return [each for each in candidates if Path(each).exists() and is_reachable(Path(each), user)]


def ways_to_run() -> list[tuple[int, str]]:
    """As ourselves always; as an ordinary user too, where we may become one."""
    ways = [(os.geteuid(), sys.executable)]
    if os.geteuid() == 0:
        ways += [(NOBODY, each) for each in pythons_for(RunAs("nobody", NOBODY, NOBODY))[:1]]
    return ways


class TestStack:
    def test_gives_the_application_a_role_that_row_level_security_binds(
        self, private_stack: Callable[..., Stack]
    ) -> None:
        stack = private_stack(with_broker=False)

        with connect(stack.owner_url) as owner:
            owner.execute("create table probe (id int)")
            roles = owner.execute(
                "select rolname, rolsuper or rolbypassrls or rolcreaterole or rolcreatedb from pg_roles"
                " where rolname in ('haas_app', 'haas_owner')"
            ).fetchall()

        assert sorted(roles) == [("haas_app", False), ("haas_owner", False)]
        with (
            connect(stack.app_url) as application,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            application.execute("create table own (id int)")

    def test_listens_on_no_network_but_the_brokers_loopback(
        self, private_stack: Callable[..., Stack]
    ) -> None:
        stack = private_stack()

        listening = {
            name: {item.laddr.ip for item in psutil.Process(pid).net_connections("inet")}
            for name, pid in stack.supervisor.pids().items()
        }

        assert listening == {"PostgreSQL": set(), "Valkey": set(), "MQTT broker": {"127.0.0.1"}}

    def test_continues_with_its_data_after_a_stop(
        self, private_folder: Path, private_stack: Callable[..., Stack]
    ) -> None:
        first = private_stack()
        devices, owner_url = first.broker.devices, first.owner_url
        with connect(owner_url) as connection:
            connection.execute("create table kept as select 42 as answer")
        redis.Redis.from_url(first.redis_url).set("kept", "yes")
        first.stop()

        second = private_stack(private_folder)

        assert (second.owner_url, second.broker.devices) == (owner_url, devices)
        with connect(second.owner_url) as connection:
            assert connection.execute("select answer from kept").fetchone() == (42,)
        assert redis.Redis.from_url(second.redis_url).get("kept") == b"yes"

    def test_restarts_each_server_that_is_killed_and_loses_nothing_written(
        self, private_stack: Callable[..., Stack]
    ) -> None:
        stack = private_stack(durable=True)
        with connect(stack.owner_url) as connection:
            connection.execute("create table kept as select generate_series(1, 1000) as number")
        redis.Redis.from_url(stack.redis_url).rpush("kept", *range(1000))
        before = stack.supervisor.pids()

        for pid in before.values():
            assert pid is not None
            os.kill(pid, signal.SIGKILL)

        def all_new() -> bool:
            return all(pid not in (None, before[name]) for name, pid in stack.supervisor.pids().items())

        assert wait_until(all_new, seconds=30)
        services = (stack.postgres, stack.valkey, stack.broker)
        assert wait_until(lambda: all(service.responds() for service in services), seconds=30)
        with connect(stack.owner_url) as connection:
            assert connection.execute("select count(*) from kept").fetchone() == (1000,)
        assert redis.Redis.from_url(stack.redis_url).llen("kept") == 1000
        assert all(stack.supervisor.restarts(name) >= 1 for name in before)

    def test_takes_over_the_servers_of_a_run_that_was_killed(
        self, private_folder: Path, private_stack: Callable[..., Stack]
    ) -> None:
        hang = (
            "import sys; from haas.embedded.stack import Stack; s = Stack(sys.argv[1], durable=False).start()"
        )
        hang += "; print(*s.supervisor.pids().values(), flush=True); sys.stdin.read()"
        with subprocess.Popen(
            [sys.executable, "-c", hang, str(private_folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        ) as crashed:
            assert crashed.stdout is not None
            pids = [int(word) for word in crashed.stdout.readline().split()]
            crashed.kill()

        stack = private_stack(private_folder)

        assert list(stack.supervisor.pids().values()) == pids
        stack.stop()
        assert not any(is_alive(pid) for pid in pids)

    def test_stops_what_a_killed_run_left(self, private_folder: Path) -> None:
        start = "import os, signal, sys; from haas.embedded.stack import Stack"
        start += "; Stack(sys.argv[1], durable=False).start(); os.kill(os.getpid(), signal.SIGKILL)"
        subprocess.run([sys.executable, "-c", start, str(private_folder)], check=False, cwd=ROOT)

        assert Stack(private_folder).stop_leftovers() == ["PostgreSQL", "Valkey", "MQTT broker"]
        assert Stack(private_folder).stop_leftovers() == []

    @pytest.mark.parametrize(("uid", "python"), ways_to_run())
    def test_runs_as_root_and_as_an_ordinary_user_but_its_servers_never_as_root(
        self, uid: int, python: str, private_folder: Path
    ) -> None:
        # Another 3.11 may be older than 3.11.3 and then wants what ours did without.
        (private_folder.parent / "async_timeout.py").write_text("from asyncio import timeout as timeout")
        private_folder.mkdir(mode=0o700)
        os.chown(private_folder, uid, -1)
        path = f"{ROOT}:{sysconfig.get_paths()['purelib']}:{private_folder.parent}"
        outcome = subprocess.run(
            [python, "-c", USE_STACK, str(private_folder)],
            user=uid if uid != os.geteuid() else None,
            group=NOBODY if uid == NOBODY else None,
            extra_groups=[] if uid == NOBODY else None,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": path, "HOME": "/"},
            capture_output=True,
            text=True,
            check=False,
        )

        assert outcome.returncode == 0, outcome.stderr
        owners = outcome.stdout.split()
        assert len(owners) == 1
        assert owners[0] != "0"
        if uid != 0:
            assert owners == [str(uid)]

    def test_starts_under_a_path_too_long_for_a_socket(
        self, private_folder: Path, private_stack: Callable[..., Stack]
    ) -> None:
        private_folder.mkdir(mode=0o755)
        stack = private_stack(private_folder / ("long" * 25), with_broker=False)

        with connect(stack.app_url) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
        stack.stop()
        stack.folder.remove()

    def test_refuses_data_of_another_postgresql(
        self, private_folder: Path, private_stack: Callable[..., Stack]
    ) -> None:
        first = private_stack(with_broker=False)
        first.stop()
        version = private_folder / "postgres" / "PG_VERSION"
        version.write_text("9\n")

        with pytest.raises(StackError, match="was made by PostgreSQL 9"):
            private_stack(private_folder, with_broker=False)

    def test_starts_nothing_that_the_settings_name_elsewhere(
        self, private_stack: Callable[..., Stack]
    ) -> None:
        external = External(
            database_url="postgresql+psycopg://app@db/haas",
            owner_database_url="postgresql+psycopg://owner@db/haas",
            redis_url="redis://cache",
            mqtt_url="mqtts://ingest:p%40ss@broker.example:8884",
        )

        stack = private_stack(external=external)

        assert stack.supervisor.pids() == {}
        assert stack.app_url == external.database_url
        assert (stack.mqtt.host, stack.mqtt.port, stack.mqtt.password) == ("broker.example", 8884, "p@ss")

    def test_wants_both_database_urls_or_neither(self) -> None:
        with pytest.raises(StackError, match="both"):
            External.from_environment({"HAAS_DATABASE_URL": "postgresql+psycopg://app@db/haas"})

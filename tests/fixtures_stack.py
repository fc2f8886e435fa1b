"""One real PostgreSQL and Valkey for a whole test run, a migrated database for each of its processes."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from haas.embedded.broker import Broker
from haas.embedded.folder import DataFolder
from haas.embedded.postgres import APPLICATION, OWNER, Postgres
from haas.embedded.product import end_orphans
from haas.embedded.stack import Stack
from haas.embedded.valkey import Valkey
from haas.migrations import upgrade

_PREFIX = "haas-test-"
_TEMPLATE = "haas_template"
_STACK_KEY = pytest.StashKey[Stack]()


@dataclass(frozen=True, slots=True)
class Database:
    """A migrated database, and the Valkey database of this test process."""

    name: str
    owner_url: str = field(repr=False)
    app_url: str = field(repr=False)
    redis_url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SharedStack:
    """The servers of this run, whichever process started them. Do not kill them: take `private_stack`."""

    folder: DataFolder
    postgres: Postgres
    valkey: Valkey

    def database(self, name: str, *, worker_id: str, template: str = _TEMPLATE) -> Database:
        """A new copy of the migrated database, or of another that nobody is connected to."""
        self.postgres.ensure_database(name, template=template)
        return Database(
            name,
            owner_url=self.postgres.url(OWNER, database=name),
            app_url=self.postgres.url(APPLICATION, database=name),
            redis_url=self.valkey.url(database=_valkey_number(worker_id)),
        )


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Under xdist the controller runs the servers, once, and tells each worker where."""
    node.workerinput["haas_stack"] = str(_started_stack(node.config).folder.path)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the servers this process started, and leave nothing behind."""
    stack = config.stash.get(_STACK_KEY, None)
    if stack is not None:
        stack.stop()
        stack.folder.remove()


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> SharedStack:
    """PostgreSQL (with the migrated template) and Valkey, shared by the whole run."""
    worker_input = getattr(request.config, "workerinput", None)
    if worker_input is None:
        folder = _started_stack(request.config).folder
    else:
        folder = DataFolder(Path(worker_input["haas_stack"]))
    return SharedStack(folder, Postgres(folder, durable=False), Valkey(folder))


@pytest.fixture(scope="session")
def database(stack: SharedStack, worker_id: str) -> Database:
    """This process's database, migrated. Tests roll back, or clean up what they commit."""
    return stack.database(f"haas_{worker_id}", worker_id=worker_id)


@pytest.fixture
def fresh_database(stack: SharedStack, worker_id: str) -> Iterator[Database]:
    """A database for one test that commits as it likes (about 0.1 s)."""
    made = stack.database(f"haas_{worker_id}_{next(_numbers)}", worker_id=worker_id)
    yield made
    stack.postgres.drop_database(made.name)


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """An MQTT broker of this test process's own, with our configuration and no devices yet."""
    folder = DataFolder(_temporary_folder())
    folder.prepare()
    folder.lock()
    made = Broker(folder)
    made.start()
    yield made
    made.stop()
    folder.unlock()
    folder.remove()


@pytest.fixture
def private_folder() -> Iterator[Path]:
    """A place for one test's own data folder that the servers' user can reach."""
    outer = _temporary_folder()
    outer.chmod(0o755)
    yield outer / "data"
    shutil.rmtree(outer)


@pytest.fixture
def private_stack(private_folder: Path) -> Iterator[Callable[..., Stack]]:
    """Start whole stacks that the test may kill; all are stopped after it. `stack(path=…, **options)`."""
    started: list[Stack] = []

    def start(path: Path | None = None, **options: Any) -> Stack:
        made = Stack(path or private_folder, **{"durable": False, **options})
        started.append(made)
        return made.start()

    yield start
    for each in reversed(started):
        each.stop()


_numbers = count(1)


def _valkey_number(worker_id: str) -> int:
    return 0 if worker_id == "master" else int(worker_id.removeprefix("gw")) + 1


def _started_stack(config: pytest.Config) -> Stack:
    if _STACK_KEY not in config.stash:
        _remove_leftovers()
        made = Stack(_temporary_folder(), with_broker=False, durable=False)
        made.start()
        config.stash[_STACK_KEY] = made
        made.postgres.ensure_database(_TEMPLATE)
        upgrade(made.postgres.url(OWNER, database=_TEMPLATE))
        made.postgres.freeze_database(_TEMPLATE)
    return config.stash[_STACK_KEY]


def _temporary_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix=_PREFIX))


def _remove_leftovers() -> None:
    """End the servers of runs that were killed before they could: nobody holds their lock."""
    for outer in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        for path in (outer, outer / "data"):  # a run's own, a test's private one
            if not (path / "lock").exists() or time.time() - path.stat().st_mtime < 60:
                continue
            leftover = Stack(path)
            if leftover.folder.is_ours() and leftover.folder.holder() is None:
                end_orphans(leftover.folder)
                leftover.stop_leftovers()
                shutil.rmtree(outer)
                break

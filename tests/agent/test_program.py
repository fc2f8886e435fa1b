from __future__ import annotations

import ast
import json
import os
import re
import socket
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from agent import __version__, bundle, doctor
from agent.identity import StateDirectory
from agent.install import PROGRAM, UNIT_NAME, install, unit_text
from agent.notify import ServiceManager
from agent.settings import AgentSettings, BadSettings
from tests.agent.world import REPOSITORY, enrolled, wait_for

SOURCES = sorted((REPOSITORY / "agent").rglob("*.py"))


class TestSources:
    @pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
    def test_are_readable_by_python_3_9(self, path):
        ast.parse(path.read_text(), feature_version=(3, 9))

    def test_import_nothing_but_the_standard_library_and_two_more(self):
        allowed = set(sys.stdlib_module_names) | {"agent", "paho", "psutil"}
        for path in SOURCES:
            for node in ast.walk(ast.parse(path.read_text())):
                names = []
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom):
                    names = [node.module or ""]
                assert {name.split(".")[0] for name in names} <= allowed, path

    def test_keep_the_wire_contract_free_of_everything(self):
        tree = ast.parse((REPOSITORY / "agent" / "messages.py").read_text())
        modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

        assert modules == {"__future__", "typing"}


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    return bundle.build(tmp_path_factory.mktemp("bundle") / "haas-agent.pyz")


class TestBundle:
    def test_runs_the_doctor_on_a_python_that_has_neither_library(self, archive, tmp_path):
        venv.create(tmp_path / "bare", with_pip=False)
        python = tmp_path / "bare" / "bin" / "python"
        done = subprocess.run(
            [python, archive, "doctor", "--json", "--state", tmp_path / "state"],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "STATE_DIRECTORY": str(tmp_path / "lib")},
        )

        assert done.returncode == 10, done.stderr  # not enrolled
        outcome = {check["name"]: check["outcome"] for check in json.loads(done.stdout)}
        assert outcome["libraries"] == "ok"
        assert outcome["enrolled"] == "failed"

    def test_replaces_what_somebody_changed_in_the_unpacked_library(self, archive, tmp_path):
        def run() -> int:
            return subprocess.run(
                [tmp_path / "bare" / "bin" / "python", archive, "doctor", "--state", tmp_path / "state"],
                check=False,
                capture_output=True,
                cwd=tmp_path,
                env={"PATH": os.environ["PATH"], "STATE_DIRECTORY": str(tmp_path / "lib")},
            ).returncode

        venv.create(tmp_path / "bare", with_pip=False)
        run()
        (changed,) = (tmp_path / "lib").rglob("psutil/__init__.py")
        content = changed.read_bytes()
        changed.write_text("raise SystemExit(99)")

        assert run() == 10
        assert changed.read_bytes() == content

    def test_gives_the_same_bytes_twice_also_when_built_from_itself(self, archive, tmp_path):
        again = bundle.build(tmp_path / "again.pyz")
        subprocess.run(
            [sys.executable, archive, "install", "--root", tmp_path / "image"],
            check=True,
            capture_output=True,
            cwd=tmp_path,
        )

        assert again.read_bytes() == archive.read_bytes()
        assert (tmp_path / "image" / PROGRAM.relative_to("/")).read_bytes() == archive.read_bytes()

    def test_contains_nothing_of_the_server(self, archive):
        tops = {name.split("/")[0] for name in zipfile.ZipFile(archive).namelist()}

        assert tops == {"__main__.py", "agent", "paho", "_unpack"}


class TestInstall:
    def test_puts_program_and_unit_into_an_image(self, tmp_path):
        done = install(root=tmp_path, python="/usr/bin/python3")

        unit = (tmp_path / "etc/systemd/system" / UNIT_NAME).read_text()
        assert f"ExecStart=/usr/bin/python3 {PROGRAM} run" in unit
        assert (tmp_path / PROGRAM.relative_to("/")).stat().st_mode & 0o777 == 0o755
        assert len(done) == 2

    @pytest.mark.parametrize(
        "line",
        [
            "Type=notify",
            "WatchdogSec=180",
            "Restart=always",
            "StateDirectory=haas-agent",
            "NoNewPrivileges=yes",
            "ProtectSystem=strict",
            "CapabilityBoundingSet=CAP_SYS_RAWIO CAP_SYS_ADMIN",
        ],
    )
    def test_writes_a_unit_that_is_watched_and_confined(self, line):
        assert line in unit_text(python="/usr/bin/python3", program=PROGRAM).splitlines()

    def test_writes_only_settings_of_the_form_systemd_reads(self):
        for line in unit_text(python="/usr/bin/python3", program=PROGRAM).splitlines():
            assert re.fullmatch(r"|\[\w+\]|[A-Z]\w+=.*", line)


class TestServiceManager:
    def test_tells_systemd_and_keeps_the_channel_from_children(self, tmp_path):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
            systemd.bind(str(tmp_path / "notify"))
            environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "180000000"}
            manager = ServiceManager(environment)
            manager.tell(READY="1", STATUS="well")

            assert systemd.recv(100) == b"READY=1\nSTATUS=well"
            assert manager.watchdog_seconds == 180
            assert environment == {}

    def test_is_silent_where_nobody_listens(self, tmp_path):
        ServiceManager({}).tell(READY="1")
        ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "gone")}).tell(READY="1")

    def test_is_told_by_the_running_agent(self, tmp_path, server, inbox, monkeypatch, start_agent):
        enrolled(tmp_path / "a", server)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
            systemd.bind(str(tmp_path / "notify"))
            systemd.settimeout(10)
            monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
            monkeypatch.setenv("WATCHDOG_USEC", "3000000")
            agent = start_agent(tmp_path / "a")
            heard: set[str] = set()
            while {"READY=1", "WATCHDOG=1", "STATUS=1 of 1 connected"} - heard:
                heard.add(systemd.recv(100).decode())
            agent.stop()
            while "STOPPING=1" not in heard:
                heard.add(systemd.recv(100).decode())


def outcomes(checks: list[doctor.Check]) -> dict[str, str]:
    return {check.name: check.outcome for check in checks}


class TestDoctor:
    def test_finds_everything_well(self, tmp_path, server, broker):
        enrolled(tmp_path / "a", server)

        checks = doctor.examine(AgentSettings(state_dir=tmp_path / "a"))

        found = outcomes(checks)
        assert doctor.exit_code(checks) == 0, doctor.as_text(checks)
        assert [found[name] for name in ("enrolled", "server", "broker", "credentials")] == ["ok"] * 4

    @pytest.mark.parametrize(
        ("fault", "name", "code"),
        [
            ("not_enrolled", "enrolled", 10),
            ("no_server", "server", 12),
            ("no_broker", "broker", 13),
            ("wrong_secret", "credentials", 14),
            ("clock_off", "clock", 17),
        ],
    )
    def test_names_the_first_fault_with_its_remedy_and_code(
        self, tmp_path, server, broker, fault, name, code
    ):
        credentials = enrolled(tmp_path / "a", server)
        settings = AgentSettings(state_dir=tmp_path / "a")
        clock = None
        if fault == "not_enrolled":
            (tmp_path / "a" / "credentials.json").unlink()
        elif fault == "no_server":
            server.close()
        elif fault == "no_broker":
            broker.kill()
        elif fault == "wrong_secret":
            broker.allow(credentials.device, "another")
        else:
            clock = TwoYearsAhead()

        checks = doctor.examine(settings, clock=clock)

        (failed,) = (check for check in checks if check.name == name)
        assert failed.outcome == "failed"
        assert failed.remedy
        assert doctor.exit_code(checks) == code

    def test_does_not_drive_out_the_agent_that_runs(self, tmp_path, server, inbox, start_agent):
        enrolled(tmp_path / "a", server)
        start_agent(tmp_path / "a")
        wait_for(lambda: inbox.of("health"))

        checks = doctor.examine(AgentSettings(state_dir=tmp_path / "a"))

        assert doctor.exit_code(checks) == 0
        assert "not tried" in doctor.as_text(checks)
        assert inbox.of("death") == []


class TwoYearsAhead:
    def wall_ms(self) -> int:
        return 1_920_000_000_000

    def steady(self) -> float:
        return 0.0

    def slept(self) -> float:
        return 0.0


class TestAgentSettings:
    def test_lets_the_environment_win_over_the_file(self, tmp_path):
        file = tmp_path / "agent.json"
        file.write_text(json.dumps({"keepalive_seconds": 90, "mqtt_host": "a"}))

        settings = AgentSettings.load(
            environment={"HAAS_AGENT_MQTT_HOST": "b", "STATE_DIRECTORY": "/state"}, file=file
        )

        assert (settings.keepalive_seconds, settings.mqtt_host) == (90, "b")
        assert settings.state_dir == Path("/state")

    @pytest.mark.parametrize(
        "given", [{"keepalive_seconds": 0}, {"keepalive_seconds": "often"}, {"colour": "red"}]
    )
    def test_refuses_what_it_cannot_use(self, tmp_path, given):
        file = tmp_path / "agent.json"
        file.write_text(json.dumps(given))

        with pytest.raises(BadSettings):
            AgentSettings.load(environment={}, file=file)


class TestCommandLine:
    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "agent", *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=REPOSITORY,
        )

    def test_says_what_to_do_when_the_device_is_not_enrolled(self, tmp_path):
        done = self.run("run", "--state", str(tmp_path))

        assert done.returncode == 10
        assert "enroll https://" in done.stderr

    def test_refuses_a_second_agent_on_the_same_state(self, tmp_path):
        state = StateDirectory(tmp_path)
        state.lock()
        done = self.run("run", "--state", str(tmp_path))
        state.unlock()

        assert done.returncode == 11
        assert "another agent" in done.stderr

    def test_shows_what_would_be_reported(self):
        shown = json.loads(self.run("show").stdout)

        assert {"health", "inventory", "smart", "absent"} == set(shown)

    def test_knows_its_version(self):
        assert self.run("--version").stdout.strip() == __version__

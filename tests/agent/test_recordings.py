from __future__ import annotations

import threading
import time
from pathlib import Path

import psutil
import pytest

from agent import messages, recordings, simulate
from agent.identity import Credentials
from agent.recordings import RecordedMachine, write_recording
from tests.agent.world import wait_for

BEGINS = 1_790_000_000_000
HOUR = 3600


class StillClock:
    """A clock that stands where the test put it."""

    def __init__(self, wall_ms: int) -> None:
        self.now = wall_ms

    def wall_ms(self) -> int:
        return self.now

    def steady(self) -> float:
        return self.now / 1000

    def slept(self) -> float:
        return 0.0


def record(folder: Path, **given: object) -> Path:
    path = folder / "readings.jsonl"
    write_recording(
        path,
        **{"profile": "workstation", "seed": 1, "begins_ms": BEGINS, "hours": 24, **given},  # type: ignore[arg-type]
    )
    return path


def disk_at(path: Path, hours: float) -> dict[str, int]:
    clock = StillClock(BEGINS + int(hours * HOUR * 1000))
    health: dict[str, int] = RecordedMachine(path, clock).smart(clock.now)[-1]["health"]
    return health


class TestWriteRecording:
    def test_gives_the_same_bytes_for_the_same_seed_and_others_for_another(self, tmp_path):
        contents = []
        for name, seed in (("a", 1), ("b", 1), ("c", 2)):
            (tmp_path / name).mkdir()
            contents.append(record(tmp_path / name, seed=seed).read_bytes())

        assert contents[0] == contents[1] != contents[2]

    @pytest.mark.parametrize("profile", recordings.PROFILES)
    @pytest.mark.parametrize("condition", recordings.CONDITIONS)
    def test_stays_within_the_contract_in_every_profile(self, tmp_path, profile, condition):
        if (profile, condition) in {("server", "worn_battery"), ("workstation", "worn_battery")}:
            with pytest.raises(ValueError, match="battery"):
                record(tmp_path, profile=profile, condition=condition)
            return
        path = record(tmp_path, profile=profile, condition=condition)
        for hours in range(48):
            machine = RecordedMachine(path, StillClock(BEGINS + hours * HOUR * 1000))
            health = machine.health()
            assert set(health["m"]) <= set(messages.METRICS)
            for battery in health.get("bat", []):
                assert set(battery) <= set(messages.BATTERY_FIELDS)
            for entry in machine.smart(1):
                assert set(entry["health"]) <= set(messages.DISK_FIELDS)
            messages.encode({**health, **machine.inventory()})

    def test_keeps_the_serial_it_is_given(self, tmp_path):
        assert RecordedMachine(record(tmp_path, serial="PF-1")).head["hw"]["serial"] == "PF-1"

    def test_makes_a_failing_disk_worse_and_never_better_also_on_the_second_day(self, tmp_path):
        path = record(tmp_path, condition="failing_disk")

        seen = [disk_at(path, hours)["reallocated"] for hours in (0, 6, 23, 24, 30, 47, 100)]

        assert seen == sorted(seen)
        assert seen[0] > 0
        assert seen[-1] > seen[2]

    def test_leaves_a_healthy_disk_without_errors(self, tmp_path):
        path = record(tmp_path)

        assert {disk_at(path, hours)["pending"] for hours in (0, 12, 30)} == {0}

    def test_shows_what_its_condition_says(self, tmp_path):
        worn = RecordedMachine(record(tmp_path, profile="laptop", condition="worn_battery"))
        assert worn.health()["bat"][0]["health_pct"] < 60
        hot = RecordedMachine(record(tmp_path, condition="hot"))
        assert hot.health()["m"]["temp_cpu_c"] > 70


class TestSimulatedFleet:
    def test_runs_twenty_devices_in_one_process_lightly(self, tmp_path, server, inbox):
        fleet = []
        begins = int(time.time() * 1000) - 3_600_000
        for index, (profile, condition) in enumerate(recordings.profiles_for(20)):
            folder = tmp_path / f"sim{index}"
            folder.mkdir()
            device = simulate.SimulatedDevice(folder, folder / simulate.RECORDING)
            write_recording(
                device.readings, profile=profile, condition=condition, seed=index, begins_ms=begins
            )
            credentials = simulate.enrol(device, server=server.address, code=f"C{index}")
            assert isinstance(credentials, Credentials)
            fleet.append(device)
        assert [device.state_dir for device in simulate.find_fleet(tmp_path)] == sorted(
            device.state_dir for device in fleet
        )
        stop = threading.Event()
        thread = threading.Thread(target=simulate.run, args=(fleet, stop))
        thread.start()
        try:
            wait_for(lambda: len({sender for sender, kind, _ in inbox.messages if kind == "health"}) == 20)
            wait_for(lambda: len(inbox.of("inventory")) >= 40)
            inbox.command("d-c3", "collect", seq=1, args={"what": ["smart"]})
            wait_for(lambda: [body for body in inbox.of("result", "d-c3") if body["st"] == "done"])
        finally:
            stop.set()
            thread.join(10)
        assert not thread.is_alive()
        wait_for(lambda: len(inbox.of("death")) == 20)
        assert {body["reason"] for body in inbox.of("death")} == {"stop"}


class TestBudget:
    def test_stays_under_fifty_megabytes_and_does_not_spin(self, tmp_path, server, inbox, start_agent):
        device = simulate.SimulatedDevice(tmp_path / "a", tmp_path / "readings.jsonl")
        record(tmp_path, begins_ms=int(time.time() * 1000))
        simulate.enrol(device, server=server.address, code="C1")
        process = start_agent(tmp_path / "a").process
        wait_for(lambda: inbox.of("inventory"))
        watched = psutil.Process(process.pid)
        # Wait until the start is over, then measure a quiet stretch.
        wait_for(lambda: watched.cpu_times().user and settled(watched))
        before, began = sum(watched.cpu_times()[:2]), time.monotonic()
        threading.Event().wait(4)
        share = (sum(watched.cpu_times()[:2]) - before) / (time.monotonic() - began)

        assert watched.memory_info().rss < 50 * 2**20
        assert share < 0.03  # the measure itself counts in hundredths of a second


def settled(process: psutil.Process) -> bool:
    before = sum(process.cpu_times()[:2])
    threading.Event().wait(0.5)
    return bool(sum(process.cpu_times()[:2]) - before < 0.02)

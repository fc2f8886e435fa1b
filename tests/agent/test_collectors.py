from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent import messages
from agent.collectors import battery, disk, host, identity, smart, temperature, use
from agent.collectors.machine import ThisMachine
from agent.collectors.reading import Absent, Machine, Rates
from tests.agent.world import SAMPLES

REPORTS = sorted(path.relative_to(SAMPLES).as_posix() for path in SAMPLES.rglob("*.json"))


def report(name: str) -> dict[str, Any]:
    found = next(path for path in SAMPLES.rglob(name))
    loaded: dict[str, Any] = json.loads(found.read_text())
    return loaded


def write(root: Path, **files: str) -> None:
    for name, content in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


class TestSmartParse:
    @pytest.mark.parametrize("name", REPORTS)
    def test_reads_every_real_report_into_known_fields_that_fit_a_message(self, name):
        parsed = smart.parse(json.loads((SAMPLES / name).read_text()))

        assert parsed["read"] in {"ok", "standby", "no_data"}
        assert set(parsed["health"]) <= set(messages.DISK_FIELDS)
        for value in parsed["health"].values():
            assert isinstance(value, (bool, int, float))
        messages.encode({"smart": [parsed]})

    @pytest.mark.parametrize(
        ("name", "reallocated"),
        [("ST3500418AS_12.json", 304), ("smart-megaraid1.json", 387)],
    )
    def test_hands_on_bad_sectors_of_a_disk_that_says_passed(self, name, reallocated):
        health = smart.parse(report(name))["health"]

        assert health["passed"] is True
        assert health["reallocated"] == reallocated

    def test_lets_the_printed_reading_win_where_it_and_the_number_disagree(self):
        health = smart.parse(report("smart-ata-date2.json"))["health"]

        assert [health[name] for name in ("reallocated", "pending", "offline_uncorrectable")] == [0, 0, 0]

    @pytest.mark.parametrize(
        ("number", "printed", "packed", "reading"),
        [
            (194, "24 (Min/Max 16/31)", 133145034776, 24),
            (9, "47060h+35m+00.858s", 9023116403587028, 47060),
            (9, "38098 (190 82 0)", 209259396633810, 38098),
            (3, "309 (Average 308)", 25789989173, 309),
            (188, "2 2 2", 8590065666, 2),
            (188, "17180131332", 17180131332, 4),  # 4 + 4 * 2^16 + 4 * 2^32
            (188, "51540393996", 51540393996, 12),
            (188, "0", 0, 0),
            (5, "0", 0, 0),
        ],
    )
    def test_unpacks_a_raw_value(self, number, printed, packed, reading):
        assert smart.raw_reading(number, {"string": printed, "value": packed}) == reading

    def test_tells_no_data_where_the_disk_could_not_be_opened(self):
        parsed = smart.parse(report("smart-fail.json"))  # exit status 2

        assert parsed["read"] == "no_data"
        assert parsed["health"] == {}

    def test_tells_no_data_of_a_raid_volume_that_has_no_readings(self):
        parsed = smart.parse(report("smart-raid.json"))  # exit status 4, 0 degrees

        assert parsed["read"] == "no_data"
        assert parsed["health"] == {}

    def test_keeps_an_old_error_log_a_note(self):
        body = {**report("ST3500418AS_11.json")}
        body["smartctl"] = {**body["smartctl"], "exit_status": 64}

        parsed = smart.parse(body)

        assert parsed["read"] == "ok"
        assert parsed["notes"] == ["errors_logged"]

    def test_names_every_bit_of_a_disk_that_is_failing_now(self):
        # 216 = 128 + 64 + 16 + 8
        assert smart.parse(report("smart-fail2.json"))["notes"] == [
            "failing_now",
            "prefail_below_threshold",
            "errors_logged",
            "self_test_failed",
        ]

    def test_reads_the_errors_of_an_nvme_disk_that_says_passed(self):
        health = smart.parse(report("smart-nvme-failed.json"))["health"]

        assert health["media_errors"] == 7
        assert (health["spare_pct"], health["spare_threshold_pct"], health["used_pct"]) == (99, 10, 3)

    def test_sees_a_critical_warning_and_heavy_wear_in_the_samples(self):
        parsed = [smart.parse(json.loads((SAMPLES / name).read_text()))["health"] for name in REPORTS]

        assert any(health.get("critical_warning") for health in parsed)
        assert max(health.get("used_pct", 0) for health in parsed) >= 75

    def test_lets_a_sleeping_disk_sleep(self):
        body = {
            "smartctl": {
                "exit_status": 2,
                "messages": [{"string": "Device is in STANDBY mode, exit(2)", "severity": "information"}],
            }
        }

        assert smart.parse(body)["read"] == "standby"


class TestSmartCollect:
    def test_asks_smartctl_for_each_disk_and_forgives_one_that_prints_rubbish(self, tmp_path, samples):
        good = samples / "smartctl" / "testdata" / "ST3500418AS_12.json"
        tool = tmp_path / "smartctl"
        tool.write_text(
            "#!/bin/sh\nfor last; do :; done\n"
            f'[ "$last" = /dev/sda ] && cat {good} || echo rubbish\nexit 64\n'
        )
        tool.chmod(0o755)
        write(tmp_path, sys__block__sda__size="976773168", sys__block__sdb__size="976773168")

        first, second = smart.collect(Machine(root=tmp_path, smartctl=str(tool)), at_ms=5)

        assert first["health"]["reallocated"] == 304
        assert first["health"]["at"] == 5
        assert second["read"] == "no_data"
        assert second["health"]["id"] == "sdb"

    def test_lists_the_disks_where_smartctl_is_not_installed(self, tmp_path):
        write(tmp_path, sys__block__sda__size="976773168", sys__block__sda__device__serial="S1")

        (entry,) = smart.collect(Machine(root=tmp_path, smartctl="no-such-program"), at_ms=5)

        assert entry["health"] == {"id": "S1", "dev": "sda", "kind": "ssd", "read": "no_tool", "at": 5}


class TestDisk:
    def test_lists_hardware_only(self, tmp_path):
        for name, size in (("sda", 8), ("nvme0n1", 8), ("loop0", 8), ("dm-0", 8), ("sr0", 8), ("sdb", 0)):
            write(tmp_path, **{f"sys__block__{name}__size": str(size)})
        write(tmp_path, sys__block__sda__queue__rotational="1")

        found = {entry["dev"]: entry["kind"] for entry in disk.inventory(Machine(root=tmp_path))}

        assert found == {"sda": "hdd", "nvme0n1": "nvme"}


class TestBattery:
    def test_reads_wear_from_energy_or_charge(self, tmp_path):
        place = "sys__class__power_supply__"
        write(
            tmp_path,
            **{
                f"{place}BAT0__type": "Battery\n",
                f"{place}BAT0__status": "Not charging\n",
                f"{place}BAT0__capacity": "80\n",
                f"{place}BAT0__charge_full": "3000000\n",
                f"{place}BAT0__charge_full_design": "5000000\n",
                f"{place}BAT0__cycle_count": "412\n",
                f"{place}BAT0__current_now": "1500000\n",
                f"{place}BAT0__voltage_now": "12000000\n",
                f"{place}mouse__type": "Battery\n",
                f"{place}mouse__scope": "Device\n",
                f"{place}AC__type": "Mains\n",
                f"{place}AC__online": "1\n",
            },
        )
        machine = Machine(root=tmp_path)

        assert battery.health(machine) == [
            {
                "id": "BAT0",
                "state": "not_charging",
                "pct": 80,
                "health_pct": 60.0,  # 3.0 of 5.0 Ah
                "cycles": 412,
                "power_w": 18.0,  # 1.5 A * 12 V
            }
        ]
        assert battery.on_mains(machine) is True

    def test_is_absent_without_one(self, tmp_path):
        with pytest.raises(Absent, match="no battery"):
            battery.health(Machine(root=tmp_path))


class TestTemperature:
    def test_takes_the_hottest_and_ignores_what_cannot_be(self, tmp_path):
        place = "sys__class__hwmon__hwmon0__"
        write(
            tmp_path,
            **{
                f"{place}name": "coretemp",
                f"{place}temp1_input": "61500",
                f"{place}temp2_input": "255000",
                f"{place}fan1_input": "0",
                f"{place}fan2_input": "1200",
            },
        )

        assert temperature.health(Machine(root=tmp_path)) == {
            "temp_c_max": 61.5,
            "temp_cpu_c": 61.5,
            "fan_rpm_min": 1200,
        }


class TestUse:
    def test_counts_sessions_of_logind_and_never_names(self, tmp_path):
        write(
            tmp_path,
            run__systemd__sessions__1="CLASS=user\nSTATE=active\nUSER=ana\nIDLE_HINT=0\n",
            run__systemd__sessions__2="CLASS=greeter\nSTATE=online\nUSER=gdm\n",
        )

        assert use.health(Machine(root=tmp_path)) == {"sess": 1, "idle": 0}


class TestIdentity:
    def test_does_not_believe_what_makers_leave_in_the_firmware(self, tmp_path):
        write(
            tmp_path,
            sys__class__dmi__id__product_serial="To Be Filled By O.E.M.",
            sys__class__dmi__id__chassis_serial="C02XYZ",
            sys__class__dmi__id__product_uuid="4C4C4544-0000",
        )

        found = identity.hardware(Machine(root=tmp_path))

        assert (found["serial"], found["uuid"], found["board"]) == ("C02XYZ", "4c4c4544-0000", "")

    def test_tells_machines_without_firmware_apart_by_machine_id(self, tmp_path):
        hashes = set()
        for name in ("one", "two"):
            write(tmp_path / name, **{"etc__machine-id": name})
            hashes.add(identity.fingerprint(Machine(root=tmp_path / name)))

        assert len(hashes) == 2


class TestRates:
    def test_gives_nothing_at_first_and_after_a_counter_began_anew(self):
        rates = Rates()

        assert rates.per_second("net", 100, 10.0) is None
        assert rates.per_second("net", 400, 12.0) == 150.0  # 300 in 2 s
        assert rates.per_second("net", 50, 14.0) is None


class TestThisMachine:
    def test_reads_this_very_machine_whatever_it_lacks(self):
        machine = ThisMachine()

        health, inventory = machine.health(), machine.inventory()

        assert health["m"]["mem_available_bytes"] > 0
        assert set(health["m"]) <= set(messages.METRICS)
        assert inventory["cpu"]["threads"] >= 1
        messages.encode({**health, **inventory, "smart": machine.smart(1), "absent": machine.absent})

    def test_reports_an_empty_machine_as_absent_and_never_fails(self, tmp_path):
        machine = ThisMachine(Machine(root=tmp_path))

        assert machine.smart(1) == []
        machine.health()
        machine.inventory()

        assert machine.absent["smart"] == "no disks"
        assert machine.absent["battery"] == "no battery"
        assert machine.absent["temperature"] == "no temperature sensor"

    def test_goes_on_when_one_collector_breaks(self, monkeypatch):
        def breaks(machine: Machine) -> dict[str, Any]:
            raise ValueError("firmware says 0x")

        monkeypatch.setattr(host, "health", breaks)
        machine = ThisMachine()

        assert "mem_used_pct" in machine.health()["m"]
        assert machine.absent["host"] == "ValueError: firmware says 0x"

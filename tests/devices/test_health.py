"""Verdicts: real smartctl outputs, every trap of reading them, and what goes up and down."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent.collectors import smart
from devices import hazards
from devices.health import (
    FAILING,
    HEALTHY,
    NO_DATA,
    WATCH,
    Limits,
    Memory,
    Readings,
    Verdict,
    judge,
    low_word,
)

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "samples"
SMARTCTL = SAMPLES / "smartctl" / "testdata"
SCRUTINY = SAMPLES / "scrutiny"
DISK = {"id": "S1", "dev": "sda", "kind": "hdd", "read": "ok", "passed": True}
NVME = {"id": "N1", "dev": "nvme0n1", "kind": "nvme", "read": "ok", "passed": True}
CALM = {"cpu_pct": 3.0}


def sample(path: Path) -> tuple[dict[str, Any], list[str]]:
    """A recorded disk as the agent's health message tells it, and its notes."""
    report = json.loads(path.read_text())
    found = smart.parse(report)
    kind = "nvme" if "log" in found else "ssd" if found.get("rpm") == 0 else "hdd"
    disk = {"id": found.get("serial") or path.stem, "dev": "sda", "kind": kind, "read": found["read"]}
    return {**disk, **found["health"]}, found["notes"]


def judge_sample(path: Path) -> Verdict:
    disk, notes = sample(path)
    return judge(Readings(metrics=CALM, disks=[disk], notes={disk["id"]: notes}))


def judge_disk(disk: dict[str, Any], memory: Memory | None = None) -> Verdict:
    return judge(Readings(metrics=CALM, disks=[disk]), memory=memory)


def texts(verdict: Verdict) -> str:
    return "\n".join(reason.text for reason in verdict.reasons)


class TestRealDisks:
    def test_that_passed_with_304_replaced_sectors_is_failing(self) -> None:
        verdict = judge_sample(SMARTCTL / "ST3500418AS_12.json")
        assert verdict.level == FAILING
        assert "304 sectors replaced" in texts(verdict)

    def test_that_passed_behind_a_raid_controller_with_387_is_failing(self) -> None:
        assert judge_sample(SCRUTINY / "smart-megaraid1.json").level == FAILING

    def test_whose_packed_raw_says_10_and_whose_text_says_0_is_healthy(self) -> None:
        # 5, 197 and 198 read 10 as a number and "0" as smartctl prints them: the print wins.
        assert judge_sample(SCRUTINY / "smart-ata-date2.json").level == HEALTHY

    def test_that_fails_its_own_verdict_is_failing_with_every_reason(self) -> None:
        verdict = judge_sample(SCRUTINY / "smart-fail2.json")
        assert verdict.level == FAILING
        assert {"disk.not_passed", "disk.failing_now", "disk.reallocated"} <= {
            r.code for r in verdict.reasons
        }

    def test_that_could_not_be_opened_is_no_data_and_not_healthy(self) -> None:
        assert judge_sample(SCRUTINY / "smart-fail.json").level == NO_DATA

    def test_that_answered_nothing_through_its_controller_is_no_data(self) -> None:
        assert judge_sample(SCRUTINY / "smart-raid.json").level == NO_DATA

    def test_with_an_old_error_log_is_healthy_with_a_note(self) -> None:
        verdict = judge_sample(SMARTCTL / "ST3200820AS_16.json")
        assert verdict.level == HEALTHY
        assert [reason.code for reason in verdict.reasons] == ["disk.errors_logged"]

    def test_with_one_reported_error_is_to_be_watched(self) -> None:
        assert judge_sample(SMARTCTL / "MB0500EBNCR_13.json").level == WATCH

    def test_nvme_with_media_errors_is_to_be_watched(self) -> None:
        verdict = judge_sample(SCRUTINY / "smart-nvme-failed.json")
        assert verdict.level == WATCH
        assert "7 media errors" in texts(verdict)

    def test_nvme_with_three_quarters_of_its_life_used_is_healthy(self) -> None:
        assert judge_sample(SMARTCTL / "nvme-null-INTEL_SSDPE2KX020T7-nvme6.json").level == HEALTHY

    def test_all_get_a_verdict(self) -> None:
        paths = sorted(SMARTCTL.glob("*.json")) + sorted(SCRUTINY.glob("smart-*.json"))
        levels = {path.name: judge_sample(path).level for path in paths}
        assert len(levels) > 100
        assert set(levels.values()) <= {HEALTHY, WATCH, FAILING, NO_DATA}
        warned = [
            path.name
            for path in paths
            if (json.loads(path.read_text()).get("nvme_smart_health_information_log") or {}).get(
                "critical_warning"
            )
        ]
        assert warned, "one recorded disk has a critical warning"
        assert all(levels[name] in (WATCH, FAILING) for name in warned)


class TestPackedCounters:
    @pytest.mark.parametrize(
        ("raw", "reading"),
        [(17180131332, 4), (51540393996, 12), (0, 0), (65535, 65535), (7, 7)],
    )
    def test_of_188_are_read_by_their_largest_word(self, raw: int, reading: int) -> None:
        assert low_word(raw) == reading

    def test_of_188_do_not_make_a_disk_fail_by_their_size(self) -> None:
        verdict = judge_disk({**DISK, "command_timeout": 17180131332})
        assert verdict.level == HEALTHY
        assert "4 commands timed out" in texts(verdict)


class TestExitStatus:
    @pytest.mark.parametrize(
        ("note", "level"),
        [
            ("failing_now", FAILING),
            ("prefail_below_threshold", FAILING),
            ("was_below_threshold", WATCH),
            ("self_test_failed", WATCH),
            ("errors_logged", HEALTHY),
        ],
    )
    def test_counts_by_its_bits(self, note: str, level: str) -> None:
        assert judge(Readings(metrics=CALM, disks=[DISK], notes={"S1": [note]})).level == level


class TestCounters:
    @pytest.mark.parametrize(
        ("counter", "value", "level"),
        [
            ("reallocated", 15, HEALTHY),
            ("reallocated", 16, WATCH),
            ("reallocated", 260, FAILING),
            ("reported_uncorrect", 1, WATCH),
            ("pending", 1, WATCH),
            ("pending", 40, FAILING),
            ("offline_uncorrectable", 1, FAILING),
            ("crc_errors", 100, WATCH),
            ("command_timeout", 3, HEALTHY),
        ],
    )
    def test_lead_to_a_verdict_by_the_published_rates(self, counter: str, value: int, level: str) -> None:
        assert judge_disk({**DISK, counter: value}).level == level

    def test_that_rise_are_one_step_worse_than_those_that_stand(self) -> None:
        first = judge_disk({**DISK, "pending": 1})
        assert first.level == WATCH
        assert judge_disk({**DISK, "pending": 1}, first.memory).level == WATCH
        grown = judge_disk({**DISK, "pending": 3}, first.memory)
        assert grown.level == FAILING
        assert "rose from 1 to 3" in texts(grown)

    def test_that_were_there_when_the_disk_was_first_seen_are_its_baseline(self) -> None:
        assert judge_disk({**DISK, "reallocated": 12}).level == HEALTHY

    def test_that_fall_belong_to_another_disk_and_begin_anew(self) -> None:
        first = judge_disk({**DISK, "reallocated": 10})
        smaller = judge_disk({**DISK, "reallocated": 2}, first.memory)
        assert judge_disk({**DISK, "reallocated": 2}, smaller.memory).level == HEALTHY
        assert judge_disk({**DISK, "reallocated": 4}, smaller.memory).level == WATCH


class TestNvme:
    @pytest.mark.parametrize(
        ("bits", "level"), [(0, HEALTHY), (1, FAILING), (2, WATCH), (4, FAILING), (8, FAILING), (16, WATCH)]
    )
    def test_warning_bits_are_read_one_by_one(self, bits: int, level: str) -> None:
        assert judge_disk({**NVME, "critical_warning": bits}).level == level

    def test_spare_below_the_makers_threshold_is_failing(self) -> None:
        low = {**NVME, "spare_pct": 9, "spare_threshold_pct": 10}
        assert judge_disk(low).level == FAILING
        assert judge_disk({**low, "spare_pct": 10}).level == HEALTHY

    def test_worn_out_is_to_be_watched_and_not_failing(self) -> None:
        assert judge_disk({**NVME, "used_pct": 105}).level == WATCH


class TestChance:
    def test_is_what_follows_from_the_annual_rate(self) -> None:
        # 57 % a year: 1 - exp(-0.57 * 30 / 365) = 4.6 % in 30 days.
        verdict = judge_disk({**DISK, "reallocated": 304})
        assert verdict.failure_chance == pytest.approx(0.0458, abs=0.0005)

    def test_of_a_rate_above_one_is_still_a_chance(self) -> None:
        assert hazards.chance_within(1.65, days=365) == pytest.approx(0.808, abs=0.001)

    def test_of_two_disks_is_that_of_either(self) -> None:
        one = judge(Readings(disks=[{**DISK, "reallocated": 304}])).failure_chance
        two = judge(
            Readings(disks=[{**DISK, "reallocated": 304}, {**DISK, "id": "S2", "reallocated": 304}])
        ).failure_chance
        assert one is not None
        assert two == pytest.approx(1 - (1 - one) ** 2)

    def test_is_unknown_without_a_disk_that_was_read(self) -> None:
        assert judge(Readings(metrics=CALM)).failure_chance is None


class TestReadings:
    def test_of_nothing_are_no_data(self) -> None:
        assert judge(Readings()).level == NO_DATA

    def test_of_a_virtual_machine_are_judged_without_its_disks(self) -> None:
        virtual = {"id": "vda", "kind": "virtual", "read": "no_data"}
        assert judge(Readings(metrics=CALM, disks=[virtual])).level == HEALTHY

    def test_without_smartctl_are_no_data_and_say_so(self) -> None:
        verdict = judge_disk({**DISK, "read": "no_tool"})
        assert verdict.level == NO_DATA
        assert "no program to read SMART" in texts(verdict)

    def test_of_a_sleeping_disk_are_its_last(self) -> None:
        assert judge_disk({**DISK, "read": "standby", "pending": 50}).level == FAILING


class TestBattery:
    @pytest.mark.parametrize(
        ("health", "level"), [(100, HEALTHY), (80, HEALTHY), (79, WATCH), (50, WATCH), (49, FAILING)]
    )
    def test_is_judged_by_what_it_still_holds(self, health: int, level: str) -> None:
        verdict = judge(Readings(metrics=CALM, batteries=[{"id": "BAT0", "health_pct": health}]))
        assert verdict.level == level

    def test_with_many_cycles_is_to_be_watched(self) -> None:
        verdict = judge(Readings(metrics=CALM, batteries=[{"id": "BAT0", "health_pct": 90, "cycles": 1000}]))
        assert verdict.level == WATCH


class TestLevels:
    @pytest.mark.parametrize("metrics", [{"temp_cpu_c": 97}, {"disk_used_pct_max": 95}, {"mem_used_pct": 99}])
    def test_count_when_they_hold_for_three_readings_and_are_never_failing(
        self, metrics: dict[str, float]
    ) -> None:
        memory, seen = Memory(), []
        for reading in (metrics, metrics, metrics, CALM):
            verdict = judge(Readings(metrics=reading), memory=memory)
            memory = verdict.memory
            seen.append(verdict.level)
        assert seen == [HEALTHY, HEALTHY, WATCH, HEALTHY]

    def test_of_a_disks_temperature_hold_for_that_disk(self) -> None:
        memory, seen = Memory(), []
        for degrees in (61, 61, 61, 40):
            verdict = judge_disk({**DISK, "temp_c": degrees}, memory)
            memory = verdict.memory
            seen.append(verdict.level)
        assert seen == [HEALTHY, HEALTHY, WATCH, HEALTHY]

    def test_are_the_partners_own_where_it_set_them(self) -> None:
        own = Limits.of_policies({"health": {"battery_watch_pct": 90, "persists": "many", "unknown": 1}})
        assert (own.battery_watch_pct, own.persists) == (90, 3)
        battery = [{"id": "B", "health_pct": 85}]
        assert judge(Readings(batteries=battery), limits=own).level == WATCH

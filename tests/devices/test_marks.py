"""What is marked on a device's charts: verdicts, comings and goings, the device's own events."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agent import messages
from devices.agents.marks import EVENT_WORDS, marks
from haas import db
from haas.tenancy.scope import Tenant
from tests.cast import Cast
from tests.devices.intake import take
from tests.devices.signals import GOOD_DISK, NOW, Speaker, enrol_device

MINUTE = timedelta(minutes=1)


@pytest.fixture
def speaker(cast: Cast) -> Speaker:
    made = enrol_device(cast.tenant, at=NOW - timedelta(days=30), client_id=cast.acme.id)
    bad = {**GOOD_DISK, "reallocated": 304}
    take(made.birth(NOW), made.health(NOW))
    take(made.health(NOW + MINUTE, disks=[bad]), made.health(NOW + 2 * MINUTE, disks=[bad]))
    take(made.say("event", NOW + 3 * MINUTE, code="disk.gone", sev="warn", data={}))
    return made


def words(tenant: Tenant, speaker: Speaker, *, span: str = "day", after: timedelta = 5 * MINUTE) -> list[str]:
    with db.unit_of_work(tenant) as session:
        found = marks(session, tenant, device_id=speaker.device_id, span=span, now=NOW + after)
    assert [mark.at for mark in found] == sorted(mark.at for mark in found)
    return [str(mark.label) for mark in found]


class TestMarks:
    def test_tell_of_verdicts_presence_and_events(self, cast: Cast, speaker: Speaker) -> None:
        told = words(cast.tenant, speaker)

        assert set(told) == {"Online", "Good", "Failing", "A disk is missing"}
        assert told[-1] == "A disk is missing"

    def test_reach_back_as_far_as_the_chart(self, cast: Cast, speaker: Speaker) -> None:
        assert words(cast.tenant, speaker, after=timedelta(days=2)) == []
        assert len(words(cast.tenant, speaker, span="week", after=timedelta(days=2))) == 4

    def test_are_the_clients_own(self, cast: Cast, speaker: Speaker) -> None:
        globex = Tenant(cast.northwind.id, client_id=cast.globex.id)

        assert len(words(cast.acme_tenant, speaker)) == 4
        assert words(globex, speaker) == []

    def test_have_words_for_every_event_of_the_contract(self) -> None:
        assert set(EVENT_WORDS) == set(messages.EVENT_CODES)

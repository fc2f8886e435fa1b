"""Taking messages in and looking at what became of them, for tests."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from agent import messages
from devices import telemetry
from devices.arrivals import Arrival, TakenIn
from devices.telemetry_models import Command, DeviceState, Telemetry
from haas import db
from haas.tenancy.scope import Tenant
from tests.devices.signals import NOW, Speaker, ms


def take(*arrivals: Arrival, now: datetime = NOW, **how: Any) -> TakenIn:
    return telemetry.take_in(list(arrivals), now=now, **how)


def rows(speaker: Speaker) -> list[Telemetry]:
    with db.unit_of_work(Tenant(speaker.partner_id)) as session:
        return list(
            session.scalars(
                sa.select(Telemetry)
                .where(Telemetry.device_id == speaker.device_id)
                .order_by(Telemetry.b, Telemetry.s)
            )
        )


def state(speaker: Speaker) -> DeviceState:
    with db.unit_of_work(Tenant(speaker.partner_id)) as session:
        return session.scalars(sa.select(DeviceState).where(DeviceState.id == speaker.device_id)).one()


def every(speaker: Speaker, model: Any) -> list[Any]:
    with db.unit_of_work(Tenant(speaker.partner_id)) as session:
        key = "created_at" if model is Command else "id"
        return list(
            session.scalars(
                sa.select(model).where(model.device_id == speaker.device_id).order_by(getattr(model, key))
            )
        )


def receipts(result: TakenIn, speaker: Speaker) -> list[dict[str, Any]]:
    topic = messages.down_topic(speaker.device_id, "ack")
    return [json.loads(each.payload) for each in result.outgoing if each.topic == topic]


def corpus(speaker: Speaker) -> list[tuple[str, bytes, str]]:
    """What device_health.md lists, as (kind, payload, reason)."""
    head = f'"v":1,"b":{speaker.b},"t":{ms(NOW)}'
    return [
        ("health", b"", "not_json"),
        ("health", b"{", "not_json"),
        ("health", b" " * (64 * 1024 + 1), "too_large"),
        ("health", b"\xff\xfe{}", "not_json"),
        ("health", b"\xef\xbb\xbf{}", "not_json"),
        ("health", f'{{{head},"s":100,"disks":[{{"id":"a\\u0000b"}}]}}'.encode(), "text"),
        ("health", f'{{{head},"s":101,"m":{{"x":9007199254740993}}}}'.encode(), "number"),
        ("health", f'{{{head},"s":102,"m":{{"x":1e400}}}}'.encode(), "number"),
        ("health", f'{{{head},"s":103,"m":{{"x":NaN}}}}'.encode(), "not_json"),
        ("health", f'{{{head},"s":104,"x":{"[" * 10000}{"]" * 10000}}}'.encode(), "depth"),
        ("health", f'{{{head},"s":0}}'.encode(), "number"),
        ("health", f'{{{head},"s":-1}}'.encode(), "number"),
        ("health", f'{{{head},"s":9223372036854775808}}'.encode(), "number"),
        ("health", f'{{"v":1,"b":{speaker.b + 2**32},"s":1,"t":{ms(NOW)}}}'.encode(), "session"),
        ("health", f'{{{head},"s":105,"device":"d-other"}}'.encode(), "identity"),
        ("health", f'{{"v":7,"b":{speaker.b},"s":106,"t":1}}'.encode(), "version"),
        ("health", f'{{{head},"s":107,"m":[]}}'.encode(), "shape"),
        ("health", f'{{{head},"s":108,"disks":{{}}}}'.encode(), "shape"),
        ("event", f'{{{head},"s":109,"code":5,"sev":"info"}}'.encode(), "shape"),
        ("event", f'{{{head},"s":110,"code":"x","sev":"mad"}}'.encode(), "shape"),
        ("birth", f'{{{head},"s":111,"caps":"all"}}'.encode(), "shape"),
        ("result", f'{{{head},"s":112,"id":"x"}}'.encode(), "shape"),
        ("unknown", f'{{{head},"s":113}}'.encode(), "topic"),
        ("health/" + "x/" * 200, f'{{{head},"s":114}}'.encode(), "topic"),
    ]

"""Examples of the changing routes of devices, enrolment and alerts."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from sqlalchemy.orm import Session

from devices import enrolment
from devices.enrolment import Enrolled, Hardware
from haas import clock
from haas.alerts import operations, routing
from haas.ids import new_id
from haas.settings import Settings
from tests.architecture.examples import Example
from tests.cast import PEPPER, Cast
from tests.devices.fleet import make_asset

SECRET = "a-secret-of-the-device-that-is-long-enough"
OWN_PARTNER = "it acts on the caller's own partner; there is no id to guess"
SETTINGS = Settings(database_url="", redis_url="", secret_key=PEPPER, testing=True)


def asset(session: Session, cast: Cast) -> Mapping[str, str]:
    made = make_asset(session, cast.tenant)
    return {"asset_id": made.id, "serial": made.serial or ""}


def code(session: Session, cast: Cast) -> Mapping[str, str]:
    values = dict(asset(session, cast))
    text, made = enrolment.new_code(session, cast.tenant, asset_id=values["asset_id"], now=clock.now())
    return {**values, "code": text, "code_id": made.id}


def device(session: Session, cast: Cast) -> Mapping[str, str]:
    values = dict(code(session, cast))
    outcome = enrolment.enrol(
        session,
        cast.tenant,
        code_hash=enrolment.hashed_code(values["code"]),
        secret=SECRET,
        hardware=Hardware(values["serial"], "uuid", "board"),
        secret_key=PEPPER,
        now=clock.now(),
    )
    assert isinstance(outcome, Enrolled)
    return {**values, "device_id": outcome.device.id}


def waiting(session: Session, cast: Cast) -> Mapping[str, str]:
    values = dict(code(session, cast))
    enrolment.enrol(
        session,
        cast.tenant,
        code_hash=enrolment.hashed_code(values["code"]),
        secret=SECRET,
        hardware=Hardware("another", "uuid", "board"),
        secret_key=PEPPER,
        now=clock.now(),
    )
    return values


def alert(session: Session, cast: Cast) -> Mapping[str, str]:
    values = dict(asset(session, cast))
    made = operations.raise_alert(
        session,
        cast.tenant,
        rule_name="silence",
        ids={"device_id": new_id("d")},
        detail="test",
        asset_id=values["asset_id"],
        device_id=None,
        at=clock.now(),
    )
    return {**values, "alert_id": made.id}


def route(session: Session, cast: Cast) -> Mapping[str, str]:
    made, _ = routing.add_route(
        session,
        cast.tenant,
        name="desk",
        channel="email",
        target="desk@northwind.example",
        severity_least="warning",
        settings=SETTINGS,
        now=clock.now(),
    )
    return {"route_id": made.id}


def disabled(session: Session, cast: Cast) -> Mapping[str, str]:
    values = route(session, cast)
    routing.disable_route(session, cast.tenant, route_id=values["route_id"], reason="test", now=clock.now())
    return values


ROUTE = {
    "name": "desk",
    "channel": "email",
    "target": "desk@northwind.example",
    "severity_least": "warning",
}

EXAMPLES: dict[str, Example | list[Example]] = {
    "agent_api.enroll": Example(
        prepare=code,
        json=lambda cast, values: {
            "code": values["code"],
            "secret": secrets.token_urlsafe(32),
            "hw": {"serial": values["serial"], "uuid": "u", "board": "b", "macs": []},
            "nonce": "n",
            "agent": "1.0.0",
        },
        user="nobody",
    ),
    "agent_api.rotate": Example(
        prepare=device,
        json=lambda cast, values: {
            "device": values["device_id"],
            "secret": SECRET,
            "new_secret": secrets.token_urlsafe(32),
        },
        user="nobody",
    ),
    "devices_api.edit_device": Example(prepare=device, json={"every": {"health": 30}}),
    "devices_api.create_command": Example(
        prepare=device, json={"verb": "collect", "args": {"what": ["smart"]}}
    ),
    "devices_api.revoke_device": Example(prepare=device, json={"reason": "returned"}),
    "enrolment_codes_api.create_code": Example(
        prepare=asset, json=lambda cast, values: {"asset_id": values["asset_id"]}
    ),
    "enrolment_codes_api.accept_enrolment": Example(prepare=waiting),
    "enrolment_codes_api.refuse_enrolment": Example(prepare=waiting),
    "devices.order": Example(prepare=device, form={"order": "collect"}),
    "devices.revoke": Example(prepare=device, form={"reason": "returned"}),
    "devices.enrol": Example(prepare=asset, form={}),
    "devices.accept": Example(prepare=waiting, form={}),
    "devices.refuse": Example(prepare=waiting, form={}),
    "alerts_api.acknowledge_alert": Example(prepare=alert),
    "alerts_api.resolve_alert": Example(prepare=alert, json={"resolution": "replaced the cable"}),
    "alert_routes_api.create_route": Example(json=ROUTE, cleo=201, cleo_because=OWN_PARTNER),
    "alert_routes_api.disable_route": Example(prepare=route),
    "alert_routes_api.enable_route": Example(
        prepare=disabled,
    ),
    "alerts.acknowledge": Example(prepare=alert, form={}),
    "alerts.resolve": Example(prepare=alert, form={"resolution": "done"}),
    "alerts.create_route": Example(form=ROUTE, cleo=303, cleo_because=OWN_PARTNER),
    "alerts.disable_route": Example(prepare=route, form={}),
    "alerts.enable_route": Example(prepare=disabled, form={}),
}

"""How an alert leaves the house: a protocol, e-mail and webhook."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests
from requests_hardened import Config, Manager

from haas.alerts import signing
from haas.errors import InvalidInput
from haas.mail import Letter, MailNotSent, send
from haas.settings import Settings
from haas.tenancy.branding import Branding

_TIMEOUT_SECONDS = (5, 20)
_GONE = 410


class NotDelivered(RuntimeError):
    """The other side did not take it. `is_final`: it never will."""

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.is_final = is_final


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told of an alert, over any channel. `id` is the same for a repeat."""

    id: str
    what: str  # opened | worsened | resolved
    alert_id: str
    severity: str
    title: str
    detail: str
    resolution: str
    opened_at: datetime
    asset_id: str | None
    device_id: str | None
    asset_tag: str
    link: str
    branding: Branding
    language: str
    time_zone: str


class Channel(Protocol):
    """One way out."""

    def send(self, notice: Notice, *, target: str, secret: str | None, now: datetime) -> None:
        """Tell it once.

        :raises NotDelivered: if the other side did not take it.
        """


class EmailChannel:
    """To an address, in the partner's name."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def send(self, notice: Notice, *, target: str, secret: str | None, now: datetime) -> None:  # noqa: ARG002
        """As `templates/email/alert`."""
        letter = Letter(
            message="alert",
            to=target,
            branding=notice.branding,
            message_id=notice.id,
            language=notice.language,
            time_zone=notice.time_zone,
            values={"notice": notice, "link": notice.link},
        )
        try:
            send(self._settings, letter, now=now)
        except MailNotSent as failure:
            raise NotDelivered(str(failure)) from failure


class WebhookChannel:
    """A signed POST. The address is checked at connect, so that a name cannot lead into our own network."""

    def __init__(self, settings: Settings) -> None:
        self._http = Manager(
            Config(
                ip_filter_enable=True,
                ip_filter_allow_loopback_ips=settings.testing,
                never_redirect=True,
                default_timeout=_TIMEOUT_SECONDS,
                user_agent_override="haas-webhooks/1",
            )
        )

    def send(self, notice: Notice, *, target: str, secret: str | None, now: datetime) -> None:
        """As Standard Webhooks: `type`, `timestamp`, `data`."""
        body = json.dumps(webhook_body(notice, now=now), separators=(",", ":")).encode()
        headers = signing.headers(
            secrets_in_force=(secret or "").split(), message_id=notice.id, at=now, body=body
        )
        try:
            answer = self._http.send_request(
                "POST", target, data=body, headers={**headers, "Content-Type": "application/json"}
            )
        except (requests.RequestException, ValueError) as failure:
            raise NotDelivered(f"{type(failure).__name__}: {failure}"[:500]) from failure
        if answer.status_code == _GONE:
            raise NotDelivered("the receiver answered 410 Gone", is_final=True)
        if not 200 <= answer.status_code < 300:
            raise NotDelivered(f"the receiver answered {answer.status_code}")


def webhook_body(notice: Notice, *, now: datetime) -> dict[str, Any]:
    """What a receiver gets."""
    return {
        "type": f"alert.{notice.what}",
        "timestamp": now.isoformat(),
        "data": {
            "id": notice.alert_id,
            "severity": notice.severity,
            "title": notice.title,
            "detail": notice.detail,
            "resolution": notice.resolution,
            "opened_at": notice.opened_at.isoformat(),
            "asset_id": notice.asset_id,
            "asset_tag": notice.asset_tag,
            "device_id": notice.device_id,
            "link": notice.link,
        },
    }


def channel_of(kind: str, settings: Settings) -> Channel:
    """The channel of a route.

    :raises KeyError: for a kind that there is not.
    """
    channels: dict[str, Channel] = {
        "email": EmailChannel(settings),
        "webhook": WebhookChannel(settings),
    }
    return channels[kind]


def check_target(kind: str, target: str, *, is_testing: bool) -> None:
    """Refuse what can never be delivered to.

    :raises InvalidInput: if it is no address or no https URL.
    """
    if kind == "email":
        name, at, domain = target.rpartition("@")
        if not (name and at and "." in domain) or any(character.isspace() for character in target):
            raise InvalidInput("Write an e-mail address, such as ana@example.com.", field="target")
        return
    parts = urlsplit(target)
    schemes = {"https", "http"} if is_testing else {"https"}
    if parts.scheme not in schemes or not parts.hostname or parts.username or parts.fragment:
        raise InvalidInput("Write a web address that begins with https://.", field="target")

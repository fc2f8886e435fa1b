"""The agent's side of enrolment and of changing its secret, over HTTPS."""

from __future__ import annotations

import http.client
import ipaddress
import json
import secrets
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Optional
from urllib.parse import urlsplit

from agent import __version__, messages
from agent.identity import Credentials, PendingEnrolment, StateDirectory, new_secret

MAX_ANSWER_BYTES = 256 * 1024
TIMEOUT_SECONDS = 15.0


class Refused(Exception):
    """The server said no. `status` is the HTTP status, `code` its short name for the reason."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code


class Unreachable(Exception):
    """The server could not be reached or could not answer now; trying later may help."""


class BadAddress(ValueError):
    """Not an enrolment address or code."""


@dataclass(frozen=True)
class Waiting:
    """A human has to accept the device first."""

    retry_after_seconds: int


def parse_claim(claim: str, server: Optional[str] = None) -> tuple[str, str]:
    """Return (server, code) from ``https://host/c/CODE``, or from a bare code and `server`.

    :raises BadAddress: if neither form fits, or plain http leads away from this machine.
    """
    claim = claim.strip()
    if "://" in claim:
        parts = urlsplit(claim)
        path, marker, code = parts.path.rpartition("/c/")
        if not marker or not code.strip("/"):
            raise BadAddress(f"{claim} does not end in /c/ and a code")
        server, claim = f"{parts.scheme}://{parts.netloc}{path}", code.strip("/")
    if not server:
        raise BadAddress("a bare code needs --server https://…")
    return check_server(server), claim


def check_server(server: str) -> str:
    """Return the address without a final slash.

    :raises BadAddress: if the secret would travel in the clear over a network.
    """
    parts = urlsplit(server)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadAddress(f"{server} is not an http address")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise BadAddress("plain http is allowed to this machine only; use https")
    return server.rstrip("/")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def begin(
    state: StateDirectory, *, server: str, code: str, ca_file: Optional[Path] = None
) -> PendingEnrolment:
    """Return what is to be posted, made and saved before anything is sent.

    The same code again gives the same secret and nonce, so a lost answer does no harm.
    """
    pending = state.pending_enrolment()
    if pending is not None and (pending.server, pending.code) == (server, code):
        return pending
    ca_pem = ca_file.read_text(encoding="ascii") if ca_file is not None else None
    pending = PendingEnrolment(
        server=server,
        code=code,
        secret=new_secret(),
        nonce=secrets.token_hex(16),
        server_ca_pem=ca_pem,
    )
    state.save_pending_enrolment(pending)
    return pending


def ask(
    state: StateDirectory, pending: PendingEnrolment, *, hardware: Mapping[str, Any]
) -> Credentials | Waiting:
    """Post the enrolment once; save and return the credentials, or say how long to wait.

    :raises Refused: if the server turns the device away.
    :raises Unreachable: if it could not be reached.
    """
    status, answer = post(
        pending.server + "/agent/v1/enroll",
        {
            "code": pending.code,
            "secret": pending.secret,
            "hw": dict(hardware),
            "nonce": pending.nonce,
            "agent": __version__,
        },
        ca_pem=pending.server_ca_pem,
    )
    if status == 202 or answer.get("status") == "pending":
        seconds = answer.get("retry_after")
        if isinstance(seconds, int) and not isinstance(seconds, bool):
            return Waiting(min(max(seconds, 1), 3600))
        return Waiting(30)
    credentials = _credentials(pending, answer)
    state.save_credentials(credentials)
    state.forget_pending_enrolment()
    return credentials


def enrol(
    state: StateDirectory,
    pending: PendingEnrolment,
    *,
    hardware: Mapping[str, Any],
    wait: Callable[[float], None],
    on_wait: Callable[[str], None],
) -> Credentials:
    """Enrol, and wait as long as it takes: for a human to accept, or for the server to be there.

    :raises Refused: if the server turns the device away.
    """
    failures = 0
    while True:
        try:
            outcome = ask(state, pending, hardware=hardware)
        except Unreachable as error:
            failures += 1
            seconds = min(300, 2**failures)
            on_wait(f"{error}; trying again in {seconds} s")
            wait(seconds)
            continue
        if isinstance(outcome, Credentials):
            return outcome
        failures = 0
        on_wait(f"waiting to be accepted; asking again in {outcome.retry_after_seconds} s")
        wait(outcome.retry_after_seconds)


def rotate(credentials: Credentials) -> None:
    """Tell the server the next secret. Safe to repeat.

    :raises Refused: if the server turns the new secret down.
    :raises Unreachable: if it could not be reached.
    """
    post(
        credentials.server + "/agent/v1/rotate",
        {
            "device": credentials.device,
            "secret": credentials.secret,
            "new_secret": credentials.next_secret,
        },
        ca_pem=credentials.server_ca_pem,
    )


def with_next_secret(credentials: Credentials, *, command: Optional[str]) -> Credentials:
    """Return credentials that carry a new secret; one that was begun before is kept."""
    if credentials.next_secret is not None:
        return replace(credentials, rotate_command=command or credentials.rotate_command)
    return replace(credentials, next_secret=new_secret(), next_accepted=False, rotate_command=command)


def _credentials(pending: PendingEnrolment, answer: Mapping[str, Any]) -> Credentials:
    try:
        mqtt = answer["mqtt"]
        credentials = Credentials(
            device=str(answer["device"]),
            epoch=int(answer["epoch"]),
            server=pending.server,
            secret=pending.secret,
            command_key=str(answer["command_key"]),
            mqtt_host=str(mqtt["host"]),
            mqtt_port=int(mqtt["port"]),
            mqtt_tls=bool(mqtt["tls"]),
            ca_pem=mqtt.get("ca_pem"),
            server_ca_pem=pending.server_ca_pem,
            cfg=dict(answer.get("cfg") or {}),
        )
        if len(credentials.command_key_bytes) != 32:
            raise ValueError("the command key must be 32 bytes")
        if not messages.DEVICE_ID.match(credentials.device):
            raise ValueError("the device id is not one")
        messages.session_number(epoch=credentials.epoch, starts=1)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Refused(502, "bad_answer", f"the server's answer cannot be used: {error}") from error
    return credentials


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A secret is posted to the address that was given and to no other."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def post(url: str, body: Mapping[str, Any], *, ca_pem: Optional[str] = None) -> tuple[int, Dict[str, Any]]:
    """Post JSON and return the status and the JSON object of a 2xx answer.

    :raises Refused: on 4xx, with the server's words.
    :raises Unreachable: on anything that may pass: no connection, 408, 429, 5xx.
    """
    context = ssl.create_default_context(cadata=ca_pem)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _NoRedirect())
    request = urllib.request.Request(  # noqa: S310 - check_server allows http and https only
        url,
        data=json.dumps(body).encode("utf-8"),
        headers={
            "Content-Type": "application/json",
            "Accept": "application/json, application/problem+json",
            "User-Agent": f"haas-agent/{__version__}",
        },
        method="POST",
    )
    try:
        with opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
            return int(answer.status), _object(answer.read(MAX_ANSWER_BYTES))
    except urllib.error.HTTPError as error:
        with error:
            problem = _object(error.read(MAX_ANSWER_BYTES), lenient=True)
        detail = str(problem.get("detail") or problem.get("title") or f"HTTP {error.code}")
        if error.code >= 500 or error.code in (408, 425, 429):
            raise Unreachable(f"the server cannot answer now: {detail}") from error
        raise Refused(error.code, str(problem.get("code") or error.code), detail) from error
    except (OSError, http.client.HTTPException) as error:  # URLError is an OSError
        reason = getattr(error, "reason", None) or error
        raise Unreachable(f"{url} cannot be reached: {reason}") from error


def _object(content: bytes, *, lenient: bool = False) -> Dict[str, Any]:
    try:
        value = json.loads(content)
        if isinstance(value, dict):
            return value
    except ValueError:
        pass
    if lenient:
        return {}
    raise Refused(502, "bad_answer", "the server did not answer with a JSON object")

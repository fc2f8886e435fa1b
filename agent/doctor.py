"""Is everything in order? Checks from the ground up, each with its remedy and exit code."""

from __future__ import annotations

import email.utils
import importlib
import os
import random
import shutil
import socket
import ssl
import stat
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Callable, Dict, List, Optional
from urllib.parse import urlsplit

from agent.backoff import Backoff
from agent.clock import Clock, SystemClock
from agent.identity import AlreadyRunning, Credentials, NotEnrolled, StateDirectory, StateError
from agent.link import Broker, Connected, Link, Lost
from agent.loop import spool_path
from agent.settings import AgentSettings
from agent.spool import Spool, SpoolError

OK, WARNING, FAILED = "ok", "warning", "failed"

# The exit code is that of the first check that failed.
EXIT_CODES = {
    "libraries": 15,
    "state": 11,
    "enrolled": 10,
    "spool": 16,
    "server": 12,
    "clock": 17,
    "broker": 13,
    "credentials": 14,
}
SECONDS = 8.0
SKEW_WARNING_SECONDS = 60
SKEW_FAILED_SECONDS = 86_400


@dataclass(frozen=True)
class Check:
    """The outcome of one check."""

    name: str
    outcome: str
    detail: str
    remedy: str = ""


@dataclass
class _Patient:
    """What is known so far; a check that cannot run for lack of it is left out."""

    settings: AgentSettings
    clock: Clock
    credentials: Optional[Credentials] = None
    is_running: bool = False
    server_time: Optional[float] = None


def examine(settings: AgentSettings, *, clock: Optional[Clock] = None) -> List[Check]:
    """Run all checks that can be run."""
    patient = _Patient(settings, clock or SystemClock())
    checks: List[Callable[[_Patient], Optional[Check]]] = [
        _libraries,
        _state,
        _enrolled,
        _spool,
        _server,
        _clock,
        _broker,
        _credentials,
        _smartctl,
    ]
    found = [check(patient) for check in checks]
    return [check for check in found if check is not None]


def exit_code(checks: List[Check]) -> int:
    """Return 0 if nothing failed, else the code of the first failure."""
    for check in checks:
        if check.outcome == FAILED:
            return EXIT_CODES.get(check.name, 1)
    return 0


def as_text(checks: List[Check]) -> str:
    """Return the checks for people."""
    marks = {OK: "ok     ", WARNING: "warning", FAILED: "FAILED "}
    lines: List[str] = []
    for check in checks:
        lines.append(f"{marks[check.outcome]}  {check.name}: {check.detail}")
        if check.remedy:
            lines.append(f"         -> {check.remedy}")
    return "\n".join(lines)


def as_json(checks: List[Check]) -> List[Dict[str, str]]:
    return [dict(check.__dict__) for check in checks]


def _libraries(patient: _Patient) -> Check:
    for module, package in (("paho.mqtt.client", "paho-mqtt"), ("psutil", "psutil")):
        try:
            importlib.import_module(module)
        except ImportError as error:
            return Check("libraries", FAILED, str(error), f"install {package}")
    return Check("libraries", OK, "paho-mqtt and psutil load")


def _state(patient: _Patient) -> Check:
    directory = patient.settings.state_dir
    state = StateDirectory(directory)
    try:
        state.prepare()
    except StateError as error:
        return Check("state", FAILED, str(error), "run as root, or give --state DIR")
    try:
        state.lock()
        state.unlock()
    except AlreadyRunning:
        patient.is_running = True
    except OSError as error:
        return Check("state", FAILED, f"{directory}: {error.strerror}", "run as the agent's user")
    free = shutil.disk_usage(directory).free
    if free < 2 * patient.settings.spool_max_bytes:
        return Check(
            "state",
            WARNING,
            f"{directory}: only {free // 2**20} MiB free",
            "free space, or lower spool_max_bytes",
        )
    if stat.S_IMODE(directory.stat().st_mode) & 0o077:
        return Check("state", WARNING, f"{directory} is open to others", f"chmod 700 {directory}")
    running = "an agent is running on it" if patient.is_running else "no agent is running on it"
    return Check("state", OK, f"{directory}; {running}")


def _enrolled(patient: _Patient) -> Check:
    state = StateDirectory(patient.settings.state_dir)
    remedy = "python -m agent enroll https://HOST/c/CODE (the label's QR code)"
    try:
        patient.credentials = state.credentials()
    except NotEnrolled:
        return Check("enrolled", FAILED, "this device has no credentials", remedy)
    except (StateError, OSError) as error:
        return Check("enrolled", FAILED, str(error), "run as the agent's user, or " + remedy)
    mode = stat.S_IMODE((state.path / "credentials.json").stat().st_mode)
    if mode & 0o077:
        return Check("enrolled", WARNING, "others can read the credentials", "chmod 600, then rotate")
    return Check("enrolled", OK, f"{patient.credentials.device}")


def _spool(patient: _Patient) -> Optional[Check]:
    if patient.credentials is None:
        return None
    path = spool_path(patient.settings.state_dir, patient.credentials.device)
    if not path.exists():
        return Check("spool", OK, "nothing waits")
    try:
        spool = Spool(path, b=1, read_only=True)
    except SpoolError as error:
        return Check("spool", FAILED, str(error), f"move {path} away; the agent makes another")
    waiting, dropped = spool.pending, spool.dropped
    spool.close()
    detail = f"{waiting} messages wait"
    if dropped:
        return Check("spool", WARNING, f"{detail}, {dropped} were given up", "connect more often")
    return Check("spool", OK, detail)


def _server(patient: _Patient) -> Optional[Check]:
    credentials = patient.credentials
    if credentials is None:
        return None
    context = ssl.create_default_context(cadata=credentials.server_ca_pem)
    request = urllib.request.Request(credentials.server + "/", method="HEAD")  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=SECONDS, context=context) as answer:  # noqa: S310 # nosec B310
            date = answer.headers.get("Date")
    except urllib.error.HTTPError as error:
        date = error.headers.get("Date")  # any answer shows that the server is there
        error.close()
    except OSError as error:
        host = urlsplit(credentials.server).hostname
        return Check(
            "server",
            FAILED,
            f"{credentials.server}: {getattr(error, 'reason', error)}",
            f"check name resolution and the way to {host} (firewall, proxy, certificate)",
        )
    if date:
        patient.server_time = email.utils.parsedate_to_datetime(date).timestamp()
    return Check("server", OK, f"{credentials.server} answers")


def _clock(patient: _Patient) -> Optional[Check]:
    if patient.server_time is None:
        return None
    skew = round(patient.clock.wall_ms() / 1000 - patient.server_time)
    detail = f"{abs(skew)} s {'ahead of' if skew > 0 else 'behind'} the server"
    remedy = "turn on time synchronisation: timedatectl set-ntp true"
    if abs(skew) > SKEW_FAILED_SECONDS:
        return Check("clock", FAILED, detail, remedy)
    if abs(skew) > SKEW_WARNING_SECONDS:
        return Check("clock", WARNING, detail, remedy)
    return Check("clock", OK, detail)


def _where(patient: _Patient, credentials: Credentials) -> Broker:
    ca_pem = credentials.ca_pem
    if patient.settings.ca_file is not None:
        ca_pem = patient.settings.ca_file.read_text(encoding="ascii")
    return Broker(
        host=patient.settings.mqtt_host or credentials.mqtt_host,
        port=patient.settings.mqtt_port or credentials.mqtt_port,
        tls=credentials.mqtt_tls,
        ca_pem=ca_pem,
    )


def _broker(patient: _Patient) -> Optional[Check]:
    if patient.credentials is None:
        return None
    broker = _where(patient, patient.credentials)
    place = f"{broker.host}:{broker.port}"
    try:
        with socket.create_connection((broker.host, broker.port), timeout=SECONDS) as plain:
            if not broker.tls:
                return Check("broker", OK, f"{place} answers, without TLS")
            context = broker.tls_context()
            with context.wrap_socket(plain, server_hostname=broker.host) as secure:
                return Check("broker", OK, f"{place} answers, {secure.version()}")
    except ssl.SSLError as error:
        remedy = "check the clock, and that the broker's certificate is the enrolled one's"
        return Check("broker", FAILED, f"{place}: {error}", remedy)
    except OSError as error:
        remedy = f"open outgoing TCP port {broker.port} to {broker.host}"
        return Check("broker", FAILED, f"{place}: {error}", remedy)


def _credentials(patient: _Patient) -> Optional[Check]:
    """Sign in to the broker. Not while the agent runs: two of one name drive each other out."""
    credentials = patient.credentials
    if credentials is None:
        return None
    if patient.is_running:
        return Check("credentials", OK, "not tried, because the agent is using them")
    password = credentials.passwords()[0]
    link = Link(
        _where(patient, credentials),
        device=credentials.device,
        will=b"",
        password=lambda: password,
        clock=patient.clock,
        backoff=Backoff(random.Random()),  # noqa: S311 - jitter
        connect_timeout_seconds=SECONDS,
    )
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        for event in link.step():
            if isinstance(event, Connected):
                link.close()
                return Check("credentials", OK, "the broker accepts them")
            if isinstance(event, Lost):
                link.close()
                remedy = "enrol again with a new code" if event.refused else "see the broker's log"
                return Check("credentials", FAILED, event.reason, remedy)
        time.sleep(0.02)
    link.close()
    return Check("credentials", FAILED, "the broker does not answer", "see the broker's log")


def _smartctl(patient: _Patient) -> Check:
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/local/sbin"
    if shutil.which(patient.settings.smartctl, path=path) is None:
        return Check("smartctl", WARNING, "not installed: no disk health", "apt install smartmontools")
    if os.geteuid() != 0:
        return Check("smartctl", WARNING, "disks are read by root only", "run the agent as root")
    return Check("smartctl", OK, "installed")

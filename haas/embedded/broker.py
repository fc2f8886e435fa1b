"""The MQTT broker in the data folder: mosquitto with our configuration, else the `iotcore` wheel.

Who may sign in is decided elsewhere and handed over as rows: `write_passwords([(device id, hash), …])`
with hashes made by `haas.broker.mosquitto_password_hash`. `keep_passwords` polls for those rows.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import psutil

from haas import clock
from haas.broker import (
    INGEST_USER,
    BrokerFiles,
    acl_file_text,
    configuration_text,
    mosquitto_password_hash,
    password_file_text,
)
from haas.embedded.binaries import find_mosquitto, reachable_program
from haas.embedded.certificates import ensure_certificates
from haas.embedded.errors import StackError
from haas.embedded.folder import DataFolder
from haas.embedded.process import Command, ServerProcess, clean_environment, wait_until

_INGEST_SECRET = "broker_ingest"  # noqa: S105 - the file's name
_PREFERRED_DEVICE_PORT = 8883
_LOOPBACK = "127.0.0.1"
_LOOK_SECONDS = 1.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """One way into the broker."""

    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None  # None: no TLS

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.ca_file is not None

    @property
    def url(self) -> str:
        """The address as `HAAS_MQTT_URL` has it."""
        sign_in = f"{quote(self.user)}:{quote(self.password or '')}@" if self.user else ""
        return f"{'mqtts' if self.tls else 'mqtt'}://{sign_in}{self.host}:{self.port}"


class Broker:
    """One MQTT broker on this machine."""

    name = "MQTT broker"

    def __init__(
        self,
        folder: DataFolder,
        *,
        host: str = _LOOPBACK,
        bind_address: str = _LOOPBACK,
    ) -> None:
        self._folder = folder
        self._host = host
        self._bind_address = bind_address
        self._process = ServerProcess(self.name)
        self._ca_file: Path | None = None
        self._preferred_port = _PREFERRED_DEVICE_PORT

    @property
    def pid(self) -> int | None:
        """Its process id."""
        return self._process.pid

    @property
    def has_access_rules(self) -> bool:
        """Whether devices are kept apart: mosquitto does it, the wheel cannot."""
        return find_mosquitto() is not None

    @property
    def server(self) -> BrokerAddress:
        """The server's own way in, as the user that reads every device's messages."""
        password = self._folder.secret(_INGEST_SECRET)
        return BrokerAddress(_LOOPBACK, self._ports()[0], INGEST_USER, password, self._ca_file)

    @property
    def devices(self) -> BrokerAddress:
        """The devices' way in; each has its own user and password."""
        return BrokerAddress(self._host, self._ports()[1], ca_file=self._ca_file)

    def start(self) -> None:
        """Start it, or take over the one an earlier run left.

        :raises StackError: if there is no broker on this machine, a port is taken, or it does not come up.
        """
        self._folder.folder("broker")
        is_first = not self._ports_file.exists()
        try:
            self._start_program()
        except StackError:
            if not is_first:
                raise
            # Two that start at the same moment choose the same port. No device knows ours yet: take another.
            self._ports_file.unlink(missing_ok=True)
            self._preferred_port = 0
            self._start_program()

    def _start_program(self) -> None:
        program = find_mosquitto()
        if program is None:
            self._start_wheel()
        else:
            self._start_mosquitto(reachable_program(program, self._folder))

    def adopt(self) -> bool:
        """Take over a live broker of an earlier run; whether there is one."""
        home = self._folder.path / "broker"
        try:
            pid = int((home / "pid").read_text())
            if not {str(home / "mosquitto.conf"), self._wheel_options()} & set(psutil.Process(pid).cmdline()):
                return False  # the number was given to another program since
            self._process.adopt(pid)
        except (OSError, ValueError, psutil.Error):
            return False
        return wait_until(self.responds, seconds=5)

    def is_running(self) -> bool:
        """Whether it lives."""
        return self._process.is_running()

    def responds(self) -> bool:
        """Whether it accepts connections (and, with TLS, shows the certificate we made)."""
        try:
            with socket.create_connection((_LOOPBACK, self._ports()[0]), timeout=5) as connection:
                if self._ca_file is None:
                    return True
                context = ssl.create_default_context(cafile=str(self._ca_file))
                connection.getpeername()  # gone by now? Then wrapping it would leave a socket open
                with context.wrap_socket(connection, server_hostname=_LOOPBACK):
                    return True
        except OSError:
            return False

    def stop(self) -> None:
        """Ask it to write its sessions and queues, and end."""
        self._process.stop(signal.SIGTERM)

    def write_passwords(self, rows: Iterable[tuple[str, str]]) -> bool:
        """Let exactly these (user, mosquitto password hash) in, and the server itself, from now on.

        A connected device that is no longer among them is cut off. True if anything changed.
        """
        text = password_file_text([*rows, (INGEST_USER, self._ingest_hash())])
        path = self._folder.path / "broker" / "passwords"
        if path.exists() and path.read_text() == text:
            return False
        self._folder.write_private("broker/passwords", text)
        if self.has_access_rules:
            self._process.signal(signal.SIGHUP)
        return True

    def _start_mosquitto(self, program: Path) -> None:
        ca_file, certificate_file, key_file = ensure_certificates(
            self._folder, host=self._host, now=clock.now()
        )
        self._ca_file = ca_file
        home = self._folder.path / "broker"
        files = BrokerFiles(
            password_file=home / "passwords",
            acl_file=home / "acl",
            ca_file=ca_file,
            certificate_file=certificate_file,
            key_file=key_file,
            persistence_folder=self._folder.folder("broker/state"),
            pid_file=home / "pid",
        )
        configuration = home / "mosquitto.conf"
        server_port, device_port = self._ports()
        text = configuration_text(
            files,
            server_port=server_port,
            device_port=device_port,
            bind_address=self._bind_address,
        )
        if self.adopt():
            if configuration.exists() and configuration.read_text() == text:
                return
            self.stop()  # it runs by the configuration of an earlier release
        self._folder.write_private("broker/acl", acl_file_text())
        if not files.password_file.exists():
            self.write_passwords([])
        self._folder.write_private("broker/mosquitto.conf", text)
        self._start([str(program), "-c", str(configuration)])

    def _start_wheel(self) -> None:
        """The wheel has neither passwords nor access rules nor a disk, so it stays on the loopback."""
        if importlib.util.find_spec("iotcore") is None:
            raise StackError(
                "No MQTT broker found. Install mosquitto (apt-get or brew install mosquitto), run `make "
                "setup`, name the program in HAAS_MOSQUITTO_BIN, or point HAAS_MQTT_URL at a broker."
            )
        self._ca_file = None
        self._ports(shared=True)
        if self.adopt():
            return
        serve = (
            "import json, sys; from iotcore import IotCoreBroker; "
            "IotCoreBroker(**json.loads(sys.argv[1])).run_forever()"
        )
        # It runs in our own interpreter, which the servers' user may not be able to reach: as ourselves.
        self._start([sys.executable, "-P", "-c", serve, self._wheel_options()], as_ourselves=True)
        self._folder.write_private("broker/pid", str(self._process.pid))

    def _wheel_options(self) -> str:
        return json.dumps({"listen": _LOOPBACK, "port": self._ports()[0], "max_payload_size": 65536})

    def _start(self, arguments: list[str], *, as_ourselves: bool = False) -> None:
        self._require_free_ports()
        self._process.start(
            Command(
                arguments=arguments,
                log_file=self._folder.path / "logs" / "broker.log",
                environment=clean_environment(),
                folder=self._folder.path,
                run_as=None if as_ourselves else self._folder.run_as,
            )
        )
        self._process.wait_ready(self.responds, seconds=60)

    @property
    def _ports_file(self) -> Path:
        return self._folder.path / "broker" / "ports.json"

    def _ports(self, *, shared: bool = False) -> tuple[int, int]:
        """The server's and the devices' port, chosen once: enrolled devices remember theirs."""
        if self._ports_file.exists():
            chosen = json.loads(self._ports_file.read_text())
            return int(chosen["server"]), int(chosen["devices"])
        server = _free_port()
        devices = server if shared else _free_port(preferred=self._preferred_port)
        self._folder.write_private("broker/ports.json", json.dumps({"server": server, "devices": devices}))
        return server, devices

    def _require_free_ports(self) -> None:
        for port in set(self._ports()):
            if not wait_until(partial(is_port_free, port), seconds=5):
                raise StackError(
                    f"Port {port}, which enrolled devices know, is taken by another program. Stop that "
                    f"program, or delete {self._ports_file} to take another port "
                    "(devices must then be enrolled again)."
                )

    def _ingest_hash(self) -> str:
        # Kept, so that the password file is the same text each time and not every start is a change.
        path = self._folder.path / "secrets" / f"{_INGEST_SECRET}.hash"
        if not path.exists():
            made = mosquitto_password_hash(self._folder.secret(_INGEST_SECRET))
            self._folder.write_private(f"secrets/{path.name}", made)
        return path.read_text()


class CredentialSource(Protocol):
    """Who may sign in, as the database has it: `devices.broker_access`, asked as a module."""

    def credentials_version(self) -> object:
        """Anything that differs after any change of the rows; asked every second, so it must be cheap."""

    def broker_rows(self) -> Iterable[tuple[str, str]]:
        """(device id, mosquitto password hash) of every device that may connect now, of all partners."""


class PasswordKeeper(Protocol):
    """What lets devices in: our broker, or the files of one that runs elsewhere."""

    def write_passwords(self, rows: Iterable[tuple[str, str]]) -> bool:
        """Let exactly these (user, mosquitto password hash) in; whether anything changed."""


def keep_passwords(broker: PasswordKeeper, source: CredentialSource, *, stop: threading.Event) -> None:
    """Bring every change of the credentials to the broker within about a second, until told to stop."""
    seen: object = None
    while not stop.is_set():
        try:
            version = source.credentials_version()
            if version != seen:
                broker.write_passwords(source.broker_rows())
                seen = version
        except Exception:
            # The outermost loop of a thread that must outlive restarts of the database: the next look
            # tries again, and what was allowed before stays allowed.
            log.exception("the broker's passwords could not be brought up to date; trying again")
        stop.wait(_LOOK_SECONDS)


def is_port_free(port: int, *, host: str = _LOOPBACK) -> bool:
    """Whether nobody listens on this TCP port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def _free_port(*, preferred: int = 0) -> int:
    if preferred and is_port_free(preferred):
        return preferred
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((_LOOPBACK, 0))
        return int(probe.getsockname()[1])

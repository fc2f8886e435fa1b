"""`haas broker`: the configuration of your own mosquitto, and its passwords as the database has them."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

import click

from haas.broker import (
    INGEST_USER,
    BrokerFiles,
    acl_file_text,
    configuration_text,
    mosquitto_password_hash,
    password_file_text,
)
from haas.embedded.broker import keep_passwords
from haas.errors import InvalidInput
from haas.settings import Settings

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False, resolve_path=True)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, resolve_path=True))
@click.option("--certificate", required=True, type=_FILE, help="The broker's certificate, PEM.")
@click.option("--key", required=True, type=_FILE, help="Its private key.")
@click.option("--ca-file", required=True, type=_FILE, help="Who signed it; devices pin it as they enrol.")
@click.option("--server-port", default=8884, show_default=True, type=click.IntRange(1, 65535))
@click.option("--device-port", default=8883, show_default=True, type=click.IntRange(1, 65535))
@click.option("--bind", default="0.0.0.0", show_default=True, help="Address of the devices' port.")  # noqa: S104 # nosec B104
@click.option("--once", is_flag=True, help="Write the files and end.")
def broker(
    folder: Path,
    *,
    certificate: Path,
    key: Path,
    ca_file: Path,
    server_port: int,
    device_port: int,
    bind: str,
    once: bool,
) -> None:
    """Write mosquitto.conf, access rules and passwords into FOLDER, and follow the database.

    Run `mosquitto -c FOLDER/mosquitto.conf` beside it, as the same user: it is told to read its
    passwords again within a second of each change.
    """
    from devices import broker_access
    from haas import db, models

    settings = Settings.from_environment()
    if not models.EVERY_TABLE:
        raise RuntimeError("no models were loaded")
    db.configure(settings.database_url)
    kept = KeptFiles(folder, ingest_password=ingest_password(settings.mqtt_url))
    files = kept.name_files(certificate=certificate, key=key, ca_file=ca_file)
    kept.write("acl", acl_file_text())
    kept.write(
        "mosquitto.conf",
        configuration_text(files, server_port=server_port, device_port=device_port, bind_address=bind),
    )
    kept.write_passwords(broker_access.broker_rows())
    click.echo(f"Start it with: mosquitto -c {folder / 'mosquitto.conf'}")
    if not once:
        keep_passwords(kept, broker_access, stop=stop_on_signal())


class KeptFiles:
    """What a mosquitto reads in one folder."""

    def __init__(self, folder: Path, *, ingest_password: str) -> None:
        self._folder = folder
        self._ingest = mosquitto_password_hash(ingest_password)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "state").mkdir(mode=0o700, exist_ok=True)

    def name_files(self, *, certificate: Path, key: Path, ca_file: Path) -> BrokerFiles:
        """Where its configuration finds everything."""
        return BrokerFiles(
            password_file=self._folder / "passwords",
            acl_file=self._folder / "acl",
            ca_file=ca_file,
            certificate_file=certificate,
            key_file=key,
            persistence_folder=self._folder / "state",
            pid_file=self._folder / "pid",
        )

    def write_passwords(self, rows: Iterable[tuple[str, str]]) -> bool:
        """Let exactly these devices in, and the server itself; mosquitto reads them at once."""
        changed = self.write("passwords", password_file_text([*rows, (INGEST_USER, self._ingest)]))
        if changed:
            self._tell_mosquitto()
        return changed

    def write(self, name: str, text: str) -> bool:
        """Replace a file at once, readable by its owner alone; whether it changed."""
        path = self._folder / name
        if path.exists() and path.read_text() == text:
            return False
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(text)
        draft.replace(path)
        return True

    def _tell_mosquitto(self) -> None:
        # Not started yet: it will read them as it starts.
        with suppress(FileNotFoundError, ValueError, ProcessLookupError):
            os.kill(int((self._folder / "pid").read_text()), signal.SIGHUP)


def ingest_password(mqtt_url: str | None) -> str:
    """The server's own password at the broker, as HAAS_MQTT_URL has it.

    :raises InvalidInput: if there is none, or it is another user's.
    """
    parts = urlsplit(mqtt_url or "")
    if parts.username != INGEST_USER or not parts.password:
        raise InvalidInput(
            f"Set HAAS_MQTT_URL to mqtts://{INGEST_USER}:PASSWORD@HOST:PORT: the broker gets that password.",
            field="HAAS_MQTT_URL",
        )
    return unquote(parts.password)


def stop_on_signal() -> threading.Event:
    """An event that Ctrl-C and SIGTERM set."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stop.set())
    return stop

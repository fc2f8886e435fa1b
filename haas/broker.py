"""What any mosquitto broker must be told: password hashes, access rules, configuration text. Pure."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

INGEST_USER = "ingest"

# The passwords are 256 random bits, so the rounds need not slow a guesser down; they are mosquitto's
# own default, and it repeats them for every connected client each time the password file changes.
_PASSWORD_ROUNDS = 101
_SALT_BYTES = 12


def mosquitto_password_hash(password: str, *, salt: bytes | None = None) -> str:
    """Hash a password as mosquitto 2 stores it: `$7$rounds$salt$PBKDF2-SHA512`, in base64.

    The server keeps this and never the password. `salt` is for tests; it is random otherwise.
    """
    salt = secrets.token_bytes(_SALT_BYTES) if salt is None else salt
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _PASSWORD_ROUNDS)
    return f"$7${_PASSWORD_ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def password_file_text(rows: Iterable[tuple[str, str]]) -> str:
    """The password file for (user, mosquitto password hash) rows, in the users' order.

    :raises ValueError: if a user or hash could end its line or field early.
    """
    lines = []
    for user, password_hash in sorted(rows):
        if not user or any(character in user + password_hash for character in "\n\r\0") or ":" in user:
            raise ValueError(f"{user!r} cannot stand in a password file")
        lines.append(f"{user}:{password_hash}\n")
    return "".join(lines)


def acl_file_text() -> str:
    """Who may say and hear what: a device under its own topics, the ingest user under every device's.

    `%u` is the signed-in user, so one pattern serves every device and re-enrolment changes nothing.
    """
    return f"""\
pattern write haas/v1/%u/up/#
pattern read haas/v1/%u/down/#

user {INGEST_USER}
topic read haas/v1/+/up/#
topic write haas/v1/+/down/#
"""


@dataclass(frozen=True, slots=True)
class BrokerFiles:
    """Where the generated configuration finds its parts."""

    password_file: Path
    acl_file: Path
    ca_file: Path
    certificate_file: Path
    key_file: Path
    persistence_folder: Path
    pid_file: Path


def configuration_text(
    files: BrokerFiles,
    *,
    server_port: int,
    device_port: int,
    bind_address: str = "127.0.0.1",
) -> str:
    """The mosquitto configuration: nothing anonymous, nothing in clear, nothing dropped while we are down.

    Devices have a listener of their own, where the client id *is* the user name: otherwise any device
    could choose another's client id and cut that connection off. The server's processes share one user,
    so their listener lets them name themselves; it is on this machine only.

    Debian's limits (20 in flight, 1,000 queued) lose messages while the subscriber is away; 0 in flight
    means "no limit" and lost more than a bound did. Four batches of the subscriber in flight keep it
    reading while it writes: a backlog drains half as fast again as with one.
    """
    tls = f"""\
cafile {files.ca_file}
certfile {files.certificate_file}
keyfile {files.key_file}
tls_version tlsv1.2
"""
    return f"""\
per_listener_settings false
allow_anonymous false
password_file {files.password_file}
acl_file {files.acl_file}

persistence true
persistence_location {files.persistence_folder}/
autosave_interval 60
max_inflight_messages 4000
max_queued_messages 1000000
max_queued_bytes 1073741824
message_size_limit 65536
set_tcp_nodelay true
max_keepalive 600
pid_file {files.pid_file}
log_dest stderr
log_type error
log_type warning
log_type notice
connection_messages false

listener {server_port} 127.0.0.1
{tls}
listener {device_port} {bind_address}
use_username_as_clientid true
{tls}"""

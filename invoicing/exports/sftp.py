"""A file put onto somebody's SFTP server: only to an address that may be, only to the key that was pinned."""

from __future__ import annotations

import hashlib
import io
import posixpath
import socket
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import paramiko
import requests
from requests_hardened.ip_filter import get_ip_address

from haas.crash import crashpoint

_CONNECT_SECONDS, _ANSWER_SECONDS = 10, 60
_KEY_TYPES = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)


class SftpFailed(RuntimeError):
    """It did not arrive. `is_final`: trying again changes nothing, a person must."""

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.is_final = is_final


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where to, and as whom. `secret` is a password, or a private key in PEM."""

    host: str
    port: int = 22
    user: str
    folder: str
    host_key: str = ""  # "ssh-ed25519 AAAA…", as it was confirmed
    secret: str = field(default="", repr=False)


def offered_key(place: Place, *, allow_private: bool) -> str:
    """The key by which the server shows itself now: for a person to compare and confirm.

    :raises SftpFailed: if it cannot be reached, or may not be.
    """
    with _transport(place, allow_private=allow_private) as transport:
        key = transport.get_remote_server_key()
        return f"{key.get_name()} {key.get_base64()}"


def fingerprint(host_key: str) -> str:
    """As people compare it: SHA256:… of the key, like `ssh-keygen -lf` shows it."""
    blob = paramiko.PKey.from_type_string(*_parts(host_key)).asbytes()
    return "SHA256:" + b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def upload(place: Place, *, name: str, content: bytes, allow_private: bool) -> None:
    """Put the file into the folder: under a name of its own first, then renamed, so that nobody reads half.

    A file of that name with the same bytes is ours, from an attempt whose answer was lost. Another's is never
    overwritten.
    :raises SftpFailed: if the host key is another, the sign-in is refused, or the file is not all there.
    """
    if not place.host_key:
        raise SftpFailed("the server's key was never confirmed", is_final=True)
    with _transport(place, allow_private=allow_private) as transport:
        shown = transport.get_remote_server_key()
        if f"{shown.get_name()} {shown.get_base64()}" != place.host_key:
            raise SftpFailed("the server shows another key than the one that was confirmed", is_final=True)
        _sign_in(transport, place)
        client = paramiko.SFTPClient.from_transport(transport)
        if client is None:
            raise SftpFailed("the server has no SFTP")
        client.get_channel().settimeout(_ANSWER_SECONDS)
        _put(client, folder=place.folder, name=name, content=content)


def _put(client: paramiko.SFTPClient, *, folder: str, name: str, content: bytes) -> None:
    target, draft = posixpath.join(folder, name), posixpath.join(folder, f".{name}.part")
    if _is_there(client, target):
        with client.open(target, "rb") as found:
            if found.read(len(content) + 1) == content:
                return
        raise SftpFailed(f"another file is called {target}: it is not overwritten", is_final=True)
    stored = client.putfo(io.BytesIO(content), draft, confirm=True)
    if stored.st_size != len(content):
        raise SftpFailed(f"{stored.st_size} of {len(content)} bytes arrived")
    crashpoint("export.draft_uploaded")
    client.rename(draft, target)  # unlike posix_rename it refuses where a file has come meanwhile


def _is_there(client: paramiko.SFTPClient, path: str) -> bool:
    try:
        client.stat(path)
    except FileNotFoundError:
        return False
    return True


@contextmanager
def _transport(place: Place, *, allow_private: bool) -> Iterator[paramiko.Transport]:
    """Connected to the address that was checked, so that a name cannot lead elsewhere in between."""
    connection: socket.socket | None = None
    transport: paramiko.Transport | None = None
    try:
        connection = socket.create_connection(
            (_checked(place, allow_private=allow_private), place.port), timeout=_CONNECT_SECONDS
        )
        transport = paramiko.Transport(connection)
        transport.banner_timeout = transport.auth_timeout = _CONNECT_SECONDS
        if place.host_key:  # ask for the kind of key that was confirmed: a server has several
            kind = _parts(place.host_key)[0]
            _prefer(transport, kind)
        transport.start_client(timeout=_CONNECT_SECONDS)
        yield transport
    except (OSError, paramiko.SSHException, EOFError) as failure:
        raise SftpFailed(f"{place.host}: {type(failure).__name__}: {failure}"[:300]) from failure
    finally:
        for each in (transport, connection):
            if each is not None:
                with suppress(OSError):
                    each.close()


def _prefer(transport: paramiko.Transport, kind: str) -> None:
    known = list(transport.get_security_options().key_types)
    wanted = [each for each in known if each == kind or (kind == "ssh-rsa" and each.startswith("rsa-"))]
    if wanted:
        transport.get_security_options().key_types = wanted


def _checked(place: Place, *, allow_private: bool) -> str:
    try:
        if allow_private:
            return str(socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)[0][4][0])
        address, _ = get_ip_address(place.host, place.port, allow_loopback=False)
    except requests.RequestException as refused:
        raise SftpFailed(
            f"{place.host} is an address of a private network, to which nothing is sent", is_final=True
        ) from refused
    return str(address)


def _sign_in(transport: paramiko.Transport, place: Place) -> None:
    try:
        if "PRIVATE KEY" in place.secret:
            transport.auth_publickey(place.user, _private_key(place.secret))
        else:
            transport.auth_password(place.user, place.secret)
    except paramiko.AuthenticationException as refused:
        raise SftpFailed(f"{place.host} refuses {place.user}: sign-in failed", is_final=True) from refused


def _private_key(pem: str) -> paramiko.PKey:
    for kind in _KEY_TYPES:
        with suppress(paramiko.SSHException, ValueError):
            return kind.from_private_key(io.StringIO(pem))
    raise SftpFailed("the private key cannot be read: save an Ed25519, ECDSA or RSA key", is_final=True)


def _parts(host_key: str) -> tuple[str, bytes]:
    kind, _, blob = host_key.partition(" ")
    return kind, b64decode(blob)

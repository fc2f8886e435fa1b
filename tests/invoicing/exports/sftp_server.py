"""A real SFTP server on this machine: one user with a password and a key, and the root of a folder alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh

from invoicing.exports import sftp


@dataclass(frozen=True, slots=True)
class Server:
    """A server on this machine with a folder of its own."""

    port: int
    folder: Path
    public_key: str
    client_key: str

    def place(self, **changes: Any) -> sftp.Place:
        """Where to, with the right password and key."""
        told: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": self.port,
            "user": "haas",
            "folder": "/in",
            "host_key": self.public_key,
            "secret": "sesame",
        }
        return sftp.Place(**{**told, **changes})

    def names(self) -> list[str]:
        """What lies in the folder."""
        return sorted(path.name for path in self.folder.iterdir())


@contextmanager
def serving(root: Path) -> Iterator[Server]:
    """It runs in a thread of this process until the block ends."""
    (root / "in").mkdir()
    host_key, client_key = (
        asyncssh.generate_private_key("ssh-ed25519"),
        asyncssh.generate_private_key("ssh-ed25519"),
    )

    opened: list[asyncssh.SSHServerConnection] = []

    class Door(asyncssh.SSHServer):
        def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
            opened.append(conn)

        def begin_auth(self, username: str) -> bool:
            return True

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == ("haas", "sesame")

        def public_key_auth_supported(self) -> bool:
            return True

        def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
            return key.public_data == client_key.public_data

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def listen() -> asyncssh.SSHAcceptor:
        return await asyncssh.create_server(
            Door,
            "127.0.0.1",
            0,
            server_host_keys=[host_key],
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(root).encode()),
        )

    acceptor = asyncio.run_coroutine_threadsafe(listen(), loop).result(timeout=20)
    kind, blob, *_ = host_key.export_public_key().decode().split()
    yield Server(acceptor.get_port(), root / "in", f"{kind} {blob}", client_key.export_private_key().decode())

    async def close() -> None:
        acceptor.close()
        for connection in opened:
            connection.abort()
            await connection.wait_closed()
        await acceptor.wait_closed()

    asyncio.run_coroutine_threadsafe(close(), loop).result(timeout=20)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(timeout=20)
    loop.close()

"""Valkey (or Redis) in the data folder: on a Unix socket, with a password, written to disk."""

from __future__ import annotations

import signal
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import psutil
import redis

from haas.embedded.binaries import find_valkey, reachable_program
from haas.embedded.folder import DataFolder
from haas.embedded.process import Command, ServerProcess, clean_environment, wait_until

_SECRET = "valkey"  # noqa: S105 - the file's name


class Valkey:
    """One Valkey server; it carries queues and rate limits, and its file is replayed after a crash."""

    name = "Valkey"

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder
        self._process = ServerProcess(self.name)

    @property
    def pid(self) -> int | None:
        """Its process id."""
        return self._process.pid

    def url(self, *, database: int = 0) -> str:
        """The URL redis-py and RQ connect with."""
        password = quote(self._folder.secret(_SECRET), safe="")
        return f"unix://:{password}@{quote(str(self._socket), safe='/')}?db={database}"

    def start(self) -> None:
        """Start it, or take over the one an earlier run left.

        :raises StackError: if there is none on this machine or it does not come up.
        """
        if self.adopt():
            return
        program = reachable_program(find_valkey(), self._folder)
        self._folder.folder("valkey")
        configuration = self._folder.write_private("valkey/valkey.conf", self._configuration_text())
        self._process.start(
            Command(
                arguments=[str(program), str(configuration)],
                log_file=self._folder.path / "logs" / "valkey.log",
                environment=clean_environment(),
                folder=self._folder.path,
                run_as=self._folder.run_as,
            )
        )
        self._process.wait_ready(self.responds, seconds=60)

    def adopt(self) -> bool:
        """Take over a live server of an earlier run; whether there is one."""
        if not self._socket.exists():
            return False
        with suppress(redis.RedisError, psutil.Error):
            with redis.Redis.from_url(self.url(), socket_timeout=5) as client:
                self._process.adopt(int(client.info("server")["process_id"]))
            return wait_until(self.responds, seconds=60)  # it may be loading its file
        return False

    def is_running(self) -> bool:
        """Whether it lives."""
        return self._process.is_running()

    def responds(self) -> bool:
        """Whether it answers a ping; while it loads its file after a start it does not."""
        with (
            suppress(redis.RedisError),
            redis.Redis.from_url(self.url(), socket_timeout=5) as client,
        ):
            return bool(client.ping())
        return False

    def stop(self) -> None:
        """Ask it to write and end."""
        self._process.stop(signal.SIGTERM)

    @property
    def _socket(self) -> Path:
        return self._folder.socket_folder() / "valkey.sock"

    def _configuration_text(self) -> str:
        # Jobs must not be forgotten when memory is short: refuse new ones instead of evicting old ones.
        return f"""\
port 0
unixsocket {self._socket}
unixsocketperm 700
requirepass {self._folder.secret(_SECRET)}
dir {self._folder.path / "valkey"}
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
daemonize no
"""

"""The network between a device and the broker: it can go dark, and nobody is told."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

_LOOK_SECONDS = 0.05


class Cable:
    """Carries bytes from a port of its own to the broker, until it is cut."""

    def __init__(self, host: str, port: int) -> None:
        self._broker = (host, port)
        self._is_whole = threading.Event()
        self._far_ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener: socket.socket | None = None
        self.port = 0
        self.mend()

    def mend(self) -> None:
        """Carry from now on, at the same port as ever."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._listener.settimeout(_LOOK_SECONDS)
        self.port = self._listener.getsockname()[1]
        self._is_whole.set()
        self._run(self._listen, self._listener)

    def cut(self) -> None:
        """Go dark: the device finds no way in any more, the broker hears nothing and waits."""
        self._is_whole.clear()
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def time_out(self) -> None:
        """The broker's keep-alive has run out: it closes the connections that went dark."""
        for end in self._far_ends:
            end.close()
        self._far_ends.clear()

    def close(self) -> None:
        """Leave nothing behind."""
        self.cut()
        self.time_out()

    def _run(self, work: object, *given: socket.socket) -> None:
        thread = threading.Thread(target=work, args=given, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _listen(self, listener: socket.socket) -> None:
        while self._is_whole.is_set():
            with suppress(TimeoutError):
                near, _ = listener.accept()
                far = socket.create_connection(self._broker)
                self._far_ends.append(far)
                self._run(self._carry, near, far)
                self._run(self._carry, far, near)

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        source.settimeout(_LOOK_SECONDS)
        with suppress(OSError):
            while self._is_whole.is_set():
                with suppress(TimeoutError):
                    if not (data := source.recv(65536)):
                        break
                    sink.sendall(data)
        for end in (source, sink):
            if end not in self._far_ends:
                end.close()

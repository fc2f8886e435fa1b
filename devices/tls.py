"""A TLS connection that reads and writes in large pieces.

paho asks a socket for one byte, another, and the rest of each message, and writes each acknowledgement by
itself: five calls into OpenSSL for a message, at each of which the threads of the process change places.
"""

from __future__ import annotations

import ssl
from contextlib import suppress
from typing import Any

_READ_BYTES = 65_536


class GatheringSocket(ssl.SSLSocket):
    """Serves reads from a buffer; takes all that is sent, and writes it when `flush` is called.

    For `SSLContext.sslsocket_class`, and for a loop that calls `flush` before it waits. Not for two threads.
    """

    _read = b""
    _at = 0
    _unsent: bytes | bytearray = b""

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """At most `buflen` bytes: of the buffer, or else what the connection has."""
        if self._at == len(self._read):
            self._read, self._at = super().recv(max(buflen, _READ_BYTES), flags), 0
        begin = self._at
        self._at = min(begin + buflen, len(self._read))
        return self._read[begin : self._at]

    def pending(self) -> int:
        """How many bytes can be read without asking the connection."""
        return len(self._read) - self._at + super().pending()

    def send(self, data: Any, flags: int = 0) -> int:  # noqa: ARG002
        """Take all of it."""
        if self._unsent:
            self._unsent += data
        else:
            self._unsent = bytearray(data)
        return len(data)

    def flush(self) -> bool:
        """Write what was taken, as far as the connection lets us; whether that was all.

        :raises OSError: if the connection was lost.
        """
        while self._unsent:
            try:
                written = super().send(self._unsent)
            except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                return False
            self._unsent = self._unsent[written:]
        return True

    def close(self) -> None:
        """Write what was taken, if the connection still lets us, and close."""
        with suppress(OSError):
            self.flush()
        super().close()

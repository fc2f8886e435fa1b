"""The renderer in its own process: warm, limited, and replaced whenever a document costs too much."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
import threading
import time
from functools import lru_cache
from pathlib import Path
from signal import SIGABRT, SIGKILL, SIGSEGV, SIGTRAP, SIGXCPU
from types import TracebackType
from typing import Self

import msgspec

from haas.documents.attachments import Attachment
from haas.documents.errors import DocumentTooCostly, RenderFailed

SECONDS = 60.0  # of processor time: how busy the machine is, is not the document's fault
WALL_SECONDS = 300.0  # by the clock: generous, and still less than a job may take
START_SECONDS = 60.0
MEMORY_BYTES = 1024**3
DOCUMENTS_PER_PROCESS = 1000
MOST_ANSWER_BYTES = 256 * 1024 * 1024

_ROOT = Path(__file__).parent.parent.parent
_LENGTH = struct.Struct(">I")

# The child sees no secrets: only what fonts, libraries and temporary files need.
_PASSED_ON = (
    "PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "XDG_CACHE_HOME", "XDG_DATA_HOME",
    "FONTCONFIG_FILE", "FONTCONFIG_PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
    "DYLD_FALLBACK_LIBRARY_PATH",
)  # fmt: skip

# How a process ends when the C libraries get no more memory, or the kernel stops it.
OUT_OF_MEMORY = 86  # our child's own exit code
_OUT_OF_BOUNDS = {OUT_OF_MEMORY, -SIGKILL, -SIGABRT, -SIGTRAP, -SIGSEGV}


class RenderRequest(msgspec.Struct, frozen=True):
    """One document on its way to the child."""

    html: str
    sheet: str
    seconds: float
    attachment: Attachment | None = None


class RenderAnswer(msgspec.Struct, frozen=True):
    """What the child made of it: the PDF, or why not."""

    pdf: bytes = b""
    problem: str = ""
    too_costly: bool = False


class Renderer:
    """A child process that renders one document after another; safe to call from several threads.

    Started by the first document; after a kill, a crash or a thousand documents the next one
    starts a new child. Meant for a long-lived process: a job runner that forks for each job
    would start a child for each job.
    """

    def __init__(
        self,
        *,
        seconds: float = SECONDS,
        wall_seconds: float = WALL_SECONDS,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        self._seconds = seconds
        self._wall_seconds = wall_seconds
        self._memory_bytes = memory_bytes
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._link: socket.socket | None = None
        self._rendered = 0

    def render(self, html: str, *, sheet: str = "print.css", attachment: Attachment | None = None) -> bytes:
        """The PDF/A-3b of one XHTML document, with a file inside it or not.

        :raises DocumentTooCostly: if it takes more time or memory than one document may.
        :raises RenderFailed: if it cannot be rendered at all.
        """
        with self._lock:
            answer = self._ask(RenderRequest(html, sheet, self._seconds, attachment))
        if answer.too_costly:
            raise DocumentTooCostly(answer.problem)
        if answer.problem:
            raise RenderFailed(answer.problem)
        return answer.pdf

    def close(self) -> None:
        """End the child; the next document starts another."""
        with self._lock:
            self._stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The child's process id while there is one."""
        return self._child.pid if self._child else None

    def _ask(self, request: RenderRequest) -> RenderAnswer:
        try:
            link = self._warm_link()
            deadline = time.monotonic() + self._wall_seconds
            send_frame(link, msgspec.msgpack.encode(request), deadline=deadline)
            answer = msgspec.msgpack.decode(receive_frame(link, deadline=deadline), type=RenderAnswer)
        except TimeoutError:
            self._stop()
            return RenderAnswer(
                problem=f"the document took longer than {self._wall_seconds:g} seconds by the clock",
                too_costly=True,
            )
        except (ConnectionError, EOFError):
            return self._verdict_on_the_dead()
        except BaseException:
            # A job's own time limit may strike in here: what is still on the line belongs to nobody.
            self._stop()
            raise
        self._rendered += 1
        if answer.too_costly or self._rendered >= DOCUMENTS_PER_PROCESS:
            self._stop()
        return answer

    def _verdict_on_the_dead(self) -> RenderAnswer:
        child = self._child
        code = child.wait(timeout=10) if child else 0
        self._stop()
        if code == -SIGXCPU:
            return RenderAnswer(
                problem=f"the document took more than {self._seconds:g} seconds of processor time",
                too_costly=True,
            )
        if code in _OUT_OF_BOUNDS:
            return RenderAnswer(
                problem=f"the document took more time or memory than one may (ended with {code})",
                too_costly=True,
            )
        return RenderAnswer(
            problem=f"the renderer ended with {code}; `haas doctor` checks its system libraries"
        )

    def _warm_link(self) -> socket.socket:
        if self._link is not None and self._child is not None and self._child.poll() is None:
            return self._link
        self._stop()
        ours, theirs = socket.socketpair()
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        # A fixed seed, so that no set or dict of a library can order the same document otherwise.
        environment |= {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
        self._child = subprocess.Popen(
            [
                sys.executable, "-m", "haas.documents.renderer_process",
                str(theirs.fileno()), str(self._memory_bytes),
            ],
            cwd=_ROOT,
            env=environment,
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C ends the stack in its own order, not this child in mid-page
        )  # fmt: skip
        theirs.close()
        self._link, self._rendered = ours, 0
        # A cold start on a busy machine takes seconds, and they are not the document's.
        try:
            receive_frame(ours, deadline=time.monotonic() + START_SECONDS)
        except TimeoutError as slow:
            self._stop()
            raise RenderFailed(f"the renderer did not start within {START_SECONDS:g} seconds") from slow
        return ours

    def _stop(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None

    def forget(self) -> None:
        """In a forked copy of this process: let go of the child, which belongs to the original."""
        if self._link is not None:
            self._link.close()
        self._link = self._child = None
        self._lock = threading.Lock()


def render_in_own_process(
    html: str, *, sheet: str = "print.css", attachment: Attachment | None = None
) -> bytes:
    """Render by this process's own warm child, started on first use; see `Renderer.render`."""
    return shared_renderer().render(html, sheet=sheet, attachment=attachment)


@lru_cache(maxsize=1)
def shared_renderer() -> Renderer:
    """The one renderer of this process; it ends with it, because the child reads end of file."""
    renderer = Renderer()
    os.register_at_fork(after_in_child=renderer.forget)
    return renderer


def send_frame(link: socket.socket, body: bytes, *, deadline: float | None = None) -> None:
    """Write one message with its length before it."""
    link.settimeout(_left(deadline))
    link.sendall(_LENGTH.pack(len(body)) + body)


def receive_frame(link: socket.socket, *, deadline: float | None = None) -> bytes:
    """Read one message.

    :raises EOFError: if the other side is gone.
    :raises TimeoutError: if it is not complete by the deadline (of the monotonic clock).
    """
    (length,) = _LENGTH.unpack(_receive_exactly(link, _LENGTH.size, deadline))
    if length > MOST_ANSWER_BYTES:
        raise EOFError(f"a message of {length} bytes is not ours")
    return _receive_exactly(link, length, deadline)


def _receive_exactly(link: socket.socket, size: int, deadline: float | None) -> bytes:
    received = bytearray()
    while len(received) < size:
        link.settimeout(_left(deadline))
        part = link.recv(min(size - len(received), 1 << 20))
        if not part:
            raise EOFError("the other side closed the line")
        received += part
    return bytes(received)


def _left(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left

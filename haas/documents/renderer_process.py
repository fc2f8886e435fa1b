"""The child that renders: limits itself first, then answers one document after another until the line closes."""

from __future__ import annotations

import contextlib
import gc
import math
import resource
import socket
import sys

import msgspec

from haas.documents.errors import RenderFailed
from haas.documents.renderer import (
    RenderAnswer,
    RenderRequest,
    receive_frame,
    send_frame,
)


def main(fd: int, memory_bytes: int) -> None:
    """Serve the line `fd` until its other end is closed."""
    _limit_memory(memory_bytes)
    from haas.documents.rendering import (
        render_pdf,
    )  # the costly import, inside the limits

    with socket.socket(fileno=fd) as link:
        while True:
            try:
                request = msgspec.msgpack.decode(receive_frame(link), type=RenderRequest)
            except (EOFError, ConnectionError):
                return
            _allow_cpu(request.seconds)
            try:
                answer = RenderAnswer(pdf=render_pdf(request.html, sheet=request.sheet))
            except MemoryError:
                answer = RenderAnswer(
                    problem="the document took more memory than one may",
                    too_costly=True,
                )
            except RecursionError:
                answer = RenderAnswer(problem="the document is nested too deeply", too_costly=True)
            except RenderFailed as refusal:
                answer = RenderAnswer(problem=refusal.message)
            # This process's outermost loop: whatever a library raises about one document is
            # told to the one who sent it, and the next document still gets its turn.
            except Exception as failure:
                answer = RenderAnswer(problem=f"{type(failure).__name__}: {failure}")
            send_frame(link, msgspec.msgpack.encode(answer))


def _limit_memory(memory_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # macOS refuses RLIMIT_AS; there the time limit alone holds.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def _allow_cpu(seconds: float) -> None:
    """Give the next document this much processor time on top of what was used before.

    The parent's clock kills first; this holds even when the parent is gone.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = math.ceil(used.ru_utime + used.ru_stime + seconds) + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (limit, hard))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))

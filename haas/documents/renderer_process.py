"""The child that renders: limits itself, then answers document after document until the line closes."""

from __future__ import annotations

import contextlib
import gc
import math
import os
import resource
import socket
import sys
from collections.abc import Callable

import msgspec

from haas.documents.errors import RenderFailed
from haas.documents.renderer import (
    OUT_OF_MEMORY,
    RenderAnswer,
    RenderRequest,
    receive_frame,
    send_frame,
)


def main(fd: int, memory_bytes: int) -> None:
    """Serve the line `fd` until its other end is closed."""
    _limit_memory(memory_bytes)
    # The costly import, inside the limits.
    from haas.documents.rendering import render_pdf

    # Given back when memory runs out, so that there is room left to say so and leave.
    reserve = [bytearray(16 * 1024**2)]
    try:
        with socket.socket(fileno=fd) as link:
            _spare_the_collector()
            send_frame(link, b"ready")
            while True:
                request = msgspec.msgpack.decode(receive_frame(link), type=RenderRequest)
                _allow_cpu(request.seconds)
                send_frame(link, msgspec.msgpack.encode(_answer(request, render_pdf)))
                _allow_cpu(request.seconds)  # the next one is read with none of what this one has left
    except MemoryError:
        reserve.clear()
        os._exit(OUT_OF_MEMORY)
    except (EOFError, ConnectionError):
        return


def _answer(request: RenderRequest, render_pdf: Callable[..., bytes]) -> RenderAnswer:
    try:
        return RenderAnswer(pdf=render_pdf(request.html, sheet=request.sheet, attachment=request.attachment))
    except MemoryError:
        raise
    except RecursionError:
        return RenderAnswer(problem="the document is nested too deeply", too_costly=True)
    except RenderFailed as refusal:
        return RenderAnswer(problem=refusal.message)
    # This process's outermost loop: whatever a library raises about one document is told to the
    # one who sent it, and the next document still gets its turn.
    except Exception as failure:  # noqa: BLE001
        return RenderAnswer(problem=f"{type(failure).__name__}: {failure}")


def _spare_the_collector() -> None:
    """Look for cycles less often, and never among what was imported: a page is thousands of boxes that stay.

    Worth 5 % of a page; a document still gives back what it used before the next but one is done.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _limit_memory(memory_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # macOS refuses RLIMIT_AS; there the time limit alone holds.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def _allow_cpu(seconds: float) -> None:
    """Give what comes next this much processor time, to the next second, on top of what was used before.

    The kernel ends this process when it is used up, even when the parent is gone.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = math.ceil(used.ru_utime + used.ru_stime + seconds)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (limit, hard))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))

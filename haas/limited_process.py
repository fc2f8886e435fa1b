"""One question put to a child that limits itself: for reading what a stranger made.

The child is a module that calls `serve` when it is run. It gets no secrets, no descriptor but its pipes, so
much time and so much memory; whatever the file does to it harms nobody else.
"""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess  # nosec B404
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from haas.errors import HaasError

SECONDS = 20
MEMORY_BYTES = 768 * 1024**2
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV")
_TREE = Path(__file__).resolve().parents[1]

Q = TypeVar("Q", bound=msgspec.Struct)
A = TypeVar("A")


class _Put(msgspec.Struct, frozen=True):
    seconds: int
    memory_bytes: int
    question: msgspec.Raw


class _Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    answer: msgspec.Raw = msgspec.Raw(b"")
    refusal: str = ""
    is_costly: bool = False


class Refused(Exception):
    """The child read it and refuses it, in words for people."""


class TooCostly(Exception):
    """Reading it took more time or memory than it may."""


def ask(module: str, question: msgspec.Struct, *, answer: type[A], seconds: int = SECONDS) -> A:
    """What `module`, run as a program, makes of the question.

    :raises Refused: with the words of the refusal.
    :raises TooCostly: if it takes too long or too much.
    """
    put = _Put(seconds, MEMORY_BYTES, msgspec.Raw(msgspec.msgpack.encode(question)))
    try:
        ended = subprocess.run(  # nosec B603
            [sys.executable, "-m", module],
            input=msgspec.msgpack.encode(put),
            capture_output=True,
            env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},  # no secrets
            cwd=_TREE,
            timeout=seconds * 2,
            check=False,
        )
    except subprocess.TimeoutExpired as slow:
        raise TooCostly from slow
    if ended.returncode > 0 and not ended.stdout:
        # A bug of ours, and no limit: it goes to the log whole.
        raise RuntimeError(f"{module} failed: {ended.stderr.decode(errors='replace')[-2000:]}")
    if ended.returncode < 0 or not ended.stdout:
        raise TooCostly
    reply = msgspec.msgpack.decode(ended.stdout, type=_Reply)
    if reply.is_costly:
        raise TooCostly
    if reply.refusal:
        raise Refused(reply.refusal)
    return msgspec.msgpack.decode(reply.answer, type=answer)


def serve(question: type[Q], read: Callable[[Q], object]) -> None:
    """In the child: one question on standard input, one reply on standard output."""
    put = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=_Put)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (put.seconds, put.seconds + 1))
    # macOS refuses RLIMIT_AS; there the time limit alone holds.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (put.memory_bytes, put.memory_bytes))
    try:
        answer = read(msgspec.msgpack.decode(put.question, type=question))
        reply = _Reply(answer=msgspec.Raw(msgspec.msgpack.encode(answer)))
    except HaasError as refusal:
        reply = _Reply(refusal=refusal.message)
    except (MemoryError, RecursionError):
        reply = _Reply(is_costly=True)
    sys.stdout.buffer.write(msgspec.msgpack.encode(reply))

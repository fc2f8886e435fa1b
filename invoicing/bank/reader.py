"""Read an uploaded statement in a process of its own, with limits on time and memory."""

from __future__ import annotations

import os
import subprocess  # nosec B404
import sys
from pathlib import Path

import msgspec

import haas
from invoicing.bank.files import kind_of
from invoicing.bank.layouts import Layout
from invoicing.bank.statement import Statement, UnreadableStatement

SECONDS = 20
MEMORY_BYTES = 768 * 1024**2
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV")
_TREE = Path(haas.__file__).resolve().parents[1]


class Question(msgspec.Struct, frozen=True):
    """What the child is asked."""

    content: bytes
    layout: Layout | None
    currency: str


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What it answers: statements, or the words of a refusal."""

    statements: list[Statement] = []
    refusal: str = ""


def read_limited(content: bytes, *, layout: Layout | None = None, currency: str = "") -> list[Statement]:
    """Every statement of a file that a stranger made: reading it harms nobody but the child.

    :raises UnreadableStatement: naming the entry or row; also if reading it takes too long or too much.
    :raises TooLarge: for more bytes than are taken at once.
    """
    kind_of(content)
    question = msgspec.msgpack.encode(Question(content, layout, currency))
    try:
        ended = subprocess.run(  # nosec B603
            [sys.executable, "-m", "invoicing.bank.reader_process"],
            input=question,
            capture_output=True,
            env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},  # no secrets
            cwd=_TREE,
            timeout=SECONDS * 2,
            check=False,
        )
    except subprocess.TimeoutExpired as slow:
        raise _costly() from slow
    if ended.returncode < 0 or not ended.stdout:
        if ended.returncode > 0:
            # A bug of ours, and no limit: it goes to the log whole.
            raise RuntimeError(f"the reader failed: {ended.stderr.decode(errors='replace')[-2000:]}")
        raise _costly()
    answer = msgspec.msgpack.decode(ended.stdout, type=Answer)
    if answer.refusal:
        raise UnreadableStatement(answer.refusal)
    return answer.statements


def _costly() -> UnreadableStatement:
    return UnreadableStatement(
        f"Reading the file took more than {SECONDS} seconds: download it from your bank again, or split it."
    )

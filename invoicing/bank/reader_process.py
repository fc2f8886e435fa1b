"""The child that reads one uploaded file: limits itself, then answers with statements or a refusal."""

from __future__ import annotations

import contextlib
import resource
import sys

import msgspec

from haas.errors import HaasError
from invoicing.bank.files import read_file
from invoicing.bank.reader import MEMORY_BYTES, SECONDS, Answer, Question


def main() -> None:
    """One question on standard input, one answer on standard output."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
    # macOS refuses RLIMIT_AS; there the time limit alone holds.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    question = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Question)
    try:
        answer = Answer(
            statements=read_file(question.content, layout=question.layout, currency=question.currency)
        )
    except HaasError as refusal:
        answer = Answer(refusal=refusal.message)
    except (MemoryError, RecursionError):
        answer = Answer(refusal="The file asks for too much: download it from your bank again, or split it.")
    sys.stdout.buffer.write(msgspec.msgpack.encode(answer))


if __name__ == "__main__":
    main()

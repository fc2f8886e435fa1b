"""Read an uploaded statement in a process of its own, with limits on time and memory."""

from __future__ import annotations

import msgspec

from haas import limited_process
from haas.limited_process import Refused, TooCostly
from invoicing.bank.files import kind_of
from invoicing.bank.layouts import Layout
from invoicing.bank.statement import Statement, UnreadableStatement

SECONDS = limited_process.SECONDS
_CHILD = "invoicing.bank.reader_process"


class Question(msgspec.Struct, frozen=True):
    """What the child is asked."""

    content: bytes
    layout: Layout | None
    currency: str


def read_limited(content: bytes, *, layout: Layout | None = None, currency: str = "") -> list[Statement]:
    """Every statement of a file that a stranger made: reading it harms nobody but the child.

    :raises UnreadableStatement: naming the entry or row; also if reading it takes too long or too much.
    :raises TooLarge: for more bytes than are taken at once.
    """
    kind_of(content)
    try:
        return limited_process.ask(
            _CHILD, Question(content, layout, currency), answer=list[Statement], seconds=SECONDS
        )
    except Refused as refusal:
        raise UnreadableStatement(str(refusal)) from refusal
    except TooCostly as costly:
        raise UnreadableStatement(
            f"Reading the file took more than {SECONDS} seconds or too much memory:"
            " download it from your bank again, or split it."
        ) from costly

"""Read an uploaded file of exchange rates in a process of its own, with limits on time and memory."""

from __future__ import annotations

from datetime import date

import msgspec

from haas import limited_process
from haas.errors import InvalidInput
from haas.limited_process import Refused, TooCostly
from invoicing.money.rate_files import RateFile

_CHILD = "invoicing.money.rate_reader_process"


class Question(msgspec.Struct, frozen=True):
    """What the child is asked."""

    content: bytes
    since: date | None


def read_limited(content: bytes, *, since: date | None = None) -> RateFile:
    """The rates of a file that a stranger made, from a day on; see `rate_files.read_rates`.

    :raises InvalidInput: naming the row; also if reading it takes too long or too much.
    """
    try:
        return limited_process.ask(_CHILD, Question(content, since), answer=RateFile)
    except Refused as refusal:
        raise InvalidInput(str(refusal), field="file") from refusal
    except TooCostly as costly:
        raise InvalidInput(
            "Reading the file takes too much time or memory: give the CSV or XML of fewer days.", field="file"
        ) from costly

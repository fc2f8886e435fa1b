"""The child that reads one uploaded file of exchange rates: answers with rates or a refusal."""

from __future__ import annotations

from haas.limited_process import serve
from invoicing.money.rate_files import RateFile, read_rates
from invoicing.money.rate_reader import Question


def read(question: Question) -> RateFile:
    """Every rate of the file from the day on."""
    return read_rates(question.content, since=question.since)


if __name__ == "__main__":
    serve(Question, read)

"""The child that reads one uploaded statement: answers with statements or a refusal."""

from __future__ import annotations

from haas.limited_process import serve
from invoicing.bank.files import read_file
from invoicing.bank.reader import Question
from invoicing.bank.statement import Statement


def read(question: Question) -> list[Statement]:
    """Every statement of the file."""
    return read_file(question.content, layout=question.layout, currency=question.currency)


if __name__ == "__main__":
    serve(Question, read)

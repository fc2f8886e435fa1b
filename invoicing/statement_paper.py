"""A client's account as paper, in the partner's brand: a frozen value that the template prints."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import msgspec

from haas.documents.pages import fill
from haas.documents.renderer import render_in_own_process
from haas.tenancy.branding import Branding

Render = Callable[[str], bytes]


class StatementRow(msgspec.Struct, frozen=True, kw_only=True):
    """One movement with the balance after it."""

    on: date
    kind: str
    text: str
    due_on: date | None = None
    amount: Decimal
    balance: Decimal


class StatementAccount(msgspec.Struct, frozen=True, kw_only=True):
    """One currency."""

    currency: str
    opening: Decimal
    closing: Decimal
    overdue: Decimal
    credit: Decimal
    aged: tuple[Decimal, ...]  # not due, then by days late
    rows: tuple[StatementRow, ...]


class StatementDocument(msgspec.Struct, frozen=True, kw_only=True):
    """All that a statement of account prints; `until` is the day after its last."""

    branding: Branding
    language: str = "en"
    client_name: str
    client_number: str
    client_address_lines: tuple[str, ...] = ()
    start: date
    until: date
    accounts: tuple[StatementAccount, ...]
    portal_url: str = ""


def statement_pdf(document: StatementDocument, *, render: Render = render_in_own_process) -> bytes:
    """The statement as PDF; the same document gives the same bytes."""
    return render(
        fill("statement.html", branding=document.branding, language=document.language, document=document)
    )

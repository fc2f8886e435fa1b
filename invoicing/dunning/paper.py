"""A reminder on paper: the words as they were written down, and the invoices they are about."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import msgspec

from haas.documents.pages import fill
from haas.documents.renderer import render_in_own_process
from haas.tenancy.branding import Branding


class ReminderRow(msgspec.Struct, frozen=True):
    """An invoice that is not paid."""

    number: str
    issued_on: date
    due_on: date
    amount: Decimal
    interest: Decimal = Decimal(0)
    reference: str = ""  # what the payer writes on the transfer


class ReminderDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the letter prints."""

    branding: Branding
    language: str = "en"
    client_name: str
    client_address_lines: tuple[str, ...] = ()
    customer_number: str = ""
    written_on: date
    subject: str
    paragraphs: tuple[str, ...]
    rows: tuple[ReminderRow, ...]
    currency: str
    amount: Decimal
    fee: Decimal = Decimal(0)
    interest: Decimal = Decimal(0)
    pay_by: date
    pay_to: tuple[str, ...] = ()  # the account, a line each
    portal_url: str = ""

    @property
    def total(self) -> Decimal:
        """What is asked for: invoices, fee and interest, the latter two with the next invoice."""
        return self.amount + self.fee + self.interest


def reminder_pdf(
    document: ReminderDocument, *, render: Callable[[str], bytes] = render_in_own_process
) -> bytes:
    """The letter as PDF; the same document gives the same bytes."""
    return render(
        fill("reminder.html", branding=document.branding, language=document.language, document=document)
    )

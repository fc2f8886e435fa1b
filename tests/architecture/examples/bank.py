"""Examples of the changing routes of the bank."""

from __future__ import annotations

import io
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from invoicing.bank import accounts, booking, importing
from tests.architecture.examples import Example
from tests.cast import Cast
from tests.invoicing.bank.conftest import AT, bring_line, csv_of
from tests.invoicing.world import an_invoice

ACCOUNT = {"name": "Operating", "holder": "The Holder", "currency": "USD", "number": "021000021 4417002233"}
CHANGE = {"name": "Savings", "holder": "The Holder"}
AMOUNT = Decimal("168.48")
MT940 = (
    b":20:S\n:25:021000021/4417002233\n:28C:1/1\n:60F:C261101USD1,00\n"
    b":61:2611011101C5,00NTRFNONREF//X1\n:86:Thank you\n:62F:C261101USD6,00\n-\n"
)
CREATES_NEW = "it makes something of the caller's own"


def an_account(session: Session, cast: Cast) -> Mapping[str, str]:
    """An account without statements."""
    made = accounts.open_account(session, cast.tenant, bic="", auto_book=False, at=AT, **ACCOUNT)
    return {"bank_account_id": made.id}


def a_file(session: Session, cast: Cast) -> Mapping[str, str]:
    """An uploaded CSV that nobody has confirmed."""
    values = dict(an_account(session, cast))
    content = csv_of("2026-11-01,168.48,Acme,Thank you")
    stored = importing.upload(session, cast.tenant, name="s.csv", content=content)
    return {**values, "bank_file_id": stored.id}


def _a_line(session: Session, cast: Cast, amount: str) -> Mapping[str, str]:
    values = an_account(session, cast)
    row = f"2026-11-01,{amount},Acme,Thank you"
    line = bring_line(session, cast.tenant, account_id=values["bank_account_id"], row=row)
    return {**values, "bank_line_id": line.id}


def came_in(session: Session, cast: Cast) -> Mapping[str, str]:
    """A line of as much as an invoice."""
    invoice = an_invoice(session, cast.tenant, client_id=cast.acme.id)
    return {**_a_line(session, cast, "168.48"), "invoice_id": invoice.id}


def went_out(session: Session, cast: Cast) -> Mapping[str, str]:
    """Money that came back of a receipt."""
    came = _a_line(session, cast, "168.48")
    part = booking.Part(client_id=cast.acme.id, amount=AMOUNT)
    (booked,) = booking.book(session, cast.tenant, line_id=came["bank_line_id"], parts=[part], at=AT)
    row = "2026-11-02,-168.48,Acme,Returned"
    line = bring_line(session, cast.tenant, account_id=came["bank_account_id"], row=row)
    return {"bank_line_id": line.id, "receipt_id": booked.receipt_id}


def set_aside(session: Session, cast: Cast) -> Mapping[str, str]:
    """A line that was decided on."""
    values = _a_line(session, cast, "-5.00")
    booking.ignore(session, cast.tenant, line_id=values["bank_line_id"], category="fee", at=AT)
    return values


def upload(cast: Cast, values: Mapping[str, str]) -> dict[str, Any]:
    """A file of a kind that tells its account."""
    return {"file": (io.BytesIO(MT940), "s.sta")}


def of_account(cast: Cast, values: Mapping[str, str]) -> dict[str, Any]:
    """The confirmation of a CSV."""
    return {
        "bank_account_id": values["bank_account_id"], "confirmed": "1", "date_format": "YYYY-MM-DD",
        "decimal_sign": ".", "column_booked_on": "Date", "column_amount": "Amount",
    }  # fmt: skip


def matched(cast: Cast, values: Mapping[str, str]) -> dict[str, Any]:
    """The whole of it for the invoice."""
    paid = [{"invoice_id": values["invoice_id"], "amount": "168.48"}]
    return {"parts": [{"client_id": cast.acme.id, "amount": "168.48", "allocations": paid}]}


def matched_form(cast: Cast, values: Mapping[str, str]) -> dict[str, Any]:
    """The same by the form."""
    return {
        "client_id": cast.acme.id, "paid-0-invoice_id": values["invoice_id"], "paid-0-amount": "168.48",
    }  # fmt: skip


def of_receipt(cast: Cast, values: Mapping[str, str]) -> dict[str, Any]:
    """Which payment came back."""
    return {"receipt_id": values["receipt_id"]}


EXAMPLES: dict[str, Example | list[Example]] = {
    "bank_accounts_api.open_account": Example(json=ACCOUNT, status=201, cleo=201, cleo_because=CREATES_NEW),
    "bank_accounts_api.change_account": Example(an_account, json=CHANGE, status=200),
    "bank_accounts_api.close_account": Example(an_account, status=200),
    "bank_statements_api.upload_statement": Example(
        an_account, form=upload, status=201, cleo=422, cleo_because="the file is of an account it has not"
    ),
    "bank_lines_api.match_line": Example(came_in, json=matched, status=201),
    "bank_lines_api.return_line": Example(went_out, json=of_receipt, status=201),
    "bank_lines_api.ignore_line": Example(came_in, json={"category": "other"}, status=200),
    "bank_lines_api.reopen_line": Example(set_aside, json={}, status=200),
    "bank.open_account": Example(form=ACCOUNT, status=303, cleo=303, cleo_because=CREATES_NEW),
    "bank.change_account": Example(an_account, form=CHANGE, status=303),
    "bank.close_account": Example(an_account, status=303),
    "bank.upload_file": Example(form=upload, status=303, cleo=303, cleo_because=CREATES_NEW),
    "bank.take_file": Example(a_file, form=of_account, status=303),
    "bank.match_line": Example(came_in, form=matched_form, status=303),
    "bank.return_line": Example(went_out, form=of_receipt, status=303),
    "bank.ignore_line": Example(came_in, form={"category": "other"}, status=303),
    "bank.reopen_line": Example(set_aside, status=303),
}

"""JSON and form shapes of the bank."""

from __future__ import annotations

from decimal import Decimal

import marshmallow as ma

from haas.rest.fields import Amount, Day, Signed, one_of, row_id, text
from haas.rest.openapi import Paged, Request
from invoicing.bank.models import CATEGORIES, STATES


class StatementAccountChange(Request):
    """What may change of an account."""

    name = text(80, least=1, required=True)
    holder = text(70, least=1, required=True)
    bic = text(11, load_default="")
    auto_book = ma.fields.Boolean(load_default=False)


class StatementAccountRequest(StatementAccountChange):
    """An account whose statements are to be brought in."""

    number = text(40, least=4, required=True, metadata={"description": "IBAN, or bank code and number"})
    currency = text(3, least=3, required=True)


class StatementAccountResource(ma.Schema):
    """A bank account of the partner's own."""

    id = ma.fields.String()
    name = ma.fields.String()
    holder = ma.fields.String()
    number = ma.fields.String()
    bic = ma.fields.String()
    currency = ma.fields.String()
    auto_book = ma.fields.Boolean()
    closed_at = ma.fields.AwareDateTime(allow_none=True)


class StatementUpload(Request):
    """The bank's file."""

    file = ma.fields.Raw(
        required=True,
        metadata={
            "type": "string",
            "format": "binary",
            "description": "CAMT.053, MT940, OFX or CSV, at most 12 MB",
        },
    )


class StatementOptions(Request):
    """Whose it is, where the file does not tell."""

    bank_account_id = row_id(metadata={"description": "needed for a CSV"})
    by_guess = ma.fields.Boolean(
        load_default=False,
        metadata={"description": "read a CSV that was never confirmed as it is guessed to be written"},
    )


class StatementListed(Paged):
    """Query parameters of the statements."""

    bank_account_id = row_id()


class BankStatementResource(ma.Schema):
    """What one file said of one account."""

    id = ma.fields.String()
    bank_account_id = ma.fields.String(attribute="account_id")
    kind = ma.fields.String()
    first_on = ma.fields.Date(allow_none=True)
    last_on = ma.fields.Date(allow_none=True)
    opening = Signed(allow_none=True)
    closing = Signed(allow_none=True)
    new_lines = ma.fields.Integer()
    known_lines = ma.fields.Integer(metadata={"description": "that had come in another file"})
    left_out = ma.fields.Integer(metadata={"description": "that the bank has not booked yet"})
    imported_at = ma.fields.AwareDateTime()


class BankStatementsResource(ma.Schema):
    """Every statement of one file."""

    items = ma.fields.List(ma.fields.Nested(BankStatementResource))


class LinesListed(Paged):
    """Query parameters of the lines."""

    state = one_of(*STATES)
    bank_account_id = row_id()
    bank_statement_id = row_id()
    way = one_of("in", "out")
    booked_from = Day()
    booked_until = Day()
    q = text(80)


class BankLineResource(ma.Schema):
    """One movement as the bank booked it. What went out is negative."""

    id = ma.fields.String()
    bank_account_id = ma.fields.String(attribute="account_id")
    bank_statement_id = ma.fields.String(attribute="statement_id")
    booked_on = ma.fields.Date()
    value_on = ma.fields.Date()
    amount = Signed()
    currency = ma.fields.String()
    counterparty_name = ma.fields.String()
    counterparty_iban = ma.fields.String()
    reference = ma.fields.String()
    end_to_end_id = ma.fields.String()
    mandate = ma.fields.String()
    text = ma.fields.String()
    bank_code = ma.fields.String()
    is_return = ma.fields.Boolean()
    return_reason = ma.fields.String()
    charges = Amount()
    state = ma.fields.String()
    category = ma.fields.String()
    note = ma.fields.String()


DISCOUNT = {"description": "credited for early payment; the amount is then the rest of the invoice"}


class BankLineAllocationResource(ma.Schema):
    """So much to an invoice."""

    invoice_id = ma.fields.String()
    amount = Amount()
    discount = Amount(metadata=DISCOUNT)


class BankLineSuggestionResource(ma.Schema):
    """Who may have paid, and what speaks for it."""

    client_id = ma.fields.String()
    allocations = ma.fields.List(ma.fields.Nested(BankLineAllocationResource))
    to_balance = Amount()
    score = ma.fields.Integer()
    reasons = ma.fields.List(ma.fields.String())
    is_certain = ma.fields.Boolean()


class BankLineBookingResource(ma.Schema):
    """What of a line is booked for one client."""

    client_id = ma.fields.String()
    receipt_id = ma.fields.String()
    reversal_id = ma.fields.String(allow_none=True)
    amount = Signed()
    reasons = ma.fields.List(ma.fields.String())
    is_automatic = ma.fields.Boolean()


class BankLineDetailResource(BankLineResource):
    """A line with who may have paid it, and what is booked of it."""

    suggestions = ma.fields.List(ma.fields.Nested(BankLineSuggestionResource))
    bookings = ma.fields.List(ma.fields.Nested(BankLineBookingResource))


class BankLineAllocationRequest(Request):
    """So much to an invoice."""

    invoice_id = row_id(required=True)
    amount = Amount(required=True)
    discount = Amount(load_default=Decimal(0), metadata=DISCOUNT)


class BankLinePartRequest(Request):
    """One client's share of a line; what goes to no invoice is the client's credit."""

    client_id = row_id(required=True)
    amount = Amount(required=True)
    fee = Amount(load_default="0", metadata={"description": "kept by a bank: amount plus fee was paid"})
    allocations = ma.fields.List(
        ma.fields.Nested(BankLineAllocationRequest), load_default=list, validate=ma.validate.Length(max=100)
    )


class BankLineMatchRequest(Request):
    """Book a line: its parts add up to it."""

    parts = ma.fields.List(
        ma.fields.Nested(BankLinePartRequest), required=True, validate=ma.validate.Length(min=1, max=20)
    )


class BankLineReturnRequest(Request):
    """Book what came back of a receipt."""

    receipt_id = row_id(required=True)
    fee = Amount(load_default="0", metadata={"description": "added by the bank, within the line's amount"})


class BankLineIgnoreRequest(Request):
    """Set a line aside."""

    category = one_of(*CATEGORIES, required=True)
    note = text(300, load_default="")


class BankLineReopenRequest(Request):
    """Take back what was decided."""

    reason = text(300, load_default="")

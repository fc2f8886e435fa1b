"""JSON and form shapes of receipts, reversals, credit and refunds."""

from __future__ import annotations

import marshmallow as ma

from haas.rest.fields import Amount, Day, Signed, one_of, row_id, text
from haas.rest.openapi import Paged, Request
from invoicing.money.models import CHANNELS, ENTRY_KINDS, REFUND_STATES, REVERSAL_KINDS, SOURCES

METHODS = ("transfer", "direct_debit", "card", "cash", "offset", "other")
BY_HAND, OLDEST_FIRST = "by_hand", "oldest_first"


class ReceiptListed(Paged):
    """Query parameters of the receipts. Days are half-open."""

    client_id = row_id()
    source = one_of(*SOURCES)
    received_from = Day()
    received_until = Day()
    reference = text(140, least=1, metadata={"description": "beginning of the reference"})


class Part(Request):
    """How much of the money goes to one invoice."""

    invoice_id = row_id(required=True)
    amount = Amount(required=True)


class ReceiptRequest(Request):
    """Money that came in. What no invoice takes is the client's credit, or the whole is refused."""

    client_id = row_id(required=True)
    amount = Amount(required=True)
    currency = text(3, least=3, required=True)
    received_on = Day(required=True)
    method = one_of(*METHODS, load_default="transfer")
    reference = text(140, least=1, required=True)
    allocations = ma.fields.List(
        ma.fields.Nested(Part),
        load_default=None,
        allow_none=True,
        validate=ma.validate.Length(0, 500),
        metadata={"description": "to which invoices; left out: to those that have been due longest"},
    )
    excess = one_of("credit", "refuse", load_default="credit")

    @ma.validates_schema
    def _each_invoice_once(self, data: dict[str, object], **_: object) -> None:
        parts = data.get("allocations")
        if isinstance(parts, list) and len({part["invoice_id"] for part in parts}) != len(parts):
            raise ma.ValidationError("An invoice stands here twice.", "allocations")


class ReversalRequest(Request):
    """Money that went back, or never came."""

    amount = Amount(load_default=None, allow_none=True, metadata={"description": "left out: what is left"})
    on = Day(required=True)
    kind = one_of(*REVERSAL_KINDS, load_default="returned")
    reason = text(300, least=1, required=True)
    reference = text(140, load_default="")
    fee = Amount(load_default=None, allow_none=True)


class AllocationResource(ma.Schema):
    """What was put to an invoice, or taken off it (negative)."""

    id = ma.fields.String()
    invoice_id = ma.fields.String()
    amount = Signed()
    received_on = ma.fields.Date()
    reverses_payment_id = ma.fields.String(allow_none=True)


class ReversalResource(ma.Schema):
    """What went back of a receipt."""

    id = ma.fields.String()
    kind = ma.fields.String()
    amount = Signed()
    shortfall = Signed(metadata={"description": "of it; had been refunded before, and is a loss"})
    reason = ma.fields.String()
    reference = ma.fields.String()
    reversed_on = ma.fields.Date()


class ReceiptResource(ma.Schema):
    """Money that came in."""

    id = ma.fields.String()
    client_id = ma.fields.String()
    amount = Signed()
    currency = ma.fields.String()
    received_on = ma.fields.Date()
    method = ma.fields.String()
    reference = ma.fields.String()
    source = ma.fields.String()
    recorded_at = ma.fields.AwareDateTime()


class ReceiptWhole(ReceiptResource):
    """One receipt with what it paid and what went back; `fee` is the partner's alone."""

    fee = Signed(allow_none=True)
    allocations = ma.fields.List(ma.fields.Nested(AllocationResource))
    to_credit = Signed(metadata={"description": "what of it is, or was, the client's credit"})
    reversals = ma.fields.List(ma.fields.Nested(ReversalResource))


class BalanceResource(ma.Schema):
    """A client's credit in one currency."""

    currency = ma.fields.String()
    balance = Signed()


class Balances(ma.Schema):
    """A client's credit by currency, where there is any."""

    items = ma.fields.List(ma.fields.Nested(BalanceResource))


class EntriesListed(Paged):
    """Query parameters of a client's credit."""

    currency = text(3, least=3)


class EntryResource(ma.Schema):
    """One movement of the credit; what goes out is negative."""

    id = ma.fields.String()
    kind = one_of(*ENTRY_KINDS)
    currency = ma.fields.String()
    amount = Signed()
    balance_after = Signed()
    happened_on = ma.fields.Date()
    reason = ma.fields.String()
    receipt_id = ma.fields.String(allow_none=True)
    invoice_id = ma.fields.String(allow_none=True)
    refund_id = ma.fields.String(allow_none=True)
    recorded_at = ma.fields.AwareDateTime()


class GrantRequest(Request):
    """Credit by goodwill; the next invoice is paid out of it."""

    amount = Amount(required=True)
    currency = text(3, least=3, required=True)
    reason = text(300, least=1, required=True)


class ApplyCreditRequest(Request):
    """Pay an invoice out of its client's credit."""

    amount = Amount(
        load_default=None, allow_none=True, metadata={"description": "left out: as much as there is"}
    )


class RefundListed(Paged):
    """Query parameters of the refunds."""

    client_id = row_id()
    state = one_of(*REFUND_STATES)
    channel = one_of(*CHANNELS)


class RefundRequest(Request):
    """Credit that is to go back to the client."""

    client_id = row_id(required=True)
    amount = Amount(required=True)
    currency = text(3, least=3, required=True)
    reason = text(300, least=1, required=True)
    receipt_id = row_id(
        load_default=None,
        allow_none=True,
        metadata={"description": "of money that came by a provider, which is to carry it back"},
    )


class RefundPaidRequest(Request):
    """It went back."""

    reference = text(140, least=1, required=True)
    on = Day(required=True)


class RefundFailedRequest(Request):
    """It could not be carried out, or is called off."""

    failure = text(300, least=1, required=True)


class RefundResource(ma.Schema):
    """Credit that goes back."""

    id = ma.fields.String()
    client_id = ma.fields.String()
    amount = Signed()
    currency = ma.fields.String()
    channel = ma.fields.String()
    receipt_id = ma.fields.String(allow_none=True)
    state = ma.fields.String()
    reason = ma.fields.String()
    reference = ma.fields.String()
    failure = ma.fields.String()
    asked_on = ma.fields.Date()
    settled_on = ma.fields.Date(allow_none=True)

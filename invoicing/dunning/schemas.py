"""JSON and form shapes of reminders, pauses and disputes."""

from __future__ import annotations

import marshmallow as ma

from haas.rest.fields import Amount, Day, Signed, one_of, row_id, text
from haas.rest.openapi import Paged, Request
from invoicing.holds.models import DISPUTE_REASONS, PAUSE_KINDS

DECISIONS = ("accepted", "partly", "rejected")


class RemindersListed(Paged):
    """Of one client, or of all."""

    client_id = row_id()


class WorkListed(Request):
    """Of one client, or of all."""

    client_id = row_id()


class DunningPauseRequest(Request):
    """Leave a client, or one of its invoices, alone."""

    client_id = row_id(required=True)
    invoice_id = row_id(load_default=None, allow_none=True)
    kind = one_of(*PAUSE_KINDS, required=True)
    until = Day(load_default=None, allow_none=True, metadata={"description": "the last day of it"})
    amount = Amount(load_default=None, allow_none=True)
    reason = text(300, least=1, required=True)


class PauseForm(Request):
    """The same, on the client's page."""

    invoice_id = row_id(load_default=None, allow_none=True)
    kind = one_of(*PAUSE_KINDS, required=True)
    until = Day(load_default=None, allow_none=True)
    amount = Amount(load_default=None, allow_none=True)
    reason = text(300, least=1, required=True)


class RemindNowRequest(Request):
    """Send what is due today, in one currency."""

    currency = text(3, least=3, required=True)


class InvoiceDisputeRequest(Request):
    """What is wrong with an invoice."""

    reason = one_of(*DISPUTE_REASONS, required=True)
    words = text(4000, least=1, required=True)
    amount = Amount(
        load_default=None, allow_none=True, metadata={"description": "of its total; left out: all"}
    )


class DecidedLine(Request):
    """How much of one line goes back, before tax."""

    line_id = row_id(required=True)
    net = Amount(load_default=None, allow_none=True)


class DisputeDecisionRequest(Request):
    """Accept it (credit all that is left), accept it partly (credit the lines' amounts), or reject it."""

    state = one_of(*DECISIONS, required=True)
    decision = text(300, least=1, required=True, metadata={"description": "why; the client reads it"})
    lines = ma.fields.List(
        ma.fields.Nested(DecidedLine), load_default=list, validate=ma.validate.Length(0, 500)
    )


class CollectionsResource(ma.Schema):
    """A client with something overdue."""

    client_id = ma.fields.String(attribute="client.id")
    client_name = ma.fields.String(attribute="client.name")
    currency = ma.fields.String()
    overdue = Signed()
    days = ma.fields.Integer(metadata={"description": "since the oldest was due"})
    invoices = ma.fields.Function(lambda row: [item.invoice_id for item in row.items])
    held = ma.fields.String(allow_none=True, metadata={"description": "dispute, promise, by_hand"})
    step = ma.fields.Function(lambda row: row.letter.step.name if row.letter else None)
    reminded_on = ma.fields.Date(allow_none=True)
    broken_promise = ma.fields.Date(allow_none=True)


class CollectionsList(ma.Schema):
    """The weightiest first."""

    items = ma.fields.List(ma.fields.Nested(CollectionsResource))


class ReminderResource(ma.Schema):
    """A letter as it was written."""

    id = ma.fields.String()
    client_id = ma.fields.String()
    currency = ma.fields.String()
    reminded_on = ma.fields.Date()
    step_name = ma.fields.String()
    step_days = ma.fields.Integer()
    subject = ma.fields.String()
    text = ma.fields.String()
    amount = Signed()
    fee = Signed()
    interest = Signed()
    pay_by = ma.fields.Date()
    charge_id = ma.fields.String(allow_none=True)
    letter_file_id = ma.fields.String(allow_none=True)
    sent_at = ma.fields.AwareDateTime(allow_none=True)


class DunningPauseResource(ma.Schema):
    """Why nobody is reminded."""

    id = ma.fields.String()
    client_id = ma.fields.String()
    invoice_id = ma.fields.String(allow_none=True)
    kind = ma.fields.String()
    until = ma.fields.Date(allow_none=True)
    amount = Signed(allow_none=True)
    reason = ma.fields.String()
    recorded_at = ma.fields.AwareDateTime()
    ended_at = ma.fields.AwareDateTime(allow_none=True)


class InvoiceDisputeResource(ma.Schema):
    """What a client says, and what was decided."""

    id = ma.fields.String()
    client_id = ma.fields.String()
    invoice_id = ma.fields.String()
    state = ma.fields.String()
    reason = ma.fields.String()
    words = ma.fields.String()
    amount = Signed(allow_none=True)
    opened_at = ma.fields.AwareDateTime()
    decision = ma.fields.String()
    decided_at = ma.fields.AwareDateTime(allow_none=True)
    credit_note_id = ma.fields.String(allow_none=True)


class InvoiceDisputes(ma.Schema):
    """The latest first."""

    items = ma.fields.List(ma.fields.Nested(InvoiceDisputeResource))


class AgeingAsked(Request):
    """As of which day; left out: today."""

    as_of = Day()


class AgedClientResource(ma.Schema):
    """A client's open items in one currency."""

    client_id = ma.fields.String()
    currency = ma.fields.String()
    buckets = ma.fields.List(Signed(), metadata={"description": "not due, then by `bounds`"})
    total = Signed()


class UsedRateResource(ma.Schema):
    """What one unit of a currency was taken to be worth in the partner's own."""

    base = ma.fields.String()
    rate = Amount()
    day = ma.fields.Date()
    source = ma.fields.String()


class AgedInOwnResource(ma.Schema):
    """All clients in the partner's own currency."""

    currency = ma.fields.String()
    buckets = ma.fields.List(Signed(), attribute="sums")
    total = Signed()
    rates = ma.fields.List(ma.fields.Nested(UsedRateResource))
    unrated = ma.fields.List(
        ma.fields.String(), metadata={"description": "currencies without a rate: they are in no sum"}
    )


class AgeingReport(ma.Schema):
    """The largest first, currency by currency."""

    as_of = ma.fields.Date()
    bounds = ma.fields.List(
        ma.fields.Integer(), metadata={"description": "days past due at which an older bucket begins"}
    )
    items = ma.fields.List(ma.fields.Nested(AgedClientResource))
    in_own_currency = ma.fields.Nested(AgedInOwnResource)


class DunningPolicyResource(ma.Schema):
    """The rules whole: what `GET` answers may be changed and sent back."""

    is_on = ma.fields.Boolean()
    plan = ma.fields.Dict(
        metadata={"description": "steps in order of their days, and what is common to them"}
    )
    retries = ma.fields.Dict()
    beyond_limit = ma.fields.String()
    accepted_periods = ma.fields.Integer()
    fee_tax_category = ma.fields.String()
    ageing_days = ma.fields.List(ma.fields.Integer())
    plans = ma.fields.Dict(metadata={"description": "further plans: their steps by name"})


class DunningPolicyRequest(Request):
    """The same, sent back."""

    is_on = ma.fields.Boolean(required=True)
    plan = ma.fields.Dict(required=True)
    retries = ma.fields.Dict(required=True)
    beyond_limit = one_of("allow", "warn", "block", required=True)
    accepted_periods = ma.fields.Integer(load_default=1, validate=ma.validate.Range(0, 12))
    fee_tax_category = one_of("S", "O", required=True)
    ageing_days = ma.fields.List(ma.fields.Integer(), required=True, validate=ma.validate.Length(1, 8))
    plans = ma.fields.Dict(load_default=dict)


class PlanChoice(Request):
    """By which plan a client is reminded."""

    plan = text(
        60, load_default="", metadata={"description": "a plan's name, `never`, or empty for the usual one"}
    )


class PlanChoiceResource(ma.Schema):
    """The same, of a client."""

    client_id = ma.fields.String()
    plan = ma.fields.String()

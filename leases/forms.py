"""The forms of leases and returns as people fill them in; the shapes of the API with what HTML needs."""

from __future__ import annotations

from decimal import Decimal

import marshmallow as ma

from devices.forms import Moment
from devices.tax_classes import TaxClass
from haas.rest.fields import Amount, Day, one_of, row_id, text
from haas.rest.openapi import Request
from leases.book_schemas import CostRequest, EventRequest, PolicyRequest, RepairPolicyRequest, ReverseRequest
from leases.return_schemas import ConventionsRequest
from leases.returns import GRADES
from leases.schemas import AgreementRequest, LeaseRequest
from leases.swaps import REASONS
from leases.terms import LineKind

LINES_AT_ONCE = 100


class AgreementForm(AgreementRequest):
    """A new agreement; `then` says where to go on."""

    then = one_of("lease", load_default=None, allow_none=True)
    steps_text = text(500, load_default="", metadata={"description": "1: 60, 13: 40"})


class LeaseForm(LeaseRequest):
    """The terms of a draft, new or edited."""

    agreement_id = row_id(load_default=None, allow_none=True)


class LineForm(Request):
    """One or several equal lines: `count` devices, or one service or pool of a quantity.

    Without a price they cost what the price books say.
    """

    kind = one_of(*LineKind, required=True)
    model_id = row_id(load_default=None, allow_none=True)
    description = text(300, load_default="")
    unit_price = Amount(places=6, load_default=None, allow_none=True)
    count = ma.fields.Integer(load_default=1, validate=ma.validate.Range(1, LINES_AT_ONCE))
    residual_value = Amount(load_default=None, allow_none=True)
    standalone_price = Amount(places=6, load_default=None, allow_none=True)
    flexible = ma.fields.Boolean(load_default=False)
    tax_class = one_of(*TaxClass, load_default=None, allow_none=True)


class QuoteForm(Request):
    """Until when the offer holds."""

    valid_until = Day(required=True)


class AcceptForm(Request):
    """Who agrees, and since when."""

    signer = text(160, least=1, required=True)
    accepted_on = Day(load_default=None, allow_none=True)
    over_limit_reason = text(300, load_default="")


class ActivateForm(Request):
    """The first rent day of a lease without hardware."""

    first_day = Day(required=True)


class NoticeForm(Request):
    """When the notice came, and whether everything is ordered back."""

    noticed_on = Day(required=True)
    reason = text(500, load_default="")
    recall_assets = ma.fields.Boolean(load_default=False)
    confirmed = ma.fields.Boolean(load_default=False)


class RenewForm(Request):
    """For how long it goes on."""

    months = ma.fields.Integer(required=True, validate=ma.validate.Range(1, 120))
    confirmed = ma.fields.Boolean(load_default=False)


class CancelForm(Request):
    """Why it is dropped."""

    reason = text(500, least=1, required=True)


class ReserveForm(Request):
    """The asset that was picked."""

    asset_id = row_id(required=True)


class ShipForm(Request):
    """What leaves, and with whom."""

    asset_id = ma.fields.List(row_id(), required=True, validate=ma.validate.Length(1, LINES_AT_ONCE))
    carrier = text(120, load_default="")
    tracking = text(120, load_default="")
    at = Moment()


class SignForm(Request):
    """What the client signs for."""

    asset_id = ma.fields.List(row_id(), required=True, validate=ma.validate.Length(1, LINES_AT_ONCE))
    signer_name = text(160, least=1, required=True)
    signer_title = text(160, load_default="")
    condition = text(1000, load_default="")
    kit = ma.fields.List(text(120), load_default=list, validate=ma.validate.Length(max=50))
    at = Moment()


class SwapForm(Request):
    """Two assets and why. `key` makes a second press count once; a swap may carry out a proposal."""

    outgoing_id = row_id(required=True)
    incoming_id = row_id(required=True)
    reason = one_of(*REASONS, required=True)
    condition = text(1000, load_default="")
    key = text(64, least=1, required=True)
    proposal_id = row_id(load_default=None, allow_none=True)


class DismissForm(Request):
    """Why a proposal is turned down."""

    reason = text(500, least=1, required=True)


class ReturnForm(Request):
    """What is asked back, why, and until when."""

    asset_id = row_id(required=True)
    reason = text(500, least=1, required=True)
    due_on = Day(required=True)
    shown_charge = Amount(load_default=None, allow_none=True)  # what stood on the page; none: nothing did yet


class ContractPolicyForm(Request):
    """A partner's rules for its contracts; shares in percent."""

    amendment_four_eyes = ma.fields.Boolean(load_default=False)
    notice_days = ma.fields.Integer(required=True)
    purchase_lead_days = ma.fields.Integer(required=True)
    major_part = Amount(required=True, most=Decimal(100))
    substantially_all = Amount(required=True, most=Decimal(100))
    nominal_option = Amount(required=True, most=Decimal(100))
    bargain_option = Amount(required=True, most=Decimal(100))
    end_of_life = Amount(required=True, most=Decimal(100))


class CollectForm(Request):
    """With whom it left the client."""

    carrier = text(120, load_default="")
    tracking = text(120, load_default="")
    at = Moment()


class ReceiveForm(Request):
    """What was scanned on the dock."""

    serial_seen = text(120, least=1, required=True)
    at = Moment()


class InspectForm(Request):
    """Findings; without `confirmed` they are only shown with the charge that they make."""

    grade = one_of(*GRADES, required=True)
    fair_market_value = Amount(required=True)
    repair_cost = Amount(load_default=Decimal(0))
    kit_present = ma.fields.List(text(120), load_default=list, validate=ma.validate.Length(max=50))
    damage_notes = text(2000, load_default="")
    confirmed = ma.fields.Boolean(load_default=False)


class SettleForm(Request):
    """The agreed figure."""

    charge = Amount(required=True)


class BookForm(ConventionsRequest):
    """How an asset is written off."""


class BookEventForm(EventRequest):
    """What happens to a book; without `confirmed` it is only shown with what it does."""

    confirmed = ma.fields.Boolean(load_default=False)


class BookReverseForm(ReverseRequest):
    """Why an event is taken back."""


class BookSplitForm(Request):
    """How much of the cost goes to which asset, named by its tag."""

    tag = text(60, least=1, required=True)
    cost = Amount(required=True)
    effective_on = Day(required=True)
    reason = text(500, load_default="")


class BookCostForm(CostRequest):
    """A later cost; `in_books` is empty where the rule decides."""

    class Meta:
        unknown = ma.RAISE
        exclude = ("idempotency_key", "capitalise")

    in_books = one_of("1", "0", load_default=None, allow_none=True)


class BookPolicyForm(PolicyRequest):
    """How a book is kept; `kept` unticked: it is not opened any more."""

    kept = ma.fields.Boolean(load_default=False)


class RepairPolicyForm(RepairPolicyRequest):
    """When later costs are capitalised."""

"""JSON and form shapes of a lease's end: notices, options, choices, buyouts, losses, holdover, its policy."""

from __future__ import annotations

from decimal import Decimal

import marshmallow as ma

from haas.rest.fields import Amount, Day, one_of, row_id, text
from haas.rest.openapi import Paged, Request
from leases.ends.policy import GRADES, LossBasis, Method, Option, TitlePasses

_METHODS = tuple(method.value for method in Method)
_OPTIONS = tuple(option.value for option in Option)


class NoticeDayResource(ma.Schema):
    """One day of the notice calendar; `given_on`, `said` and `readers` once it was given."""

    days_before = ma.fields.Integer()
    on = ma.fields.Date()
    given_on = ma.fields.Date(attribute="given.noticed_on", allow_none=True)
    said = ma.fields.Dict(attribute="given.said", allow_none=True)


class NoticesResource(ma.Schema):
    """The notice calendar of a lease as its end stands now."""

    items = ma.fields.List(ma.fields.Nested(NoticeDayResource))


class ChoiceResource(ma.Schema):
    """What was chosen for one device, at the price that was shown then."""

    id = ma.fields.String()
    lease_id = ma.fields.String()
    line_id = ma.fields.String()
    asset_id = ma.fields.String()
    ends_on = ma.fields.Date()
    option = ma.fields.String()
    months = ma.fields.Integer(allow_none=True)
    rent = Amount(allow_none=True, places=6)
    price = Amount(allow_none=True)
    model_id = ma.fields.String(allow_none=True)
    state = ma.fields.String()
    chosen_at = ma.fields.AwareDateTime()


class DeviceOptionsResource(ma.Schema):
    """One device with its options. `price` is none where the partner must offer it."""

    line_id = ma.fields.String(attribute="place.line.id")
    asset_id = ma.fields.String(attribute="place.asset.id")
    serial = ma.fields.String(attribute="place.standing.serial")
    renewal_months = ma.fields.Integer(attribute="months")
    renewal_rent = Amount(attribute="rent", places=6)
    price = Amount(attribute="price.amount", allow_none=True)
    chosen = ma.fields.Nested(ChoiceResource, allow_none=True)


class OptionsResource(ma.Schema):
    """What may become of each device; a client may choose up to and including `choose_until`."""

    choose_until = ma.fields.Date(allow_none=True)
    devices = ma.fields.List(ma.fields.Nested(DeviceOptionsResource))


class WishRequest(Request):
    """What is wanted for one line."""

    line_id = row_id(required=True)
    option = one_of(*_OPTIONS, required=True)
    model_id = row_id(load_default=None, allow_none=True)


class ChoicesRequest(Request):
    """What is wanted for some lines of the lease."""

    choices = ma.fields.List(
        ma.fields.Nested(WishRequest), required=True, validate=ma.validate.Length(1, 500)
    )


class ChoicesResource(ma.Schema):
    """The choices that were noted."""

    items = ma.fields.List(ma.fields.Nested(ChoiceResource))


class WaitingResource(ma.Schema):
    """A choice that needs a person: `why` is moved, refresh or undecided."""

    choice_id = ma.fields.String()
    why = ma.fields.String()


class CarriedOutResource(ma.Schema):
    """What was done, and what waits."""

    done = ma.fields.List(ma.fields.Nested(ChoiceResource))
    waiting = ma.fields.List(ma.fields.Nested(WaitingResource))


class PriceAsked(Request):
    """For which day, past or to come, and how; left out: today, and the partner's own method."""

    as_of = Day()
    method = one_of(*_METHODS, load_default=None, allow_none=True)
    appraised = Amount(load_default=None, allow_none=True)


class BuyoutPriceResource(ma.Schema):
    """A price, how it came about and what it says of the lease."""

    method = ma.fields.String()
    amount = Amount()
    currency = ma.fields.String()
    as_of = ma.fields.Date()
    basis = ma.fields.Dict()
    warnings = ma.fields.List(ma.fields.String())


class BuyoutListed(Paged):
    """Query parameters of the buyouts."""

    state = one_of("offered", "agreed", "passed", "withdrawn")
    lease_id = row_id()
    client_id = row_id()
    asset_id = row_id()


class BuyoutRequest(Request):
    """Offer a device to the client that has it, at the price of `priced_on`."""

    asset_id = row_id(required=True)
    priced_on = Day(required=True)
    method = one_of(*_METHODS, load_default=None, allow_none=True)
    appraised = Amount(load_default=None, allow_none=True)
    valid_until = Day(load_default=None, allow_none=True)


class AgreeRequest(Request):
    """Who takes the offer."""

    agreed_by = text(160, least=1, required=True)


class BuyoutResource(ma.Schema):
    """A buyout as both sides see it."""

    id = ma.fields.String()
    number = ma.fields.String()
    lease_id = ma.fields.String()
    line_id = ma.fields.String()
    asset_id = ma.fields.String()
    client_id = ma.fields.String()
    serial = ma.fields.String()
    description = ma.fields.String()
    state = ma.fields.String()
    price = Amount()
    currency = ma.fields.String()
    priced_on = ma.fields.Date()
    valid_until = ma.fields.Date()
    title_passes = ma.fields.String()
    agreed_on = ma.fields.Date(allow_none=True)
    agreed_by = ma.fields.String()
    effective_on = ma.fields.Date(allow_none=True)
    title_passed_at = ma.fields.AwareDateTime(allow_none=True)
    quote_file_id = ma.fields.String(allow_none=True)
    bill_of_sale_file_id = ma.fields.String(allow_none=True)


class LossListed(Paged):
    """Query parameters of the losses."""

    client_id = row_id()
    asset_id = row_id()


class LossRequest(Request):
    """A device will not come back. A theft has the reference of the police."""

    asset_id = row_id(required=True)
    cause = one_of("lost", "stolen", required=True)
    lost_on = Day(required=True)
    reference = text(120, load_default="")


class LossResource(ma.Schema):
    """What is owed for a lost device, or was given back."""

    id = ma.fields.String()
    lease_id = ma.fields.String()
    line_id = ma.fields.String()
    asset_id = ma.fields.String()
    client_id = ma.fields.String()
    serial = ma.fields.String()
    cause = ma.fields.String()
    reference = ma.fields.String()
    lost_on = ma.fields.Date()
    amount = Amount()
    currency = ma.fields.String()
    state = ma.fields.String()
    reversed_on = ma.fields.Date(allow_none=True)


class LossRowResource(ma.Schema):
    """What losing every device of the lease costs from `start` on; `month` 0 is the first."""

    month = ma.fields.Integer()
    start = ma.fields.Date()
    amount = Amount()


class LossTableResource(ma.Schema):
    """The stipulated loss values of a lease."""

    currency = ma.fields.String()
    rows = ma.fields.List(ma.fields.Nested(LossRowResource))


class HoldoverAsked(Request):
    """From which day, up to and not including which."""

    start = Day(required=True)
    until = Day(required=True)


class HoldoverDayResource(ma.Schema):
    """One line's holdover rent of one day."""

    on = ma.fields.Date()
    lease_id = ma.fields.String(attribute="lease.id")
    lease_number = ma.fields.String(attribute="lease.number")
    line_id = ma.fields.String(attribute="line.id")
    serial = ma.fields.String()
    rate_pct = Amount()
    amount = Amount()
    currency = ma.fields.String(attribute="lease.currency")


class HoldoverResource(ma.Schema):
    """Every holdover day of the span."""

    items = ma.fields.List(ma.fields.Nested(HoldoverDayResource))


class DamageNoteRequest(Request):
    """What is said of a charge for damage."""

    text = text(2000, least=1, required=True)


class DamageNoteResource(ma.Schema):
    """One word of client or partner; `amount` where it was settled."""

    id = ma.fields.String()
    side = ma.fields.String()
    text = ma.fields.String()
    file_id = ma.fields.String(allow_none=True)
    amount = Amount(allow_none=True)
    written_at = ma.fields.AwareDateTime()


class DamageNotesResource(ma.Schema):
    """Everything that was said, oldest first."""

    items = ma.fields.List(ma.fields.Nested(DamageNoteResource))


class DamageNoteForm(Request):
    """The same on a page, with a picture or without."""

    text = text(2000, load_default="")
    picture = ma.fields.Raw(load_default=None, allow_none=True)


class ChoicesForm(Request):
    """One select for each device; an empty one leaves it undecided."""

    choices = ma.fields.List(ma.fields.Nested(WishRequest), load_default=list)


class OfferForm(Request):
    """For which day, how, and until when; without `confirmed` the price is only shown."""

    priced_on = Day(required=True)
    method = one_of(*_METHODS, required=True)
    appraised = Amount(load_default=None, allow_none=True)
    valid_until = Day(load_default=None, allow_none=True)
    confirmed = ma.fields.Boolean(load_default=False)


class LossForm(Request):
    """When and how it was lost; without `confirmed` the value is only shown."""

    cause = one_of("lost", "stolen", required=True)
    lost_on = Day(required=True)
    reference = text(120, load_default="")
    confirmed = ma.fields.Boolean(load_default=False)


class PolicyForm(Request):
    """The partner's rules; days and curves as people type them."""

    notice_days = text(80, least=1, required=True)
    choice_days = ma.fields.Integer(required=True)
    renewal_months = ma.fields.Integer(required=True)
    renewal_pct = Amount(required=True, most=Decimal(500))
    buyout_method = one_of(*_METHODS, required=True)
    fixed_pct = Amount(required=True, most=Decimal(500))
    nominal_amount = Amount(required=True)
    margin_pct = Amount(required=True, most=Decimal(500))
    quote_days = ma.fields.Integer(required=True)
    title_passes = one_of(*(each.value for each in TitlePasses), required=True)
    value_curve = text(500, least=1, required=True)
    ungraded_as = one_of(*GRADES, required=True)
    loss_basis = one_of(*(each.value for each in LossBasis), required=True)
    loss_discount_pct = Amount(required=True, most=Decimal(500))
    loss_curve = text(500, least=1, required=True)

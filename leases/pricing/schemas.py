"""JSON and form shapes of price books and of the prices they give."""

from __future__ import annotations

from decimal import Decimal

import marshmallow as ma

from haas.rest.fields import Amount, Day, one_of, row_id, text
from haas.rest.openapi import Paged, Request
from leases.pricing.entries import COMMERCIAL_MODELS, COMPONENTS, ITEM_KINDS
from leases.pricing.rules import Level
from leases.terms import INTERVALS, Timing

QUANTITY_MAX, TERM_MAX = 1_000_000, 1200
LEVELS = tuple(level.value for level in Level)


class PriceBookRequest(Request):
    """A new book, or a new version of one of the same name."""

    level = one_of(*LEVELS, required=True)
    name = text(60, least=1, required=True)
    currency = text(3, least=3, required=True)
    client_id = row_id(load_default=None, allow_none=True)
    valid_from = Day(required=True)
    interval_months = ma.fields.Integer(
        load_default=1,
        validate=ma.validate.Range(1, 12),
        metadata={"description": "the prices are for so many months"},
    )
    notes = text(500, load_default="")


class PriceVersionRequest(Request):
    """From when a copy of the book is to hold."""

    valid_from = Day(required=True)


class PriceEntryRequest(Request):
    """A price. `quantity_until` and `term_until` are not included; left out, the tier is open."""

    item_kind = one_of(*ITEM_KINDS, load_default="model")
    manufacturer = text(120, load_default="", metadata={"description": "of a model"})
    item_name = text(120, least=1, required=True)
    commercial_model = one_of(*COMMERCIAL_MODELS, load_default="term")
    component = one_of(*COMPONENTS, load_default="hardware")
    quantity_from = ma.fields.Integer(load_default=1, validate=ma.validate.Range(1, QUANTITY_MAX))
    quantity_until = ma.fields.Integer(
        load_default=None, allow_none=True, validate=ma.validate.Range(2, QUANTITY_MAX)
    )
    term_from = ma.fields.Integer(load_default=0, validate=ma.validate.Range(0, TERM_MAX))
    term_until = ma.fields.Integer(
        load_default=None, allow_none=True, validate=ma.validate.Range(1, TERM_MAX)
    )
    price = Amount(places=6, required=True)


class PriceEntriesRequest(Request):
    """Prices to put into a draft: all of them, or none."""

    entries = ma.fields.List(
        ma.fields.Nested(PriceEntryRequest), required=True, validate=ma.validate.Length(1, 1000)
    )


class PriceEntryResource(ma.Schema):
    """A price of a book."""

    id = ma.fields.String()
    item_kind = ma.fields.String()
    item_key = ma.fields.String()
    item_name = ma.fields.String()
    commercial_model = ma.fields.String()
    component = ma.fields.String()
    quantity_from = ma.fields.Integer()
    quantity_until = ma.fields.Integer(allow_none=True)
    term_from = ma.fields.Integer()
    term_until = ma.fields.Integer(allow_none=True)
    price = Amount()


class PriceBookResource(ma.Schema):
    """A version of a price book; a draft as long as `published_at` is null."""

    id = ma.fields.String()
    level = ma.fields.String()
    name = ma.fields.String()
    currency = ma.fields.String()
    client_id = ma.fields.String(allow_none=True)
    valid_from = ma.fields.Date()
    interval_months = ma.fields.Integer()
    notes = ma.fields.String()
    created_at = ma.fields.AwareDateTime()
    published_at = ma.fields.AwareDateTime(allow_none=True)


class PriceBookWhole(PriceBookResource):
    """The same with its prices."""

    entries = ma.fields.List(ma.fields.Nested(PriceEntryResource))


class BooksListed(Paged):
    """Query parameters of the books."""

    level = one_of(*LEVELS)
    client_id = row_id()


class PriceQuestion(Request):
    """What is to be priced. The client's own prices go before those for everybody."""

    model_id = row_id(required=True)
    client_id = row_id(load_default=None, allow_none=True)
    quantity = ma.fields.Integer(load_default=1, validate=ma.validate.Range(1, QUANTITY_MAX))
    term_months = ma.fields.Integer(load_default=0, validate=ma.validate.Range(0, 120))
    commercial_model = one_of(*COMMERCIAL_MODELS, load_default="term")
    currency = text(3, least=3)
    day = Day(metadata={"description": "today if left out"})


class PriceStepResource(ma.Schema):
    """One link of the chain: where it was looked, and what was found."""

    level = ma.fields.String()
    found = ma.fields.String()
    book_id = ma.fields.String(allow_none=True)
    book_name = ma.fields.String(allow_none=True)
    entry_id = ma.fields.String(allow_none=True)


class PriceResource(ma.Schema):
    """The price of one for a month, and why. Null where no book has one."""

    monthly = Amount(allow_none=True)
    currency = ma.fields.String()
    day = ma.fields.Date()
    steps = ma.fields.List(ma.fields.Nested(PriceStepResource))


class BookForm(PriceBookRequest):
    """A new book, as people fill it in."""


class EntryForm(PriceEntryRequest):
    """A price, as people fill it in: one of the house's own models, or a name."""

    model_id = row_id(load_default=None, allow_none=True)
    item_name = text(120, load_default="")


class ModelPriceForm(Request):
    """The "price a model" page: what is asked, in its address."""

    model_id = row_id(load_default=None, allow_none=True)
    client_id = row_id(load_default=None, allow_none=True)
    quantity = ma.fields.Integer(load_default=1, validate=ma.validate.Range(1, QUANTITY_MAX))
    term_months = ma.fields.Integer(load_default=36, validate=ma.validate.Range(0, 120))
    commercial_model = one_of(*COMMERCIAL_MODELS, load_default="term")
    cost = Amount(load_default=None, allow_none=True)
    residual_pct = Amount(load_default=None, allow_none=True, most=Decimal(100))
    yield_pct = Amount(load_default=None, allow_none=True, most=Decimal(99))
    rent = Amount(places=6, load_default=None, allow_none=True)


class CardRowRequest(Request):
    """One term of a rate card."""

    term_months = ma.fields.Integer(required=True, validate=ma.validate.Range(1, 120))
    residual_pct = Amount(required=True, metadata={"description": "of cost, at the end of the term"})
    yield_pct = Amount(required=True, metadata={"description": "a year, nominal"})


class RateCardRequest(Request):
    """A rate card. A change is a card of the same name from a later day."""

    name = text(60, least=1, required=True)
    category = text(40, load_default=None, allow_none=True, metadata={"description": "kind of hardware"})
    timing = one_of(*Timing, load_default=Timing.ADVANCE.value)
    interval_months = ma.fields.Integer(load_default=1, validate=ma.validate.OneOf(INTERVALS))
    valid_from = Day(required=True)
    rows = ma.fields.List(ma.fields.Nested(CardRowRequest), required=True, validate=ma.validate.Length(1, 40))


class CardRowResource(ma.Schema):
    """One term of a rate card."""

    term_months = ma.fields.Integer()
    residual_pct = Amount()
    yield_pct = Amount()


class RateCardResource(ma.Schema):
    """A rate card: how a rent is made from a cost."""

    id = ma.fields.String()
    name = ma.fields.String()
    category = ma.fields.String(allow_none=True)
    timing = ma.fields.String()
    interval_months = ma.fields.Integer()
    valid_from = ma.fields.Date()
    created_at = ma.fields.AwareDateTime()
    rows = ma.fields.List(ma.fields.Nested(CardRowResource))


class RateCards(ma.Schema):
    """Every rate card."""

    items = ma.fields.List(ma.fields.Nested(RateCardResource))


class OffersQuestion(Request):
    """A cost to be turned into rents."""

    cost = Amount(required=True)
    currency = text(3, least=3, load_default=None)


class OfferResource(ma.Schema):
    """A rent for a cost. The factor is the rent of a period for each 1 of cost."""

    term_months = ma.fields.Integer()
    residual = Amount()
    rent = Amount()
    factor = ma.fields.Decimal(as_string=True)
    yield_pct = ma.fields.Decimal(as_string=True)
    effective_pct = ma.fields.Decimal(as_string=True)


class Offers(ma.Schema):
    """The rents of a card by term."""

    items = ma.fields.List(ma.fields.Nested(OfferResource))
    currency = ma.fields.String()


class CardForm(RateCardRequest):
    """A rate card, as people fill it in."""

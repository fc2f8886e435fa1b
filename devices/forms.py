"""The fleet's forms as people fill them in."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import marshmallow as ma

from devices.edits import CATEGORIES
from devices.moves import GRADES
from devices.operations import REGISTRABLE
from devices.sanitisation import METHODS, POLICY
from devices.shapes import moment
from devices.tax_classes import TaxClass
from haas.auth.caller import Caller
from haas.rest.fields import Amount, one_of, text
from haas.rest.openapi import Request


class Moment(ma.fields.NaiveDateTime):
    """A date and time as the browser sends it, in the viewer's own zone; see `in_zone`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(format="iso", allow_none=True, load_default=None, **options)


def in_zone(caller: Caller, typed: datetime | None, *, field: str = "at") -> datetime:
    """What was typed as a moment; now if nothing was.

    :raises InvalidInput: if it lies in the future.
    """
    if typed is None:
        return moment(None)
    return moment(typed.replace(tzinfo=ZoneInfo(caller.user.time_zone)), field=field)


class AssetForm(Request):
    """Add or correct an asset."""

    model_id = text(60, least=1, required=True)
    tag = text(40)
    serial = text(80)
    state = one_of(*REGISTRABLE, load_default="received")
    cost = Amount()
    currency = text(3)
    supplier = text(200)
    purchase_reference = text(200)
    purchased_on = ma.fields.Date(allow_none=True)
    warranty_until = ma.fields.Date(allow_none=True)
    custodian = text(200)
    notes = text(2000)
    version = ma.fields.Integer(load_default=None, allow_none=True)


class ModelForm(Request):
    """Add or change a hardware model. `kit`: one part a line."""

    manufacturer = text(80, least=1, required=True)
    name = text(120, least=1, required=True)
    category = one_of(*CATEGORIES, required=True)
    sku = text(80)
    list_cost = Amount()
    currency = text(3)
    useful_life_months = ma.fields.Integer(load_default=36, validate=ma.validate.Range(1, 600))
    residual_value_pct = Amount(most=Decimal(100))
    tax_class = one_of(*TaxClass)
    kit = text(2000)
    data_bearing = ma.fields.Boolean(load_default=False)


class MoveForm(Request):
    """A move with its reason and, if it was not just now, when it was."""

    reason = text(500)
    at = Moment()
    serial = text(80)
    client_id = text(60)
    grade = one_of(*GRADES, load_default=None, allow_none=True)
    proceeds = Amount(load_default=None, allow_none=True)
    idempotency_key = text(80)


class SentMoveForm(MoveForm):
    """A move as the scan page sends it, perhaps hours after it was made in a cellar."""

    person = text(130)  # whose it is: see `scan_portal`
    happened_at = ma.fields.AwareDateTime(format="iso", load_default=None, allow_none=True)


class BulkMoveForm(Request):
    """One move of several assets."""

    id = ma.fields.List(text(60, least=1), validate=ma.validate.Length(1, 200))
    verb = text(40, least=1, required=True)
    reason = text(500)
    at = Moment()


class PlaceForm(Request):
    """Where it is now, and who answers for it."""

    client_id = text(60)
    site_id = text(60)
    custodian = text(200)
    at = Moment()


class GradeForm(Request):
    """The inspection of what came back."""

    grade = one_of(*GRADES, required=True)
    fair_market_value = Amount(load_default=None, allow_none=True)
    missing_accessories = ma.fields.List(text(80))
    damage_notes = text(1000)
    at = Moment()
    idempotency_key = text(80)


class MediumForm(Request):
    """One medium."""

    media_type = text(60, least=1, required=True)
    maker = text(80)
    model = text(80)
    serial = text(80)
    capacity = text(40)


class WipeForm(Request):
    """A sanitisation that was done and verified."""

    method = one_of(*METHODS, required=True)
    destination = one_of(*POLICY, required=True)
    technique = text(120, least=1, required=True)
    tool = text(120)
    media = ma.fields.List(ma.fields.Nested(MediumForm), validate=ma.validate.Length(1, 64))
    verification = one_of("full", "sample", load_default="full")
    performed_by = text(120, least=1, required=True)
    verified_by = text(120, least=1, required=True)
    performed_at = Moment()
    place = text(120)
    notes = text(1000)


class ImportForm(Request):
    """A table to bring in."""

    file = ma.fields.Raw(required=True)
    date_order = one_of("day", "month", load_default="day")
    create_models = ma.fields.Boolean(load_default=False)


class ImportOptionsForm(Request):
    """How an uploaded table is to be understood."""

    date_order = one_of("day", "month", load_default="day")
    create_models = ma.fields.Boolean(load_default=False)


class LabelForm(Request):
    """Which labels on which stock, beginning where."""

    id = ma.fields.List(text(60, least=1), validate=ma.validate.Length(1, 2000))
    stock = text(40, least=1, required=True)
    width_mm = ma.fields.Float(load_default=None, allow_none=True)
    height_mm = ma.fields.Float(load_default=None, allow_none=True)
    start_at = ma.fields.Integer(load_default=1)
    offset_x_mm = ma.fields.Float(load_default=0.0)
    offset_y_mm = ma.fields.Float(load_default=0.0)
    output = one_of("pdf", "zpl", load_default="pdf")


class CodeForm(Request):
    """A scanned or typed code."""

    code = text(500, least=1, required=True)
    person = text(130)


class PictureForm(Request):
    """A picture to show, or to show no more."""

    picture = ma.fields.Raw(load_default=None)
    remove = ma.fields.Boolean(load_default=False)


class PhotoForm(Request):
    """A photo of a label."""

    photo = ma.fields.Raw(required=True)
    person = text(130)

"""Shapes of the fleet's API and forms: models, assets, moves, wipes, imports, scans."""

from __future__ import annotations

from decimal import Decimal

import marshmallow as ma

from devices.edits import CATEGORIES
from devices.label_stocks import STOCKS
from devices.lifecycle import ASSET_LIFECYCLE, AssetState
from devices.moves import GRADES
from devices.operations import REGISTRABLE
from devices.sanitisation import METHODS, POLICY
from devices.tax_classes import TaxClass
from haas.rest.fields import Amount, one_of, text
from haas.rest.openapi import Paged, Request

_STATES = [state.value for state in AssetState]


class HardwareModelResource(ma.Schema):
    """A hardware model."""

    id = ma.fields.String()
    manufacturer = ma.fields.String()
    name = ma.fields.String()
    category = ma.fields.String()
    sku = ma.fields.String()
    specs = ma.fields.Dict()
    kit = ma.fields.List(ma.fields.String())
    data_bearing = ma.fields.Boolean()
    list_cost = Amount(metadata={"description": "only with asset.cost.read"})
    currency = ma.fields.String()
    useful_life_months = ma.fields.Integer()
    residual_value_pct = Amount(metadata={"description": "only with asset.cost.read"})
    tax_class = ma.fields.String()
    created_at = ma.fields.AwareDateTime()
    archived_at = ma.fields.AwareDateTime(allow_none=True)


class HardwareModelChange(Request):
    """What of a model may be changed; fields that are left out stay."""

    manufacturer = text(80, least=1)
    name = text(120, least=1)
    category = one_of(*CATEGORIES)
    sku = text(80)
    specs = ma.fields.Dict(keys=text(60, least=1), values=text(200), validate=ma.validate.Length(max=50))
    kit = ma.fields.List(text(80, least=1), validate=ma.validate.Length(max=30))
    data_bearing = ma.fields.Boolean()
    list_cost = Amount()
    currency = text(3, least=3)
    useful_life_months = ma.fields.Integer(strict=True, validate=ma.validate.Range(1, 600))
    residual_value_pct = Amount(most=Decimal(100))
    tax_class = one_of(*TaxClass)


class HardwareModelRequest(HardwareModelChange):
    """A new hardware model."""

    manufacturer = text(80, least=1, required=True)
    name = text(120, least=1, required=True)
    category = one_of(*CATEGORIES, required=True)
    list_cost = Amount(required=True)
    currency = text(3, least=3, required=True)


class ModelListed(Paged):
    """Query parameters of the models."""

    archived = ma.fields.Boolean(load_default=False)


class HardwareModelSummary(ma.Schema):
    """A hardware model by name."""

    id = ma.fields.String()
    manufacturer = ma.fields.String()
    name = ma.fields.String()
    category = ma.fields.String()


class AssetResource(ma.Schema):
    """One piece of hardware. Cost, supplier and notes are there for those who may see them."""

    id = ma.fields.String()
    tag = ma.fields.String()
    serial = ma.fields.String(allow_none=True)
    model = ma.fields.Nested(HardwareModelSummary)
    state = ma.fields.String()
    state_as_of = ma.fields.String(metadata={"description": "with ?as_of=: the state at that moment"})
    client_id = ma.fields.String(allow_none=True)
    site_id = ma.fields.String(allow_none=True)
    custodian = ma.fields.String()
    warranty_until = ma.fields.Date(allow_none=True)
    in_service_on = ma.fields.Date(allow_none=True)
    grade = ma.fields.String(allow_none=True)
    created_at = ma.fields.AwareDateTime()
    version = ma.fields.Integer()
    cost = Amount()
    currency = ma.fields.String()
    supplier = ma.fields.String()
    purchase_reference = ma.fields.String()
    purchased_on = ma.fields.Date(allow_none=True)
    fair_market_value = Amount(allow_none=True)
    holds_data_of_client_id = ma.fields.String(allow_none=True)
    notes = ma.fields.String()


class AssetListed(Paged):
    """Query parameters of the assets."""

    q = text(80, load_default="", metadata={"description": "beginning of a tag or serial"})
    state = ma.fields.List(one_of(*_STATES), load_default=list)
    model_id = text(60)
    category = one_of(*CATEGORIES)
    client_id = text(60)
    site_id = text(60)
    in_stock = ma.fields.Boolean(load_default=False, metadata={"description": "only the partner's own"})
    grade = one_of(*GRADES)
    warranty_before = ma.fields.Date()
    as_of = ma.fields.AwareDateTime(metadata={"description": "states as they were at this moment"})


class AssetChange(Request):
    """What of an asset may be corrected; fields that are left out stay. Moves and places are elsewhere."""

    tag = text(40, least=1)
    serial = text(80, allow_none=True)
    model_id = text(60, least=1)
    cost = Amount()
    currency = text(3, least=3)
    supplier = text(200)
    purchase_reference = text(200)
    purchased_on = ma.fields.Date(allow_none=True)
    warranty_until = ma.fields.Date(allow_none=True)
    notes = text(2000)


class AssetRequest(AssetChange):
    """A new asset: on order, received, or ready in stock."""

    tag = text(40)
    model_id = text(60, least=1, required=True)
    cost = Amount(required=True)
    currency = text(3, least=3, required=True)
    state = one_of(*REGISTRABLE, load_default="ordered")
    custodian = text(200, load_default="")
    at = ma.fields.AwareDateTime()


class AsOf(Request):
    """Query parameters of one asset."""

    as_of = ma.fields.AwareDateTime(metadata={"description": "the state as it was at this moment"})


class AssetMoveRequest(Request):
    """A move of the state machine."""

    verb = one_of(*ASSET_LIFECYCLE.moves, required=True)
    at = ma.fields.AwareDateTime(metadata={"description": "when it happened; now if absent"})
    reason = text(500, load_default="")
    serial = text(80, metadata={"description": "receive: what is on the device"})
    client_id = text(60, metadata={"description": "reserve, ship, accept, restock: for whom"})
    grade = one_of(*GRADES)
    proceeds = Amount(metadata={"description": "dispose, buy_out: what it brought in, in its currency"})


class AssetPlacementRequest(Request):
    """Where an asset is from a moment on; without a client, in the partner's own hands."""

    client_id = text(60, load_default=None, allow_none=True)
    site_id = text(60, load_default=None, allow_none=True)
    custodian = text(200, load_default="")
    at = ma.fields.AwareDateTime()


class AssetGradeRequest(Request):
    """The inspection of a returned asset."""

    grade = one_of(*GRADES, required=True)
    fair_market_value = Amount(load_default=None, allow_none=True)
    missing_accessories = ma.fields.List(
        text(80, least=1), load_default=list, validate=ma.validate.Length(max=30)
    )
    damage_notes = text(1000, load_default="")
    at = ma.fields.AwareDateTime()


class MediumSchema(Request):
    """One medium that was wiped."""

    media_type = text(60, least=1, required=True)
    maker = text(80, load_default="")
    model = text(80, load_default="")
    serial = text(80, load_default="")
    capacity = text(40, load_default="")
    tool_version = text(40, load_default="")


class WipeRequest(Request):
    """A sanitisation that was done and verified."""

    method = one_of(*METHODS, required=True)
    destination = one_of(*POLICY, required=True)
    technique = text(120, least=1, required=True)
    tool = text(120, load_default="")
    media = ma.fields.List(ma.fields.Nested(MediumSchema), required=True, validate=ma.validate.Length(1, 64))
    verification = one_of("full", "sample", load_default="full")
    performed_by = text(120, least=1, required=True)
    verified_by = text(120, least=1, required=True)
    performed_at = ma.fields.AwareDateTime()
    place = text(120, load_default="")
    notes = text(1000, load_default="")


class WipeResource(ma.Schema):
    """A wipe certificate; `file_id` is its PDF once it is printed."""

    id = ma.fields.String()
    number = ma.fields.String()
    asset_id = ma.fields.String()
    client_id = ma.fields.String(allow_none=True)
    method = ma.fields.String()
    destination = ma.fields.String()
    technique = ma.fields.String()
    tool = ma.fields.String()
    media = ma.fields.List(ma.fields.Dict())
    verification = ma.fields.String()
    performed_by = ma.fields.String()
    verified_by = ma.fields.String()
    performed_at = ma.fields.AwareDateTime()
    place = ma.fields.String()
    notes = ma.fields.String()
    file_id = ma.fields.String(allow_none=True)


class AssetTimelineItemResource(ma.Schema):
    """One thing that happened to an asset."""

    at = ma.fields.AwareDateTime()
    kind = ma.fields.String()
    what = ma.fields.String()
    actor = ma.fields.String()
    reason = ma.fields.String()
    details = ma.fields.Dict()


class AssetTimelineResource(ma.Schema):
    """What happened to an asset, newest first."""

    items = ma.fields.List(ma.fields.Nested(AssetTimelineItemResource))


class AssetLabelResource(ma.Schema):
    """A label's address, as its QR code says it."""

    id = ma.fields.String()
    asset_id = ma.fields.String()
    url = ma.fields.String()
    issued_at = ma.fields.AwareDateTime()


class PictureUpload(Request):
    """The uploaded picture."""

    picture = ma.fields.Raw(
        required=True,
        metadata={"type": "string", "format": "binary", "description": "JPEG or PNG, at most 8 MB"},
    )


class PictureResource(ma.Schema):
    """A picture as it is kept."""

    media_type = ma.fields.String()
    size_bytes = ma.fields.Integer()
    sha256 = ma.fields.String()


class ImportUpload(Request):
    """The uploaded table."""

    file = ma.fields.Raw(
        required=True, metadata={"type": "string", "format": "binary", "description": "CSV, at most 8 MB"}
    )


class ImportOptionsQuery(Request):
    """How the file is to be understood."""

    date_order = one_of("day", "month", load_default="day")
    create_models = ma.fields.Boolean(load_default=False)


class AssetImportErrorResource(ma.Schema):
    """What is wrong in one cell."""

    row = ma.fields.Integer()
    field = ma.fields.String()
    message = ma.fields.String()


class AssetImportResource(ma.Schema):
    """The dry run of an import, and its job once it was committed."""

    id = ma.fields.String()
    name = ma.fields.String()
    rows = ma.fields.Integer()
    error_count = ma.fields.Integer()
    errors = ma.fields.List(ma.fields.Nested(AssetImportErrorResource))
    new_models = ma.fields.List(ma.fields.String())
    ignored_columns = ma.fields.List(ma.fields.String())
    job_id = ma.fields.String(allow_none=True)


class FleetJobResource(ma.Schema):
    """Work under way."""

    id = ma.fields.String()
    kind = ma.fields.String()
    state = ma.fields.String()
    done = ma.fields.Integer()
    total = ma.fields.Integer()
    result = ma.fields.Dict()
    message = ma.fields.String()
    file_id = ma.fields.String(allow_none=True)


class AssetExportRequest(Request):
    """Which assets to write into a file."""

    format = one_of("csv", "xlsx", load_default="csv")
    q = text(80, load_default="")
    state = ma.fields.List(one_of(*_STATES), load_default=list)
    model_id = text(60)
    category = one_of(*CATEGORIES)
    client_id = text(60)
    site_id = text(60)
    in_stock = ma.fields.Boolean(load_default=False)
    grade = one_of(*GRADES)
    warranty_before = ma.fields.Date()


class ScanRequest(Request):
    """A scanned or typed code: a label's address, a tag or a serial."""

    code = text(500, least=1, required=True)


class AssetActionResource(ma.Schema):
    """A move that state and role allow."""

    verb = ma.fields.String()
    label = ma.fields.String()
    asks = ma.fields.List(ma.fields.String())


class ScanResource(ma.Schema):
    """What the code leads to. `foreign` names the host of a label that is not ours."""

    asset = ma.fields.Nested(AssetResource, allow_none=True)
    foreign = ma.fields.String()
    actions = ma.fields.List(ma.fields.Nested(AssetActionResource))


class LabelSheetRequest(Request):
    """A sheet or roll of labels."""

    asset_ids = ma.fields.List(text(60, least=1), required=True, validate=ma.validate.Length(1, 2000))
    stock = one_of(*STOCKS, "free", load_default="avery-l7160")
    width_mm = ma.fields.Float(load_default=None, allow_none=True)
    height_mm = ma.fields.Float(load_default=None, allow_none=True)
    start_at = ma.fields.Integer(load_default=1)
    offset_x_mm = ma.fields.Float(load_default=0.0)
    offset_y_mm = ma.fields.Float(load_default=0.0)
    output = one_of("pdf", "zpl", load_default="pdf")

"""Shapes of exports: what callers send and get."""

from __future__ import annotations

import re
from typing import Any

import marshmallow as ma

from haas.rest.fields import Day, Signed, one_of, row_id, text
from haas.rest.openapi import Paged, Request
from invoicing.exports.contents import Content
from invoicing.exports.formats import FORMATS
from invoicing.exports.mapping import ContactRule, MapKind
from invoicing.exports.models import CHANNELS
from invoicing.exports.profiles import ROWS_MAX
from invoicing.exports.schedule import Cut, Rhythm

_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_OPTION_NAMES = sorted({name for each in FORMATS.values() for name in each.options})


class WallTime(ma.fields.String):
    """A time of the partner's day such as "06:00"; minutes since midnight inside."""

    def __init__(self, **options: Any) -> None:
        super().__init__(metadata={"pattern": f"^{_TIME.pattern}$"}, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        typed = super()._deserialize(value, attr, data, **kwargs)
        if not _TIME.fullmatch(typed):
            raise ma.ValidationError("Write a time such as 06:00.")
        return int(typed[:2]) * 60 + int(typed[3:])

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:  # noqa: ARG002 - marshmallow's signature
        return None if value is None else wall_time(value)


def wall_time(minute: int) -> str:
    """Minutes since midnight as people write them."""
    return f"{minute // 60:02}:{minute % 60:02}"


class ProfileRequest(Request):
    """A profile to be made."""

    name = text(80, least=1, required=True)
    format = one_of(*FORMATS, required=True)
    content = one_of(*(each.value for each in Content), required=True)
    family = text(80, load_default="", metadata={"description": "the books, if other profiles feed them too"})
    contact_rule = one_of("", *(each.value for each in ContactRule), load_default="")
    begins_on = Day(load_default=None, allow_none=True)
    options = ma.fields.Dict(
        keys=one_of(*_OPTION_NAMES), values=text(100), load_default=dict, metadata={"maxProperties": 10}
    )
    alert_email = text(254, load_default="")


class ProfileChange(Request):
    """All that may change of a profile."""

    name = text(80, least=1, required=True)
    contact_rule = one_of(*(each.value for each in ContactRule), required=True)
    begins_on = Day(load_default=None, allow_none=True)
    options = ma.fields.Dict(keys=one_of(*_OPTION_NAMES), values=text(100), load_default=dict)
    alert_email = text(254, load_default="")
    rhythm = one_of(*(each.value for each in Rhythm), load_default=Rhythm.NEVER.value)
    at = WallTime(load_default=360, data_key="at", attribute="at_minute")
    weekday = ma.fields.Integer(load_default=0, validate=ma.validate.Range(0, 6))
    month_day = ma.fields.Integer(load_default=1, validate=ma.validate.Range(1, 28))
    cut = one_of(*(each.value for each in Cut), load_default=Cut.EVERYTHING.value)


class NameRow(Request):
    """One name; an empty value takes it away."""

    kind = one_of(*(each.value for each in MapKind), required=True)
    key = text(200, least=1, required=True)
    value = text(200, load_default="")


class NamesChange(Request):
    """Names to be set; all or none."""

    rows = ma.fields.List(ma.fields.Nested(NameRow), required=True, validate=ma.validate.Length(1, ROWS_MAX))


class DestinationRequest(Request):
    """Where files go. Of SFTP: nothing is sent before the server's key is confirmed."""

    channel = one_of(*CHANNELS, required=True)
    address = text(254, load_default="")
    host = text(253, load_default="")
    port = ma.fields.Integer(load_default=22, validate=ma.validate.Range(1, 65535))
    user = text(100, load_default="")
    folder = text(300, load_default="/")
    secret = text(20_000, load_default="", load_only=True)


class KeyConfirmation(Request):
    """The fingerprint that was compared."""

    fingerprint = text(80, least=1, required=True)


class BatchRequest(Request):
    """Which profile takes out what waits."""

    profile_id = row_id(required=True)
    until = Day(load_default=None, allow_none=True)


class BatchReversalRequest(Request):
    """Why a batch is taken back."""

    reason = text(300, least=1, required=True)


class BatchesListed(Paged):
    """What a list of batches is narrowed to."""

    profile_id = row_id()
    state = one_of("claimed", "done", "failed")


class ProfileResource(ma.Schema):
    """A profile, without its secret."""

    id = row_id()
    name = text(80)
    format = text(40)
    content = text(40)
    family = text(80)
    contact_rule = text(40)
    begins_on = Day(allow_none=True)
    options = ma.fields.Dict()
    alert_email = text(254)
    rhythm = text(20)
    at = WallTime(attribute="at_minute")
    weekday = ma.fields.Integer()
    month_day = ma.fields.Integer()
    cut = text(20)
    next_at = ma.fields.AwareDateTime(allow_none=True)
    channel = text(10)
    destination = ma.fields.Dict(metadata={"description": "never the password or the private key"})
    created_at = ma.fields.AwareDateTime()
    archived_at = ma.fields.AwareDateTime(allow_none=True)


class Profiles(ma.Schema):
    """Every profile in use."""

    items = ma.fields.List(ma.fields.Nested(ProfileResource))


class NameResource(ma.Schema):
    """One name."""

    kind = text(20)
    key = text(200)
    value = text(200)


class NamesResource(ma.Schema):
    """The mapping."""

    rows = ma.fields.List(ma.fields.Nested(NameResource))


class FingerprintResource(ma.Schema):
    """The key by which a server shows itself."""

    fingerprint = text(80)


class WaitsResource(ma.Schema):
    """How much waits in one currency."""

    currency = text(3)
    items = ma.fields.Integer()
    amount = Signed()
    oldest_on = Day()


class MissingResource(ma.Schema):
    """Something without a name."""

    kind = text(20)
    key = text(200)
    label = text(300)


class HeadResource(ma.Schema):
    """The first lines of a file; empty where it is no text."""

    name = text(200)
    text = ma.fields.String()


class DryRunResource(ma.Schema):
    """What the next batch would be."""

    waits = ma.fields.List(ma.fields.Nested(WaitsResource))
    items = ma.fields.Integer()
    missing = ma.fields.List(ma.fields.Nested(MissingResource))
    problem = ma.fields.String()
    heads = ma.fields.List(ma.fields.Nested(HeadResource))


class ExportBatchResource(ma.Schema):
    """A batch. Amounts of `sums` by currency."""

    id = row_id()
    number = text(40)
    profile_id = row_id()
    format = text(40)
    content = text(40)
    state = text(20)
    dated_from = Day()
    dated_until = Day(metadata={"description": "exclusive"})
    items = ma.fields.Integer()
    sums = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String())
    file_name = text(200)
    sha256 = text(64)
    reverses_batch_id = row_id(allow_none=True)
    reason = text(300)
    error = ma.fields.String()
    created_at = ma.fields.AwareDateTime()
    finished_at = ma.fields.AwareDateTime(allow_none=True)


class DeliveryResource(ma.Schema):
    """A batch's file sent once."""

    id = row_id()
    channel = text(10)
    target = text(600)
    state = text(20)
    attempts = ma.fields.Integer()
    error = ma.fields.String()
    created_at = ma.fields.AwareDateTime()
    sent_at = ma.fields.AwareDateTime(allow_none=True)


class ExportBatchWhole(ExportBatchResource):
    """With where it was sent."""

    deliveries = ma.fields.List(ma.fields.Nested(DeliveryResource))


class ExportItemResource(ma.Schema):
    """One document, receipt or entry of a batch."""

    position = ma.fields.Integer()
    item_kind = text(20)
    item_id = row_id()
    number = text(200)
    dated_on = Day()
    amount = Signed()
    currency = text(3)
    released_by_id = row_id(allow_none=True)

"""An asset as a caller may see it: cost and supplier only with the permission, notes only for staff."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from devices.models import Asset, HardwareModel
from devices.past import TimelineItem
from haas import clock
from haas.auth.caller import Caller
from haas.errors import InvalidInput, NotAllowed

_FOR_ALL = (
    "id", "tag", "serial", "model", "state", "client_id", "site_id", "custodian", "warranty_until",
    "in_service_on", "grade", "created_at", "version",
)  # fmt: skip
_FOR_STAFF = ("holds_data_of_client_id", "notes")
_MONEY = ("cost", "currency", "supplier", "purchase_reference", "purchased_on", "fair_market_value")
_MONEY_TOLD = (*_MONEY, "proceeds")  # in the details of a move
_AHEAD_MAX = timedelta(minutes=5)  # clocks of phones differ


def shape_asset(caller: Caller, asset: Asset) -> dict[str, Any]:
    """What of `asset` this caller may see."""
    names = list(_FOR_ALL)
    if caller.tenant.client_id is None:
        names += _FOR_STAFF
    if caller.may("asset.cost.read"):
        names += _MONEY
    return {name: getattr(asset, name) for name in names}


def shape_happening(caller: Caller, item: TimelineItem) -> TimelineItem:
    """What of an item of the timeline this caller may see."""
    if caller.may("asset.cost.read"):
        return item
    return replace(
        item, details={name: said for name, said in item.details.items() if name not in _MONEY_TOLD}
    )


def shape_model(caller: Caller, model: HardwareModel) -> dict[str, Any]:
    """What of `model` this caller may see."""
    hidden = () if caller.may("asset.cost.read") else ("list_cost", "residual_value_pct", "currency")
    names = (attribute.key for attribute in HardwareModel.__mapper__.column_attrs)
    return {name: getattr(model, name) for name in names if name not in hidden}


def guard_cost(caller: Caller, fields: dict[str, Any]) -> None:
    """Who may not see what an asset cost cannot change it either.

    :raises NotAllowed: naming the fields.
    """
    touched = sorted(set(fields) & {"cost", "currency", "list_cost", "residual_value_pct"})
    if touched and not caller.may("asset.cost.read"):
        raise NotAllowed(f"Your role does not include the cost of assets: {', '.join(touched)}.")


def moment(at: datetime | None, *, field: str = "at") -> datetime:
    """When it happened: as given, or now; what a fast clock dates a little ahead happened now.

    :raises InvalidInput: for a moment in the future.
    """
    now = clock.now()
    if at is not None and at > now + _AHEAD_MAX:
        raise InvalidInput("This lies in the future.", field=field)
    return min(at, now) if at is not None else now

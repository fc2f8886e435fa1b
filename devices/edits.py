"""Correct what was entered about assets and hardware models: nothing here moves or places one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from devices import moves
from devices.amounts import checked_amount
from devices.identifiers import name_key, normalised, tidy
from devices.lifecycle import AssetState
from devices.models import Asset, HardwareModel
from devices.queries import get_model, lock_asset
from devices.tax_classes import TaxClass
from haas.errors import Conflict, InvalidInput
from haas.ids import new_id
from haas.tenancy.scope import Tenant, scoped

CATEGORIES = (
    "laptop",
    "desktop",
    "workstation",
    "server",
    "network",
    "printer",
    "phone",
    "tablet",
    "pos",
    "other",
)


class ChangedMeanwhile(Conflict):
    """Someone else saved this record after it was opened."""

    code = "changed_meanwhile"


def update_asset(
    session: Session,
    tenant: Tenant,
    *,
    asset_id: str,
    changes: Mapping[str, Any],
    expected_version: int | None = None,
) -> Asset:
    """Correct what was entered about an asset: tag, serial, model, purchase, warranty, notes.

    :param expected_version: the version that was opened; none to overwrite whatever is there.
    :raises ChangedMeanwhile: if another saved a newer one.
    """
    asset = lock_asset(session, tenant, asset_id=asset_id)
    if expected_version is not None and asset.version != expected_version:
        raise ChangedMeanwhile("Someone else changed this asset meanwhile: look at it again, then save.")
    unknown = set(changes) - _EDITABLE
    if unknown:
        raise InvalidInput(f"These cannot be edited: {', '.join(sorted(unknown))}.")
    changes = dict(changes)
    if "tag" in changes:
        changes["tag"] = tidy(changes["tag"])
        if not changes["tag"]:
            raise InvalidInput("An asset keeps a tag.", field="tag")
        changes["tag_norm"] = normalised(changes["tag"])
    if "serial" in changes:
        serial = tidy(changes["serial"] or "") or None
        if serial is None and asset.state != AssetState.ORDERED:
            raise moves.SerialRequired("An asset that was received keeps a serial number.", field="serial")
        changes.update(serial=serial, serial_norm=normalised(serial) if serial else None)
    moves.check_identity(session, tenant, serial=changes.get("serial"), tag=changes.get("tag"), but=asset.id)
    if "model_id" in changes:
        get_model(session, tenant, model_id=changes["model_id"])
    if changes.get("cost") is not None or "currency" in changes:
        changes["cost"] = checked_amount(
            changes.get("cost", asset.cost), changes.get("currency", asset.currency), field="cost"
        )
    for name, value in changes.items():
        setattr(asset, name, value)
    session.flush()
    session.refresh(asset, ["model"])
    return asset


def create_model(
    session: Session,
    tenant: Tenant,
    *,
    manufacturer: str,
    name: str,
    category: str,
    list_cost: Decimal,
    currency: str,
    useful_life_months: int = 36,
    residual_value_pct: Decimal = Decimal(0),
    sku: str = "",
    specs: Mapping[str, Any] | None = None,
    kit: Sequence[str] = (),
    data_bearing: bool = True,
    tax_class: str = TaxClass.STANDARD,
    at: datetime,
) -> HardwareModel:
    """Add a hardware model: what is bought, and its defaults for price and life.

    :param residual_value_pct: of cost, at the end of useful life.
    :param tax_class: whose rate of a place holds for its rent, where a line says nothing else.
    :param data_bearing: whether a client's data may be on it: then it is wiped before it goes on.
    :raises Conflict: if this maker's model is there already.
    """
    model = HardwareModel(
        partner_id=tenant.partner_id,
        id=new_id("hwm"),
        created_at=at,
    )
    values = {
        "manufacturer": manufacturer,
        "name": name,
        "category": category,
        "list_cost": list_cost,
        "currency": currency,
        "useful_life_months": useful_life_months,
        "residual_value_pct": residual_value_pct,
        "sku": sku,
        "specs": dict(specs or {}),
        "kit": list(kit),
        "data_bearing": data_bearing,
        "tax_class": tax_class,
    }
    _set_model(session, tenant, model, values)
    session.add(model)
    session.flush()
    return model


def update_model(
    session: Session, tenant: Tenant, *, model_id: str, changes: Mapping[str, Any]
) -> HardwareModel:
    """Change a hardware model's words and defaults; assets that exist keep what they were bought with."""
    model = get_model(session, tenant, model_id=model_id)
    _set_model(session, tenant, model, changes)
    session.flush()
    return model


def archive_model(session: Session, tenant: Tenant, *, model_id: str, at: datetime) -> HardwareModel:
    """Take a model out of the lists that offer it; its assets stay."""
    model = get_model(session, tenant, model_id=model_id)
    model.archived_at = model.archived_at or at
    session.flush()
    return model


def _set_model(session: Session, tenant: Tenant, model: HardwareModel, changes: Mapping[str, Any]) -> None:
    unknown = set(changes) - _MODEL_FIELDS
    if unknown:
        raise InvalidInput(f"These cannot be edited: {', '.join(sorted(unknown))}.")
    for name, value in changes.items():
        setattr(model, name, value)
    model.manufacturer, model.name = tidy(model.manufacturer), tidy(model.name)
    if not model.manufacturer or not model.name:
        raise InvalidInput(
            "A model has a maker and a name.", field="name" if model.manufacturer else "manufacturer"
        )
    model.manufacturer_norm, model.name_norm = name_key(model.manufacturer), name_key(model.name)
    if model.category not in CATEGORIES:
        raise InvalidInput(f"Choose one of: {', '.join(CATEGORIES)}.", field="category")
    if model.tax_class not in tuple(TaxClass):
        raise InvalidInput(f"Use one of {', '.join(TaxClass)}.", field="tax_class")
    if not 1 <= model.useful_life_months <= 600:
        raise InvalidInput("Give a useful life of 1 to 600 months.", field="useful_life_months")
    if not 0 <= model.residual_value_pct <= 100:
        raise InvalidInput("Give a residual value of 0 to 100 per cent of cost.", field="residual_value_pct")
    model.list_cost = checked_amount(model.list_cost, model.currency, field="list_cost")
    with session.no_autoflush:
        rival = session.scalar(
            scoped(HardwareModel, tenant).where(
                HardwareModel.manufacturer_norm == model.manufacturer_norm,
                HardwareModel.name_norm == model.name_norm,
                HardwareModel.id != model.id,
            )
        )
    if rival is not None:
        raise Conflict(f"{rival.manufacturer} {rival.name} is there already.", field="name")


_MODEL_FIELDS = frozenset(
    {
        "manufacturer",
        "name",
        "category",
        "list_cost",
        "currency",
        "useful_life_months",
        "residual_value_pct",
        "sku",
        "specs",
        "kit",
        "data_bearing",
        "tax_class",
    }
)

_EDITABLE = frozenset(
    {
        "tag",
        "serial",
        "model_id",
        "cost",
        "currency",
        "supplier",
        "purchase_reference",
        "purchased_on",
        "warranty_until",
        "notes",
    }
)

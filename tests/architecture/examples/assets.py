"""Examples of the fleet's changing routes: assets, models, imports, labels, scans."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from devices import imports
from tests.architecture.examples import Example
from tests.cast import Cast
from tests.devices.fleet import START, bring, make_asset, make_model

CREATES_NEW = "a list of one's own: what is made is one's own"
CSV = b"serial,manufacturer,model,category,cost\nEX-1,Lenovo,ThinkPad X1,laptop,1900.00\n"


def a_model(session: Session, cast: Cast) -> Mapping[str, str]:
    """A hardware model."""
    return {"model_id": make_model(session, cast.tenant).id}


def an_asset(session: Session, cast: Cast) -> Mapping[str, str]:
    """A received asset."""
    asset = make_asset(session, cast.tenant)
    return {"asset_id": asset.id, "tag": asset.tag}


def in_quarantine(session: Session, cast: Cast) -> Mapping[str, str]:
    """An asset that came back from Acme."""
    asset = make_asset(session, cast.tenant)
    return {"asset_id": bring(session, cast.tenant, asset, to="quarantine", client_id=cast.acme.id).id}


def an_import(session: Session, cast: Cast) -> Mapping[str, str]:
    """An uploaded table."""
    make_model(session, cast.tenant, manufacturer="Lenovo", name="ThinkPad X1")
    stored = imports.upload(session, cast.tenant, name="fleet.csv", content=CSV)
    return {"import_id": stored.id}


def asset_body(cast: Cast, values: Mapping[str, str]) -> dict[str, Any]:
    """A new asset of the model that was prepared."""
    return {"model_id": values["model_id"], "cost": "1200.00", "currency": "USD", "supplier": "Also"}


def model_body(cast: Cast, values: Mapping[str, str]) -> dict[str, Any]:
    """A new model."""
    return {
        "manufacturer": "Lenovo",
        "name": "ThinkPad X13",
        "category": "laptop",
        "list_cost": "1400.00",
        "currency": "USD",
    }


def a_table(cast: Cast, values: Mapping[str, str]) -> dict[str, Any]:
    """A file as a browser or program sends it."""
    return {"file": (io.BytesIO(CSV), "fleet.csv")}


WIPE: dict[str, Any] = {
    "method": "purge",
    "destination": "redeploy",
    "technique": "NVMe sanitize, crypto erase",
    "media": [{"media_type": "NVMe SSD"}],
    "performed_by": "Ben Technician",
    "verified_by": "Ana Owner",
    "performed_at": (START + timedelta(days=2)).isoformat(),
}

API: dict[str, Example | list[Example]] = {
    "assets_api.create_asset": Example(prepare=a_model, json=asset_body, status=201),
    "assets_api.edit_asset": Example(prepare=an_asset, json={"notes": "a scratch on the lid"}, status=200),
    "assets_api.move_asset": Example(
        prepare=an_asset, json={"verb": "stage", "reason": "imaged"}, user="ben", status=200
    ),
    "assets_api.place_asset": Example(
        prepare=an_asset,
        json=lambda cast, values: {"client_id": cast.acme.id, "site_id": cast.acme_site.id},
        user="ben",
        status=200,
    ),
    "assets_api.grade_asset": Example(
        prepare=in_quarantine,
        json={"grade": "B", "fair_market_value": "400.00", "missing_accessories": ["charger"]},
        user="ben",
        status=200,
    ),
    "assets_api.certify_wipe": Example(prepare=in_quarantine, json=WIPE, user="ben", status=201),
    "assets_api.issue_label": Example(prepare=an_asset, user="ben", status=201),
    "asset_exports_api.export_assets": Example(
        json={"format": "csv"},
        status=202,
        audited=False,
        unaudited_because="only a job is noted; the file it stores is audited",
        cleo=202,
        cleo_because=CREATES_NEW,
    ),
    "models_api.create_model": Example(json=model_body, status=201, cleo=201, cleo_because=CREATES_NEW),
    "models_api.edit_model": Example(prepare=a_model, json={"kit": ["charger", "dock"]}, status=200),
    "models_api.archive_model": Example(prepare=a_model, status=200),
    "asset_imports_api.upload_import": Example(form=a_table, status=201, cleo=201, cleo_because=CREATES_NEW),
    "asset_imports_api.commit_import": Example(
        prepare=an_import,
        status=202,
        audited=False,
        unaudited_because="only a job is noted; the assets it makes are audited",
    ),
    "scans_api.look_up": Example(
        prepare=an_asset, json=lambda cast, values: {"code": values["tag"]}, user="ben", status=200
    ),
}
EXAMPLES: dict[str, Example | list[Example]] = {**API}

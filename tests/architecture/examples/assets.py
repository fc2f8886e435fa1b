"""Examples of the fleet's changing routes: assets, models, imports, labels, scans."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import qrcode
from PIL import Image
from sqlalchemy.orm import Session

from devices import imports
from devices.pictures import set_picture
from devices.queries import get_model
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
    return {"asset_id": asset.id, "tag": asset.tag, "model_id": asset.model_id}


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


def a_picture(cast: Cast, values: Mapping[str, str]) -> dict[str, Any]:
    """A photo as a browser or program sends it."""
    drawn = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(drawn, "JPEG")
    return {"picture": (io.BytesIO(drawn.getvalue()), "laptop.jpg")}


def with_picture(session: Session, cast: Cast) -> Mapping[str, str]:
    """An asset and its model, each with a picture."""
    asset = make_asset(session, cast.tenant)
    model = get_model(session, cast.tenant, model_id=asset.model_id)
    for owner in (asset, model):
        upload = a_picture(cast, {})["picture"][0].read()
        set_picture(session, cast.tenant, owner=owner, upload=upload)
    return {"asset_id": asset.id, "model_id": asset.model_id}


def qr_png(text: str) -> bytes:
    """A QR code as a picture."""
    picture = io.BytesIO()
    qrcode.make(text).get_image().save(picture, "PNG")
    return picture.getvalue()


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
    "pictures_api.put_asset_picture": Example(prepare=an_asset, form=a_picture, status=200),
    "pictures_api.delete_asset_picture": Example(prepare=with_picture, status=204),
    "pictures_api.put_model_picture": Example(prepare=a_model, form=a_picture, status=200),
    "pictures_api.delete_model_picture": Example(prepare=with_picture, status=204),
    "scans_api.look_up": Example(
        prepare=an_asset, json=lambda cast, values: {"code": values["tag"]}, user="ben", status=200
    ),
}
PAGES: dict[str, Example | list[Example]] = {
    "pictures.edit_of_asset": Example(prepare=an_asset, form=a_picture, user="ben", status=303),
    "pictures.edit_of_model": Example(prepare=a_model, form=a_picture, user="ben", status=303),
    "assets.create": Example(
        prepare=a_model,
        form=lambda cast, values: {
            "model_id": values["model_id"],
            "serial": "EX-7",
            "cost": "10",
            "currency": "USD",
        },
        status=303,
        cleo=422,
        cleo_because="the form is one's own; the model in it is not known to her",
    ),
    "assets.update": Example(
        prepare=an_asset,
        form=lambda cast, values: {
            "model_id": values["model_id"],
            "serial": "EX-8",
            "tag": "EX-TAG",
            "cost": "5",
        },
        status=303,
    ),
    "moves.do": Example(
        prepare=lambda session, cast: {**an_asset(session, cast), "verb": "stage"},
        form={"reason": "imaged"},
        user="ben",
        status=303,
    ),
    "moves.do_several": Example(
        prepare=an_asset,
        form=lambda cast, values: {"id": [values["asset_id"]], "verb": "stage"},
        user="ben",
        status=303,
    ),
    "moves.place": Example(
        prepare=an_asset, form=lambda cast, values: {"client_id": cast.acme.id}, user="ben", status=303
    ),
    "moves.grade": Example(prepare=in_quarantine, form={"grade": "C"}, user="ben", status=303),
    "moves.wipe": Example(
        prepare=in_quarantine,
        form={
            "method": "purge",
            "destination": "redeploy",
            "technique": "crypto erase",
            "media-0-media_type": "SSD",
            "verification": "full",
            "performed_by": "Ben",
            "verified_by": "Ana",
        },
        user="ben",
        status=303,
    ),
    "models.create": Example(form=model_body, status=303, cleo=303, cleo_because=CREATES_NEW),
    "models.update": Example(
        prepare=a_model,
        form={
            "manufacturer": "Dell",
            "name": "XPS",
            "category": "laptop",
            "list_cost": "1",
            "currency": "USD",
        },
        status=303,
    ),
    "models.archive": Example(prepare=a_model, status=303),
    "imports.upload": Example(form=a_table, status=303, cleo=303, cleo_because=CREATES_NEW),
    "imports.commit": Example(
        prepare=an_import,
        form={"date_order": "day"},
        status=303,
        audited=False,
        unaudited_because="only a job is noted; the assets it makes are audited",
    ),
    "labels.print_sheet": Example(
        prepare=an_asset,
        form=lambda cast, values: {"id": [values["asset_id"]], "stock": "avery-l7160", "output": "zpl"},
        user="ben",
        status=200,
    ),
    "labels.replace": Example(prepare=an_asset, user="ben", status=303),
    "scan.look_up": Example(
        prepare=an_asset, form=lambda cast, values: {"code": values["tag"]}, user="ben", status=200
    ),
    "scan.photo": Example(
        prepare=an_asset,
        form=lambda cast, values: {"photo": (io.BytesIO(qr_png(values["tag"])), "label.png")},
        user="ben",
        status=200,
    ),
    "scan.move": Example(
        prepare=lambda session, cast: {**an_asset(session, cast), "verb": "stage"},
        form={"idempotency_key": "scan-7"},
        user="ben",
        status=200,
    ),
}
EXAMPLES: dict[str, Example | list[Example]] = {**API, **PAGES}

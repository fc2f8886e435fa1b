"""REST: /v1/hardware-models, /v1/asset-imports, /v1/scans, and pictures."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app
from flask_smorest import Blueprint

from devices import edits, imports, moves, queries, scans
from devices.actions import actions_for
from devices.catalogue.pictures_portal import answer
from devices.import_table import BYTES_MAX
from devices.imports import ImportOptions, ImportReport
from devices.models import HardwareModel
from devices.pictures import get_picture, remove_picture, set_picture
from devices.schemas import (
    AssetImportResource,
    FleetJobResource,
    HardwareModelChange,
    HardwareModelRequest,
    HardwareModelResource,
    ImportOptionsQuery,
    ImportUpload,
    ModelListed,
    PictureResource,
    PictureUpload,
    ScanRequest,
    ScanResource,
)
from devices.shapes import guard_cost, shape_asset, shape_model
from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.documents.photos import MOST_BYTES
from haas.errors import TooLarge
from haas.rest.etags import demand_match, etag_of
from haas.rest.limits import GUESSABLE, limiter
from haas.rest.openapi import page_of
from haas.rest.paging import Sort, fetch_page
from haas.tenancy.scope import scoped

models_api = Blueprint(
    "models_api", __name__, url_prefix="/v1/hardware-models", description="Hardware models"
)
imports_api = Blueprint(
    "asset_imports_api", __name__, url_prefix="/v1/asset-imports", description="Assets from a table"
)
scans_api = Blueprint("scans_api", __name__, url_prefix="/v1/scans", description="Codes on labels")
pictures_api = Blueprint("pictures_api", __name__, url_prefix="/v1", description="Pictures of hardware")

Answer = dict[str, Any]


@models_api.get("")
@requires("model.read")
@models_api.arguments(ModelListed, location="query")
@models_api.response(200, page_of(HardwareModelResource))
def list_models(query: dict[str, Any]) -> Answer:
    """Hardware models by maker."""
    caller = current_caller()
    statement = scoped(HardwareModel, caller.tenant)
    if not query["archived"]:
        statement = statement.where(HardwareModel.archived_at.is_(None))
    page = fetch_page(
        caller.session,
        statement,
        sort=Sort(HardwareModel.manufacturer_norm, HardwareModel.id),
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    return {"items": [shape_model(caller, model) for model in page.rows], "next": page.older}


@models_api.post("")
@requires("model.manage")
@models_api.arguments(HardwareModelRequest)
@models_api.response(201, HardwareModelResource)
def create_model(model: dict[str, Any]) -> Any:
    """Add a hardware model."""
    caller = current_caller()
    made = edits.create_model(caller.session, caller.tenant, at=clock.now(), **model)
    return (
        shape_model(caller, made),
        201,
        {"Location": f"/v1/hardware-models/{made.id}", "ETag": etag_of(made)},
    )


@models_api.get("/<model_id>")
@requires("model.read")
@models_api.response(200, HardwareModelResource)
def get_model(model_id: str) -> Any:
    """One hardware model."""
    caller = current_caller()
    found = queries.get_model(caller.session, caller.tenant, model_id=model_id)
    return shape_model(caller, found), 200, {"ETag": etag_of(found)}


@models_api.patch("/<model_id>")
@requires("model.manage")
@models_api.arguments(HardwareModelChange)
@models_api.response(200, HardwareModelResource)
def edit_model(changes: dict[str, Any], model_id: str) -> Any:
    """Change a model's words and defaults. With If-Match, only if nobody changed it meanwhile."""
    caller = current_caller()
    demand_match(queries.get_model(caller.session, caller.tenant, model_id=model_id, lock=True))
    guard_cost(caller, changes)
    edited = edits.update_model(caller.session, caller.tenant, model_id=model_id, changes=changes)
    return shape_model(caller, edited), 200, {"ETag": etag_of(edited)}


@models_api.post("/<model_id>/archive")
@requires("model.manage")
@models_api.response(200, HardwareModelResource)
def archive_model(model_id: str) -> Any:
    """Take a model out of the lists that offer it; its assets stay."""
    caller = current_caller()
    archived = edits.archive_model(caller.session, caller.tenant, model_id=model_id, at=clock.now())
    return shape_model(caller, archived)


@imports_api.post("")
@requires("asset.import")
@imports_api.arguments(ImportUpload, location="files")
@imports_api.arguments(ImportOptionsQuery, location="query")
@imports_api.response(201, AssetImportResource)
def upload_import(files: dict[str, Any], options: dict[str, Any]) -> Any:
    """Upload a CSV file of assets. The answer is the dry run: nothing was brought in yet."""
    caller = current_caller()
    sent = files["file"]
    content = sent.read(BYTES_MAX + 1)
    if len(content) > BYTES_MAX:
        raise TooLarge(f"The file is larger than {BYTES_MAX // 1024 // 1024} MB: split it.", field="file")
    stored = imports.upload(
        caller.session, caller.tenant, name=sent.filename or "assets.csv", content=content
    )
    return (
        _report(caller, stored.id, ImportOptions(**options)),
        201,
        {"Location": f"/v1/asset-imports/{stored.id}"},
    )


@imports_api.get("/<import_id>")
@requires("asset.import")
@imports_api.arguments(ImportOptionsQuery, location="query")
@imports_api.response(200, AssetImportResource)
def get_import(options: dict[str, Any], import_id: str) -> Answer:
    """The dry run once more, against what is there now, and the job if it was committed."""
    return _report(current_caller(), import_id, ImportOptions(**options))


@imports_api.post("/<import_id>/commit")
@requires("asset.import")
@imports_api.arguments(ImportOptionsQuery, location="query")
@imports_api.response(202, FleetJobResource)
def commit_import(options: dict[str, Any], import_id: str) -> Any:
    """Bring the whole file in, or nothing of it. Asking again answers the same job."""
    caller = current_caller()
    return imports.commit(
        caller.session,
        caller.tenant,
        file_id=import_id,
        options=ImportOptions(**options),
        today=clock.today(caller.partner.time_zone),
    )


@scans_api.post("")
@limiter.limit(GUESSABLE)
@requires("asset.scan")
@scans_api.arguments(ScanRequest)
@scans_api.response(200, ScanResource)
def look_up(sent: dict[str, Any]) -> Answer:
    """What a scanned or typed code leads to, and what may be done with it. The scan is put on record."""
    caller = current_caller()
    scan = scans.look_up(
        caller.session,
        caller.tenant,
        code=sent["code"],
        base_url=current_app.config["HAAS"].base_url,
    )
    if scan.asset is None:
        return {"asset": None, "foreign": scan.foreign, "actions": []}
    contract = moves.contract_of(caller.session, caller.tenant, asset=scan.asset)
    allowed = actions_for(scan.asset, permissions=caller.identity.permissions, contract=contract)
    return {"asset": shape_asset(caller, scan.asset), "foreign": "", "actions": allowed}


@pictures_api.get("/assets/<asset_id>/picture")
@requires("asset.read")
@pictures_api.response(200, content_type="image/jpeg")
def show_asset_picture(asset_id: str) -> Response:
    """The asset's own picture, else its model's: a JPEG or PNG."""
    caller = current_caller()
    asset = queries.get_asset(caller.session, caller.tenant, asset_id=asset_id)
    return answer(get_picture(caller.session, caller.tenant, owner=asset))


@pictures_api.put("/assets/<asset_id>/picture")
@requires("asset.manage")
@pictures_api.arguments(PictureUpload, location="files")
@pictures_api.response(200, PictureResource)
def put_asset_picture(files: dict[str, Any], asset_id: str) -> Any:
    """Upload a JPEG or PNG of this one asset. It is drawn anew; what it said of place and camera is gone."""
    caller = current_caller()
    asset = queries.lock_asset(caller.session, caller.tenant, asset_id=asset_id)
    upload = files["picture"].read(MOST_BYTES + 1)
    return set_picture(caller.session, caller.tenant, owner=asset, upload=upload)


@pictures_api.delete("/assets/<asset_id>/picture")
@requires("asset.manage")
@pictures_api.response(204)
def delete_asset_picture(asset_id: str) -> None:
    """Show the picture of its model again."""
    caller = current_caller()
    remove_picture(caller.session, owner=queries.lock_asset(caller.session, caller.tenant, asset_id=asset_id))


@pictures_api.get("/hardware-models/<model_id>/picture")
@requires("model.read")
@pictures_api.response(200, content_type="image/jpeg")
def show_model_picture(model_id: str) -> Response:
    """The model's picture: a JPEG or PNG."""
    caller = current_caller()
    model = queries.get_model(caller.session, caller.tenant, model_id=model_id)
    return answer(get_picture(caller.session, caller.tenant, owner=model))


@pictures_api.put("/hardware-models/<model_id>/picture")
@requires("model.manage")
@pictures_api.arguments(PictureUpload, location="files")
@pictures_api.response(200, PictureResource)
def put_model_picture(files: dict[str, Any], model_id: str) -> Any:
    """Upload a JPEG or PNG of this model. It is drawn anew; what it said of place and camera is gone."""
    caller = current_caller()
    model = queries.get_model(caller.session, caller.tenant, model_id=model_id, lock=True)
    upload = files["picture"].read(MOST_BYTES + 1)
    return set_picture(caller.session, caller.tenant, owner=model, upload=upload)


@pictures_api.delete("/hardware-models/<model_id>/picture")
@requires("model.manage")
@pictures_api.response(204)
def delete_model_picture(model_id: str) -> None:
    """Show no picture of this model any more."""
    caller = current_caller()
    remove_picture(
        caller.session,
        owner=queries.get_model(caller.session, caller.tenant, model_id=model_id, lock=True),
    )


def _report(caller: Caller, import_id: str, options: ImportOptions) -> Answer:
    report: ImportReport = imports.dry_run(
        caller.session,
        caller.tenant,
        file_id=import_id,
        options=options,
        today=clock.today(caller.partner.time_zone),
    )
    job = imports.find_job(caller.session, caller.tenant, file_id=import_id)
    return {
        "id": report.file_id,
        "name": report.file_name,
        "rows": report.rows,
        "error_count": len(report.errors),
        "errors": imports.as_json(report.errors),
        "new_models": [f"{model.manufacturer} {model.name}" for model in report.new_models],
        "ignored_columns": list(report.ignored),
        "job_id": job.id if job else None,
    }

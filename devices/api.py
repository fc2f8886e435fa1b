"""REST: /v1/assets and what is done with one."""

from __future__ import annotations

from typing import Any

from flask import current_app
from flask_smorest import Blueprint

from devices import edits, exports, moves, operations, past, queries, sanitisation
from devices.actions import BY_VERB
from devices.label_tokens import replace_label
from devices.lifecycle import AssetState
from devices.models import Asset
from devices.queries import AssetFilter
from devices.schemas import (
    AsOf,
    AssetChange,
    AssetExportRequest,
    AssetGradeRequest,
    AssetLabelResource,
    AssetListed,
    AssetMoveRequest,
    AssetPlacementRequest,
    AssetRequest,
    AssetResource,
    AssetTimelineResource,
    FleetJobResource,
    WipeRequest,
    WipeResource,
)
from devices.shapes import guard_cost, moment, shape_asset, shape_happening
from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.errors import NotAllowed
from haas.rest.etags import demand_match, etag_of
from haas.rest.openapi import page_of
from haas.rest.paging import Sort, fetch_page

blueprint = Blueprint("assets_api", __name__, url_prefix="/v1/assets", description="Assets")
exports_api = Blueprint(
    "asset_exports_api", __name__, url_prefix="/v1/asset-exports", description="Asset lists as files"
)

Answer = dict[str, Any]


@blueprint.get("")
@requires("asset.read")
@blueprint.arguments(AssetListed, location="query")
@blueprint.response(200, page_of(AssetResource))
def list_assets(query: dict[str, Any]) -> Answer:
    """Assets in the order they were made; with `as_of`, those that were there, in the state of then."""
    caller = current_caller()
    wanted, as_of = read_filter(query), query.get("as_of")
    if as_of is None:
        statement = queries.fleet(caller.tenant, wanted)
    else:
        require_history(caller)
        statement = queries.fleet_in_the_past(caller.tenant, wanted, at=as_of)
    page = fetch_page(
        caller.session,
        statement,
        sort=Sort(Asset.id, Asset.id),
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    items = [shape_asset(caller, asset) for asset in page.rows]
    if as_of is not None:
        ids = [asset.id for asset in page.rows]
        then = {
            entry.asset_id: entry.state
            for entry in queries.fleet_as_of(caller.session, caller.tenant, at=as_of, asset_ids=ids)
        }
        for item in items:
            item["state_as_of"] = then[item["id"]]
    return {"items": items, "next": page.older}


@blueprint.post("")
@requires("asset.manage")
@blueprint.arguments(AssetRequest)
@blueprint.response(201, AssetResource)
def create_asset(asset: dict[str, Any]) -> Any:
    """Register an asset: on order, received or ready in stock. It gets a tag and a label."""
    caller = current_caller()
    asset["at"] = moment(asset.pop("at", None))
    made = operations.register_asset(caller.session, caller.tenant, **asset)
    return shape_asset(caller, made), 201, {"Location": f"/v1/assets/{made.id}", "ETag": etag_of(made)}


@blueprint.get("/<asset_id>")
@requires("asset.read")
@blueprint.arguments(AsOf, location="query")
@blueprint.response(200, AssetResource)
def get_asset(query: dict[str, Any], asset_id: str) -> Any:
    """One asset; with `as_of`, also the state it had at that moment."""
    caller = current_caller()
    found = queries.get_asset(caller.session, caller.tenant, asset_id=asset_id)
    shape = shape_asset(caller, found)
    if as_of := query.get("as_of"):
        require_history(caller)
        then = queries.state_as_of(caller.session, caller.tenant, asset_id=asset_id, at=as_of)
        if then is None:
            raise queries.AssetNotFound("There was no such asset yet.")
        shape["state_as_of"] = then
    return shape, 200, {"ETag": etag_of(found)}


@blueprint.patch("/<asset_id>")
@requires("asset.manage")
@blueprint.arguments(AssetChange)
@blueprint.response(200, AssetResource)
def edit_asset(changes: dict[str, Any], asset_id: str) -> Any:
    """Correct what was entered. With If-Match, only if nobody changed it meanwhile."""
    caller = current_caller()
    demand_match(queries.lock_asset(caller.session, caller.tenant, asset_id=asset_id))
    guard_cost(caller, changes)
    edited = edits.update_asset(caller.session, caller.tenant, asset_id=asset_id, changes=changes)
    return shape_asset(caller, edited), 200, {"ETag": etag_of(edited)}


@blueprint.post("/<asset_id>/moves")
@requires("asset.move")
@blueprint.arguments(AssetMoveRequest)
@blueprint.response(200, AssetResource)
def move_asset(move: dict[str, Any], asset_id: str) -> Answer:
    """Move an asset to its next state. What a lease or a return must do is refused here."""
    caller = current_caller()
    require_verb(caller, move["verb"])
    asset = queries.lock_asset(caller.session, caller.tenant, asset_id=asset_id)
    moves.require_free(caller.session, caller.tenant, asset=asset, verb=move["verb"])
    details = moves.told(move)
    moved = operations.move_asset(
        caller.session,
        caller.tenant,
        asset_id=asset_id,
        verb=move["verb"],
        at=moment(move.get("at")),
        reason=move["reason"],
        details=details,
    )
    return shape_asset(caller, moved)


@blueprint.post("/<asset_id>/placements")
@requires("asset.move")
@blueprint.arguments(AssetPlacementRequest)
@blueprint.response(200, AssetResource)
def place_asset(place: dict[str, Any], asset_id: str) -> Answer:
    """Say where an asset is from a moment on, and who answers for it."""
    caller = current_caller()
    place["at"] = moment(place.pop("at", None))
    placed = operations.place_asset(caller.session, caller.tenant, asset_id=asset_id, **place)
    return shape_asset(caller, placed)


@blueprint.post("/<asset_id>/grade")
@requires("asset.grade")
@blueprint.arguments(AssetGradeRequest)
@blueprint.response(200, AssetResource)
def grade_asset(grade: dict[str, Any], asset_id: str) -> Answer:
    """Record the inspection of an asset in quarantine."""
    caller = current_caller()
    grade["at"] = moment(grade.pop("at", None))
    asset = queries.lock_asset(caller.session, caller.tenant, asset_id=asset_id)
    moves.require_free(caller.session, caller.tenant, asset=asset, verb="grade")
    graded = operations.grade_asset(caller.session, caller.tenant, asset_id=asset_id, **grade)
    return shape_asset(caller, graded)


@blueprint.post("/<asset_id>/wipe-certificates")
@requires("asset.wipe")
@blueprint.arguments(WipeRequest)
@blueprint.response(201, WipeResource)
def certify_wipe(wipe: dict[str, Any], asset_id: str) -> Any:
    """Certify that an asset's media were sanitised. The PDF follows in a job."""
    caller = current_caller()
    wipe["performed_at"] = moment(wipe.pop("performed_at", None), field="performed_at")
    return sanitisation.certify_wipe(caller.session, caller.tenant, asset_id=asset_id, **wipe)


@blueprint.get("/<asset_id>/wipe-certificates")
@requires("asset.read")
@blueprint.response(200, WipeResource(many=True))
def list_wipes(asset_id: str) -> Any:
    """The asset's wipe certificates, newest first."""
    caller = current_caller()
    queries.get_asset(caller.session, caller.tenant, asset_id=asset_id)
    return sanitisation.certificates_of(caller.session, caller.tenant, asset_id=asset_id)


@blueprint.get("/<asset_id>/timeline")
@requires("asset.read")
@blueprint.response(200, AssetTimelineResource)
def show_timeline(asset_id: str) -> Answer:
    """What happened to the asset, newest first."""
    caller = current_caller()
    items = past.timeline(caller.session, caller.tenant, asset_id=asset_id)
    return {"items": [shape_happening(caller, item) for item in items]}


@blueprint.post("/<asset_id>/labels")
@requires("asset.label")
@blueprint.response(201, AssetLabelResource)
def issue_label(asset_id: str) -> Answer:
    """Replace the asset's label: older ones lead nowhere from now on."""
    caller = current_caller()
    label = replace_label(caller.session, caller.tenant, asset_id=asset_id, at=clock.now())
    url = f"{current_app.config['HAAS'].base_url}/q/{label.token}"
    return {"id": label.id, "asset_id": asset_id, "url": url, "issued_at": label.issued_at}


@exports_api.post("")
@requires("asset.export")
@exports_api.arguments(AssetExportRequest)
@exports_api.response(202, FleetJobResource)
def export_assets(export: dict[str, Any]) -> Any:
    """Write the assets that the filter names into a file; the job says when it is there."""
    caller = current_caller()
    return exports.start(
        caller.session,
        caller.tenant,
        wanted=read_filter(export),
        file_format=export["format"],
        with_cost=caller.may("asset.cost.read"),
        today=clock.today(caller.partner.time_zone),
    )


def read_filter(query: dict[str, Any]) -> AssetFilter:
    """The fleet filter of a query or body."""
    return AssetFilter(
        states=tuple(AssetState(state) for state in query.get("state") or ()),
        model_id=query.get("model_id"),
        category=query.get("category"),
        client_id=query.get("client_id"),
        site_id=query.get("site_id"),
        in_stock=query.get("in_stock", False),
        grade=query.get("grade"),
        warranty_before=query.get("warranty_before"),
        text=query.get("q", ""),
    )


def require_verb(caller: Caller, verb: str) -> None:
    """Some verbs need more than `asset.move`.

    :raises NotAllowed: naming the permission.
    """
    needed = BY_VERB[verb].permission
    if not caller.may(needed):
        raise NotAllowed(f"Your role does not include this: {needed}.")


def require_history(caller: Caller) -> None:
    """States of the past are the partner's own record.

    :raises NotAllowed: for a client's user.
    """
    if caller.tenant.client_id is not None:
        raise NotAllowed("The history of states is for the partner's staff.")

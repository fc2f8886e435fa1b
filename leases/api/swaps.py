"""REST: /v1/swaps, and those of one lease."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_smorest import Blueprint

from haas import clock
from haas.auth.caller import current_caller, requires
from haas.rest.openapi import Paged, page_of
from haas.rest.paging import Sort, fetch_page
from leases import previews, queries, swaps
from leases.models import Swap
from leases.schemas import SwapListed, SwapPreviewResource, SwapQuestion, SwapRequest, SwapResource

blueprint = Blueprint("swaps_api", __name__, url_prefix="/v1/swaps", description="Swaps")
of_lease = Blueprint("lease_swaps_api", __name__, url_prefix="/v1/leases", description="Swaps of a lease")

SwapPage = page_of(SwapResource)
_NEWEST = Sort(Swap.id, Swap.id, descending=True)


@blueprint.get("")
@requires("lease.read")
@blueprint.arguments(SwapListed, location="query")
@blueprint.response(200, SwapPage)
def list_swaps(query: dict[str, Any]) -> dict[str, Any]:
    """Swaps, newest first."""
    return _page(query, lease_id=query.get("lease_id"), asset_id=query.get("asset_id"))


@blueprint.post("")
@requires("lease.swap")
@blueprint.arguments(SwapRequest)
@blueprint.response(201, SwapResource)
def create_swap(swap: dict[str, Any]) -> Any:
    """Put one asset in another's place; rent and term go on. Sent again with its key, it is done once."""
    caller = current_caller()
    made = swaps.swap_asset(
        caller.session, caller.tenant, idempotency_key=request.headers.get("Idempotency-Key"), **swap
    )
    return made, 201, {"Location": f"/v1/swaps/{made.id}"}


@blueprint.get("/preview")
@requires("lease.swap")
@blueprint.arguments(SwapQuestion, location="query")
@blueprint.response(200, SwapPreviewResource)
def preview(question: dict[str, Any]) -> previews.SwapPreview:
    """What a swap now would do: who stands where, and how the running period's days are split."""
    caller = current_caller()
    return previews.preview_swap(caller.session, caller.tenant, at=clock.now(), **question)


@blueprint.get("/<swap_id>")
@requires("lease.read")
@blueprint.response(200, SwapResource)
def get_swap(swap_id: str) -> Swap:
    """One swap."""
    caller = current_caller()
    return queries.get_swap(caller.session, caller.tenant, swap_id=swap_id)


@of_lease.get("/<lease_id>/swaps")
@requires("lease.read")
@of_lease.arguments(Paged, location="query")
@of_lease.response(200, SwapPage)
def list_swaps_of_lease(query: dict[str, Any], lease_id: str) -> dict[str, Any]:
    """The lease's swaps, newest first."""
    caller = current_caller()
    queries.get_lease(caller.session, caller.tenant, lease_id=lease_id)
    return _page(query, lease_id=lease_id)


def _page(query: dict[str, Any], *, lease_id: str | None, asset_id: str | None = None) -> dict[str, Any]:
    caller = current_caller()
    page = fetch_page(
        caller.session,
        queries.list_swaps(caller.tenant, lease_id=lease_id, asset_id=asset_id),
        sort=_NEWEST,
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    return {"items": page.rows, "next": page.older}

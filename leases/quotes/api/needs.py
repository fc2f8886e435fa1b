"""REST: /v1/terms and /v1/purchase-needs."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from haas import clock
from haas.auth.caller import current_caller, requires
from haas.rest.openapi import page_of
from haas.rest.paging import Sort, fetch_page
from leases.quotes import purchasing, queries, texts
from leases.quotes.models import PurchaseNeed, TermsVersion
from leases.quotes.schemas import (
    NeedListed,
    NeedResource,
    OrderNeedRequest,
    ReservedResource,
    TermsListed,
    TermsRequest,
    TermsResource,
)

terms_api = Blueprint("terms_api", __name__, url_prefix="/v1/terms", description="Terms of contract")
needs_api = Blueprint(
    "purchase_needs_api", __name__, url_prefix="/v1/purchase-needs", description="What leases lack"
)

_NEWEST = Sort(TermsVersion.id, TermsVersion.id, descending=True)
_SOONEST = Sort(PurchaseNeed.needed_by, PurchaseNeed.id)


@terms_api.get("")
@requires("terms.read")
@terms_api.arguments(TermsListed, location="query")
@terms_api.response(200, page_of(TermsResource))
def list_terms(query: dict[str, Any]) -> dict[str, Any]:
    """Published terms, newest first."""
    caller = current_caller()
    page = fetch_page(
        caller.session,
        queries.list_terms(caller.tenant),
        sort=_NEWEST,
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    return {"items": page.rows, "next": page.older}


@terms_api.post("")
@requires("terms.publish")
@terms_api.arguments(TermsRequest)
@terms_api.response(201, TermsResource)
def publish_terms(terms: dict[str, Any]) -> Any:
    """Publish a new version. It is never edited."""
    caller = current_caller()
    made = texts.publish(caller.session, caller.tenant, at=clock.now(), **terms)
    return made, 201, {"Location": f"/v1/terms/{made.id}"}


@terms_api.get("/<terms_id>")
@requires("terms.read")
@terms_api.response(200, TermsResource)
def get_terms(terms_id: str) -> TermsVersion:
    """One published version."""
    caller = current_caller()
    return queries.get_terms(caller.session, caller.tenant, terms_id=terms_id)


@needs_api.get("")
@requires("purchase.read")
@needs_api.arguments(NeedListed, location="query")
@needs_api.response(200, page_of(NeedResource))
def list_needs(query: dict[str, Any]) -> dict[str, Any]:
    """What leases lack, the soonest needed first."""
    caller = current_caller()
    page = fetch_page(
        caller.session,
        purchasing.list_needs(
            caller.tenant,
            states=(query["state"],) if query.get("state") else (),
            model_id=query.get("model_id"),
            lease_id=query.get("lease_id"),
        ),
        sort=_SOONEST,
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    return {"items": page.rows, "next": page.older}


@needs_api.get("/<need_id>")
@requires("purchase.read")
@needs_api.response(200, NeedResource)
def get_need(need_id: str) -> PurchaseNeed:
    """One need."""
    caller = current_caller()
    return purchasing.get_need(caller.session, caller.tenant, need_id=need_id)


@needs_api.post("/<need_id>/order")
@requires("purchase.manage")
@needs_api.arguments(OrderNeedRequest)
@needs_api.response(200, NeedResource)
def order(ordered: dict[str, Any], need_id: str) -> PurchaseNeed:
    """It was ordered. It closes by itself when all of it is received or reserved."""
    caller = current_caller()
    return purchasing.order(caller.session, caller.tenant, need_id=need_id, at=clock.now(), **ordered)


@needs_api.post("/<need_id>/cancel")
@requires("purchase.manage")
@needs_api.response(200, NeedResource)
def cancel(need_id: str) -> PurchaseNeed:
    """Nothing is bought for it."""
    caller = current_caller()
    return purchasing.cancel(caller.session, caller.tenant, need_id=need_id, at=clock.now())


@needs_api.post("/<need_id>/reserve")
@requires("purchase.manage")
@needs_api.response(200, ReservedResource)
def reserve(need_id: str) -> dict[str, int]:
    """Reserve for its lease what is ready on the shelf."""
    caller = current_caller()
    return {"reserved": purchasing.reserve(caller.session, caller.tenant, need_id=need_id, at=clock.now())}

"""REST: /v1/mandates and /v1/collections."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask_smorest import Blueprint

from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.rest.openapi import Paged, page_of
from haas.rest.paging import Sort, fetch_page
from invoicing.bank import collecting, mandates, notices
from invoicing.bank.debit_models import Collection
from invoicing.bank.debit_schemas import (
    AnnouncementRequest,
    AnnouncementsResource,
    CollectionItemResource,
    CollectionRequest,
    CollectionResource,
    MandatesListed,
    SepaMandateRequest,
    SepaMandateResource,
    SepaMandateSigned,
)
from invoicing.mandate_models import SepaMandate

mandates_api = Blueprint("mandates_api", __name__, url_prefix="/v1/mandates", description="SEPA mandates")
collections_api = Blueprint(
    "collections_api", __name__, url_prefix="/v1/collections", description="SEPA collections"
)


@mandates_api.get("")
@requires("bank.read")
@mandates_api.arguments(MandatesListed, location="query")
@mandates_api.response(200, page_of(SepaMandateResource))
def list_mandates(query: dict[str, Any]) -> dict[str, Any]:
    """Mandates, newest first."""
    caller = current_caller()
    page = fetch_page(
        caller.session,
        mandates.list_mandates(caller.tenant, client_id=query.get("client_id")),
        sort=Sort(SepaMandate.id, SepaMandate.id, descending=True),
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    return {"items": page.rows, "next": page.older}


@mandates_api.post("")
@requires("bank.collect")
@mandates_api.arguments(SepaMandateRequest)
@mandates_api.response(201, SepaMandateResource)
def draft_mandate(wanted: dict[str, Any]) -> Any:
    """Draft a mandate for a client to sign."""
    caller = current_caller()
    made = mandates.draft_mandate(caller.session, caller.tenant, at=clock.now(), **wanted)
    return made, 201, {"Location": f"/v1/mandates/{made.id}"}


@mandates_api.get("/<mandate_id>")
@requires("bank.read")
@mandates_api.response(200, SepaMandateResource)
def get_mandate(mandate_id: str) -> Any:
    """One mandate."""
    caller = current_caller()
    return mandates.get_mandate(caller.session, caller.tenant, mandate_id=mandate_id)


@mandates_api.post("/<mandate_id>/sign")
@requires("bank.collect")
@mandates_api.arguments(SepaMandateSigned)
@mandates_api.response(200, SepaMandateResource)
def sign_mandate(wanted: dict[str, Any], mandate_id: str) -> Any:
    """The client has signed it."""
    caller = current_caller()
    return mandates.sign_mandate(
        caller.session,
        caller.tenant,
        mandate_id=mandate_id,
        signed_on=wanted["signed_on"],
        today=clock.today(caller.partner.time_zone),
    )


@mandates_api.post("/<mandate_id>/revoke")
@requires("bank.collect")
@mandates_api.response(200, SepaMandateResource)
def revoke_mandate(mandate_id: str) -> Any:
    """Nothing more is ordered by it."""
    caller = current_caller()
    return mandates.revoke_mandate(
        caller.session, caller.tenant, mandate_id=mandate_id, on=clock.today(caller.partner.time_zone)
    )


class CollectionDetailResource(CollectionResource):
    """The same with what it collects."""

    items = ma.fields.List(ma.fields.Nested(CollectionItemResource))


@collections_api.get("")
@requires("bank.read")
@collections_api.arguments(Paged, location="query")
@collections_api.response(200, page_of(CollectionResource))
def list_collections(query: dict[str, Any]) -> dict[str, Any]:
    """Orders, newest first."""
    caller = current_caller()
    page = fetch_page(
        caller.session,
        collecting.list_collections(caller.tenant),
        sort=Sort(Collection.id, Collection.id, descending=True),
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    return {"items": page.rows, "next": page.older}


@collections_api.post("")
@requires("bank.collect")
@collections_api.arguments(CollectionRequest)
@collections_api.response(201, CollectionDetailResource)
def order_collection(wanted: dict[str, Any]) -> Any:
    """Order what is open of these invoices; the bank's file is /files/ and its `file_id`."""
    caller = current_caller()
    made = collecting.order_collection(
        caller.session,
        caller.tenant,
        account_id=wanted["bank_account_id"],
        invoice_ids=wanted["invoice_ids"],
        collect_on=wanted["collect_on"],
        scheme=wanted["scheme"],
        today=clock.today(caller.partner.time_zone),
        at=clock.now(),
    )
    return _detail(caller, made), 201, {"Location": f"/v1/collections/{made.id}"}


@collections_api.post("/announce")
@requires("bank.collect")
@collections_api.arguments(AnnouncementRequest)
@collections_api.response(201, AnnouncementsResource)
def announce_collection(wanted: dict[str, Any]) -> dict[str, Any]:
    """Tell clients by mail on which day these invoices are collected; without it none is ordered."""
    caller = current_caller()
    made = notices.announce(
        caller.session,
        caller.tenant,
        today=clock.today(caller.partner.time_zone),
        at=clock.now(),
        **wanted,
    )
    return {"items": made}


@collections_api.get("/<collection_id>")
@requires("bank.read")
@collections_api.response(200, CollectionDetailResource)
def get_collection(collection_id: str) -> dict[str, Any]:
    """One order with its items."""
    caller = current_caller()
    return _detail(
        caller, collecting.get_collection(caller.session, caller.tenant, collection_id=collection_id)
    )


@collections_api.post("/<collection_id>/cancel")
@requires("bank.collect")
@collections_api.response(200, CollectionDetailResource)
def cancel_collection(collection_id: str) -> dict[str, Any]:
    """It was not sent, or was called back: its invoices can be ordered again."""
    caller = current_caller()
    made = collecting.cancel_collection(caller.session, caller.tenant, collection_id=collection_id)
    return _detail(caller, made)


def _detail(caller: Caller, made: Collection) -> dict[str, Any]:
    return {
        **{column.key: getattr(made, column.key) for column in Collection.__table__.columns},
        "items": collecting.items_of(caller.session, caller.tenant, collection_id=made.id),
    }

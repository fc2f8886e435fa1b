"""REST: /v1/pro-formas: made of what would be billed, listed, read, printed, mailed."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app
from flask_smorest import Blueprint

from haas import clock
from haas.auth.caller import current_caller, requires
from haas.files import get_file
from haas.pages.downloads import download
from haas.rest.limits import EXPENSIVE, limiter
from haas.rest.openapi import page_of
from haas.rest.paging import Sort, fetch_page
from invoicing.pro_forma import operations, queries, sending
from invoicing.pro_forma.models import ProForma
from invoicing.pro_forma.schemas import (
    ProFormaRequest,
    ProFormaResource,
    ProFormasListed,
    ProFormasMade,
    ProFormaWhole,
    read_filter,
    shape_whole,
)
from invoicing.sending import NotReady

blueprint = Blueprint(
    "pro_formas_api", __name__, url_prefix="/v1/pro-formas", description="Pro-forma invoices"
)

Answer = dict[str, Any]


@blueprint.get("")
@requires("invoice.read")
@blueprint.arguments(ProFormasListed, location="query")
@blueprint.response(200, page_of(ProFormaResource))
def list_pro_formas(query: Answer) -> Answer:
    """Pro-formas, the newest first. A client's people see their own."""
    caller = current_caller()
    page = fetch_page(
        caller.session,
        queries.list_pro_formas(caller.tenant, where=read_filter(query)),
        sort=Sort(ProForma.issued_on, ProForma.id, descending=True),
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    return {"items": page.rows, "next": page.older}


@blueprint.post("")
@limiter.limit(EXPENSIVE)
@requires("invoice.issue")
@blueprint.arguments(ProFormaRequest)
@blueprint.response(201, ProFormasMade)
def make_pro_formas(wanted: Answer) -> Answer:
    """Freeze what would be billed, one paper for each invoice that it would be. Nothing is billed by it.

    What says the same as a pro-forma of today is that one.
    """
    caller = current_caller()
    today = clock.today(caller.partner.time_zone)
    made = operations.make(
        caller.session,
        caller.tenant,
        client_id=wanted["client_id"],
        as_of=wanted["as_of"] or today,
        charge_ids=wanted["charge_ids"],
        issued_on=today,
        at=clock.now(),
        portal_url=current_app.config["HAAS"].base_url,
    )
    return {"items": made}


@blueprint.get("/<pro_forma_id>")
@requires("invoice.read")
@blueprint.response(200, ProFormaWhole)
def get_pro_forma(pro_forma_id: str) -> Answer:
    """One pro-forma with its lines and totals by tax."""
    caller = current_caller()
    return shape_whole(queries.get_pro_forma(caller.session, caller.tenant, pro_forma_id=pro_forma_id))


@blueprint.get("/<pro_forma_id>/pdf")
@requires("invoice.read")
@blueprint.response(
    200, {"type": "string", "format": "binary"}, content_type="application/pdf", description="The paper"
)
def get_pdf(pro_forma_id: str) -> Response:
    """The paper as it was made; 409 while it is being rendered."""
    caller = current_caller()
    pro_forma = queries.get_pro_forma(caller.session, caller.tenant, pro_forma_id=pro_forma_id)
    if pro_forma.pdf_file_id is None:
        raise NotReady(pro_forma.number)
    stored = get_file(caller.session, caller.tenant, file_id=pro_forma.pdf_file_id)
    answer = download(stored.content, name=stored.name, media_type=stored.media_type)
    answer.headers["ETag"] = f'"{stored.sha256}"'
    return answer


@blueprint.post("/<pro_forma_id>/send")
@requires("invoice.send")
@blueprint.response(202, ProFormaResource)
def send_pro_forma(pro_forma_id: str) -> ProForma:
    """Mail the paper to the client, also if it was mailed before; `sent_at` says when it left."""
    caller = current_caller()
    return sending.request(caller.session, caller.tenant, pro_forma_id=pro_forma_id)

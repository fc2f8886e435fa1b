"""REST: /v1/clients/{id}/statement, as figures and as paper."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import marshmallow as ma
from flask import Response, current_app
from flask_smorest import Blueprint

from haas.accounts.clients import get_client
from haas.auth.caller import current_caller, requires
from haas.pages.downloads import download
from haas.rest.fields import Day, Signed
from haas.rest.limits import EXPENSIVE, limiter
from haas.rest.openapi import Request
from invoicing.statement_paper import statement_pdf
from invoicing.statement_shapes import document_for
from invoicing.statements import statements_of

blueprint = Blueprint(
    "statements_api", __name__, url_prefix="/v1/clients", description="Statements of account"
)


class StatementQuestion(Request):
    """Of which days; both are included."""

    start = Day(required=True)
    last = Day(required=True)


class StatementEntryResource(ma.Schema):
    """One movement; a charge is positive."""

    on = ma.fields.Date()
    kind = ma.fields.String(
        metadata={"description": "invoice, credit_note, payment, reversal, goodwill, refund"}
    )
    text = ma.fields.String()
    invoice_id = ma.fields.String()
    receipt_id = ma.fields.String()
    due_on = ma.fields.Date(allow_none=True)
    amount = Signed()
    balance = Signed()


class StatementResource(ma.Schema):
    """One currency's account. The closing balance is what is open less the credit."""

    currency = ma.fields.String()
    opening = Signed()
    closing = Signed()
    overdue = Signed()
    credit = Signed()
    aged = ma.fields.List(
        Signed(), metadata={"description": "open and not due, 1 to 30 days late, 31 to 60, 61 to 90, more"}
    )
    entries = ma.fields.List(ma.fields.Nested(StatementEntryResource))


class StatementPage(ma.Schema):
    """The account in each of its currencies."""

    items = ma.fields.List(ma.fields.Nested(StatementResource))


@blueprint.get("/<client_id>/statement")
@requires("invoice.read")
@blueprint.arguments(StatementQuestion, location="query")
@blueprint.response(200, StatementPage)
def get_statement(asked: dict[str, Any], client_id: str) -> dict[str, Any]:
    """What was charged, given back and paid, with the balance after each."""
    caller = current_caller()
    client = get_client(caller.session, caller.tenant, client_id=client_id)
    found = statements_of(
        caller.session,
        caller.tenant,
        client_id=client.id,
        start=asked["start"],
        until=asked["last"] + timedelta(days=1),
    )
    return {"items": found}


@blueprint.get("/<client_id>/statement/pdf")
@limiter.limit(EXPENSIVE)
@requires("invoice.read")
@blueprint.arguments(StatementQuestion, location="query")
@blueprint.response(
    200, {"type": "string", "format": "binary"}, content_type="application/pdf", description="The paper"
)
def get_pdf(asked: dict[str, Any], client_id: str) -> Response:
    """The same as paper, in the partner's brand."""
    caller = current_caller()
    client = get_client(caller.session, caller.tenant, client_id=client_id)
    document = document_for(
        caller.session,
        caller.tenant,
        client=client,
        start=asked["start"],
        until=asked["last"] + timedelta(days=1),
        base_url=current_app.config["HAAS"].base_url,
    )
    name = f"statement-{client.number}-{asked['last'].isoformat()}.pdf"
    return download(statement_pdf(document), name=name, media_type="application/pdf")

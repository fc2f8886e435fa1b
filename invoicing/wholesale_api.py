"""REST: /v1/wholesale: what the operator bills this partner, and what is left of each rent."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from haas import clock
from haas.auth.caller import current_caller, requires
from haas.errors import NotFound
from haas.rest.openapi import Paged, page_of
from haas.rest.paging import Sort, fetch_page
from haas.tenancy.models import Client
from invoicing import queries, wholesale_views
from invoicing.wholesale_schemas import (
    LeaseMarginResource,
    WholesaleInvoices,
    WholesaleResource,
)
from leases.models import Lease
from leases.pricing import queries as price_queries
from leases.pricing.house import as_buyer
from leases.pricing.rules import BUYING

blueprint = Blueprint("wholesale_api", __name__, url_prefix="/v1/wholesale", description="Wholesale")

_NONE = "The operator has no account for this partner."


@blueprint.get("")
@requires("price.read")
@blueprint.response(200, WholesaleResource)
def get_wholesale() -> dict[str, Any]:
    """The partner's account and its wholesale prices of today."""
    caller = current_caller()
    today = clock.today(caller.partner.time_zone)
    with as_buyer(caller.session, caller.tenant) as (account, buyer):
        if account is None or buyer is None:
            raise NotFound(_NONE)
        client = caller.session.get_one(Client, (account.partner_id, account.client_id))
        books = price_queries.load_books(
            caller.session, buyer, levels=BUYING, day=today, name=account.book_name
        )
    return {
        "currency": client.currency,
        "book_name": account.book_name,
        "tier_basis": account.tier_basis,
        "books": [book for book in books if book.currency == client.currency],
    }


@blueprint.get("/leases")
@requires("price.read")
@blueprint.arguments(Paged, location="query")
@blueprint.response(200, page_of(LeaseMarginResource))
def list_margins(query: dict[str, Any]) -> dict[str, Any]:
    """A month of each running lease: rent, what the operator bills, and what is left."""
    caller = current_caller()
    today = clock.today(caller.partner.time_zone)
    page = fetch_page(
        caller.session,
        wholesale_views.running_leases(caller.tenant),
        sort=Sort(Lease.id, Lease.id, descending=True),
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    rents = wholesale_views.rents_of(caller.session, caller.tenant, leases=page.rows, day=today)
    with as_buyer(caller.session, caller.tenant) as (account, buyer):
        if account is None or buyer is None:
            raise NotFound(_NONE)
        client = caller.session.get_one(Client, (account.partner_id, account.client_id))
        costs = wholesale_views.costs_of(
            caller.session,
            buyer,
            account=account,
            lease_ids=[lease.id for lease in page.rows],
            day=today,
        )
    rows = wholesale_views.margins(page.rows, rents, costs, currency=client.currency)
    return {
        "items": [
            {
                "lease_id": row.lease.id,
                "number": row.lease.number,
                "currency": row.lease.currency,
                "rent": row.rent,
                "cost": row.cost,
                "cost_currency": row.cost_currency,
                "margin": row.margin.amount if row.margin else None,
                "margin_pct": row.margin.pct if row.margin else None,
            }
            for row in rows
        ],
        "next": page.older,
    }


@blueprint.get("/invoices")
@requires("price.read")
@blueprint.response(200, WholesaleInvoices)
def list_invoices() -> dict[str, Any]:
    """The latest invoices and credit notes of the operator's to this partner."""
    caller = current_caller()
    with as_buyer(caller.session, caller.tenant) as (_account, buyer):
        if buyer is None:
            raise NotFound(_NONE)
        invoices = wholesale_views.billed_to(caller.session, buyer, limit=200)
        still_open = queries.open_amounts(caller.session, buyer, invoices=invoices)
    columns = (
        "id",
        "number",
        "kind",
        "issued_on",
        "due_on",
        "currency",
        "net_total",
        "tax_total",
        "total",
    )
    return {
        "items": [
            {**{name: getattr(row, name) for name in columns}, "open": still_open[row.id]} for row in invoices
        ]
    }

"""/wholesale: what the operator bills this partner: prices, invoices, and what is left of each rent."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, render_template

from haas import clock
from haas.auth.caller import current_caller, requires
from haas.errors import NotFound
from haas.files import get_file
from haas.pages.downloads import download
from haas.pages.lists import read_list
from haas.rest.paging import Sort, fetch_page
from haas.tenancy.models import Client
from invoicing import queries, wholesale_views
from invoicing.sending import NotReady
from leases.models import Lease
from leases.portal import words
from leases.pricing import queries as price_queries
from leases.pricing.house import as_buyer
from leases.pricing.rules import BUYING

blueprint = Blueprint("wholesale", __name__, url_prefix="/wholesale")

SORTS = {"number": Sort(Lease.number, Lease.id)}


@blueprint.get("")
@requires("price.read")
def index() -> Any:
    """The partner's side: margins by lease, the latest invoices, the prices of its book."""
    caller = current_caller()
    today = clock.today(caller.partner.time_zone)
    listed = read_list(sorts=SORTS, default="-number")
    page = fetch_page(
        caller.session,
        wholesale_views.running_leases(caller.tenant),
        sort=listed.sort,
        cursor=listed.cursor,
        limit=listed.limit,
    )
    rents = wholesale_views.rents_of(caller.session, caller.tenant, leases=page.rows, day=today)
    with as_buyer(caller.session, caller.tenant) as (account, buyer):
        if account is None or buyer is None:
            return render_template("portal/wholesale/none.html")
        client = caller.session.get_one(Client, (account.partner_id, account.client_id))
        costs = wholesale_views.costs_of(
            caller.session,
            buyer,
            account=account,
            lease_ids=[lease.id for lease in page.rows],
            day=today,
        )
        books = price_queries.load_books(
            caller.session, buyer, levels=BUYING, day=today, name=account.book_name
        )
        invoices = wholesale_views.billed_to(caller.session, buyer)
        open_amounts = queries.open_amounts(caller.session, buyer, invoices=invoices)
    return render_template(
        "portal/wholesale/index.html",
        account=account,
        currency=client.currency,
        page=page,
        listed=listed,
        rows=wholesale_views.margins(page.rows, rents, costs, currency=client.currency),
        books=[book for book in books if book.currency == client.currency],
        invoices=invoices,
        states={row.id: queries.state_shown(row, today=today) for row in invoices},
        still_open=open_amounts,
        words=words,
    )


@blueprint.get("/invoices/<invoice_id>")
@requires("price.read")
def invoice_pdf(invoice_id: str) -> Response:
    """An invoice of the operator's to this partner; another's is not found."""
    caller = current_caller()
    with as_buyer(caller.session, caller.tenant) as (_account, buyer):
        if buyer is None:
            raise NotFound(f"There is no invoice {invoice_id}.")
        invoice = queries.get_invoice(caller.session, buyer, invoice_id=invoice_id)
        if invoice.pdf_file_id is None:
            raise NotReady(invoice.number)
        stored = get_file(caller.session, buyer, file_id=invoice.pdf_file_id)
    return download(stored.content, name=stored.name, media_type=stored.media_type, inline=True)

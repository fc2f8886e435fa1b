"""/purchase-needs: what leases lack, to be ordered, received and reserved."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from haas import clock
from haas.auth.caller import current_caller, requires
from haas.pages import downloads
from haas.pages.forms import read_form
from haas.pages.lists import read_list
from haas.rest.limits import EXPENSIVE, limiter
from haas.rest.paging import Sort, fetch_page
from leases.portal.doors import attempt_or_flash
from leases.quotes import purchasing
from leases.quotes.models import PurchaseNeed
from leases.quotes.schemas import OrderNeedRequest

blueprint = Blueprint("purchase_needs", __name__, url_prefix="/purchase-needs")

SORTS = {
    "needed": Sort(PurchaseNeed.needed_by, PurchaseNeed.id),
    "created": Sort(PurchaseNeed.created_at, PurchaseNeed.id),
}
EXPORTED_MOST = 5000


@blueprint.get("")
@requires("purchase.read")
def index() -> str:
    """What is to be bought, the soonest needed first."""
    caller = current_caller()
    listed = read_list(sorts=SORTS, default="needed", filters=("state",))
    state = listed.filters.get("state", "")
    page = fetch_page(
        caller.session,
        purchasing.list_needs(caller.tenant, states=(state,) if state else ()),
        sort=listed.sort,
        cursor=listed.cursor,
        limit=listed.limit,
    )
    counts = purchasing.count_needs(caller.session, caller.tenant)
    words = {
        "": _("All"),
        "open": _("To order"),
        "ordered": _("Ordered"),
        "received": _("In stock"),
        "cancelled": _("Cancelled"),
    }
    return render_template(
        "portal/quotes/needs.html",
        page=page,
        rows=purchasing.with_names(caller.session, caller.tenant, page.rows),
        listed=listed,
        state=state,
        tabs=[
            (key, word, counts.get(key, 0) if key else sum(counts.values())) for key, word in words.items()
        ],
    )


@blueprint.get("/export.csv")
@requires("purchase.read")
@limiter.limit(EXPENSIVE)
def export() -> Response:
    """The same as a table for whoever buys."""
    caller = current_caller()
    state = request.args.get("state", "")
    rows = caller.session.scalars(
        purchasing.list_needs(caller.tenant, states=(state,) if state else ())
        .order_by(PurchaseNeed.needed_by, PurchaseNeed.id)
        .limit(EXPORTED_MOST)
    ).all()
    needs = purchasing.with_names(caller.session, caller.tenant, rows)
    content = downloads.csv_bytes(header=purchasing.CSV_HEAD, rows=purchasing.csv_rows(needs))
    return downloads.download(content, name="purchase-needs.csv", media_type=downloads.CSV_TYPE)


@blueprint.post("/<need_id>/order")
@requires("purchase.manage")
def order(need_id: str) -> Any:
    """It was ordered."""
    caller = current_caller()
    form = read_form(OrderNeedRequest)
    reference = form.data["reference"] if form.data else ""
    if attempt_or_flash(
        lambda: purchasing.order(
            caller.session, caller.tenant, need_id=need_id, reference=reference, at=clock.now()
        )
    ):
        flash(_("Noted as ordered. It closes by itself when all of it is in stock."), "success")
    return redirect(url_for(".index"), 303)


@blueprint.post("/<need_id>/cancel")
@requires("purchase.manage")
def cancel(need_id: str) -> Any:
    """Nothing is bought for it."""
    caller = current_caller()
    if attempt_or_flash(
        lambda: purchasing.cancel(caller.session, caller.tenant, need_id=need_id, at=clock.now())
    ):
        flash(_("Nothing will be bought for it."), "success")
    return redirect(url_for(".index"), 303)


@blueprint.post("/<need_id>/reserve")
@requires("purchase.manage")
def reserve(need_id: str) -> Any:
    """Reserve for its lease what is ready on the shelf."""
    caller = current_caller()
    found: list[int] = []
    if attempt_or_flash(
        lambda: found.append(
            purchasing.reserve(caller.session, caller.tenant, need_id=need_id, at=clock.now())
        )
    ):
        flash(
            ngettext("%(num)s device reserved.", "%(num)s devices reserved.", found[0])
            if found[0]
            else _("Nothing of this model is ready on the shelf."),
            "success" if found[0] else "info",
        )
    return redirect(url_for(".index"), 303)

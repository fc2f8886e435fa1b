"""/assets/<id>/money: cost, book value and rent of an asset as of a movable date, and its conventions."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import format_date
from flask_babel import gettext as _

from devices.queries import get_asset
from haas import clock
from haas.auth.caller import current_caller, requires
from haas.pages.forms import blank_form, read_form
from leases import books
from leases.asset_money import AssetMoney, view_asset_money
from leases.forms import BookForm
from leases.portal import words
from leases.portal.doors import attempt, leases
from leases.portal.record import as_of_asked


@leases.get("/assets/<asset_id>/money")
@requires("depreciation.read")
def asset_money(asset_id: str) -> str:
    """The part of the asset's page; asked for by itself, a page of its own."""
    caller = current_caller()
    as_of = as_of_asked(clock.today(caller.partner.time_zone))
    money = view_asset_money(caller.session, caller.tenant, asset_id=asset_id, as_of=as_of)
    is_part = request.headers.get("HX-Request") == "true"
    return render_template(
        "portal/leases/asset_money_part.html" if is_part else "portal/leases/asset_money_page.html",
        asset=money.asset,
        money=money,
        chart=_chart(money),
        words=words,
    )


@leases.route("/assets/<asset_id>/book", methods=["GET", "POST"])
@requires("depreciation.manage")
def asset_book(asset_id: str) -> Any:
    """Keep the asset's book by other conventions."""
    caller = current_caller()
    asset = get_asset(caller.session, caller.tenant, asset_id=asset_id)
    book = books.get_book(caller.session, caller.tenant, asset_id=asset_id)
    names = tuple(BookForm().fields)
    form = (
        blank_form(**{name: _plain(getattr(book, name)) for name in names})
        if request.method == "GET"
        else read_form(BookForm)
    )
    if form.data is not None:
        wanted = form.data
        if attempt(
            form,
            lambda: books.change_conventions(caller.session, caller.tenant, asset_id=asset_id, **wanted),
        ):
            flash(_("The book is kept by these conventions from its first day."), "success")
            return redirect(url_for("assets.show", asset_id=asset_id, tab="money"), 303)
    page = render_template("portal/leases/book.html", asset=asset, book=book, form=form, words=words)
    return page, 200 if request.method == "GET" else 422


def _plain(value: Any) -> Any:
    """A decimal as a person types it: 150, not 150.000."""
    return f"{value.normalize():f}" if hasattr(value, "normalize") else value


def _chart(money: AssetMoney) -> dict[str, Any]:
    return {
        "labels": [format_date(point.month, "MMM yyyy") for point in money.months],
        "series": [
            {"label": _("Book value"), "values": [point.book_value for point in money.months]},
            {"label": _("Rent fallen due"), "values": [point.rent for point in money.months]},
        ],
        "money": True,
        "currency": money.currency,
    }

"""/assets/<id>/money: what an asset costs, earns and is worth as of a movable date, and its conventions."""

from __future__ import annotations

from typing import Any

from flask import flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _

from devices.models import Asset
from devices.queries import get_asset
from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.calendar import add_months
from haas.pages.forms import blank_form, read_form
from haas.rest.fields import FIRST_DAY, LAST_DAY
from leases import books
from leases.book_policies import FINANCIAL
from leases.book_records import records_of
from leases.forms import BookForm
from leases.portal import book_words, words
from leases.portal.asset_profit import profit_of_page
from leases.portal.book_view import books_of_page, costs_of_page
from leases.portal.doors import attempt, leases
from leases.portal.record import as_of_asked


@leases.get("/assets/<asset_id>/money")
@requires("asset.cost.read")
def asset_money(asset_id: str) -> Any:
    """The part of the asset's page that follows the date; asked for by itself, a page of its own."""
    caller = current_caller()
    asset = get_asset(caller.session, caller.tenant, asset_id=asset_id)
    if request.headers.get("HX-Request") != "true":
        return _render(caller, asset, "asset_money_page")
    answer = make_response(money_part(caller, asset))
    # The date is in the address of the page that the part stands in.
    answer.headers["HX-Push-Url"] = url_for(
        "assets.show", asset_id=asset_id, tab="money", as_of=request.args.get("as_of")
    )
    return answer


def money_part(caller: Caller, asset: Asset) -> str:
    """Profit, and for those who keep them the books, as of the movable date of the page's address."""
    return _render(caller, asset, "asset_money_part")


@leases.route("/assets/<asset_id>/book", methods=["GET", "POST"])
@requires("depreciation.manage")
def asset_book(asset_id: str) -> Any:
    """Keep the asset's book by other conventions."""
    caller = current_caller()
    asset = get_asset(caller.session, caller.tenant, asset_id=asset_id)
    name = request.args.get("book", FINANCIAL)
    book = books.get_book(caller.session, caller.tenant, asset_id=asset_id, name=name)
    names = tuple(BookForm().fields)
    form = (
        blank_form(**{name: getattr(book, name) for name in names})
        if request.method == "GET"
        else read_form(BookForm)
    )
    if form.data is not None:
        wanted = form.data
        if attempt(
            form,
            lambda: books.change_conventions(
                caller.session, caller.tenant, asset_id=asset_id, name=name, **wanted
            ),
        ):
            flash(_("The book is kept by these conventions from its first day."), "success")
            return redirect(url_for("assets.show", asset_id=asset_id, tab="money", book=name), 303)
    page = render_template(
        "portal/leases/book.html", asset=asset, book=book, form=form, words=words, book_words=book_words
    )
    return page, 200 if request.method == "GET" else 422


def _render(caller: Caller, asset: Asset, template: str) -> str:
    as_of = as_of_asked(clock.today(caller.partner.time_zone))
    records = records_of(caller.session, caller.tenant, asset_ids=[asset.id])
    financial = [record for record in records if record.book.name == FINANCIAL]
    return render_template(
        f"portal/leases/{template}.html",
        asset=asset,
        as_of=as_of,
        earlier=max(add_months(as_of, -1), FIRST_DAY),
        later=min(add_months(as_of, 1), LAST_DAY),
        words=words,
        book_words=book_words,
        **(books_of_page(caller, asset, records, as_of=as_of) if caller.may("depreciation.read") else {}),
        **costs_of_page(caller, asset),
        **profit_of_page(caller, asset_id=asset.id, as_of=as_of, records=financial),
    )

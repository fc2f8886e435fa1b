"""/profit: what the fleet earns, by model, kind, age, client, lease or asset; drilled down, and exported."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from flask import Blueprint, make_response, render_template, request, url_for
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from devices.portal import category_words
from haas import clock
from haas.auth.caller import current_caller, requires
from haas.calendar import add_months
from haas.documents import formatting
from haas.pages.downloads import Cell, table_download
from haas.rest.paging import read_limit
from leases.portal.record import as_of_asked
from leases.profit.league import COLUMNS, NO_KEY, Dimension, league, totals
from leases.profit.queries import SORTS, League, NamedRow, view_league
from leases.profit.reads import read_facts

blueprint = Blueprint("profit", __name__)

DIMENSIONS: dict[Dimension, Any] = {
    Dimension.MODEL: _l("Model"),
    Dimension.CATEGORY: _l("Kind"),
    Dimension.AGE: _l("Age"),
    Dimension.CLIENT: _l("Client"),
    Dimension.LEASE: _l("Lease"),
    Dimension.ASSET: _l("Asset"),
}
PERIODS: dict[str, Any] = {
    "": _l("Since each was bought"),
    "12m": _l("Last 12 months"),
    "year": _l("This calendar year"),
    "month": _l("This month"),
}
BARS_SHOWN = 10
CARD_PERIOD = "12m"
_CARD_SECONDS = 300  # going back and forth does not add the fleet up again
_DEFAULT_SORT = "-margin"


@blueprint.get("/profit")
@requires("asset.cost.read")
def index() -> Any:
    """The league, one page of it; with `format`, all of it as a table."""
    caller = current_caller()
    as_of = as_of_asked(clock.today(caller.partner.time_zone))
    asked = request.args.get("by", "")
    by = Dimension(asked) if asked in tuple(Dimension) else Dimension.MODEL
    sort = request.args.get("sort", "")
    if sort.removeprefix("-") not in SORTS:
        sort = _DEFAULT_SORT
    file_format = request.args.get("format")
    is_whole = file_format in ("csv", "xlsx")
    found = view_league(
        caller.session,
        caller.tenant,
        by=by,
        since=since_of(request.args.get("period", ""), as_of),
        as_of=as_of,
        only={each: value for each in Dimension if (value := request.args.get(each, "").strip())},
        sort=sort,
        cursor=None if is_whole else request.args.get("cursor"),
        limit=None if is_whole else read_limit(request.args.get("limit")),
    )
    if file_format in ("csv", "xlsx"):
        return _table("xlsx" if file_format == "xlsx" else "csv", found)
    return render_template(
        "portal/profit/index.html",
        league=found,
        sort=sort,
        tabs=[
            (word, _here(by=each, cursor=None, sort=None), each is by) for each, word in DIMENSIONS.items()
        ],
        dimension=DIMENSIONS[by],
        periods=[(key, word) for key, word in PERIODS.items() if key],
        chips=[
            (
                f"{DIMENSIONS[each]}: {_name(each, request.args[each], name)}",
                _here(**{each: None, "cursor": None}),
            )
            for each, name in found.only.items()
        ],
        kept=[(name, request.args[name]) for name in ("by", *Dimension) if request.args.get(name)],
        rows=[(each, *_shown(by, each), _link(by, each)) for each in found.page.rows],
        bars=_bars(by, found),
        exports={each: _here(format=each, cursor=None) for each in ("xlsx", "csv")},
    )


@blueprint.get("/profit/card")
@requires("asset.cost.read")
def card() -> Any:
    """The sums of the last twelve months: a part of the overview that comes when it is there.

    A whole fleet takes longer than a page may wait for, so the overview asks for this by itself.
    """
    caller = current_caller()
    as_of = clock.today(caller.partner.time_zone)
    facts = read_facts(caller.session, caller.tenant, as_of=as_of)
    rows = league(facts, by=Dimension.CATEGORY, since=since_of(CARD_PERIOD, as_of), as_of=as_of)
    answer = make_response(render_template("portal/profit/card.html", totals=totals(rows)))
    answer.headers["Cache-Control"] = f"private, max-age={_CARD_SECONDS}"
    return answer


def since_of(period: str, as_of: date) -> date | None:
    """The first day of a period that is named in the address; none for the whole life of each asset."""
    match period:
        case "12m":
            return add_months(as_of, -12) + timedelta(days=1)
        case "year":
            return as_of.replace(month=1, day=1)
        case "month":
            return as_of.replace(day=1)
        case _:
            return None


def _here(**changes: str | None) -> str:
    """This page with some of its query changed."""
    query: dict[str, Any] = {**request.args.to_dict(), **changes}
    return url_for("profit.index", **{name: value for name, value in query.items() if value})


def _link(by: Dimension, each: NamedRow) -> str:
    """What a row is made of: its assets, or the money of the one asset."""
    if by is Dimension.ASSET:
        as_of = request.args.get("as_of") or None
        return url_for("assets.show", asset_id=each.row.key, tab="money", as_of=as_of)
    return _here(by=Dimension.ASSET, cursor=None, sort=None, **{by: each.row.key})


def _shown(by: Dimension, each: NamedRow) -> tuple[str, str]:
    return _name(by, each.row.key, each.name), each.detail


def _name(by: Dimension, key: str, name: str) -> str:
    if by is Dimension.AGE:
        return str(_age(key))
    if by is Dimension.CATEGORY:
        return dict(category_words()).get(key, key)
    return str(_("In stock")) if key == NO_KEY else name or key


def _age(years: str) -> Any:
    if not years.isdigit():
        return _("Never in service")
    if years == "0":
        return _("Under a year")
    return _("%(least)s to %(most)s years", least=years, most=int(years) + 1)


def _bars(by: Dimension, found: League) -> list[tuple[str, Decimal, str, str, str]]:
    """The margin of the first rows, in the currency with the most cost; a loss in red."""
    if not found.totals:
        return []
    currency, language = found.totals[0].currency, str(get_locale() or "en")
    shown = [each for each in found.page.rows if each.row.currency == currency][:BARS_SHOWN]
    return [
        (
            _name(by, each.row.key, each.name),
            abs(each.row.margin),
            _link(by, each),
            "red" if each.row.margin < 0 else "brand",
            formatting.money(each.row.margin, currency, language=language),
        )
        for each in shown
    ]


def _table(file_format: Any, found: League) -> Any:
    days = [each.isoformat() for each in (found.since, found.as_of) if each]
    rows: list[list[Cell]] = [
        [
            *_shown(found.by, each),
            each.row.key,
            each.row.currency,
            *(getattr(each.row, name) for name in COLUMNS),
        ]
        for each in found.page.rows
    ]
    return table_download(
        file_format,
        name="-".join(["profit", found.by, *days]),
        header=[found.by, "detail", "id", "currency", *COLUMNS],
        rows=rows,
    )

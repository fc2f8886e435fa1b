"""The profit of an asset as its money page shows it: facts, a chart over its whole term, and the table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from flask_babel import format_date, get_locale
from flask_babel import gettext as _

from haas.auth.caller import Caller
from haas.calendar import end_of_month
from haas.documents import formatting
from haas.money import round_places
from leases.book_records import BookRecord
from leases.profit.asset import AssetProfit, MonthPoint, Sums
from leases.profit.queries import view_asset_profit, yields_of


def profit_of_page(
    caller: Caller, *, asset_id: str, as_of: date, records: Sequence[BookRecord] | None = None
) -> dict[str, Any]:
    """What the template of the profit needs. `records`: its books, where the page has read them."""
    profit = view_asset_profit(caller.session, caller.tenant, asset_id=asset_id, as_of=as_of, records=records)
    yields = yields_of(profit)
    return {
        "profit": profit,
        "yield_to_date": _percent(yields.to_date),
        "yield_to_end": _percent(yields.to_end),
        "payback": format_date(profit.payback, "MMM yyyy") if profit.payback else None,
        "margin_rows": _margin_rows(profit),
        "profit_chart": _chart(profit),
    }


def _margin_rows(profit: AssetProfit) -> list[tuple[str, Decimal, Decimal, Decimal]]:
    """What adds up to the margin: up to the date, ahead, by the end; without what is nothing throughout."""
    now, end = profit.to_date, profit.to_end
    rows = [
        (_("Rent borne by its days"), now.rent, end.rent),
        (_("Charged for damage and early return"), now.income, end.income),
        (_("Repairs and other costs"), 0 - now.costs, 0 - end.costs),
        (_("Cost"), 0 - now.cost, 0 - end.cost),
        (_("Proceeds of its disposal"), now.proceeds, end.proceeds),
        (_("Book value that is left"), now.value, end.value),
    ]
    shown = [(label, here, there - here, there) for label, here, there in rows if here or there]
    return [*shown, (_("Margin"), now.margin, end.margin - now.margin, end.margin)]


def _percent(rate: Decimal | None) -> Decimal | None:
    return None if rate is None else round_places(rate * 100, 1)


def _chart(profit: AssetProfit) -> dict[str, Any]:
    """Cash and margin by month: solid up to the date, dashed ahead; both lines meet at the date itself."""
    points: list[MonthPoint | Sums] = list(profit.months)
    now = end_of_month(profit.as_of)
    here = sum(1 for point in profit.months if point.month <= now) - 1
    if here >= 0:  # a month that has begun stands as it is on the date: what it still brings lies ahead
        points[here] = profit.to_date
    parts = [(_("Cash"), _cash, False), (_("Cash ahead"), _cash, True)]
    parts += [(_("Margin"), _margin, False), (_("Margin ahead"), _margin, True)]
    lies_ahead = here < len(points) - 1
    return {
        "marks": [{"x": here, "label": format_date(profit.as_of, "medium")}] if here >= 0 else [],
        "labels": [format_date(point.month, "MMM yyyy") for point in profit.months],
        "series": [
            _line(label, [pick(point) for point in points], here, profit.facts.currency, ahead=ahead)
            for label, pick, ahead in parts
            if lies_ahead or not ahead
        ],
        "money": True,
        "currency": profit.facts.currency,
    }


def _cash(point: MonthPoint | Sums) -> Decimal:
    return point.cash


def _margin(point: MonthPoint | Sums) -> Decimal:
    return point.margin


def _line(label: str, amounts: Sequence[Decimal], here: int, currency: str, *, ahead: bool) -> dict[str, Any]:
    values = [
        amount if (place >= here if ahead else place <= here) else None
        for place, amount in enumerate(amounts)
    ]
    language = str(get_locale() or "en")
    shown = ["–" if each is None else formatting.money(each, currency, language=language) for each in values]
    told: dict[str, Any] = {"label": label, "values": values, "shown": shown}
    return {**told, "ahead": True} if ahead else told

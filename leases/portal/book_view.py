"""The books of an asset as its money page shows them: side by side, a chart, the schedule, what happened."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from flask import request
from flask_babel import format_date, get_locale
from flask_babel import gettext as _

from devices.models import Asset
from haas.accounts.audit_log import actor_names
from haas.auth.caller import Caller
from haas.calendar import end_of_month
from haas.documents import formatting
from leases import books, costs
from leases.book_models import BookEventRow
from leases.book_records import BookRecord
from leases.books import BookView
from leases.depreciation.events import EventKind
from leases.ends.policy import EndPolicy
from leases.ends.policy import Method as BuyoutMethod
from leases.ends.values import Valued, buyout_price
from leases.portal.book_words import BOOKS

_MONTHS_MAX = 600


def books_of_page(
    caller: Caller, asset: Asset, records: Sequence[BookRecord], *, as_of: date
) -> dict[str, Any]:
    """What the template of the books needs. `view` is the book whose schedule is shown."""
    found = (books.view_record(record, as_of=as_of) for record in records)
    views = [view for view in found if view is not None]
    named = {view.book.name: view for view in views}
    view = named.get(request.args.get("book", "")) or (views[0] if views else None)
    events = sorted(
        ((row, record.book.name) for record in records for row in record.rows),
        key=lambda event: event[0].id,
        reverse=True,
    )
    actors = [row.actor for row, _name in events]
    names = actor_names(caller.session, caller.tenant, actors) if events else {}
    return {
        "views": views,
        "view": view,
        "books_chart": _chart(caller, asset, views, as_of) if views else None,
        "events": [_told(row, name, events, names, asset) for row, name in events],
        "recorded": _recordable(view),
    }


def costs_of_page(caller: Caller, asset: Asset) -> dict[str, Any]:
    """What was spent on it after it was bought."""
    return {"costs": costs.costs_of(caller.session, caller.tenant, asset_id=asset.id)}


def _recordable(view: BookView | None) -> list[str]:
    """Which events the book can bear as it stands."""
    if view is None:
        return []
    if view.book.disposed_on is not None:
        return [EventKind.REINSTATE]
    kinds = [EventKind.CAPITALISE, EventKind.ESTIMATE, EventKind.REVALUE, EventKind.IMPAIR]
    if any(move.kind == EventKind.IMPAIR for move in view.history.movements):
        kinds.append(EventKind.REVERSE_IMPAIRMENT)
    return [*kinds, EventKind.DISPOSE]


def _told(
    row: BookEventRow,
    book_name: str,
    events: Sequence[tuple[BookEventRow, str]],
    names: dict[str, str],
    asset: Asset,
) -> dict[str, Any]:
    is_gone = any(other.reverses_id == row.id for other, _name in events)
    return {
        "row": row,
        "book": BOOKS.get(book_name, book_name),
        "by": names.get(row.actor, ""),
        "amount": _amount(row, asset),
        "is_gone": is_gone,
        # Restated conventions are restated anew; a disposal is undone where the asset is moved.
        "may_reverse": not is_gone and row.kind not in (EventKind.REVERSE, EventKind.RESTATE),
    }


def _amount(row: BookEventRow, asset: Asset) -> str:
    language = str(get_locale() or "en")
    for name in ("amount", "book_value", "cost", "proceeds"):
        if row.figures.get(name) is not None:
            return formatting.money(Decimal(row.figures[name]), asset.currency, language=language)
    if row.figures.get("useful_life_months") is not None:
        return str(_("%(months)s months", months=row.figures["useful_life_months"]))
    return ""


def _chart(caller: Caller, asset: Asset, views: Sequence[BookView], as_of: date) -> dict[str, Any]:
    """Book value by book at each month's end, and the price at which the client could buy it then."""
    months = _months(views)
    series = [
        _line(
            str(BOOKS.get(view.book.name, view.book.name)), [view.history.value_on(m) for m in months], asset
        )
        for view in views
    ]
    policy = EndPolicy.of_policies(caller.partner.policies)
    if policy.buyout_method != BuyoutMethod.APPRAISAL:
        financial = views[0].history
        prices = [
            buyout_price(
                Valued(
                    cost=asset.cost,
                    currency=asset.currency,
                    in_service_on=asset.in_service_on,
                    grade=asset.grade,
                    book_value=financial.value_on(month),
                ),
                as_of=month,
                policy=policy,
            ).amount
            for month in months
        ]
        series.append(_line(_("Buyout price"), prices, asset))
    here = [place for place, month in enumerate(months) if month == end_of_month(as_of)]
    return {
        "marks": [{"x": place, "label": format_date(as_of, "medium")} for place in here],
        "labels": [format_date(month, "MMM yyyy") for month in months],
        "series": series,
        "money": True,
        "currency": asset.currency,
    }


def _months(views: Sequence[BookView]) -> list[date]:
    first = min(view.history.movements[0].on for view in views)
    lasts = [view.entries[-1].month for view in views if view.entries]
    month, last = end_of_month(first), max([end_of_month(first), *lasts])
    months: list[date] = []
    while month <= last and len(months) < _MONTHS_MAX:
        months.append(month)
        month = end_of_month(month, 1)
    return months


def _line(label: str, amounts: Sequence[Decimal], asset: Asset) -> dict[str, Any]:
    language = str(get_locale() or "en")
    shown = [formatting.money(amount, asset.currency, language=language) for amount in amounts]
    return {"label": label, "values": list(amounts), "shown": shown}

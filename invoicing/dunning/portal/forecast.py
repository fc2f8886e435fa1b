"""/money/forecast: what is to come in by week or month, from whom and why; and how long money stayed out."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import Blueprint, Response, render_template, request, url_for
from flask_babel import format_date
from flask_babel import gettext as _

from haas import clock
from haas.auth.caller import current_caller, requires
from haas.money import round_minor
from haas.pages.downloads import table_download
from invoicing.dunning.forecast import WEEKS_LEAST, WEEKS_MOST
from invoicing.dunning.forecast_schemas import ForecastAsked
from invoicing.dunning.forecasting import Outlook, currencies_of, outlook
from invoicing.dunning.portal.words import dso_words, why_words
from leases.summaries import client_choices

blueprint = Blueprint("cash_forecast", __name__, url_prefix="/money/forecast")

HORIZONS = (WEEKS_LEAST, 8, WEEKS_MOST)  # beside the quarter that is shown unasked


@blueprint.get("")
@requires("dunning.read")
def show() -> Any:
    """As a chart, tables and a file. What is asked wrongly is left out, as on every page with filters."""
    caller = current_caller()
    currencies = currencies_of(caller.session, caller.tenant, own=caller.partner.currency)
    asked = _asked(currencies)
    today = clock.today(caller.partner.time_zone)
    found = outlook(caller.session, caller.tenant, today=today, **asked)
    if request.args.get("format") == "csv":
        return _download(found)
    clients = client_choices(caller.session, caller.tenant)
    return render_template(
        "portal/dunning/forecast.html",
        found=found,
        forecast=found.forecast,
        asked=asked,
        today=today,
        currencies=[(currency, currency) for currency in currencies],
        clients=clients,
        names=dict(clients),
        horizons=[(str(weeks), _("%(weeks)d weeks", weeks=weeks)) for weeks in HORIZONS],
        spans=[("month", _("By month"))],
        methods=dso_words(),
        whys=why_words(),
        chart=_chart(found),
        dso_chart=_dso_chart(found),
        csv=url_for(".show", format="csv", **{name: value for name, value in asked.items() if value}),
    )


def _asked(currencies: list[str]) -> dict[str, Any]:
    given = {name: value for name, value in request.args.items() if value and name in ForecastAsked().fields}
    try:
        asked: dict[str, Any] = ForecastAsked().load(given)
    except ma.ValidationError as wrong:
        right = {name: value for name, value in given.items() if name not in wrong.messages_dict}
        asked = ForecastAsked().load(right)
    if asked.get("currency") not in currencies:
        asked["currency"] = currencies[0]
    return asked


def _download(found: Outlook) -> Response:
    forecast = found.forecast
    return table_download(
        "csv",
        name=f"cash-forecast-{forecast.start.isoformat()}",
        header=[forecast.span, "currency", "best", "expected"],
        rows=[
            [
                row.start,
                forecast.currency,
                round_minor(row.best, forecast.currency),
                round_minor(row.expected, forecast.currency),
            ]
            for row in forecast.buckets
        ],
    )


def _chart(found: Outlook) -> dict[str, Any]:
    buckets = found.forecast.buckets
    form = "MMM y" if found.forecast.span == "month" else "d MMM"
    return {
        "labels": [format_date(row.start, form) for row in buckets],
        "series": [
            {"label": _("As expected"), "values": [row.expected for row in buckets]},
            {"label": _("At best"), "values": [row.best for row in buckets], "ahead": True},
        ],
        "money": True,
        "currency": found.forecast.currency,
    }


def _dso_chart(found: Outlook) -> dict[str, Any]:
    return {
        "labels": [format_date(month.start, "MMM y") for month, _days in found.months],
        "series": [{"label": dso_words()[found.method], "values": [days for _month, days in found.months]}],
        "unit": _("days"),
    }

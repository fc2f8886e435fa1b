"""REST: /v1/cash-forecast."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from haas import clock
from haas.accounts.checks import check_currency
from haas.auth.caller import current_caller, requires
from invoicing.dunning.forecast_schemas import Answer, ForecastAsked, ForecastResource
from invoicing.dunning.forecasting import Outlook, outlook

forecast_api = Blueprint(
    "cash_forecast_api", __name__, url_prefix="/v1/cash-forecast", description="Money that is to come in"
)


@forecast_api.get("")
@requires("dunning.read")
@forecast_api.arguments(ForecastAsked, location="query")
@forecast_api.response(200, ForecastResource)
def get_forecast(asked: dict[str, Any]) -> Answer:
    """Open invoices as each client uses to pay, promises, debits under way, and rent that is agreed."""
    caller = current_caller()
    currency = check_currency(asked.pop("currency", None) or caller.partner.currency)
    today = clock.today(caller.partner.time_zone)
    return _told(outlook(caller.session, caller.tenant, today=today, currency=currency, **asked))


def _told(found: Outlook) -> Answer:
    forecast = found.forecast
    buckets = forecast.buckets
    return {
        "currency": forecast.currency,
        "span": forecast.span,
        "start": forecast.start,
        "until": forecast.until,
        "best": sum(row.best for row in buckets),
        "expected": sum(row.expected for row in buckets),
        "disputed": forecast.disputed,
        "is_taxed": forecast.is_taxed,
        "buckets": buckets,
        "parts": [
            {"why": why, "best": best, "expected": expected}
            for why, (best, expected) in forecast.by_why.items()
        ],
        "clients": [
            {"client_id": client, "best": best, "expected": expected}
            for client, best, expected in forecast.by_client
        ],
        "dso_method": found.method.value,
        "dso_months": found.over_months,
        "history": [
            {
                "start": month.start,
                "billed": month.billed,
                "open": month.open,
                "dso_days": days,
                "fell_due": month.fell_due,
                "paid": month.paid,
                "collected_pct": month.collected_pct,
            }
            for month, days in found.months
        ],
    }

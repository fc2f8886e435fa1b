"""REST: /v1/exchange-rates."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from haas import clock
from haas.auth.caller import current_caller, requires
from haas.errors import TooLarge
from haas.rest.limits import EXPENSIVE, limiter
from haas.rest.openapi import page_of
from haas.rest.paging import Sort, fetch_page
from invoicing.money import rates
from invoicing.money.models import ExchangeRate
from invoicing.money.rate_files import BYTES_MAX
from invoicing.money.rate_reader import read_limited
from invoicing.money.rate_rules import DayRate
from invoicing.money.rate_schemas import (
    RateRequest,
    RateResource,
    RatesImported,
    RatesListed,
    RatesSince,
    RatesUpload,
)

exchange_rates_api = Blueprint(
    "exchange_rates_api", __name__, url_prefix="/v1/exchange-rates", description="Exchange rates by day"
)
NEWEST = Sort(ExchangeRate.day, ExchangeRate.id, descending=True)


@exchange_rates_api.get("")
@requires("tax.manage")
@exchange_rates_api.arguments(RatesListed, location="query")
@exchange_rates_api.response(200, page_of(RateResource))
def list_rates(query: dict[str, Any]) -> dict[str, Any]:
    """Rates on file, the newest day first."""
    caller = current_caller()
    page = fetch_page(
        caller.session,
        rates.list_rates(caller.tenant, base=query.get("base"), quote=query.get("quote")),
        sort=NEWEST,
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    return {"items": page.rows, "next": page.older}


@exchange_rates_api.post("")
@requires("tax.manage")
@exchange_rates_api.arguments(RateRequest)
@exchange_rates_api.response(201, RatesImported)
def add_rate(rate: dict[str, Any]) -> dict[str, Any]:
    """Put one rate on file. It is never changed; the same again changes nothing."""
    caller = current_caller()
    new = rates.add_rates(
        caller.session, caller.tenant, rows=[DayRate(**rate)], source="manual", at=clock.now()
    )
    return {"rows": 1, "new": new}


@exchange_rates_api.post("/import")
@requires("tax.manage")
@limiter.limit(EXPENSIVE)
@exchange_rates_api.arguments(RatesSince, location="query")
@exchange_rates_api.arguments(RatesUpload, location="files")
@exchange_rates_api.response(201, RatesImported)
def import_rates(query: dict[str, Any], files: dict[str, Any]) -> dict[str, Any]:
    """Bring a file of rates in, or what of it is of a day or later: all of that or nothing."""
    caller = current_caller()
    content = files["file"].read(BYTES_MAX + 1)
    if len(content) > BYTES_MAX:
        raise TooLarge(f"The file is larger than {BYTES_MAX >> 20} MB: split it.", field="file")
    found = read_limited(content, since=query.get("since"))
    new = rates.add_rates(caller.session, caller.tenant, rows=found.rows, source=found.source, at=clock.now())
    return {"rows": len(found.rows), "new": new}

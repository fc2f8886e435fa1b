"""What of a quote each caller is shown: the client its offer, the partner also how it was written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from haas.auth.caller import Caller
from leases.quotes import drafting
from leases.quotes.models import Quote
from leases.quotes.offers import Drafted
from leases.quotes.papers import frozen
from leases.quotes.schemas import QuoteResource

_OWN_COLUMNS = tuple(QuoteResource._declared_fields)
_OPTION = ("id", "position", *drafting.TERMS)


def shape_quote(caller: Caller, quote: Quote, drafted: Sequence[Drafted]) -> dict[str, Any]:
    """The quote for this caller. A client's own people get no row that was written, only what was sent."""
    shaped: dict[str, Any] = {name: getattr(quote, name) for name in _OWN_COLUMNS}
    shaped["offer"] = frozen(quote).options if quote.document is not None else ()
    shaped["options"] = [] if caller.tenant.client_id else [_option(each) for each in drafted]
    return shaped


def _option(each: Drafted) -> dict[str, Any]:
    found = each.assessment
    return {
        **{name: getattr(each.option, name) for name in _OPTION},
        "rent": each.priced.rent,
        "monthly": each.priced.monthly,
        "one_off": each.priced.one_off,
        "total": each.priced.total,
        "lines": each.lines,
        "assessment": {
            "margin": found.margin,
            "nominal": found.yields.nominal if found.yields else None,
            "effective": found.yields.effective if found.yields else None,
            "is_nominal": found.is_nominal,
            "classes": found.classes,
        },
    }

"""Adapters for short rentals, and for subscriptions that count use by the period."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from haas.calendar import Cycle, Period
from leases.finance.rental import DurationPrice, consumption, days_kept, price_per_day, rental_total
from tests.ground_truth.inputs import Adapter, Answer, Inputs, Unsupported, exact

CURRENCY = "EUR"  # the cases of this area round to cents and name no currency


def rental_price_tier(inputs: Inputs) -> Answer:
    """The longest price that the rental reaches, pro rata a day."""
    days = inputs.whole("days")
    prices = [DurationPrice(days=_days(tier), price=Decimal(tier["price"])) for tier in inputs["price_tiers"]]
    per_day = price_per_day(prices, days=days)
    total = rental_total(
        per_day,
        quantity=inputs.number("quantity", 1),
        days=days,
        tax_rate=inputs.number("tax", 0),
        currency=CURRENCY,
    )
    return {"unit_price_per_day": per_day, "untaxed": total.net, "tax": total.tax, "total": total.total}


def _days(tier: dict[str, object]) -> int:
    for name, length in (("days", 1), ("weeks", 7)):
        if tier.get(name) is not None:
            return int(exact(tier[name])) * length
    raise Unsupported(f"a duration in {', '.join(tier)}")


def rental_early_return(inputs: Inputs) -> Answer:
    """Only the days kept are owed."""
    planned = inputs.whole("planned_days")
    if inputs.get("returned_after_days") is not None:
        kept = min(planned, inputs.whole("returned_after_days"))
    else:
        kept = max(0, planned - inputs.whole("returned_days_early", 0))
    if inputs.get("start") is not None and inputs.get("returned_on") is not None:
        start = inputs.day("start")
        kept = days_kept(
            Period(start, date.fromordinal(start.toordinal() + planned)),
            returned_on=inputs.day("returned_on"),
        )
    per_day, tax = inputs.number("unit_price_per_day"), inputs.number("tax", 0)
    quantity = inputs.number("quantity", 1)
    early = inputs.number("returned_quantity", quantity)
    # Pieces times days: some may come back before the others.
    piece_days = early * kept + (quantity - early) * planned
    total = rental_total(per_day, quantity=piece_days, days=1, tax_rate=tax, currency=CURRENCY)
    whole = rental_total(per_day, quantity=quantity, days=planned, tax_rate=tax, currency=CURRENCY)
    return {
        "days": kept,
        "untaxed": total.net,
        "tax": total.tax,
        "total": total.total,
        "planned_total": whole.total,
        "credit": whole.total - total.total,
    }


_CYCLES = {
    "daily": {"days": 1},
    "weekly": {"days": 7},
    "biweekly": {"days": 14},
    "monthly": {"months": 1},
    "quarterly": {"months": 3},
    "yearly": {"months": 12},
}


def _cycle(anchor: date, name: str) -> Cycle:
    if name not in _CYCLES:
        raise Unsupported(f"no period {name!r}")
    return Cycle(anchor, **_CYCLES[name])


def subscription_consumption(inputs: Inputs) -> Answer:
    """Use by the period; what began before the invoice's day is on it."""
    start = inputs.day("start")
    used = consumption(
        _cycle(start, str(inputs.get("consumption", "daily"))),
        start=start,
        through=inputs.day("through"),
        quantity=inputs.number("quantity", 1),
        unit_price=inputs.number("unit_price"),
        currency=CURRENCY,
    )
    invoice_start = inputs.day_or_none("invoice_start") or start
    invoices = _cycle(invoice_start, str(inputs.get("invoice", "monthly")))
    return {
        "consumption_lines": len(used.lines),
        "invoiced_quantity": used.quantity,
        "amount": used.amount,
        "next_consumption": used.next_on,
        "next_invoice": invoices.next_boundary(invoice_start),
    }


ADAPTERS: dict[str, Adapter] = {
    "rental_early_return": rental_early_return,
    "rental_price_tier": rental_price_tier,
    "subscription_consumption": subscription_consumption,
}

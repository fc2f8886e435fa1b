"""Adapters for billing cycles, proration and invoice totals."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from haas.calendar import ONE_DAY, Cycle, Period, local_day, week_cycle
from haas.money import round_minor
from invoicing.periods import (
    INTERVALS,
    BillingInterval,
    billing_interval,
    cycle_on_day,
    cycles_by_first_length,
    cycles_due,
)
from invoicing.totals import AllowanceCharge, InvoiceTotals, PricedLine, invoice_totals
from leases.proration import price_change, prorate, return_credit
from leases.terms import Proration, Timing
from tests.ground_truth.compare import Keyed, Optional
from tests.ground_truth.inputs import Adapter, Answer, Inputs, Unsupported

CURRENCY = "EUR"  # the cases of this area round to cents and name no currency
PERIOD_NAMES = {
    "day": "daily",
    "week": "weekly",
    "month": "monthly",
    "quarter": "quarterly",
    "year": "annual",
}
CALENDAR_MONTHS = {"month": 1, "quarter": 3, "half-year": 6, "year": 12}
RULES = {"30-day month": Proration.THIRTY_DAY, "actual days": Proration.ACTUAL_PERIOD}


def _interval(name: str) -> BillingInterval:
    name = PERIOD_NAMES.get(name.lower(), name.lower())
    if name not in INTERVALS:
        raise Unsupported(f"no billing period {name!r}")
    return billing_interval(name)


def billing_cycles_in_advance(inputs: Inputs) -> Answer:
    """Periods billed in advance up to a target date, as an exact fraction."""
    start = inputs.day("start")
    cycle = cycle_on_day(start, _interval(inputs["period"]), day=inputs.whole("bcd"))
    due = cycles_due(cycle, start=start, end=inputs.day_or_none("end"), as_of=inputs.day("target"))
    return {"expected_cycles": due}


def prorated_cycles(inputs: Inputs) -> Answer:
    """The same with a stated timing; or what trails the last boundary by the length of one period."""
    interval = _interval(inputs["period"])
    if "last_bcd" in inputs:
        cycles = cycles_by_first_length(inputs.day("last_bcd"), inputs.day("end"), interval)
        return {"cycles": cycles, "as_fraction": cycles}
    start = inputs.day("start")
    cycles = cycles_due(
        cycle_on_day(start, interval, day=inputs.whole("bill_cycle_day")),
        start=start,
        end=inputs.day_or_none("end"),
        as_of=inputs.day("target"),
        timing=Timing.ADVANCE if inputs.get("in_advance", True) else Timing.ARREARS,
    )
    return {"cycles": cycles, "as_fraction": cycles}


def _calendar_cycle(name: str, day: date) -> Cycle:
    words = name.lower().split()
    if words[:2] == ["calendar", "week"] and words[2:] in ([], ["mon-sun"]):
        return week_cycle(day)
    if words[:2] == ["calendar", "week"] and words[2:] == ["sun-sat"]:
        return week_cycle(day, first_weekday=6)
    if words[:1] == ["calendar"] and words[1:] and words[1] in CALENDAR_MONTHS:
        return Cycle(date(day.year, 1, 1), months=CALENDAR_MONTHS[words[1]])
    raise Unsupported(f"no period {name!r}")


def _first_of(inputs: Inputs, *names: str) -> str:
    for name in names:
        if inputs.get(name) is not None:
            return name
    raise Unsupported(f"none of {', '.join(names)} is given")


def _prorated(amount: Fraction, cycle: Cycle, start: date, end: date | None) -> Answer:
    """Bill start..end (exclusive; to the end of the period if open), each period by its own days."""
    end = cycle.containing(start).end if end is None else end
    parts = list(cycle.cut(start, end))
    total = round_minor(amount * sum((prorate(*part).fraction for part in parts), Fraction(0)), CURRENCY)
    return {
        "days": sum(part.days for part, _ in parts),
        "period_days": cycle.containing(start).days,
        "amount": total,
        "cents": total * 100,
    }


def _period_price(inputs: Inputs) -> Fraction:
    name = _first_of(inputs, "amount_cents", "amount", "fee")
    return inputs.number(name) / (100 if name == "amount_cents" else 1)


def prorated_invoice(inputs: Inputs) -> Answer:
    """An invoice for part of a period: from a start (after a trial) to the period's end or a last day."""
    start = inputs.day(_first_of(inputs, "started", "subscribed", "start"))
    start += inputs.whole("trial_days", 0) * ONE_DAY
    if "anchor" in inputs:
        cycle = Cycle(inputs.day("anchor"), months=inputs.whole("interval_months"))
    else:
        cycle = _calendar_cycle(inputs["period"], start)
    last = inputs.day_or_none("terminated") or inputs.day_or_none("end")
    return _prorated(_period_price(inputs), cycle, start, None if last is None else last + ONE_DAY)


def prorated_invoice_timezone(inputs: Inputs) -> Answer:
    """The billing day is the customer's local day."""
    start = local_day(datetime.fromisoformat(inputs["subscribed_at"]), inputs["customer_timezone"])
    return _prorated(_period_price(inputs), _calendar_cycle(inputs["period"], start), start, None)


def returned(inputs: Inputs) -> Answer:
    """What is owed and credited of a billed month; by months of 30 days unless a basis is given."""
    first, last = (date.fromisoformat(day) for day in str(inputs["billed"]).split(".."))
    basis = str(inputs.get("basis", "30-day month"))
    if basis not in RULES:
        raise Unsupported(f"no basis {basis!r}")
    month = Cycle(first.replace(day=1), months=1).containing(first)
    billed = Period(first, last + ONE_DAY)
    answer = return_credit(
        billed,
        returned_on=inputs.day("returned"),
        amount=inputs.amount("fee"),
        whole=month if billed.end <= month.end else billed,
        rule=RULES[basis],
        currency=CURRENCY,
    )
    return {"owed": answer.owed, "credit": answer.credit, "basis": basis}


def upgrade_proration(inputs: Inputs) -> Answer:
    """The two lines of a change during a period."""
    change = price_change(
        old=inputs.number("old"),
        new=inputs.number("new"),
        elapsed=inputs.number("elapsed_fraction"),
        currency=CURRENCY,
    )
    return {"credit": change.credit, "debit": change.debit, "net": change.net}


def _allowances(
    rows: list[dict[str, Any]], category: str | None = None, rate: Any = None
) -> list[AllowanceCharge]:
    return [
        AllowanceCharge(
            is_charge=bool(row["charge"]),
            amount=Decimal(row["amount"]),
            vat_category=row.get("vat_cat", category) or "O",
            vat_rate_pct=_rate(row.get("vat_rate", rate)),
        )
        for row in rows
    ]


def _rate(value: Any) -> Decimal | None:
    return None if value is None else Decimal(value)


def _priced(row: dict[str, Any]) -> PricedLine:
    return PricedLine(
        quantity=Decimal(row["qty"]),
        price=Decimal(row["price"]),
        base_quantity=Decimal(row.get("base_qty") or 1),
        vat_category=row["vat_cat"],
        vat_rate_pct=_rate(row["vat_rate"]),
        allowances=tuple(_allowances(row.get("allowance_charges") or [], row["vat_cat"], row["vat_rate"])),
    )


def totals(inputs: Inputs) -> Answer:
    """Every total of an EN 16931 invoice. An optional amount that is zero may be absent."""
    answer: InvoiceTotals = invoice_totals(
        [_priced(row) for row in inputs["lines"]],
        currency=inputs["currency"],
        allowances=_allowances(inputs.get("doc_allowance_charges") or []),
        prepaid=inputs.amount("prepaid", 0),
        rounding=inputs.amount("rounding", 0),
    )
    groups = [
        {"cat": group.category, "rate": group.rate_pct, "basis": group.basis, "tax": group.tax}
        for group in answer.vat
    ]
    return {
        "line_nets": answer.line_nets,
        "vat": Keyed(groups, keys=("cat", "rate")),
        "tax_total": answer.tax_total,
        "totals": {
            "line_total": answer.line_total,
            "allowance_total": Optional(answer.allowance_total),
            "charge_total": Optional(answer.charge_total),
            "tax_exclusive": answer.tax_exclusive,
            "tax_inclusive": answer.tax_inclusive,
            "prepaid": Optional(answer.prepaid),
            "rounding": Optional(answer.rounding),
            "payable": answer.payable,
        },
    }


ADAPTERS: dict[str, Adapter] = {
    "billing_cycles_in_advance": billing_cycles_in_advance,
    "invoice_totals": totals,
    "prorated_cycles": prorated_cycles,
    "prorated_invoice": prorated_invoice,
    "prorated_invoice_timezone": prorated_invoice_timezone,
    "return_credit": returned,
    "upgrade_proration": upgrade_proration,
}

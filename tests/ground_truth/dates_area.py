"""Adapters for dates, day counts and anchored periods."""

from __future__ import annotations

from fractions import Fraction

from haas.calendar import ONE_DAY, Cycle, add_months, anchored_cycle, end_of_month, overlaps, term_end
from invoicing.periods import (
    INTERVALS,
    Alignment,
    BillingInterval,
    billing_interval,
    cycle_from,
    cycle_on_day,
    cycles_due,
    first_billing_date,
    invoice_date,
    next_billing_dates,
)
from leases.daycount import ALIASES, DAY_COUNTS, days_between, days_without_leap, year_fraction
from leases.terms import Timing
from tests.ground_truth.inputs import Adapter, Answer, Inputs, Unsupported

TIMINGS = {"pre-paid": Timing.ADVANCE, "post-paid": Timing.ARREARS}


def _rule(inputs: Inputs) -> tuple[BillingInterval, Alignment]:
    name = str(inputs["rule"])
    alignment = Alignment.MONTH_END if name.endswith("lastday") else Alignment.ANNIVERSARY
    name = name.removesuffix("lastday")
    if name not in INTERVALS:
        raise Unsupported(f"no billing rule {inputs['rule']!r}")
    return billing_interval(name, inputs.whole("interval", 1)), alignment


def add_months_clamped(inputs: Inputs) -> Answer:
    """EDATE."""
    return {"date": add_months(inputs.day("date"), inputs.whole("months"))}


def month_end(inputs: Inputs) -> Answer:
    """EOMONTH."""
    return {"date": end_of_month(inputs.day("date"), inputs.whole("months", 0))}


def billing_dates(inputs: Inputs) -> Answer:
    """Dates so many months after an anchor."""
    return {"dates": next_billing_dates(inputs.day("anchor"), [int(count) for count in inputs["months"]])}


def billing_periods(inputs: Inputs) -> Answer:
    """Periods from a start to a last day, inclusive as people read them."""
    interval, alignment = _rule(inputs)
    start = inputs.day("start")
    cycle = cycle_from(start, interval, alignment=alignment)
    parts = [part for part, _ in cycle.cut(start, inputs.day("end") + ONE_DAY)]
    return {"periods": [[part.start, part.last_day] for part in parts]}


def day_count_days(inputs: Inputs) -> Answer:
    """Days under every convention we know."""
    start, end = inputs.day("start"), inputs.day("end")
    return {name: days_between(start, end, name) for name in [*DAY_COUNTS, *ALIASES]}


def year_fractions(inputs: Inputs) -> Answer:
    """The year fraction under every convention we know."""
    start, end = inputs.day("start"), inputs.day("end")
    return {name: year_fraction(start, end, name) for name in [*DAY_COUNTS, *ALIASES]}


def days_365_no_leap(inputs: Inputs) -> Answer:
    """Half-open days in years of 365."""
    return {"days": days_without_leap(inputs.day("start"), inputs.day("end"), counts="start")}


def first_billing(inputs: Inputs) -> Answer:
    """The first bill cycle day, for every length of period."""
    start, day = inputs.day("start"), inputs.whole("bill_cycle_day")
    return {name: first_billing_date(start, interval, day=day) for name, interval in INTERVALS.items()}


def next_billing(inputs: Inputs) -> Answer:
    """Where the period that has the start ends."""
    interval = billing_interval(str(inputs.get("period", "monthly")))
    cycle = cycle_on_day(inputs.day("start"), interval, day=inputs.whole("bill_cycle_day"))
    return {"period_end": cycle.next_boundary(inputs.day("start"))}


def next_invoice_date(inputs: Inputs) -> Answer:
    """When the next period is invoiced."""
    interval, alignment = _rule(inputs)
    timing = TIMINGS.get(inputs["timing"])
    if timing is None:
        raise Unsupported(f"no timing {inputs['timing']!r}")
    day = invoice_date(
        inputs.day("period_start"),
        interval,
        timing=timing,
        alignment=alignment,
        until=inputs.day_or_none("max_date_end"),
        offset_days=None if inputs.get("offset") is None else inputs.whole("offset"),
    )
    return {"invoice_date": day}


def period_containing_date(inputs: Inputs) -> Answer:
    """The anchored period that has a day."""
    period = Cycle(inputs.day("anchor"), months=inputs.whole("interval_months")).containing(
        inputs.day("date")
    )
    return {"period_start": period.start, "period_end": period.last_day}


def whole_periods(inputs: Inputs) -> Answer:
    """How many whole periods are due in advance by a date."""
    start = inputs.day("start")
    cycle = anchored_cycle(start, day=inputs.whole("bill_cycle_day"), months=1)
    first = cycle.boundary(0)
    due = cycles_due(cycle, start=first, end=None, as_of=inputs.day("target"))
    return {"whole_periods_in_advance": due if first <= inputs.day("target") else Fraction(0)}


def invariant(inputs: Inputs) -> Answer:
    """Periods meet without overlapping; an asset is on one line at a time."""
    if "line1" in inputs:
        first, second = Inputs(inputs["line1"]), Inputs(inputs["line2"])
        clash = first["lot"] == second["lot"] and overlaps(
            first.day("start"), first.day_or_none("end"), second.day("start"), second.day_or_none("end")
        )
        return {"accepted": not clash, "error": "ValidationError (overlap)" if clash else None}
    cycle = Cycle(inputs.day("anchor"), months=inputs.whole("interval_months"))
    closing, opening = cycle.period(0), cycle.period(1)
    return {"closing_end": closing.last_day, "opening_start": opening.start}


def lease_end_date(inputs: Inputs) -> Answer:
    """The last day of a term."""
    return {"end": term_end(inputs.day("start"), inputs.whole("term_months"))}


ADAPTERS: dict[str, Adapter] = {
    "add_months_clamped": add_months_clamped,
    "billing_dates": billing_dates,
    "billing_periods": billing_periods,
    "day_count_days": day_count_days,
    "days_365_no_leap": days_365_no_leap,
    "end_of_month": month_end,
    "first_billing_date": first_billing,
    "invariant": invariant,
    "lease_end_date": lease_end_date,
    "next_billing_date": next_billing,
    "next_invoice_date": next_invoice_date,
    "period_containing_date": period_containing_date,
    "whole_periods": whole_periods,
    "year_fraction": year_fractions,
}

"""Adapters for what happens to an asset's book: whole schedules, revaluation, split, disposal."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate

from haas.money import allocate
from leases.depreciation import gain_on_disposal
from leases.depreciation.methods import remaining_straight_line, straight_line_charge
from leases.depreciation.periods import (
    LifeEnd,
    PeriodMethod,
    PeriodTerms,
    RateOf,
    Weight,
    declining_rate,
    period_ends,
    period_schedule,
    rate_to_residual,
)
from leases.depreciation.spread import rounded_straight_line
from tests.ground_truth.compare import Quoted
from tests.ground_truth.inputs import Adapter, Answer, Inputs, Unsupported

CURRENCY = "EUR"  # the cases of this area round to cents and name no currency


# The source's own fixture: what its cases do not say is an asset put in service with the year.
FIXTURE_IN_SERVICE = date(2030, 1, 1)
METHODS = {
    "SL": PeriodMethod.STRAIGHT_LINE,
    "WDV": PeriodMethod.REDUCING_BALANCE,
    "DDB": PeriodMethod.REDUCING_BALANCE,
    "SYD": PeriodMethod.SUM_OF_DIGITS,
}
YEAR_BASES = {
    "days in depreciation year": Weight.YEAR_DAYS,
    "total days": Weight.LIFE_DAYS,
    "total days of life": Weight.LIFE_DAYS,
}
PERIOD_INPUTS = {
    *("cost", "salvage", "method", "daily_prorata", "year_basis", "in_service", "first_schedule_date"),
    *("periods", "months_per_period", "booked", "opening_accumulated", "increase_in_life_months"),
    *("rate_percent", "rate_percent_rounded", "derived_rate_percent", "rate_places", "factor"),
    *("fiscal_year_end", "disposal_date", "repair_cost"),
}


# Other sources' words for the same inputs.
SYNONYMS = {"value": "cost", "residual": "salvage", "start": "in_service", "in_use": "in_service"}


def depreciation_schedule(inputs: Inputs) -> Answer:
    """Whole months alone, or a life of periods with dates and conventions."""
    named = Inputs({SYNONYMS.get(name, name): value for name, value in inputs.items()})
    return _months_alone(named) if "months" in named else _dated_schedule(named)


def _months_alone(inputs: Inputs) -> Answer:
    """A straight line over so many whole months, the last taking the rounding difference."""
    unknown = set(inputs) - {"cost", "salvage", "months"}
    if unknown:
        raise Unsupported(f"a schedule of months by {', '.join(sorted(unknown))}")
    value, residual = inputs.amount("cost"), inputs.amount("salvage", 0)
    charges = rounded_straight_line(value - residual, periods=inputs.whole("months"), currency=CURRENCY)
    lines = {
        f"line{number}": {"actual": value - total, "acc": total}
        for number, total in enumerate(accumulate(charges), start=1)
    }
    return {"per_month": charges[0], "last": charges[-1], **lines}


def _dated_schedule(inputs: Inputs) -> Answer:
    rows = [[row.period_end, row.charge, row.accumulated] for row in period_schedule(_period_terms(inputs))]
    return {"schedule": rows, "rows": Quoted(rows), "row_count": len(rows)}


def schedule_dates(inputs: Inputs) -> Answer:
    """The dates alone: any amount and a straight line have the same."""
    return {"dates": period_ends(_period_terms(Inputs({"cost": 1, "method": "SL", **inputs})))}


def _period_terms(inputs: Inputs) -> PeriodTerms:
    unknown = set(inputs) - PERIOD_INPUTS
    if unknown:
        raise Unsupported(f"a schedule by {', '.join(sorted(unknown))}")
    name = str(inputs["method"])
    if name not in METHODS:
        raise Unsupported(f"no method {name!r}")
    method, booked = METHODS[name], inputs.whole("booked", 0)
    weight = Weight.PERIODS
    if inputs.get("daily_prorata"):
        basis = str(inputs.get("year_basis") or "days in depreciation year")
        if basis not in YEAR_BASES:
            raise Unsupported(f"no year basis {basis!r}")
        weight = YEAR_BASES[basis]
    is_reducing = method is PeriodMethod.REDUCING_BALANCE
    rate, rate_of = _rate(inputs, name) if is_reducing else (None, RateOf.PERIOD)
    month, day = (int(part) for part in str(inputs.get("fiscal_year_end") or "12-31").split("-"))
    return PeriodTerms(
        cost=inputs.amount("cost") + inputs.amount("repair_cost", 0),
        residual_value=inputs.amount("salvage", 0),
        currency=CURRENCY,
        in_service_on=inputs.day_or_none("in_service") or FIXTURE_IN_SERVICE,
        periods=inputs.whole("periods"),
        months_per_period=inputs.whole("months_per_period", 12),
        first_period_end=inputs.day_or_none("first_schedule_date"),
        method=method,
        weight=weight,
        rate=rate,
        rate_of=rate_of,
        # The source goes on by whole periods where a reducing balance was taken over.
        life_end=LifeEnd.PERIODS if is_reducing and booked else LifeEnd.ANNIVERSARY,
        booked=booked,
        opening_accumulated=inputs.amount("opening_accumulated", 0),
        extended_months=inputs.whole("increase_in_life_months", 0),
        fiscal_year_end=(month, day),
        disposed_on=inputs.day_or_none("disposal_date"),
    )


def _rate(inputs: Inputs, method: str) -> tuple[Fraction, RateOf]:
    """A rate that is named is of the year; one that the source derived is of the period."""
    places, periods = inputs.whole("rate_places", 5), inputs.whole("periods")
    if "rate_percent" in inputs:
        return inputs.number("rate_percent") / 100, RateOf.YEAR
    for derived in ("rate_percent_rounded", "derived_rate_percent"):
        if derived in inputs:
            return inputs.number(derived) / 100, RateOf.PERIOD
    if inputs.get("daily_prorata"):
        raise Unsupported("a reducing balance by days without a yearly rate")
    if method == "DDB":
        factor = inputs.amount("factor", 2)
        return declining_rate(periods=periods, factor=factor, places=places), RateOf.PERIOD
    if not inputs.number("salvage", 0):
        raise Unsupported("no rate leads to a residual value of nothing")
    rate = rate_to_residual(
        cost=inputs.amount("cost"), residual_value=inputs.amount("salvage"), periods=periods, places=places
    )
    return rate, RateOf.PERIOD


def asset_revaluation(inputs: Inputs) -> Answer:
    """A new value part of the way: what is left is spread over what is left, prospectively (IAS 8.36)."""
    residual, months, posted = (
        inputs.amount("residual"),
        inputs.whole("months"),
        inputs.whole("posted_months"),
    )
    before = rounded_straight_line(inputs.amount("value") - residual, periods=months, currency=CURRENCY)[
        :posted
    ]
    left = inputs.amount("new_value") - sum(before, Decimal(0)) - residual
    after = rounded_straight_line(left, periods=months - posted, currency=CURRENCY)
    totals = {
        f"acc_after_{number}": total for number, total in enumerate(accumulate(before + after), start=1)
    }
    named = {f"first{posted}": before[0], f"next{len(after) - 1}": after[0], "last": after[-1]}
    return named | totals


def asset_split(inputs: Inputs) -> Answer:
    """Part of a quantity becomes an asset of its own, with its share of cost and depreciation."""
    new = inputs.whole("split_quantity")
    shares = [new, inputs.whole("quantity") - new]
    costs = allocate(inputs.amount("cost"), shares, currency=CURRENCY)
    openings = allocate(inputs.amount("opening_accumulated"), shares, currency=CURRENCY)
    return {
        name: {
            "cost": cost,
            "opening_accumulated": opening,
            "per_period": remaining_straight_line(
                cost=cost,
                salvage=0,
                opening_accumulated=opening,
                booked=inputs.whole("booked"),
                periods=inputs.whole("periods"),
            ),
        }
        for name, cost, opening in zip(("new", "old"), costs, openings, strict=True)
    }


def disposal(inputs: Inputs) -> Answer:
    """What scrapping an asset loses: its book value."""
    if "monthly" in inputs:
        depreciated = inputs.amount("monthly") * inputs.whole("months_booked")
        value = inputs.amount("cost")
    else:
        depreciated = inputs.amount("already_depreciated", 0) + inputs.amount("posted", 0)
        value = inputs.amount("value")
    gain = gain_on_disposal(book_value=value - depreciated, proceeds=inputs.amount("proceeds", 0))
    return {"gain": gain, "loss": -gain, "write_off": -gain}


def salvage_floor(inputs: Inputs) -> Answer:
    """The value at an age: never below the floor."""
    months = inputs.whole("months")
    each = straight_line_charge(cost=inputs.number("cost"), salvage=inputs.number("floor"), life=months)
    return {"value": inputs.number("cost") - each * min(inputs.whole("age_months"), months)}


ADAPTERS: dict[str, Adapter] = {
    "asset_revaluation": asset_revaluation,
    "asset_split": asset_split,
    "depreciation_schedule": depreciation_schedule,
    "disposal_gain_loss": disposal,
    "salvage_floor": salvage_floor,
    "schedule_dates": schedule_dates,
}

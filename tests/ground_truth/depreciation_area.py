"""Adapters for the depreciation methods."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from typing import Any

from haas.calendar import ONE_DAY, Period, add_months
from haas.money import round_minor
from leases.depreciation import methods, spread
from leases.macrs import Convention, first_year_fraction
from tests.ground_truth.compare import Leading
from tests.ground_truth.inputs import Adapter, Answer, Inputs, Unsupported, exact

CURRENCY = "EUR"  # the cases of this area round to cents and name no currency
MONTHS = [date(2001, month, 1).strftime("%B").lower() for month in range(1, 13)]
MONTHS_PER_PERIOD = {"month": 1, "quarter": 3, "year": 12}
CONVENTIONS = {
    "half-year": Convention.HALF_YEAR,
    "mid-quarter": Convention.MID_QUARTER,
    "mid-month": Convention.MID_MONTH,
}


def _runs(labels: Sequence[str], values: Sequence[Any], joint: str) -> Answer:
    """Each value under its label, and each run of equal values under "first<joint>last", also in part."""
    answer: Answer = dict(zip(labels, values, strict=True))
    for _, group in groupby(range(len(values)), key=lambda index: values[index]):
        run = list(group)
        for first in run:
            for last in run[run.index(first) + 1 :]:
                answer[f"{labels[first]}{joint}{labels[last]}"] = values[first]
    return answer


def _numbered(word: str, values: Sequence[Any]) -> Answer:
    """month1, and months2_6 for a run of equal months."""
    answer = {f"{word}{number}": value for number, value in enumerate(values, start=1)}
    runs = _runs([str(number) for number in range(1, len(values) + 1)], values, "_")
    return answer | {f"{word}s{label}": value for label, value in runs.items() if "_" in label}


def _common(inputs: Inputs) -> dict[str, Fraction]:
    return {"cost": inputs.number("cost"), "salvage": inputs.number("salvage", 0)}


def _periods(inputs: Inputs, charges: Sequence[Fraction]) -> Answer:
    answer: Answer = {"by_period": Leading(charges), "by_year": Leading(charges)}
    if "periods" in inputs:
        answer["by_period"] = [charges[int(period) - 1] for period in inputs["periods"]]
    if "period" in inputs:
        answer["depreciation"] = charges[inputs.whole("period") - 1]
    return answer


def sln(inputs: Inputs) -> Answer:
    """SLN."""
    return {"per_period": methods.straight_line_charge(**_common(inputs), life=inputs.number("life"))}


def syd(inputs: Inputs) -> Answer:
    """SYD of one period, or of several."""
    if "period" in inputs:
        charge = methods.sum_of_years_digits_charge(
            **_common(inputs), life=inputs.number("life"), period=inputs.number("period")
        )
        return {"depreciation": charge}
    return _periods(inputs, methods.sum_of_years_digits(**_common(inputs), life=inputs.whole("life")))


def syd_convention(inputs: Inputs) -> Answer:
    """SYD by year under a convention of the first year."""
    name = str(inputs["convention"])
    if name not in CONVENTIONS:
        raise Unsupported(f"no convention {name!r}")
    first = first_year_fraction(
        CONVENTIONS[name],
        quarter=inputs.whole("quarter") if "quarter" in inputs else None,
        month=inputs.whole("month") if "month" in inputs else None,
    )
    base = inputs.number("depreciable_base")
    years = methods.sum_of_years_digits(cost=base, salvage=0, life=inputs.whole("life"), first_year=first)
    return _numbered("year", years) | {"by_year": Leading(years)}


def ddb(inputs: Inputs) -> Answer:
    """DDB of one period."""
    charge = methods.declining_balance_charge(
        **_common(inputs),
        life=inputs.number("life"),
        period=inputs.whole("period"),
        factor=inputs.number("factor", 2),
    )
    return {"depreciation": charge}


def _ddb_schedule(default_factor: Fraction) -> Adapter:
    def schedule(inputs: Inputs) -> Answer:
        factor = inputs.number("factor", default_factor)
        charges = methods.declining_balance(**_common(inputs), life=inputs.whole("life"), factor=factor)
        return _periods(inputs, charges)

    return schedule


def db_fixed_rate(inputs: Inputs) -> Answer:
    """DB of spreadsheets."""
    charges = methods.fixed_declining_balance(
        **_common(inputs), life=inputs.whole("life"), first_year_months=inputs.whole("first_year_months", 12)
    )
    return _periods(inputs, charges)


def db_stop_at_salvage(inputs: Inputs) -> Answer:
    """A rate of the book value down to salvage."""
    charges = methods.reducing_balance(
        **_common(inputs), rate=inputs.number("factor"), periods=inputs.whole("years")
    )
    return _periods(inputs, charges)


def db_linear_floor(inputs: Inputs) -> Answer:
    """A rate of the book value, and at least an equal share of what is depreciable."""
    if inputs.get("prorata"):
        raise Unsupported("a first year in proportion, with a linear floor")
    common, years = _common(inputs), inputs.whole("years")
    charges = methods.reducing_balance(
        **common,
        rate=inputs.number("factor"),
        periods=years,
        minimum=methods.straight_line_charge(**common, life=years),
    )
    return _periods(inputs, charges)


def vdb(inputs: Inputs) -> Answer:
    """VDB."""
    charge = methods.variable_declining_balance(
        **_common(inputs),
        life=inputs.number("life"),
        start=inputs.number("start"),
        end=inputs.number("end"),
        factor=inputs.number("factor", 2),
        switch=not inputs.get("no_switch", False),
    )
    return {"depreciation": charge}


def units(inputs: Inputs) -> Answer:
    """Units of production."""
    charges = methods.units_of_production(
        **_common(inputs),
        total_units=inputs.number("total_units"),
        units=[exact(used) for used in inputs["units"]],
    )
    return _periods(inputs, charges)


def _days_held(inputs: Inputs) -> list[int]:
    days = inputs["days_held"]
    return [int(count) for count in days] if isinstance(days, list) else [int(days)]


def diminishing_value(inputs: Inputs) -> Answer:
    """Australia's diminishing value."""
    years = methods.diminishing_value(
        cost=inputs.number("cost"),
        effective_life=inputs.number("effective_life"),
        days_held=_days_held(inputs),
        factor=inputs.number("factor", 2),
    )
    return {"by_year": years, "year": years[0]}


def prime_cost(inputs: Inputs) -> Answer:
    """Australia's prime cost."""
    years = methods.prime_cost(
        cost=inputs.number("cost"),
        effective_life=inputs.number("effective_life"),
        days_held=_days_held(inputs),
    )
    return {"by_year": years, "year": years[0]}


def salvage_rule(inputs: Inputs) -> Answer:
    """Salvage as a percentage or an amount."""
    value = methods.salvage_value(
        inputs.number("cost"), kind=str(inputs["salvage_type"]), value=inputs.number("salvage_value")
    )
    return {"salvage": value}


def sl_gross(inputs: Inputs) -> Answer:
    """Linear on cost, up to salvage."""
    return _periods(inputs, methods.straight_line_gross(**_common(inputs), periods=inputs.whole("years")))


def sl_existing(inputs: Inputs) -> Answer:
    """An asset taken over in the middle of its life."""
    left = inputs.number("cost") - inputs.number("salvage", 0) - inputs.number("opening_accumulated", 0)
    booked, periods = inputs.whole("booked", 0), inputs.whole("periods")
    each = methods.remaining_straight_line(
        **_common(inputs),
        opening_accumulated=inputs.number("opening_accumulated", 0),
        booked=booked,
        periods=periods,
    )
    return {
        "remaining_value": left,
        "remaining_periods": periods - booked,
        "approx_per_month": each,
        "per_period": each,
    }


def _base(inputs: Inputs) -> Decimal:
    name = "cost" if "cost" in inputs else "value"
    return inputs.amount(name) - inputs.amount("salvage", 0)


def _years(inputs: Inputs, first_year: spread.FirstYear, start: str = "start") -> list[spread.YearCharge]:
    month, day = (int(part) for part in str(inputs.get("fiscal_year_end", "12-31")).split("-"))
    return spread.by_fiscal_year(
        _base(inputs),
        start=inputs.day(start),
        years=inputs.whole("years"),
        currency=CURRENCY,
        first_year=first_year,
        end_month=month,
        end_day=day,
    )


def _full_years(inputs: Inputs) -> list[spread.YearCharge]:
    """Every fiscal year whole; which calendar years they are does not matter."""
    return _years(Inputs({"start": "2001-01-01", **inputs}), spread.FirstYear.FULL)


def sl_board(inputs: Inputs) -> Answer:
    """A board of whole years, and what is left to depreciate after each."""
    left, answer = _base(inputs), {}
    years = _full_years(inputs)
    for number, year in enumerate(years, start=1):
        left -= year.charge
        answer[f"year{number}"] = year.charge
        answer[f"residual_after_{number}"] = left
    return answer | {"annual": years[0].charge, "by_year": [year.charge for year in years]}


def _board(inputs: Inputs, years: list[spread.YearCharge], life: Period) -> Answer:
    word = str(inputs.get("period", "month"))
    if word not in MONTHS_PER_PERIOD:
        raise Unsupported(f"no board by {word!r}")
    each = MONTHS_PER_PERIOD[word]
    regular = round_minor(Fraction(_base(inputs)) / inputs.whole("years") * each / 12, CURRENCY)
    charges = spread.within_years(years, life=life, months_per_period=each, regular=regular)
    amounts = [charge.charge for charge in charges]
    totals = {"first_year_total": years[0].charge, "year_total": years[0].charge, "last": amounts[-1]}
    return _numbered(word, amounts) | totals


def sl_monthly_rounding(inputs: Inputs) -> Answer:
    """The rounding difference is settled in the last period of each fiscal year."""
    years = _full_years(inputs)
    first = spread.fiscal_year(years[0].year_end, end_month=years[0].year_end.month, end_day=31)
    return _board(inputs, years, Period(first.start, years[-1].year_end + ONE_DAY))


def sl_prorata_monthly(inputs: Inputs) -> Answer:
    """A first year by its days, its odd amount in the first period."""
    start = inputs.day("start")
    life = Period(start, add_months(start, 12 * inputs.whole("years")))
    return _board(inputs, _years(inputs, spread.FirstYear.YEAR_DAYS), life)


def _by_year_name(years: list[spread.YearCharge]) -> Answer:
    amounts = [year.charge for year in years]
    named = _runs([str(year.year_end.year) for year in years], amounts, "..")
    return named | {year.year_end.isoformat(): year.charge for year in years}


def sl_prorata_temporis(inputs: Inputs) -> Answer:
    """The first fiscal year by its days, the complement at the end."""
    return _by_year_name(_years(inputs, spread.FirstYear.YEAR_DAYS))


def sl_30_360(inputs: Inputs) -> Answer:
    """The first fiscal year by months of 30 days, the complement at the end."""
    return _by_year_name(_years(inputs, spread.FirstYear.THIRTY_360, start="in_use"))


def sl_monthly_leap(inputs: Inputs) -> Answer:
    """Years by their days of the whole life, months as twelfths of a whole year."""
    years = _years(inputs, spread.FirstYear.LIFE_DAYS)
    answer: Answer = {"first_year_total": years[0].charge}
    for year in years:
        answer[f"total_{year.year_end.year}"] = year.charge
        answer[f"monthly_{year.year_end.year}"] = round_minor(Fraction(year.charge) / 12, CURRENCY)
    return answer


def sl_daily(inputs: Inputs) -> Answer:
    """By actual days."""
    rate = spread.daily_rate(_base(inputs), start=inputs.day("start"), years=inputs.whole("years"))
    return {"total_days": rate.total_days, "day_rate": rate.per_day}


def sl_catch_up(inputs: Inputs) -> Answer:
    """Locked months bear nothing; the first open one bears them all."""
    start, months = inputs.day("start"), inputs.whole("months")
    charges = spread.rounded_straight_line(_base(inputs), periods=months, currency=CURRENCY)
    locked_through = inputs.day_or_none("locked_through")
    ends = [add_months(start.replace(day=1), count, day=31) for count in range(months)]
    locked = sum(1 for end in ends if locked_through and end <= locked_through)
    charges = spread.catch_up(charges, locked=locked)
    names = [MONTHS[end.month - 1] for end in ends]
    return _runs([name[:3] for name in names], charges, "_") | dict(zip(names, charges, strict=True))


ADAPTERS: dict[str, Adapter] = {
    "DB150_schedule": _ddb_schedule(Fraction(3, 2)),
    "DB_fixed_rate": db_fixed_rate,
    "DB_stop_at_salvage": db_stop_at_salvage,
    "DB_switch_linear_floor": db_linear_floor,
    "DDB": ddb,
    "DDB_schedule": _ddb_schedule(Fraction(2)),
    "SLN": sln,
    "SL_30_360": sl_30_360,
    "SL_board": sl_board,
    "SL_catch_up": sl_catch_up,
    "SL_daily": sl_daily,
    "SL_existing_asset": sl_existing,
    "SL_gross_stop_at_salvage": sl_gross,
    "SL_monthly_leap": sl_monthly_leap,
    "SL_monthly_rounding": sl_monthly_rounding,
    "SL_prorata_monthly": sl_prorata_monthly,
    "SL_prorata_temporis": sl_prorata_temporis,
    "SYD": syd,
    "SYD_half_year": syd_convention,
    "VDB_switch_to_SL": vdb,
    "diminishing_value_AU": diminishing_value,
    "prime_cost_AU": prime_cost,
    "salvage_rule": salvage_rule,
    "units_of_production": units,
}

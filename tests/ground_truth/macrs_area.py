"""Adapters for MACRS: published tables, the convention test, worked comparisons."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from haas.money import round_places
from leases.macrs import (
    Convention,
    PlacedInService,
    choose_convention,
    compare_methods,
    declining_factor,
    deductions,
    first_year_fraction,
    published_percentages,
    straight_line_percentages,
)
from tests.ground_truth.compare import Leading
from tests.ground_truth.inputs import Adapter, Answer, Inputs, Unsupported

METHODS = {"200DB->SL": Fraction(2), "150DB->SL": Fraction(3, 2)}


def _convention(inputs: Inputs) -> Convention:
    try:
        return Convention(inputs.get("convention", "HY"))
    except ValueError as unknown:
        raise Unsupported(str(unknown)) from unknown


def _point(inputs: Inputs, name: str) -> int | None:
    return None if inputs.get(name) is None else inputs.whole(name)


def percentage_table(inputs: Inputs) -> Answer:
    """A column of Tables A-1 to A-5."""
    years, convention = inputs.whole("recovery_period_years"), _convention(inputs)
    if (
        METHODS.get(inputs.get("method", "200DB->SL")) != declining_factor(years)
        or inputs.get("system") == "ADS"
    ):
        raise Unsupported(
            f"tables A-1 to A-5 have no {inputs.get('system')} {inputs['method']} over {years} years"
        )
    percentages = published_percentages(years, convention, quarter=_point(inputs, "quarter"))
    return {"percent_by_year": Leading(percentages)}


def straight_line_table(inputs: Inputs) -> Answer:
    """The first, a middle and the last percentage of Tables A-8 to A-12."""
    first_year = first_year_fraction(
        _convention(inputs), quarter=_point(inputs, "quarter"), month=_point(inputs, "month")
    )
    exact = straight_line_percentages(inputs.number("recovery_period_years"), first_year=first_year)
    rounded = [round_places(percent, 2) for percent in exact]
    return {
        "first": rounded[0],
        "middle": rounded[1],
        "last": rounded[-1],
        "percent_by_year": Leading(rounded),
    }


def convention_choice(inputs: Inputs) -> Answer:
    """The 40 % test over a year's assets, and their first deductions under its outcome."""
    assets = [
        PlacedInService(
            recovery_years=row.whole("class"),
            basis=row.amount("basis"),
            placed_on=row.day("placed_in_service"),
        )
        for row in map(Inputs, inputs["assets"])
    ]
    choice = choose_convention(assets)
    first = [
        deductions(each.basis, each.recovery_years, choice.convention, quarter=each.quarter)[0]
        for each in assets
    ]
    return {"q4_share": choice.last_quarter_share, "convention": str(choice.convention), "year1": first}


def worked_example(inputs: Inputs) -> Answer:
    """Both methods side by side on the declining-balance book, and the deductions by the tables."""
    convention, life = _convention(inputs), inputs.whole("life")
    quarter = _point(inputs, "quarter")
    if quarter is None and "placed_in_service" in inputs:
        quarter = (date.fromisoformat(inputs["placed_in_service"]).month + 2) // 3
    years = compare_methods(
        inputs.number("basis"), life, first_year_fraction(convention, quarter=quarter), declining_factor(life)
    )
    by_table = deductions(inputs.amount("basis"), life, convention, quarter=quarter)
    answer: Answer = {"by_year": Leading(by_table)}
    for number, year in enumerate(years, start=1):
        answer[f"db_year{number}"] = year.declining_balance
        answer[f"sl_year{number}"] = year.straight_line
        answer[f"year{number}"] = by_table[number - 1]
    return answer


ADAPTERS: dict[str, Adapter] = {
    "macrs_convention_choice": convention_choice,
    "macrs_percentage_table": percentage_table,
    "macrs_sl_table": straight_line_table,
    "macrs_worked_example": worked_example,
}

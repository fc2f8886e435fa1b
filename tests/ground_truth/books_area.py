"""Adapters for what happens to an asset's book: whole schedules, revaluation, split, disposal."""

from __future__ import annotations

from decimal import Decimal
from itertools import accumulate

from haas.money import allocate
from leases.depreciation import gain_on_disposal
from leases.depreciation.methods import remaining_straight_line, straight_line_charge
from leases.depreciation.spread import rounded_straight_line
from tests.ground_truth.inputs import Adapter, Answer, Inputs, Unsupported

CURRENCY = "EUR"  # the cases of this area round to cents and name no currency


def depreciation_schedule(inputs: Inputs) -> Answer:
    """A straight line over so many whole months, the last taking the rounding difference."""
    if set(inputs) != {"value", "residual", "months"}:
        raise Unsupported(f"a schedule from {', '.join(inputs)}")
    value = inputs.amount("value")
    charges = rounded_straight_line(
        value - inputs.amount("residual"), periods=inputs.whole("months"), currency=CURRENCY
    )
    lines = {
        f"line{number}": {"actual": value - total, "acc": total}
        for number, total in enumerate(accumulate(charges), start=1)
    }
    return {"per_month": charges[0], **lines}


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
}

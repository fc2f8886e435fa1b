"""Adapters for the value of money in time: annuities, yields, dated flows, conversions of rates."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from haas.money import Number
from leases.daycount import ALIASES, DAY_COUNTS
from leases.finance import time_value as tv
from leases.finance.dated import SPREADSHEET, dated_internal_rate, dated_present_value
from leases.finance.numbers import NoRate, decimal
from leases.finance.rates import Compounding, annual_rate, periodic_rate
from leases.terms import Timing
from tests.ground_truth.inputs import Adapter, Answer, Inputs, Unsupported, exact

# The published results of RATE are those of programs that stop their search here (numpy-financial).
SPREADSHEET_STOP = Decimal("1e-6")

_ADVANCE = ("advance", "begin", "beginning", "due", "annuity-due", "annuity_due", "start", "1", "true")
_ARREARS = ("arrears", "end", "ordinary", "0", "false")
_TIMING_NAMES = ("timing", "when", "type", "begin", "due", "pmt_at_beginning", "payment_timing")


def timing_of(inputs: Inputs, default: Timing = Timing.ARREARS) -> Timing:
    """When payments fall, by whatever name and word a source has for it."""
    for name in _TIMING_NAMES:
        if inputs.get(name) is not None:
            word = str(inputs[name]).lower().split(" ")[0]
            if word in _ADVANCE:
                return Timing.ADVANCE
            if word in _ARREARS:
                return Timing.ARREARS
            raise Unsupported(f"no timing {inputs[name]!r}")
    return default


def either_of(inputs: Inputs, *names: str) -> Fraction | None:
    """The first of several names that a source may have for one number, if it has any."""
    return next((inputs.number(name) for name in names if inputs.get(name) is not None), None)


def first_of(inputs: Inputs, *names: str) -> Fraction:
    """The first of several names that a source may have for one number."""
    found = either_of(inputs, *names)
    return inputs.number(names[0]) if found is None else found


def near_of(inputs: Inputs) -> float | None:
    """A guess, where the case has one: which root is meant."""
    return float(inputs["guess"]) if inputs.get("guess") is not None else None


def _both(inputs: Inputs, name: str, value: Callable[[Timing, Number], Decimal]) -> Answer:
    future = inputs.number("fv", 0)
    return {
        name: value(timing_of(inputs), future),
        f"{name}_end": value(Timing.ARREARS, future),
        f"{name}_begin": value(Timing.ADVANCE, future),
        f"{name}_nofv": value(timing_of(inputs), 0),
    }


def pmt(inputs: Inputs) -> Answer:
    """PMT; a source that asks PV of the same figures is told both."""
    rate, periods = inputs.number("rate"), inputs.number("nper")
    present = first_of(inputs, "pv", "pmt_pv")

    def payment(timing: Timing, future: Number) -> Decimal:
        return tv.level_payment(rate=rate, periods=periods, present=present, future=future, timing=timing)

    def value(timing: Timing, future: Number) -> Decimal:
        return tv.present_value(rate=rate, periods=periods, payment=present, future=future, timing=timing)

    answers = _both(inputs, "pmt", payment)
    return answers | _both(inputs, "pv", value) if "pmt_pv" in inputs else answers


def pv(inputs: Inputs) -> Answer:
    """PV."""
    rate, periods, payment = inputs.number("rate"), inputs.number("nper"), inputs.number("pmt", 0)

    def value(timing: Timing, future: Number) -> Decimal:
        return tv.present_value(rate=rate, periods=periods, payment=payment, future=future, timing=timing)

    return _both(inputs, "pv", value)


def fv(inputs: Inputs) -> Answer:
    """FV."""
    value = {
        name: tv.future_value(
            rate=inputs.number("rate"),
            periods=inputs.number("nper"),
            payment=inputs.number("pmt", 0),
            present=inputs.number("pv", 0),
            timing=timing,
        )
        for name, timing in (
            ("fv", timing_of(inputs)),
            ("fv_end", Timing.ARREARS),
            ("fv_begin", Timing.ADVANCE),
        )
    }
    return dict(value)


def nper(inputs: Inputs) -> Answer:
    """NPER; null where the payments never get there."""

    def count(timing: Timing) -> Decimal | None:
        try:
            return tv.number_of_periods(
                rate=inputs.number("rate"),
                payment=inputs.number("pmt", 0),
                present=inputs.number("pv", 0),
                future=inputs.number("fv", 0),
                timing=timing,
            )
        except ValueError:
            return None

    return {
        "nper": count(timing_of(inputs)),
        "nper_end": count(Timing.ARREARS),
        "nper_begin": count(Timing.ADVANCE),
    }


def rate(inputs: Inputs) -> Answer:
    """RATE; null where no rate does it."""

    def found(timing: Timing) -> Decimal | None:
        try:
            return tv.interest_rate(
                periods=inputs.number("nper"),
                payment=inputs.number("pmt", 0),
                present=inputs.number("pv", 0),
                future=inputs.number("fv", 0),
                timing=timing,
                near=near_of(inputs),
                stop=SPREADSHEET_STOP,
            )
        except NoRate:
            return None

    return {
        "rate": found(timing_of(inputs)),
        "rate_end": found(Timing.ARREARS),
        "rate_begin": found(Timing.ADVANCE),
    }


def _periods(inputs: Inputs) -> list[int]:
    if inputs.get("periods") is not None:
        return [int(exact(number)) for number in inputs["periods"]]
    return (
        [inputs.whole("per")] if inputs.get("per") is not None else list(range(1, inputs.whole("nper") + 1))
    )


def parts(inputs: Inputs) -> Answer:
    """IPMT and PPMT of each period asked for."""
    loan = {
        "rate": inputs.number("rate"),
        "periods": inputs.number("nper"),
        "present": inputs.number("pv"),
        "future": inputs.number("fv", 0),
    }
    timing, numbers = timing_of(inputs), _periods(inputs)
    interest = [tv.interest_part(period=number, timing=timing, **loan) for number in numbers]
    principal = [tv.principal_part(period=number, timing=timing, **loan) for number in numbers]
    payment = tv.level_payment(timing=timing, **loan)
    return {
        "interest": interest,
        "principal": principal,
        "ipmt": interest if len(numbers) > 1 else interest[0],
        "ppmt": principal if len(numbers) > 1 else principal[0],
        "payment": payment,
        "pmt": payment,
        "total_interest": sum(interest),
        "total_principal": sum(principal),
    }


def cumulative(inputs: Inputs) -> Answer:
    """CUMIPMT and CUMPRINC."""
    span = {
        "rate": inputs.number("rate"),
        "periods": inputs.number("nper"),
        "present": inputs.number("pv"),
    }
    first, last = (
        int(first_of(inputs, "from", "start", "start_period")),
        int(first_of(inputs, "to", "end", "end_period")),
    )
    timing = timing_of(inputs)
    interest = tv.cumulative_interest(first=first, last=last, timing=timing, **span)
    principal = tv.cumulative_principal(first=first, last=last, timing=timing, **span)
    return {"interest": interest, "principal": principal, "cumipmt": interest, "cumprinc": principal}


def npv(inputs: Inputs) -> Answer:
    """NPV by both conventions; where the case names none, the first flow is not discounted."""
    rate_ = inputs.number("rate")
    name = next(
        (each for each in ("cashflows", "cashflows_t0", "cashflows_t1", "values", "flows") if each in inputs),
        "",
    )
    flows = [exact(flow) for flow in inputs[name or "cashflows"]]
    from_zero = tv.net_present_value(flows, rate=rate_, first=tv.FirstFlow.NOW)
    from_one = tv.net_present_value(flows, rate=rate_, first=tv.FirstFlow.AFTER_ONE)
    after_one = name.endswith("t1") or str(inputs.get("convention", "")).lower() in (
        "t1",
        "from_one",
        "excel",
    )
    return {"npv": from_one if after_one else from_zero, "from_zero": from_zero, "from_one": from_one}


def irr(inputs: Inputs) -> Answer:
    """IRR; null where money flows one way."""
    flows = [exact(flow) for flow in inputs.get("cashflows") or inputs.get("values") or inputs["flows"]]
    try:
        return {"irr": tv.internal_rate(flows, near=near_of(inputs))}
    except NoRate:
        return {"irr": None}


def effect(inputs: Inputs) -> Answer:
    """EFFECT and NOMINAL."""
    times = int(first_of(inputs, "m", "npery", "periods"))
    answers: dict[str, Any] = {}
    if inputs.get("nominal") is not None:
        answers["effective"] = tv.effective_rate(nominal=inputs.number("nominal"), times=times)
    effective = inputs.get("effective_in", inputs.get("effective"))
    if effective is not None:
        answers["nominal"] = tv.nominal_rate(effective=exact(effective), times=times)
    return answers


def dated_flows(inputs: Inputs) -> list[tuple[date, Fraction]]:
    """Pairs of a day and an amount, or a row of each."""
    if inputs.get("flows") is not None or inputs.get("cashflows") is not None:
        pairs = inputs.get("flows") or inputs["cashflows"]
        return [(date.fromisoformat(day), exact(amount)) for day, amount in pairs]
    amounts = inputs.get("amounts") or inputs.get("values") or inputs["amounts"]
    return [
        (date.fromisoformat(day), exact(amount)) for day, amount in zip(inputs["dates"], amounts, strict=True)
    ]


def _convention(inputs: Inputs) -> str:
    name = str(inputs.get("day_count") or inputs.get("convention") or SPREADSHEET)
    known = {each.lower(): each for each in [*DAY_COUNTS, *ALIASES]}
    if name.lower() not in known:
        raise Unsupported(f"no day count {name!r}")
    return known[name.lower()]


def xirr(inputs: Inputs) -> Answer:
    """XIRR under the day count named, else a spreadsheet's."""
    try:
        found = dated_internal_rate(dated_flows(inputs), convention=_convention(inputs), near=near_of(inputs))
    except NoRate:
        found = None
    return {"xirr": found, "irr": found}


def xirr_by_day_count(inputs: Inputs) -> Answer:
    """XIRR under every day count that we know."""
    flows = dated_flows(inputs)
    rates = {name: dated_internal_rate(flows, convention=name) for name in [*DAY_COUNTS, *ALIASES]}
    return rates | {name.lower(): found for name, found in rates.items()}


def xnpv(inputs: Inputs) -> Answer:
    """XNPV."""
    value = dated_present_value(
        dated_flows(inputs), rate=inputs.number("rate"), convention=_convention(inputs)
    )
    return {"xnpv": value, "npv": value, "recomputed_value": value}


_ANNUAL = {
    "effective_annual_rate_percent": (Compounding.EFFECTIVE, 100),
    "effective_annual_rate": (Compounding.EFFECTIVE, 1),
    "effective_percent": (Compounding.EFFECTIVE, 100),
    "nominal_annual_rate_percent": (Compounding.NOMINAL, 100),
    "nominal_annual_rate": (Compounding.NOMINAL, 1),
    "nominal_percent": (Compounding.NOMINAL, 100),
}


def rate_conversion(inputs: Inputs) -> Answer:
    """A rate of a year to that of a period of so many months, and back."""
    months = inputs.number("months", 1)
    for name, (compounding, scale) in _ANNUAL.items():
        if inputs.get(name) is not None:
            periodic = periodic_rate(inputs.number(name) / scale, months=months, compounding=compounding)
            break
    else:
        if inputs.get("periodic_rate_percent") is not None:
            periodic = decimal(inputs.number("periodic_rate_percent") / 100)
        else:
            periodic = decimal(inputs.number("periodic_rate"))
    nominal = annual_rate(periodic, months=months, compounding=Compounding.NOMINAL)
    effective = annual_rate(periodic, months=months, compounding=Compounding.EFFECTIVE)
    return {
        "periodic_rate": periodic,
        "periodic_rate_percent": periodic * 100,
        "nominal_annual_rate": nominal,
        "nominal_annual_rate_percent": nominal * 100,
        "effective_annual_rate": effective,
        "effective_annual_rate_percent": effective * 100,
    }


ADAPTERS: dict[str, Adapter] = {
    "CUMIPMT": cumulative,
    "CUMPRINC": cumulative,
    "EFFECT": effect,
    "FV": fv,
    "IPMT": parts,
    "IPMT_schedule": parts,
    "IRR": irr,
    "NOMINAL": effect,
    "NPER": nper,
    "NPV": npv,
    "PMT": pmt,
    "PPMT": parts,
    "PPMT_schedule": parts,
    "PV": pv,
    "RATE": rate,
    "XIRR": xirr,
    "XIRR_day_count": xirr_by_day_count,
    "XNPV": xnpv,
    "rate_conversion": rate_conversion,
}

"""Equal payments at equal distances: PMT, PV, FV, NPER, RATE, interest and principal, NPV, IRR. Pure.

Signs are those of cash: what is paid is negative, what is received positive, as in every spreadsheet.
`rate` is that of one period. `timing` says whether a period's payment comes on its first day (an annuity
due) or after its last (an ordinary annuity).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum

import pyxirr

from haas.money import Number
from leases.finance.numbers import Curve, decimal, precisely, require_both_ways, root
from leases.terms import Timing

NOTHING = Decimal(0)


class FirstFlow(StrEnum):
    """Where the first of a row of payments lies."""

    NOW = "t0"  # it is not discounted: the price of a lease beside its rents
    AFTER_ONE = "t1"  # after one period, as a spreadsheet's NPV has it


def future_value(
    *, rate: Number, periods: Number, payment: Number, present: Number, timing: Timing = Timing.ARREARS
) -> Decimal:
    """FV: what a present amount and the payments have grown to after so many periods."""
    with precisely():
        growth, annuity = _growth_and_annuity(decimal(rate), decimal(periods), timing)
        return -(decimal(present) * growth + decimal(payment) * annuity)


def present_value(
    *,
    rate: Number,
    periods: Number,
    payment: Number,
    future: Number = 0,
    timing: Timing = Timing.ARREARS,
) -> Decimal:
    """PV: what the payments, and an amount at their end, are worth today."""
    with precisely():
        growth, annuity = _growth_and_annuity(decimal(rate), decimal(periods), timing)
        return -(decimal(future) + decimal(payment) * annuity) / growth


def level_payment(
    *,
    rate: Number,
    periods: Number,
    present: Number,
    future: Number = 0,
    timing: Timing = Timing.ARREARS,
) -> Decimal:
    """PMT: the equal payment that repays `present` and leaves `future` at the end."""
    with precisely():
        growth, annuity = _growth_and_annuity(decimal(rate), decimal(periods), timing)
        return -(decimal(future) + decimal(present) * growth) / annuity


def _growth_and_annuity(rate: Decimal, periods: Decimal, timing: Timing) -> tuple[Decimal, Decimal]:
    """(1 + i)^n, and what n payments of 1 have grown to."""
    if not rate:
        return Decimal(1), periods
    growth = (1 + rate) ** periods
    due = 1 + rate if timing is Timing.ADVANCE else Decimal(1)
    return growth, due * (growth - 1) / rate


def number_of_periods(
    *,
    rate: Number,
    payment: Number,
    present: Number,
    future: Number = 0,
    timing: Timing = Timing.ARREARS,
) -> Decimal:
    """NPER: how many periods the payments take from `present` to `future`; a part of one counts as such.

    :raises ValueError: if they never get there.
    """
    with precisely():
        interest, paid, start, end = decimal(rate), decimal(payment), decimal(present), decimal(future)
        if not interest:
            if not paid:
                raise ValueError("without interest and payments the balance never changes")
            return -(start + end) / paid
        per_period = paid * (1 + interest if timing is Timing.ADVANCE else 1) / interest
        if not per_period + start:
            raise ValueError("the payments are just the interest: the balance never changes")
        ratio = (per_period - end) / (per_period + start)
        if ratio <= 0:
            raise ValueError("the payments never reach the future amount")
        return ratio.ln() / (1 + interest).ln()


def interest_rate(
    *,
    periods: Number,
    payment: Number,
    present: Number,
    future: Number = 0,
    timing: Timing = Timing.ARREARS,
    near: float | None = None,
    stop: Decimal | None = None,
) -> Decimal:
    """RATE: the rate of one period at which the payments turn `present` into `future`. It may be negative.

    :param near: which root is meant where there are two; by default the one that a spreadsheet finds.
    :param stop: stop where spreadsheets do, when a step of Newton's method is smaller than this (1e-6 in
        numpy-financial): about eleven digits are right. By default the search goes on to all of them.
    :raises NoRate: if there is none: money that only ever flows one way.
    """
    if stop is not None:
        early = _stopped_early(
            lambda rate: (
                -future_value(rate=rate, periods=periods, payment=payment, present=present, timing=timing)
                + decimal(future)
            ),
            start=Decimal("0.1") if near is None else Decimal(repr(near)),
            stop=stop,
        )
        if early is not None:
            return early

    def left_over(rate: Decimal) -> Decimal:
        # Close to a rate of zero the annuity is a small difference over a small number: twice the digits.
        with precisely(twice=True):
            growth, annuity = _growth_and_annuity(rate, decimal(periods), timing)
            return (decimal(future) + decimal(payment) * annuity) / growth + decimal(present)

    if near is None:
        near = pyxirr.rate(
            float(periods),
            float(payment),
            float(present),
            float(future),
            pmt_at_beginning=timing is Timing.ADVANCE,
        )
    return root(left_over, near=near)


def _stopped_early(left_over: Curve, *, start: Decimal, stop: Decimal) -> Decimal | None:
    rate, width = start, Decimal("1e-15")
    with precisely():
        for _ in range(100):
            try:
                step = left_over(rate) * 2 * width / (left_over(rate + width) - left_over(rate - width))
                rate -= step
            except ArithmeticError:
                return None
            if rate <= -1:
                return None
            if abs(step) < stop:
                return rate
    return None


def interest_part(
    *,
    rate: Number,
    period: int,
    periods: Number,
    present: Number,
    future: Number = 0,
    timing: Timing = Timing.ARREARS,
) -> Decimal:
    """IPMT: the interest in the payment of one period, counted from 1. In advance the first bears none.

    :raises ValueError: if there is no such period.
    """
    if not 1 <= period <= periods:
        raise ValueError(f"there is no period {period} of {periods}")
    payment = level_payment(rate=rate, periods=periods, present=present, future=future, timing=timing)
    with precisely():
        owed = future_value(rate=rate, periods=period - 1, payment=payment, present=present, timing=timing)
        if timing is Timing.ARREARS:
            return owed * decimal(rate)
        # In advance the payment comes before the interest: it repays what the last one left, with the
        # interest since then.
        return NOTHING if period == 1 else owed * decimal(rate) / (1 + decimal(rate))


def principal_part(
    *,
    rate: Number,
    period: int,
    periods: Number,
    present: Number,
    future: Number = 0,
    timing: Timing = Timing.ARREARS,
) -> Decimal:
    """PPMT: what the payment of one period repays: the payment less its interest."""
    payment = level_payment(rate=rate, periods=periods, present=present, future=future, timing=timing)
    with precisely():
        return payment - interest_part(
            rate=rate, period=period, periods=periods, present=present, future=future, timing=timing
        )


def cumulative_interest(
    *,
    rate: Number,
    periods: Number,
    present: Number,
    first: int,
    last: int,
    timing: Timing = Timing.ARREARS,
) -> Decimal:
    """CUMIPMT: the interest in the payments from period `first` to period `last`, both counted."""
    with precisely():
        return sum(
            (
                interest_part(rate=rate, period=number, periods=periods, present=present, timing=timing)
                for number in range(first, last + 1)
            ),
            NOTHING,
        )


def cumulative_principal(
    *,
    rate: Number,
    periods: Number,
    present: Number,
    first: int,
    last: int,
    timing: Timing = Timing.ARREARS,
) -> Decimal:
    """CUMPRINC: what the payments from period `first` to period `last` repay."""
    payment = level_payment(rate=rate, periods=periods, present=present, timing=timing)
    with precisely():
        return payment * (last - first + 1) - cumulative_interest(
            rate=rate, periods=periods, present=present, first=first, last=last, timing=timing
        )


def net_present_value(flows: Sequence[Number], *, rate: Number, first: FirstFlow = FirstFlow.NOW) -> Decimal:
    """NPV: what a row of payments, one a period, is worth today."""
    with precisely():
        growth, total = 1 + decimal(rate), NOTHING
        for flow in reversed(flows):  # Horner: no power, and no rounding but the division's
            total = total / growth + decimal(flow)
        return total / growth if first is FirstFlow.AFTER_ONE else total


def internal_rate(flows: Sequence[Number], *, near: float | None = None) -> Decimal:
    """IRR: the rate of one period at which a row of payments is worth nothing. It may be negative.

    :param near: which root is meant where the signs change more than once.
    :raises NoRate: if all flow one way.
    """
    require_both_ways(flows)
    if near is None:
        near = pyxirr.irr([float(flow) for flow in flows])
    return root(lambda rate: net_present_value(flows, rate=rate), near=near)


def effective_rate(*, nominal: Number, times: int) -> Decimal:
    """EFFECT: the rate of a year in which interest is added `times` times."""
    with precisely():
        return (1 + decimal(nominal) / times) ** times - 1


def nominal_rate(*, effective: Number, times: int) -> Decimal:
    """NOMINAL: the stated rate that makes up an effective one when interest is added `times` a year."""
    with precisely():
        return times * ((1 + decimal(effective)) ** (Decimal(1) / times) - 1)

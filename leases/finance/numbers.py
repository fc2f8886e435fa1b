"""Forty digits for rates and values, and a root that is the same on every machine. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow, localcontext
from fractions import Fraction
from itertools import pairwise
from math import isfinite

from haas.money import Number

CONTEXT = Context(prec=40, traps=[DivisionByZero, InvalidOperation, Overflow])

Curve = Callable[[Decimal], Decimal]

# Where roots are looked for: close to zero first, then outwards to a near total loss and to a thousandfold.
_STEPS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 4, 9, 20, 50, 100, 1000, 10_000, 1_000_000)
_LOSSES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.999999)


class NoRate(ValueError):
    """No rate above -100 % makes these payments worth nothing together."""


@contextmanager
def precisely(*, twice: bool = False) -> Iterator[None]:
    """Reckon in forty digits inside, or in twice as many, whatever the caller's context is."""
    with localcontext(CONTEXT) as context:
        context.prec *= 1 + twice
        yield


def decimal(value: Number) -> Decimal:
    """The number in forty digits; a Decimal or an int as it is."""
    if isinstance(value, Fraction):
        return CONTEXT.divide(Decimal(value.numerator), Decimal(value.denominator))
    return Decimal(value)


def require_both_ways(amounts: Iterable[Number]) -> None:
    """Refuse money that only flows one way.

    :raises NoRate: for it.
    """
    signs = {amount > 0 for amount in amounts if amount}
    if len(signs) < 2:
        raise NoRate("money that only flows one way has no rate")


def root(curve: Curve, *, near: float | None) -> Decimal:
    """The rate above -1 at which the curve is zero: the one that `near` leads to, else the one next to 0.

    :param near: a first approximation, if a library found one. Only where it starts from: the result has
        thirty digits that do not depend on it.
    :raises NoRate: if there is none.
    """
    with precisely():
        if near is not None and isfinite(near) and near > -1:
            found = _polished(curve, Decimal(repr(near)))
            if found is not None:
                return found
        for low, high in _brackets(curve):
            found = _polished(curve, _bisected(curve, low, high))
            if found is not None:
                return found
    raise NoRate("no rate makes these payments worth nothing together")


def _polished(curve: Curve, start: Decimal) -> Decimal | None:
    """Newton's method with a difference for the slope, to thirty digits; None if it does not settle."""
    rate = start
    for _ in range(60):
        width = max(abs(rate), Decimal("1e-3")) * Decimal("1e-16")
        try:
            here = curve(rate)
            if not here:
                return _shown(rate)
            slope = (curve(rate + width) - curve(rate - width)) / (2 * width)
            step = here / slope
        except (ArithmeticError, ValueError):
            return None
        rate -= step
        if rate <= -1:
            return None
        if abs(step) <= Decimal("1e-24") * max(abs(rate), Decimal(1)):
            # The step before had half as many digits right: all that are shown are.
            return _shown(rate)
    return None


def _shown(rate: Decimal) -> Decimal:
    return rate.quantize(Decimal("1e-24")).normalize() + 0


def _brackets(curve: Curve) -> Iterator[tuple[Decimal, Decimal]]:
    """Pairs of rates between which the curve changes its sign, those next to zero first."""
    upper = [Decimal(0), *(Decimal(str(step)) for step in _STEPS)]
    lower = [Decimal(0), *(-Decimal(str(step)) for step in _LOSSES)]
    pairs = [*pairwise(upper), *pairwise(lower)]
    for near, far in sorted(pairs, key=lambda pair: abs(pair[1])):
        try:
            at_near, at_far = curve(near), curve(far)
        except (ArithmeticError, ValueError):
            continue
        if not at_near:
            yield near, near
        elif (at_near < 0) != (at_far < 0) or not at_far:
            yield near, far


def _bisected(curve: Curve, low: Decimal, high: Decimal) -> Decimal:
    below = curve(low) < 0
    for _ in range(60):
        middle = (low + high) / 2
        if (curve(middle) < 0) == below:
            low = middle
        else:
            high = middle
    return (low + high) / 2

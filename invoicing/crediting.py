"""How much of a billed line goes back: an amount, pieces or days, and never more than is left. Pure.

Pieces and days share what is left of the line: two of the three pieces that are left take two thirds of it.
So the last ones take the rest to the last cent, whatever was credited by amount before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from haas.calendar import Period
from haas.errors import Conflict, InvalidInput
from haas.money import exponent, round_minor
from leases.proration import prorate
from leases.terms import Proration

_NOTHING = Decimal(0)


class AlreadyCredited(Conflict):
    """More would be given back than was charged."""

    code = "already_credited"


class CreditedBy(StrEnum):
    """What was counted to find out how much goes back."""

    AMOUNT = "amount"
    QUANTITY = "quantity"
    DAYS = "days"


@dataclass(frozen=True, slots=True)
class Part:
    """How much of a line goes back: net `amount`, or pieces, or the days from `start` to `until` (exclusive).

    Without `until` the days go to the end of the period. Nothing of it: all that is left of the line.
    """

    amount: Decimal | None = None
    quantity: Decimal | None = None
    start: date | None = None
    until: date | None = None

    @property
    def by(self) -> CreditedBy:
        """What is counted.

        :raises InvalidInput: if it says several of them.
        """
        said = [
            by
            for by, is_said in (
                (CreditedBy.AMOUNT, self.amount is not None),
                (CreditedBy.QUANTITY, self.quantity is not None),
                (CreditedBy.DAYS, self.start is not None or self.until is not None),
            )
            if is_said
        ]
        if len(said) > 1:
            raise InvalidInput("Say for each line an amount, pieces or days: one of them.", field="lines")
        return said[0] if said else CreditedBy.AMOUNT

    @property
    def is_all(self) -> bool:
        """Whether all that is left goes back."""
        return self == Part()


@dataclass(frozen=True, slots=True)
class Creditable:
    """A line of an invoice as it was billed, and what is left of it after the credit notes so far."""

    position: int
    net: Decimal
    left: Decimal
    quantity: Decimal
    quantity_left: Decimal
    currency: str
    period: Period | None = None
    days_credited: Sequence[Period] = ()
    proration: Proration = Proration.ACTUAL_PERIOD  # what a part of the period costs


@dataclass(frozen=True, slots=True)
class Given:
    """What goes back of a line: `net` before tax, for so many pieces, or for the days of `period`.

    `days` of `basis_days` as the line's proration counts and the paper prints them; 0 if not by days.
    """

    by: CreditedBy
    net: Decimal
    quantity: Decimal = Decimal(1)
    period: Period | None = None
    days: int = 0
    basis_days: int = 0


def give_back(line: Creditable, part: Part) -> Given:
    """What `part` of the line comes to.

    :raises AlreadyCredited: if more would go back than is left: of the amount, the pieces or the days.
    :raises InvalidInput: if it comes to nothing, or the line does not count what is asked for.
    """
    by = part.by
    if by is CreditedBy.QUANTITY:
        return _pieces(line, part.quantity or _NOTHING)
    if by is CreditedBy.DAYS:
        return _days(line, part)
    return _amount(line, line.left if part.amount is None else part.amount)


def _amount(line: Creditable, amount: Decimal) -> Given:
    if amount < 0 or round(amount, exponent(line.currency)) != amount:
        raise InvalidInput(f"{amount} is no amount of {line.currency} to give back.", field="amounts")
    if amount > line.left:
        raise AlreadyCredited(f"Only {line.left} {line.currency} of that line is left.", field="amounts")
    return Given(CreditedBy.AMOUNT, amount, period=line.period)


def _pieces(line: Creditable, quantity: Decimal) -> Given:
    if quantity <= 0:
        raise InvalidInput(f"Line {line.position}: give back more than no piece.", field="lines")
    if quantity > line.quantity_left:
        raise AlreadyCredited(
            f"Line {line.position}: only {_plain(line.quantity_left)} of {_plain(line.quantity)} are left.",
            field="lines",
        )
    net = _share(line, Fraction(quantity) / Fraction(line.quantity_left))
    return Given(CreditedBy.QUANTITY, net, quantity=quantity, period=line.period)


def _days(line: Creditable, part: Part) -> Given:
    whole = line.period
    if whole is None or whole.days < 2:
        raise InvalidInput(
            f"Line {line.position} is for no period of days: give back an amount or pieces.", field="lines"
        )
    unused = _unused(line, whole, part)
    for before in line.days_credited:
        if before.overlap(unused):
            raise AlreadyCredited(
                f"Line {line.position}: the days from {before.start:%d %B %Y} to {before.last_day:%d %B %Y}"
                " are credited already.",
                field="lines",
            )
    rest = whole.days - sum(before.days for before in line.days_credited)
    counted = line.proration if line.proration is Proration.THIRTY_DAY else Proration.ACTUAL_PERIOD
    share, *others = (prorate(each, whole, counted) for each in (unused, *line.days_credited))
    given = sum((each.fraction for each in others), Fraction(0))
    if unused.days == rest or line.proration is Proration.NONE:
        fraction = Fraction(1)  # the last days, or a period that is owed only if it was complete
    elif line.proration is Proration.WHOLE:
        raise InvalidInput(
            f"Line {line.position}: by the lease's terms a period that was begun is owed whole."
            " Give back an amount instead.",
            field="lines",
        )
    else:
        fraction = share.fraction / (1 - given) if given < 1 else Fraction(0)
    net = _share(line, fraction)
    return Given(CreditedBy.DAYS, net, period=unused, days=share.days, basis_days=share.basis_days)


def _unused(line: Creditable, whole: Period, part: Part) -> Period:
    start, until = part.start or whole.start, part.until or whole.end
    if not whole.start <= start < until <= whole.end:
        raise InvalidInput(
            f"Line {line.position}: choose days from {whole.start:%d %B %Y} to {whole.last_day:%d %B %Y}.",
            field="lines",
        )
    return Period(start, until)


def _share(line: Creditable, fraction: Fraction) -> Decimal:
    net = line.left if fraction == 1 else round_minor(Fraction(line.left) * fraction, line.currency)
    if not line.left:
        raise AlreadyCredited(f"Line {line.position}: nothing is left to credit.", field="lines")
    if net <= 0:
        raise InvalidInput(f"Line {line.position}: that comes to nothing.", field="lines")
    return min(net, line.left)


def _plain(figure: Decimal) -> str:
    return f"{figure.normalize():f}"


def days_gone(by_hand: Sequence[Period], *, whole: Period | None, cuts: Sequence[date]) -> list[Period]:
    """The days of a line that went back: those by hand, and those from a day on to which a run cut it.

    What a run takes back bears the period that is owed still: its end is the `cut`.
    """
    if whole is None or not cuts or not whole.start < min(cuts) < whole.end:
        return list(by_hand)
    cut = min(cuts)
    kept = [Period(each.start, min(each.end, cut)) for each in by_hand if each.start < cut]
    return [*kept, Period(cut, whole.end)]


def price_of(given: Given) -> tuple[Decimal, Decimal]:
    """Price and base quantity that, times the pieces, round to the net: the price of one where that does."""
    if given.quantity == 1:
        return given.net, Decimal(1)
    one = Decimal(round(Fraction(given.net) / Fraction(given.quantity) * 10**6)) / 10**6
    exact = abs(Fraction(one) * Fraction(given.quantity) - Fraction(given.net))
    return (one, Decimal(1)) if exact < Fraction(1, 10**4) else (given.net, given.quantity)

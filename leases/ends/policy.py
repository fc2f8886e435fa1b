"""What a partner has laid down for the end of its leases: every date, percent and curve is a field. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from haas.errors import InvalidInput

POLICY = "lease_ends"  # its key in the partner's policies
GRADES = ("A", "B", "C", "D", "X")
MONTHS_MAX, PCT_MAX, DAYS_MAX = 240, Decimal(500), 730

Curve = tuple[tuple[int, Decimal], ...]  # (whole months since first service, percent of cost), ascending


class Option(StrEnum):
    """What may become of a device when its lease ends."""

    RETURN = "return"
    RENEW = "renew"
    REFRESH = "refresh"  # it goes back and a newer model takes its place
    BUY = "buy"


class Method(StrEnum):
    """How the price of a device is found that its client buys."""

    CURVE = "fmv"  # fair market value by the partner's curve and the device's grade
    APPRAISAL = "appraisal"  # fair market value as somebody appraised it
    FIXED = "fixed_pct"  # a percent of its cost
    NOMINAL = "nominal"  # a token, such as 1.00
    BOOK = "book_plus"  # what it stands at in the books, and a margin


class TitlePasses(StrEnum):
    """When a device that is bought becomes the client's."""

    ON_PAYMENT = "on_payment"
    ON_ISSUE = "on_issue"


class LossBasis(StrEnum):
    """Where a stipulated loss value comes from."""

    COMPUTED = "computed"  # present value of the rents ahead and of the residual value
    CURVE = "curve"  # a percent of cost by month


@dataclass(frozen=True, slots=True)
class EndPolicy:
    """A partner's rules for the end of a lease; each may be set, these are what holds until then.

    Percents are of the base rent (renewal), of cost (curves, fixed price) or of book value (margin). The
    discount rate is nominal a year, a twelfth of it for each whole month.
    """

    notice_days: tuple[int, ...] = (180, 90, 60, 30)
    choice_days: int = 30  # a client may choose until so many days before the end
    renewal_months: int = 12
    renewal_pct: Decimal = Decimal(70)
    buyout_method: str = Method.CURVE
    fixed_pct: Decimal = Decimal(10)
    nominal_amount: Decimal = Decimal(1)
    margin_pct: Decimal = Decimal(15)
    quote_days: int = 30
    title_passes: str = TitlePasses.ON_PAYMENT
    value_curve: Curve = (
        (0, Decimal(100)), (12, Decimal(60)), (24, Decimal(40)), (36, Decimal(25)), (48, Decimal(15)),
        (60, Decimal(8)),
    )  # fmt: skip
    grade_pct: tuple[tuple[str, Decimal], ...] = (
        ("A", Decimal(110)), ("B", Decimal(100)), ("C", Decimal(75)), ("D", Decimal(40)), ("X", Decimal(0)),
    )  # fmt: skip
    ungraded_as: str = "B"  # what never came back was never inspected
    loss_basis: str = LossBasis.COMPUTED
    loss_discount_pct: Decimal = Decimal(6)
    loss_curve: Curve = ((0, Decimal(105)), (12, Decimal(80)), (24, Decimal(55)), (36, Decimal(30)))

    @classmethod
    def of_policies(cls, policies: Mapping[str, Any]) -> EndPolicy:
        """The partner's own rules, as its policies keep them."""
        kept = policies.get(POLICY) or {}
        chosen = {
            each.name: _READERS.get(each.name, str)(kept[each.name])
            for each in fields(cls)
            if kept.get(each.name) not in (None, "", [])
        }
        return cls(**chosen)

    def kept(self) -> dict[str, Any]:
        """As JSON keeps it: decimals as text."""
        return {name: _plain(value) for name, value in asdict(self).items()}

    def check(self) -> EndPolicy:
        """Refuse rules that nobody could follow.

        :raises InvalidInput: naming the field.
        """
        if not self.notice_days or not all(0 < days <= DAYS_MAX for days in self.notice_days):
            raise InvalidInput(
                f"Give days before the end, 1 to {DAYS_MAX}, such as 180, 90, 60, 30.", field="notice_days"
            )
        for name, least, most in _WHOLE:
            if not least <= getattr(self, name) <= most:
                raise InvalidInput(f"Choose {least} to {most}.", field=name)
        for name in _PERCENTS:
            if not 0 <= getattr(self, name) <= PCT_MAX:
                raise InvalidInput(f"Choose 0 to {PCT_MAX} percent.", field=name)
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise InvalidInput(f"Choose one of {', '.join(choices)}.", field=name)
        for name in ("value_curve", "loss_curve"):
            _check_curve(getattr(self, name), field=name)
        return self

    def grade_factor(self, grade: str | None) -> Decimal:
        """Percent of the curve's value that a device of this grade is worth."""
        return dict(self.grade_pct).get(grade or self.ungraded_as, Decimal(0))


def read_days(text: str) -> tuple[int, ...]:
    """`180, 90, 60, 30` as days, the most first and each once.

    :raises InvalidInput: for anything but whole numbers.
    """
    parts = [part for part in text.replace(",", " ").split() if part]
    if not parts or not all(part.isascii() and part.isdigit() and len(part) < 5 for part in parts):
        raise InvalidInput("Write days separated by commas, such as 180, 90, 60, 30.", field="notice_days")
    return tuple(sorted({int(part) for part in parts}, reverse=True))


def read_curve(text: str, *, field: str) -> Curve:
    """`0:100, 12:60, 24:40` as points of a curve: month and percent of cost.

    :raises InvalidInput: naming the field.
    """
    points = []
    for part in text.replace(";", ",").split(","):
        if not part.strip():
            continue
        month, _, pct = part.partition(":")
        try:
            points.append((int(month.strip()), Decimal(pct.strip())))
        except (ValueError, InvalidOperation) as wrong:
            raise InvalidInput(
                "Write months and percents of cost, such as 0:100, 12:60, 24:40.", field=field
            ) from wrong
    curve = tuple(sorted(points))
    _check_curve(curve, field=field)
    return curve


def write_curve(curve: Curve) -> str:
    """A curve as people type it."""
    return ", ".join(f"{month}:{pct.normalize():f}" for month, pct in curve)


def _check_curve(curve: Curve, *, field: str) -> None:
    months = [month for month, _ in curve]
    if not curve or len(set(months)) != len(months) or not all(0 <= each <= MONTHS_MAX for each in months):
        raise InvalidInput(f"Give each month from 0 to {MONTHS_MAX} once.", field=field)
    if not all(pct.is_finite() and 0 <= pct <= PCT_MAX for _, pct in curve):
        raise InvalidInput(f"Percents are 0 to {PCT_MAX}.", field=field)


def _curve(kept: Sequence[Sequence[Any]]) -> Curve:
    return tuple(sorted((int(month), Decimal(str(pct))) for month, pct in kept))


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, Decimal) else value


def _decimal(kept: Any) -> Decimal:
    return Decimal(str(kept))


_WHOLE = (("choice_days", 0, DAYS_MAX), ("renewal_months", 1, 120), ("quote_days", 1, 365))
_PERCENTS = ("renewal_pct", "fixed_pct", "margin_pct", "loss_discount_pct")
_CHOICES: dict[str, tuple[str, ...]] = {
    "buyout_method": tuple(Method),
    "title_passes": tuple(TitlePasses),
    "ungraded_as": GRADES,
    "loss_basis": tuple(LossBasis),
}
_READERS: dict[str, Any] = {
    "notice_days": lambda kept: tuple(sorted({int(each) for each in kept}, reverse=True)),
    **dict.fromkeys(("choice_days", "renewal_months", "quote_days"), int),
    **dict.fromkeys((*_PERCENTS, "nominal_amount"), _decimal),
    **dict.fromkeys(("value_curve", "loss_curve"), _curve),
    "grade_pct": lambda kept: tuple((str(grade), Decimal(str(pct))) for grade, pct in kept),
}

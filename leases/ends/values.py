"""What a device is worth and what its client pays for it, as of any date. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction

from haas.calendar import whole_months
from haas.errors import InvalidInput
from haas.money import round_minor
from leases.ends.policy import Curve, EndPolicy, Method

# What a price tells of the lease that it ends; words are the doors'.
NOT_A_TRUE_LEASE = "not_a_true_lease"  # UCC 1-203(b)(4): an option for nominal consideration is security
SALES_TYPE = "sales_type"  # ASC 842-10-25-2(b): an option reasonably certain to be exercised


@dataclass(frozen=True, slots=True)
class Valued:
    """What is known of a device on the day for which it is priced."""

    cost: Decimal
    currency: str
    in_service_on: date | None
    grade: str | None
    book_value: Decimal
    appraised: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """A price, how it came about, and what it says of the lease. Figures are in `currency`."""

    method: Method
    amount: Decimal
    currency: str
    as_of: date
    basis: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def pct_at(curve: Curve, months: int) -> Fraction:
    """The curve's percent at a month: straight between points, level before and after them."""
    before = curve[0]
    for point in curve:
        if point[0] >= months:
            if point[0] == before[0]:
                return Fraction(point[1])
            way = Fraction(months - before[0], point[0] - before[0])
            return Fraction(before[1]) + (Fraction(point[1]) - Fraction(before[1])) * way
        before = point
    return Fraction(before[1])


def fair_market_value(device: Valued, *, as_of: date, policy: EndPolicy) -> Decimal:
    """Cost by the partner's curve at the device's age in whole months, times its grade's percent.

    1,200 after 36 months at 25 percent, grade C at 75 percent: 1,200 x 0.25 x 0.75 = 225.00. What was
    never in service is worth its cost; nothing is worth more than it cost.
    """
    age = 0 if device.in_service_on is None else whole_months(device.in_service_on, as_of)
    worth = Fraction(device.cost) * pct_at(policy.value_curve, age) / 100
    worth = worth * Fraction(policy.grade_factor(device.grade)) / 100
    return min(round_minor(worth, device.currency), device.cost)


def buyout_price(device: Valued, *, as_of: date, policy: EndPolicy, method: Method | None = None) -> Price:
    """What the client pays for the device on that day.

    :raises InvalidInput: for an appraisal that nobody made.
    """
    wanted = Method(method or policy.buyout_method)
    basis = {"grade": device.grade or policy.ungraded_as} if wanted is Method.CURVE else {}
    warnings: tuple[str, ...] = ()
    match wanted:
        case Method.CURVE:
            amount = fair_market_value(device, as_of=as_of, policy=policy)
            age = 0 if device.in_service_on is None else whole_months(device.in_service_on, as_of)
            basis |= {"cost": str(device.cost), "age_months": str(age)}
        case Method.APPRAISAL:
            if device.appraised is None or device.appraised < 0:
                raise InvalidInput("Enter what it was appraised at.", field="appraised")
            amount = round_minor(device.appraised, device.currency)
            basis["appraised"] = str(amount)
        case Method.FIXED:
            amount = round_minor(Fraction(device.cost) * Fraction(policy.fixed_pct) / 100, device.currency)
            basis |= {"cost": str(device.cost), "pct": str(policy.fixed_pct)}
        case Method.NOMINAL:
            amount = round_minor(policy.nominal_amount, device.currency)
            warnings = (NOT_A_TRUE_LEASE, SALES_TYPE)
        case Method.BOOK:
            share = 1 + Fraction(policy.margin_pct) / 100
            amount = round_minor(Fraction(device.book_value) * share, device.currency)
            basis |= {"book_value": str(device.book_value), "pct": str(policy.margin_pct)}
    return Price(wanted, amount, device.currency, as_of, basis, warnings)

"""What an option is to its lessor: yield, and its class by ASC 842 and IFRS 16 with what was looked at. Pure.

An option is judged as a whole, by the shortest life among its devices: the cautious reading where devices
differ. Nothing of it is ever told to a client: it shows what things cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from leases.finance.classification import (
    Caution,
    Classification,
    Facts,
    Framework,
    Thresholds,
    classify,
)
from leases.finance.numbers import NoRate
from leases.finance.pricing import Deal, Yield, value_of_payments, yield_of
from leases.quotes.figures import Margin, PricedLine, margin
from leases.terms import Timing


@dataclass(frozen=True, slots=True)
class Terms:
    """How long it runs and how it is paid."""

    term_months: int
    interval_months: int
    timing: str
    currency: str


@dataclass(frozen=True, slots=True)
class Assessment:
    """What only the partner sees of an option."""

    margin: Margin
    yields: Yield | None  # none where no cost is known, or nothing comes back
    payments_value: Decimal | None  # of the hardware's rents, at the implicit rate
    life_months: int | None  # the shortest among its devices
    classes: tuple[Classification, ...]  # ASC 842, IFRS 16; none where they cannot be told

    @property
    def is_nominal(self) -> bool:
        """Whether the price at the end is one that everybody would pay: no true lease (UCC 1-203)."""
        return any(Caution.NOT_A_TRUE_LEASE in each.cautions for each in self.classes)


def assess(
    terms: Terms,
    lines: Sequence[PricedLine],
    *,
    lives: Sequence[int],
    buyout_price: Decimal | None,
    thresholds: Thresholds,
) -> Assessment:
    """Judge an option by its figures.

    :param lives: the useful lives of its devices in months, new at commencement.
    :param buyout_price: at which all of it can be bought at the end.
    """
    found = margin(
        lines,
        term_months=terms.term_months,
        interval_months=terms.interval_months,
        currency=terms.currency,
    )
    life = min(lives, default=None)
    is_whole = terms.term_months % terms.interval_months == 0
    if not found.cost or found.lines_without_cost or life is None or not is_whole:
        return Assessment(found, None, None, life, ())
    deal = Deal(
        cost=found.cost,
        residual=found.residual,
        term_months=terms.term_months,
        currency=terms.currency,
        interval_months=terms.interval_months,
        timing=Timing(terms.timing),
    )
    try:
        yields = yield_of(deal, rent=found.hardware_rent)
    except NoRate:
        return Assessment(found, None, None, life, ())
    value = value_of_payments([found.hardware_rent] * deal.periods, rate=yields.periodic, timing=deal.timing)
    facts = Facts(
        term_months=Decimal(terms.term_months),
        remaining_life_months=Decimal(life),
        payments_value=value,
        fair_value=found.cost,
        option_price=buyout_price,
    )
    classes = tuple(classify(facts, framework=framework, thresholds=thresholds) for framework in Framework)
    return Assessment(found, yields, value, life, classes)

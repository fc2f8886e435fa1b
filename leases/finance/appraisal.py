"""An offer's places -> the facts that its class is decided by, with the rate implicit in it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from haas.money import round_places
from leases.finance.classification import Classification, Facts, Framework, Thresholds, classify
from leases.finance.numbers import NoRate, decimal, precisely
from leases.finance.pricing import implicit_rate, value_of_payments
from leases.finance.rates import Compounding, annual_rate
from leases.terms import Timing

NOTHING = Decimal(0)
RATE_PLACES, VALUE_PLACES = 8, 3  # as they are kept beside the result


@dataclass(frozen=True, slots=True)
class Place:
    """One piece of hardware in a lease, or several alike taken together.

    `residual` is what it is expected to be worth at the end of the term; of it the client guarantees
    `guaranteed`, and somebody else `third_party`.
    """

    fair_value: Decimal
    rent: Decimal  # of one period
    residual: Decimal
    life_months: int  # from new
    age_months: int = 0
    guaranteed: Decimal = NOTHING
    third_party: Decimal = NOTHING

    @property
    def remaining_life_months(self) -> int:
        """What is left of its life; an asset beyond it has a month."""
        return max(self.life_months - self.age_months, 1)


@dataclass(frozen=True, slots=True)
class Offer:
    """A lease as it is offered or as it commences: its hardware, without services, and how it is paid."""

    places: Sequence[Place]
    term_months: int
    interval_months: int
    timing: Timing
    option_price: Decimal | None = None
    option_certain: bool = False
    transfers_title: bool = False
    specialised: bool = False
    collection_probable: bool = True


@dataclass(frozen=True, slots=True)
class Appraisal:
    """What an offer comes to: the implicit rate of a month, and the facts for its class."""

    monthly_rate: Decimal | None  # none: nothing comes back that a rate could be found for
    facts: Facts

    @property
    def annual_rate(self) -> Decimal | None:
        """The implicit rate a year, effective."""
        if self.monthly_rate is None:
            return None
        return annual_rate(self.monthly_rate, months=1, compounding=Compounding.EFFECTIVE)

    def inputs(self) -> dict[str, Any]:
        """Every figure that went in, as JSON keeps it."""
        return {
            **{name: _plain(value) for name, value in asdict(self.facts).items()},
            "implicit_rate": plain_figure(self.annual_rate),
        }


def appraise(offer: Offer) -> Appraisal:
    """Discount what the hardware brings in at the rate implicit in the offer.

    Where places differ in life, that of the predominant one counts (ASC 842-10-25-5): the one with the
    highest value.

    :raises ValueError: for an offer without hardware that has a value.
    """
    fair_value = sum((place.fair_value for place in offer.places), NOTHING)
    if fair_value <= 0:
        raise ValueError("there is no hardware with a value in this lease")
    rents = monthly_rents(
        sum((place.rent for place in offer.places), NOTHING),
        term_months=offer.term_months,
        interval_months=offer.interval_months,
        timing=offer.timing,
    )
    residual = sum((place.residual for place in offer.places), NOTHING)
    guaranteed = sum((place.guaranteed for place in offer.places), NOTHING)
    third_party = sum((place.third_party for place in offer.places), NOTHING)
    try:
        rate: Decimal | None = implicit_rate(
            rents, fair_value=fair_value, residual=residual, timing=offer.timing
        )
    except NoRate:
        rate = None
    at = rate or NOTHING
    with precisely():
        payments_value = value_of_payments(rents, rate=at, residual=guaranteed, timing=offer.timing)
        third_party_value = third_party / (1 + at) ** offer.term_months
    predominant = max(offer.places, key=lambda place: place.fair_value)
    facts = Facts(
        term_months=Decimal(offer.term_months),
        remaining_life_months=Decimal(predominant.remaining_life_months),
        total_life_months=Decimal(predominant.life_months),
        payments_value=payments_value,
        fair_value=fair_value,
        third_party_value=third_party_value,
        transfers_title=offer.transfers_title,
        option_price=offer.option_price,
        option_value=None if offer.option_price is None else residual,
        option_certain=offer.option_certain,
        specialised=offer.specialised,
        collection_probable=offer.collection_probable,
    )
    return Appraisal(rate, facts)


def classify_offer(
    offer: Offer, *, thresholds: Thresholds
) -> tuple[Appraisal, dict[Framework, Classification]]:
    """What an offer is by both frameworks, with its appraisal: for a quote's option, and at commencement.

    :raises ValueError: for an offer without hardware that has a value.
    """
    appraisal = appraise(offer)
    return appraisal, {
        framework: classify(appraisal.facts, framework=framework, thresholds=thresholds)
        for framework in Framework
    }


def monthly_rents(rent: Decimal, *, term_months: int, interval_months: int, timing: Timing) -> list[Decimal]:
    """A rent of longer periods on its months: in the first of each in advance, in the last in arrears.

    A last period that the term cuts short costs its months.
    """
    rents = [NOTHING] * term_months
    for start in range(0, term_months, interval_months):
        end = min(start + interval_months, term_months)
        with precisely():
            due = rent * (end - start) / interval_months
        rents[start if timing is Timing.ADVANCE else end - 1] = due
    return rents


def expected_residual(
    *, cost: Decimal, residual_at_end_of_life: Decimal, life_months: int, age_months: int
) -> Decimal:
    """What an asset is expected to be worth at an age: a straight line down to its life's end."""
    with precisely():
        worn = (cost - residual_at_end_of_life) * min(age_months, life_months) / decimal(life_months)
        return cost - worn


def plain_figure(figure: Decimal | None, *, places: int = RATE_PLACES) -> str | None:
    """A rate or a share as JSON keeps it, if there is one."""
    return None if figure is None else f"{round_places(figure, places).normalize():f}"


def _plain(value: Any) -> Any:
    return plain_figure(value, places=VALUE_PLACES) if isinstance(value, Decimal) else value

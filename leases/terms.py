"""LeaseTerms: start, length, rent, timing, proration. A value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Protocol, TypeVar

from haas.calendar import Cycle, add_months, first_boundary, local_day, month_day
from haas.errors import InvalidInput
from haas.money import exponent
from leases.daycount import day_count

INTERVALS = (1, 3, 6, 12)  # months from one payment to the next
MONEY_MAX = Decimal("1e11")
END_OPTIONS = ("return", "renew", "buyout_fmv", "buyout_fixed")


class Timing(StrEnum):
    """When a period's rent falls due: on its first day, or on the day after its last."""

    ADVANCE = "advance"
    ARREARS = "arrears"


class CommercialModel(StrEnum):
    """How a lease is sold. The model says how it ends and who bears what is left at the end."""

    TERM = "term"  # a fixed term; leaving early costs what the agreement says
    RENTAL = "rental"  # ends by notice alone
    SUBSCRIPTION = "subscription"  # quantities that follow the client's need
    PASS_THROUGH = "pass_through"  # noqa: S105 - a funder's lease, passed on; no secret


class LineKind(StrEnum):
    """What a line charges for."""

    ASSET = "asset"  # the place of one asset
    SERVICE = "service"
    ONE_OFF = "one_off"
    POOLED = "pooled"  # a quantity without assets of its own


class Component(StrEnum):
    """What of a line is a lease: only the hardware is; services are revenue of their own kind."""

    HARDWARE = "hardware"
    SERVICE = "service"


def component_of(kind: str) -> Component:
    """What a line of this kind is usually made of."""
    return Component.HARDWARE if kind in (LineKind.ASSET, LineKind.POOLED) else Component.SERVICE


class Proration(StrEnum):
    """What part of a period costs. The rule is a field of the agreement."""

    ACTUAL_PERIOD = "actual_period"  # its days over the days of the anchored period it lies in
    THIRTY_DAY = "thirty_day"  # months of 30 days: 30E/360 days over those of the anchored period
    WHOLE = "whole"  # a period that was begun is owed whole
    NONE = "none"  # only a period that was complete is owed


class Dated(Protocol):
    """What holds from a day on."""

    @property
    def effective_from(self) -> date:
        """The first day."""


Step = TypeVar("Step", bound=Dated)


@dataclass(frozen=True, slots=True)
class RentStep:
    """From this day on a full period costs this."""

    effective_from: date
    rent: Decimal


@dataclass(frozen=True, slots=True)
class Abated:
    """Days for which a share of the rent is not owed: 1 = all of it. `ends_on` is exclusive."""

    starts_on: date
    ends_on: date
    share: Decimal


def steps_in_force(agreed: Iterable[Step]) -> tuple[Step, ...]:
    """The steps by day, from steps in the order in which they were agreed.

    What was agreed last holds from its day on, whatever was agreed before for later days.
    """
    standing: list[Step] = []
    for step in agreed:
        standing = [each for each in standing if each.effective_from < step.effective_from]
        standing.append(step)
    return tuple(standing)


@dataclass(frozen=True, slots=True)
class LeaseTerms:
    """What was agreed about the rent of one line; every convention that changes a number is a field.

    `rent` is that of one full period of `interval_months`, until the first of the `steps` (by day). The
    base term runs from `commences_on` for `term_months` months (or up to `ends_on`, exclusive, where an
    amendment moved it). Periods begin on `anchor_day`, clamped to the length of each month. Days before the
    base term cost interim rent, days after it `holdover_pct` of the rent; either may be switched off
    (False, None).
    """

    commences_on: date
    term_months: int
    rent: Decimal
    currency: str
    timing: Timing = Timing.ADVANCE
    anchor_day: int = 1
    interval_months: int = 1
    proration: Proration = Proration.ACTUAL_PERIOD
    day_count: str = "actual"
    time_zone: str = "UTC"
    interim_rent: bool = True
    holdover_pct: Decimal | None = Decimal(100)
    ends_on: date | None = None
    steps: tuple[RentStep, ...] = ()
    abated: tuple[Abated, ...] = ()

    def __post_init__(self) -> None:
        """Refuse terms that have no meaning, so that the rules need not ask again."""
        if self.term_months < 1 or self.interval_months < 1:
            raise ValueError("term and billing interval are at least one month")
        if not 1 <= self.anchor_day <= 31:
            raise ValueError(f"anchor day {self.anchor_day} is not a day of a month")
        if self.rent < 0:
            raise ValueError(f"rent {self.rent} is negative")
        if any(step.rent < 0 for step in self.steps):
            raise ValueError("a rent is negative")
        if any(one.effective_from >= two.effective_from for one, two in pairwise(self.steps)):
            raise ValueError("the steps of a rent are not in the order of their days")
        exponent(self.currency)
        day_count(self.day_count)

    @property
    def is_level(self) -> bool:
        """Whether the rent is the same throughout, as that of nearly every line is."""
        return not self.steps and not self.abated

    def rent_on(self, day: date) -> Decimal:
        """What a full period costs by the terms of that day, abatements apart."""
        rent = self.rent
        for step in self.steps:
            if step.effective_from > day:
                break
            rent = step.rent
        return rent

    @property
    def base_end(self) -> date:
        """The first day after the base term."""
        return self.ends_on or self.after_months(self.term_months)

    def after_months(self, months: int) -> date:
        """The day on which so many months of the base term are over."""
        return months_on(self.commences_on, months, anchor_day=self.anchor_day)

    @property
    def cycle(self) -> Cycle:
        """The grid of billing periods: on the anchor day, from the first one on or after commencement."""
        anchor = first_boundary(self.commences_on, day=self.anchor_day)
        return Cycle(anchor, months=self.interval_months, day=self.anchor_day)


def months_on(start: date, months: int, *, anchor_day: int) -> date:
    """So many months after a day of a lease; a boundary of its periods leads to a boundary.

    With periods from the 31st a term that begins on 28 February and has one month ends before 31 March: a
    term of whole periods costs whole rents, and no day of it is left over.
    """
    is_boundary = start == month_day(start.year, start.month, anchor_day)
    return add_months(start, months, day=anchor_day if is_boundary else None)


def commencement(*, accepted_on: date, anchor_day: int, interim_rent: bool = True) -> date:
    """When the base term begins: on the first anchor on or after acceptance, the days before as interim rent.

    Without interim rent the base term begins on acceptance itself.
    """
    return first_boundary(accepted_on, day=anchor_day) if interim_rent else accepted_on


def rent_start(accepted_at: datetime, time_zone: str) -> date:
    """The first rent day: the client's local calendar day of acceptance."""
    return local_day(accepted_at, time_zone)


def check_offer(
    *,
    term_months: int,
    timing: str,
    anchor_day: int,
    interval_months: int,
    end_option: str,
    commercial_model: str = CommercialModel.TERM,
) -> None:
    """Refuse terms that nobody could bill.

    :raises InvalidInput: naming the field.
    """
    if not 1 <= term_months <= 120:
        raise InvalidInput("The term is 1 to 120 months.", field="term_months")
    if not 1 <= anchor_day <= 31:
        raise InvalidInput("The billing day is 1 to 31.", field="anchor_day")
    if interval_months not in INTERVALS:
        raise InvalidInput("Rent is billed every 1, 3, 6 or 12 months.", field="interval_months")
    if timing not in tuple(Timing):
        raise InvalidInput("Rent is due in advance or in arrears.", field="timing")
    if end_option not in END_OPTIONS:
        raise InvalidInput(f"At the end: {', '.join(END_OPTIONS)}.", field="end_option")
    if commercial_model not in tuple(CommercialModel):
        raise InvalidInput(f"Sold as: {', '.join(CommercialModel)}.", field="commercial_model")


def check_amount(*, quantity: Decimal, unit_price: Decimal) -> None:
    """Refuse so many at such a price as no invoice could hold.

    :raises InvalidInput: naming the field.
    """
    if quantity <= 0:
        raise InvalidInput("The quantity is more than 0.", field="quantity")
    if quantity * unit_price >= MONEY_MAX:
        raise InvalidInput("So many at this price are more than an invoice can hold.", field="quantity")

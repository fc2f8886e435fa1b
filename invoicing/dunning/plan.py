"""A dunning plan: a table of days and what happens on each. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from string import Formatter

import msgspec

from haas.errors import InvalidInput
from haas.money import round_minor

# What a partner's texts may name. Nothing else is filled in: they are texts, not programs.
PLACEHOLDERS = frozenset(
    {"client", "contact", "numbers", "amount", "fee", "interest", "oldest_due", "days", "pay_by", "partner"}
)
STEPS_MAX = 12
EARLIEST, LATEST = -30, 365  # days from the due day
_WEEKEND = 5


@dataclass(frozen=True, slots=True)
class Step:
    """What happens `days` after the due day (before it, if negative). Texts by language.

    `fee` is a fixed sum; `interest_pct` is per annum on what is open, by days over `interest_basis`.
    """

    name: str
    days: int
    subjects: Mapping[str, str]
    texts: Mapping[str, str]
    fee: Decimal = Decimal(0)
    interest_pct: Decimal = Decimal(0)
    as_letter: bool = False
    stops_charging: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in order of their days, and what is common to them."""

    steps: tuple[Step, ...]
    least_amount: Decimal = Decimal(0)  # less than this open: nobody is written to
    on_weekends: bool = False
    interest_basis: int = 365  # days of the year by which interest is reckoned: 365 or 360
    pay_within_days: int = 7  # what a reminder asks for

    def check(self) -> Plan:
        """The same plan, its steps in order.

        :raises InvalidInput: naming the step and field that cannot be.
        """
        if len(self.steps) > STEPS_MAX:
            raise InvalidInput(f"A plan has at most {STEPS_MAX} steps.", field="steps")
        if self.interest_basis not in (360, 365):
            raise InvalidInput("Reckon interest by 360 or 365 days a year.", field="interest_basis")
        seen: set[int] = set()
        for number, step in enumerate(self.steps, start=1):
            where = f"steps.{number - 1}"
            if not EARLIEST <= step.days <= LATEST:
                raise InvalidInput(
                    f"Step {number}: give a day from {EARLIEST} to {LATEST}.", field=f"{where}.days"
                )
            if step.days in seen:
                raise InvalidInput(f"Step {number}: day {step.days} has a step.", field=f"{where}.days")
            seen.add(step.days)
            if step.fee < 0 or not 0 <= step.interest_pct <= 100:
                raise InvalidInput(
                    f"Step {number}: a fee is not negative, interest 0 to 100 per cent.", field=f"{where}.fee"
                )
            if step.days <= 0 and (step.fee or step.interest_pct):
                raise InvalidInput(
                    f"Step {number}: nothing is charged for what is not overdue.", field=f"{where}.fee"
                )
            for text in (*step.subjects.values(), *step.texts.values()):
                check_text(text, field=f"{where}.text", step=number)
        ordered = tuple(sorted(self.steps, key=lambda step: step.days))
        return Plan(ordered, self.least_amount, self.on_weekends, self.interest_basis, self.pay_within_days)


def fingerprint(rules: object) -> str:
    """Of steps, or of all rules as they are kept: another for others, or another order of them."""
    return hashlib.sha256(msgspec.json.encode(rules, order="deterministic")).hexdigest()[:24]


def check_text(text: str, *, field: str, step: int) -> None:
    """Whether a text names nothing but what can be filled in.

    :raises InvalidInput: with the names that there are.
    """
    known = ", ".join(f"{{{name}}}" for name in sorted(PLACEHOLDERS))
    try:
        names = {name for _, name, spec, conversion in Formatter().parse(text) if name is not None}
        odd = [spec or conversion for _, _, spec, conversion in Formatter().parse(text) if spec or conversion]
    except ValueError as broken:
        raise InvalidInput(
            f"Step {step}: a brace {{ or }} stands alone. What is filled in: {known}.", field=field
        ) from broken
    unknown = sorted(names - PLACEHOLDERS)
    if unknown or odd:
        said = ", ".join(f"{{{name}}}" for name in unknown) or "a format after a colon"
        raise InvalidInput(f"Step {step}: {said} cannot be filled in; these can: {known}.", field=field)


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with its names replaced; plain text, whatever the values hold."""
    return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], found[0]), text)


def due_step(plan: Plan, *, due_on: date, today: date, done: Iterable[int] = ()) -> Step | None:
    """The one step that an invoice is at today, if it has not been taken: of several that are due the last.

    :param done: the days of the steps taken already. Whoever was written to on day 14 is not sent day 7's.
    """
    if not plan.on_weekends and today.weekday() >= _WEEKEND:
        return None
    passed = [step for step in plan.steps if due_on + timedelta(days=step.days) <= today]
    if not passed:
        return None
    last = passed[-1]
    if last.days < 0 and due_on <= today:
        return None  # what was to be said before the due day is not said after it
    return last if all(taken < last.days for taken in done) else None


def late_interest(
    amount: Decimal, *, rate_pct: Decimal, since: date, until: date, basis: int, currency: str
) -> Decimal:
    """Simple interest on `amount` over the days of [since, until): actual days over `basis`."""
    days = max((until - since).days, 0)
    return round_minor(Fraction(amount) * Fraction(rate_pct) / 100 * days / basis, currency)

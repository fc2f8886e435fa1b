"""Discounts and surcharges by rule -> what each line and each tax group of a paper bears. Pure.

Those of lines come first, each on what the ones before left; then those of the whole paper, likewise. A
percentage rounds half up to the minor unit, of lines once a line and of a paper once for all that it is taken
of; what spans several tax groups is shared by largest remainder, and so is each group's share by its lines.
No line goes below nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from haas.money import allocate, round_minor

LINES, PAPER = SCOPES = ("lines", "paper")
_NOTHING = Decimal(0)

TaxKey = tuple[str, Decimal]  # category and rate


@dataclass(frozen=True, slots=True)
class Rule:
    """What was agreed: a percentage, or an amount for each paper; `valid_until` is exclusive.

    It is taken of the lines of the agreement or lease that it names, if any, and of those kinds, if any.
    """

    id: str
    is_charge: bool
    scope: str
    reason: str
    reason_code: str  # UNCL 5189 of a discount, UNCL 7161 of a surcharge
    position: int
    valid_from: date
    valid_until: date | None = None
    percent: Decimal | None = None
    amount: Decimal | None = None
    currency: str = ""  # of the amount
    kinds: frozenset[str] = frozenset()
    agreement_id: str | None = None
    lease_id: str | None = None
    net_from: Decimal | None = None  # only where what it is taken of comes to that much
    net_below: Decimal | None = None  # only where it comes to less: a surcharge on small orders

    def holds(self, *, day: date, currency: str) -> bool:
        """Whether it is in force for a paper of that day and currency."""
        began = self.valid_from <= day and (self.valid_until is None or day < self.valid_until)
        return began and (self.amount is None or self.currency == currency)


@dataclass(frozen=True, slots=True)
class Chargeable:
    """A line that is charged, before any discount; never negative."""

    net: Decimal
    kind: str
    tax: TaxKey
    agreement_id: str | None = None
    lease_id: str | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """What one rule makes of a line or, of a paper, of one tax group; a discount is negative."""

    rule: Rule
    base: Decimal
    amount: Decimal
    tax: TaxKey


@dataclass(frozen=True, slots=True)
class Applied:
    """What all rules make of a paper. `lines` and `shares` go with its lines."""

    lines: tuple[tuple[Given, ...], ...]
    paper: tuple[Given, ...]
    shares: tuple[Decimal, ...]  # what each line bears of the paper's own

    def of_line(self, index: int) -> Decimal:
        """What the line's own discounts and surcharges come to."""
        return sum((given.amount for given in self.lines[index]), _NOTHING)

    def borne_by(self, index: int) -> Decimal:
        """All that a line bears: its own, and its share of the paper's."""
        return self.of_line(index) + self.shares[index]

    def by_reason(self) -> tuple[tuple[str, Decimal], ...]:
        """What each reason comes to on the whole paper, in the order of application."""
        sums: dict[str, Decimal] = {}
        for given in (*(each for line in self.lines for each in line), *self.paper):
            sums[given.rule.reason] = sums.get(given.rule.reason, _NOTHING) + given.amount
        return tuple(sums.items())


def apply_rules(rules: Iterable[Rule], lines: Sequence[Chargeable], *, currency: str, day: date) -> Applied:
    """What the rules that hold on the paper's day make of its lines, in the order of their positions."""
    holding = sorted(
        (rule for rule in rules if rule.holds(day=day, currency=currency)),
        key=lambda rule: (rule.scope == PAPER, rule.position, rule.id),
    )
    left = [line.net for line in lines]  # what each comes to so far
    of_lines: list[list[Given]] = [[] for _ in lines]
    of_paper: list[Given] = []
    shares = [_NOTHING] * len(lines)
    for rule in holding:
        bearing = [index for index, line in enumerate(lines) if _concerns(rule, line) and left[index] > 0]
        base = sum((left[index] for index in bearing), _NOTHING)
        if not bearing or not _is_of_size(rule, base):
            continue
        if rule.scope == LINES:
            for index, amount in _by_line(rule, bearing, left, currency):
                of_lines[index].append(Given(rule, left[index], amount, lines[index].tax))
                left[index] += amount
            continue
        for tax, indices, group_base, amount in _by_group(rule, bearing, lines, left, currency):
            of_paper.append(Given(rule, group_base, amount, tax))
            for index, share in zip(
                indices, allocate(amount, [left[i] for i in indices], currency=currency), strict=True
            ):
                shares[index] += share
                left[index] += share
    return Applied(tuple(tuple(given) for given in of_lines), tuple(of_paper), tuple(shares))


def _concerns(rule: Rule, line: Chargeable) -> bool:
    return (
        (rule.agreement_id is None or rule.agreement_id == line.agreement_id)
        and (rule.lease_id is None or rule.lease_id == line.lease_id)
        and (not rule.kinds or line.kind in rule.kinds)
    )


def _is_of_size(rule: Rule, base: Decimal) -> bool:
    return (rule.net_from is None or base >= rule.net_from) and (
        rule.net_below is None or base < rule.net_below
    )


def _of(rule: Rule, base: Decimal, currency: str) -> Decimal:
    """What the rule makes of so much, signed; a discount never takes more."""
    if rule.percent is not None:
        amount = round_minor(Fraction(base) * Fraction(rule.percent) / 100, currency)
    else:
        amount = rule.amount or _NOTHING
    return amount if rule.is_charge else -min(amount, base)


def _by_line(
    rule: Rule, bearing: Sequence[int], left: Sequence[Decimal], currency: str
) -> Iterable[tuple[int, Decimal]]:
    if rule.percent is not None:
        amounts = [_of(rule, left[index], currency) for index in bearing]
    else:
        base = sum((left[index] for index in bearing), _NOTHING)
        amounts = allocate(_of(rule, base, currency), [left[index] for index in bearing], currency=currency)
    return [(index, amount) for index, amount in zip(bearing, amounts, strict=True) if amount]


def _by_group(
    rule: Rule,
    bearing: Sequence[int],
    lines: Sequence[Chargeable],
    left: Sequence[Decimal],
    currency: str,
) -> Iterable[tuple[TaxKey, list[int], Decimal, Decimal]]:
    groups: dict[TaxKey, list[int]] = {}
    for index in bearing:
        groups.setdefault(lines[index].tax, []).append(index)
    bases = [sum((left[index] for index in indices), _NOTHING) for indices in groups.values()]
    whole = _of(rule, sum(bases, _NOTHING), currency)
    amounts = allocate(whole, bases, currency=currency)
    return [
        (tax, indices, base, amount)
        for (tax, indices), base, amount in zip(groups.items(), bases, amounts, strict=True)
        if amount
    ]

"""Dated rates by place -> tax per line. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from devices.tax_classes import TaxClass
from haas.errors import HaasError
from haas.money import round_places
from invoicing.totals import VatGroup, amount_places

# EN 16931 (UNTDID 5305) categories under which nothing is added, so that no rate need be on file:
# zero rated, exempt, reverse charge, intra-community, export, outside the scope.
UNTAXED = frozenset({"Z", "E", "AE", "K", "G", "O"})


class NoTaxRate(HaasError):
    """No rate is on file for the place, category and day of a supply."""

    status = 422
    code = "no_tax_rate"


@dataclass(frozen=True, slots=True)
class DatedRate:
    """A rate that holds from a day on, until a later row for the same place and category does."""

    country: str
    category: str
    rate_pct: Decimal
    valid_from: date
    name: str = ""  # what the tax is called there
    region: str = ""  # empty: where no region has a rate of its own
    tax_class: str = "standard"


def rate_on(
    rates: Iterable[DatedRate],
    *,
    country: str,
    category: str,
    day: date,
    region: str = "",
    tax_class: str = "standard",
) -> Decimal:
    """The rate in per cent that holds on `day`, the tax point of the line.

    :raises NoTaxRate: if the category is taxed and no row for it is valid by then.
    """
    found = find_rate(rates, country=country, category=category, day=day, region=region, tax_class=tax_class)
    if found is not None:
        return found.rate_pct
    if category in UNTAXED:
        return Decimal(0)
    named = "" if tax_class == TaxClass.STANDARD else f", class {tax_class.replace('_', ' ')},"
    raise NoTaxRate(
        f"No tax rate for category {category}{named} in {country} is valid on {day:%d %B %Y}. Add one first."
    )


def find_rate(
    rates: Iterable[DatedRate],
    *,
    country: str,
    category: str,
    day: date,
    region: str = "",
    tax_class: str = "standard",
) -> DatedRate | None:
    """The row that holds on `day`, if any: the region's own before that of the whole country."""
    valid = [
        rate
        for rate in rates
        if rate.country == country
        and rate.region in ("", region)
        and rate.category == category
        and rate.tax_class == tax_class
        and rate.valid_from <= day
    ]
    return max(valid, key=lambda rate: (rate.region, rate.valid_from)) if valid else None


@dataclass(frozen=True, slots=True)
class TaxableLine:
    """A line's net amount and how it is taxed."""

    net: Decimal
    category: str
    rate_pct: Decimal


@dataclass(frozen=True, slots=True)
class TaxedLines:
    """The tax of each line, in the order they were given, and the totals by category and rate."""

    taxes: tuple[Decimal, ...]
    groups: tuple[VatGroup, ...]

    @property
    def tax_total(self) -> Decimal:
        """The sum of all taxes: of the lines, and equally of the groups."""
        return sum(self.taxes, Decimal(0))


def tax_lines(lines: Sequence[TaxableLine], *, currency: str) -> TaxedLines:
    """Tax each line so that the lines of a category and rate add up to the tax on their sum.

    EN 16931 rounds once for each category and rate, on the sum. A line's tax is the step of that
    rounded running total, so no cent is lost or found between lines, groups and total; it is within
    one minor unit of the line's own tax, and negative lines (credits) are as good as others.
    """
    places = amount_places(currency)
    bases: dict[tuple[str, Decimal], Decimal] = {}
    totals: dict[tuple[str, Decimal], Decimal] = {}
    taxes = []
    for line in lines:
        key = (line.category, line.rate_pct)
        bases[key] = bases.get(key, Decimal(0)) + line.net
        running = round_places(Fraction(bases[key]) * Fraction(line.rate_pct) / 100, places)
        taxes.append(running - totals.get(key, Decimal(0)))
        totals[key] = running
    groups = tuple(
        VatGroup(category, rate, basis, totals[category, rate]) for (category, rate), basis in bases.items()
    )
    return TaxedLines(tuple(taxes), groups)


@dataclass(frozen=True, slots=True)
class TaxedSoFar:
    """What was charged of a category and rate, or given back: taxable amount and tax."""

    taxable: Decimal = Decimal(0)
    tax: Decimal = Decimal(0)


def tax_given_back(
    lines: Sequence[TaxableLine],
    *,
    before: Mapping[tuple[str, Decimal], TaxedSoFar],
    charged: Mapping[tuple[str, Decimal], TaxedSoFar],
    currency: str,
) -> TaxedLines:
    """Tax what goes back of an invoice by running totals over all of its credit notes.

    So three credit notes of 33.33, 33.33 and 33.34 at 19 % give back 6.33, 6.34 and 6.33: the 19.00 that was
    charged on 100.00. What takes all that is left of a category and rate takes what is left of its tax, also
    where prices contained it and the rate on the net comes to another cent.

    :param before: what the credit notes so far gave back; negative, as the lines are.
    :param charged: what the invoice charged.
    """
    places = amount_places(currency)
    bases: dict[tuple[str, Decimal], Decimal] = {}
    totals: dict[tuple[str, Decimal], Decimal] = {}
    taxes = []
    for line in lines:
        key = (line.category, line.rate_pct)
        past, whole = before.get(key, TaxedSoFar()), charged.get(key, TaxedSoFar())
        bases[key] = bases.get(key, Decimal(0)) + line.net
        sum_of_all = bases[key] + past.taxable
        if sum_of_all == -whole.taxable:
            running = -whole.tax - past.tax
        else:
            running = round_places(Fraction(sum_of_all) * Fraction(line.rate_pct) / 100, places) - past.tax
        taxes.append(running - totals.get(key, Decimal(0)))
        totals[key] = running
    groups = tuple(
        VatGroup(category, rate, basis, totals[category, rate]) for (category, rate), basis in bases.items()
    )
    return TaxedLines(tuple(taxes), groups)


def tax_within(lines: Sequence[TaxableLine], *, currency: str) -> tuple[TaxedLines, tuple[Decimal, ...]]:
    """Take the tax out of prices that include it; `net` of a line is what was agreed, tax and all.

    The tax contained in a group is its sum times rate / (100 + rate), rounded once (as art. 78 of the VAT
    Directive has it, the taxable amount is the price without the tax); a line's is the step of that running
    total. Net and tax of each line, and of all, add up to what was agreed to the last cent. Some sums have
    no net on which the rate comes to exactly the rest (0.03 at 19 %): there the tax is within one minor unit
    of the rate on the net, as BR-CO-17 allows.

    Answers taxes and groups, and the nets of the lines.
    """
    places = amount_places(currency)
    gross: dict[tuple[str, Decimal], Decimal] = {}
    totals: dict[tuple[str, Decimal], Decimal] = {}
    taxes = []
    for line in lines:
        key = (line.category, line.rate_pct)
        gross[key] = gross.get(key, Decimal(0)) + line.net
        rate = Fraction(line.rate_pct)
        running = round_places(Fraction(gross[key]) * rate / (100 + rate), places)
        taxes.append(running - totals.get(key, Decimal(0)))
        totals[key] = running
    groups = tuple(
        VatGroup(category, rate, agreed - totals[category, rate], totals[category, rate])
        for (category, rate), agreed in gross.items()
    )
    nets = tuple(line.net - tax for line, tax in zip(lines, taxes, strict=True))
    return TaxedLines(tuple(taxes), groups), nets

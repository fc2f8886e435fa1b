"""The sums of an e-invoice computed anew from its lines, exact to the cent. Pure.

The schematrons let pass a tax that is wrong by 0.99, and a price that is not the line's: they allow for other
people's rounding. Ours is known, so nothing is allowed for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from haas.money import round_places
from invoicing.einvoice.reading import Stated
from invoicing.totals import InvoiceTotals, VatGroup, amount_places, invoice_totals

_SUMS = {
    "BT-106": "line_total", "BT-107": "allowance_total", "BT-108": "charge_total", "BT-109": "tax_exclusive",
    "BT-110": "tax_total", "BT-112": "tax_inclusive", "BT-115": "payable",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Difference:
    """An amount that is not what its parts make of it."""

    term: str
    stated: Decimal
    computed: Decimal

    def __str__(self) -> str:
        return f"{self.term}: {self.stated} is stated, {self.computed} is what it comes to"


class TaxRule(StrEnum):
    """How the tax of a category and rate came about. An e-invoice does not say it."""

    ON_TOP = "on_top"  # the rate on the net
    CONTAINED = "contained"  # prices included it: the rate's share of the gross
    IN_PARTS = "in_parts"  # of a credit note after others: within one unit of the rate on the net


def rule_of(stated: Stated) -> TaxRule | None:
    """The narrowest rule by which every amount is what its parts make of it, if there is one."""
    rules = [TaxRule.ON_TOP, TaxRule.CONTAINED] + ([TaxRule.IN_PARTS] if stated.credits else [])
    return next((rule for rule in rules if not differences(stated, tax=rule)), None)


def differences(stated: Stated, *, tax: TaxRule = TaxRule.ON_TOP) -> list[Difference]:
    """Every amount that is not exactly what its parts make of it by that rule of the tax."""
    computed = invoice_totals(
        stated.lines,
        currency=stated.currency,
        allowances=stated.allowances,
        prepaid=stated.totals.prepaid,
        rounding=stated.totals.rounding,
    )
    if tax is not TaxRule.ON_TOP:
        computed = _with_tax(computed, stated, tax)
    return list(_compared(stated.totals, computed))


def _with_tax(computed: InvoiceTotals, stated: Stated, rule: TaxRule) -> InvoiceTotals:
    """The same with the tax that the rule makes of each row that is stated."""
    said = {(row.category, row.rate_pct): row for row in stated.totals.vat}
    places = amount_places(stated.currency)
    taxed = _contained if rule is TaxRule.CONTAINED else _in_parts
    vat = tuple(
        replace(row, tax=taxed(row, said.get((row.category, row.rate_pct), row), places))
        for row in computed.vat
    )
    tax = sum((row.tax for row in vat), Decimal(0))
    inclusive = computed.tax_exclusive + tax
    return replace(
        computed,
        vat=vat,
        tax_total=tax,
        tax_inclusive=inclusive,
        payable=inclusive - computed.prepaid + computed.rounding,
    )


def _contained(row: VatGroup, said: VatGroup, places: int) -> Decimal:
    rate = Fraction(row.rate_pct or 0)
    return round_places(Fraction(said.basis + said.tax) * rate / (100 + rate), places)


def _in_parts(row: VatGroup, said: VatGroup, places: int) -> Decimal:
    """What is stated, where the rounding of the credit notes before it can have left that."""
    return said.tax if abs(said.tax - row.tax) <= Decimal(1).scaleb(-places) else row.tax


def _compared(stated: InvoiceTotals, computed: InvoiceTotals) -> Iterator[Difference]:
    for number, (said, net) in enumerate(zip(stated.line_nets, computed.line_nets, strict=True), start=1):
        if said != net:
            yield Difference(f"BT-131 of line {number}", said, net)
    rows = {(row.category, row.rate_pct): row for row in stated.vat}
    for row in computed.vat:
        nothing = VatGroup(row.category, row.rate_pct, Decimal(0), Decimal(0))
        said_row = rows.pop((row.category, row.rate_pct), nothing)
        if said_row.basis != row.basis:
            yield Difference(f"BT-116 of {_named(row)}", said_row.basis, row.basis)
        if said_row.tax != row.tax:
            yield Difference(f"BT-117 of {_named(row)}", said_row.tax, row.tax)
    for row in rows.values():
        yield Difference(f"BT-116 of {_named(row)}", row.basis, Decimal(0))
    for term, field in _SUMS.items():
        if getattr(stated, field) != getattr(computed, field):
            yield Difference(term, getattr(stated, field), getattr(computed, field))


def _named(row: VatGroup) -> str:
    return row.category if row.rate_pct is None else f"{row.category} {row.rate_pct.normalize():f} %"

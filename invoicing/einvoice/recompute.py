"""The sums of an e-invoice computed anew from its lines, exact to the cent. Pure.

The schematrons let pass a tax that is wrong by 0.99, and a price that is not the line's: they allow for other
people's rounding. Ours is known, so nothing is allowed for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
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


def differences(stated: Stated, *, tax_is_contained: bool = False) -> list[Difference]:
    """Every amount that is not exactly what its parts make of it.

    `tax_is_contained` where prices included tax: then the tax is the rate's share of the gross, which may
    differ by a cent from the rate on the net. An e-invoice does not say which; its net prices stand alone.
    """
    computed = invoice_totals(
        stated.lines,
        currency=stated.currency,
        allowances=stated.allowances,
        prepaid=stated.totals.prepaid,
        rounding=stated.totals.rounding,
    )
    if tax_is_contained:
        computed = _with_contained_tax(computed, stated)
    return list(_compared(stated.totals, computed))


def _with_contained_tax(computed: InvoiceTotals, stated: Stated) -> InvoiceTotals:
    """The same with each tax taken out of the gross that is stated with it."""
    gross = {(row.category, row.rate_pct): row.basis + row.tax for row in stated.totals.vat}
    places = amount_places(stated.currency)
    vat = tuple(
        replace(
            row,
            tax=_share(
                gross.get((row.category, row.rate_pct), Decimal(0)), row.rate_pct or Decimal(0), places
            ),
        )
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


def _share(gross: Decimal, rate_pct: Decimal, places: int) -> Decimal:
    rate = Fraction(rate_pct)
    return round_places(Fraction(gross) * rate / (100 + rate), places)


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

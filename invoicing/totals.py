"""EN 16931 totals of an invoice: quantities, prices, allowances, VAT categories -> sums to the cent. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from haas.money import exponent, round_places

EN_16931_PLACES = 2  # BR-DEC-*: no amount of an invoice has more than two decimal places


@dataclass(frozen=True, slots=True)
class AllowanceCharge:
    """Money off (an allowance) or on (a charge), of a line or, with a VAT category, of the document."""

    is_charge: bool
    amount: Decimal
    vat_category: str = "S"
    vat_rate_pct: Decimal | None = None

    @property
    def signed(self) -> Decimal:
        """What it adds to the sum."""
        return self.amount if self.is_charge else -self.amount


@dataclass(frozen=True, slots=True)
class PricedLine:
    """What a line is computed from: `price` is that of `base_quantity` units and may have many places."""

    quantity: Decimal
    price: Decimal
    vat_category: str
    vat_rate_pct: Decimal | None  # None where no VAT applies at all (category O)
    base_quantity: Decimal = Decimal(1)
    allowances: tuple[AllowanceCharge, ...] = ()


@dataclass(frozen=True, slots=True)
class VatGroup:
    """The VAT of one category and rate (BG-23): computed once, on the sum of what it taxes."""

    category: str
    rate_pct: Decimal | None
    basis: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class InvoiceTotals:
    """Every total of BG-22 and BG-23. Absent optional amounts (BT-107, 108, 113, 114) are zero."""

    line_nets: tuple[Decimal, ...]
    vat: tuple[VatGroup, ...]
    line_total: Decimal  # BT-106
    allowance_total: Decimal  # BT-107
    charge_total: Decimal  # BT-108
    tax_exclusive: Decimal  # BT-109
    tax_total: Decimal  # BT-110
    tax_inclusive: Decimal  # BT-112
    prepaid: Decimal  # BT-113
    rounding: Decimal  # BT-114
    payable: Decimal  # BT-115


def amount_places(currency: str) -> int:
    """Decimal places of an amount: those of the currency, and at most EN 16931's two."""
    return min(exponent(currency), EN_16931_PLACES)


def line_net(line: PricedLine, *, currency: str) -> Decimal:
    """BT-131: quantity times price by base quantity, rounded, with the line's allowances and charges.

    A half goes away from zero, also for negative quantities.

    :raises ValueError: if the base quantity is not positive.
    """
    if line.base_quantity <= 0:
        raise ValueError(f"base quantity {line.base_quantity} is not positive")
    gross = Fraction(line.quantity) * Fraction(line.price) / Fraction(line.base_quantity)
    net = round_places(gross, amount_places(currency))
    return net + sum((each.signed for each in line.allowances), Decimal(0))


def invoice_totals(
    lines: Sequence[PricedLine],
    *,
    currency: str,
    allowances: Iterable[AllowanceCharge] = (),
    prepaid: Decimal = Decimal(0),
    rounding: Decimal = Decimal(0),
) -> InvoiceTotals:
    """All totals of an invoice or credit note (BR-CO-10 to BR-CO-17, each exact to the cent).

    `allowances` are those of the whole document, each with its VAT category. VAT is rounded once for
    each category and rate, on the sum of its lines and document allowances, a half away from zero.
    """
    allowances = tuple(allowances)
    nets = tuple(line_net(line, currency=currency) for line in lines)
    vat = _vat_groups(lines, nets, allowances, currency)
    line_total = sum(nets, Decimal(0))
    allowance_total = sum((each.amount for each in allowances if not each.is_charge), Decimal(0))
    charge_total = sum((each.amount for each in allowances if each.is_charge), Decimal(0))
    tax_exclusive = line_total - allowance_total + charge_total
    tax_total = sum((group.tax for group in vat), Decimal(0))
    tax_inclusive = tax_exclusive + tax_total
    return InvoiceTotals(
        line_nets=nets,
        vat=vat,
        line_total=line_total,
        allowance_total=allowance_total,
        charge_total=charge_total,
        tax_exclusive=tax_exclusive,
        tax_total=tax_total,
        tax_inclusive=tax_inclusive,
        prepaid=prepaid,
        rounding=rounding,
        payable=tax_inclusive - prepaid + rounding,
    )


def _vat_groups(
    lines: Sequence[PricedLine], nets: Sequence[Decimal], allowances: Sequence[AllowanceCharge], currency: str
) -> tuple[VatGroup, ...]:
    # Decimals that are equal are one key, however they are written: 25 and 25.0 are one rate.
    bases: dict[tuple[str, Decimal | None], Decimal] = {}
    for line, net in zip(lines, nets, strict=True):
        key = (line.vat_category, line.vat_rate_pct)
        bases[key] = bases.get(key, Decimal(0)) + net
    for each in allowances:
        key = (each.vat_category, each.vat_rate_pct)
        bases[key] = bases.get(key, Decimal(0)) + each.signed
    places = amount_places(currency)
    return tuple(
        VatGroup(category, rate, basis, round_places(Fraction(basis) * Fraction(rate or 0) / 100, places))
        for (category, rate), basis in bases.items()
    )

"""What must hold before a document is frozen: digits, lines, sums and taxes, exact to the last cent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

from haas.money import exponent, round_places
from invoicing.credit_reasons import CREDIT_REASONS
from invoicing.document_parts import DocumentLine
from invoicing.totals import EN_16931_PLACES

if TYPE_CHECKING:
    from invoicing.document import InvoiceDocument


def check_document(document: InvoiceDocument) -> None:
    """Refuse a document that does not add up.

    Documents of schema 1 were frozen before prices, tax and net had to agree line by line, and may not.

    :raises ValueError: naming the first figure that is wrong.
    """
    _check_digits(document)
    _check_lines(document.lines)
    _check_sums(document)
    _check_tax_bases(document)
    if document.schema > 1:
        _check_prices(document)
        _check_tax_amounts(document)
        _check_own_currency(document)
        _check_discounts(document)
        _check_reason(document)


def _check_digits(document: InvoiceDocument) -> None:
    """No posted amount may carry more digits than its currency has."""
    places = exponent(document.currency)
    amounts = [
        document.net_total, document.tax_total, document.total, document.prepaid,
        document.rounding, document.payable,
        *(line.net for line in document.lines),
        *(line.gross for line in document.lines if line.gross is not None),
        *(allowance.amount for line in document.lines for allowance in line.allowances),
        *(allowance.amount for allowance in document.allowances),
        *(amount for row in document.tax_totals for amount in (row.taxable, row.tax)),
    ]  # fmt: skip
    for amount in amounts:
        if _places(amount) > places:
            raise ValueError(f"{amount} has more than the {places} digits of {document.currency}")


@lru_cache(maxsize=8192)
def _places(plain: Decimal) -> int:
    """Decimal places of a figure without trailing zeros."""
    digits = plain.as_tuple().exponent
    return -digits if isinstance(digits, int) else 99  # not a number has too many for any currency


def _check_lines(lines: Sequence[DocumentLine]) -> None:
    for line in lines:
        if line.start and line.until and line.start >= line.until:
            raise ValueError(f"the period of {line.description!r} ends before it starts")
        shares = [row.amount for row in line.serials if row.amount is not None]
        if shares and (len(shares) != len(line.serials) or sum(shares) != line.net):
            raise ValueError(f"the devices of {line.description!r} do not add up to {line.net}")


def _check_sums(document: InvoiceDocument) -> None:
    net = sum((line.net for line in document.lines), Decimal(0))
    net += sum((allowance.amount for allowance in document.allowances), Decimal(0))
    tax = sum((row.tax for row in document.tax_totals), Decimal(0))
    for name, stated, summed in (
        ("net total", document.net_total, net),
        ("tax total", document.tax_total, tax),
        ("total", document.total, document.net_total + document.tax_total),
        ("amount due", document.payable, document.total - document.prepaid + document.rounding),
    ):
        if stated != summed:
            raise ValueError(f"the {name} is {stated}, but its parts add up to {summed}")


def _check_tax_bases(document: InvoiceDocument) -> None:
    """Every line's net stands in exactly one tax row, by category and rate."""
    taxable: defaultdict[tuple[str, Decimal], Decimal] = defaultdict(Decimal)
    for line in document.lines:
        taxable[line.tax_category, line.tax_rate_pct] += line.net
    for allowance in document.allowances:
        taxable[allowance.tax_category, allowance.tax_rate_pct] += allowance.amount
    stated: dict[tuple[str, Decimal], Decimal] = {
        (row.category, row.rate_pct): row.taxable for row in document.tax_totals
    }
    if len(stated) != len(document.tax_totals):
        raise ValueError("a tax category and rate stands twice among the tax totals")
    for key in taxable.keys() | stated.keys():
        if taxable.get(key, Decimal(0)) != stated.get(key, Decimal(0)):
            category, rate = key
            raise ValueError(
                f"{taxable.get(key, 0)} is taxed by {category} at {rate} %, but the tax totals"
                f" say {stated.get(key, 0)}"
            )


def _check_prices(document: InvoiceDocument) -> None:
    """BT-131 is quantity times price, rounded, with the line's discounts and charges.

    A price is never negative: what is taken back has a negative quantity (BR-27).
    """
    places = exponent(document.currency)
    for line in document.lines:
        if line.unit_price < 0:
            raise ValueError(f"the price of {line.description!r} is negative; a quantity may be")
        if line.base_quantity <= 0:
            raise ValueError(f"the base quantity of {line.description!r} is not more than 0")
        net = _priced(line.quantity, line.unit_price, line.base_quantity, places)
        net += sum((allowance.amount for allowance in line.allowances), Decimal(0))
        if net != line.net:
            raise ValueError(f"{line.description!r} comes to {net} by quantity and price, not to {line.net}")


@lru_cache(maxsize=8192)  # the same prices stand on most lines of a run
def _priced(quantity: Decimal, price: Decimal, base: Decimal, places: int) -> Decimal:
    return round_places(Fraction(quantity) * Fraction(price) / Fraction(base), places)


def _check_tax_amounts(document: InvoiceDocument) -> None:
    """The tax of each row is what its rate makes of it: on top of the base, or contained in the price.

    Rounded to the currency's digits; a currency of three may be taxed in EN 16931's two. Of a credit note it
    is so together with the credit notes before it; where prices contained the tax, a rate that is credited
    whole gives back what they contained, beside another of which a part goes back with the tax on top.
    """
    digits = exponent(document.currency)
    for row in document.tax_totals:
        taxable, tax = row.taxable + row.taxable_before, row.tax + row.tax_before
        if document.kind != "credit_note" and (row.taxable_before or row.tax_before):
            raise ValueError("only credit notes give back in parts")
        ways = {document.prices_include_tax} | ({True} if document.kind == "credit_note" else set())
        rounded = {
            round_places(_exact_tax(taxable, tax, row.rate_pct, is_contained), places)
            for is_contained in ways
            for places in (digits, min(digits, EN_16931_PLACES))
        }
        if tax not in rounded:
            raise ValueError(f"{row.rate_pct} % on {taxable} is a tax of {min(rounded)}, not of {tax}")


def _check_reason(document: InvoiceDocument) -> None:
    if not document.credit_reason:
        return
    if document.kind != "credit_note" or document.credit_reason not in CREDIT_REASONS:
        raise ValueError(f"{document.credit_reason!r} is no reason of a credit note")
    if not document.notes:
        raise ValueError("a credit note says its reason in words, too")


@lru_cache(maxsize=8192)
def _exact_tax(taxable: Decimal, tax: Decimal, rate_pct: Decimal, is_contained: bool) -> Fraction:  # noqa: FBT001 - a key
    rate = Fraction(rate_pct)
    if is_contained:
        return Fraction(taxable + tax) * rate / (100 + rate)
    return Fraction(taxable) * rate / 100


def _check_own_currency(document: InvoiceDocument) -> None:
    own = document.accounting
    if own is None:
        return
    if own.currency == document.currency:
        raise ValueError(f"the tax is stated in {own.currency} already")
    tax = round_places(Fraction(document.tax_total) * Fraction(own.rate), exponent(own.currency))
    if own.tax_total != tax:
        raise ValueError(f"the tax is {tax} {own.currency} at {own.rate}, not {own.tax_total}")


def _check_discounts(document: InvoiceDocument) -> None:
    """A discount for early payment is its percentage of what is asked for, and falls as time goes on."""
    before = None
    for step in document.early_discounts:
        exact = Fraction(step.base) * Fraction(step.percent) / 100
        if step.base != document.payable or step.amount != round_places(exact, exponent(document.currency)):
            raise ValueError(f"{step.percent} % of {document.payable} is no discount of {step.amount}")
        if step.last_on != document.issued_on + timedelta(days=step.days):
            raise ValueError(f"{step.last_on} is not {step.days} days after {document.issued_on}")
        if before is not None and not (before.days < step.days and before.percent > step.percent):
            raise ValueError("discounts for early payment fall from step to step")
        before = step

"""Discounts and surcharges as the document prints them: of a line, a tax group, or what goes back. Pure."""

from __future__ import annotations

from decimal import Decimal

from haas.documents.words import words
from invoicing.allowances.rules import Applied, Given
from invoicing.codes import DISCOUNT, OTHER_SERVICE
from invoicing.document_parts import Allowance

_FOLLOWS = "As on the invoice"


def of_line(applied: Applied, index: int) -> tuple[Allowance, ...]:
    """Those of one line, in the order in which they were taken."""
    return tuple(_printed(given) for given in applied.lines[index])


def of_paper(applied: Applied) -> tuple[Allowance, ...]:
    """Those of the whole paper, one for each rule and tax group."""
    return tuple(_printed(given, category=given.tax[0], rate_pct=given.tax[1]) for given in applied.paper)


def of_given_back(*, amount: Decimal, given_back: Decimal, language: str) -> tuple[Allowance, ...]:
    """What a credit note's line shows where less, or more, was charged than the line. Both positive."""
    difference = given_back - amount
    if not difference:
        return ()
    code = DISCOUNT if difference < 0 else OTHER_SERVICE
    return (Allowance(description=words(language).gettext(_FOLLOWS), amount=difference, reason_code=code),)


def _printed(given: Given, *, category: str = "S", rate_pct: Decimal = Decimal(0)) -> Allowance:
    return Allowance(
        description=given.rule.reason,
        amount=given.amount,
        tax_category=category,  # type: ignore[arg-type]
        tax_rate_pct=rate_pct,
        reason_code=given.rule.reason_code,
        base=given.base if given.rule.percent is not None else None,
        percent=given.rule.percent,
    )

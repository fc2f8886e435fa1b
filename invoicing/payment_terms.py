"""Terms of payment on a document: its words, the discounts it offers, what of them is due on a day. Pure."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from msgspec.structs import replace

from haas.documents.formatting import day, money, percent
from haas.documents.words import words
from haas.money import round_minor
from haas.tenancy.payment_terms import DiscountStep
from invoicing.document import InvoiceDocument
from invoicing.document_parts import EarlyDiscount

_NOTHING = Decimal(0)


def offered(
    steps: tuple[DiscountStep, ...], *, issued_on: date, due_on: date, base: Decimal, currency: str
) -> tuple[EarlyDiscount, ...]:
    """What these steps take off `base`, the shortest time first.

    No discount lasts beyond the due day; a step that comes to nothing is none.
    """
    found: list[EarlyDiscount] = []
    for step in sorted(steps):
        last_on = min(issued_on + timedelta(days=step.days), due_on)
        amount = _share(base, step.percent, currency)
        if amount > 0 and not (found and found[-1].last_on == last_on):
            found.append(
                EarlyDiscount(
                    percent=step.percent,
                    days=(last_on - issued_on).days,
                    last_on=last_on,
                    base=base,
                    amount=amount,
                )
            )
    return tuple(found)


def early_discount(document: InvoiceDocument, open_total: Decimal, paid_on: date) -> Decimal:
    """What paying `open_total` on this day takes off: the best step that still lasts, of what is open.

    Of all that the document asks for it is the amount that it prints.
    """
    return discount_on(
        document.early_discounts, open_total=open_total, paid_on=paid_on, currency=document.currency
    )


def discount_on(
    discounts: tuple[EarlyDiscount, ...], *, open_total: Decimal, paid_on: date, currency: str
) -> Decimal:
    """The same of the document's discounts alone."""
    for step in discounts:
        if paid_on <= step.last_on:
            return _share(open_total, step.percent, currency)
    return _NOTHING


def payable(document: InvoiceDocument, *, open_total: Decimal, on: date) -> Decimal:
    """What settles the document on this day, where `open_total` is open of it."""
    return open_total - early_discount(document, open_total, on)


def of_less(
    discounts: tuple[EarlyDiscount, ...], *, base: Decimal, currency: str
) -> tuple[EarlyDiscount, ...]:
    """The same discounts, where `base` is all that is asked for; none of what comes to nothing."""
    if base <= 0:
        return ()
    changed = [replace(step, base=base, amount=_share(base, step.percent, currency)) for step in discounts]
    return tuple(step for step in changed if step.amount)


def terms_text(
    discounts: tuple[EarlyDiscount, ...], *, due_on: date, base: Decimal, currency: str, language: str
) -> str:
    """The terms in the client's language, a line each; nothing where nothing is to be paid."""
    if base <= 0:
        return ""
    lines = [_discount_words(step, currency=currency, language=language) for step in discounts]
    return "\n".join([*lines, _due_words(due_on, language)])


def _share(base: Decimal, percent_off: Decimal, currency: str) -> Decimal:
    return round_minor(Fraction(base) * Fraction(percent_off) / 100, currency)


def _discount_words(step: EarlyDiscount, *, currency: str, language: str) -> str:
    return words(language).gettext("%(percent)s discount (%(amount)s) if paid by %(day)s: %(rest)s.") % {
        "percent": percent(step.percent, language=language),
        "amount": money(step.amount, currency, language=language),
        "day": day(step.last_on, language=language),
        "rest": money(step.base - step.amount, currency, language=language),
    }


@lru_cache(maxsize=512)  # a run's papers are due on few days
def _due_words(due_on: date, language: str) -> str:
    return words(language).gettext("Payable by %(day)s without deduction.") % {
        "day": day(due_on, language=language)
    }

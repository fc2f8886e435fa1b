"""Tax rates as dated rows: a change of the law is a new row, so that old periods keep their rate."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from devices.tax_classes import TaxClass
from haas.accounts import checks
from haas.errors import Conflict, InvalidInput
from haas.ids import new_id
from haas.tenancy.scope import Tenant, scoped
from invoicing.document_parts import TAX_CATEGORIES
from invoicing.models import TaxRate
from invoicing.taxes import UNTAXED

# Of one category, by what is supplied; what is exempt has no rate.
CLASSES = tuple(each.value for each in TaxClass if each is not TaxClass.EXEMPT)


class RateExists(Conflict):
    """A rate for this place, category and day is on file, and rates are never edited."""

    code = "tax_rate_exists"


def list_rates(session: Session, tenant: Tenant) -> Sequence[TaxRate]:
    """Every rate by place and category, the newest first."""
    return session.scalars(
        scoped(TaxRate, tenant).order_by(
            TaxRate.country, TaxRate.region, TaxRate.category, TaxRate.tax_class, TaxRate.valid_from.desc()
        )
    ).all()


def add_rate(
    session: Session,
    tenant: Tenant,
    *,
    country: str,
    category: str,
    rate_pct: Decimal,
    name: str,
    valid_from: date,
    region: str = "",
    tax_class: str = "standard",
) -> TaxRate:
    """Put a rate on file that holds from a day on. What was billed before keeps the rate it had.

    :param region: such as CA of the United States; empty where no region has a rate of its own.
    :raises RateExists: if there is one for the same place, category, class and day.
    """
    checks.check_country(country)
    if category not in TAX_CATEGORIES:
        raise InvalidInput(f"Choose one of the categories {', '.join(TAX_CATEGORIES)}.", field="category")
    if tax_class not in CLASSES:
        raise InvalidInput(f"Choose one of the classes {', '.join(CLASSES)}.", field="tax_class")
    if not 0 <= rate_pct < 100 or round(rate_pct, 3) != rate_pct:
        raise InvalidInput(
            "Give the rate in per cent, from 0 to 99.999, with at most three decimals.", field="rate_pct"
        )
    if category in UNTAXED and rate_pct:
        raise InvalidInput(f"Nothing is added under category {category}: its rate is 0.", field="rate_pct")
    rate = TaxRate(
        partner_id=tenant.partner_id,
        id=new_id("tax"),
        country=country,
        region=checks.check_text(region, field="region", most=40, required=False).upper(),
        tax_class=tax_class,
        category=category,
        rate_pct=rate_pct,
        name=checks.check_text(name, field="name", most=60),
        valid_from=valid_from,
    )
    try:
        with session.begin_nested():
            session.add(rate)
            session.flush()
    except IntegrityError as twice:
        raise RateExists(
            f"A rate for category {category} in {country} from {valid_from:%d %B %Y} is on file."
            " A rate is never edited: add one from another day.",
            field="valid_from",
        ) from twice
    return rate


def holding(rates: Sequence[TaxRate], *, today: date) -> set[str]:
    """The ids of the rates that hold today, of those in `list_rates`."""
    held: dict[tuple[str, ...], str] = {}
    for rate in rates:
        if rate.valid_from <= today:
            held.setdefault((rate.country, rate.region, rate.category, rate.tax_class), rate.id)
    return set(held.values())

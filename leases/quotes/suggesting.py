"""What the price books say that one of something costs in an option."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Session

from devices.identifiers import name_key
from devices.models import HardwareModel
from haas.tenancy.scope import Tenant
from leases.pricing import rules
from leases.pricing.queries import item_of
from leases.pricing.rules import Item, Question
from leases.pricing.suggesting import NoPrice, ask
from leases.quotes.models import Quote, QuoteOption
from leases.terms import CommercialModel


def price_of_one(
    session: Session,
    tenant: Tenant,
    *,
    quote: Quote,
    option: QuoteOption,
    model: HardwareModel | None,
    description: str,
    component: str,
    quantity: Decimal,
    day: date,
) -> Decimal:
    """The price of one for a billing period of the option, by the books in force on a day.

    :raises NoPrice: if no book has one: then a price is to be typed.
    """
    is_rental = option.commercial_model == CommercialModel.RENTAL
    answer = ask(
        session,
        tenant,
        Question(
            item=item_of(model) if model else Item(service=name_key(description)),
            day=day,
            currency=quote.currency,
            quantity=max(1, int(quantity)),
            term_months=rules.ANY_TERM if is_rental else option.term_months,
            commercial_model=option.commercial_model,
            component=component,
            client_id=quote.client_id,
        ),
    )
    price = answer.price_for(option.interval_months)
    if price is None:
        raise NoPrice(
            f"No price book has a price for this in {quote.currency}. Write one.", field="unit_price"
        )
    return price

"""What the books say about a rent: the price of a line, with the chain that led to it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from devices.identifiers import name_key
from haas.errors import InvalidInput
from haas.tenancy.scope import Tenant
from leases.models import Lease, Line
from leases.pricing import queries, rules
from leases.pricing.rules import SELLING, Answer, Item, Question
from leases.terms import CommercialModel, component_of


class NoPrice(InvalidInput):
    """No book has a price for this."""

    code = "no_price"


def price_of_model(
    session: Session,
    tenant: Tenant,
    *,
    model_id: str,
    day: date,
    currency: str,
    client_id: str | None = None,
    quantity: int = 1,
    term_months: int = rules.ANY_TERM,
    commercial_model: str = CommercialModel.TERM,
) -> Answer:
    """What a client pays a month for one of so many of a model, by the books in force on a day.

    :raises NotFound: if the house has no such model.
    """
    question = Question(
        item=_item(session, tenant, model_id=model_id),
        day=day,
        currency=currency,
        quantity=quantity,
        term_months=term_months,
        commercial_model=commercial_model,
        client_id=client_id,
    )
    return ask(session, tenant, question)


def ask(session: Session, tenant: Tenant, question: Question) -> Answer:
    """The price that the house's own books give: a client's own before everybody's."""
    books = queries.load_books(
        session, tenant, levels=SELLING, day=question.day, client_id=question.client_id
    )
    return rules.resolve(books, question)


def suggest_for_line(
    session: Session,
    tenant: Tenant,
    *,
    lease: Lease,
    day: date,
    kind: str,
    model_id: str | None,
    description: str,
    component: str | None = None,
    more: int = 1,
) -> Decimal:
    """The price of one unit of a new line, for a period of the lease.

    The tier is taken by how many of the model the lease has with the `more` that are added.

    :raises NoPrice: if no book has one: then a price is to be typed.
    """
    quantity = more + (_on_lease(session, tenant, lease=lease, model_id=model_id) if model_id else 0)
    if model_id is not None:
        item = _item(session, tenant, model_id=model_id)
    else:
        item = Item(service=name_key(description))
    answer = ask(
        session,
        tenant,
        Question(
            item=item,
            day=day,
            currency=lease.currency,
            quantity=quantity,
            term_months=term_of(lease),
            commercial_model=lease.commercial_model,
            component=component or component_of(kind),
            client_id=lease.client_id,
        ),
    )
    price = answer.price_for(lease.interval_months)
    if price is None:
        raise NoPrice(
            _("No price book has a price for this in %(currency)s. Write one.", currency=lease.currency),
            field="unit_price",
        )
    return price


def term_of(lease: Lease) -> int:
    """The months by which a book's tiers are taken: what can be ended any time has none."""
    return rules.ANY_TERM if lease.commercial_model == CommercialModel.RENTAL else lease.term_months


def _item(session: Session, tenant: Tenant, *, model_id: str) -> Item:
    return queries.item_of(queries.get_model(session, tenant, model_id=model_id))


def _on_lease(session: Session, tenant: Tenant, *, lease: Lease, model_id: str) -> int:
    found = session.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(Line.quantity), 0)).where(
            Line.partner_id == tenant.partner_id, Line.lease_id == lease.id, Line.model_id == model_id
        )
    )
    return int(found or 0)

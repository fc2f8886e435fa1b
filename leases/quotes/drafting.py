"""Write a quote: its head, its options and their lines."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from devices.models import HardwareModel
from devices.queries import get_model
from devices.tax_classes import TaxClass
from haas.calendar import local_day
from haas.errors import Conflict, InvalidInput, NotFound
from haas.ids import new_id
from haas.money import round_minor
from haas.series import take_number
from haas.tenancy.models import Client
from haas.tenancy.scope import Tenant, scoped
from leases.queries import check_site
from leases.quotes import queries
from leases.quotes.errors import QuoteFrozen
from leases.quotes.lifecycle import QuoteState
from leases.quotes.models import Quote, QuoteLine, QuoteOption
from leases.quotes.suggesting import price_of_one
from leases.terms import (
    MONEY_MAX,
    CommercialModel,
    Component,
    LineKind,
    check_amount,
    check_offer,
    component_of,
)

OPTIONS_MOST, LINES_MOST, DEVICES_MOST = 6, 50, 500
HEAD = (
    "title",
    "site_id",
    "contact_name",
    "contact_email",
    "intro",
    "valid_until",
    "deliver_by",
    "terms_version_id",
)
TERMS = (
    "title",
    "commercial_model",
    "term_months",
    "timing",
    "interval_months",
    "anchor_day",
    "interim_rent",
    "end_option",
    "buyout_price",
    "early_return_pct",
)
_LINE = (
    "position",
    "kind",
    "component",
    "model_id",
    "description",
    "quantity",
    "unit_price",
    "standalone_price",
    "unit_cost",
    "residual_value",
    "tax_category",
    "tax_class",
)


def create_quote(
    session: Session,
    tenant: Tenant,
    *,
    client_id: str,
    at: datetime,
    title: str = "",
    site_id: str | None = None,
    contact_name: str = "",
    contact_email: str | None = None,
    intro: str = "",
    valid_until: date | None = None,
    deliver_by: date | None = None,
    terms_version_id: str | None = None,
) -> Quote:
    """A new quote for a client, without options yet.

    :param contact_email: where it will be sent; the client's own address if left out.
    :raises NotFound: if client, site or terms are not this partner's.
    """
    client = session.scalar(scoped(Client, tenant).where(Client.id == client_id))
    if client is None:
        raise NotFound(f"There is no client {client_id}.")
    if site_id is not None:
        check_site(session, tenant, site_id=site_id, client_id=client.id)
    if terms_version_id is not None:
        queries.get_terms(session, tenant, terms_id=terms_version_id)
    quote = Quote(
        partner_id=tenant.partner_id,
        id=new_id("quo"),
        number=take_number(session, tenant, series="quote", pattern="Q-{:05d}"),
        revision=1,
        client_id=client.id,
        site_id=site_id,
        title=title.strip(),
        currency=client.currency,
        time_zone=client.time_zone,
        contact_name=contact_name.strip(),
        contact_email=(contact_email or client.email).strip(),
        intro=intro.strip(),
        valid_until=valid_until,
        deliver_by=deliver_by,
        terms_version_id=terms_version_id,
        created_at=at,
    )
    session.add(quote)
    session.flush()
    return quote


def edit_quote(session: Session, tenant: Tenant, *, quote_id: str, changes: Mapping[str, Any]) -> Quote:
    """Change some of a draft's head; what is left out stays.

    :raises QuoteFrozen: once it was sent.
    """
    quote = lock_draft(session, tenant, quote_id)
    wanted = {name: value for name, value in changes.items() if name in HEAD}
    if wanted.get("site_id") is not None:
        check_site(session, tenant, site_id=wanted["site_id"], client_id=quote.client_id)
    if wanted.get("terms_version_id") is not None:
        queries.get_terms(session, tenant, terms_id=wanted["terms_version_id"])
    for name, value in wanted.items():
        setattr(quote, name, value)
    session.flush()
    return quote


def add_option(session: Session, tenant: Tenant, *, quote_id: str, **terms: Any) -> QuoteOption:
    """Another way to have it, without lines yet; see `QuoteOption` for its terms.

    :raises Conflict: for more than can be compared.
    :raises InvalidInput: for terms that nobody could bill, naming the field.
    """
    quote = lock_draft(session, tenant, quote_id)
    count, last = session.execute(
        scoped(QuoteOption, tenant)
        .where(QuoteOption.quote_id == quote.id)
        .with_only_columns(sa.func.count(), sa.func.coalesce(sa.func.max(QuoteOption.position), 0))
    ).one()
    if count >= OPTIONS_MOST:
        raise Conflict(f"A quote holds at most {OPTIONS_MOST} options; take one away first.")
    option = QuoteOption(
        partner_id=tenant.partner_id,
        id=new_id("qop"),
        quote_id=quote.id,
        position=last + 1,
        **_checked_terms(terms),
    )
    session.add(option)
    session.flush()
    return option


def edit_option(
    session: Session, tenant: Tenant, *, quote_id: str, option_id: str, changes: Mapping[str, Any]
) -> QuoteOption:
    """Change some terms of an option; what is left out stays."""
    lock_draft(session, tenant, quote_id)
    option = queries.get_option(session, tenant, quote_id=quote_id, option_id=option_id)
    terms = {name: changes.get(name, getattr(option, name)) for name in TERMS}
    for name, value in _checked_terms(terms).items():
        setattr(option, name, value)
    session.flush()
    return option


def remove_option(session: Session, tenant: Tenant, *, quote_id: str, option_id: str) -> None:
    """Take an option and its lines off a draft."""
    lock_draft(session, tenant, quote_id)
    option = queries.get_option(session, tenant, quote_id=quote_id, option_id=option_id)
    session.execute(
        sa.delete(QuoteLine).where(
            QuoteLine.partner_id == tenant.partner_id, QuoteLine.option_id == option.id
        )
    )
    session.delete(option)
    session.flush()


def copy_option(
    session: Session, tenant: Tenant, *, quote_id: str, option_id: str, title: str
) -> QuoteOption:
    """The same once more under another title: the quickest way to 36 months beside 48."""
    source = queries.get_option(session, tenant, quote_id=quote_id, option_id=option_id)
    terms = {name: getattr(source, name) for name in TERMS}
    copy = add_option(session, tenant, quote_id=quote_id, **{**terms, "title": title})
    lines = session.scalars(
        scoped(QuoteLine, tenant).where(QuoteLine.option_id == source.id).order_by(QuoteLine.position)
    )
    session.add_all([copied_line(line, copy) for line in lines])
    session.flush()
    return copy


def add_line(
    session: Session,
    tenant: Tenant,
    *,
    quote_id: str,
    option_id: str,
    at: datetime,
    unit_price: Decimal | None = None,
    kind: str = LineKind.ASSET.value,
    component: str | None = None,
    model_id: str | None = None,
    description: str = "",
    quantity: Decimal = Decimal(1),
    standalone_price: Decimal | None = None,
    unit_cost: Decimal | None = None,
    residual_value: Decimal | None = None,
    tax_category: str = "S",
    tax_class: str | None = None,
) -> QuoteLine:
    """So many of one thing. What a model costs and keeps is taken from the model where it is not given.

    :param unit_price: of one, for a billing period; by the price books of today if left out.
    :param tax_class: whose rate holds; the model's if left out.
    :raises QuoteFrozen: once it was sent.
    :raises NoPrice: if no book has a price and none is given.
    :raises InvalidInput: naming the field.
    """
    quote = lock_draft(session, tenant, quote_id)
    option = queries.get_option(session, tenant, quote_id=quote_id, option_id=option_id)
    model = get_model(session, tenant, model_id=model_id) if model_id is not None else None
    component = component or component_of(kind).value
    _check_line(kind=kind, component=component, quantity=quantity, model=model)
    if not description.strip() and model is None:
        raise InvalidInput("Say what this line is for; quote and invoice print it.", field="description")
    if unit_price is None:
        unit_price = price_of_one(
            session,
            tenant,
            quote=quote,
            option=option,
            model=model,
            description=description,
            component=component,
            quantity=quantity,
            day=local_day(at, quote.time_zone),
        )
    if not 0 <= unit_price < MONEY_MAX:
        raise InvalidInput("The price cannot be negative.", field="unit_price")
    tax_class = tax_class or (model.tax_class if model else TaxClass.STANDARD.value)
    if tax_class not in tuple(TaxClass):
        raise InvalidInput(f"Use one of {', '.join(TaxClass)}.", field="tax_class")
    check_amount(quantity=quantity, unit_price=unit_price)
    count, last = _lines_so_far(session, tenant, option)
    if count >= LINES_MOST:
        raise Conflict(f"An option holds at most {LINES_MOST} lines.")
    if model is not None and unit_cost is None and model.currency == quote.currency:
        unit_cost = model.list_cost
    if model is not None and unit_cost is not None and residual_value is None:
        residual_value = round_minor(unit_cost * model.residual_value_pct / 100, quote.currency)
    line = QuoteLine(
        partner_id=tenant.partner_id,
        id=new_id("qln"),
        quote_id=quote.id,
        option_id=option.id,
        position=last + 1,
        kind=kind,
        component=component,
        model_id=model_id,
        description=description.strip() or (f"{model.manufacturer} {model.name}" if model else ""),
        quantity=quantity,
        unit_price=unit_price,
        standalone_price=standalone_price,
        unit_cost=unit_cost,
        residual_value=residual_value,
        tax_category=tax_category,
        tax_class=tax_class,
    )
    session.add(line)
    session.flush()
    return line


def remove_line(session: Session, tenant: Tenant, *, quote_id: str, option_id: str, line_id: str) -> None:
    """Take a line off an option."""
    lock_draft(session, tenant, quote_id)
    line = session.scalar(
        scoped(QuoteLine, tenant).where(
            QuoteLine.id == line_id, QuoteLine.option_id == option_id, QuoteLine.quote_id == quote_id
        )
    )
    if line is None:
        raise NotFound(f"There is no line {line_id} in option {option_id}.")
    session.delete(line)
    session.flush()


def lock_draft(session: Session, tenant: Tenant, quote_id: str) -> Quote:
    """The quote, locked, as long as it may still be written on.

    :raises QuoteFrozen: once it was sent.
    """
    quote = queries.get_quote(session, tenant, quote_id=quote_id, lock=True)
    if quote.state != QuoteState.DRAFT:
        raise QuoteFrozen(f"Quote {quote.number} is {quote.state}: begin a new version to change it.")
    return quote


def copied_line(line: QuoteLine, option: QuoteOption) -> QuoteLine:
    """The same line in another option."""
    return QuoteLine(
        partner_id=line.partner_id,
        id=new_id("qln"),
        quote_id=option.quote_id,
        option_id=option.id,
        **{name: getattr(line, name) for name in _LINE},
    )


def _checked_terms(terms: Mapping[str, Any]) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "commercial_model": CommercialModel.TERM.value,
        "timing": "advance",
        "interval_months": 1,
        "anchor_day": 1,
        "interim_rent": True,
        "end_option": "return",
        "buyout_price": None,
        "early_return_pct": Decimal(0),
    }
    found = {**usual, **{name: value for name, value in terms.items() if name in TERMS}}
    if not str(found.get("title", "")).strip():
        raise InvalidInput("Give the option a title, such as 36 months.", field="title")
    check_offer(
        **{
            name: found[name]
            for name in (
                "term_months",
                "timing",
                "anchor_day",
                "interval_months",
                "end_option",
                "commercial_model",
            )
        }
    )
    fixed = found["end_option"] == "buyout_fixed"
    if fixed and found["buyout_price"] is None:
        raise InvalidInput("Name the price at which it can be bought at the end.", field="buyout_price")
    if not fixed:
        found["buyout_price"] = None
    if not 0 <= found["early_return_pct"] <= 100:
        raise InvalidInput("0 to 100 percent of the rents still to come.", field="early_return_pct")
    return found


def _check_line(*, kind: str, component: str, quantity: Decimal, model: HardwareModel | None) -> None:
    if kind not in tuple(LineKind):
        raise InvalidInput(f"A line is one of: {', '.join(LineKind)}.", field="kind")
    if component not in tuple(Component):
        raise InvalidInput("A line is hardware or a service.", field="component")
    if kind == LineKind.ASSET and model is None:
        raise InvalidInput("Choose the hardware model of this line.", field="model_id")
    if quantity <= 0 or (kind == LineKind.ASSET and quantity != quantity.to_integral_value()):
        raise InvalidInput("So many devices: a whole number, 1 or more.", field="quantity")
    if kind == LineKind.ASSET and quantity > DEVICES_MOST:
        raise InvalidInput(f"At most {DEVICES_MOST} devices a line.", field="quantity")


def _lines_so_far(session: Session, tenant: Tenant, option: QuoteOption) -> tuple[int, int]:
    """How many lines there are, and the last one's position."""
    count, last = session.execute(
        scoped(QuoteLine, tenant)
        .where(QuoteLine.option_id == option.id)
        .with_only_columns(sa.func.count(), sa.func.coalesce(sa.func.max(QuoteLine.position), 0))
    ).one()
    return count, last

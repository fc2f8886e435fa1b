"""/prices/cards and /prices/model: rents from cost, and one model's price with its chain and its yield."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import marshmallow as ma
from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from devices.models import HardwareModel
from devices.portal import category_words
from devices.queries import list_models
from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.errors import HaasError, InvalidInput
from haas.pages.forms import Form, blank_form, read_form
from haas.tenancy.models import Client
from leases import summaries
from leases.portal import words
from leases.portal.doors import attempt
from leases.portal.prices import blueprint
from leases.pricing import cards, queries, suggesting
from leases.pricing.cards import CardRow, Offer
from leases.pricing.house import as_buyer
from leases.pricing.models import RateCard
from leases.pricing.rules import BUYING, Answer, Margin, Question, resolve
from leases.pricing.schemas import CardForm, ModelPriceForm

EMPTY_ROWS = 4  # rows that the form offers
CHART_TERMS = (12, 18, 24, 30, 36, 42, 48, 54, 60)


@blueprint.get("/cards")
@requires("price.read")
def list_cards() -> str:
    """Every rate card, with the rent of 1,000 by each term."""
    caller = current_caller()
    found = queries.list_cards(caller.session, caller.tenant)
    today = clock.today(caller.partner.time_zone)
    currency = caller.partner.currency
    return render_template(
        "portal/prices/cards.html",
        cards=[(card, cards.offers_of(card, cost=Decimal(1000), currency=currency)) for card in found],
        held={each.id for card in found for each in cards.cards_on(found, day=today, category=card.category)},
        currency=currency,
        today=today,
        categories=dict(category_words()),
        words=words,
    )


@blueprint.route("/cards/new", methods=["GET", "POST"])
@requires("price.manage")
def new_card() -> Any:
    """A new card, or a later one of the same name."""
    caller = current_caller()
    if request.method == "GET":
        today = clock.today(caller.partner.time_zone)
        return _card_page(
            blank_form(valid_from=today.isoformat(), timing="advance", interval_months=1, rows=[])
        )
    form = read_form(CardForm)
    if form.data is not None:
        wanted = dict(form.data)
        rows = [CardRow(**row) for row in wanted.pop("rows")]
        if attempt(
            form,
            lambda: cards.add_card(caller.session, caller.tenant, rows=rows, at=clock.now(), **wanted),
        ):
            flash(_("The rate card is on file."), "success")
            return redirect(url_for(".list_cards"), 303)
    return _card_page(form), 422


@blueprint.get("/model")
@requires("price.read")
def price_model() -> Any:
    """One model: what the books say and why, what the cards make of its cost, and both ways by hand."""
    caller = current_caller()
    schema = ModelPriceForm()
    sent = {name: value for name, value in request.args.items() if name in schema.fields}
    form = blank_form(**{"quantity": 1, "term_months": 36, "commercial_model": "term", **sent})
    form.names = frozenset(schema.fields)
    asked: dict[str, Any] = schema.load({})
    try:
        asked = schema.load({name: value for name, value in sent.items() if value.strip()})
    except ma.ValidationError as wrong:
        form.refuse(InvalidInput(_("Please look at what is marked."), fields=wrong.messages_dict))
    return _model_page(caller, form, asked), 422 if form.errors else 200


@dataclass(slots=True)
class _Priced:
    """What is known of one model's price."""

    model: HardwareModel
    client: Client | None
    currency: str
    cost: Decimal | None
    answer: Answer
    wholesale: Answer | None = None
    shelf: Offer | None = None  # what the price of the books yields
    by_hand: Offer | None = None
    offers: Sequence[tuple[RateCard, Sequence[Offer]]] = ()
    chart: dict[str, Any] | None = None

    @property
    def margin(self) -> Margin | None:
        """Our price less the operator's."""
        price, cost = self.answer.monthly, self.wholesale.monthly if self.wholesale else None
        return Margin(price, cost) if price is not None and cost is not None else None


def _model_page(caller: Caller, form: Form, asked: dict[str, Any]) -> str:
    models = {row.id: row for row in list_models(caller.session, caller.tenant)}
    model = models.get(asked["model_id"] or "")
    priced = None
    if model is not None:
        try:
            priced = _price(caller, form, asked, model)
        except HaasError as refusal:
            form.refuse(refusal)
    return render_template(
        "portal/prices/model.html",
        form=form,
        priced=priced,
        models=[(key, f"{row.manufacturer} {row.name}") for key, row in models.items()],
        clients=summaries.client_choices(caller.session, caller.tenant),
        words=words,
    )


def _price(caller: Caller, form: Form, asked: dict[str, Any], model: HardwareModel) -> _Priced:
    client = summaries.find_client(caller.session, caller.tenant, client_id=asked["client_id"])
    currency = client.currency if client else caller.partner.currency
    today = clock.today(caller.partner.time_zone)
    question = Question(
        item=queries.item_of(model),
        day=today,
        currency=currency,
        quantity=asked["quantity"],
        term_months=asked["term_months"],
        commercial_model=asked["commercial_model"],
        client_id=client.id if client else None,
    )
    cost = asked["cost"] or (model.list_cost if model.currency == currency else None)
    priced = _Priced(model, client, currency, cost, suggesting.ask(caller.session, caller.tenant, question))
    with as_buyer(caller.session, caller.tenant) as (account, buyer):
        if account is not None and buyer is not None:
            books = queries.load_books(
                caller.session, buyer, levels=BUYING, day=today, name=account.book_name
            )
            priced.wholesale = resolve(books, question, levels=BUYING)
    if cost:
        held = cards.cards_on(
            queries.list_cards(caller.session, caller.tenant), day=today, category=model.category
        )
        priced.offers = [(card, cards.offers_of(card, cost=cost, currency=currency)) for card in held]
        if asked["term_months"]:
            _calculate(priced, form, asked, cost=cost)
    return priced


def _calculate(priced: _Priced, form: Form, asked: dict[str, Any], *, cost: Decimal) -> None:
    """Both ways by hand, what the books' price yields, and the rent by term for the chart."""
    residual_pct = asked["residual_pct"]
    if residual_pct is None:
        residual_pct = priced.model.residual_value_pct
    form.values.setdefault("residual_pct", f"{residual_pct.normalize():f}")
    form.values.setdefault("cost", f"{cost.normalize():f}")
    deal = cards.deal_of(
        cost=cost,
        residual_pct=residual_pct,
        term_months=asked["term_months"],
        currency=priced.currency,
    )
    if priced.answer.monthly:
        priced.shelf = cards.by_rent(deal, rent=priced.answer.monthly)
    if asked["rent"] is not None:
        priced.by_hand = cards.by_rent(deal, rent=asked["rent"])
    elif asked["yield_pct"] is not None:
        priced.by_hand = cards.by_yield(deal, yield_pct=asked["yield_pct"])
    chosen = priced.by_hand or priced.shelf
    if chosen is not None and chosen.yield_pct >= 0:
        rents = [
            cards.by_yield(replace(deal, term_months=term), yield_pct=chosen.yield_pct).rent
            for term in CHART_TERMS
        ]
        priced.chart = {
            "labels": [str(term) for term in CHART_TERMS],
            "series": [{"label": _("Rent a month at the same yield"), "values": rents}],
            "money": True,
            "currency": priced.currency,
        }


def _card_page(form: Form) -> str:
    rows = list(form.value("rows") or [])
    return render_template(
        "portal/prices/new_card.html",
        form=form,
        rows=rows + [{}] * max(1, EMPTY_ROWS - len(rows)),
        categories=category_words(),
        words=words,
    )

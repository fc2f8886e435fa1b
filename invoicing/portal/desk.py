"""/operator/wholesale: the operator's house, its accounts with partners, the round that bills everybody."""

from __future__ import annotations

from datetime import date
from typing import Any

import marshmallow as ma
import sqlalchemy as sa
from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import format_date, get_locale
from flask_babel import gettext as _

from haas import audit, clock
from haas.accounts import checks, partners
from haas.auth.caller import Caller, current_caller, requires
from haas.errors import Conflict, HaasError
from haas.pages.forms import Form, blank_form, read_form
from haas.rest.fields import Day, one_of, row_id, text
from haas.rest.openapi import Request
from haas.tenancy.branding import LANGUAGES
from haas.tenancy.models import Partner
from haas.tenancy.scope import Platform
from invoicing import previews, rounds, wholesale_views
from invoicing.document_parts import TAX_CATEGORIES
from leases.pricing import house as houses
from leases.pricing.wholesale_rules import TierBasis

blueprint = Blueprint("wholesale_desk", __name__, url_prefix="/operator/wholesale")

_BASES = tuple(basis.value for basis in TierBasis)


class HouseForm(Request):
    """The operator's own house."""

    name = text(120, least=1, required=True)
    legal_name = text(160, least=1, required=True)
    country = text(2, required=True)
    currency = text(3, required=True)
    language = text(2, required=True)
    time_zone = text(64, required=True)


class AccountForm(Request):
    """A partner as a client of the house."""

    partner_id = row_id(required=True)
    book_name = text(60, least=1, required=True)
    currency = text(3, least=3, required=True)
    email = text(254, least=3, required=True)
    address = text(600, load_default="")
    tax_id = text(40, load_default="")
    tax_category = one_of(*TAX_CATEGORIES, load_default="S")
    tier_basis = one_of(*_BASES, load_default=TierBasis.ANY_DAY.value)
    billed_from = Day(load_default=None, allow_none=True)
    payment_terms_days = ma.fields.Integer(load_default=14, validate=ma.validate.Range(0, 365))


class AssignForm(Request):
    """By which book a partner is billed."""

    book_name = text(60, least=1, required=True)
    tier_basis = one_of(*_BASES, load_default=TierBasis.ANY_DAY.value)


class RoundForm(Request):
    """Everything that fell due by a day."""

    as_of = Day(required=True)


@blueprint.get("")
@requires("wholesale.manage")
def index() -> Any:
    """Accounts with use and revenue, what the house would bill, and the latest rounds."""
    caller = current_caller()
    platform = _at_the_desk(caller)
    house = houses.find_house(caller.session)
    if house is None:
        return _house_page(blank_form(language="en", time_zone="UTC"))
    return _desk(
        caller,
        platform,
        house,
        blank_form(tier_basis="any_day", tax_category="S", currency=house.currency, payment_terms_days=14),
    )


@blueprint.post("/house")
@requires("wholesale.manage")
def open_house() -> Any:
    """Make the operator's own house."""
    caller, form = current_caller(), read_form(HouseForm)
    _at_the_desk(caller)
    if form.data is not None:
        try:
            house = houses.open_house(caller.session, **form.data)
        except HaasError as refusal:
            form.refuse(refusal)
        else:
            flash(_("%(name)s is the operator's house now.", name=house.name), "success")
            return redirect(url_for(".index"), 303)
    return _house_page(form), 422


@blueprint.post("/accounts")
@requires("wholesale.manage")
def open_account() -> Any:
    """Make a partner a client of the house."""
    caller, form = current_caller(), read_form(AccountForm)
    platform = _at_the_desk(caller)
    if form.data is not None:
        wanted = dict(form.data)
        address = [line.strip() for line in wanted.pop("address").splitlines() if line.strip()]
        try:
            buyer = partners.get_partner(caller.session, partner_id=wanted.pop("partner_id"))
            with caller.session.begin_nested(), houses.in_the_house(caller.session, platform) as tenant:
                houses.open_account(
                    caller.session, tenant, buyer=buyer, address=address, at=clock.now(), **wanted
                )
        except HaasError as refusal:
            form.refuse(refusal)
        else:
            _note(caller, "wholesale_account_opened", buyer.id, book=form.data["book_name"])
            flash(_("%(name)s is billed by the house from now on.", name=buyer.name), "success")
            return redirect(url_for(".index"), 303)
    return _refused(caller, platform, form)


@blueprint.post("/accounts/<account_id>")
@requires("wholesale.manage")
def assign(account_id: str) -> Any:
    """Bill a partner by another book."""
    caller, form = current_caller(), read_form(AssignForm)
    platform = _at_the_desk(caller)
    if form.data is not None:
        try:
            with caller.session.begin_nested(), houses.in_the_house(caller.session, platform) as tenant:
                houses.assign_book(caller.session, tenant, account_id=account_id, **form.data)
        except HaasError as refusal:
            flash(refusal.message, "error")
        else:
            _note(caller, "wholesale_book_assigned", account_id, book=form.data["book_name"])
            flash(_("The account is billed by %(book)s.", book=form.data["book_name"]), "success")
    return redirect(url_for(".index"), 303)


@blueprint.post("/rounds")
@requires("wholesale.manage")
def start_round() -> Any:
    """Bill everybody: partners' clients by the partners, partners by the house."""
    caller, form = current_caller(), read_form(RoundForm)
    platform = _at_the_desk(caller)
    if form.data is None:
        flash(_("Choose the day by which everything is billed."), "error")
        return redirect(url_for(".index"), 303)
    everybody = rounds.every_house(caller.session)
    with houses.in_the_house(caller.session, platform) as tenant:
        started = rounds.start_round(
            caller.session, tenant, partners=everybody, as_of=form.data["as_of"], at=clock.now()
        )
    _note(caller, "billing_round_started", started.id, as_of=started.as_of.isoformat())
    return redirect(url_for(".show_round", round_id=started.id), 303)


@blueprint.get("/rounds/<round_id>")
@requires("wholesale.manage")
def show_round(round_id: str) -> Any:
    """How far each house is."""
    caller = current_caller()
    with houses.in_the_house(caller.session, _at_the_desk(caller)) as tenant:
        found = rounds.get_round(caller.session, tenant, round_id=round_id)
        parts = rounds.parts_of(caller.session, tenant, round_id=round_id)
    done = sum(1 for part in parts if part.state == "done")
    return render_template(
        "portal/operator/round.html", round=found, parts=parts, done=done, house_id=tenant.partner_id
    )


def _at_the_desk(caller: Caller) -> Platform:
    if not isinstance(caller.scope, Platform):
        raise Conflict(_("Leave %(name)s first.", name=caller.partner.name))
    return caller.scope


def _note(caller: Caller, action: str, subject_id: str, **details: str) -> None:
    """On the operator's own record too: the house's chain is the house's."""
    audit.note(caller.session, action=action, subject="wholesale", subject_id=subject_id, details=details)


def _refused(caller: Caller, platform: Platform, form: Form) -> Any:
    house = houses.find_house(caller.session)
    if house is None:
        return _house_page(blank_form(language="en", time_zone="UTC")), 422
    return _desk(caller, platform, house, form), 422


def _desk(caller: Caller, platform: Platform, house: Partner, form: Form) -> str:
    today = clock.today(house.time_zone)
    buyers = caller.session.execute(
        sa.select(Partner.id, Partner.name).where(~Partner.is_operator).order_by(Partner.name)
    )
    names = [(row[0], row[1]) for row in buyers]
    with houses.in_the_house(caller.session, platform) as tenant:
        accounts = wholesale_views.accounts_in_use(caller.session, tenant, day=today)
        months, revenue = wholesale_views.revenue_by_month(caller.session, tenant, today=today)
        preview = previews.preview_run(caller.session, tenant, as_of=today)
        latest = rounds.recent_rounds(caller.session, tenant)
        books = houses.book_names(caller.session, tenant)
    taken = {use.account.buyer_id for use in accounts}
    return render_template(
        "portal/operator/wholesale.html",
        house=house,
        form=form,
        accounts=accounts,
        chart=_chart(months, revenue) if revenue else None,
        preview=preview,
        rounds=latest,
        books=[(name, name) for name in books],
        buyers=[(key, name) for key, name in names if key not in taken],
        today=today,
        bases=_basis_words(),
        categories=[(code, code) for code in TAX_CATEGORIES],
    )


def _chart(months: list[date], revenue: dict[str, list[Any]]) -> dict[str, Any]:
    return {
        "labels": [format_date(month, "MMM yyyy") for month in months],
        "series": [{"label": currency, "values": values} for currency, values in revenue.items()],
        "money": len(revenue) == 1,
        "currency": next(iter(revenue)),
    }


def _basis_words() -> list[tuple[str, str]]:
    return [
        (TierBasis.ANY_DAY.value, _("Every unit of the month")),
        (TierBasis.FIRST_DAY.value, _("Units on the first of the month")),
    ]


def _house_page(form: Form) -> str:
    language = str(getattr(get_locale(), "language", "en"))
    return render_template(
        "portal/operator/new_house.html",
        form=form,
        countries=list(checks.countries(language).items()),
        languages=list(LANGUAGES.items()),
        zones=[(zone, zone.replace("_", " ")) for zone in checks.zones()],
    )

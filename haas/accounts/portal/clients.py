"""/clients: the list, one client's page with its tabs, made, edited, archived."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import get_locale
from flask_babel import gettext as _
from markupsafe import Markup

from haas import clock
from haas.accounts import checks, client_parts, clients, sites, team
from haas.accounts.people import state_of
from haas.accounts.portal import forms
from haas.accounts.portal.words import ROLE_WORDS, discount_words, terms_kinds, treatments
from haas.auth.caller import current_caller, requires
from haas.auth.permissions import ROLES_OF_LEVEL
from haas.errors import HaasError, NotFound
from haas.pages.forms import Form, blank_form, read_form
from haas.pages.lists import read_list
from haas.tenancy.branding import LANGUAGES
from haas.tenancy.models import Client
from haas.tenancy.payment_terms import own_discounts

blueprint = Blueprint("clients", __name__, url_prefix="/clients")

TABS = ("summary", "sites", "people")


@blueprint.get("")
@requires("client.read")
def index() -> Any:
    """Clients by name, searched and paged."""
    caller = current_caller()
    state = read_list(sorts=clients.CLIENT_SORTS, default="name", filters=["show"])
    page = clients.list_clients(
        caller.session,
        caller.tenant,
        search=state.search,
        archived=state.filters.get("show") == "archived",
        sort=state.sort,
        cursor=state.cursor,
        limit=state.limit,
    )
    return render_template(
        "portal/clients/index.html",
        page=page,
        state=state,
        sites=sites.count_sites(caller.session, caller.tenant, [client.id for client in page.rows]),
        over_limit={each for ask in client_parts.over_limit for each in ask(caller, page.rows)},
    )


@blueprint.get("/<client_id>")
@requires("client.read")
def show(client_id: str) -> Any:
    """One client: its facts, its sites, its people."""
    caller, now = current_caller(), clock.now()
    tab = request.args.get("tab", TABS[0])
    if tab not in TABS:
        raise NotFound(_("There is no such part of this page."))
    client = clients.get_client(caller.session, caller.tenant, client_id=client_id)
    places = sites.list_sites(caller.session, caller.tenant, client_id=client_id, archived=None).rows
    people = team.list_people(caller.session, caller.tenant, client_id=client_id)
    return render_template(
        f"portal/clients/{tab}.html",
        client=client,
        tab=tab,
        sites=places,
        people=[(person, state_of(person, now=now)) for person in people],
        seen=team.last_seen(caller.session, people) if tab == "people" else {},
        role_names=ROLE_WORDS,
        client_roles=[(role, ROLE_WORDS[role]) for role in ROLES_OF_LEVEL["client"]],
        country_names=checks.countries(_language()),
        languages=LANGUAGES,
        treatments=treatments(),
        terms_kinds=terms_kinds(),
        discounts=discount_words(own_discounts(client)),
        cards=[Markup(card(caller, client)) for card in client_parts.cards] if tab == TABS[0] else [],  # noqa: S704 # nosec B704 # our own templates
    )


@blueprint.route("/new", methods=["GET", "POST"])
@requires("client.manage")
def create() -> Any:
    """Add a client."""
    caller, partner = current_caller(), current_caller().partner
    if request.method == "GET":
        return _page(
            blank_form(
                name="",
                country=partner.country,
                currency=partner.currency,
                language=partner.language,
                time_zone=partner.time_zone,
            ),
            None,
        )
    form = read_form(forms.ClientForm)
    if form.data is None:
        return _page(form, None), 422
    try:
        client = clients.create_client(caller.session, caller.tenant, **_facts(form.data))
    except HaasError as refusal:
        form.refuse(refusal)
        return _page(form, None), refusal.status
    flash(_("%(name)s is a client now.", name=client.name), "success")
    return redirect(url_for(".show", client_id=client.id))


@blueprint.route("/<client_id>/edit", methods=["GET", "POST"])
@requires("client.manage")
def edit(client_id: str) -> Any:
    """Change a client's facts."""
    caller = current_caller()
    client = clients.get_client(caller.session, caller.tenant, client_id=client_id)
    if request.method == "GET":
        names = [name for name in forms.ClientForm().fields if name != "address"]
        values = {name: getattr(client, name) for name in names}
        return _page(blank_form(**values, address="\n".join(client.address)), client)
    form = read_form(forms.ClientForm)
    if form.data is None:
        return _page(form, client), 422
    facts = _facts(form.data)
    facts.setdefault("legal_name", facts["name"])
    try:
        clients.edit_client(caller.session, caller.tenant, client_id=client_id, changes=facts)
    except HaasError as refusal:
        form.refuse(refusal)
        return _page(form, client), refusal.status
    flash(_("Saved."), "success")
    return redirect(url_for(".show", client_id=client_id))


@blueprint.post("/<client_id>/archive")
@requires("client.manage")
def archive(client_id: str) -> Any:
    """Put a client away."""
    caller = current_caller()
    try:
        client = clients.archive_client(caller.session, caller.tenant, client_id=client_id, now=clock.now())
    except NotFound:
        raise
    except HaasError as refusal:
        flash(refusal.message, "error")
    else:
        flash(_("%(name)s is archived.", name=client.name), "success")
    return redirect(url_for(".show", client_id=client_id))


@blueprint.post("/<client_id>/restore")
@requires("client.manage")
def restore(client_id: str) -> Any:
    """Bring a client back."""
    caller = current_caller()
    client = clients.restore_client(caller.session, caller.tenant, client_id=client_id)
    flash(_("%(name)s is back.", name=client.name), "success")
    return redirect(url_for(".show", client_id=client_id))


def _facts(data: dict[str, Any]) -> dict[str, Any]:
    facts = {**data, "address": data["address"].splitlines()}
    return {
        name: value for name, value in facts.items() if value != "" or name not in ("number", "legal_name")
    }


def _page(form: Form, client: Client | None) -> str:
    return render_template(
        "portal/clients/form.html",
        form=form,
        client=client,
        treatments=[(name, words) for name, words in treatments().items() if name],
        terms_kinds=list(terms_kinds().items()),
        countries=list(checks.countries(_language()).items()),
        languages=list(LANGUAGES.items()),
        zones=[(zone, zone.replace("_", " ")) for zone in checks.zones()],
    )


def _language() -> str:
    return str(getattr(get_locale(), "language", "en"))

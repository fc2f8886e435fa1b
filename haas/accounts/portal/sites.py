"""/sites: the places of clients; a client's own people see their own."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import get_locale
from flask_babel import gettext as _

from haas import clock
from haas.accounts import checks, clients, sites
from haas.accounts.portal import forms
from haas.auth.caller import current_caller, requires
from haas.errors import HaasError
from haas.pages.forms import Form, blank_form, read_form
from haas.pages.lists import read_list
from haas.tenancy.models import Client, Site

blueprint = Blueprint("sites", __name__, url_prefix="/sites")


@blueprint.get("")
@requires("site.read")
def index() -> Any:
    """Sites by name."""
    caller = current_caller()
    state = read_list(sorts=sites.SITE_SORTS, default="name")
    page = sites.list_sites(
        caller.session, caller.tenant, sort=state.sort, cursor=state.cursor, limit=state.limit
    )
    return render_template(
        "portal/clients/all_sites.html",
        page=page,
        sort=state.sort_key,
        clients=sites.clients_of(caller.session, caller.tenant, page.rows),
    )


@blueprint.route("/new/<client_id>", methods=["GET", "POST"])
@requires("site.manage")
def create(client_id: str) -> Any:
    """Add a site to a client."""
    caller = current_caller()
    client = clients.get_client(caller.session, caller.tenant, client_id=client_id)
    if request.method == "GET":
        values = {"country": client.country, "time_zone": client.time_zone}
        return _page(blank_form(name="", address="\n".join(client.address), **values), client, None)
    form = read_form(forms.SiteForm)
    if form.data is None:
        return _page(form, client, None), 422
    try:
        site = sites.create_site(caller.session, caller.tenant, client_id=client_id, **_facts(form.data))
    except HaasError as refusal:
        form.refuse(refusal)
        return _page(form, client, None), refusal.status
    flash(_("%(name)s is a site of %(client)s now.", name=site.name, client=client.name), "success")
    return redirect(_back(client.id))


@blueprint.route("/<site_id>/edit", methods=["GET", "POST"])
@requires("site.manage")
def edit(site_id: str) -> Any:
    """Change a site's facts."""
    caller = current_caller()
    site = sites.get_site(caller.session, caller.tenant, site_id=site_id)
    client = clients.get_client(caller.session, caller.tenant, client_id=site.client_id)
    if request.method == "GET":
        names = [name for name in forms.SiteForm().fields if name != "address"]
        values = {name: getattr(site, name) for name in names}
        return _page(blank_form(**values, address="\n".join(site.address)), client, site)
    form = read_form(forms.SiteForm)
    if form.data is None:
        return _page(form, client, site), 422
    try:
        sites.edit_site(caller.session, caller.tenant, site_id=site_id, changes=_facts(form.data))
    except HaasError as refusal:
        form.refuse(refusal)
        return _page(form, client, site), refusal.status
    flash(_("Saved."), "success")
    return redirect(_back(client.id))


@blueprint.post("/<site_id>/archive")
@requires("site.manage")
def archive(site_id: str) -> Any:
    """Put a site away."""
    caller = current_caller()
    site = sites.archive_site(caller.session, caller.tenant, site_id=site_id, now=clock.now())
    flash(_("%(name)s is archived: nothing new is placed there.", name=site.name), "success")
    return redirect(_back(site.client_id))


@blueprint.post("/<site_id>/restore")
@requires("site.manage")
def restore(site_id: str) -> Any:
    """Bring a site back."""
    caller = current_caller()
    site = sites.restore_site(caller.session, caller.tenant, site_id=site_id)
    flash(_("%(name)s is back.", name=site.name), "success")
    return redirect(_back(site.client_id))


def _facts(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "address": data["address"].splitlines()}


def _back(client_id: str) -> str:
    # A technician keeps sites; every staff role may read clients.
    return url_for("clients.show", client_id=client_id, tab="sites")


def _page(form: Form, client: Client, site: Site | None) -> str:
    language = str(getattr(get_locale(), "language", "en"))
    return render_template(
        "portal/clients/site_form.html",
        form=form,
        client=client,
        site=site,
        countries=list(checks.countries(language).items()),
        zones=[(zone, zone.replace("_", " ")) for zone in checks.zones()],
    )

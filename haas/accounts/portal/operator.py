"""/operator/partners: the vendor's desk: partners made, suspended, entered on the record."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import get_locale
from flask_babel import gettext as _

from haas import clock
from haas.accounts import checks, partners
from haas.accounts.portal import forms
from haas.auth.caller import Caller, current_caller, requires
from haas.errors import Conflict, HaasError
from haas.pages.forms import Form, blank_form, read_form
from haas.pages.lists import read_list
from haas.tenancy.branding import LANGUAGES
from haas.tenancy.scope import Platform

blueprint = Blueprint("operator", __name__, url_prefix="/operator/partners")


@blueprint.get("")
@requires("partner.list")
def index() -> Any:
    """Every partner, and how many sign in there; never what is theirs."""
    caller = current_caller()
    _at_the_desk(caller)
    state = read_list(sorts=partners.PARTNER_SORTS, default="name")
    page = partners.list_partners(
        caller.session, search=state.search, sort=state.sort, cursor=state.cursor, limit=state.limit
    )
    return render_template(
        "portal/operator/partners.html",
        page=page,
        state=state,
        people=partners.people_of_partners(caller.session, page.rows),
    )


@blueprint.route("/new", methods=["GET", "POST"])
@requires("partner.manage")
def create() -> Any:
    """Add a partner and invite its first owner."""
    caller = current_caller()
    platform = _at_the_desk(caller)
    if request.method == "GET":
        return _page(blank_form(name="", language="en", time_zone="UTC"))
    form = read_form(forms.PartnerForm)
    if form.data is None:
        return _page(form), 422
    facts = dict(form.data)
    owner_name, owner_email = facts.pop("owner_name"), facts.pop("owner_email")
    try:
        partner = partners.create_partner(caller.session, **{**facts, "slug": facts["slug"] or None})
        partners.invite_first_owner(
            caller.session,
            platform,
            partner,
            name=owner_name,
            email=owner_email,
            inviter=caller.user.name,
        )
    except HaasError as refusal:
        if "email" in refusal.fields:
            refusal.fields = {"owner_email": refusal.fields["email"]}
        form.refuse(refusal)
        return _page(form), refusal.status
    flash(_("%(name)s is a partner now; its owner is invited.", name=partner.name), "success")
    return redirect(url_for(".index"))


@blueprint.post("/<partner_id>/suspend")
@requires("partner.manage")
def suspend(partner_id: str) -> Any:
    """Shut a partner's people out."""
    caller = current_caller()
    _at_the_desk(caller)
    partner = partners.suspend(caller.session, partner_id=partner_id, now=clock.now())
    flash(_("%(name)s is suspended: its people and programs are shut out.", name=partner.name), "success")
    return redirect(url_for(".index"))


@blueprint.post("/<partner_id>/resume")
@requires("partner.manage")
def resume(partner_id: str) -> Any:
    """Let a partner in again."""
    caller = current_caller()
    _at_the_desk(caller)
    partner = partners.resume(caller.session, partner_id=partner_id)
    flash(_("%(name)s may sign in again.", name=partner.name), "success")
    return redirect(url_for(".index"))


@blueprint.post("/<partner_id>/enter")
@requires("partner.enter")
def enter(partner_id: str) -> Any:
    """Act inside a partner; its audit log says who, and why."""
    caller, form = current_caller(), read_form(forms.Enter)
    _at_the_desk(caller)
    if form.data is None:
        flash(_("Say why; the partner reads it in its audit log."), "error")
        return redirect(url_for(".index"))
    partners.enter(
        caller.session,
        caller.user,
        session_id=caller.identity.session_id,
        partner_id=partner_id,
        reason=form.data["reason"],
    )
    return redirect("/")


@blueprint.post("/leave")
@requires("partner.enter")
def leave() -> Any:
    """Come home."""
    caller = current_caller()
    if caller.identity.partner is not None:
        partners.leave(
            caller.user,
            session_id=caller.identity.session_id,
            partner_id=caller.identity.partner.id,
        )
    return redirect(url_for(".index"))


def _at_the_desk(caller: Caller) -> Platform:
    if not isinstance(caller.scope, Platform):
        raise Conflict(_("Leave %(name)s first.", name=caller.partner.name))
    return caller.scope


def _page(form: Form) -> str:
    language = str(getattr(get_locale(), "language", "en"))
    return render_template(
        "portal/operator/new_partner.html",
        form=form,
        countries=list(checks.countries(language).items()),
        languages=list(LANGUAGES.items()),
        zones=[(zone, zone.replace("_", " ")) for zone in checks.zones()],
    )

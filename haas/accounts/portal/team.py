"""/settings/team: the partner's people, or a client's; invited, given a role, switched off."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from haas import clock
from haas.accounts import team
from haas.accounts.clients import get_client
from haas.accounts.people import get_person, state_of
from haas.accounts.portal import forms
from haas.accounts.portal.words import ROLE_WORDS
from haas.auth.caller import current_caller, requires
from haas.auth.permissions import OPERATOR, PERMISSIONS, ROLES_OF_LEVEL
from haas.errors import HaasError
from haas.pages.forms import Form, blank_form, read_form
from haas.tenancy.models import Client

blueprint = Blueprint("team", __name__, url_prefix="/settings/team")


@blueprint.get("")
@requires("team.read")
def index() -> Any:
    """Who is here, as what, last seen when."""
    caller, now = current_caller(), clock.now()
    people = team.list_people(caller.session, caller.tenant)
    return render_template(
        "portal/settings/team.html",
        people=[(person, state_of(person, now=now)) for person in people],
        seen=team.last_seen(caller.session, people),
        role_names=ROLE_WORDS,
    )


@blueprint.get("/roles")
@requires("team.read")
def roles() -> Any:
    """What each role may do: the table of permissions itself."""
    caller = current_caller()
    shown = [role for role in ROLE_WORDS if role != OPERATOR]
    if caller.tenant.client_id is not None:
        shown = ROLES_OF_LEVEL["client"]
    rows = [(name, held) for name, held in PERMISSIONS.items() if held & set(shown)]
    return render_template("portal/settings/roles.html", roles=shown, rows=rows, role_names=ROLE_WORDS)


@blueprint.route("/invite", methods=["GET", "POST"])
@requires("team.manage")
def invite() -> Any:
    """Add a person, of this level or with `?client=` of a client."""
    caller = current_caller()
    client = _client_meant()
    if request.method == "GET":
        return _invite_page(blank_form(name="", email="", role=""), client)
    form = read_form(forms.Invitation)
    if form.data is None:
        return _invite_page(form, client), 422
    try:
        person = team.invite_user(
            caller.session,
            caller.tenant,
            **form.data,
            client_id=client.id if client else None,
            inviter=caller.user.name,
        )
    except HaasError as refusal:
        form.refuse(refusal)
        return _invite_page(form, client), refusal.status
    flash(_("%(name)s is invited; the mail is on its way.", name=person.name), "success")
    return redirect(_back(person.client_id))


@blueprint.post("/<user_id>/role")
@requires("team.manage")
def change_role(user_id: str) -> Any:
    """Give a person another role."""
    caller, form = current_caller(), read_form(forms.Role)
    person = get_person(caller.session, caller.tenant, user_id=user_id)
    if form.data is None:
        flash(_("Choose one of the roles shown."), "error")
        return redirect(_back(person.client_id))
    try:
        team.change_role(
            caller.session, caller.tenant, user_id=user_id, role=form.data["role"], now=clock.now()
        )
    except HaasError as refusal:
        flash(refusal.message, "error")
    else:
        flash(_("%(name)s has another role and signs in again.", name=person.name), "success")
    return redirect(_back(person.client_id))


@blueprint.post("/<user_id>/disable")
@requires("team.manage")
def disable(user_id: str) -> Any:
    """Shut a person out."""
    caller = current_caller()
    person = get_person(caller.session, caller.tenant, user_id=user_id)
    try:
        team.disable_user(caller.session, caller.tenant, user_id=user_id, now=clock.now())
    except HaasError as refusal:
        flash(refusal.message, "error")
    else:
        flash(_("%(name)s is signed out everywhere and cannot sign in.", name=person.name), "success")
    return redirect(_back(person.client_id))


@blueprint.post("/<user_id>/enable")
@requires("team.manage")
def enable(user_id: str) -> Any:
    """Let a person in again."""
    caller = current_caller()
    person = team.enable_user(caller.session, caller.tenant, user_id=user_id)
    flash(_("%(name)s can sign in again.", name=person.name), "success")
    return redirect(_back(person.client_id))


@blueprint.post("/<user_id>/invite-again")
@requires("team.manage")
def invite_again(user_id: str) -> Any:
    """Send another invitation; the first is void."""
    caller = current_caller()
    person = get_person(caller.session, caller.tenant, user_id=user_id)
    try:
        team.publish_invitation(caller.session, person, inviter=caller.user.name)
    except HaasError as refusal:
        flash(refusal.message, "error")
    else:
        flash(_("Another invitation to %(name)s is on its way.", name=person.name), "success")
    return redirect(_back(person.client_id))


def _client_meant() -> Client | None:
    caller = current_caller()
    if caller.tenant.client_id is not None:
        return get_client(caller.session, caller.tenant, client_id=caller.tenant.client_id)
    if wanted := request.args.get("client"):
        return get_client(caller.session, caller.tenant, client_id=wanted)
    return None


def _invite_page(form: Form, client: Client | None) -> str:
    level = "client" if client is not None else "partner"
    return render_template(
        "portal/settings/invite.html",
        form=form,
        client=client,
        roles=[(role, ROLE_WORDS[role]) for role in ROLES_OF_LEVEL[level]],
    )


def _back(client_id: str | None) -> str:
    caller = current_caller()
    if client_id is not None and caller.tenant.client_id is None:
        return url_for("clients.show", client_id=client_id, tab="people")
    return url_for("team.index")

"""/settings/tokens: API tokens, shown once, revoked at once."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from haas import clock
from haas.accounts import sessions, tokens
from haas.accounts.portal import browser, forms
from haas.auth.caller import current_caller, requires
from haas.errors import HaasError
from haas.pages.forms import Form, blank_form, read_form
from haas.pages.lists import read_list

blueprint = Blueprint("tokens", __name__, url_prefix="/settings/tokens")


@blueprint.get("")
@requires("token.manage")
def index() -> Any:
    """The partner's tokens."""
    caller, now = current_caller(), clock.now()
    state = read_list(sorts=tokens.TOKEN_SORTS, default="-created")
    page = tokens.list_tokens(
        caller.session, caller.tenant, sort=state.sort, cursor=state.cursor, limit=state.limit
    )
    return render_template(
        "portal/settings/tokens.html",
        page=page,
        rows=[(token, tokens.token_state(token, now=now)) for token in page.rows],
        makers=tokens.makers(caller.session, page.rows),
        sort=state.sort_key,
    )


@blueprint.route("/new", methods=["GET", "POST"])
@requires("token.manage")
def create() -> Any:
    """Make a token; it is shown this once."""
    caller = current_caller()
    sessions.demand_fresh(caller.user, session_id=caller.identity.session_id, now=clock.now())
    if request.method == "GET":
        return _page(blank_form(name="", scopes=[], lasts_days="90"))
    form = read_form(forms.NewToken)
    if form.data is None:
        return _page(form), 422
    try:
        token, secret = tokens.create_token(
            caller.session,
            caller.tenant,
            user=caller.user,
            held=caller.identity.permissions,
            **form.data,
            pepper=browser.own_settings().secret_key,
            now=clock.now(),
        )
    except HaasError as refusal:
        form.refuse(refusal)
        return _page(form), refusal.status
    return render_template("portal/settings/token_made.html", token=token, secret=secret)


@blueprint.post("/<token_id>/revoke")
@requires("token.manage")
def revoke(token_id: str) -> Any:
    """End a token."""
    caller = current_caller()
    token = tokens.revoke_token(caller.session, caller.tenant, token_id=token_id, now=clock.now())
    flash(_("%(name)s works no more.", name=token.name), "success")
    return redirect(url_for(".index"))


def _page(form: Form) -> str:
    held = tokens.grantable(current_caller().identity.permissions)
    groups: dict[str, list[str]] = {}
    for permission in held:
        groups.setdefault(permission.partition(".")[0], []).append(permission)
    return render_template(
        "portal/settings/token_new.html",
        form=form,
        groups=groups,
        durations=[(days, _("%(days)s days", days=days)) for days in tokens.LASTS_DAYS],
    )

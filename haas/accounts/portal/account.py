"""One's own account: name and language, password, signed-in browsers, and proving again who one is."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _

from haas import clock
from haas.accounts import checks, one_time_links, passkeys, second_factor, sessions, sign_in
from haas.accounts.portal import browser, forms
from haas.accounts.sessions import ConfirmFirst, device_words
from haas.auth.caller import current_caller, requires
from haas.auth.passwords import check_strength, hash_password
from haas.errors import HaasError
from haas.pages.forms import Form, blank_form, read_form
from haas.tenancy.branding import LANGUAGES

blueprint = Blueprint("account", __name__, url_prefix="/account")


@blueprint.app_errorhandler(ConfirmFirst)
def confirm_first(refusal: ConfirmFirst) -> Any:  # noqa: ARG001 - Flask's signature
    """Ask who is at the keys, then come back to the page (not to the action: it is pressed again)."""
    here = request.full_path if request.method == "GET" else browser.local_path(_came_from())
    return redirect(url_for("account.confirm", next=here))


@blueprint.get("")
@requires("account.self")
def show() -> Any:
    """Name, language and time zone."""
    _, user = browser.own_rows(current_caller())
    return _profile(blank_form(name=user.name, language=user.language, time_zone=user.time_zone))


@blueprint.post("")
@requires("account.self")
def save() -> Any:
    """Change them."""
    session, user = browser.own_rows(current_caller())
    form = read_form(forms.Profile)
    if form.data is not None:
        try:
            user.name = checks.check_text(form.data["name"], field="name", most=120)
            user.language = checks.check_language(form.data["language"])
            user.time_zone = checks.check_zone(form.data["time_zone"])
            session.flush()
        except HaasError as refusal:
            form.refuse(refusal)
        else:
            flash(_("Saved."), "success")
            return redirect(url_for(".show"))
    return _profile(form), 422


@blueprint.get("/security")
@requires("account.self")
def security() -> Any:
    """Password, authenticator app, passkeys."""
    return _security(blank_form())


@blueprint.post("/password")
@requires("account.self")
def change_password() -> Any:
    """Set another password; every other browser is signed out, and this one gets a new token."""
    caller, form, now = current_caller(), read_form(forms.ChangePassword), clock.now()
    session, user = browser.own_rows(caller)
    if form.data is None:
        return _security(form), 422
    partner = caller.identity.partner
    try:
        sign_in.prove_password(caller.user, password=form.data["current_password"], now=now)
        check_strength(form.data["password"], about=[user.name, user.email, partner.name if partner else ""])
    except HaasError as refusal:
        if isinstance(refusal, sign_in.SignInRefused):
            refusal.fields = {"current_password": [refusal.message]}
        form.refuse(refusal)
        return _security(form), 422
    session.refresh(user)
    own_browser = caller.identity.session_id
    one_time_links.set_password(
        session, user, hashed=hash_password(form.data["password"]), now=now, keep_session=own_browser
    )
    if own_browser is not None:
        pepper = browser.own_settings().secret_key
        browser.remember(sessions.renew(session, user, session_id=own_browser, pepper=pepper, now=now))
    flash(_("Your password is changed. Other browsers are signed out."), "success")
    return redirect(url_for(".security"))


@blueprint.get("/sessions")
@requires("account.self")
def list_sessions() -> Any:
    """Where one is signed in."""
    caller = current_caller()
    session, user = browser.own_rows(caller)
    opened = sessions.list_open(session, user, now=clock.now())
    return render_template(
        "portal/account/sessions.html",
        opened=[(each, device_words(each.user_agent)) for each in opened],
        this_browser=caller.identity.session_id,
    )


@blueprint.post("/sessions/<session_id>/end")
@requires("account.self")
def end_session(session_id: str) -> Any:
    """Sign one browser out."""
    caller = current_caller()
    session, user = browser.own_rows(caller)
    sessions.end(session, user, session_id=session_id, now=clock.now())
    if session_id == caller.identity.session_id:
        browser.forget()
        return redirect(url_for("accounts.sign_in"))
    flash(_("That browser is signed out."), "success")
    return redirect(url_for(".list_sessions"))


@blueprint.post("/sessions/end-others")
@requires("account.self")
def end_other_sessions() -> Any:
    """Sign every other browser out."""
    caller = current_caller()
    session, user = browser.own_rows(caller)
    sessions.end_all(session, user, now=clock.now(), but=caller.identity.session_id)
    flash(_("All other browsers are signed out."), "success")
    return redirect(url_for(".list_sessions"))


@blueprint.route("/confirm", methods=["GET", "POST"])
@requires("account.self")
def confirm() -> Any:
    """Prove again who one is, by password."""
    caller = current_caller()
    session, user = browser.own_rows(caller)
    if request.method == "GET":
        return _confirm(blank_form(next=request.args.get("next", "")))
    form = read_form(forms.Confirm)
    if form.data is None:
        return _confirm(form), 422
    try:
        sign_in.prove_password(caller.user, password=form.data["password"], now=clock.now())
    except HaasError as refusal:
        form.refuse(refusal)
        return _confirm(form), 422
    sessions.confirm(session, user, session_id=str(caller.identity.session_id), now=clock.now())
    return redirect(browser.local_path(form.data["next"]) or url_for(".security"))


@blueprint.post("/confirm/passkey/options")
@requires("account.self")
def confirm_options() -> Any:
    """A challenge for one's own passkey."""
    _, user = browser.own_rows(current_caller())
    party = passkeys.relying_party(browser.own_settings())
    return jsonify(passkeys.begin_sign_in(party=party, now=clock.now(), user=user))


@blueprint.post("/confirm/passkey")
@requires("account.self")
def confirm_by_passkey() -> Any:
    """Prove again who one is, by passkey."""
    caller, form = current_caller(), read_form(forms.Credential)
    session, user = browser.own_rows(caller)
    if form.data is None:
        return _confirm(form), 422
    party = passkeys.relying_party(browser.own_settings())
    try:
        passkeys.finish_sign_in(
            credential=form.data["credential"], party=party, now=clock.now(), user=caller.user
        )
    except HaasError as refusal:
        form.refuse(refusal)
        return _confirm(form), refusal.status
    sessions.confirm(session, user, session_id=str(caller.identity.session_id), now=clock.now())
    return redirect(browser.local_path(form.data["next"]) or url_for(".security"))


def _profile(form: Form) -> str:
    return render_template(
        "portal/account/profile.html",
        form=form,
        languages=list(LANGUAGES.items()),
        zones=[(zone, zone.replace("_", " ")) for zone in checks.zones()],
    )


def _security(form: Form) -> str:
    session, user = browser.own_rows(current_caller())
    return render_template(
        "portal/account/security.html",
        form=form,
        person=user,
        passkeys=passkeys.list_passkeys(session, user),
        codes_left=second_factor.count_recovery_codes(session, user),
    )


def _confirm(form: Form) -> str:
    session, user = browser.own_rows(current_caller())
    return render_template(
        "portal/account/confirm.html", form=form, has_passkey=bool(passkeys.list_passkeys(session, user))
    )


def _came_from() -> str:
    """The path of the page whose form was sent: same-origin, so browsers send it whole."""
    referrer = request.referrer or ""
    host = request.host_url
    return "/" + referrer.removeprefix(host) if referrer.startswith(host) else "/account/security"

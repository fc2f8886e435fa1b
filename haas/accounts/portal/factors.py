"""Pages of the second factor: authenticator app, recovery codes, passkeys."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, jsonify, redirect, render_template, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from haas import clock
from haas.accounts import passkeys, second_factor, sessions
from haas.accounts.portal import browser, forms
from haas.auth import totp
from haas.auth.caller import current_caller, requires
from haas.auth.models import User
from haas.documents.qr import data_uri
from haas.errors import Conflict, HaasError
from haas.pages.forms import Form, blank_form, read_form

blueprint = Blueprint("factors", __name__, url_prefix="/account")


@blueprint.post("/app/begin")
@requires("account.self")
def begin_app() -> Any:
    """Make the secret of an authenticator app."""
    session, user = _fresh()
    second_factor.begin_enrolment(session, user, secret_key=browser.own_settings().secret_key)
    return redirect(url_for(".app"))


@blueprint.get("/app")
@requires("account.self")
def app() -> Any:
    """The QR code to scan, and the field for the app's first code."""
    session, user = _fresh()
    if user.totp_secret is None or user.totp_confirmed_at is not None:
        return redirect(url_for("account.security"))
    return _app_page(session, user, blank_form(code=""))


@blueprint.post("/app")
@requires("account.self")
def confirm_app() -> Any:
    """The app works: from now on it is asked. The recovery codes are shown this once."""
    caller = current_caller()
    session, user = _fresh()
    form, now, secret_key = read_form(forms.Code), clock.now(), browser.own_settings().secret_key
    if form.data is None:
        return _app_page(session, user, form), 422
    try:
        codes = second_factor.confirm_enrolment(
            session, user, code=form.data["code"], secret_key=secret_key, now=now
        )
    except Conflict:
        return redirect(url_for("account.security"))
    except HaasError as refusal:
        form.refuse(refusal)
        return _app_page(session, user, form), 422
    own_browser = str(caller.identity.session_id)
    sessions.end_all(session, user, now=now, but=own_browser)
    browser.remember(
        sessions.renew(session, user, session_id=own_browser, pepper=secret_key, now=now, second_factor=True)
    )
    return render_template("portal/account/recovery_codes.html", codes=codes)


@blueprint.post("/app/remove")
@requires("account.self")
def remove_app() -> Any:
    """Ask for no code any more."""
    session, user = _fresh()
    second_factor.remove(session, user)
    flash(_("Sign-in asks for no code any more."), "success")
    return redirect(url_for("account.security"))


@blueprint.post("/recovery-codes")
@requires("account.self")
def renew_codes() -> Any:
    """New recovery codes, shown this once; the old ones are void."""
    session, user = _fresh()
    if user.totp_confirmed_at is None:
        raise Conflict(_("Set up an authenticator app first."))
    secret_key = browser.own_settings().secret_key
    codes = second_factor.renew_recovery_codes(session, user, secret_key=secret_key)
    return render_template("portal/account/recovery_codes.html", codes=codes)


@blueprint.post("/passkeys/options")
@requires("account.self")
def passkey_options() -> Any:
    """What the browser hands to the authenticator to make a passkey."""
    caller = current_caller()
    session, user = _fresh()
    place = caller.identity.partner.name if caller.identity.partner else "haas"
    party = passkeys.relying_party(browser.own_settings())
    return jsonify(passkeys.begin_registration(session, user, party=party, name=place, now=clock.now()))


@blueprint.post("/passkeys")
@requires("account.self")
def add_passkey() -> Any:
    """Keep the passkey that the authenticator made."""
    session, user = _fresh()
    form = read_form(forms.NewPasskey)
    if form.data is None:
        flash(_("Give the passkey a name, such as the device it lives on."), "error")
        return redirect(url_for("account.security"))
    party = passkeys.relying_party(browser.own_settings())
    try:
        passkeys.finish_registration(session, user, **form.data, party=party, now=clock.now())
    except HaasError as refusal:
        flash(refusal.message, "error")
    else:
        flash(_("The passkey is ready: sign in with it next time."), "success")
    return redirect(url_for("account.security"))


@blueprint.post("/passkeys/<passkey_id>/name")
@requires("account.self")
def rename_passkey(passkey_id: str) -> Any:
    """Call a passkey something else."""
    session, user = browser.own_rows(current_caller())
    form = read_form(forms.Named)
    if form.data is None:
        flash(_("Write a name."), "error")
    else:
        passkeys.rename(session, user, passkey_id=passkey_id, name=form.data["name"])
    return redirect(url_for("account.security"))


@blueprint.post("/passkeys/<passkey_id>/remove")
@requires("account.self")
def remove_passkey(passkey_id: str) -> Any:
    """Forget a passkey."""
    session, user = _fresh()
    passkeys.remove(session, user, passkey_id=passkey_id)
    flash(_("The passkey is taken away."), "success")
    return redirect(url_for("account.security"))


def _fresh() -> tuple[Session, User]:
    """The caller's own rows, for a change that asks for a proof within the last minutes."""
    caller = current_caller()
    session, user = browser.own_rows(caller)
    sessions.demand_fresh(caller.user, session_id=caller.identity.session_id, now=clock.now())
    return session, user


def _app_page(session: Session, user: User, form: Form) -> str:
    caller = current_caller()
    secret = second_factor.begin_enrolment(session, user, secret_key=browser.own_settings().secret_key)
    issuer = caller.identity.partner.name if caller.identity.partner else "haas"
    uri = totp.enrolment_uri(secret, account=user.email, issuer=issuer)
    spaced = " ".join(secret[place : place + 4] for place in range(0, len(secret), 4))
    return render_template("portal/account/app.html", form=form, qr=data_uri(uri), secret=spaced)

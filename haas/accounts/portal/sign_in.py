"""Pages for people who are not signed in yet: password, second factor, passkey, forgotten, invited."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, g, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _

from haas import clock, db
from haas.accounts import one_time_links, passkeys, second_factor, sessions, sign_in
from haas.accounts.one_time_links import INVITATION, PASSWORD_RESET
from haas.accounts.people import home_of
from haas.accounts.portal import browser, forms
from haas.auth.caller import public
from haas.auth.models import User
from haas.errors import HaasError, NotFound
from haas.pages.forms import Form, blank_form, read_form
from haas.rest.limits import GUESSABLE, SIGN_IN, limiter

blueprint = Blueprint("accounts", __name__)


@blueprint.get("/sign-in")
@public("whoever signs in is not known yet")
def sign_in_page() -> Any:
    """The form; somebody who is signed in goes on."""
    found = browser.who()
    if found is not None and not found.half_signed_in:
        return redirect(_onward(found.user, request.args.get("next", "")))
    form = blank_form(next=request.args.get("next", ""), at=request.args.get("at", ""), email="")
    return _sign_in_form(form)


@blueprint.post("/sign-in", endpoint="sign_in")
@public("whoever signs in is not known yet")
@limiter.limit(SIGN_IN)
def check() -> Any:
    """Address and password; then a second factor, a choice, or the portal."""
    form = read_form(forms.SignIn)
    if form.data is None:
        return _sign_in_form(form), 422
    email, target = form.data["email"], form.data["next"]
    try:
        doors = sign_in.check_password(email=email, password=form.data["password"], now=clock.now())
    except HaasError as refusal:
        form.refuse(refusal)
        return _sign_in_form(form), refusal.status
    if len(doors) > 1:
        sealed = sign_in.seal_choice(doors, secret_key=browser.own_settings().secret_key)
        return render_template(
            "portal/account/choose.html", doors=doors, email=email, choice=sealed, target=target
        )
    return _enter(doors[0].user, target)


@blueprint.post("/sign-in/choose")
@public("the password was right; which account is meant is not known yet")
@limiter.limit(SIGN_IN)
def choose() -> Any:
    """Several partners know this address: this one is meant."""
    form = read_form(forms.Choice)
    if form.data is None:
        return redirect(url_for(".sign_in"))
    user = sign_in.open_choice(
        form.data["choice"],
        email=form.data["email"],
        user_id=form.data["user_id"],
        secret_key=browser.own_settings().secret_key,
    )
    return _enter(user, form.data["next"])


@blueprint.route("/sign-in/code", methods=["GET", "POST"])
@public("the password was right; the second factor is still owed")
@limiter.limit(SIGN_IN, methods=["POST"])
def code() -> Any:
    """The second factor."""
    now = clock.now()
    found = browser.who(now)
    if found is None or found.session_id is None:
        return redirect(url_for(".sign_in"))
    if not found.half_signed_in:
        return redirect(_onward(found.user, request.args.get("next", "")))
    if request.method == "GET":
        return _code_form(blank_form(code="", next=request.args.get("next", "")))
    form = read_form(forms.Code)
    if form.data is None:
        return _code_form(form), 422
    try:
        token = _prove_code(found.user, found.session_id, form.data["code"])
    except HaasError as refusal:
        form.refuse(refusal)
        return _code_form(form), refusal.status
    browser.remember(token)
    return redirect(_onward(found.user, form.data["next"]))


@blueprint.post("/sign-in/passkey/options")
@public("a challenge for whoever holds a passkey")
@limiter.limit(SIGN_IN)
def passkey_options() -> Any:
    """What the browser hands to the authenticator."""
    party = passkeys.relying_party(browser.own_settings())
    return jsonify(passkeys.begin_sign_in(party=party, now=clock.now()))


@blueprint.post("/sign-in/passkey")
@public("whoever signs in is not known yet")
@limiter.limit(SIGN_IN)
def passkey() -> Any:
    """What the authenticator answered: two factors at once."""
    form = read_form(forms.Credential)
    if form.data is None:
        return _sign_in_form(blank_form(email="", next="", at="")), 422
    party = passkeys.relying_party(browser.own_settings())
    try:
        user = passkeys.finish_sign_in(credential=form.data["credential"], party=party, now=clock.now())
    except HaasError as refusal:
        again = blank_form(email="", next=form.data["next"], at="")
        again.refuse(refusal)
        return _sign_in_form(again), refusal.status
    return _enter(user, form.data["next"], by="passkey", second_factor_proven=True)


@blueprint.post("/sign-out")
@public("whoever is half signed in may leave, too")
def sign_out() -> Any:
    """End this browser's session."""
    now = clock.now()
    found = browser.who(now)
    if found is not None and found.session_id is not None:
        with db.unit_of_work(home_of(found.user)) as session:
            sessions.end(session, found.user, session_id=found.session_id, now=now)
    browser.forget()
    flash(_("You are signed out."), "success")
    return redirect(url_for(".sign_in"))


@blueprint.route("/sign-in/forgotten", methods=["GET", "POST"])
@public("whoever forgot the password cannot sign in")
@limiter.limit(GUESSABLE, methods=["POST"])
def forgotten() -> Any:
    """Have a link mailed. The answer is the same whether the address is known or not."""
    if request.method == "GET":
        return render_template("portal/account/forgotten.html", form=blank_form(email=""), sent=False)
    form = read_form(forms.Forgotten)
    if form.data is None:
        return render_template("portal/account/forgotten.html", form=form, sent=False), 422
    one_time_links.ask_for_reset(email=form.data["email"], now=clock.now())
    return render_template("portal/account/forgotten.html", form=form, sent=True)


@blueprint.route("/reset-password/<secret>", methods=["GET", "POST"])
@public("the address itself, sent by mail, says who it is")
@limiter.limit(GUESSABLE)
def reset_password(secret: str) -> Any:
    """A new password by a mailed link."""
    return _by_link(secret, PASSWORD_RESET, _("Choose a new password"))


@blueprint.route("/invitations/<secret>", methods=["GET", "POST"])
@public("the address itself, sent by mail, says who it is")
@limiter.limit(GUESSABLE)
def invitation(secret: str) -> Any:
    """A first password by a mailed link."""
    return _by_link(secret, INVITATION, _("Open your account"))


def _by_link(secret: str, purpose: str, title: str) -> Any:
    now, pepper = clock.now(), browser.own_settings().secret_key
    try:
        user, partner = one_time_links.find_person(secret, purpose=purpose, pepper=pepper, now=now)
    except NotFound as gone:
        return render_template("portal/account/link_gone.html", message=gone.message, purpose=purpose), 404
    g.brand_partner = partner
    form = blank_form() if request.method == "GET" else read_form(forms.NewPassword)
    if request.method == "POST" and form.data is not None:
        try:
            one_time_links.use_link(
                secret, purpose=purpose, password=form.data["password"], pepper=pepper, now=now
            )
        except HaasError as refusal:
            form.refuse(refusal)
        else:
            flash(_("Your password is set. Sign in with it."), "success")
            return redirect(url_for(".sign_in", at=partner.slug if partner else None))
    page = render_template("portal/account/new_password.html", form=form, person=user, heading=title)
    return page, 422 if form.errors else 200


def _sign_in_form(form: Form) -> str:
    if slug := str(form.value("at") or ""):
        g.brand_partner = browser.partner_at(slug)
    return render_template("portal/account/sign_in.html", form=form)


def _code_form(form: Form) -> str:
    return render_template("portal/account/code.html", form=form)


def _prove_code(user: User, session_id: str, typed: str) -> str:
    now, secret_key = clock.now(), browser.own_settings().secret_key
    sign_in.charge_try(user, now=now)
    with db.unit_of_work(home_of(user)) as session:
        kind = second_factor.prove(session, user, code=typed, secret_key=secret_key, now=now)
        if kind is not None:
            token = sessions.complete(
                session, user, session_id=session_id, pepper=secret_key, now=now, by=f"password+{kind}"
            )
    if kind is None:
        sign_in.note_wrong_code(user)
        raise sign_in.refusal("code")
    sign_in.forgive_tries(user)
    return token


def _enter(user: User, target: str, *, by: str = "password", second_factor_proven: bool = False) -> Any:
    with db.unit_of_work(home_of(user)) as session:
        token = sessions.open_for(
            session,
            user,
            pepper=browser.own_settings().secret_key,
            now=clock.now(),
            address=browser.address(),
            user_agent=request.headers.get("User-Agent", ""),
            by=by,
            second_factor=second_factor_proven,
        )
    browser.remember(token)
    if user.totp_confirmed_at is not None and not second_factor_proven:
        return redirect(url_for(".code", next=browser.local_path(target)))
    sign_in.forgive_tries(user)
    return redirect(_onward(user, target))


def _onward(user: User, target: str) -> str:
    if (wanted := browser.local_path(target)) is not None:
        return wanted
    return url_for("operator.index") if user.partner_id is None else "/"

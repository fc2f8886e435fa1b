"""/exports/…/settings: name, rule, rhythm and destination of a profile."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import current_app, flash, redirect, render_template, url_for
from flask_babel import gettext as _

from haas import clock
from haas.auth.caller import current_caller, requires
from haas.errors import HaasError
from haas.pages.forms import Form, blank_form, read_form
from haas.rest.fields import Day, one_of, text
from haas.rest.openapi import Request
from invoicing.exports import destinations, profiles, sftp
from invoicing.exports.formats import FORMATS
from invoicing.exports.mapping import ContactRule
from invoicing.exports.models import CHANNELS, ExportProfile
from invoicing.exports.portal import words
from invoicing.exports.portal.profiles import blueprint
from invoicing.exports.schedule import Cut, Rhythm
from invoicing.exports.schemas import WallTime, wall_time

_OPTIONS = ("date_format", "tracking_name", "tax_agency", "opens")


class SettingsForm(Request):
    """What may change of a profile."""

    name = text(80, least=1, required=True)
    contact_rule = one_of(*(each.value for each in ContactRule), required=True)
    begins_on = Day(load_default=None, allow_none=True)
    alert_email = text(254, load_default="")
    rhythm = one_of(*(each.value for each in Rhythm), required=True)
    at_minute = WallTime(required=True)
    weekday = ma.fields.Integer(load_default=0, validate=ma.validate.Range(0, 6))
    month_day = ma.fields.Integer(load_default=1, validate=ma.validate.Range(1, 28))
    cut = one_of(*(each.value for each in Cut), required=True)
    date_format = text(20, load_default="")
    tracking_name = text(80, load_default="")
    tax_agency = text(80, load_default="")
    opens = one_of("", "yes", "no", load_default="")


class DestinationForm(Request):
    """Where files go."""

    channel = one_of(*CHANNELS, required=True)
    address = text(254, load_default="")
    host = text(253, load_default="")
    port = ma.fields.Integer(load_default=22, validate=ma.validate.Range(1, 65535))
    user = text(100, load_default="")
    folder = text(300, load_default="/")
    secret = text(20_000, load_default="", load_only=True)


class KeyForm(Request):
    """The fingerprint that was compared."""

    fingerprint = text(80, least=1, required=True)


@blueprint.get("/<profile_id>/settings")
@requires("export.manage")
def edit_profile(profile_id: str) -> str:
    """The forms."""
    return _page(_profile(profile_id), Form(), Form())


@blueprint.post("/<profile_id>/settings")
@requires("export.manage")
def change_profile(profile_id: str) -> Any:
    """Another name, rule or rhythm."""
    caller, form, profile = current_caller(), read_form(SettingsForm), _profile(profile_id)
    if form.data is None:
        return _page(profile, form, Form()), 422
    given = dict(form.data)
    known = FORMATS[profile.format].options
    options = {name: value for name, value in profile.options.items() if name not in _OPTIONS}
    options |= {name: value for name in _OPTIONS if (value := given.pop(name)) and name in known}
    try:
        profiles.change_profile(
            caller.session, caller.tenant, profile_id=profile_id, now=clock.now(), options=options, **given
        )
    except HaasError as refusal:
        form.refuse(refusal)
        return _page(profile, form, Form()), refusal.status
    flash(_("The settings are saved."), "success")
    return redirect(url_for(".edit_profile", profile_id=profile_id), 303)


@blueprint.post("/<profile_id>/destination")
@requires("export.manage")
def set_destination(profile_id: str) -> Any:
    """Send files by mail, by SFTP or nowhere."""
    caller, form, profile = current_caller(), read_form(DestinationForm), _profile(profile_id)
    if form.data is None:
        return _page(profile, Form(), form), 422
    try:
        destinations.send_to(
            caller.session,
            caller.tenant,
            profile_id=profile_id,
            secret_key=current_app.config["HAAS"].secret_key,
            **form.data,
        )
    except HaasError as refusal:
        form.refuse(refusal)
        return _page(profile, Form(), form), refusal.status
    flash(_("From the next batch on files go there."), "success")
    return redirect(url_for(".edit_profile", profile_id=profile_id) + "#destination", 303)


@blueprint.post("/<profile_id>/host-key")
@requires("export.manage")
def ask_host_key(profile_id: str) -> Any:
    """Ask the server for its key, for a person to compare."""
    caller, own = current_caller(), current_app.config["HAAS"]
    _profile(profile_id)
    try:
        destinations.ask_host_key(
            caller.session,
            caller.tenant,
            profile_id=profile_id,
            secret_key=own.secret_key,
            allow_private=own.sftp_private_hosts,
        )
    except HaasError as refusal:
        flash(refusal.message, "error")
    return redirect(url_for(".edit_profile", profile_id=profile_id) + "#destination", 303)


@blueprint.post("/<profile_id>/host-key/confirm")
@requires("export.manage")
def confirm_host_key(profile_id: str) -> Any:
    """Pin the key that was compared."""
    caller, form = current_caller(), read_form(KeyForm)
    _profile(profile_id)
    try:
        shown = form.data["fingerprint"] if form.data else ""
        destinations.confirm_host_key(caller.session, caller.tenant, profile_id=profile_id, shown=shown)
    except HaasError as refusal:
        flash(refusal.message, "error")
    else:
        flash(_("The key is confirmed: files go only to a server that has it."), "success")
    return redirect(url_for(".edit_profile", profile_id=profile_id) + "#destination", 303)


@blueprint.post("/<profile_id>/archive")
@requires("export.manage")
def archive_profile(profile_id: str) -> Any:
    """Put it away."""
    caller = current_caller()
    profile = profiles.archive_profile(caller.session, caller.tenant, profile_id=profile_id, at=clock.now())
    flash(_("%(name)s is put away. Its batches stay.", name=profile.name), "success")
    return redirect(url_for(".index"), 303)


def _profile(profile_id: str) -> ExportProfile:
    caller = current_caller()
    return profiles.get_profile(caller.session, caller.tenant, profile_id=profile_id)


def _page(profile: ExportProfile, form: Form, to_form: Form) -> str:
    place = profile.destination
    offered = str(place.get("offered_key", ""))
    filled = blank_form(
        name=profile.name,
        contact_rule=profile.contact_rule,
        begins_on=profile.begins_on.isoformat() if profile.begins_on else "",
        alert_email=profile.alert_email,
        rhythm=profile.rhythm,
        at_minute=wall_time(profile.at_minute),
        weekday=profile.weekday,
        month_day=profile.month_day,
        cut=profile.cut,
        **{name: profile.options.get(name, "") for name in _OPTIONS},
    )
    to_filled = blank_form(
        channel=profile.channel,
        address=place.get("address", ""),
        host=place.get("host", ""),
        port=place.get("port", 22),
        user=place.get("user", ""),
        folder=place.get("folder", "/"),
    )
    return render_template(
        "portal/exports/settings.html",
        profile=profile,
        chosen=FORMATS[profile.format],
        form=form if form.errors else filled,
        to_form=to_form if to_form.errors else to_filled,
        pinned=sftp.fingerprint(place["host_key"]) if place.get("host_key") else "",
        offered=sftp.fingerprint(offered) if offered else "",
        rules=words.rule_words(),
        rhythms=words.rhythm_words(),
        cuts=words.cut_words(),
        channels=words.channel_words(),
        weekdays=words.weekday_words(),
    )

"""/exports: the profiles and latest batches, a new profile, one profile with what waits and its mapping."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import marshmallow as ma
from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _

from haas import clock
from haas.auth.caller import current_caller, requires
from haas.errors import HaasError
from haas.pages.forms import Form, blank_form, read_form
from haas.pages.lists import read_list
from haas.rest.fields import Day, one_of, text
from haas.rest.openapi import Request
from haas.rest.paging import Sort, fetch_page
from invoicing.exports import batches, profiles
from invoicing.exports.contents import Content
from invoicing.exports.dry_run import Missing, dry_run, missing_now
from invoicing.exports.formats import FORMATS
from invoicing.exports.mapping import MapKind
from invoicing.exports.models import ExportBatch
from invoicing.exports.portal import words
from invoicing.exports.schemas import NameRow
from invoicing.ledger.accounts import ensure_chart

blueprint = Blueprint("exports", __name__, url_prefix="/exports")

_SORTS = {"created": Sort(ExportBatch.created_at, ExportBatch.id)}


class NewProfileForm(Request):
    """A profile to be made."""

    name = text(80, least=1, required=True)
    format = one_of(*FORMATS, required=True)
    content = one_of(*(each.value for each in Content), required=True)
    family = text(80, load_default="")
    begins_on = Day(load_default=None, allow_none=True)


class TypedRow(NameRow):
    """A row of the page; the last one is blank until somebody writes a key."""

    key = text(200, load_default="")


class NamesForm(Request):
    """Rows of the mapping, as the page lists them."""

    rows = ma.fields.List(ma.fields.Nested(TypedRow), load_default=list)

    @ma.validates_schema
    def _names_a_key(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if any(row["value"] and not row["key"] for row in data.get("rows", [])):
            raise ma.ValidationError(_("Write the key to which the name belongs."), "rows")


class StartForm(Request):
    """A batch, up to a day if one is named."""

    until = Day(load_default=None, allow_none=True)


@blueprint.get("")
@requires("invoice.export")
def index() -> str:
    """The profiles, and the batches that were made, the newest first."""
    caller = current_caller()
    listed = read_list(sorts=_SORTS, default="-created", filters=("state", "profile"))
    page = fetch_page(
        caller.session,
        batches.list_batches(
            caller.tenant, profile_id=listed.filters.get("profile"), state=listed.filters.get("state")
        ),
        sort=listed.sort,
        cursor=listed.cursor,
        limit=listed.limit,
    )
    return render_template(
        "portal/exports/index.html",
        profiles=profiles.list_profiles(caller.session, caller.tenant),
        page=page,
        listed=listed,
        **_all_words(),
    )


@blueprint.get("/new")
@requires("export.manage")
def new_profile() -> str:
    """The form for a profile."""
    return _new_page(blank_form(name="", format="", content="", family="", begins_on=""))


@blueprint.post("/new")
@requires("export.manage")
def create_profile() -> Any:
    """Make it; its mapping begins with the chart of accounts."""
    caller, form = current_caller(), read_form(NewProfileForm)
    if form.data is None:
        return _new_page(form), 422
    try:
        ensure_chart(caller.session, caller.tenant)  # a partner may export before it has opened its books
        made = profiles.create_profile(
            caller.session, caller.tenant, at=clock.now(), alert_email="", **form.data
        )
    except HaasError as refusal:
        form.refuse(refusal)
        return _new_page(form), refusal.status
    flash(_("%(name)s is set up. Look at its test run next.", name=made.name), "success")
    return redirect(url_for(".show_profile", profile_id=made.id), 303)


@blueprint.get("/<profile_id>")
@requires("invoice.export")
def show_profile(profile_id: str) -> str:
    """What waits, what has no name, and the first lines of the file as it would be."""
    return _profile_page(profile_id, Form())


@blueprint.get("/<profile_id>/mapping")
@requires("invoice.export")
def show_mapping(profile_id: str) -> str:
    """The mapping, with a row for each key that waits for a name."""
    return _mapping_page(profile_id, Form())


@blueprint.post("/<profile_id>/mapping")
@requires("export.manage")
def save_mapping(profile_id: str) -> Any:
    """Save the rows that were filled in; an emptied one is taken away."""
    caller, form = current_caller(), read_form(NamesForm)
    profiles.get_profile(caller.session, caller.tenant, profile_id=profile_id)
    if form.data is None:
        return _mapping_page(profile_id, form), 422
    rows = [(row["kind"], row["key"], row["value"]) for row in form.data["rows"] if row["key"]]
    try:
        profiles.set_names(caller.session, caller.tenant, profile_id=profile_id, rows=rows)
    except HaasError as refusal:
        form.refuse(refusal)
        return _mapping_page(profile_id, form), refusal.status
    flash(_("The mapping is saved. It holds for batches from now on."), "success")
    return redirect(url_for(".show_mapping", profile_id=profile_id), 303)


@blueprint.post("/<profile_id>/mapping/chart")
@requires("export.manage")
def fill_mapping(profile_id: str) -> Any:
    """Name what has no name as the chart of accounts does."""
    caller = current_caller()
    filled = profiles.fill_from_chart(caller.session, caller.tenant, profile_id=profile_id)
    flash(_("%(number)d accounts are named as in your chart.", number=filled), "success")
    return redirect(url_for(".show_mapping", profile_id=profile_id), 303)


@blueprint.post("/<profile_id>/batches")
@requires("invoice.export")
def start_batch(profile_id: str) -> Any:
    """Take all that waits; a job writes the file."""
    caller, form = current_caller(), read_form(StartForm)
    profiles.get_profile(caller.session, caller.tenant, profile_id=profile_id)
    if form.data is None:
        return _profile_page(profile_id, form), 422
    try:
        batch = batches.start(
            caller.session, caller.tenant, profile_id=profile_id, at=clock.now(), **form.data
        )
    except HaasError as refusal:
        flash(refusal.message, "error")
        return _profile_page(profile_id, form), refusal.status
    return redirect(url_for(".show_batch", batch_id=batch.id), 303)


def _new_page(form: Form) -> str:
    return render_template("portal/exports/new.html", form=form, formats_known=FORMATS, **_all_words())


def _profile_page(profile_id: str, form: Form) -> str:
    caller = current_caller()
    profile = profiles.get_profile(caller.session, caller.tenant, profile_id=profile_id)
    return render_template(
        "portal/exports/profile.html",
        form=form,
        profile=profile,
        chosen=FORMATS[profile.format],
        found=dry_run(caller.session, caller.tenant, profile_id=profile_id, at=clock.now()),
        **_all_words(),
    )


def _mapping_page(profile_id: str, form: Form) -> str:
    caller = current_caller()
    profile = profiles.get_profile(caller.session, caller.tenant, profile_id=profile_id)
    missing = missing_now(caller.session, caller.tenant, profile=profile)
    kept = profiles.rows_of(caller.session, caller.tenant, profile_id=profile_id)
    return render_template(
        "portal/exports/mapping.html",
        form=form,
        profile=profile,
        chosen=FORMATS[profile.format],
        rows=_rows(form, missing, [(row.kind, row.key, row.value) for row in kept]),
        missing=missing,
        **_all_words(),
    )


def _rows(form: Form, missing: Sequence[Missing], kept: list[tuple[str, str, str]]) -> list[dict[str, str]]:
    """What was typed, if it was refused; else what is missing first, then what is named, then a blank one."""
    if form.errors and form.value("rows"):
        return [
            {"kind": row.get("kind", ""), "key": row.get("key", ""), "value": row.get("value", "")}
            for row in form.value("rows")
        ]
    unnamed = [
        {"kind": each.kind.value, "key": each.key, "value": "", "label": each.label} for each in missing
    ]
    named = [{"kind": kind, "key": key, "value": value} for kind, key, value in kept]
    return [*unnamed, *named, {"kind": MapKind.ACCOUNT.value, "key": "", "value": ""}]


def _all_words() -> dict[str, Any]:
    return {
        "formats": words.format_words(),
        "contents": words.content_words(),
        "rules": words.rule_words(),
        "rhythms": words.rhythm_words(),
        "cuts": words.cut_words(),
        "map_kinds": words.map_kind_words(),
        "channels": words.channel_words(),
    }

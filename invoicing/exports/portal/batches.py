"""/exports/batches/…: one batch with its rows, file and deliveries; taking it back after a question."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _

from devices.choices import names_of_people
from haas import clock, progress
from haas.auth.caller import current_caller, requires
from haas.errors import HaasError
from haas.pages.forms import Form, read_form
from haas.pages.lists import read_list
from haas.rest.fields import text
from haas.rest.openapi import Request
from haas.rest.paging import Sort, fetch_page
from invoicing.exports import batches, deliveries, profiles
from invoicing.exports.formats import FORMATS
from invoicing.exports.models import ExportBatch, ExportItem
from invoicing.exports.portal import words
from invoicing.exports.portal.profiles import blueprint

_SORTS = {"position": Sort(ExportItem.position, ExportItem.id)}


class ReversalForm(Request):
    """Why a batch is taken back."""

    reason = text(300, least=1, required=True)


@blueprint.get("/batches/<batch_id>")
@requires("invoice.export")
def show_batch(batch_id: str) -> str:
    """What stands in it, its file with the hash, and where that was sent."""
    caller = current_caller()
    session, tenant = caller.session, caller.tenant
    batch = batches.get_batch(session, tenant, batch_id=batch_id)
    listed = read_list(sorts=_SORTS, default="position")
    page = fetch_page(
        session,
        batches.list_items(tenant, batch_id=batch_id),
        sort=listed.sort,
        cursor=listed.cursor,
        limit=listed.limit,
    )
    people = names_of_people(session, {batch.created_by})
    return render_template(
        "portal/exports/batch.html",
        batch=batch,
        page=page,
        profile=profiles.get_profile(session, tenant, profile_id=batch.profile_id),
        chosen=FORMATS[batch.format],
        job=progress.get(session, tenant, job_id=batch.long_job_id),
        sent=deliveries.of_batches(session, tenant, batch_ids=[batch_id])[batch_id],
        made_by=people.get(batch.created_by) or _("a schedule"),
        taken_back_by=batches.reversal_of(session, tenant, batch_id=batch_id),
        takes_back=(
            batches.get_batch(session, tenant, batch_id=batch.reverses_batch_id)
            if batch.reverses_batch_id
            else None
        ),
        contents=words.content_words(),
        formats=words.format_words(),
    )


@blueprint.get("/batches/<batch_id>/reversal")
@requires("export.manage")
def ask_reversal(batch_id: str) -> str:
    """What taking it back does."""
    caller = current_caller()
    return _reversal_page(batches.get_batch(caller.session, caller.tenant, batch_id=batch_id), Form())


@blueprint.post("/batches/<batch_id>/reversal")
@requires("export.manage")
def reverse_batch(batch_id: str) -> Any:
    """Take it back by a batch of its own."""
    caller, form = current_caller(), read_form(ReversalForm)
    batch = batches.get_batch(caller.session, caller.tenant, batch_id=batch_id)
    if form.data is None:
        return _reversal_page(batch, form), 422
    try:
        back = batches.reverse(caller.session, caller.tenant, batch_id=batch_id, at=clock.now(), **form.data)
    except HaasError as refusal:
        form.refuse(refusal)
        return _reversal_page(batch, form), refusal.status
    return redirect(url_for(".show_batch", batch_id=back.id), 303)


@blueprint.post("/batches/<batch_id>/deliveries")
@requires("invoice.export")
def send_batch(batch_id: str) -> Any:
    """Send the file once more to where the profile says now."""
    caller = current_caller()
    batch = batches.get_batch(caller.session, caller.tenant, batch_id=batch_id)
    profile = profiles.get_profile(caller.session, caller.tenant, profile_id=batch.profile_id)
    try:
        deliveries.request(caller.session, caller.tenant, batch=batch, profile=profile, at=clock.now())
    except HaasError as refusal:
        flash(refusal.message, "error")
    else:
        flash(_("The file is on its way."), "success")
    return redirect(url_for(".show_batch", batch_id=batch_id), 303)


def _reversal_page(batch: ExportBatch, form: Form) -> str:
    return render_template(
        "portal/exports/reversal.html", batch=batch, form=form, chosen=FORMATS[batch.format]
    )

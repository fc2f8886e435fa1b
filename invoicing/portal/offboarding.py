"""/clients/<id>/offboarding: what leaving means, carried out, followed until it is done."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from haas import clock, progress
from haas.auth.caller import Caller, current_caller, requires
from haas.pages.downloads import download
from haas.pages.forms import Form, blank_form, read_form
from invoicing import offboarding
from invoicing.collection_paper import collection_pdf
from invoicing.offboarding_schemas import OffboardForm
from invoicing.offboarding_shapes import collection_of
from leases.portal.doors import attempt, attempt_or_flash

blueprint = Blueprint("offboarding", __name__, url_prefix="/clients")


@blueprint.get("/<client_id>/offboarding")
@requires("client.offboard")
def show(client_id: str) -> str:
    """Before it is started, what it would do; then how far it is."""
    caller = current_caller()
    today = clock.today(caller.partner.time_zone)
    return _page(caller, client_id, blank_form(noticed_on=_asked(today).isoformat(), reason=""))


@blueprint.post("/<client_id>/offboarding")
@requires("client.offboard")
def start(client_id: str) -> Any:
    """Begin: a job gives the notices and asks everything back."""
    caller = current_caller()
    form = read_form(OffboardForm)
    if form.data is not None:
        data = form.data
        if attempt(
            form,
            lambda: offboarding.start_offboarding(
                caller.session, caller.tenant, client_id=client_id, at=clock.now(), **data
            ),
        ):
            flash(_("Started. Notices are given and devices asked back, lease by lease."), "success")
            return redirect(url_for(".show", client_id=client_id), 303)
    return _page(caller, client_id, form), 422


@blueprint.post("/<client_id>/offboarding/finish")
@requires("client.offboard")
def finish(client_id: str) -> Any:
    """Bill what is left and bundle the papers; what is not over is named."""
    caller = current_caller()
    offboarding.plan_of(caller.session, caller.tenant, client_id=client_id)
    work = offboarding.find_under_way(caller.session, caller.tenant, client_id=client_id)
    if work is not None and attempt_or_flash(
        lambda: offboarding.finish_offboarding(
            caller.session,
            caller.tenant,
            offboarding_id=work.id,
            today=clock.today(caller.partner.time_zone),
            at=clock.now(),
            portal_url=current_app.config["HAAS"].base_url,
        )
    ):
        flash(_("Done. The last invoices are issued and the papers are bundled."), "success")
    return redirect(url_for(".show", client_id=client_id), 303)


@blueprint.get("/<client_id>/offboarding/collection.pdf")
@requires("client.offboard")
def collection(client_id: str) -> Any:
    """What a driver fetches, site by site."""
    caller = current_caller()
    plan = offboarding.plan_of(caller.session, caller.tenant, client_id=client_id)
    document = collection_of(
        caller.session,
        caller.tenant,
        plan=plan,
        at=clock.now(),
        base_url=current_app.config["HAAS"].base_url,
    )
    name = f"{plan.client.number}-collection.pdf"
    return download(collection_pdf(document), name=name, media_type="application/pdf", inline=True)


def _page(caller: Caller, client_id: str, form: Form) -> str:
    session, tenant = caller.session, caller.tenant
    work = offboarding.latest_of(session, tenant, client_id=client_id)
    under_way = work is not None and work.state != "done"
    today = clock.today(caller.partner.time_zone)
    plan = (
        offboarding.plan_of(session, tenant, client_id=client_id)
        if under_way
        else offboarding.preview_offboarding(
            session, tenant, client_id=client_id, noticed_on=_asked(today), at=clock.now()
        )
    )
    return render_template(
        "portal/clients_offboarding.html",
        plan=plan,
        work=work,
        under_way=under_way,
        job=progress.get(session, tenant, job_id=work.long_job_id) if work is not None else None,
        form=form,
    )


def _asked(today: date) -> date:
    try:
        asked = date.fromisoformat(request.values.get("noticed_on", ""))
    except ValueError:
        return today
    return asked if 2000 <= asked.year <= 2098 else today

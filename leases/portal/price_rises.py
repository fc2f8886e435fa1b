"""/prices/rises: planned line by line, announced to clients, applied; and the indexes they may follow."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from haas import clock, progress
from haas.auth.caller import Caller, current_caller, requires
from haas.calendar import add_months
from haas.pages.forms import Form, blank_form, read_form
from haas.pages.lists import read_list
from haas.rest.paging import Sort, fetch_page
from haas.tenancy.scope import scoped
from leases import summaries
from leases.models import Lease, Line
from leases.portal.doors import attempt, attempt_or_flash
from leases.portal.prices import blueprint
from leases.pricing import indexes, rises
from leases.pricing.rise_models import PriceRise, PriceRiseLine, PriceRiseNotice
from leases.pricing.rise_rules import latest_announcement
from leases.pricing.rise_schemas import IndexForm, RiseForm

SORTS = {"planned": Sort(PriceRise.id, PriceRise.id)}
LINE_SORTS = {"line": Sort(PriceRiseLine.id, PriceRiseLine.id)}
MONTHS_SHOWN = 24  # of each index


@blueprint.get("/rises")
@requires("price.read")
def list_rises() -> str:
    """Every rise, the latest first."""
    caller = current_caller()
    listed = read_list(sorts=SORTS, default="-planned")
    page = fetch_page(
        caller.session,
        scoped(PriceRise, caller.tenant),
        sort=listed.sort,
        cursor=listed.cursor,
        limit=listed.limit,
    )
    return render_template(
        "portal/prices/rises.html",
        page=page,
        names=dict(summaries.client_choices(caller.session, caller.tenant)),
        values=indexes.latest_values(caller.session, caller.tenant, months=MONTHS_SHOWN),
        form=blank_form(),
    )


@blueprint.post("/indexes")
@requires("price.manage")
def add_index() -> Any:
    """Put months of an index on file, typed or pasted."""
    caller, form = current_caller(), read_form(IndexForm)
    if form.data is None:
        flash(_("Name the index, and write a month and its value in each row."), "error")
        return redirect(url_for(".list_rises"), 303)
    data = form.data
    number = 0

    def add() -> None:
        nonlocal number
        number = indexes.add_index_values(
            caller.session,
            caller.tenant,
            name=data["index_name"],
            values=indexes.read_rows(data["rows"]),
            at=clock.now(),
        )

    if attempt_or_flash(add):
        flash(ngettext("%(num)d month is on file.", "%(num)d months are on file.", number), "success")
    return redirect(url_for(".list_rises"), 303)


@blueprint.route("/rises/new", methods=["GET", "POST"])
@requires("price.manage")
def plan_rise() -> Any:
    """Plan a rise; the next page shows every line before and after."""
    caller = current_caller()
    today = clock.today(caller.partner.time_zone)
    if request.method == "GET":
        first = add_months(today.replace(day=1), 3)
        return _plan_page(caller, blank_form(effective_on=first.isoformat(), notice_days=rises.NOTICE_DAYS))
    form = read_form(RiseForm)
    made: list[PriceRise] = []
    if form.data is not None:
        data = form.data
        if attempt(
            form,
            lambda: made.append(
                rises.plan_rise(caller.session, caller.tenant, at=clock.now(), today=today, **data)
            ),
        ):
            return redirect(url_for(".show_rise", rise_id=made[0].id), 303)
    return _plan_page(caller, form), 422


@blueprint.get("/rises/<rise_id>")
@requires("price.read")
def show_rise(rise_id: str) -> str:
    """Every line before and after, whom it was told, and how far it is."""
    caller = current_caller()
    rise = rises.get_rise(caller.session, caller.tenant, rise_id=rise_id)
    listed = read_list(sorts=LINE_SORTS, default="line")
    page = fetch_page(
        caller.session,
        scoped(PriceRiseLine, caller.tenant).where(PriceRiseLine.rise_id == rise_id),
        sort=listed.sort,
        cursor=listed.cursor,
        limit=listed.limit,
    )
    told = caller.session.execute(
        sa.select(Line.id, Line.description, Lease.id, Lease.number, Lease.currency)
        .join(Lease, sa.and_(Lease.partner_id == Line.partner_id, Lease.id == Line.lease_id))
        .where(Line.partner_id == caller.tenant.partner_id, Line.id.in_([row.line_id for row in page.rows]))
    )
    notices = caller.session.scalars(
        scoped(PriceRiseNotice, caller.tenant)
        .where(PriceRiseNotice.rise_id == rise_id)
        .order_by(PriceRiseNotice.id)
    ).all()
    job = progress.get(caller.session, caller.tenant, job_id=rise.long_job_id) if rise.long_job_id else None
    return render_template(
        "portal/prices/rise.html",
        rise=rise,
        page=page,
        lines={row[0]: row[1:] for row in told},
        names=dict(summaries.client_choices(caller.session, caller.tenant)),
        notices=notices,
        counts=rises.count_lines(caller.session, caller.tenant, rise_id=rise_id),
        last_day=latest_announcement(rise.effective_on, notice_days=rise.notice_days),
        job=job,
        today=clock.today(caller.partner.time_zone),
    )


@blueprint.post("/rises/<rise_id>/announce")
@requires("price.manage")
def announce_rise(rise_id: str) -> Any:
    """Tell every client concerned."""
    caller = current_caller()
    if attempt_or_flash(
        lambda: rises.announce(
            caller.session,
            caller.tenant,
            rise_id=rise_id,
            today=clock.today(caller.partner.time_zone),
        )
    ):
        flash(_("Announced. A mail goes to each client, and is recorded here."), "success")
    return redirect(url_for(".show_rise", rise_id=rise_id), 303)


@blueprint.post("/rises/<rise_id>/apply")
@requires("price.manage")
def apply_rise(rise_id: str) -> Any:
    """Amend the leases; jobs do it, chunk by chunk."""
    caller = current_caller()
    attempt_or_flash(lambda: rises.start_applying(caller.session, caller.tenant, rise_id=rise_id))
    return redirect(url_for(".show_rise", rise_id=rise_id), 303)


@blueprint.post("/rises/<rise_id>/drop")
@requires("price.manage")
def drop_rise(rise_id: str) -> Any:
    """Throw a plan away."""
    caller = current_caller()
    if attempt_or_flash(lambda: rises.drop_rise(caller.session, caller.tenant, rise_id=rise_id)):
        flash(_("The plan is gone."), "success")
        return redirect(url_for(".list_rises"), 303)
    return redirect(url_for(".show_rise", rise_id=rise_id), 303)


def _plan_page(caller: Caller, form: Form) -> str:
    return render_template(
        "portal/prices/new_rise.html",
        form=form,
        clients=summaries.client_choices(caller.session, caller.tenant),
        indexes=[(name, name) for name in indexes.names(caller.session, caller.tenant)],
    )

"""/settings/audit: who did what, before and after; exported; the chain verified."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, render_template, request
from flask_babel import gettext as _

from haas import clock
from haas.accounts import audit_log, team
from haas.accounts.audit_log import Filter
from haas.audit import ChainReport
from haas.auth.caller import current_caller, requires
from haas.errors import InvalidInput
from haas.pages.downloads import table_download
from haas.pages.lists import read_list
from haas.rest.limits import EXPENSIVE, limiter

blueprint = Blueprint("audit", __name__, url_prefix="/settings/audit")

_FILTERS = ("subject", "subject_id", "actor", "action", "from_day", "to_day")


@blueprint.get("")
@requires("audit.read")
def index() -> Any:
    """The trail, newest first."""
    return _page(None)


@blueprint.post("/verify")
@requires("audit.read")
def verify() -> Any:
    """Recompute the whole chain and show what was found."""
    caller = current_caller()
    return _page(audit_log.verify_chain(caller.session, caller.tenant))


@blueprint.get("/export")
@requires("audit.read")
@limiter.limit(EXPENSIVE)
def export() -> Any:
    """Exactly what is filtered, as CSV."""
    caller = current_caller()
    rows = audit_log.export_rows(caller.session, caller.tenant, wanted=_wanted())
    name = f"audit-{clock.today(caller.partner.time_zone).isoformat()}"
    return table_download("csv", name=name, header=audit_log.EXPORT_HEADER, rows=list(rows))


def _page(report: ChainReport | None) -> Any:
    caller = current_caller()
    state = read_list(sorts={"newest": audit_log.NEWEST_FIRST}, default="-newest", filters=_FILTERS)
    page = audit_log.list_entries(
        caller.session, caller.tenant, wanted=_wanted(), cursor=state.cursor, limit=state.limit
    )
    people = team.list_people(caller.session, caller.tenant)
    return render_template(
        "portal/settings/audit.html",
        page=page,
        rows=[(entry, audit_log.changes_of(entry)) for entry in page.rows],
        names=audit_log.actor_names(caller.session, caller.tenant, (entry.actor for entry in page.rows)),
        state=state,
        subjects=[
            (name, name.replace("_", " ")) for name in audit_log.subjects(caller.session, caller.tenant)
        ],
        actors=[(person.id, person.name) for person in people],
        report=report,
        anchor=audit_log.last_anchor(caller.session, caller.tenant),
    )


def _wanted() -> Filter:
    given = {name: request.args.get(name, "").strip()[:80] for name in _FILTERS}
    if not all(value.isprintable() for value in given.values()):
        raise InvalidInput(_("The address of this page is damaged."))
    return Filter(
        subject=given["subject"],
        subject_id=given["subject_id"],
        actor=given["actor"],
        action=given["action"],
        from_day=_day(given["from_day"]),
        to_day=_day(given["to_day"]),
        zone=current_caller().partner.time_zone,
    )


def _day(typed: str) -> date | None:
    try:
        return date.fromisoformat(typed) if typed else None
    except ValueError as wrong:
        raise InvalidInput(_("Write a day as 2026-11-23.")) from wrong

"""Jobs that people wait for: the list, one with its progress, and the piece that is asked for each second."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, make_response, render_template

from haas import progress as long_jobs
from haas.auth.caller import current_caller, requires
from haas.auth.models import User
from haas.pages.lists import read_list
from haas.progress import LongJob
from haas.rest.paging import Sort, fetch_page
from haas.tenancy.scope import scoped

blueprint = Blueprint("jobs", __name__, url_prefix="/jobs")

_SORTS = {"created": Sort(LongJob.created_at, LongJob.id)}


@blueprint.get("")
@requires("job.read")
def index() -> str:
    """Imports, exports and billing runs, the newest first."""
    caller = current_caller()
    listed = read_list(sorts=_SORTS, default="-created", filters=("state",))
    statement = scoped(LongJob, caller.tenant)
    if state := listed.filters.get("state"):
        statement = statement.where(LongJob.state == state)
    page = fetch_page(caller.session, statement, sort=listed.sort, cursor=listed.cursor, limit=listed.limit)
    return render_template("portal/jobs/index.html", page=page, listed=listed)


@blueprint.get("/<job_id>")
@requires("job.read")
def show(job_id: str) -> str:
    """How far it is, or what came of it."""
    caller = current_caller()
    job = long_jobs.get(caller.session, caller.tenant, job_id=job_id)
    starter = caller.session.get(User, job.created_by) if job.created_by.startswith("usr_") else None
    return render_template(
        "portal/jobs/show.html",
        job=job,
        starter=starter.name if starter else job.created_by,
        problems=_problems(job.result),
    )


@blueprint.get("/<job_id>/progress")
@requires("job.read")
def progress(job_id: str) -> Response:
    """The bar alone; when the job has ended, the page around it is read anew."""
    caller = current_caller()
    job = long_jobs.get(caller.session, caller.tenant, job_id=job_id)
    answer = make_response(render_template("portal/jobs/progress.html", job=job))
    if job.state in ("done", "failed"):
        answer.headers["HX-Refresh"] = "true"
    return answer


def _problems(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows that could not be done, as an import or a run reports them: row, field, message."""
    listed = result.get("errors") or result.get("problems") or []
    return [entry if isinstance(entry, dict) else {"message": str(entry)} for entry in listed]

"""Portal flow: upload a table, read the report, bring it in."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for

from devices import imports
from devices.forms import ImportForm, ImportOptionsForm
from devices.import_table import BYTES_MAX, COLUMNS, REQUIRED, ROWS_MAX, template
from devices.imports import ImportOptions
from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.errors import HaasError
from haas.pages.downloads import CSV_TYPE, download, table_download
from haas.pages.forms import Form, blank_form, read_form
from haas.pages.uploads import read_upload

blueprint = Blueprint("imports", __name__, url_prefix="/assets/import")

_ERRORS_SHOWN = 200


@blueprint.get("")
@requires("asset.import")
def index() -> str:
    """Step one: choose the file."""
    caller = current_caller()
    order = "month" if caller.partner.country == "US" else "day"
    return _upload_page(blank_form(date_order=order, create_models=True))


@blueprint.get("/template.csv")
@requires("asset.import")
def template_file() -> Response:
    """An empty table with every heading."""
    return download(template(), name="assets-template.csv", media_type=CSV_TYPE)


@blueprint.post("")
@requires("asset.import")
def upload() -> Any:
    """Keep the file and go on to its report."""
    caller = current_caller()
    form = read_form(ImportForm)
    if form.data is not None:
        sent = form.data["file"]
        try:
            content = read_upload(sent, most=BYTES_MAX)
            stored = imports.upload(
                caller.session, caller.tenant, name=sent.filename or "assets.csv", content=content
            )
        except HaasError as refusal:
            form.refuse(refusal)
        else:
            options = ImportOptions(form.data["date_order"], form.data["create_models"])
            return redirect(_report_url(stored.id, options), 303)
    return _upload_page(form), 422


@blueprint.get("/<import_id>")
@requires("asset.import")
def show(import_id: str) -> str:
    """Step two: what the file would do, or every error by its row. After it was brought in: the job."""
    caller = current_caller()
    options = _options()
    job = imports.find_job(caller.session, caller.tenant, file_id=import_id)
    report = None
    if job is None or job.state == "failed":
        report = _dry_run(caller, import_id, options)
    return render_template(
        "portal/imports/show.html",
        import_id=import_id,
        options=options,
        report=report,
        errors=report.errors[:_ERRORS_SHOWN] if report else [],
        wrong_rows=len({error.row for error in report.errors}) if report else 0,
        job=job,
    )


@blueprint.get("/<import_id>/errors.csv")
@requires("asset.import")
def errors_file(import_id: str) -> Response:
    """Every error as a table, to be worked off beside the file."""
    caller = current_caller()
    report = _dry_run(caller, import_id, _options())
    return table_download(
        "csv",
        name="import-errors",
        header=["row", "column", "message"],
        rows=([error.row, error.column, error.message] for error in report.errors),
    )


@blueprint.post("/<import_id>/commit")
@requires("asset.import")
def commit(import_id: str) -> Any:
    """Step three: bring the whole file in, or nothing of it."""
    caller = current_caller()
    form = read_form(ImportOptionsForm)
    data = form.data or {"date_order": "day", "create_models": False}
    options = ImportOptions(data["date_order"], data["create_models"])
    try:
        imports.commit(
            caller.session,
            caller.tenant,
            file_id=import_id,
            options=options,
            today=clock.today(caller.partner.time_zone),
        )
    except imports.NotClean as refusal:
        flash(refusal.message, "error")
    return redirect(_report_url(import_id, options), 303)


def _report_url(import_id: str, options: ImportOptions) -> str:
    return url_for(
        ".show",
        import_id=import_id,
        date_order=options.date_order,
        create_models="1" if options.create_models else None,
    )


def _options() -> ImportOptions:
    order = "month" if request.args.get("date_order") == "month" else "day"
    return ImportOptions(order, request.args.get("create_models") == "1")  # type: ignore[arg-type]


def _dry_run(caller: Caller, import_id: str, options: ImportOptions) -> imports.ImportReport:
    return imports.dry_run(
        caller.session,
        caller.tenant,
        file_id=import_id,
        options=options,
        today=clock.today(caller.partner.time_zone),
    )


def _upload_page(form: Form) -> str:
    return render_template(
        "portal/imports/upload.html",
        form=form,
        columns=COLUMNS,
        required=REQUIRED,
        rows_max=ROWS_MAX,
        megabytes=BYTES_MAX >> 20,
    )

"""/bank/files: upload a statement, see what was read, bring it in."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import flash, redirect, render_template, request, url_for
from flask_babel import ngettext

from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.errors import HaasError
from haas.pages.forms import Form, blank_form, read_form
from haas.pages.lists import read_list
from haas.pages.uploads import read_upload
from haas.rest.fields import one_of, row_id, text
from haas.rest.openapi import Request
from haas.rest.paging import Sort, fetch_page
from invoicing.bank import accounts, importing, queries
from invoicing.bank.files import BYTES_MAX
from invoicing.bank.layouts import DATE_FORMATS, FIELDS, Layout
from invoicing.bank.models import BankStatement
from invoicing.bank.portal.doors import blueprint
from invoicing.bank.portal.words import field_words

_SORTS = {"taken": Sort(BankStatement.id, BankStatement.id)}


class UploadForm(Request):
    """The bank's file, and whose it is where it does not tell."""

    file = ma.fields.Raw(required=True)
    bank_account_id = row_id()


# How a CSV is read: a field for each column beside its signs.
LayoutForm = type(
    "LayoutForm",
    (Request,),
    {
        "__doc__": "How a CSV is written, as somebody confirms it.",
        "bank_account_id": row_id(),
        "confirmed": ma.fields.Boolean(load_default=False),
        "date_format": one_of(*DATE_FORMATS),
        "decimal_sign": one_of(".", ","),
        **{f"column_{name}": text(200, load_default="") for name in FIELDS},
    },
)


@blueprint.get("/files")
@requires("bank.read")
def list_files() -> str:
    """The form to upload, and what was brought in."""
    return _upload_page(current_caller(), Form())


@blueprint.post("/files")
@requires("bank.import")
def upload_file() -> Any:
    """Keep the file and go on to what was read."""
    caller, form = current_caller(), read_form(UploadForm)
    if form.data is not None:
        sent = form.data["file"]
        try:
            content = read_upload(sent, most=BYTES_MAX)
            stored = importing.upload(
                caller.session, caller.tenant, name=sent.filename or "statement", content=content
            )
        except HaasError as refusal:
            form.refuse(refusal)
        else:
            chosen = form.data.get("bank_account_id")
            return redirect(url_for(".show_file", bank_file_id=stored.id, bank_account_id=chosen), 303)
    return _upload_page(caller, form), 422


@blueprint.get("/files/<bank_file_id>")
@requires("bank.import")
def show_file(bank_file_id: str) -> Any:
    """What was read: statements, new lines, gaps; or what is wrong, and in which row."""
    return _preview(current_caller(), bank_file_id, Form(), layout=None)


@blueprint.post("/files/<bank_file_id>")
@requires("bank.import")
def take_file(bank_file_id: str) -> Any:
    """Read it as is said in the form; with `confirmed`, bring it in."""
    caller, form = current_caller(), read_form(LayoutForm)
    if form.data is None:
        return _preview(caller, bank_file_id, form, layout=None), 422
    layout = _layout(caller, bank_file_id, form.data)
    if not form.data["confirmed"]:
        return _preview(caller, bank_file_id, form, layout=layout)
    try:
        with caller.session.begin_nested():
            made = importing.bring_in(
                caller.session,
                caller.tenant,
                file_id=bank_file_id,
                account_id=form.data.get("bank_account_id"),
                layout=layout,
                at=clock.now(),
            )
    except HaasError as refusal:
        form.refuse(refusal)
        return _preview(caller, bank_file_id, form, layout=layout), refusal.status
    lines = sum(row.new_lines for row in made)
    flash(ngettext("%(num)d line was brought in.", "%(num)d lines were brought in.", lines), "success")
    return redirect(url_for(".index"), 303)


def _layout(caller: Caller, file_id: str, data: dict[str, Any]) -> Layout | None:
    """The confirmed layout of a CSV; none where the form shows none."""
    sniffed = importing.find_sniffed(caller.session, caller.tenant, file_id=file_id)
    if not data.get("date_format") or sniffed is None:
        return None
    columns = {name: data[f"column_{name}"] for name in FIELDS if data[f"column_{name}"]}
    return Layout(
        encoding=sniffed.layout.encoding,
        separator=sniffed.layout.separator,
        heading_row=sniffed.layout.heading_row,
        columns=columns,
        date_format=data["date_format"],
        decimal_sign=data.get("decimal_sign") or ".",
    )


def _preview(caller: Caller, file_id: str, form: Form, *, layout: Layout | None) -> str:
    account_id = request.values.get("bank_account_id") or None
    reading = refusal = sniffed = None
    try:
        reading = importing.read(
            caller.session, caller.tenant, file_id=file_id, account_id=account_id, layout=layout
        )
        sniffed = reading.sniffed
    except HaasError as wrong:
        if wrong.status == 404:
            raise
        refusal = wrong
        if layout is not None or "account_id" not in wrong.fields:
            sniffed = importing.find_sniffed(caller.session, caller.tenant, file_id=file_id)
    shown = layout or (reading.layout if reading else None) or (sniffed.layout if sniffed else None)
    return render_template(
        "portal/bank/file.html",
        form=form,
        file_id=file_id,
        account_id=account_id,
        accounts=accounts.list_accounts(caller.session, caller.tenant),
        reading=reading,
        refusal=refusal,
        sniffed=sniffed,
        layout=shown,
        words=field_words(),
        date_formats=list(DATE_FORMATS),
        taken=queries.statements_of_file(caller.session, caller.tenant, file_id=file_id),
    )


def _upload_page(caller: Caller, form: Form) -> str:
    listed = read_list(sorts=_SORTS, default="-taken")
    page = fetch_page(
        caller.session,
        queries.list_statements(caller.tenant),
        sort=listed.sort,
        cursor=listed.cursor,
        limit=listed.limit,
    )
    own = accounts.list_accounts(caller.session, caller.tenant, closed=True)
    return render_template(
        "portal/bank/files.html",
        form=form if form.values else blank_form(),
        accounts=[row for row in own if row.closed_at is None],
        names={row.id: row for row in own},
        page=page,
        megabytes=BYTES_MAX >> 20,
    )

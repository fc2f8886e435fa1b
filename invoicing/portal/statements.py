"""A client's account: charges, credits and payments with the balance after each; as a page and as a table."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from flask import current_app, redirect, render_template, request, url_for
from flask_babel import gettext as _

from haas import clock
from haas.auth.caller import current_caller, requires
from haas.calendar import add_months
from haas.errors import HaasError, InvalidInput, NotFound
from haas.pages.downloads import download, table_download
from haas.pages.forms import Form, blank_form
from haas.tenancy.models import Client
from haas.tenancy.scope import scoped
from invoicing import deposits
from invoicing.portal.invoices import blueprint
from invoicing.statement_paper import statement_pdf
from invoicing.statement_shapes import TABLE_HEADER, document_for, table_of
from invoicing.statements import Statement, statements_of


@blueprint.get("/statement")
@requires("invoice.read")
def own_statement() -> Any:
    """A client's people go to their own account; the partner's choose a client in the list."""
    client_id = current_caller().tenant.client_id
    if client_id is None:
        return redirect(url_for(".index"))
    return redirect(url_for(".statement", client_id=client_id))


@blueprint.get("/statement/<client_id>")
@requires("invoice.read")
def statement(client_id: str) -> Any:
    """The account of the last twelve months, or of the days asked for."""
    caller = current_caller()
    client = caller.session.scalar(scoped(Client, caller.tenant).where(Client.id == client_id))
    if client is None:
        raise NotFound(f"There is no client {client_id}.")
    today = clock.today(client.time_zone)
    form = blank_form(
        start=request.args.get("start") or add_months(today.replace(day=1), -11).isoformat(),
        last=request.args.get("last") or today.isoformat(),
    )
    found: list[Statement] = []
    try:
        start, last = _day(form, "start"), _day(form, "last")
        found = statements_of(
            caller.session,
            caller.tenant,
            client_id=client_id,
            start=start,
            until=last + timedelta(days=1),
        )
    except HaasError as refusal:
        form.refuse(refusal)
    if request.args.get("format") == "csv" and not form.errors:
        return _table(client, found, today)
    if request.args.get("format") == "pdf" and not form.errors:
        document = document_for(
            caller.session,
            caller.tenant,
            client=client,
            start=start,
            until=last + timedelta(days=1),
            base_url=current_app.config["HAAS"].base_url,
        )
        name = f"statement-{client.number}-{last.isoformat()}.pdf"
        return download(statement_pdf(document), name=name, media_type="application/pdf")
    page = render_template(
        "portal/invoices/statement.html",
        client=client,
        form=form,
        statements=found,
        words=_words(),
        held=deposits.held_of_client(
            caller.session, caller.tenant, client_id=client_id, until=last + timedelta(days=1)
        )
        if found
        else {},
    )
    return page, 422 if form.errors else 200


def _words() -> dict[str, str]:
    return {
        "invoice": _("Invoice"),
        "credit_note": _("Credit note"),
        "payment": _("Payment"),
        "reversal": _("Payment that went back"),
        "goodwill": _("Credit"),
        "refund": _("Refund"),
    }


def _day(form: Form, name: str) -> date:
    try:
        day = date.fromisoformat(str(form.value(name)))
    except ValueError as unreadable:
        raise InvalidInput(_("Choose a date."), field=name) from unreadable
    if not 2000 <= day.year <= 2099:
        raise InvalidInput(_("Choose a date of this century."), field=name)
    return day


def _table(client: Client, found: list[Statement], today: date) -> Any:
    return table_download(
        "csv",
        name=f"statement-{client.number}-{today.isoformat()}",
        header=list(TABLE_HEADER),
        rows=table_of(found),
    )

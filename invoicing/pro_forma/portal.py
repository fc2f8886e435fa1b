"""/pro-formas: the list, what a new one would say and making it, one with its PDF and its mailing."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import (
    Blueprint,
    Response,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import gettext as _
from flask_babel import ngettext

from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.calendar import ONE_DAY
from haas.documents import pictures
from haas.errors import HaasError, InvalidInput
from haas.files import StoredFile
from haas.pages.forms import Form, blank_form, read_form
from haas.pages.lists import ListState, read_list
from haas.rest.paging import Sort, fetch_page
from haas.tenancy.branding import LANGUAGES
from haas.tenancy.scope import scoped
from invoicing.portal.invoices import client_choices, period_text
from invoicing.pro_forma import operations, queries, sending
from invoicing.pro_forma.models import ProForma
from invoicing.pro_forma.queries import ProFormaFilter
from invoicing.pro_forma.schemas import ProFormaRequest
from leases.portal.doors import attempt_or_flash
from leases.summaries import find_client

blueprint = Blueprint("pro_formas", __name__, url_prefix="/pro-formas")

_SORTS = {
    "issued": Sort(ProForma.issued_on, ProForma.id),
    "number": Sort(ProForma.number, ProForma.id),
    "total": Sort(ProForma.total, ProForma.id),
}
_FILTERS = ("client", "from", "until", "sent")
LINES_SHOWN = 50  # of one paper before it is made; the PDF has them all


@blueprint.get("")
@requires("invoice.read")
def index() -> str:
    """Pro-formas, the newest first."""
    caller = current_caller()
    listed = read_list(sorts=_SORTS, default="-issued", filters=_FILTERS)
    page = fetch_page(
        caller.session,
        queries.list_pro_formas(caller.tenant, where=_wanted(listed)),
        sort=listed.sort,
        cursor=listed.cursor,
        limit=listed.limit,
    )
    shown = {row.client_id for row in page.rows} | {listed.filters.get("client", "")}
    return render_template(
        "portal/pro_formas/index.html",
        page=page,
        listed=listed,
        clients=client_choices(caller, also=shown),
    )


@blueprint.route("/new", methods=["GET", "POST"])
@requires("invoice.issue")
def new() -> Any:
    """What would stand on them as of a day; then make them."""
    caller = current_caller()
    if request.method == "GET":
        asked = request.args
        form = blank_form(
            client_id=asked.get("client", ""),
            as_of=asked.get("as_of") or _today(caller).isoformat(),
            charge_ids=asked.getlist("charge"),
        )
        return _new_page(caller, form)
    form = read_form(ProFormaRequest)
    if form.data is None:
        return _new_page(caller, form), 422
    today = _today(caller)
    try:
        made = operations.make(
            caller.session,
            caller.tenant,
            client_id=form.data["client_id"],
            as_of=form.data["as_of"] or today,
            charge_ids=form.data["charge_ids"],
            issued_on=today,
            at=clock.now(),
            portal_url=current_app.config["HAAS"].base_url,
        )
    except HaasError as refusal:
        if refusal.status == 404:
            raise
        form.refuse(refusal)
        return _new_page(caller, form), refusal.status
    flash(
        ngettext("%(num)d pro-forma invoice is made.", "%(num)d pro-forma invoices are made.", len(made)),
        "success",
    )
    if len(made) == 1:
        return redirect(url_for(".show", pro_forma_id=made[0].id), 303)
    return redirect(url_for(".index", client=form.data["client_id"]), 303)


@blueprint.get("/<pro_forma_id>")
@requires("invoice.read")
def show(pro_forma_id: str) -> str:
    """One pro-forma: what it says, its PDF, whether it was mailed."""
    caller = current_caller()
    pro_forma = queries.get_pro_forma(caller.session, caller.tenant, pro_forma_id=pro_forma_id)
    pdf = _pdf_of(caller, pro_forma)
    return render_template(
        "portal/pro_formas/show.html",
        pro_forma=pro_forma,
        document=queries.document_of(pro_forma),
        client=find_client(caller.session, caller.tenant, client_id=pro_forma.client_id),
        pdf=pdf,
        pages=pictures.count_pages(pdf.content) if pdf else 0,
        period_text=period_text,
    )


@blueprint.get("/<pro_forma_id>/pdf")
@requires("invoice.read")
def pdf(pro_forma_id: str) -> Response:
    """The links to the PDF alone; asked for again until it is rendered, then the page is read anew."""
    caller = current_caller()
    pro_forma = queries.get_pro_forma(caller.session, caller.tenant, pro_forma_id=pro_forma_id)
    found = _pdf_of(caller, pro_forma)
    answer = make_response(render_template("portal/pro_formas/pdf.html", pro_forma=pro_forma, pdf=found))
    if found is not None and request.headers.get("HX-Request"):
        answer.headers["HX-Refresh"] = "true"
    return answer


@blueprint.route("/<pro_forma_id>/send", methods=["GET", "POST"])
@requires("invoice.send")
def send(pro_forma_id: str) -> Any:
    """To whom it would be mailed; then mail it."""
    caller = current_caller()
    pro_forma = queries.get_pro_forma(caller.session, caller.tenant, pro_forma_id=pro_forma_id)
    if request.method == "POST":
        if attempt_or_flash(
            lambda: sending.request(caller.session, caller.tenant, pro_forma_id=pro_forma_id)
        ):
            flash(_("%(number)s is on its way.", number=pro_forma.number), "success")
        return redirect(url_for(".show", pro_forma_id=pro_forma_id), 303)
    return render_template(
        "portal/pro_formas/send.html",
        pro_forma=pro_forma,
        client=find_client(caller.session, caller.tenant, client_id=pro_forma.client_id),
        recipients=sending.recipients(caller.session, caller.tenant, pro_forma=pro_forma),
        languages=LANGUAGES,
    )


def _new_page(caller: Caller, form: Form) -> str:
    client_id = str(form.value("client_id") or "")
    found: operations.Sketch | None = None
    as_of = _day(str(form.value("as_of") or ""))
    if as_of is None:
        form.refuse(InvalidInput(_("Choose a date of this century."), field="as_of"))
    elif client_id and not form.errors:
        try:
            found = operations.sketch(
                caller.session,
                caller.tenant,
                client_id=client_id,
                as_of=as_of,
                issued_on=_today(caller),
                charge_ids=form.value("charge_ids") or (),
            )
        except HaasError as refusal:
            if refusal.status == 404:
                raise
            form.refuse(refusal)
    return render_template(
        "portal/pro_formas/new.html",
        form=form,
        sketch=found,
        clients=client_choices(caller, also={client_id}),
        most=LINES_SHOWN,
        period_text=period_text,
    )


def _wanted(listed: ListState) -> ProFormaFilter:
    """The filter that the list's URL says; what cannot be read narrows nothing."""
    given = listed.filters
    until = _day(given.get("until", ""))
    return ProFormaFilter(
        client_id=given.get("client"),
        issued_from=_day(given.get("from", "")),
        # People mean the last day too, so the half-open end is the day after.
        issued_until=until + ONE_DAY if until else None,
        number_prefix=listed.search or None,
        is_sent={"yes": True, "no": False}.get(given.get("sent", "")),
    )


def _pdf_of(caller: Caller, pro_forma: ProForma) -> StoredFile | None:
    if pro_forma.pdf_file_id is None:
        return None
    return caller.session.scalar(
        scoped(StoredFile, caller.tenant).where(StoredFile.id == pro_forma.pdf_file_id)
    )


def _today(caller: Caller) -> date:
    return clock.today(caller.partner.time_zone)


def _day(text: str) -> date | None:
    """A day of this century, as a person wrote it."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 2000 <= day.year <= 2099 else None

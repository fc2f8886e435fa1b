"""/charges: charges by hand: the list, a new one, one with what can be done, a table brought in."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from devices.import_rows import RowError
from devices.import_table import BYTES_MAX
from devices.tax_words import TAX_CLASSES
from haas import clock
from haas.accounts.clients import get_client
from haas.auth.caller import Caller, current_caller, requires
from haas.errors import HaasError
from haas.files import get_file, store_file
from haas.ids import new_id
from haas.pages.forms import Form, blank_form, read_form
from haas.pages.lists import read_list
from haas.pages.once import FIELD, once
from haas.pages.uploads import read_upload
from haas.rest.paging import Sort, fetch_page
from haas.tenancy.models import Client, Site
from haas.tenancy.scope import scoped
from invoicing import billing, previews
from invoicing.charge_schemas import ChargeRequest, EndRequest, VoidRequest
from invoicing.charges import imports, operations, queries
from invoicing.charges.models import Charge
from invoicing.portal.forms import FileForm
from invoicing.portal.words import CATEGORIES, STATES, tax_categories
from invoicing.purchase_orders.models import PurchaseOrder
from leases.credit import release_reason
from leases.models import Lease
from leases.portal.doors import attempt, attempt_or_flash
from leases.summaries import client_names, find_client

blueprint = Blueprint("charges", __name__, url_prefix="/charges")

KIND = "charge_import"
_SORTS = {"newest": Sort(Charge.id, Charge.id), "day": Sort(Charge.charged_on, Charge.id)}
_CHOICES_MAX = 200


@blueprint.get("")
@requires("charge.read")
def index() -> str:
    """Charges with what became of each, the newest first."""
    caller = current_caller()
    state = read_list(sorts=_SORTS, default="-newest", filters=("client", "lease", "category", "state"))
    asked = state.filters
    page = fetch_page(
        caller.session,
        queries.list_charges(
            caller.tenant,
            client_id=asked.get("client"),
            lease_id=asked.get("lease"),
            category=asked["category"] if asked.get("category") in CATEGORIES else None,
            state=asked["state"] if asked.get("state") in STATES else None,
        ),
        sort=state.sort,
        cursor=state.cursor,
        limit=state.limit,
    )
    return render_template(
        "portal/charges/index.html",
        page=page,
        state=state,
        rows=queries.standings(caller.session, caller.tenant, charges=page.rows),
        names=client_names(caller.session, caller.tenant, (row.client_id for row in page.rows)),
        categories=CATEGORIES,
        states=STATES,
    )


@blueprint.route("/new", methods=["GET", "POST"])
@requires("charge.manage")
def new() -> Any:
    """Charge a client something."""
    caller = current_caller()
    if request.method == "GET":
        return _new_page(
            caller,
            blank_form(
                client_id=request.args.get("client", ""),
                lease_id=request.args.get("lease"),
                quantity="1",
                category="other",
                tax_category="S",
                tax_class="standard",
                recurs="once",
                charged_on=clock.today(caller.partner.time_zone).isoformat(),
                once=new_id("one"),
            ),
        )
    return once(lambda: _make(caller))


def _make(caller: Caller) -> Any:
    form = read_form(ChargeRequest, beside=[FIELD])
    made: list[Charge] = []
    if form.data is not None:
        reason = release_reason(caller, form.data.pop("over_limit_reason"))
        wanted = operations.NewCharge(**form.data)
        if attempt(
            form,
            lambda: made.append(
                operations.charge_client(
                    caller.session,
                    caller.tenant,
                    wanted=wanted,
                    at=clock.now(),
                    over_limit_reason=reason,
                )
            ),
        ):
            flash(_("The next billing run bills it."), "success")
            return redirect(url_for(".show", charge_id=made[0].id), 303)
    return _new_page(caller, form), 422


@blueprint.get("/<charge_id>")
@requires("charge.read")
def show(charge_id: str) -> str:
    """One charge, and what can be done with it."""
    return _page(current_caller(), charge_id, blank_form(reason="", until=None))


@blueprint.post("/<charge_id>/void")
@requires("charge.manage")
def void(charge_id: str) -> Any:
    """Take back what was never billed."""
    caller, form = current_caller(), read_form(VoidRequest)
    if form.data is not None:
        reason = form.data["reason"]
        if attempt(
            form,
            lambda: operations.void_charge(
                caller.session, caller.tenant, charge_id=charge_id, reason=reason, at=clock.now()
            ),
        ):
            flash(_("It is voided and will not be billed."), "success")
            return redirect(url_for(".show", charge_id=charge_id), 303)
    return _page(caller, charge_id, form), 422


@blueprint.post("/<charge_id>/end")
@requires("charge.manage")
def end(charge_id: str) -> Any:
    """Bill no month from a day on."""
    caller, form = current_caller(), read_form(EndRequest)
    if form.data is not None:
        until = form.data["until"]
        if attempt(
            form,
            lambda: operations.end_charge(caller.session, caller.tenant, charge_id=charge_id, until=until),
        ):
            flash(_("It has an end now."), "success")
            return redirect(url_for(".show", charge_id=charge_id), 303)
    return _page(caller, charge_id, form), 422


@blueprint.route("/<charge_id>/bill", methods=["GET", "POST"])
@requires("invoice.issue")
def bill(charge_id: str) -> Any:
    """The invoice that would be issued; then issue it."""
    caller = current_caller()
    today = clock.today(caller.partner.time_zone)
    if request.method == "POST":
        issued: list[str] = []
        if attempt_or_flash(
            lambda: issued.append(
                billing.bill_charge(
                    caller.session,
                    caller.tenant,
                    charge_id=charge_id,
                    issued_on=today,
                    at=clock.now(),
                    portal_url=current_app.config["HAAS"].base_url,
                )
            )
        ):
            return redirect(url_for("invoices.show", invoice_id=issued[0]), 303)
        return redirect(url_for(".show", charge_id=charge_id), 303)
    charge = queries.get_charge(caller.session, caller.tenant, charge_id=charge_id)
    preview = previews.preview_charge(caller.session, caller.tenant, charge_id=charge_id, as_of=today)
    return render_template("portal/charges/bill.html", charge=charge, preview=preview)


@blueprint.route("/import", methods=["GET", "POST"])
@requires("charge.manage")
def bring_in() -> Any:
    """A table: read whole and shown first; then the whole of it or nothing."""
    caller = current_caller()
    if request.method == "GET":
        return _import_page(Form(names=frozenset({"file"})))
    form = Form(names=frozenset({"file"}))
    try:
        content = read_upload(request.files.get("file"), most=BYTES_MAX)
        read = imports.read(caller.session, caller.tenant, content=content)
    except HaasError as refusal:
        form.refuse(refusal)
        return _import_page(form), refusal.status
    if read.errors:
        return _import_page(form, errors=read.errors), 422
    stored = store_file(
        caller.session, caller.tenant, kind=KIND, name="charges.csv", media_type="text/csv", content=content
    )
    return _import_page(form, read=read, file_id=stored.id)


@blueprint.post("/import/confirm")
@requires("charge.manage")
def confirm_import() -> Any:
    """Bring in the table that was shown."""
    caller, form = current_caller(), read_form(FileForm)
    if form.data is None:
        return redirect(url_for(".bring_in"), 303)
    made: list[int] = []
    reason = release_reason(caller, form.data["over_limit_reason"])
    stored = get_file(caller.session, caller.tenant, file_id=form.data["file_id"])
    read = imports.read(caller.session, caller.tenant, content=stored.content)
    if attempt(
        form,
        lambda: made.append(
            imports.bring_in(
                caller.session, caller.tenant, read=read, at=clock.now(), over_limit_reason=reason
            )
        ),
    ):
        flash(
            _("%(made)d of %(rows)d charges are new; the others were there.", made=made[0], rows=read.rows),
            "success",
        )
        return redirect(url_for(".index"), 303)
    shown = None if read.errors else read
    return _import_page(form, errors=read.errors, read=shown, file_id=stored.id), 422


def _new_page(caller: Caller, form: Form) -> str:
    session, tenant = caller.session, caller.tenant
    client_id = str(form.value("client_id") or "")
    client = get_client(session, tenant, client_id=client_id) if client_id else None
    choices = _choices(caller, client) if client else {}
    return render_template(
        "portal/charges/new.html",
        form=form,
        client=client,
        categories=CATEGORIES,
        tax_categories=tax_categories(),
        tax_classes=TAX_CLASSES,
        leases=choices.get("leases", []),
        sites=choices.get("sites", []),
        orders=choices.get("orders", []),
    )


def _choices(caller: Caller, client: Client) -> dict[str, list[tuple[str, str]]]:
    """What of the client a charge may name: ids and words."""
    session, tenant = caller.session, caller.tenant
    leases = scoped(Lease, tenant).where(Lease.client_id == client.id).order_by(Lease.id.desc())
    sites = scoped(Site, tenant).where(Site.client_id == client.id, Site.archived_at.is_(None))
    orders = scoped(PurchaseOrder, tenant).where(
        PurchaseOrder.client_id == client.id, PurchaseOrder.closed_at.is_(None)
    )
    return {
        "leases": [(row.id, row.number) for row in session.scalars(leases.limit(_CHOICES_MAX))],
        "sites": [
            (row.id, row.name) for row in session.scalars(sites.order_by(Site.name).limit(_CHOICES_MAX))
        ],
        "orders": [
            (row.id, row.number)
            for row in session.scalars(orders.order_by(PurchaseOrder.number).limit(_CHOICES_MAX))
        ],
    }


def _page(caller: Caller, charge_id: str, form: Form) -> str:
    session, tenant = caller.session, caller.tenant
    charge = queries.get_charge(session, tenant, charge_id=charge_id)
    (standing,) = queries.standings(session, tenant, charges=[charge])
    lease = (
        session.scalar(scoped(Lease, tenant).where(Lease.id == charge.lease_id)) if charge.lease_id else None
    )
    order = (
        session.scalar(scoped(PurchaseOrder, tenant).where(PurchaseOrder.id == charge.purchase_order_id))
        if charge.purchase_order_id
        else None
    )
    return render_template(
        "portal/charges/show.html",
        charge=charge,
        standing=standing,
        client=find_client(session, tenant, client_id=charge.client_id),
        lease=lease,
        order=order,
        form=form,
        categories=CATEGORIES,
        tax_classes=TAX_CLASSES,
        states=STATES,
    )


def _import_page(
    form: Form,
    *,
    errors: list[RowError] | Any = (),
    read: imports.Read | None = None,
    file_id: str = "",
) -> str:
    sums: dict[str, Any] = {}
    for wanted, currency in read.wanted if read else ():
        sums[currency] = sums.get(currency, 0) + wanted.quantity * wanted.unit_price
    return render_template(
        "portal/charges/import.html",
        form=form,
        errors=errors,
        read=read,
        sums=sums,
        file_id=file_id,
        columns=[names[0] for names in imports.HEADINGS.values()],
    )

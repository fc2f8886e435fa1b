"""/leases/<id>/funding and /fundings/<id>: what the funder is owed beside what the client owes."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import format_currency, format_date
from flask_babel import gettext as _

from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.errors import HaasError
from haas.pages.forms import Form, blank_form, read_form
from leases import queries as lease_queries
from leases.funding import operations, queries
from leases.funding.models import Funder, Funding
from leases.funding.operations import FUNDABLE
from leases.funding.queries import FundingView, OwedRow
from leases.funding_schemas import FundingForm, FundingPaymentRequest, FundingSettlementForm, terms_and_others
from leases.lifecycle import BILLABLE
from leases.models import Lease
from leases.portal import funding_words, words
from leases.portal.doors import attempt, leases

blueprint = Blueprint("fundings", __name__, url_prefix="/fundings")


@leases.get("/leases/<lease_id>/funding")
@requires("funder.read")
def funding(lease_id: str) -> str:
    """Both schedules of a lease, side by side, and what stays."""
    caller = current_caller()
    session, tenant = caller.session, caller.tenant
    lease = lease_queries.get_lease(session, tenant, lease_id=lease_id)
    found = queries.find_funding(session, tenant, lease_id=lease_id)
    today = clock.today(caller.partner.time_zone)
    view = None if found is None else queries.view_funding(session, tenant, funding=found, as_of=today)
    funder = None if found is None else queries.get_funder(session, tenant, funder_id=found.funder_id)
    return render_template(
        "portal/fundings/show.html",
        lease=lease,
        funding=found,
        funder=funder,
        view=view,
        chart=None if view is None else _chart(view),
        today=today,
        is_fundable=lease.state in BILLABLE and lease.commercial_model in FUNDABLE,
        words=words,
        funding_words=funding_words,
    )


@leases.route("/leases/<lease_id>/funding/new", methods=["GET", "POST"])
@requires("funder.manage")
def fund(lease_id: str) -> Any:
    """What a funding would cost and leave; confirmed, it is agreed."""
    caller = current_caller()
    lease = lease_queries.get_lease(caller.session, caller.tenant, lease_id=lease_id)
    if request.method == "GET":
        return _fund_page(caller, lease, _blank(lease), view=None)
    form = read_form(FundingForm)
    if form.data is None:
        return _fund_page(caller, lease, form, view=None), 422
    data = dict(form.data)
    confirmed = data.pop("confirmed")
    agreed, others = terms_and_others(data)
    shown: list[FundingView] = []
    if not attempt(
        form,
        lambda: shown.append(
            operations.preview_funding(
                caller.session,
                caller.tenant,
                lease_id=lease_id,
                agreed=agreed,
                as_of=clock.today(caller.partner.time_zone),
            )
        ),
    ):
        return _fund_page(caller, lease, form, view=None), 422
    if not confirmed:
        return _fund_page(caller, lease, form, view=shown[0])
    made: list[Funding] = []
    if attempt(
        form,
        lambda: made.append(
            operations.fund_lease(
                caller.session, caller.tenant, lease_id=lease_id, agreed=agreed, at=clock.now(), **others
            )
        ),
    ):
        flash(_("%(number)s is agreed.", number=made[0].number), "success")
        return redirect(url_for("leases.funding", lease_id=lease_id), 303)
    return _fund_page(caller, lease, form, view=shown[0]), 422


@blueprint.route("/<funding_id>/pay", methods=["GET", "POST"])
@requires("funder.manage")
def pay(funding_id: str) -> Any:
    """Record a payment that was made to the funder."""
    caller = current_caller()
    session, tenant = caller.session, caller.tenant
    found = queries.get_funding(session, tenant, funding_id=funding_id)
    today = clock.today(caller.partner.time_zone)
    view = queries.view_funding(session, tenant, funding=found, as_of=today)
    if request.method == "GET":
        upcoming = view.next_owed
        form = blank_form(
            number=upcoming.row.number if upcoming else None,
            amount=upcoming.row.payment if upcoming else None,
            paid_on=today.isoformat(),
        )
        return _pay_page(caller, found, view, form)
    form = read_form(FundingPaymentRequest)
    if form.data is not None:
        data = form.data
        if attempt(
            form,
            lambda: operations.record_payment(session, tenant, funding_id=funding_id, at=clock.now(), **data),
        ):
            flash(_("Payment %(number)s is recorded.", number=data["number"]), "success")
            return redirect(url_for("leases.funding", lease_id=found.lease_id), 303)
    return _pay_page(caller, found, view, form), 422


@blueprint.route("/<funding_id>/settle", methods=["GET", "POST"])
@requires("funder.manage")
def settle(funding_id: str) -> Any:
    """What the funder is owed on a day; confirmed, it is paid back."""
    caller = current_caller()
    found = queries.get_funding(caller.session, caller.tenant, funding_id=funding_id)
    if request.method == "GET":
        today = max(clock.today(caller.partner.time_zone), found.starts_on)
        return _settle_page(caller, found, blank_form(on=today.isoformat()), on=today)
    form = read_form(FundingSettlementForm)
    if form.data is None:
        return _settle_page(caller, found, form, on=None), 422
    on, amount = form.data["on"], form.data["amount"]
    if not form.data["confirmed"]:
        return _settle_page(caller, found, form, on=on)
    if attempt(
        form,
        lambda: operations.settle_early(
            caller.session, caller.tenant, funding_id=funding_id, on=on, amount=amount
        ),
    ):
        flash(_("%(number)s is settled. The rents are yours alone.", number=found.number), "success")
        return redirect(url_for("leases.funding", lease_id=found.lease_id), 303)
    return _settle_page(caller, found, form, on=on), 422


def _blank(lease: Lease) -> Form:
    return blank_form(
        timing=lease.timing,
        interval_months=lease.interval_months,
        payments=max(1, lease.term_months // lease.interval_months),
        starts_on=lease.commences_on.isoformat() if lease.commences_on else None,
        compounding="nominal",
        balloon="0",
        residual_share_pct="0",
        settlement_fee_pct="0",
        settlement_basis="balance",
        recourse="full",
        title_holder="funder",
    )


def _fund_page(caller: Caller, lease: Lease, form: Form, *, view: FundingView | None) -> str:
    statement = queries.list_funders(caller.tenant).order_by(Funder.name).limit(200)
    return render_template(
        "portal/fundings/new.html",
        lease=lease,
        form=form,
        view=view,
        chart=None if view is None else _chart(view),
        funders=[(row.id, row.name) for row in caller.session.scalars(statement)],
        words=words,
        funding_words=funding_words,
    )


def _pay_page(caller: Caller, found: Funding, view: FundingView, form: Form) -> str:
    return render_template(
        "portal/fundings/pay.html",
        funding=found,
        number=_lease_number(caller, found),
        form=form,
        choices=[(owed.row.number, _choice(owed, found)) for owed in view.rows if owed.paid is None],
    )


def _choice(owed: OwedRow, found: Funding) -> str:
    amount = format_currency(owed.row.payment, found.currency)
    return f"{owed.row.number} · {format_date(owed.row.due_on)} · {amount}"


def _settle_page(caller: Caller, found: Funding, form: Form, *, on: Any) -> str:
    preview = None
    if on is not None:
        try:
            preview = operations.preview_settlement(caller.session, caller.tenant, funding_id=found.id, on=on)
        except HaasError as refusal:
            form.refuse(refusal)
    return render_template(
        "portal/fundings/settle.html",
        funding=found,
        number=_lease_number(caller, found),
        form=form,
        preview=preview,
        funding_words=funding_words,
    )


def _lease_number(caller: Caller, found: Funding) -> str:
    return queries.lease_numbers(caller.session, caller.tenant, lease_ids=[found.lease_id])[found.lease_id]


def _chart(view: FundingView) -> dict[str, Any]:
    months = view.margin.months
    rents = list(accumulate(month.rent for month in months))
    owed = list(accumulate(month.to_funder for month in months))
    return {
        "labels": [format_date(month.month, "MMM yyyy") for month in months],
        "series": [
            {"label": _("Rent so far"), "values": rents},
            {"label": _("To the funder so far"), "values": owed},
            {"label": _("Margin so far"), "values": [month.margin_so_far for month in months]},
        ],
        "money": True,
        "currency": view.terms.currency,
    }

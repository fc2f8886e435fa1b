"""/payouts: what providers sent to the bank, line by line beside what was recorded."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _

from haas import clock
from haas.auth.caller import current_caller, requires
from haas.errors import HaasError
from haas.pages.lists import read_list
from haas.rest.paging import Sort, fetch_page
from haas.tenancy.scope import scoped
from invoicing.models import Invoice
from invoicing.payments import payouts, queries
from invoicing.payments.doors import in_the_house, settings
from invoicing.payments.models import Payout

blueprint = Blueprint("payouts", __name__, url_prefix="/payouts")

_SORTS = {"arrives": Sort(Payout.arrives_on, Payout.id)}
_A_QUARTER = timedelta(days=92)


@blueprint.get("")
@requires("payout.read")
def index() -> str:
    """Payouts, the newest first."""
    caller = current_caller()
    listed = read_list(sorts=_SORTS, default="-arrives")
    page = fetch_page(
        caller.session,
        queries.list_payouts(caller.tenant),
        sort=listed.sort,
        cursor=listed.cursor,
        limit=listed.limit,
    )
    return render_template(
        "portal/payments/payouts.html",
        page=page,
        accounts={row.id: row.name for row in queries.accounts_of(caller.session, caller.tenant)},
    )


@blueprint.get("/<payout_id>")
@requires("payout.read")
def show(payout_id: str) -> str:
    """One payout, its fees, and where it differs from what we recorded."""
    caller = current_caller()
    payout = queries.get_payout(caller.session, caller.tenant, payout_id=payout_id)
    report = payouts.report(caller.session, caller.tenant, payout=payout)
    wanted = {each.invoice_id for each in report.lines if each.invoice_id}
    numbers = caller.session.execute(
        scoped(Invoice, caller.tenant)
        .where(Invoice.id.in_(wanted))
        .with_only_columns(Invoice.id, Invoice.number)
    )
    return render_template(
        "portal/payments/payout.html",
        report=report,
        payout=payout,
        numbers={row.id: row.number for row in numbers},
        kinds={
            "payment": _("Payment"),
            "refund": _("Refunded"),
            "chargeback": _("Dispute"),
            "fee": _("Fee"),
            "adjustment": _("Adjustment"),
        },
    )


@blueprint.post("/fetch")
@requires("payout.read")
def fetch() -> Any:
    """Ask the providers for the payouts of the last quarter."""
    caller = current_caller()
    count = 0
    for account in queries.accounts_of(caller.session, caller.tenant):
        try:
            count += payouts.fetch(
                in_the_house(caller),
                account_id=account.id,
                since=(clock.now() - _A_QUARTER).date(),
                settings=settings(),
            )
        except HaasError as refusal:
            flash(f"{account.name}: {refusal.message}", "error")
    flash(_("%(count)s payouts are on file.", count=count), "success")
    return redirect(url_for(".index"), 303)

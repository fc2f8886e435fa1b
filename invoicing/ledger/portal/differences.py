"""/books/reports/exchange_differences: what rates made of foreign receivables, and whether it is posted."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from flask import flash, redirect, render_template, url_for
from flask_babel import format_date
from flask_babel import gettext as _

from haas.auth.caller import current_caller, requires
from haas.calendar import end_of_month
from haas.pages.downloads import Cell
from haas.pages.forms import Form, blank_form, read_form
from invoicing.ledger import exchange
from invoicing.ledger.exchange import Realised
from invoicing.ledger.exchange_report import Differences, Unrealised, read_differences
from invoicing.ledger.exchange_rules import DifferencesPosted, ExchangePolicy
from invoicing.ledger.exchange_schemas import DifferencesPolicy
from invoicing.ledger.portal.months import blueprint
from invoicing.ledger.reports import Span
from invoicing.money.rate_rules import FoundRate
from leases.summaries import client_names

DIFFERENCES = "exchange_differences"
ROWS_SHOWN = 200
MISSING_SHOWN = 10


@blueprint.post("/exchange-differences/policy")
@requires("ledger.manage")
def change_differences_policy() -> Any:
    """Post differences with the payments, or no longer."""
    caller, form = current_caller(), read_form(DifferencesPolicy)
    if form.data is None:
        return render_template("portal/ledger/differences_policy.html", form=form, rules=rule_words()), 422
    policy = ExchangePolicy(DifferencesPosted(form.data["posted"]), form.data.get("since"))
    exchange.change_policy(caller.session, caller.tenant, policy=policy)
    flash(_("Saved. The next run posts by it; what is posted stays."), "success")
    return redirect(url_for("books.show_report", report_name=DIFFERENCES), 303)


def differences_of(span: Span) -> Differences:
    """Those of the months of a report; what is open, at the end of the last."""
    caller = current_caller()
    return read_differences(caller.session, caller.tenant, first=span.first, last=end_of_month(span.last))


def differences_page(span: Span, **shared: Any) -> str:
    """The report with the partner's rule."""
    caller, found = current_caller(), differences_of(span)
    realised, unrealised = found.realised[:ROWS_SHOWN], found.unrealised[:ROWS_SHOWN]
    rows: list[Realised | Unrealised] = [*realised, *unrealised]
    return render_template(
        "portal/ledger/differences.html",
        found=found,
        realised=realised,
        unrealised=unrealised,
        left_out=len(found.realised) + len(found.unrealised) - len(realised) - len(unrealised),
        last_day=format_date(end_of_month(span.last), "medium"),
        missing=[(currency, format_date(day, "medium")) for currency, day in found.missing[:MISSING_SHOWN]],
        clients=client_names(caller.session, caller.tenant, {row.billed.client_id for row in rows}),
        form=policy_form(exchange.policy_of(caller.session, caller.tenant)),
        rules=rule_words(),
        span=span,
        **shared,
    )


def policy_form(policy: ExchangePolicy) -> Form:
    """The rule as it is."""
    return blank_form(posted=policy.posted.value, since=policy.since.isoformat() if policy.since else "")


def rule_words() -> list[tuple[str, str]]:
    """The rules by name."""
    return [
        (DifferencesPosted.NONE.value, _("Not here: tell them in this report only")),
        (DifferencesPosted.ON_PAYMENT.value, _("With each payment, in our currency")),
    ]


def differences_table(found: Differences) -> tuple[list[str], list[list[Cell]]]:
    """All rows as one table: what is realised, and what is open."""
    caller = current_caller()
    rows: list[Realised | Unrealised] = [*found.realised, *found.unrealised]
    names = client_names(caller.session, caller.tenant, {row.billed.client_id for row in rows})
    header = [
        _("Kind"),
        _("Day"),
        _("Invoice"),
        _("Client"),
        _("Currency"),
        _("Amount"),
        _("Rate of the invoice"),
        _("Rate of the day"),
        _("Gain or loss, %(currency)s", currency=found.currency),
        _("No rate of"),
    ]
    realised = [
        [_("Realised"), *_cells(row, names, amount=row.amount, rate=row.paid_rate)] for row in found.realised
    ]
    unrealised = [
        [_("Open"), *_cells(row, names, amount=row.open, rate=row.rate)] for row in found.unrealised
    ]
    return header, [*realised, *unrealised]


def _cells(
    row: Realised | Unrealised, names: Mapping[str, str], *, amount: Decimal, rate: FoundRate | None
) -> list[Cell]:
    billed = row.billed
    return [
        row.on,
        billed.number,
        names[billed.client_id],
        billed.currency,
        amount,
        billed.rate.rate if billed.rate else None,
        rate.rate if rate else None,
        row.gain,
        row.missing_on,
    ]

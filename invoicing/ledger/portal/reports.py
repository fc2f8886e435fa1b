"""/books/reports: trial balance and roll-forwards over months, each figure leading to its entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from flask import render_template, request
from flask_babel import gettext as _

from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.calendar import add_months
from haas.errors import NotFound
from haas.pages.downloads import Cell, Format, table_download
from invoicing.ledger import reports
from invoicing.ledger.chart import month_of
from invoicing.ledger.conversion import converted_balance
from invoicing.ledger.exchange_rules import ConvertedBy
from invoicing.ledger.portal.differences import (
    DIFFERENCES,
    differences_of,
    differences_page,
    differences_table,
)
from invoicing.ledger.portal.months import blueprint, chosen_book, read_month
from invoicing.ledger.portal.words import (
    account_kind_words,
    book_words,
    column_words,
    converted_words,
    group_words,
    month_text,
    report_words,
)
from invoicing.ledger.reports import AccountBalance, RolledRow, RollForward, Span
from invoicing.tax.taxation import NoExchangeRate

TRIAL_BALANCE = "trial_balance"
_CONVERTIBLE = {way.value: way for way in ConvertedBy}
ROWS_ON_A_PAGE = 200


@blueprint.get("/reports/<report_name>")
@requires("ledger.read")
def show_report(report_name: str) -> str:
    """A report over months; the last that has ended if none are asked for."""
    caller = current_caller()
    span = _span(caller)
    shared: dict[str, Any] = {
        "name": report_name,
        "span": span,
        "from_text": f"{span.first:%Y-%m}",
        "until_text": f"{span.last:%Y-%m}",
        "books": book_words(),
        "names": report_words(),
        "month_text": month_text,
    }
    if report_name == DIFFERENCES:
        return differences_page(**shared)
    if report_name == TRIAL_BALANCE:
        by = _converted_by()
        difference, problem = None, ""
        try:
            balances, difference = _balances(caller, span, by)
        except NoExchangeRate as refusal:
            balances, problem, by = (
                reports.trial_balance(caller.session, caller.tenant, span=span),
                str(refusal),
                None,
            )
        return render_template(
            "portal/ledger/trial_balance.html",
            balances=balances,
            sums=_sums([*balances, difference] if difference else balances),
            difference=difference,
            problem=problem,
            converted=by.value if by else "",
            ways=converted_words(),
            kinds=account_kind_words(),
            **shared,
        )
    report = _get(report_name)
    rows = reports.roll_forward(caller.session, caller.tenant, report=report, span=span)
    place = _place(rows)
    return render_template(
        "portal/ledger/roll_forward.html",
        report=report,
        rows=rows[place : place + ROWS_ON_A_PAGE],
        after=rows[place + ROWS_ON_A_PAGE - 1].key if len(rows) > place + ROWS_ON_A_PAGE else None,
        totals=reports.totals(rows),
        columns=reports.columns_of(report, rows),
        column_words=column_words(),
        group=group_words(report.by),
        filter_name=report.by.removesuffix("_id").removeprefix("asset_"),
        **shared,
    )


@blueprint.get("/reports/<report_name>.<any(csv, xlsx):file_format>")
@requires("ledger.read")
def export_report(report_name: str, file_format: Format) -> Any:
    """The whole report as a table."""
    caller = current_caller()
    span = _span(caller)
    title = f"{report_name}-{span.book}-{span.first:%Y-%m}-{span.last:%Y-%m}"
    if report_name == DIFFERENCES:
        header, rows = differences_table(differences_of(span))
    elif report_name == TRIAL_BALANCE:
        balances, difference = _balances(caller, span, _converted_by())
        header, rows = _balance_table(balances, difference)
    else:
        report = _get(report_name)
        header, rows = _rolled_table(
            report, reports.roll_forward(caller.session, caller.tenant, report=report, span=span)
        )
    return table_download(file_format, name=title, header=header, rows=rows)


def _converted_by() -> ConvertedBy | None:
    return _CONVERTIBLE.get(request.args.get("converted", ""))


def _balances(
    caller: Caller, span: Span, by: ConvertedBy | None
) -> tuple[Sequence[AccountBalance], AccountBalance | None]:
    """By currency, or all in the partner's with the line of what rounding left."""
    if by is None:
        return reports.trial_balance(caller.session, caller.tenant, span=span), None
    found = converted_balance(caller.session, caller.tenant, span=span, by=by)
    return found.accounts, found.difference


def _balance_table(
    balances: Sequence[AccountBalance], difference: AccountBalance | None
) -> tuple[list[str], list[list[Cell]]]:
    kinds = account_kind_words()
    if difference is not None:
        kinds = {**kinds, "": ""}
        balances = [*balances, replace(difference, name=_("Rounding of the conversion"))]
    header = [
        _("Code"),
        _("Account"),
        _("Kind"),
        _("Currency"),
        _("Opening"),
        _("Debit side"),
        _("Credit side"),
        _("Closing"),
    ]
    return header, [
        [row.code, row.name, kinds[row.kind], row.currency, row.opening, row.debit, row.credit, row.closing]
        for row in balances
    ]


def _rolled_table(report: RollForward, rows: Sequence[RolledRow]) -> tuple[list[str], list[list[Cell]]]:
    words, columns = column_words(), reports.columns_of(report, rows)
    header = [
        group_words(report.by),
        _("Currency"),
        _("Opening"),
        *(words[column] for column in columns),
        _("Closing"),
    ]
    return header, [
        [
            row.label,
            row.currency,
            row.opening,
            *(row.moved.get(column, reports.NOTHING) for column in columns),
            row.closing,
        ]
        for row in rows
    ]


def _get(report_name: str) -> RollForward:
    report = reports.ROLL_FORWARDS.get(report_name)
    if report is None:
        raise NotFound(_("There is no such report."))
    return report


def _span(caller: Caller) -> Span:
    ended = add_months(month_of(clock.today(caller.partner.time_zone)), -1)
    last = read_month(request.args.get("until")) or ended
    first = read_month(request.args.get("from")) or last
    return Span(chosen_book(), min(first, last), last)


def _place(rows: Sequence[RolledRow]) -> int:
    """Where the page begins: after the row that the address names."""
    after = request.args.get("after")
    return next((number + 1 for number, row in enumerate(rows) if row.key == after), 0) if after else 0


def _sums(balances: Sequence[AccountBalance]) -> dict[str, tuple[Any, Any]]:
    """Debits and credits by currency: equal, or the books are broken."""
    found: dict[str, tuple[Any, Any]] = {}
    for row in balances:
        debit, credit = found.get(row.currency, (reports.NOTHING, reports.NOTHING))
        found[row.currency] = (debit + row.debit, credit + row.credit)
    return found

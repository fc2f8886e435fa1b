"""/settings/exchange-rates: rates by day as chart and list, one added by hand, a file of them brought in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import format_date
from flask_babel import gettext as _

from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.calendar import add_months
from haas.errors import HaasError
from haas.pages.forms import Form, blank_form, read_form
from haas.pages.lists import read_list
from haas.pages.uploads import read_upload
from haas.rest.fields import FIRST_DAY, LAST_DAY
from haas.rest.paging import Sort, fetch_page
from invoicing.money import rates
from invoicing.money.models import ExchangeRate
from invoicing.money.rate_files import BYTES_MAX
from invoicing.money.rate_reader import read_limited
from invoicing.money.rate_rules import ACROSS, DayRate
from invoicing.money.rate_schemas import RateRequest, RatesSince

blueprint = Blueprint("exchange_rates", __name__, url_prefix="/settings/exchange-rates")
SORTS = {"day": Sort(ExchangeRate.day, ExchangeRate.id)}
_MONTHS_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Course:
    """What the chart shows: one unit of `base` in `quote`, over days, both included."""

    base: str
    quote: str
    first: date
    last: date
    is_chosen: bool  # else it is how the page begins, and the list has all


@blueprint.get("")
@requires("tax.manage")
def index() -> Any:
    """How a rate went, the rates on file, the newest first, and the forms beside them."""
    return _page(_blank())


@blueprint.post("")
@requires("tax.manage")
def add() -> Any:
    """Put a rate on file."""
    caller, form = current_caller(), read_form(RateRequest)
    if form.data is None:
        return _page(form), 422
    try:
        rates.add_rates(
            caller.session, caller.tenant, rows=[DayRate(**form.data)], source="manual", at=clock.now()
        )
    except HaasError as refusal:
        form.refuse(refusal)
        return _page(form), refusal.status
    flash(_("The rate is on file."), "success")
    return redirect(url_for(".index"), 303)


@blueprint.post("/import")
@requires("tax.manage")
def bring_in() -> Any:
    """Bring in a file of rates, or what of it is of a day or later: all of that or nothing."""
    caller, form = current_caller(), read_form(RatesSince)
    if form.data is None:
        return _page(_blank(), form), 422
    try:
        content = read_upload(request.files.get("file"), most=BYTES_MAX)
        found = read_limited(content, since=form.data.get("since"))
        new = rates.add_rates(
            caller.session, caller.tenant, rows=found.rows, source=found.source, at=clock.now()
        )
    except HaasError as refusal:
        form.refuse(refusal)
        return _page(_blank(), form), refusal.status
    flash(
        _("%(new)d of %(rows)d rates are new; the others were there.", new=new, rows=len(found.rows)),
        "success",
    )
    return redirect(url_for(".index"), 303)


def _blank() -> Form:
    return blank_form(base=ACROSS, quote="", day="", rate="")


def _page(form: Form, file_form: Form | None = None) -> str:
    caller = current_caller()
    listed = read_list(sorts=SORTS, default="-day")
    codes = rates.currencies(caller.session, caller.tenant)
    course = _course(caller, codes)
    page = fetch_page(
        caller.session,
        rates.list_rates(
            caller.tenant,
            between={course.base, course.quote, ACROSS} if course and course.is_chosen else None,
        ),
        sort=listed.sort,
        cursor=listed.cursor,
        limit=listed.limit,
    )
    sources = {"ecb": _("European Central Bank"), "manual": _("By hand"), "import": _("From a file")}
    today = clock.today(caller.partner.time_zone)
    return render_template(
        "portal/settings/exchange_rates.html",
        form=form,
        file_form=file_form or blank_form(since=add_months(today, -_MONTHS_SHOWN).isoformat()),
        page=page,
        sources=sources,
        code_options=[(code, code) for code in codes],
        course=course,
        chart=_chart(caller, course) if course else None,
    )


def _course(caller: Caller, codes: list[str]) -> Course | None:
    """The pair and days of the address; at first the euro in the partner's currency over a year."""
    if not codes:
        return None
    asked = request.args
    base, quote = asked.get("from", ""), asked.get("in", "")
    is_chosen = base in codes and quote in codes and base != quote
    if not is_chosen:
        base = ACROSS if ACROSS in codes else codes[0]
        own = caller.partner.currency
        quote = own if own in codes and own != base else next(code for code in codes if code != base)
    today = clock.today(caller.partner.time_zone)
    last = _day(asked.get("until")) or today
    first = _day(asked.get("since")) or add_months(last, -_MONTHS_SHOWN)
    return Course(base, quote, min(first, last), last, is_chosen)


def _day(text: str | None) -> date | None:
    try:
        day = date.fromisoformat(text or "")
    except ValueError:
        return None
    return day if FIRST_DAY <= day <= LAST_DAY else None


def _chart(caller: Caller, course: Course) -> dict[str, Any]:
    """The rate on every day of which one is on file; two queries with the pair's own."""
    table = rates.load(
        caller.session,
        caller.tenant,
        codes=(course.base, course.quote),
        first=course.first,
        last=course.last,
    )
    found = [
        (day, rate)
        for day in table.days
        if day >= course.first and (rate := table.on(course.base, course.quote, day)) is not None
    ]
    return {
        "labels": [format_date(day, "medium") for day, _rate in found],
        "series": [
            {
                "label": _("One %(base)s in %(quote)s", base=course.base, quote=course.quote),
                "values": [rate.rate for _day_of_it, rate in found],
            }
        ],
        "digits": 6,
        "tight": True,
        "empty": _("No rate of these two is on file for these days."),
    }

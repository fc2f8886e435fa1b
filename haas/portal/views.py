"""Overview and global search: read-only, across contexts."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

from babel.dates import format_date
from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for
from flask_babel import get_locale, ngettext
from flask_babel import gettext as _

from devices.lifecycle import AT_CLIENT, FINAL
from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.calendar import add_months
from haas.portal import formatting, overview, search
from haas.portal.navigation import endpoint_exists
from haas.portal.states import STATES, look_of
from haas.portal.waiting_money import waiting_money

overview_pages = Blueprint("overview", __name__)
search_pages = Blueprint("search", __name__, url_prefix="/search")


@overview_pages.get("/")
@requires("account.self")
def home() -> Any:
    """Where each kind of person lands: an operator at the partners, a client at what it has and pays."""
    caller = current_caller()
    if caller.identity.partner is None:
        return redirect(url_for("operator.index"))
    if caller.user.client_id is not None:
        return _client_home(caller)
    return _partner_home(caller)


@search_pages.get("")
@requires("search.use")
def index() -> str:
    """The search as a page, for whoever has no scripts or wants all results."""
    caller, text = current_caller(), request.args.get("q", "")
    found = search.search(caller, text) if text.strip() else []
    groups = [(kind, list(results)) for kind, results in groupby(found, key=lambda result: result.kind)]
    return render_template("portal/overview/search.html", text=text, groups=groups, names=search.kind_names())


@search_pages.get("/found")
@requires("search.use")
def found() -> Response:
    """The same as JSON, for the palette."""
    results = search.search(current_caller(), request.args.get("q", ""))
    return jsonify(
        results=[
            {
                "kind": each.kind,
                "title": each.title,
                "detail": each.detail,
                "url": each.url,
                "icon": each.icon,
            }
            for each in results
        ]
    )


def _partner_home(caller: Caller) -> str:
    session, tenant = caller.session, caller.tenant
    now, today = clock.now(), clock.today(caller.partner.time_zone)
    states = overview.count_states(session, tenant)
    devices = overview.count_devices(session, tenant)
    sees_money = caller.may("invoice.read")
    unpaid = overview.open_invoices(session, tenant, as_of=today) if sees_money else []
    kinds = [kind for kind, right in _NEED_RIGHTS.items() if caller.may(right)]
    of_money = waiting_money(
        session, tenant, kinds=[kind for kind, right in _MONEY_RIGHTS.items() if caller.may(right)], now=now
    )
    waiting = overview.needs(session, tenant, kinds=kinds, as_of=today, now=now)
    return render_template(
        "portal/overview/home.html",
        facts=[
            _fleet_fact(states),
            _online_fact(devices),
            *([_rent_fact(overview.monthly_rent(session, tenant, as_of=today))] if sees_money else []),
            *([_overdue_fact(unpaid, today)] if sees_money else []),
        ],
        needs=[
            *_summed_needs(states, unpaid, today),
            *_money_needs(of_money),
            *(_need(need) for need in waiting),
        ],
        rent_chart=_rent_chart(caller, today) if sees_money else None,
        ages=[(each.currency, _age_bars(each)) for each in unpaid],
        sees_money=sees_money,
        fleet=_fleet_bars(states),
        health=_health_bars(devices),
        total=sum(states.values()),
    )


def _client_home(caller: Caller) -> str:
    session, tenant = caller.session, caller.tenant
    today = clock.today(caller.user.time_zone)
    states = overview.count_states(session, tenant)
    unpaid = overview.open_invoices(session, tenant, as_of=today)
    return render_template(
        "portal/overview/client_home.html",
        facts=[
            _fleet_fact(states),
            _online_fact(overview.count_devices(session, tenant)),
            _rent_fact(overview.monthly_rent(session, tenant, as_of=today)),
            _overdue_fact(unpaid, today),
        ],
        models=[
            (f"{maker} {name}", count, None, "brand")
            for maker, name, count in overview.count_models(session, tenant, states=sorted(AT_CLIENT))
        ],
        leases=overview.running_leases(session, tenant),
        invoices=overview.newest_invoices(session, tenant),
        today=today,
    )


_NEED_RIGHTS = {
    "alert": "alert.read",
    "swap_proposal": "lease.swap",
    "lease": "client.read",
    "job": "job.read",
}
_MONEY_RIGHTS = {"bank_line": "bank.match", "dispute": "dunning.read", "payment_attempt": "payment.charge"}


def _link(endpoint: str, **values: Any) -> str | None:
    return url_for(endpoint, **values) if endpoint_exists(endpoint) else None


def _fleet_fact(states: dict[str, int]) -> dict[str, Any]:
    in_service = states.get("in_service", 0)
    total = sum(count for state, count in states.items() if state not in FINAL)
    return {
        "label": _("Devices in service"),
        "value": formatting.number(in_service),
        "note": _("of %(total)s in the fleet", total=formatting.number(total)),
        "href": _link("assets.index", state="in_service"),
    }


def _online_fact(devices: list[tuple[str, str, int]]) -> dict[str, Any]:
    total = sum(count for _online, _verdict, count in devices)
    online = sum(count for state, _verdict, count in devices if state == "online")
    return {
        "label": _("Online now"),
        "value": formatting.number(online),
        "note": _("of %(total)s with an agent", total=formatting.number(total))
        if total
        else _("No agent yet"),
        "href": _link("assets.index", online="online"),
    }


def _rent_fact(rents: list[overview.Rent]) -> dict[str, Any]:
    if not rents:
        return {
            "label": _("Monthly rent"),
            "value": formatting.NOTHING,
            "note": _("No lease runs yet"),
            "href": _link("leases.index"),
        }
    first, *others = rents
    notes = [
        ngettext("on %(num)d lease", "on %(num)d leases", sum(rent.leases for rent in rents)),
        *(f"+ {formatting.money(rent.amount, rent.currency)}" for rent in others),
    ]
    return {
        "label": _("Monthly rent"),
        "value": formatting.money(first.amount, first.currency),
        "note": " ".join(notes),
        "href": _link("leases.index", state="active"),
    }


def _overdue_fact(unpaid: list[overview.OpenInvoices], today: date) -> dict[str, Any]:
    href = _link("invoices.index", state="overdue")
    late = [each for each in unpaid if each.oldest_due_on]
    if not late:
        return {
            "label": _("Overdue"),
            "value": _("Nothing"),
            "note": _("All invoices are paid in time"),
            "href": href,
            "tone": "green",
        }
    first, *others = late
    days = (today - min(each.oldest_due_on or today for each in late)).days
    notes = [
        ngettext("%(num)d invoice", "%(num)d invoices", sum(each.late_invoices for each in late)) + ",",
        ngettext("oldest by %(num)d day", "oldest by %(num)d days", days),
        *(f"+ {formatting.money(each.overdue, each.currency)}" for each in others),
    ]
    return {
        "label": _("Overdue"),
        "value": formatting.money(first.overdue, first.currency),
        "note": " ".join(notes),
        "href": href,
        "tone": "red",
    }


def _summed_needs(
    states: dict[str, int], unpaid: list[overview.OpenInvoices], today: date
) -> list[dict[str, Any]]:
    """Needs that are many of one kind: one line each, which opens the rows."""
    lines: list[dict[str, Any]] = [
        {
            "kind": "invoice",
            "state": "overdue",
            "title": ngettext(
                "%(num)d invoice is overdue", "%(num)d invoices are overdue", each.late_invoices
            ),
            "text": formatting.money(each.overdue, each.currency),
            "when": ngettext("%(num)d day", "%(num)d days", (today - each.oldest_due_on).days),
            "href": _link("invoices.index", state="overdue"),
        }
        for each in unpaid
        if each.oldest_due_on
    ]
    if back := states.get("return_due", 0):
        lines.append(
            {
                "kind": "asset",
                "state": "return_due",
                "title": ngettext("%(num)d device is to come back", "%(num)d devices are to come back", back),
                "text": _("Collect, inspect and grade"),
                "when": "",
                "href": _link("assets.index", state="return_due"),
            }
        )
    return lines


def _money_needs(counts: dict[str, int]) -> list[dict[str, Any]]:
    """The same of money that waits."""
    bank, disputes, declined = (counts.get(kind, 0) for kind in _MONEY_RIGHTS)
    lines = [
        (
            bank,
            "bank_line",
            "open",
            ngettext("%(num)d movement of the bank", "%(num)d movements of the bank", bank),
            _("Say which client paid what"),
            _link("bank.index"),
        ),
        (
            disputes,
            "dispute",
            "open",
            ngettext("%(num)d invoice is disputed", "%(num)d invoices are disputed", disputes),
            _("Decide it: until then nobody is reminded"),
            _link("collections.index"),
        ),
        (
            declined,
            "payment_attempt",
            "declined",
            ngettext("%(num)d invoice was not paid", "%(num)d invoices were not paid", declined),
            _("The charge was declined in the last days"),
            _link("invoices.index", state="open"),
        ),
    ]
    return [
        {"kind": kind, "state": state, "title": title, "text": text, "when": "", "href": href}
        for count, kind, state, title, text, href in lines
        if count
    ]


def _need(need: overview.Need) -> dict[str, Any]:
    endpoints = {
        "alert": _link("alerts.show", alert_id=need.id) or _link("alerts.index"),
        "swap_proposal": _link("swaps.new", proposal_id=need.id),
        "lease": _link("leases.show", lease_id=need.id),
        "job": _link("jobs.show", job_id=need.id),
    }
    kind = "severity" if need.kind == "alert" else need.kind
    is_date = need.kind == "lease"
    return {
        "kind": kind,
        "state": need.state,
        "title": _("Swap %(tag)s", tag=need.title) if need.kind == "swap_proposal" else need.title,
        "text": need.text,
        "when": _lease_when(need) if is_date else formatting.ago(need.at),
        "href": endpoints[need.kind],
    }


def _lease_when(need: overview.Need) -> Any:
    if need.state in ("active", "ending", "holdover"):
        return _("until %(day)s", day=formatting.day_text(need.at.date()))  # travelled as midnight in UTC
    return ""


def _rent_chart(caller: Caller, today: date) -> dict[str, Any] | None:
    """What was billed in the last months and what falls due in the next; none where there is neither."""
    session, tenant = caller.session, caller.tenant
    past = overview.months_until(today)
    ahead = [add_months(past[-1], each) for each in range(1, overview.MONTHS_AHEAD + 1)]
    billed = overview.billed_by_month(session, tenant, months=past)
    due = overview.rent_due(overview.rent_parts(session, tenant, as_of=today), months=ahead)
    currencies = list(dict.fromkeys([*billed, *due]))
    if not currencies:
        return None
    series = []
    for currency in currencies:
        of_past = [*billed.get(currency, [None] * len(past)), *[None] * len(ahead)]
        of_ahead = [*[None] * len(past), *due.get(currency, [None] * len(ahead))]
        series += [
            _series(_("Billed"), currency, of_past),
            {**_series(_("Due by contract"), currency, of_ahead), "ahead": True},
        ]
    return {
        "labels": [format_date(month, "MMM yy", locale=get_locale()) for month in [*past, *ahead]],
        "series": series,
        "money": True,
        "currency": currencies[0],
    }


def _series(label: str, currency: str, amounts: list[Decimal | None]) -> dict[str, Any]:
    return {
        "label": f"{label}, {currency}",
        "values": [None if amount is None else str(amount) for amount in amounts],
        "shown": [
            formatting.NOTHING if each is None else formatting.money(each, currency) for each in amounts
        ],
    }


def _age_bars(unpaid: overview.OpenInvoices) -> list[tuple[str, Decimal, str | None, str, str]]:
    names = (_("Not yet due"), _("1 to 30 days late"), _("31 to 60"), _("61 to 90"), _("More than 90"))
    colours = ("blue", "amber", "amber", "red", "red")
    states = ("open", *("overdue",) * 4)
    return [
        (
            name,
            amount,
            _link("invoices.index", state=state),
            colour,
            formatting.money(amount, unpaid.currency),
        )
        for name, amount, state, colour in zip(names, unpaid.ages, states, colours, strict=True)
    ]


def _health_bars(devices: list[tuple[str, str, int]]) -> list[tuple[str, int, str | None, str]]:
    counts: dict[str, int] = {}
    for _online, verdict, count in devices:
        counts[verdict] = counts.get(verdict, 0) + count
    return [
        (
            look_of("health", verdict).word,
            counts[verdict],
            _link("assets.index", health=verdict),
            look_of("health", verdict).colour,
        )
        for verdict in STATES["health"]
        if counts.get(verdict)
    ]


def _fleet_bars(states: dict[str, int]) -> list[tuple[str, int, str | None, str]]:
    return [
        (
            look_of("asset", state).word,
            states[state],
            _link("assets.index", state=state),
            look_of("asset", state).colour,
        )
        for state in STATES["asset"]
        if states.get(state)
    ]

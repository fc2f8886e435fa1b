"""/calendar: a month or a list of what falls due, a feed for calendar programs, and the rents to come."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from flask import Blueprint, Response, current_app, flash, redirect, render_template, request, url_for
from flask_babel import force_locale, format_date
from flask_babel import gettext as _

from haas import clock
from haas.agenda import cash_flow as flows
from haas.agenda import feeds
from haas.agenda.cash_flow import CashFlow
from haas.agenda.entries import by_day, entries_between, names_of
from haas.agenda.words import KINDS
from haas.auth.caller import Caller, current_caller, public, requires
from haas.calendar import ONE_DAY, add_months, week_cycle
from haas.errors import NotFound
from haas.pages.downloads import table_download
from haas.rest.fields import FIRST_DAY, LAST_DAY
from haas.rest.limits import GUESSABLE, limiter
from haas.tenancy.models import Client
from haas.tenancy.scope import scoped
from leases.queries import get_lease

blueprint = Blueprint("calendar", __name__, url_prefix="/calendar")

_VIEWS = ("month", "list")


@blueprint.get("")
@requires("calendar.read")
def index() -> str:
    """One month, day by day; on a phone, and as a list, the days that have something."""
    return _page(current_caller())


@blueprint.post("/feed")
@requires("calendar.read")
def make_feed() -> Any:
    """A new secret address, shown once; the one before it stops."""
    caller = current_caller()
    secret = feeds.make_feed(
        caller.session,
        caller.tenant,
        user=caller.user,
        pepper=current_app.config["HAAS"].secret_key,
        now=clock.now(),
    )
    base_url = current_app.config["HAAS"].base_url
    return _page(caller, address=f"{base_url}{url_for('.feed', feed_secret=secret)}")


@blueprint.post("/feed/revoke")
@requires("calendar.read")
def revoke_feed() -> Any:
    """The address stops."""
    caller = current_caller()
    feeds.revoke_feed(caller.session, caller.tenant, user=caller.user, now=clock.now())
    flash(_("The address is revoked. Calendar programs that use it see nothing any more."), "success")
    return redirect(url_for(".index"), 303)


@blueprint.get("/feed/<feed_secret>.ics")
@limiter.limit(GUESSABLE)
@public("the address itself is the secret; what it answers is what its person may see")
def feed(feed_secret: str) -> Any:
    """The calendar for a program. Unchanged, it is not sent again."""
    settings = current_app.config["HAAS"]
    found = feeds.answer_feed(secret=feed_secret, pepper=settings.secret_key, now=clock.now())
    with force_locale(found.language):
        words = {kind: str(word) for kind, (word, _icon, _colour) in KINDS.items()}
    content = feeds.calendar_of(found, words=words, base_url=settings.base_url)
    answer = Response(content, mimetype="text/calendar")
    answer.headers["Cache-Control"] = "private, no-cache"
    answer.headers["X-Robots-Tag"] = "noindex"
    answer.set_etag(hashlib.sha256(content).hexdigest()[:32])
    return answer.make_conditional(request)


@blueprint.get("/cash")
@requires("calendar.cash")
def cash() -> Any:
    """What was billed in the last twelve months and falls due in the next: of all, a client or a lease."""
    caller = current_caller()
    today = clock.today(caller.partner.time_zone)
    narrowed, title, back = _narrowed(caller)
    found = flows.cash_flow(caller.session, caller.tenant, start=today, **narrowed)
    if request.args.get("format") == "csv":
        return table_download(
            "csv",
            name=f"rents-due-{today.isoformat()}",
            header=["day", "rent_net", "currency"],
            rows=(
                [day, amount, flow.currency] for flow in found for day, amount in sorted(flow.days.items())
            ),
        )
    past = [add_months(today.replace(day=1), -back_by) for back_by in range(flows.MONTHS, 0, -1)]
    billed = {}
    if caller.may("invoice.read"):
        billed = flows.billed_by_month(caller.session, caller.tenant, start=past[0], **narrowed)
    by_currency = {flow.currency: flow for flow in found}
    for currency in billed:
        by_currency.setdefault(currency, CashFlow(currency, today, add_months(today, flows.MONTHS)))
    return render_template(
        "portal/agenda/cash.html",
        flows=[
            (
                flow,
                _chart(flow, past, of_it),
                of_it,
                sum((of_it.get(month, Decimal(0)) for month in past), Decimal(0)),
            )
            for currency, flow in sorted(by_currency.items())
            for of_it in [billed.get(currency, {})]
        ],
        today=today,
        sees_billed=caller.may("invoice.read"),
        title=title,
        back=back,
        csv=url_for("calendar.cash", format="csv", **narrowed),
    )


def _narrowed(caller: Caller) -> tuple[dict[str, Any], str, str]:
    """What the address narrows it to, its name, and its own page. A stranger's is 404."""
    lease_id, client_id = request.args.get("lease_id"), request.args.get("client_id")
    if lease_id:
        lease = get_lease(caller.session, caller.tenant, lease_id=lease_id)
        return {"lease_id": lease.id}, lease.number, url_for("leases.show", lease_id=lease.id, tab="rent")
    if client_id:
        client = caller.session.scalar(scoped(Client, caller.tenant).where(Client.id == client_id))
        if client is None:
            raise NotFound(_("There is no such client."))
        page = url_for("clients.show", client_id=client.id) if caller.may("client.read") else ""
        return {"client_id": client.id}, client.name, page
    return {}, "", ""


def _page(caller: Caller, *, address: str | None = None) -> str:
    today = clock.today(caller.user.time_zone)
    month = _month_asked(today)
    view = request.args.get("view") if request.args.get("view") in _VIEWS else "month"
    weeks = week_cycle(month)
    until = add_months(month, 1)
    first = weeks.containing(month).start
    last = weeks.containing(until - ONE_DAY).end
    entries = entries_between(
        caller.session,
        caller.tenant,
        start=first,
        until=last,
        may=caller.may,
        policies=caller.partner.policies,
    )
    days = by_day(entries)
    return render_template(
        "portal/agenda/index.html",
        month=month,
        earlier=max(add_months(month, -1), FIRST_DAY),
        later=min(add_months(month, 1), LAST_DAY.replace(day=1)),
        view=view,
        weeks=[
            [first + timedelta(days=week + day) for day in range(7)]
            for week in range(0, (last - first).days, 7)
        ],
        days=days,
        listed=[(day, days[day]) for day in sorted(days) if month <= day < until],
        names=names_of(caller.session, caller.tenant, entries) if caller.tenant.client_id is None else {},
        kinds=KINDS,
        today=today,
        feed=feeds.find_feed(caller.session, caller.tenant, user=caller.user),
        address=address,
    )


def _month_asked(today: date) -> date:
    try:
        asked = date.fromisoformat(f"{request.args.get('month', '')}-01")
    except ValueError:
        return today.replace(day=1)
    return asked if FIRST_DAY <= asked <= LAST_DAY else today.replace(day=1)


def _chart(flow: CashFlow, past: Sequence[date], billed: Mapping[date, Decimal]) -> dict[str, Any]:
    """Bars by month: billed in the months that are over, due from this one on.

    A month has one bar: this one's is what is still due, or what was billed where nothing is due any more.
    """
    months = flow.months
    due: list[Decimal | None] = [amount for _month, amount in months]
    before: list[Decimal | None] = [billed.get(month, Decimal(0)) for month in past] if billed else []
    here: list[Decimal | None] = [None] * len(months)
    if billed and not due[0]:
        here[0], due[0] = billed.get(months[0][0], Decimal(0)), None
    series = [{"label": _("Rent due, net"), "values": [*[None] * len(before), *due]}]
    if billed:
        series = [
            {"label": _("Billed, net"), "values": [*before, *here]},
            {**series[0], "ahead": True},
        ]
    return {
        "labels": [
            format_date(month, "MMM yyyy")
            for month in (*(past if billed else ()), *(month for month, _amount in months))
        ],
        "series": series,
        "money": True,
        "currency": flow.currency,
    }

"""/calendar: a month or a list of what falls due, a feed for calendar programs, and the rents to come."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
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
from haas.pages.downloads import table_download
from haas.rest.fields import FIRST_DAY, LAST_DAY
from haas.rest.limits import GUESSABLE, limiter

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
    """Rents that fall due in the next twelve months, by month as a chart and by day as a table."""
    caller = current_caller()
    today = clock.today(caller.partner.time_zone)
    found = flows.cash_flow(caller.session, caller.tenant, start=today)
    if request.args.get("format") == "csv":
        return table_download(
            "csv",
            name=f"rents-due-{today.isoformat()}",
            header=["day", "rent_net", "currency"],
            rows=(
                [day, amount, flow.currency] for flow in found for day, amount in sorted(flow.days.items())
            ),
        )
    return render_template(
        "portal/agenda/cash.html", flows=[(flow, _chart(flow)) for flow in found], today=today
    )


def _page(caller: Caller, *, address: str | None = None) -> str:
    today = clock.today(caller.user.time_zone)
    month = _month_asked(today)
    view = request.args.get("view") if request.args.get("view") in _VIEWS else "month"
    weeks = week_cycle(month)
    until = add_months(month, 1)
    first = weeks.containing(month).start
    last = weeks.containing(until - ONE_DAY).end
    entries = entries_between(caller.session, caller.tenant, start=first, until=last, may=caller.may)
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


def _chart(flow: CashFlow) -> dict[str, Any]:
    months = flow.months
    return {
        "labels": [format_date(month, "MMM yyyy") for month, _amount in months],
        "series": [{"label": _("Rent due, net"), "values": [amount for _month, amount in months]}],
        "money": True,
        "currency": flow.currency,
    }

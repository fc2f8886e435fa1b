"""/leases/<id>: one lease with its tabs: summary, rent, hardware, history, documents."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from flask import render_template, request, url_for
from flask_babel import format_date
from flask_babel import gettext as _

from haas import clock
from haas.accounts.audit_log import actor_names
from haas.auth.caller import Caller, current_caller, requires
from haas.calendar import ONE_DAY
from haas.errors import NotFound
from haas.rest.fields import FIRST_DAY, LAST_DAY
from leases import queries, summaries
from leases.handover import SILENCE
from leases.models import Lease
from leases.portal import words
from leases.portal.actions import actions_for
from leases.portal.doors import leases
from leases.portal.ends import end_tab
from leases.rent import RentView, monthly_rent, view_rent
from leases.summaries import Place


@leases.get("/leases/<lease_id>")
@requires("lease.read")
def show(lease_id: str) -> str:
    """One lease."""
    caller, now = current_caller(), clock.now()
    tab = request.args.get("tab") or "summary"
    if tab not in _TABS:
        raise NotFound(_("There is no such part of this page."))
    session, tenant = caller.session, caller.tenant
    lease = queries.get_lease(session, tenant, lease_id=lease_id)
    framed = frame(caller, lease, tab=tab)
    return render_template(
        f"portal/leases/tab_{tab}.html", **framed, **_TABS[tab](caller, lease, framed["places"], now)
    )


def frame(caller: Caller, lease: Lease, *, tab: str) -> dict[str, Any]:
    """What the head of a lease's page shows above each of its tabs. `lease.lines` must be loaded."""
    session, tenant = caller.session, caller.tenant
    places = summaries.places_of(session, tenant, lines=lease.lines, at=clock.now())
    agreement, client, site = summaries.parties_of(session, tenant, lease=lease)
    return {
        "lease": lease,
        "tab": tab,
        "tabs": _tabs(lease),
        "places": places,
        "actions": actions_for(caller, lease, places),
        "agreement": agreement,
        "client": client,
        "site": site,
        "monthly": monthly_rent(lease, [line for line in lease.lines if line.ends_on is None]),
        "last_day": lease.ends_on - ONE_DAY if lease.ends_on else None,
        "words": words,
    }


def as_of_asked(today: date) -> date:
    """The movable date of the page's address; today where it is none, or lies out of reach."""
    try:
        asked = date.fromisoformat(request.args.get("as_of", ""))
    except ValueError:
        return today
    return asked if FIRST_DAY <= asked <= LAST_DAY else today


def _summary(caller: Caller, lease: Lease, places: list[Place], now: datetime) -> dict[str, Any]:  # noqa: ARG001 - one shape for all tabs
    back = queries.returns_of(caller.session, caller.tenant, lease_id=lease.id)
    return {"returning": {order.asset_id: order for order in back if order.state in _ON_THE_WAY_BACK}}


def _rent(caller: Caller, lease: Lease, places: list[Place], now: datetime) -> dict[str, Any]:  # noqa: ARG001 - one shape for all tabs
    as_of = as_of_asked(clock.today(lease.time_zone))
    view = view_rent(caller.session, caller.tenant, lease=lease, as_of=as_of)
    return {"view": view, "as_of": as_of, "chart": _rent_chart(view), "last_of": lambda end: end - ONE_DAY}


def _assets(caller: Caller, lease: Lease, places: list[Place], now: datetime) -> dict[str, Any]:  # noqa: ARG001 - one shape for all tabs
    held = [place for place in places if place.line.kind == "asset"]
    return {
        "open_places": [place for place in held if place.now is None and place.line.starts_on is None],
        "reserved": [place for place in held if place.asset and place.asset.state == "reserved"],
        "under_way": [place for place in held if place.asset and place.asset.state == "in_transit_out"],
        "in_place": [place for place in held if place.is_filled],
    }


def _history(caller: Caller, lease: Lease, places: list[Place], now: datetime) -> dict[str, Any]:  # noqa: ARG001 - one shape for all tabs
    return {"items": timeline(caller, lease, places)}


def _documents(caller: Caller, lease: Lease, places: list[Place], now: datetime) -> dict[str, Any]:  # noqa: ARG001 - one shape for all tabs
    session, tenant = caller.session, caller.tenant
    accepted = queries.acceptances_of(session, tenant, lease_id=lease.id)
    swapped = queries.swaps_of(session, tenant, lease_id=lease.id)
    back = queries.returns_of(session, tenant, lease_id=lease.id)
    ids = {row.asset_id for row in accepted} | {row.asset_id for row in back}
    ids |= {row.incoming_id for row in swapped}
    assets = queries.assets_by_id(session, tenant, asset_ids=sorted(ids))
    papers = [
        (row.accepted_at, _("Certificate of acceptance"), row.asset_id, row.file_id) for row in accepted
    ]
    papers += [(row.swapped_at, _("Hand-over of a swap"), row.incoming_id, row.file_id) for row in swapped]
    papers += [
        (
            row.received_at,
            _("Return receipt %(number)s", number=row.number),
            row.asset_id,
            row.receipt_file_id,
        )
        for row in back
        if row.received_at is not None
    ]
    return {
        "papers": sorted(papers, key=lambda paper: paper[0], reverse=True),
        "assets": assets,
        "serials": queries.serials_of(session, tenant, asset_ids=sorted(ids)),
    }


_TABS: dict[str, Callable[[Caller, Lease, list[Place], datetime], dict[str, Any]]] = {
    "summary": _summary,
    "rent": _rent,
    "assets": _assets,
    "history": _history,
    "documents": _documents,
    "end": end_tab,
}
_ON_THE_WAY_BACK = ("requested", "collected")


def _tabs(lease: Lease) -> list[tuple[str, str, str]]:
    """(word, address, key) of each tab."""
    named = {
        "summary": _("Summary"),
        "rent": _("Rent"),
        "assets": _("Hand-over"),
        "end": _("End"),
        "history": _("History"),
        "documents": _("Documents"),
    }
    tabs = [(word, url_for("leases.show", lease_id=lease.id, tab=key), key) for key, word in named.items()]
    # A tab of invoicing, which knows what a change costs.
    changes = (_("Amendments"), url_for("amendments.index", lease_id=lease.id), "amendments")
    return [*tabs[:3], changes, *tabs[3:]]


def _rent_chart(view: RentView) -> dict[str, Any]:
    """Bars by due day: what has fallen due by the date, and what is still ahead."""
    sums = view.by_due_day()
    nothing = None
    return {
        "labels": [format_date(day, "MMM yyyy") for day, _amount, _due in sums],
        "series": [
            {"label": _("Fallen due"), "values": [amount if due else nothing for _day, amount, due in sums]},
            {"label": _("Ahead"), "values": [nothing if due else amount for _day, amount, due in sums]},
        ],
        "money": True,
        "currency": view.currency,
    }


def timeline(caller: Caller, lease: Lease, places: list[Place]) -> list[dict[str, Any]]:
    """What happened to the lease, newest first. A client's own people see what concerns their devices."""
    session, tenant = caller.session, caller.tenant
    moves = queries.moves_of(session, tenant, lease_id=lease.id)
    accepted = queries.acceptances_of(session, tenant, lease_id=lease.id)
    swapped = queries.swaps_of(session, tenant, lease_id=lease.id)
    back = queries.returns_of(session, tenant, lease_id=lease.id)
    ids = {row.asset_id for row in accepted} | {row.asset_id for row in back}
    ids |= {asset_id for row in swapped for asset_id in (row.incoming_id, row.outgoing_id)}
    tags = queries.tags_of(session, tenant, asset_ids=sorted(ids))
    stood = {row.asset_id: row.serial for place in places for row in (place.now, *place.before) if row}
    actors = [row.actor for row in moves] + [row.actor for row in swapped]
    names = actor_names(session, tenant, actors) if actors else {}

    def tag(asset_id: str) -> str:
        return tags.get(asset_id) or stood.get(asset_id, "–")

    def page_of(asset_id: str) -> str | None:
        return url_for("assets.show", asset_id=asset_id) if asset_id in tags else None

    items = [
        {
            "at": move.moved_at,
            "title": str(words.LEASE_VERBS[move.verb][0]),
            "text": move.reason,
            "actor": names.get(move.actor, ""),
            "icon": words.LEASE_VERBS[move.verb][1],
        }
        for move in moves
    ]
    items += [
        {
            "at": row.accepted_at,
            "title": _("%(tag)s accepted", tag=tag(row.asset_id)),
            "text": _("By silence after the agreed days")
            if row.signer_name == SILENCE
            else _("Signed by %(name)s", name=row.signer_name),
            "icon": "signature",
            "href": page_of(row.asset_id),
        }
        for row in accepted
    ]
    items += [
        {
            "at": row.swapped_at,
            "title": _("%(old)s swapped for %(new)s", old=tag(row.outgoing_id), new=tag(row.incoming_id)),
            "text": str(words.SWAP_REASONS[row.reason]),
            "actor": names.get(row.actor, ""),
            "icon": "arrows-exchange",
            "href": url_for("swaps.show", swap_id=row.id),
        }
        for row in swapped
    ]
    items += [
        {
            "at": row.created_at,
            "title": _("Return %(number)s of %(tag)s", number=row.number, tag=tag(row.asset_id)),
            "text": row.reason,
            "icon": "package",
            "href": url_for("returns.show", return_id=row.id),
        }
        for row in back
    ]
    return sorted(items, key=lambda item: item["at"], reverse=True)

"""/returns: what comes back, step by step: collect, receive, inspect, charge; then wiped and ready again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from devices.forms import in_zone
from devices.models import Asset
from devices.queries import get_asset
from devices.sanitisation import certificates_of
from haas import clock
from haas.accounts.audit_log import actor_names
from haas.auth.caller import Caller, current_caller, requires
from haas.pages.forms import Form, blank_form, read_form
from haas.pages.lists import read_list
from haas.rest.limits import EXPENSIVE, limiter
from haas.rest.paging import Sort, fetch_page
from leases import client_requests, previews, queries, returns, summaries
from leases.amendments.receipt import ReturnCost
from leases.end_schemas import DamageNoteForm
from leases.ends import disputes
from leases.forms import CollectForm, InspectForm, ReceiveForm, ReturnForm, SettleForm
from leases.models import ReturnOrder
from leases.portal.doors import attempt, attempt_or_flash
from leases.queries import ReturnFilter

blueprint = Blueprint("returns", __name__, url_prefix="/returns")

SORTS = {
    "number": Sort(ReturnOrder.number, ReturnOrder.id),
    "due": Sort(ReturnOrder.due_on, ReturnOrder.id),
    "created": Sort(ReturnOrder.created_at, ReturnOrder.id),
}
TABS: dict[str, tuple[str, ...]] = {
    "open": ("requested", "collected", "received", "inspected"),
    "requested": ("requested",),
    "collected": ("collected",),
    "received": ("received",),
    "inspected": ("inspected",),
    "closed": ("closed", "cancelled"),
}
USUAL_DAYS = 14


@blueprint.get("")
@requires("lease.read")
def index() -> str:
    """Returns by state; those that are under way first."""
    caller = current_caller()
    listed = read_list(sorts=SORTS, default="due", filters=("state", "client_id"))
    tab = listed.filters.get("state", "open")
    wanted = ReturnFilter(
        states=TABS.get(tab, ()),
        client_id=listed.filters.get("client_id"),
        number_prefix=listed.search.upper() or None,
    )
    page = fetch_page(
        caller.session,
        queries.list_returns(caller.tenant, where=wanted),
        sort=listed.sort,
        cursor=listed.cursor,
        limit=listed.limit,
    )
    counts = summaries.count_returns(caller.session, caller.tenant)
    is_staff = caller.tenant.client_id is None
    return render_template(
        "portal/returns/index.html",
        page=page,
        listed=listed,
        tab=tab,
        tabs=_tabs(counts),
        assets=queries.assets_by_id(
            caller.session, caller.tenant, asset_ids=[row.asset_id for row in page.rows]
        ),
        serials=queries.serials_of(
            caller.session, caller.tenant, asset_ids=[row.asset_id for row in page.rows]
        ),
        names=summaries.client_names(caller.session, caller.tenant, (row.client_id for row in page.rows)),
        clients=summaries.client_choices(caller.session, caller.tenant) if is_staff else [],
        today=clock.today(caller.partner.time_zone),
        has_any=bool(counts),
    )


@blueprint.route("/new", methods=["GET", "POST"])
@requires("lease.return")
def new() -> Any:
    """Ask a device back: which, why, until when, and what that does to the rent."""
    caller = current_caller()
    return _ask(
        caller,
        lambda data: returns.request_return(
            caller.session,
            caller.tenant,
            notice_on=clock.today(caller.partner.time_zone),
            at=clock.now(),
            **data,
        ),
    )


@blueprint.route("/ask", methods=["GET", "POST"])
@requires("lease.request_return")
def ask() -> Any:
    """A client asks to give a device back."""
    caller = current_caller()
    return _ask(
        caller,
        lambda data: client_requests.ask_return(
            caller.session,
            caller.tenant,
            today=clock.today(caller.partner.time_zone),
            at=clock.now(),
            **data,
        ),
    )


@blueprint.get("/<return_id>")
@requires("lease.read")
def show(return_id: str) -> str:
    """One return: where it is on its way, and the next step."""
    caller = current_caller()
    order = queries.get_return(caller.session, caller.tenant, return_id=return_id)
    return _page(caller, order, blank_form(kit_present=order.kit, repair_cost="0"))


@blueprint.post("/<return_id>/collect")
@requires("lease.return")
def collect(return_id: str) -> Any:
    """It left the client."""
    caller = current_caller()
    form = read_form(CollectForm)
    return _step(
        caller,
        return_id,
        form,
        lambda data: returns.collect(
            caller.session,
            caller.tenant,
            return_id=return_id,
            at=in_zone(caller, data["at"]),
            carrier=data["carrier"],
            tracking=data["tracking"],
        ),
        _("Collected. Scan its serial number when it arrives."),
    )


@blueprint.post("/<return_id>/receive")
@requires("lease.return")
def receive(return_id: str) -> Any:
    """It arrived: the scanned serial number is compared, and rent stops after this day."""
    caller = current_caller()
    form = read_form(ReceiveForm)
    return _step(
        caller,
        return_id,
        form,
        lambda data: returns.receive(
            caller.session,
            caller.tenant,
            return_id=return_id,
            at=in_zone(caller, data["at"]),
            serial_seen=data["serial_seen"],
        ),
        _("Received, in quarantine. The receipt is being printed."),
    )


@blueprint.post("/<return_id>/inspect")
@requires("asset.grade")
def inspect(return_id: str) -> Any:
    """First what the findings come to; confirmed, they are recorded."""
    caller = current_caller()
    order = queries.get_return(caller.session, caller.tenant, return_id=return_id)
    form = read_form(InspectForm)
    if form.data is None:
        return _page(caller, order, form), 422
    data = form.data
    if not data["confirmed"]:
        preview = previews.preview_charge(
            repair_cost=data["repair_cost"], fair_market_value=data["fair_market_value"]
        )
        return _page(caller, order, form, preview=preview)
    return _step(
        caller,
        return_id,
        form,
        lambda found: returns.inspect(
            caller.session,
            caller.tenant,
            return_id=return_id,
            at=clock.now(),
            grade=found["grade"],
            fair_market_value=found["fair_market_value"],
            repair_cost=found["repair_cost"],
            kit_missing=[part for part in order.kit if part not in found["kit_present"]],
            damage_notes=found["damage_notes"],
        ),
        _("The inspection is recorded. The client is told of it."),
    )


@blueprint.post("/<return_id>/dispute")
@requires("lease.dispute")
def dispute(return_id: str) -> Any:
    """The client objects to the charge."""
    caller = current_caller()
    if attempt_or_flash(
        lambda: returns.dispute(caller.session, caller.tenant, return_id=return_id, at=clock.now())
    ):
        flash(_("The charge is disputed. It is not billed until it is settled."), "success")
    return redirect(url_for(".show", return_id=return_id), 303)


@blueprint.post("/<return_id>/notes")
@requires("lease.dispute")
@limiter.limit(EXPENSIVE)
def write_note(return_id: str) -> Any:
    """Say something of the charge, with a picture or without; a client's first word is its objection."""
    caller = current_caller()
    form = read_form(DamageNoteForm)
    upload = request.files.get("picture")
    picture = upload.read() if upload is not None and upload.filename else None
    return _step(
        caller,
        return_id,
        form,
        lambda data: disputes.write_note(
            caller.session,
            caller.tenant,
            return_id=return_id,
            text=data["text"],
            picture=picture,
            at=clock.now(),
        ),
        _("Noted. The other side reads it here."),
    )


@blueprint.post("/<return_id>/settle")
@requires("lease.manage")
def settle(return_id: str) -> Any:
    """Close the charge at an agreed figure."""
    caller = current_caller()
    form = read_form(SettleForm)
    return _step(
        caller,
        return_id,
        form,
        lambda data: disputes.settle(
            caller.session, caller.tenant, return_id=return_id, charge=data["charge"], at=clock.now()
        ),
        _("Settled. The next billing run takes it up."),
    )


@blueprint.post("/<return_id>/cancel")
@requires("lease.return")
def cancel(return_id: str) -> Any:
    """The device stays after all."""
    caller = current_caller()
    if attempt_or_flash(
        lambda: returns.cancel(caller.session, caller.tenant, return_id=return_id, at=clock.now())
    ):
        flash(_("The return is cancelled. The device stays in service."), "success")
    return redirect(url_for(".show", return_id=return_id), 303)


def _step(caller: Caller, return_id: str, form: Form, act: Callable[[dict[str, Any]], Any], done: str) -> Any:
    order = queries.get_return(caller.session, caller.tenant, return_id=return_id)
    if form.data is not None:
        data = form.data
        if attempt(form, lambda: act(data)):
            flash(done, "success")
            return redirect(url_for(".show", return_id=return_id), 303)
    return _page(caller, order, form), 422


def _ask(caller: Caller, act: Callable[[dict[str, Any]], ReturnOrder]) -> Any:
    today = clock.today(caller.partner.time_zone)
    if request.method == "GET":
        due_on = today + timedelta(days=USUAL_DAYS)
        asset_id = request.args.get("asset_id")
        return _ask_page(
            caller,
            blank_form(asset_id=asset_id, due_on=due_on.isoformat(), reason=""),
            cost=_cost(caller, asset_id=asset_id, due_on=due_on) if asset_id else None,
        )
    form = read_form(ReturnForm)
    made: list[ReturnOrder] = []
    if form.data is not None:
        data = dict(form.data)
        shown = data.pop("shown_charge")
        cost = _cost(caller, asset_id=data["asset_id"], due_on=data["due_on"])
        if cost is not None and cost.charge and cost.charge != shown:
            # It costs something else than what stood there: by another day, or because of another return.
            return _ask_page(caller, form, cost=cost)
        if attempt(form, lambda: made.append(act(data))):
            flash(_("%(number)s is asked for.", number=made[0].number), "success")
            return redirect(url_for(".show", return_id=made[0].id), 303)
    return _ask_page(caller, form), 422


def _cost(caller: Caller, *, asset_id: str, due_on: date) -> ReturnCost | None:
    return client_requests.cost_of_return(
        caller.session,
        caller.tenant,
        asset_id=asset_id,
        due_on=due_on,
        today=clock.today(caller.partner.time_zone),
        at=clock.now(),
    )


def _ask_page(caller: Caller, form: Form, *, cost: ReturnCost | None = None) -> str:
    asset_id = str(form.value("asset_id") or "")
    asset = get_asset(caller.session, caller.tenant, asset_id=asset_id) if asset_id else None
    return render_template(
        "portal/returns/new.html",
        form=form,
        asset=asset,
        cost=cost,
        candidates=_candidates(caller) if asset is None else [],
        is_client=caller.tenant.client_id is not None,
    )


def _candidates(caller: Caller) -> list[Asset]:
    """The devices in service on the lease that the page was opened from."""
    lease_id = request.args.get("lease_id")
    if not lease_id:
        return []
    lease = queries.get_lease(caller.session, caller.tenant, lease_id=lease_id)
    places = summaries.places_of(caller.session, caller.tenant, lines=lease.lines, at=clock.now())
    return [
        place.asset
        for place in places
        if place.asset is not None and place.asset.state in ("in_service", "in_repair")
    ]


def _page(
    caller: Caller, order: ReturnOrder, form: Form, *, preview: previews.ChargePreview | None = None
) -> str:
    session, tenant = caller.session, caller.tenant
    assets = queries.assets_by_id(session, tenant, asset_ids=[order.asset_id])
    asset = assets.get(order.asset_id)
    proofs = certificates_of(session, tenant, asset_id=order.asset_id)
    since = order.received_at
    notes = disputes.notes_of(session, tenant, return_id=order.id)
    people = [actor for actor in (order.received_by, order.inspected_by) if actor]
    people += [note.written_by for note in notes]
    lease = queries.get_lease(session, tenant, lease_id=order.lease_id) if order.lease_id else None
    return render_template(
        "portal/returns/show.html",
        order=order,
        asset=asset,
        serial=queries.serials_of(session, tenant, asset_ids=[order.asset_id]).get(order.asset_id, "–"),
        lease=lease,
        currency=asset.currency if asset else (lease.currency if lease else caller.partner.currency),
        client=summaries.find_client(session, tenant, client_id=order.client_id),
        proofs=[proof for proof in proofs if since is not None and proof.performed_at >= since],
        names=actor_names(session, tenant, people) if people else {},
        form=form,
        preview=preview,
        may_dispute=bool(
            order.state == "inspected"
            and order.damage_charge
            and order.disputed_at is None
            and order.dispute_until
            and order.dispute_until >= clock.today(caller.partner.time_zone)
            and caller.may("lease.dispute")
        ),
        grades=returns.GRADES,
        notes=notes,
        days_left=disputes.days_left(order, today=clock.today(caller.partner.time_zone)),
        rent_stops=order.line_id is not None,
        nothing=Decimal(0),
    )


def _tabs(counts: dict[str, int]) -> list[tuple[str, str, int]]:
    words = {
        "open": _("Under way"),
        "requested": _("Asked for"),
        "collected": _("Collected"),
        "received": _("To inspect"),
        "inspected": _("Charge open"),
        "closed": _("Closed"),
    }
    return [(key, word, sum(counts.get(state, 0) for state in TABS[key])) for key, word in words.items()]

"""/swaps: two scans or two clicks, what they would do, and the swap. Each step is an address of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, Response, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from devices import scans
from devices.lifecycle import AssetState
from devices.models import Asset
from devices.operations import new_key
from devices.queries import get_asset
from devices.scan_portal import with_camera
from haas import clock
from haas.accounts.audit_log import actor_names
from haas.auth.caller import Caller, current_caller, requires
from haas.errors import HaasError, InvalidInput
from haas.pages.forms import Form, blank_form, read_form
from leases import previews, proposed, queries, summaries
from leases.errors import AssetNotOnLease
from leases.forms import SwapForm
from leases.models import Lease, Line, Swap
from leases.portal import words
from leases.portal.doors import attempt
from leases.proposed import Proposed
from leases.swaps import OTHER_MODEL_ALLOWED, accept_proposal, swap_asset

blueprint = Blueprint("swaps", __name__, url_prefix="/swaps")

SPARES_SHOWN = 24


@blueprint.get("/new")
@requires("lease.swap")
def new() -> Response:
    """Which one goes, which one comes, what that does."""
    proposal_id = request.args.get("proposal_id")
    return swap_page(current_caller(), blank_form(condition=""), proposal_id=proposal_id, asked=request.args)


@blueprint.post("/new")
@requires("lease.swap")
def create() -> Any:
    """Swap. The page's key makes a second press, or a second scan, count once."""
    caller = current_caller()
    form = read_form(SwapForm)
    if form.data is not None:
        data = dict(form.data)
        key = data.pop("key")
        made: list[Swap] = []
        if attempt(form, lambda: made.append(_swap(caller, key=key, **data))):
            flash(_("Swapped. The hand-over paper is being printed."), "success")
            return redirect(url_for(".show", swap_id=made[0].id), 303)
    page = swap_page(caller, form, proposal_id=form.value("proposal_id"), asked=request.form)
    page.status_code = 422
    return page


def _swap(caller: Caller, *, key: str, proposal_id: str | None, outgoing_id: str, **how: Any) -> Swap:
    """A swap of its own, or the one that is proposed."""
    session, tenant, at = caller.session, caller.tenant, clock.now()
    if proposal_id is None:
        return swap_asset(session, tenant, outgoing_id=outgoing_id, at=at, idempotency_key=key, **how)
    return accept_proposal(session, tenant, proposal_id=proposal_id, at=at, idempotency_key=key, **how)


@blueprint.get("/<swap_id>")
@requires("lease.read")
def show(swap_id: str) -> str:
    """A swap that was made: the receipt, with where to go on."""
    caller = current_caller()
    session, tenant = caller.session, caller.tenant
    swap = queries.get_swap(session, tenant, swap_id=swap_id)
    lease = queries.get_lease(session, tenant, lease_id=swap.lease_id)
    order = next(
        (
            row
            for row in queries.returns_of(session, tenant, lease_id=lease.id)
            if row.asset_id == swap.outgoing_id and row.created_at == swap.swapped_at
        ),
        None,
    )
    return render_template(
        "portal/swaps/show.html",
        swap=swap,
        lease=lease,
        line=next(line for line in lease.lines if line.id == swap.line_id),
        assets=queries.assets_by_id(session, tenant, asset_ids=[swap.outgoing_id, swap.incoming_id]),
        order=order,
        actor=actor_names(session, tenant, [swap.actor]).get(swap.actor, ""),
        words=words,
    )


def find_asset(caller: Caller, code: str) -> Asset:
    """The device that was clicked (its id), or scanned or typed: a label's address, a tag, a serial.

    :raises HaasError: if there is none, or the label is another house's.
    """
    if code.startswith("ast_"):
        return get_asset(caller.session, caller.tenant, asset_id=code)
    base_url = current_app.config["HAAS"].base_url
    found = scans.look_up(caller.session, caller.tenant, code=code, base_url=base_url)
    if found.asset is None:
        raise InvalidInput(_("This label leads to %(host)s: it is not one of yours.", host=found.foreign))
    return found.asset


def swap_page(caller: Caller, form: Form, *, proposal_id: str | None, asked: Mapping[str, str]) -> Response:
    """As far as it is known: nothing, the outgoing asset, or both with the preview.

    A proposal fills in both, unless `choose` asks for another spare. A device that was found without its open
    proposal, by a scan, finds it here: its swap is what was proposed, with whatever spare is at hand.
    """
    told = _told(caller, proposal_id)
    reason = str(asked.get("reason") or "fault")
    reason = reason if reason in words.SWAP_REASONS else "fault"
    outgoing, trouble = _found(caller, str(asked.get("outgoing_id") or asked.get("outgoing") or ""))
    incoming, trouble_in = _found(caller, str(asked.get("incoming_id") or asked.get("incoming") or ""))
    if told is not None:
        outgoing = told.outgoing
        if incoming is None and trouble_in is None and not asked.get("choose"):
            incoming = told.spare
    elif outgoing is not None:
        found = proposed.find_open(caller.session, caller.tenant, asset_id=outgoing.id)
        told = _told(caller, found.id if found else None)
    line, lease, client, preview = None, None, None, None
    if outgoing is not None:
        try:
            line = queries.get_line_of_asset(
                caller.session, caller.tenant, asset_id=outgoing.id, at=clock.now()
            )
            lease = queries.get_lease(caller.session, caller.tenant, lease_id=line.lease_id)
            client = summaries.find_client(caller.session, caller.tenant, client_id=lease.client_id)
        except AssetNotOnLease:
            trouble = _("%(tag)s does not stand on a lease now: there is nothing to swap.", tag=outgoing.tag)
            outgoing = None
    if outgoing is not None and incoming is not None:
        preview, trouble_in = _preview(caller, outgoing, incoming, reason)
    page = render_template(
        "portal/swaps/new.html",
        form=form,
        told=told,
        reason=reason,
        outgoing=outgoing,
        incoming=incoming if preview else None,
        line=line,
        lease=lease,
        preview=preview,
        trouble=trouble or trouble_in,
        spares=_spares(caller, lease, line, reason) if lease and line and preview is None else [],
        standing=_standing(caller) if outgoing is None else [],
        client=client,
        key=form.value("key") or new_key(),
        words=words,
    )
    return with_camera(page)


def _told(caller: Caller, proposal_id: str | None) -> Proposed | None:
    """The proposal that the page carries out.

    :raises NotFound: if this tenant has none by that id.
    """
    return proposed.look(caller.session, caller.tenant, proposal_id=proposal_id) if proposal_id else None


def _found(caller: Caller, code: str) -> tuple[Asset | None, str | None]:
    if not code.strip():
        return None, None
    try:
        return find_asset(caller, code.strip()), None
    except HaasError as refusal:
        return None, refusal.message


def _preview(
    caller: Caller, outgoing: Asset, incoming: Asset, reason: str
) -> tuple[previews.SwapPreview | None, str | None]:
    try:
        return (
            previews.preview_swap(
                caller.session,
                caller.tenant,
                outgoing_id=outgoing.id,
                incoming_id=incoming.id,
                reason=reason,
                at=clock.now(),
            ),
            None,
        )
    except HaasError as refusal:
        return None, refusal.message


def _spares(caller: Caller, lease: Lease, line: Line, reason: str) -> Sequence[Asset]:
    """Free devices of the line's model; of any model where the reason allows another."""
    model_id = None if reason in OTHER_MODEL_ALLOWED else line.model_id
    return summaries.free_devices(
        caller.session, caller.tenant, model_id=model_id, client_id=lease.client_id, limit=SPARES_SHOWN
    )


def _standing(caller: Caller) -> list[Asset]:
    """The devices in service on the lease that the page was opened from."""
    lease_id = request.args.get("lease_id")
    if not lease_id:
        return []
    lease = queries.get_lease(caller.session, caller.tenant, lease_id=lease_id)
    places = summaries.places_of(caller.session, caller.tenant, lines=lease.lines, at=clock.now())
    return [
        place.asset
        for place in places
        if place.asset is not None and place.asset.state in (AssetState.IN_SERVICE, AssetState.IN_REPAIR)
    ]

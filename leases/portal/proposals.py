"""/swaps/proposals: what failing devices ask for, and the answer no. The answer yes is the swap page's."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from haas import clock
from haas.accounts.audit_log import actor_names
from haas.auth.caller import current_caller, requires
from haas.pages.forms import read_form
from haas.pages.lists import read_list
from haas.rest.paging import Sort, fetch_page
from leases import proposals, proposed, summaries
from leases.forms import DismissForm
from leases.portal import words
from leases.portal.doors import attempt
from leases.portal.swaps import blueprint, swap_page
from leases.proposal_models import SwapProposal

TABS: dict[str, tuple[str, ...]] = {
    "open": ("open",),
    "accepted": ("accepted",),
    "dismissed": ("dismissed",),
    "withdrawn": ("withdrawn",),
}
_SORTS = {"proposed": Sort(SwapProposal.proposed_at, SwapProposal.id)}


@blueprint.get("/proposals")
@requires("lease.read")
def list_proposals() -> str:
    """Proposals by state, newest first."""
    caller = current_caller()
    listed = read_list(sorts=_SORTS, default="-proposed", filters=("state",))
    tab = listed.filters.get("state", "open")
    page = fetch_page(
        caller.session,
        proposed.list_proposals(caller.tenant, states=TABS.get(tab, ())),
        sort=listed.sort,
        cursor=listed.cursor,
        limit=listed.limit,
    )
    return render_template(
        "portal/swaps/proposals.html",
        page=page,
        rows=proposed.look_at(caller.session, caller.tenant, page.rows),
        tab=tab,
        tabs=[
            ("open", _("To decide")),
            ("accepted", _("Accepted")),
            ("dismissed", _("Dismissed")),
            ("withdrawn", _("Withdrawn")),
        ],
        clients=summaries.client_names(caller.session, caller.tenant, (row.client_id for row in page.rows)),
        actors=actor_names(caller.session, caller.tenant, [row.decided_by or "" for row in page.rows]),
        words=words,
    )


@blueprint.post("/proposals/<proposal_id>/dismiss")
@requires("lease.swap")
def dismiss(proposal_id: str) -> Any:
    """Decide against it, with a reason."""
    caller = current_caller()
    form = read_form(DismissForm)
    if form.data is not None:
        reason = form.data["reason"]
        if attempt(
            form,
            lambda: proposals.dismiss(
                caller.session, caller.tenant, proposal_id=proposal_id, reason=reason, at=clock.now()
            ),
        ):
            flash(
                _("Dismissed. It is proposed again if the device gets well and then fails anew."), "success"
            )
            return redirect(url_for(".list_proposals"), 303)
    return swap_page(caller, form, proposal_id=proposal_id, asked=request.args), 422

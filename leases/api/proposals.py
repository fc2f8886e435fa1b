"""REST: /v1/swap-proposals, which failing devices open; a person accepts or dismisses."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_smorest import Blueprint

from haas import clock
from haas.auth.caller import current_caller, requires
from haas.rest.openapi import page_of
from haas.rest.paging import Sort, fetch_page
from leases import proposals, proposed, swaps
from leases.proposal_models import SwapProposal
from leases.proposal_schemas import (
    AcceptProposalRequest,
    DismissProposalRequest,
    SwapProposalListed,
    SwapProposalResource,
)
from leases.proposed import Proposed
from leases.schemas import SwapResource

blueprint = Blueprint(
    "swap_proposals_api", __name__, url_prefix="/v1/swap-proposals", description="Swaps that devices ask for"
)

_NEWEST = Sort(SwapProposal.id, SwapProposal.id, descending=True)


@blueprint.get("")
@requires("lease.read")
@blueprint.arguments(SwapProposalListed, location="query")
@blueprint.response(200, page_of(SwapProposalResource))
def list_proposals(query: dict[str, Any]) -> dict[str, Any]:
    """Proposals, newest first. A client's own people see none."""
    caller = current_caller()
    page = fetch_page(
        caller.session,
        proposed.list_proposals(
            caller.tenant,
            states=(query["state"],) if query.get("state") else (),
            lease_id=query.get("lease_id"),
            asset_id=query.get("asset_id"),
        ),
        sort=_NEWEST,
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    return {"items": proposed.look_at(caller.session, caller.tenant, page.rows), "next": page.older}


@blueprint.get("/<proposal_id>")
@requires("lease.read")
@blueprint.response(200, SwapProposalResource)
def get_proposal(proposal_id: str) -> Proposed:
    """One proposal, with the spare that would come now."""
    caller = current_caller()
    return proposed.look(caller.session, caller.tenant, proposal_id=proposal_id)


@blueprint.post("/<proposal_id>/accept")
@requires("lease.swap")
@blueprint.arguments(AcceptProposalRequest)
@blueprint.response(201, SwapResource)
def accept(wanted: dict[str, Any], proposal_id: str) -> Any:
    """Do the swap. Sent again with its key, it is done once."""
    caller = current_caller()
    made = swaps.accept_proposal(
        caller.session,
        caller.tenant,
        proposal_id=proposal_id,
        idempotency_key=request.headers.get("Idempotency-Key"),
        **wanted,
    )
    return made, 201, {"Location": f"/v1/swaps/{made.id}"}


@blueprint.post("/<proposal_id>/dismiss")
@requires("lease.swap")
@blueprint.arguments(DismissProposalRequest)
@blueprint.response(200, SwapProposalResource)
def dismiss(decided: dict[str, Any], proposal_id: str) -> Proposed:
    """Decide against it: it is not proposed again before the device has been well in between."""
    caller = current_caller()
    proposals.dismiss(
        caller.session, caller.tenant, proposal_id=proposal_id, reason=decided["reason"], at=clock.now()
    )
    return proposed.look(caller.session, caller.tenant, proposal_id=proposal_id)

"""REST: /v1/fundings, and the funding of one lease."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from haas import clock
from haas.auth.caller import current_caller, requires
from haas.errors import NotFound
from haas.rest.openapi import Paged, page_of
from haas.rest.paging import Sort, fetch_page
from leases.finance.funding import Settlement
from leases.funding import operations, queries
from leases.funding.models import Funding, FundingPayment
from leases.funding.operations import Agreed
from leases.funding.queries import FundingView
from leases.funding_schemas import (
    FundingPaymentRequest,
    FundingPaymentResource,
    FundingRequest,
    FundingResource,
    FundingSettlementQuestion,
    FundingSettlementRequest,
    FundingSettlementResource,
    FundingTermsAsked,
    FundingViewResource,
    terms_and_others,
)

blueprint = Blueprint("fundings_api", __name__, url_prefix="/v1/fundings", description="Fundings")
of_lease = Blueprint("lease_funding_api", __name__, url_prefix="/v1/leases", description="Funding of a lease")

_NEWEST = Sort(Funding.id, Funding.id, descending=True)


@blueprint.get("")
@requires("funder.read")
@blueprint.arguments(Paged, location="query")
@blueprint.response(200, page_of(FundingResource))
def list_fundings(query: dict[str, Any]) -> dict[str, Any]:
    """Fundings, newest first."""
    caller = current_caller()
    page = fetch_page(
        caller.session,
        queries.list_fundings(caller.tenant),
        sort=_NEWEST,
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    return {"items": page.rows, "next": page.older}


@blueprint.get("/<funding_id>")
@requires("funder.read")
@blueprint.response(200, FundingViewResource)
def get_funding(funding_id: str) -> FundingView:
    """What is owed to the funder, what was paid, and the rents beside it."""
    caller = current_caller()
    funding = queries.get_funding(caller.session, caller.tenant, funding_id=funding_id)
    return _view(funding)


@blueprint.post("/<funding_id>/payments")
@requires("funder.manage")
@blueprint.arguments(FundingPaymentRequest)
@blueprint.response(201, FundingPaymentResource)
def record_payment(payment: dict[str, Any], funding_id: str) -> FundingPayment:
    """A payment was made to the funder; said twice, it counts once."""
    caller = current_caller()
    return operations.record_payment(
        caller.session, caller.tenant, funding_id=funding_id, at=clock.now(), **payment
    )


@blueprint.get("/<funding_id>/settlement")
@requires("funder.read")
@blueprint.arguments(FundingSettlementQuestion, location="query")
@blueprint.response(200, FundingSettlementResource)
def preview_settlement(question: dict[str, Any], funding_id: str) -> Settlement:
    """What it takes to be quit with the funder on a day."""
    caller = current_caller()
    return operations.preview_settlement(
        caller.session, caller.tenant, funding_id=funding_id, on=question["on"]
    )


@blueprint.post("/<funding_id>/settlement")
@requires("funder.manage")
@blueprint.arguments(FundingSettlementRequest)
@blueprint.response(200, FundingResource)
def settle_early(settlement: dict[str, Any], funding_id: str) -> Funding:
    """Pay the funder back before the term; the lease goes on."""
    caller = current_caller()
    return operations.settle_early(caller.session, caller.tenant, funding_id=funding_id, **settlement)


@of_lease.get("/<lease_id>/funding")
@requires("funder.read")
@of_lease.response(200, FundingViewResource)
def get_funding_of_lease(lease_id: str) -> FundingView:
    """The lease's funding that runs, else its last one.

    :raises NotFound: if it was never funded.
    """
    caller = current_caller()
    funding = queries.find_funding(caller.session, caller.tenant, lease_id=lease_id)
    if funding is None:
        raise NotFound(f"Lease {lease_id} is not funded.")
    return _view(funding)


@of_lease.get("/<lease_id>/funding/preview")
@requires("funder.manage")
@of_lease.arguments(FundingTermsAsked, location="query")
@of_lease.response(200, FundingViewResource)
def preview_funding(terms: dict[str, Any], lease_id: str) -> FundingView:
    """Both schedules and the margin as they would be."""
    caller = current_caller()
    return operations.preview_funding(
        caller.session,
        caller.tenant,
        lease_id=lease_id,
        agreed=Agreed(**terms),
        as_of=clock.today(caller.partner.time_zone),
    )


@of_lease.post("/<lease_id>/funding")
@requires("funder.manage")
@of_lease.arguments(FundingRequest)
@of_lease.response(201, FundingResource)
def fund_lease(funding: dict[str, Any], lease_id: str) -> Any:
    """A funder pays for the hardware of the lease and is paid back from its rents."""
    caller = current_caller()
    agreed, others = terms_and_others(funding)
    made = operations.fund_lease(
        caller.session, caller.tenant, lease_id=lease_id, agreed=agreed, at=clock.now(), **others
    )
    return made, 201, {"Location": f"/v1/fundings/{made.id}"}


def _view(funding: Funding) -> FundingView:
    caller = current_caller()
    return queries.view_funding(
        caller.session, caller.tenant, funding=funding, as_of=clock.today(caller.partner.time_zone)
    )

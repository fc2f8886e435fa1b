"""JSON shapes of swap proposals."""

from __future__ import annotations

import marshmallow as ma

from devices.agents.schemas import HealthReasonResource
from haas.rest.fields import Happened, one_of, row_id, text
from haas.rest.openapi import Paged, Request
from leases.proposals import WITHDRAWN
from leases.proposed import STATES
from leases.swaps import REASONS


class SwapProposalListed(Paged):
    """Query parameters of the swap proposals; `asset_id`: of the asset that would go."""

    state = one_of(*STATES)
    lease_id = row_id()
    asset_id = row_id()


class AcceptProposalRequest(Request):
    """Do what is proposed; what is left out is as proposed."""

    incoming_id = row_id(
        load_default=None, allow_none=True, metadata={"description": "the suggested spare if left out"}
    )
    reason = one_of(*REASONS, load_default="fault")
    condition = text(1000, load_default="")
    at = Happened()


class DismissProposalRequest(Request):
    """Decide against it, and say why."""

    reason = text(500, least=1, required=True)


class SpareResource(ma.Schema):
    """The asset that would take the place, looked for when this is read."""

    id = ma.fields.String()
    tag = ma.fields.String()
    serial = ma.fields.String(allow_none=True)
    grade = ma.fields.String(allow_none=True)


class LackResource(ma.Schema):
    """Why no spare is suggested."""

    model = ma.fields.String(metadata={"description": "of which none is free"})
    coming = ma.fields.Integer(metadata={"description": "on order, being unpacked, staged or refurbished"})
    spoken_for = ma.fields.Integer(
        metadata={"description": "ready, but suggested elsewhere or with another client's data"}
    )


class SwapProposalResource(ma.Schema):
    """A swap that a failing device asks for, as it stands now."""

    id = ma.fields.String(attribute="proposal.id")
    state = ma.fields.String(attribute="proposal.state")
    outgoing_id = ma.fields.String(attribute="proposal.outgoing_id")
    lease_id = ma.fields.String(attribute="proposal.lease_id")
    line_id = ma.fields.String(attribute="proposal.line_id")
    client_id = ma.fields.String(attribute="proposal.client_id")
    device_id = ma.fields.String(attribute="proposal.device_id")
    reasons = ma.fields.List(ma.fields.Nested(HealthReasonResource), attribute="proposal.reasons")
    spare = ma.fields.Nested(SpareResource, allow_none=True)
    lack = ma.fields.Nested(LackResource, allow_none=True)
    proposed_at = ma.fields.AwareDateTime(attribute="proposal.proposed_at")
    decided_at = ma.fields.AwareDateTime(attribute="proposal.decided_at", allow_none=True)
    decided_by = ma.fields.String(attribute="proposal.decided_by", allow_none=True)
    because = ma.fields.String(
        attribute="proposal.because",
        metadata={"description": f"dismissed: in a person's words; withdrawn: {', '.join(WITHDRAWN)}"},
    )
    swap_id = ma.fields.String(attribute="proposal.swap_id", allow_none=True)

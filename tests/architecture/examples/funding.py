"""Examples of the changing routes of funders, fundings and classifications."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from haas.tenancy.models import Partner
from leases.funding import operations
from tests.architecture.examples import Example
from tests.architecture.examples.leases import in_service
from tests.cast import Cast

AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
NO_ROW = "the address names no row"


def a_funder(session: Session, cast: Cast) -> Mapping[str, str]:
    """A finance house."""
    return {"funder_id": operations.register_funder(session, cast.tenant, name="Elm Leasing", at=AT).id}


def fundable(session: Session, cast: Cast) -> Mapping[str, str]:
    """A lease in service and a funder."""
    return {**in_service(session, cast), **a_funder(session, cast)}


def funded(session: Session, cast: Cast) -> Mapping[str, str]:
    """A lease that is funded."""
    made = fundable(session, cast)
    funding = operations.fund_lease(
        session,
        cast.tenant,
        lease_id=made["lease_id"],
        funder_id=made["funder_id"],
        agreed=operations.Agreed(amount=Decimal(1100), annual_rate_pct=Decimal(6)),
        at=AT,
    )
    return {**made, "funding_id": funding.id}


TERMS = {"amount": "1100.00", "annual_rate_pct": "6"}
TERMS_FORM = {
    **TERMS,
    "compounding": "nominal",
    "settlement_basis": "balance",
    "recourse": "full",
    "title_holder": "funder",
    "confirmed": "1",
}
PAID = {"number": 1, "paid_on": "2026-04-01"}
FUNDER = {"name": "Elm Leasing"}


def drawn_otherwise(session: Session, cast: Cast) -> Mapping[str, str]:
    """A lease in service that would be decided by another threshold now."""
    made = in_service(session, cast)
    partner = session.get_one(Partner, cast.tenant.partner_id)
    partner.policies = {**partner.policies, "classification": {"major_part": "0.6"}}
    session.flush()
    return made


EXAMPLES = {
    "funders_api.create_funder": Example(json=FUNDER, cleo=201, cleo_because=NO_ROW),
    "funders_api.change_funder": Example(a_funder, json={**FUNDER, "archived": True}),
    "lease_funding_api.fund_lease": Example(
        fundable, json=lambda cast, values: {**TERMS, "funder_id": values["funder_id"]}
    ),
    "fundings_api.record_payment": Example(funded, json=PAID),
    "fundings_api.settle_early": Example(funded, json={"on": "2026-05-01"}),
    "classification_api.decide_classification": Example(in_service, json={"as_of": "2026-05-01"}),
    "funders.new": Example(form=FUNDER, status=303, cleo=303, cleo_because=NO_ROW),
    "funders.edit": Example(a_funder, form={**FUNDER, "account": "47"}, status=303),
    "leases.fund": Example(
        fundable, form=lambda cast, values: {**TERMS_FORM, "funder_id": values["funder_id"]}, status=303
    ),
    "leases.classify": Example(drawn_otherwise, status=303),
    "fundings.pay": Example(funded, form=PAID, status=303),
    "fundings.settle": Example(funded, form={"on": "2026-05-01", "confirmed": "1"}, status=303),
}

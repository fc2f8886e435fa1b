"""Examples of the changing routes of deposits."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from sqlalchemy.orm import Session

from invoicing import deposits
from leases.models import Lease
from tests.architecture.examples import Example
from tests.architecture.examples.leases import LATER, in_service, of
from tests.cast import Cast
from tests.invoicing.world import an_invoice
from tests.leases.fleet import day

MONEY = {"amount": "10.00", "on": "2026-10-01", "reference": "T-2"}


def a_deposit(session: Session, cast: Cast) -> Mapping[str, str]:
    """100.00 that are held, and an invoice of the same client."""
    invoice = an_invoice(session, cast.tenant, client_id=cast.acme.id)
    lease = session.query(Lease).filter_by(client_id=cast.acme.id).first()
    assert lease is not None
    made = deposits.ask_deposit(
        session,
        cast.tenant,
        lease_id=lease.id,
        amount=Decimal(100),
        asked_on=day("2026-09-01"),
        at=LATER,
    )
    deposits.receive(
        session,
        cast.tenant,
        deposit_id=made.id,
        amount=Decimal(100),
        on=day("2026-09-02"),
        reference="T-1",
        at=LATER,
    )
    return {"deposit_id": made.id, "invoice_id": invoice.id}


EXAMPLES: dict[str, Example | list[Example]] = {
    "deposits_api.ask_deposit": Example(
        in_service, json=of("lease_id", amount="300.00"), user="ana", status=201
    ),
    "deposits_api.receive": Example(a_deposit, json=MONEY, status=201),
    "deposits_api.refund": Example(a_deposit, json=MONEY, status=201),
    "deposits_api.apply": Example(
        a_deposit, json=of("invoice_id", amount="10.00", on="2026-10-01"), status=201
    ),
    "deposits.new": Example(in_service, form=of("lease_id", amount="300.00"), status=303),
    "deposits.receive": Example(a_deposit, form=MONEY, status=303),
    "deposits.refund": Example(a_deposit, form=MONEY, status=303),
    "deposits.apply": Example(a_deposit, form=of("invoice_id", amount="10.00", on="2026-10-01"), status=303),
}

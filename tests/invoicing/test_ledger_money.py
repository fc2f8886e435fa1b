"""Deposits and funders in the ledger: what is held and what is owed, principal apart from interest."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.tenancy.scope import scoped
from invoicing import deposits
from invoicing.ledger import posting
from invoicing.ledger.chart import Book
from invoicing.ledger.models import JournalLine
from invoicing.models import Invoice
from invoicing.money import balances, refunds
from leases.funding import operations as funders
from leases.funding.operations import Agreed
from leases.models import Lease
from tests.cast import Cast
from tests.invoicing.world import an_invoice, keep_operating

AT = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
DAY = date(2026, 5, 1)
NOW, TODAY = datetime(2026, 11, 1, 12, 0, tzinfo=UTC), date(2026, 11, 1)


@pytest.fixture(autouse=True)
def operating(session: Session, cast: Cast) -> None:
    """Finance leases are told of in test_ledger_finance."""
    keep_operating(session, cast.tenant)


def post_may(session: Session, cast: Cast) -> dict[str, Decimal]:
    """Post up to the end of May, twice; what each purpose stands at."""
    for _ in range(2):
        run = posting.start_run(session, cast.tenant, month=DAY, today=TODAY, at=NOW)
        posting.run_now(session, cast.tenant, run=run, at=NOW)
    rows = session.execute(
        sa.select(JournalLine.purpose, sa.func.sum(JournalLine.amount))
        .where(JournalLine.book == Book.FINANCIAL)
        .group_by(JournalLine.purpose)
    )
    return {purpose: amount for purpose, amount in rows}  # noqa: C416 - rows are no pairs for mypy


class TestRefund:
    def test_that_came_back_is_in_the_bank_and_the_clients_credit_again(
        self, session: Session, cast: Cast
    ) -> None:
        told: dict[str, Any] = {"client_id": cast.acme.id, "currency": "USD", "reason": "Wish"}
        told |= {"amount": Decimal(30), "on": DAY, "at": AT}
        balances.grant(session, cast.tenant, **told)
        asked = refunds.refund_balance(session, cast.tenant, **told)
        refunds.mark_paid(session, cast.tenant, refund_id=asked.id, reference="SEPA-7", on=DAY, at=AT)
        paid = post_may(session, cast)
        for _ in range(2):
            refunds.mark_failed(
                session, cast.tenant, refund_id=asked.id, failure="Account closed", on=DAY, at=AT
            )

        assert [paid[each] for each in ("bank", "refunds", "prepayments")] == [Decimal(-30), 0, 0]
        assert asked.state == "returned"
        stands = post_may(session, cast)
        assert [stands[each] for each in ("bank", "refunds", "prepayments")] == [Decimal(0), 0, Decimal(-30)]


class TestDeposit:
    def test_is_held_and_pays_an_invoice(self, session: Session, cast: Cast) -> None:
        invoice = an_invoice(session, cast.tenant, client_id=cast.acme.id)
        lease = session.scalars(scoped(Lease, cast.tenant)).one()
        deposit = deposits.ask_deposit(
            session, cast.tenant, lease_id=lease.id, amount=Decimal(500), asked_on=DAY, at=AT
        )
        given: dict[str, Any] = {"deposit_id": deposit.id, "on": DAY, "at": AT}
        deposits.receive(session, cast.tenant, amount=Decimal(500), reference="T-1", **given)
        deposits.apply(session, cast.tenant, invoice_id=invoice.id, amount=Decimal("168.48"), **given)
        stands = post_may(session, cast)

        assert session.scalars(scoped(Invoice, cast.tenant)).one().state == "paid"
        assert stands["bank"] == Decimal("500.00")
        assert stands["deposits"] == Decimal("-331.52")  # 500.00 - 168.48
        assert stands["receivables"] == 0


class TestFunding:
    def test_owes_what_was_paid_out_less_principal(self, session: Session, cast: Cast) -> None:
        an_invoice(session, cast.tenant, client_id=cast.acme.id)
        lease = session.scalars(scoped(Lease, cast.tenant)).one()
        funder = funders.register_funder(session, cast.tenant, name="Elm Leasing", at=AT)
        funding = funders.fund_lease(
            session,
            cast.tenant,
            lease_id=lease.id,
            funder_id=funder.id,
            agreed=Agreed(amount=Decimal(1000), annual_rate_pct=Decimal(12)),
            at=AT,
        )
        for number in (1, 2):
            funders.record_payment(
                session, cast.tenant, funding_id=funding.id, number=number, paid_on=DAY, at=AT
            )
        stands = post_may(session, cast)

        interest = (1000 - funding.payment) * Decimal("0.01")  # one month on what the first payment left
        interest = interest.quantize(Decimal("0.01"))
        assert stands["funder_interest"] == interest
        assert stands["funder"] == -(1000 - 2 * funding.payment + interest)
        assert stands["bank"] == 1000 - 2 * funding.payment

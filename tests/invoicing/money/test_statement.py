"""A client's account with money beyond invoices: the balance, its paper, and the mail of each month."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import db
from haas.outbox import OutboxEvent
from haas.settings import Settings
from haas.tenancy.models import Client
from invoicing import statement_jobs
from invoicing.money import receipts
from invoicing.statement_paper import statement_pdf
from invoicing.statement_shapes import document_for
from invoicing.statements import statements_of
from tests.cast import Cast
from tests.invoicing.money.test_receipts import receive, two_invoices
from tests.invoicing.world import NOW, an_invoice

APRIL, MAY = date(2026, 4, 1), date(2026, 5, 1)


def pay_too_much(session: Session, cast: Cast) -> None:
    """168.48 were open, and 200.00 came; then 50.00 of it went back."""
    an_invoice(session, cast.tenant, client_id=cast.acme.id)
    receipt = receipts.record_receipt(
        session,
        cast.tenant,
        client_id=cast.acme.id,
        amount=Decimal(200),
        currency="USD",
        received_on=date(2026, 4, 10),
        method="transfer",
        reference="B-1",
        allocations=None,
        source="bank",
        at=NOW,
    )
    receipts.reverse_receipt(
        session,
        cast.tenant,
        receipt_id=receipt.id,
        amount=Decimal(50),
        reason="Returned",
        on=date(2026, 4, 20),
        at=NOW,
    )


class TestStatement:
    def test_closes_with_what_is_open_less_the_credit(self, session: Session, cast: Cast) -> None:
        pay_too_much(session, cast)
        (account,) = statements_of(session, cast.tenant, client_id=cast.acme.id, start=APRIL, until=MAY)
        moves = [(entry.kind, str(entry.amount.normalize())) for entry in account.entries]
        assert moves == [("invoice", "168.48"), ("payment", "-2E+2"), ("reversal", "5E+1")]
        assert account.closing == Decimal("18.48")  # 168.48 - 200.00 + 50.00: no credit is left
        assert account.credit == 0
        # Due on 15 April, so 15 days late on the 30th.
        assert list(account.aged) == [0, Decimal("18.48"), 0, 0, 0]

    def test_calls_overdue_what_is_late_though_later_invoices_are_paid(
        self, session: Session, cast: Cast
    ) -> None:
        first, second = two_invoices(session, cast)  # due on 15 April and 15 May
        receive(session, cast, "110.44", allocations={second.id: second.total})
        (account,) = statements_of(
            session, cast.tenant, client_id=cast.acme.id, start=APRIL, until=date(2026, 5, 2)
        )
        assert list(account.aged) == [0, first.total, 0, 0, 0]
        assert (account.closing, account.credit) == (Decimal("158.48"), Decimal("10.00"))
        assert account.overdue == Decimal("158.48")  # 168.48 less the credit

    def test_prints_the_same_bytes_again(self, session: Session, cast: Cast) -> None:
        pay_too_much(session, cast)
        client = session.get_one(Client, (cast.northwind.id, cast.acme.id))
        document = document_for(
            session, cast.tenant, client=client, start=APRIL, until=MAY, base_url="https://portal.example"
        )
        first = statement_pdf(document)
        assert first.startswith(b"%PDF-1.7")
        assert statement_pdf(document) == first


class TestAskMonthly:
    def test_asks_once_a_month_for_those_who_want_it(self, cast: Cast, settings: Settings) -> None:
        with db.unit_of_work(cast.tenant) as session:
            session.get_one(Client, (cast.northwind.id, cast.acme.id)).wants_statements = True
        for day in (1, 3, 20):
            statement_jobs.ask_monthly(settings, datetime(2026, 5, day, 12, tzinfo=UTC))
        with db.unit_of_work(cast.tenant) as session:
            due = session.scalars(sa.select(OutboxEvent).where(OutboxEvent.name == "statement.due")).all()
        assert [event.payload for event in due] == [{"client_id": cast.acme.id, "month": "2026-04-01"}]

"""Whatever is done with money, in any order: no cent is lost, no credit below nothing, and the books tie."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.errors import HaasError
from haas.tenancy.scope import scoped
from invoicing import corrections, queries
from invoicing.ledger import posting
from invoicing.ledger.models import JournalLine
from invoicing.models import Invoice
from invoicing.money import balances, receipts, refunds
from invoicing.money.models import BalanceEntry, Receipt, ReceiptReversal, Refund
from tests.cast import Cast
from tests.invoicing.world import NOW, PORTAL, an_invoice, bill

ON, MAY, JUNE = date(2026, 5, 20), date(2026, 5, 1), date(2026, 6, 1)
NOTHING = Decimal(0)
STEPS = 25


class Till:
    """A client's money, moved at random by the operations."""

    def __init__(self, session: Session, cast: Cast, seed: int) -> None:
        self.session, self.tenant, self.client_id = session, cast.tenant, cast.acme.id
        self.random, self.number = Random(seed), 0  # noqa: S311 - a walk that can be walked again

    def amount(self) -> Decimal:
        return Decimal(self.random.randint(1, 15000)) / 100

    def receive(self) -> None:
        self.number += 1
        receipts.record_receipt(
            self.session,
            self.tenant,
            client_id=self.client_id,
            amount=self.amount(),
            currency="USD",
            received_on=ON,
            method="transfer",
            reference=f"B-{self.number}",
            allocations=self.random.choice([None, {}]),
            source=self.random.choice(["bank", "provider", "manual"]),
            fee=self.random.choice([NOTHING, Decimal("0.35")]),
            at=NOW,
        )

    def reverse(self) -> None:
        found = self.session.scalars(scoped(Receipt, self.tenant).order_by(Receipt.id)).all()
        receipts.reverse_receipt(
            self.session,
            self.tenant,
            receipt_id=self.random.choice(found).id,
            amount=self.random.choice([None, self.amount()]),
            reason="Returned",
            on=ON,
            at=NOW,
        )

    def credit(self) -> None:
        invoice = self.invoice()
        line = self.random.choice(queries.lines_of(self.session, self.tenant, invoice_id=invoice.id))
        corrections.credit_invoice(
            self.session,
            self.tenant,
            invoice_id=invoice.id,
            reason="Too much",
            issued_on=ON,
            at=NOW,
            portal_url=PORTAL,
            amounts={line.id: self.amount() / 4 // Decimal("0.01") / 100 + Decimal("0.01")},
            excess=self.random.choice(["credit", "refund"]),
        )

    def refund(self) -> None:
        refunds.refund_balance(
            self.session,
            self.tenant,
            client_id=self.client_id,
            amount=self.amount() / 10 // Decimal("0.01") * Decimal("0.01"),
            currency="USD",
            reason="Asked",
            on=ON,
            at=NOW,
        )

    def settle(self) -> None:
        asked = self.session.scalars(scoped(Refund, self.tenant).where(Refund.state == "asked")).all()
        refund = self.random.choice(asked)
        if self.random.random() < 0.5:
            refunds.mark_paid(self.session, self.tenant, refund_id=refund.id, reference="OUT", on=ON, at=NOW)
        else:
            refunds.mark_failed(
                self.session, self.tenant, refund_id=refund.id, failure="Closed", on=ON, at=NOW
            )

    def apply(self) -> None:
        balances.apply_to_invoice(self.session, self.tenant, invoice_id=self.invoice().id, on=ON, at=NOW)

    def grant(self) -> None:
        balances.grant(
            self.session,
            self.tenant,
            client_id=self.client_id,
            amount=self.amount(),
            currency="USD",
            reason="Late",
            on=ON,
            at=NOW,
        )

    def invoice(self) -> Invoice:
        found = scoped(Invoice, self.tenant).where(Invoice.kind == "invoice").order_by(Invoice.id)
        return self.random.choice(self.session.scalars(found).all())

    def step(self) -> bool:
        acts = [self.receive, self.receive, self.reverse, self.credit, self.refund, self.settle]
        act = self.random.choice([*acts, self.apply, self.grant])
        try:
            with self.session.begin_nested():
                act()
        except (HaasError, IndexError):  # refused, or there is nothing yet to choose from
            return False
        self.session.execute(sa.text("set constraints all immediate"))
        self.session.execute(sa.text("set constraints all deferred"))
        return True

    def sum(self, column: Any, *where: Any) -> Decimal:
        found = self.session.scalar(
            sa.select(sa.func.coalesce(sa.func.sum(column), 0)).where(
                column.class_.partner_id == self.tenant.partner_id, *where
            )
        )
        return Decimal(found or 0)


class TestMoney:
    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_is_never_lost_and_ties_to_the_books(self, session: Session, cast: Cast, seed: int) -> None:
        an_invoice(session, cast.tenant, client_id=cast.acme.id)
        bill(session, cast.tenant, as_of=MAY)
        till = Till(session, cast, seed)
        done = sum(till.step() for _ in range(STEPS))
        assert done > STEPS / 3

        credit = balances.balance_of(session, cast.tenant, client_id=cast.acme.id).get("USD", NOTHING)
        came = till.sum(Receipt.amount) + till.sum(BalanceEntry.amount, BalanceEntry.kind == "goodwill")
        went = till.sum(ReceiptReversal.amount) - till.sum(ReceiptReversal.shortfall)
        refunded = till.sum(Refund.amount, Refund.state != "failed")
        assert came - went == till.sum(Invoice.paid_total) + credit + refunded
        assert credit >= 0

        run = posting.start_run(session, cast.tenant, month=MAY, today=NOW.date(), at=NOW)
        posting.run_now(session, cast.tenant, run=run, at=NOW)
        books = dict(
            session.execute(
                sa.select(JournalLine.purpose, sa.func.sum(JournalLine.amount))
                .where(JournalLine.partner_id == cast.northwind.id, JournalLine.book == "financial")
                .group_by(JournalLine.purpose)
            ).all()
        )
        items = queries.open_items(session, cast.tenant)
        assert books.get("receivables", NOTHING) == sum((item.open for item in items), NOTHING)
        assert -books.get("prepayments", NOTHING) == credit
        assert -books.get("refunds", NOTHING) == till.sum(Refund.amount, Refund.state == "asked")
        assert sum(books.values()) == 0

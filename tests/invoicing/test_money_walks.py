"""Random walks of a client's money on the real database: whatever happens, every book of it says the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from typing import Any

import hypothesis.strategies as st
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy.orm import Session

from haas import db
from haas.accounts.clients import edit_client
from haas.calendar import add_months
from haas.errors import HaasError
from haas.outbox import OutboxEvent
from haas.tenancy.scope import scoped
from invoicing import corrections, early_discounts, queries, statements
from invoicing.charges.operations import NewCharge, make_charge
from invoicing.models import Invoice, Payment
from invoicing.money import balances, receipts, refunds
from invoicing.money.models import Receipt, Refund
from tests.cast import make_cast
from tests.invoicing.test_ledger_posting import post_until, sums
from tests.invoicing.world import PORTAL, a_lease, a_rate, bill, keep_operating

D = Decimal
LAST = date(2026, 10, 1)
AT = datetime(2026, 10, 31, 12, 0, tzinfo=UTC)
cents = st.integers(min_value=1, max_value=40_000).map(lambda amount: D(amount) / 100)
which = st.integers(min_value=0, max_value=30)

OF_INVOICES = """
    select i.id, i.state, i.total, i.paid_total,
      coalesce((select sum(c.total) from invoice c where c.credits_invoice_id = i.id), 0) as credited,
      coalesce((select sum(p.amount) from payment p where p.invoice_id = i.id), 0) as paid
    from invoice i where i.partner_id = :partner and i.kind = 'invoice'
"""
OF_RATES = """
    select coalesce(i.credits_invoice_id, i.id) as invoice, l.tax_category, l.tax_rate_pct,
      sum(l.net) as net, sum(l.tax) as tax
    from invoice_line l join invoice i on i.partner_id = l.partner_id and i.id = l.invoice_id
    where i.partner_id = :partner group by 1, 2, 3
"""
OF_MONEY = """
    select
      (select coalesce(sum(amount), 0) from receipt where partner_id = :partner)
      - (select coalesce(sum(amount - shortfall), 0) from receipt_reversal where partner_id = :partner)
      - (select coalesce(sum(amount), 0) from refund where partner_id = :partner
         and state not in ('failed', 'returned'))
      + (select coalesce(sum(amount), 0) from balance_entry where partner_id = :partner
         and kind = 'goodwill') as came,
      (select coalesce(sum(amount), 0) from payment where partner_id = :partner)
      + (select coalesce(sum(amount), 0) from balance_entry where partner_id = :partner) as went
"""
OF_CREDIT = "select coalesce(sum(amount), 0) from balance_entry where partner_id = :partner"
OF_NUMBERS = "select kind, number from invoice where partner_id = :partner order by kind, number"


class MoneyWalk(RuleBasedStateMachine):
    """One client of one partner, its invoices and its money, in one transaction that is never committed."""

    session: Session

    @initialize(gross=st.booleans(), discount=st.booleans(), pct=st.sampled_from(["8", "19"]))
    def begin(self, *, gross: bool, discount: bool, pct: str) -> None:
        self.cast = make_cast()
        self.tenant, self.client_id = self.cast.tenant, self.cast.acme.id
        self.session = db.open_session(self.tenant)
        self.numbers = count(1)
        self.month = date(2026, 4, 1)
        keep_operating(self.session, self.tenant)
        terms: dict[str, Any] = {"prices_include_tax": gross}
        if discount:
            terms |= {"early_discount_days": 30, "early_discount_pct": D(3)}
        edit_client(self.session, self.tenant, client_id=self.client_id, changes=terms)
        a_rate(self.session, self.tenant, pct=pct)
        a_lease(self.session, self.tenant, client_id=self.client_id)
        bill(self.session, self.tenant, as_of=self.month, at=AT)

    def teardown(self) -> None:
        if hasattr(self, "session"):
            self.session.rollback()
            self.session.close()

    @rule()
    def bill_the_next_month(self) -> None:
        if self.month < LAST:
            self.month = add_months(self.month, 1)
            bill(self.session, self.tenant, as_of=self.month, at=AT)

    @rule(amount=cents, reduced=st.booleans())
    def charge(self, amount: Decimal, *, reduced: bool) -> None:
        wanted = NewCharge(
            client_id=self.client_id, description="Repair", unit_price=amount, charged_on=self.month,
            tax_category="E" if reduced else "S",
        )  # fmt: skip
        self._try(lambda: make_charge(self.session, self.tenant, wanted=wanted, at=AT))

    @rule(amount=cents, at=which, whole=st.booleans(), spread=st.booleans())
    def receive(self, amount: Decimal, at: int, *, whole: bool, spread: bool) -> None:
        invoice = self._one(self._invoices(), at)
        still_open = queries.open_amount(self.session, self.tenant, invoice=invoice)
        amount = still_open if whole and still_open else amount
        paid = {} if spread else {invoice.id: min(amount, still_open)} if still_open else {}
        self._receive(amount, None if spread else paid)

    @rule(at=which)
    def take_the_discount(self, at: int) -> None:
        invoice = self._one(self._invoices(), at)
        due = early_discounts.discount_due(
            self.session, self.tenant, invoice=invoice, on=invoice.discount_until or self.month
        )
        if due:
            left = queries.open_amount(self.session, self.tenant, invoice=invoice) - due
            self._receive(left, {invoice.id: left}, {invoice.id: due}, on=invoice.discount_until)

    @rule(at=which, amount=cents, whole=st.booleans(), back=st.booleans())
    def credit(self, at: int, amount: Decimal, *, whole: bool, back: bool) -> None:
        invoice = self._one(self._invoices(), at)
        lines = corrections.creditable(self.session, self.tenant, invoice=invoice)
        row, line = lines[at % len(lines)]
        parts = None if whole else {row.id: min(amount, line.left)}
        self._try(
            lambda: corrections.credit_invoice(
                self.session, self.tenant, invoice_id=invoice.id, reason="A mistake", issued_on=self.month,
                at=AT, portal_url=PORTAL, amounts=parts,
                excess=corrections.REFUNDED if back else receipts.TO_CREDIT,
            )
        )  # fmt: skip

    @rule(at=which)
    def pay_out_of_credit(self, at: int) -> None:
        invoice = self._one(self._invoices(), at)
        self._try(
            lambda: balances.apply_to_invoice(
                self.session, self.tenant, invoice_id=invoice.id, on=self.month, at=AT
            )
        )

    @rule(amount=cents)
    def grant(self, amount: Decimal) -> None:
        balances.grant(
            self.session, self.tenant, client_id=self.client_id, amount=amount, currency="USD",
            reason="Goodwill", on=self.month, at=AT,
        )  # fmt: skip

    @rule(amount=cents, at=which, whole=st.booleans())
    def send_back(self, amount: Decimal, at: int, *, whole: bool) -> None:
        if (receipt := self._one(self._all(Receipt), at)) is None:
            return
        self._try(
            lambda: receipts.reverse_receipt(
                self.session, self.tenant, receipt_id=receipt.id, amount=None if whole else amount,
                reason="Returned", on=max(receipt.received_on, self.month), at=AT,
            )
        )  # fmt: skip
        self._hear_what_is_open_again()

    @rule(at=which)
    def take_a_payment_off(self, at: int) -> None:
        if (payment := self._one(self._all(Payment), at)) is None:
            return
        self._try(
            lambda: receipts.release_payment(
                self.session, self.tenant, payment_id=payment.id, reason="Wrong invoice", on=self.month, at=AT
            )
        )
        self._hear_what_is_open_again()

    @rule(amount=cents)
    def refund(self, amount: Decimal) -> None:
        self._try(
            lambda: refunds.refund_balance(
                self.session, self.tenant, client_id=self.client_id, amount=amount, currency="USD",
                reason="Asked for", on=self.month, at=AT,
            )
        )  # fmt: skip

    @rule(at=which, paid=st.booleans())
    def hear_of_a_refund(self, at: int, *, paid: bool) -> None:
        if (refund := self._one(self._all(Refund), at)) is None:
            return
        if paid:
            self._try(
                lambda: refunds.mark_paid(
                    self.session, self.tenant, refund_id=refund.id, reference="B", on=self.month, at=AT
                )
            )
        else:
            self._try(
                lambda: refunds.mark_failed(
                    self.session, self.tenant, refund_id=refund.id, failure="No", on=self.month, at=AT
                )
            )

    @rule()
    def post(self) -> None:
        post_until(self.session, self.cast, LAST)
        stands = sums(self.session)
        assert sum(stands.values()) == 0
        assert stands.get("receivables", D(0)) == sum(row.open for row in self._open())
        assert stands.get("prepayments", D(0)) == -self._number(OF_CREDIT)

    @invariant()
    def no_invoice_is_paid_or_credited_beyond_its_total(self) -> None:
        if not hasattr(self, "session"):
            return
        self.session.execute(sa.text("set constraints all immediate"))  # as a commit does
        self.session.execute(sa.text("set constraints all deferred"))
        shown = {row.invoice_id: row.open for row in self._open()}
        for row in self._rows(OF_INVOICES):
            left = row.total + row.credited - row.paid
            assert left >= 0
            assert row.paid == row.paid_total
            assert (row.state == "issued") == bool(left)
            assert shown.get(row.id, D(0)) == left

    @invariant()
    def no_rate_is_credited_beyond_what_it_was_charged(self) -> None:
        if hasattr(self, "session"):
            for row in self._rows(OF_RATES):
                assert row.net >= 0
                assert row.tax >= 0
                assert bool(row.net) or not row.tax  # nothing is left of the tax where nothing of the net is

    @invariant()
    def all_that_came_in_is_somewhere(self) -> None:
        if hasattr(self, "session"):
            (row,) = self._rows(OF_MONEY)
            assert row.came == row.went
            credit = self._number(OF_CREDIT)
            assert credit >= 0
            told = balances.balance_of(self.session, self.tenant, client_id=self.client_id)
            assert told.get("USD", D(0)) == credit

    @invariant()
    def no_number_is_left_out(self) -> None:
        if hasattr(self, "session"):
            numbers: dict[str, list[int]] = {}
            for kind, number in self._rows(OF_NUMBERS):
                numbers.setdefault(kind, []).append(int(number.rpartition("-")[2]))
            assert all(given == list(range(1, len(given) + 1)) for given in numbers.values())

    @invariant()
    def the_statement_ends_at_what_is_open(self) -> None:
        if hasattr(self, "session"):
            found = statements.statements_of(
                self.session, self.tenant, client_id=self.client_id, start=date(2026, 1, 1),
                until=date(2027, 1, 1),
            )  # fmt: skip
            credit = self._number(OF_CREDIT)
            for account in found:
                assert account.closing == sum((row.open for row in self._open()), D(0)) - credit

    def _receive(
        self,
        amount: Decimal,
        allocations: dict[str, Decimal] | None,
        discounts: dict[str, Decimal] | None = None,
        *,
        on: date | None = None,
    ) -> None:
        told: dict[str, Any] = {
            "client_id": self.client_id, "amount": amount, "currency": "USD", "received_on": on or self.month,
            "method": "transfer", "reference": f"BANK-{next(self.numbers)}", "source": "bank", "at": AT,
        }  # fmt: skip
        if discounts:
            self._try(
                lambda: early_discounts.record_receipt(
                    self.session, self.tenant, allocations=allocations or {}, discounts=discounts, **told
                )
            )
        else:
            self._try(
                lambda: receipts.record_receipt(self.session, self.tenant, allocations=allocations, **told)
            )

    def _try(self, act: Callable[[], object]) -> None:
        """What is refused changes nothing: the invariants look."""
        try:
            with self.session.begin_nested():
                act()
        except HaasError:
            self.session.expire_all()

    def _hear_what_is_open_again(self) -> None:
        """What the job of discounts does, each time anew with all it was ever told of."""
        told = self.session.scalars(sa.select(OutboxEvent).where(OutboxEvent.name == "invoice.reopened"))
        for invoice_id in {event.payload["invoice_id"] for event in told}:
            early_discounts.take_back(self.session, self.tenant, invoice_id=invoice_id, at=AT)

    def _invoices(self) -> list[Invoice]:
        return [row for row in self._all(Invoice) if row.kind == "invoice"]

    def _all(self, model: Any) -> list[Any]:
        return list(self.session.scalars(scoped(model, self.tenant).order_by(model.id)))

    @staticmethod
    def _one(rows: list[Any], at: int) -> Any:
        return rows[at % len(rows)] if rows else None

    def _open(self) -> list[Any]:
        return queries.open_items(self.session, self.tenant, client_id=self.client_id)

    def _rows(self, statement: str) -> list[Any]:
        return list(self.session.execute(sa.text(statement), {"partner": self.tenant.partner_id}))

    def _number(self, statement: str) -> Decimal:
        return D(self.session.scalar(sa.text(statement), {"partner": self.tenant.partner_id}))


@pytest.mark.usefixtures("app")
class TestAnyWalk:
    def test_leaves_every_book_at_the_same_cent(self) -> None:
        run_state_machine_as_test(
            MoneyWalk,
            settings=settings(
                max_examples=6,
                stateful_step_count=20,
                deadline=None,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
            ),
        )

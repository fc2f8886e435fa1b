"""Random walks of a client's money on the real database: whatever happens, every book of it says the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
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
from haas.calendar import ONE_DAY, add_months
from haas.errors import HaasError
from haas.outbox import OutboxEvent
from haas.tenancy.models import Client
from haas.tenancy.scope import scoped
from invoicing import corrections, deposits, early_discounts, queries
from invoicing.charges.operations import NewCharge, make_charge
from invoicing.models import Invoice, Payment
from invoicing.money import balances, receipts, refunds
from invoicing.money.models import Receipt, Refund
from invoicing.money.rate_rules import DayRate
from invoicing.money.rates import add_rates
from leases.models import Lease, Line
from tests.cast import make_cast
from tests.invoicing.month_ends import at_end_of, in_the_books
from tests.invoicing.test_ledger_posting import post_until
from tests.invoicing.world import PORTAL, a_lease, a_rate, bill, keep_operating

D = Decimal
LAST = date(2026, 10, 1)
MONTHS = [add_months(LAST, back) for back in range(-7, 1)]
AT = datetime(2026, 10, 31, 12, 0, tzinfo=UTC)
cents = st.integers(min_value=1, max_value=40_000).map(lambda amount: D(amount) / 100)
which = st.integers(min_value=0, max_value=30)
days = st.integers(min_value=0, max_value=45)  # before the first of the walk's month
currencies = st.sampled_from(["EUR", "USD"])

OF_INVOICES = """
    select i.id, i.issued_on, i.state, i.total, i.paid_total,
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
    select currency, sum(came) as came, sum(went) as went from (
      select currency, amount as came, 0 as went from receipt where partner_id = :partner
      union all
      select currency, shortfall - amount, 0 from receipt_reversal where partner_id = :partner
      union all
      select currency, -amount, 0 from refund where partner_id = :partner
        and state not in ('failed', 'returned')
      union all
      select currency, case kind when 'goodwill' then amount else 0 end, amount from balance_entry
       where partner_id = :partner
      union all
      select currency, 0, amount from payment where partner_id = :partner) moved group by currency
"""
OF_CREDIT = "select currency, sum(amount) from balance_entry where partner_id = :partner group by currency"
OF_DAYS = """
    select p.id from payment p join payment o on o.partner_id = p.partner_id and o.id = p.reverses_payment_id
     where p.partner_id = :partner and p.received_on < o.received_on
    union all
    select c.id from invoice c join invoice i on i.partner_id = c.partner_id and i.id = c.credits_invoice_id
     where c.partner_id = :partner and c.issued_on < i.issued_on
"""
OF_NUMBERS = "select kind, number from invoice where partner_id = :partner order by kind, number"


class MoneyWalk(RuleBasedStateMachine):
    """One client, its invoices and money in two currencies, in one transaction that is never committed."""

    session: Session

    @initialize(gross=st.booleans(), discount=st.booleans(), pct=st.sampled_from(["8", "19"]))
    def begin(self, *, gross: bool, discount: bool, pct: str) -> None:
        self.cast = make_cast()
        self.tenant, self.client_id = self.cast.tenant, self.cast.acme.id
        self.session = db.open_session(self.tenant)
        self.numbers, self.looks = count(1), count()
        self.month = date(2026, 4, 1)
        keep_operating(self.session, self.tenant)
        terms: dict[str, Any] = {"prices_include_tax": gross}
        if discount:
            terms |= {"early_discount_days": 30, "early_discount_pct": D(3)}
        edit_client(self.session, self.tenant, client_id=self.client_id, changes=terms)
        a_rate(self.session, self.tenant, pct=pct)
        days = (date(2026, 2, 1) + timedelta(days=each) for each in range(0, 280, 5))
        rates = [DayRate("EUR", "USD", day, D(1) + D(day.day) / 100) for day in days]
        add_rates(self.session, self.tenant, rows=rates, source="manual", at=AT)
        client = self.session.get_one(Client, (self.tenant.partner_id, self.client_id))
        for currency in ("EUR", "USD"):  # leases keep the currency in which they were agreed
            client.currency = currency
            a_lease(self.session, self.tenant, client_id=self.client_id)
        self._run(self.month)

    def teardown(self) -> None:
        if hasattr(self, "session"):
            self.session.rollback()
            self.session.close()

    @rule(late=days)
    def bill_the_next_month(self, late: int) -> None:
        """As of its first day; then perhaps, for what somebody forgot, as of a day before it."""
        if self.month < LAST:
            self.month = add_months(self.month, 1)
            self._run(self.month)
            if late:
                self._run(self.month - timedelta(days=late))

    @rule(at=which, late=days)
    def end_a_line(self, at: int, late: int) -> None:
        """What was billed beyond that day goes back with the next run."""
        line = self._one(self._all(Line), at)
        if line.ends_on is None or line.ends_on > date(2027, 1, 1):
            line.ends_on = max(self.month - timedelta(days=late), date(2026, 4, 5))
            self.session.flush()
            self._run(self.month)

    @rule(amount=cents, reduced=st.booleans())
    def charge(self, amount: Decimal, *, reduced: bool) -> None:
        wanted = NewCharge(
            client_id=self.client_id, description="Repair", unit_price=amount, charged_on=self.month,
            tax_category="E" if reduced else "S",
        )  # fmt: skip
        self._try(make_charge, wanted=wanted)

    @rule(amount=cents, at=which, whole=st.booleans(), spread=st.booleans(), late=days)
    def receive(self, amount: Decimal, at: int, *, whole: bool, spread: bool, late: int) -> None:
        invoice = self._one(self._invoices(), at)
        still_open = queries.open_amount(self.session, self.tenant, invoice=invoice)
        amount = still_open if whole and still_open else amount
        paid = {} if spread else {invoice.id: min(amount, still_open)} if still_open else {}
        on = self.month - timedelta(days=late)
        self._receive(amount, invoice.currency, None if spread else paid, on=on)

    @rule(at=which)
    def take_the_discount(self, at: int) -> None:
        invoice = self._one(self._invoices(), at)
        on = invoice.discount_until or self.month
        due = early_discounts.discount_due(self.session, self.tenant, invoice=invoice, on=on)
        if due:
            left = queries.open_amount(self.session, self.tenant, invoice=invoice) - due
            self._receive(left, invoice.currency, {invoice.id: left}, {invoice.id: due}, on=on)

    @rule(at=which, amount=cents, whole=st.booleans(), back=st.booleans())
    def credit(self, at: int, amount: Decimal, *, whole: bool, back: bool) -> None:
        invoice = self._one(self._invoices(), at)
        lines = corrections.creditable(self.session, self.tenant, invoice=invoice)
        row, line = lines[at % len(lines)]
        self._try(
            corrections.credit_invoice, invoice_id=invoice.id, reason="A mistake", issued_on=self.month,
            portal_url=PORTAL, amounts=None if whole else {row.id: min(amount, line.left)},
            excess=corrections.REFUNDED if back else receipts.TO_CREDIT,
        )  # fmt: skip

    @rule(at=which)
    def pay_out_of_credit(self, at: int) -> None:
        invoice = self._one(self._invoices(), at)
        self._try(balances.apply_to_invoice, invoice_id=invoice.id, on=self.month)

    @rule(amount=cents, at=which)
    def pay_out_of_a_deposit(self, amount: Decimal, at: int) -> None:
        """All of it is put to the first invoice that takes it; what does not fit stays in it."""
        lease = self._one(self._all(Lease), at)
        asked = deposits.ask_deposit(
            self.session, self.tenant, lease_id=lease.id, amount=amount, asked_on=self.month, at=AT
        )
        told = {"deposit_id": asked.id, "amount": amount, "on": self.month}
        self._try(deposits.receive, reference="DEP", **told)
        self._try(deposits.apply, invoice_id=self._one(self._invoices(), at).id, **told)

    @rule(amount=cents, currency=currencies)
    def grant(self, amount: Decimal, currency: str) -> None:
        self._try(
            balances.grant, client_id=self.client_id, amount=amount, currency=currency, reason="Goodwill",
            on=self.month,
        )  # fmt: skip

    @rule(amount=cents, at=which, whole=st.booleans(), late=days, by_provider=st.booleans())
    def send_back(self, amount: Decimal, at: int, *, whole: bool, late: int, by_provider: bool) -> None:
        """The bank tells of it some days later; a provider may have taken more than was left."""
        if (receipt := self._one(self._all(Receipt), at)) is None:
            return
        self._try(
            receipts.reverse_receipt, receipt_id=receipt.id, amount=None if whole else amount,
            reason="Returned", on=max(receipt.received_on, self.month - timedelta(days=late)),
            by_provider=by_provider and not whole,
        )  # fmt: skip
        self._hear_what_is_open_again()

    @rule(at=which, late=days)
    def take_a_payment_off(self, at: int, late: int) -> None:
        if (payment := self._one(self._all(Payment), at)) is None:
            return
        on = self.month - timedelta(days=late)
        self._try(receipts.release_payment, payment_id=payment.id, reason="Wrong invoice", on=on)
        self._hear_what_is_open_again()

    @rule(amount=cents, currency=currencies)
    def refund(self, amount: Decimal, currency: str) -> None:
        self._try(
            refunds.refund_balance, client_id=self.client_id, amount=amount, currency=currency,
            reason="Asked for", on=self.month,
        )  # fmt: skip

    @rule(at=which, paid=st.booleans())
    def hear_of_a_refund(self, at: int, *, paid: bool) -> None:
        if (refund := self._one(self._all(Refund), at)) is None:
            return
        if paid:
            self._try(refunds.mark_paid, refund_id=refund.id, reference="B", on=self.month)
        else:
            self._try(refunds.mark_failed, refund_id=refund.id, failure="No", on=self.month)

    @rule()
    def post(self) -> None:
        """Every month, also those that were posted before something was told of them."""
        post_until(self.session, self.cast, LAST)
        for month in MONTHS:
            stands = in_the_books(self.session, self.tenant, client_id=self.client_id, month=month)
        credit = dict(self._rows(OF_CREDIT))
        for currency in ("EUR", "USD"):  # at the end of the last one
            still_open = sum((row.open for row in self._open() if row.currency == currency), D(0))
            assert stands[currency].get("receivables", D(0)) == still_open
            assert stands[currency].get("prepayments", D(0)) == -credit.get(currency, D(0))

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
            assert all(row.came == row.went for row in self._rows(OF_MONEY))
            credit = {currency: amount for currency, amount in self._rows(OF_CREDIT) if amount}
            assert all(amount > 0 for amount in credit.values())
            told = balances.balance_of(self.session, self.tenant, client_id=self.client_id)
            assert told == credit

    @invariant()
    def no_number_is_left_out(self) -> None:
        if hasattr(self, "session"):
            numbers: dict[str, list[int]] = {}
            for kind, number in self._rows(OF_NUMBERS):
                numbers.setdefault(kind, []).append(int(number.rpartition("-")[2]))
            assert all(given == list(range(1, len(given) + 1)) for given in numbers.values())

    @invariant()
    def nothing_goes_back_before_it_came(self) -> None:
        if hasattr(self, "session"):
            assert self._rows(OF_DAYS) == []

    @invariant()
    def statement_ageing_and_open_items_agree_at_the_end_of_a_month(self) -> None:
        """Of one after each step; posting asks of all of them."""
        if hasattr(self, "session"):
            last = add_months(MONTHS[next(self.looks) % len(MONTHS)], 1) - ONE_DAY
            at_end_of(self.session, self.tenant, client_id=self.client_id, day=last)

    def _run(self, as_of: date) -> None:
        bill(self.session, self.tenant, as_of=as_of, at=AT)

    def _receive(
        self,
        amount: Decimal,
        currency: str,
        allocations: dict[str, Decimal] | None,
        discounts: dict[str, Decimal] | None = None,
        *,
        on: date,
    ) -> None:
        told: dict[str, Any] = {
            "client_id": self.client_id, "amount": amount, "currency": currency, "received_on": on,
            "method": "transfer", "reference": f"BANK-{next(self.numbers)}", "source": "bank",
            "allocations": allocations,
        }  # fmt: skip
        if discounts:
            self._try(early_discounts.record_receipt, discounts=discounts, **told)
        else:
            self._try(receipts.record_receipt, **told)

    def _try(self, act: Callable[..., object], **told: Any) -> None:
        """What is refused changes nothing: the invariants look."""
        try:
            with self.session.begin_nested():
                act(self.session, self.tenant, at=AT, **told)
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


@pytest.mark.usefixtures("app")
class TestAnyWalk:
    def test_leaves_every_book_at_the_same_cent(self) -> None:
        run_state_machine_as_test(
            MoneyWalk,
            settings=settings(
                max_examples=4,
                stateful_step_count=20,
                deadline=None,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
            ),
        )

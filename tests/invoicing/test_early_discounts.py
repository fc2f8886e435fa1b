"""Who pays early pays less: the rest is credited rate by rate, once, and nothing is open or reminded of."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.accounts.clients import edit_client
from haas.errors import HaasError
from haas.ids import new_id
from haas.outbox import OutboxEvent
from haas.tenancy.scope import scoped
from invoicing import early_discounts, queries
from invoicing.corrections import DiscountTaken, credit_invoice, record_payment
from invoicing.document import InvoiceDocument
from invoicing.dunning.reminding import remind
from invoicing.early_discounts import DiscountNotDue
from invoicing.models import Invoice, TaxRate
from invoicing.money.models import Receipt
from invoicing.money.queries import payments_of_receipt
from invoicing.money.receipts import release_payment, reverse_receipt
from tests.cast import Cast
from tests.invoicing.test_ledger_posting import post_until, sums
from tests.invoicing.world import NOW, PORTAL, an_invoice, keep_operating

D = Decimal
AT = datetime(2026, 10, 15, 12, 0, tzinfo=UTC)
TENTH, LATE = date(2026, 4, 11), date(2026, 4, 12)  # issued on 1 April: ten days, and one more


@pytest.fixture
def invoice(session: Session, cast: Cast) -> Invoice:
    """63.00 of March at 19 % and 93.00 of April at 7 %: 74.97 + 99.51 = 174.48; 3 % off within ten days."""
    for pct, since in (("19", date(2020, 1, 1)), ("7", date(2026, 4, 1))):
        session.add(
            TaxRate(
                partner_id=cast.tenant.partner_id, id=new_id("tax"), country="US", category="S",
                rate_pct=D(pct), name="Sales tax", valid_from=since,
            )
        )  # fmt: skip
    session.flush()
    terms = {"early_discount_days": 10, "early_discount_pct": D(3)}
    edit_client(session, cast.tenant, client_id=cast.acme.id, changes=terms)
    return an_invoice(session, cast.tenant, client_id=cast.acme.id)


def pay(
    session: Session, cast: Cast, invoice: Invoice, *, on: date = TENTH, paid: str = "169.25",
    discount: str = "5.23", reference: str = "BANK-1",
) -> Receipt:  # fmt: skip
    return early_discounts.record_receipt(
        session,
        cast.tenant,
        client_id=cast.acme.id,
        amount=D(paid),
        currency="USD",
        received_on=on,
        method="transfer",
        reference=reference,
        allocations={invoice.id: D(paid)},
        discounts={invoice.id: D(discount)},
        source="bank",
        at=AT,
    )


def credits_of(session: Session, cast: Cast, invoice: Invoice) -> list[Invoice]:
    return list(queries.credits_of(session, cast.tenant, invoice_id=invoice.id))


def reopened(session: Session) -> list[str]:
    """The invoices that the job of discounts is told of."""
    told = session.scalars(sa.select(OutboxEvent).where(OutboxEvent.name == "invoice.reopened"))
    return [event.payload["invoice_id"] for event in told]


class TestPaidInTime:
    def test_is_settled_by_the_money_and_a_credit_note_in_the_same_share_of_each_rate(
        self, session: Session, cast: Cast, invoice: Invoice
    ) -> None:
        assert invoice.total == D("174.48")
        pay(session, cast, invoice)
        session.execute(sa.text("set constraints all immediate"))

        (credit,) = credits_of(session, cast, invoice)
        printed = msgspec.convert(credit.document, type=InvoiceDocument)
        # 174.48 x 3 % = 5.23, shared as 74.97 to 99.51: 2.25 and 2.98.
        assert {row.rate_pct: (row.taxable, row.tax) for row in printed.tax_totals} == {
            D(19): (D("1.89"), D("0.36")),  # 2.25 x 19 / 119 = 0.36
            D(7): (D("2.79"), D("0.19")),  # 2.98 x 7 / 107 = 0.19
        }
        assert (credit.total, printed.notes[0]) == (D("-5.23"), "Early payment discount")
        assert (invoice.state, invoice.paid_total) == ("paid", D("169.25"))
        assert queries.open_items(session, cast.tenant) == []
        assert remind(session, cast.tenant, today=date(2026, 6, 1), at=NOW) == []

    def test_leaves_nothing_receivable_in_the_ledger(
        self, session: Session, cast: Cast, invoice: Invoice
    ) -> None:
        keep_operating(session, cast.tenant)
        pay(session, cast, invoice)
        post_until(session, cast, date(2026, 10, 1))

        stands = sums(session)
        assert "receivables" not in stands  # 174.48 - 169.25 - 5.23
        assert stands["bank"] == D("169.25")
        assert stands["tax_payable"] == D("-17.93")  # 11.97 + 6.51 - 0.36 - 0.19
        assert sum(stands.values()) == 0

    def test_has_its_discount_once(self, session: Session, cast: Cast, invoice: Invoice) -> None:
        receipt = pay(session, cast, invoice)
        assert pay(session, cast, invoice).id == receipt.id
        with pytest.raises(DiscountTaken):
            pay(session, cast, invoice, reference="BANK-2")
        assert len(credits_of(session, cast, invoice)) == 1

    def test_has_it_by_hand_or_with_the_money_and_not_by_both(
        self, session: Session, cast: Cast, invoice: Invoice
    ) -> None:
        def by_hand() -> Invoice:
            (line, *_) = queries.lines_of(session, cast.tenant, invoice_id=invoice.id)
            return credit_invoice(
                session, cast.tenant, invoice_id=invoice.id, reason="", reason_code="early_payment_discount",
                amounts={line.id: D("1.89")}, issued_on=TENTH, at=AT, portal_url=PORTAL,
            )  # fmt: skip

        by_hand()
        assert early_discounts.discount_due(session, cast.tenant, invoice=invoice, on=TENTH) == 0
        assert [item.discounts for item in queries.open_items(session, cast.tenant)] == [()]
        with pytest.raises(DiscountTaken):
            by_hand()
        with pytest.raises(DiscountTaken):
            pay(session, cast, invoice)

    def test_tells_whoever_takes_the_money_back_which_credit_note_stays(
        self, session: Session, cast: Cast, invoice: Invoice
    ) -> None:
        receipt = pay(session, cast, invoice)
        (credit,) = credits_of(session, cast, invoice)
        granted = early_discounts.granted_with(session, cast.tenant, receipt_id=receipt.id)
        assert granted == {credit.number: D("5.23")}
        assert early_discounts.granted_with(session, cast.tenant, receipt_id="rcp_other") == {}


class TestMoneyThatWentBack:
    def test_has_its_discount_charged_again_by_its_rates_once(
        self, session: Session, cast: Cast, invoice: Invoice
    ) -> None:
        receipt = pay(session, cast, invoice)
        assert reopened(session) == []

        reverse_receipt(
            session, cast.tenant, receipt_id=receipt.id, amount=None, reason="Returned", on=LATE, at=AT
        )
        assert reopened(session) == [invoice.id]
        for at in (AT, AT + timedelta(days=2)):  # told again on another day
            charged = early_discounts.take_back(session, cast.tenant, invoice_id=invoice.id, at=at)

        assert [(row.unit_price, row.tax_category) for row in charged] == [(D("1.89"), "S"), (D("2.79"), "S")]
        assert charged[0].description == (
            f"Discount for early payment of {invoice.number}, whose payment went back"
        )
        assert queries.open_amount(session, cast.tenant, invoice=invoice) == D("169.25")

    def test_has_it_charged_though_other_money_paid_the_invoice_before_the_job_ran(
        self, session: Session, cast: Cast, invoice: Invoice
    ) -> None:
        receipt = pay(session, cast, invoice)
        reverse_receipt(
            session, cast.tenant, receipt_id=receipt.id, amount=None, reason="Returned", on=LATE, at=AT
        )
        record_payment(
            session, cast.tenant, invoice_id=invoice.id, amount=D("169.25"), received_on=LATE,
            method="transfer", reference="BANK-2", at=AT,
        )  # fmt: skip
        charged = early_discounts.take_back(session, cast.tenant, invoice_id=invoice.id, at=AT)

        assert sum(row.unit_price for row in charged) == D("4.68")

    def test_has_it_charged_where_the_payment_was_taken_off_by_hand(
        self, session: Session, cast: Cast, invoice: Invoice
    ) -> None:
        receipt = pay(session, cast, invoice)
        (payment,) = payments_of_receipt(session, cast.tenant, receipt_id=receipt.id)
        release_payment(session, cast.tenant, payment_id=payment.id, reason="Another's money", on=LATE, at=AT)
        assert reopened(session) == [invoice.id]

    def test_keeps_it_where_a_credit_note_frees_a_part_of_the_money(
        self, session: Session, cast: Cast, invoice: Invoice
    ) -> None:
        pay(session, cast, invoice)
        line, *_ = queries.lines_of(session, cast.tenant, invoice_id=invoice.id)
        credit_invoice(
            session, cast.tenant, invoice_id=invoice.id, reason="A day less", amounts={line.id: D("5.00")},
            issued_on=LATE, at=AT, portal_url=PORTAL,
        )  # fmt: skip
        assert queries.open_amount(session, cast.tenant, invoice=invoice) == 0
        assert reopened(session) == []

    def test_has_it_charged_with_its_tax_where_prices_include_it(
        self, session: Session, cast: Cast, invoice: Invoice
    ) -> None:
        pay(session, cast, invoice)
        edit_client(session, cast.tenant, client_id=cast.acme.id, changes={"prices_include_tax": True})
        charged = early_discounts.take_back(session, cast.tenant, invoice_id=invoice.id, at=AT)

        assert [row.unit_price for row in charged] == [D("2.25"), D("2.98")]


class TestRefused:
    @pytest.mark.parametrize(
        ("on", "paid", "discount", "field"),
        [
            (LATE, "169.25", "5.23", "discounts"),  # a day late
            (TENTH, "169.25", "5.22", "discounts"),
            (TENTH, "169.00", "5.23", "amount"),  # 0.25 would stay open
        ],
    )
    def test_is_what_is_not_due_and_nothing_changes(
        self, session: Session, cast: Cast, invoice: Invoice, on: date, paid: str, discount: str, field: str
    ) -> None:
        with pytest.raises(DiscountNotDue) as refusal:
            pay(session, cast, invoice, on=on, paid=paid, discount=discount)
        assert field in refusal.value.fields
        assert isinstance(refusal.value, HaasError)
        assert queries.open_amount(session, cast.tenant, invoice=invoice) == D("174.48")
        assert credits_of(session, cast, invoice) == []
        assert session.scalars(scoped(Receipt, cast.tenant)).all() == []

    def test_is_not_offered_when_it_is_late(self, session: Session, cast: Cast, invoice: Invoice) -> None:
        (item,) = queries.open_items(session, cast.tenant)
        assert (item.discount_on(TENTH), item.discount_on(LATE)) == (D("5.23"), D(0))
        assert early_discounts.discount_due(session, cast.tenant, invoice=invoice, on=LATE) == 0

"""Receipts, reversals, credit and refunds by the operations; what must tie is asked of the database."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.errors import Conflict, InvalidInput
from haas.tenancy.scope import scoped
from invoicing import corrections, queries
from invoicing.models import Invoice
from invoicing.money import balances, receipts, refunds
from invoicing.money.entries import NotEnoughCredit
from invoicing.money.models import Receipt, ReceiptReversal, Refund
from tests.cast import Cast
from tests.invoicing.world import NOW, PORTAL, an_invoice, bill

NOTHING = Decimal(0)
APRIL_10, APRIL_20 = date(2026, 4, 10), date(2026, 4, 20)


def tie(session: Session) -> None:
    """Run what the database checks at commit."""
    session.flush()
    session.execute(sa.text("set constraints all immediate"))
    session.execute(sa.text("set constraints all deferred"))


def receive(session: Session, cast: Cast, amount: str, *, reference: str = "BANK-1", **told: Any) -> Receipt:
    given: dict[str, Any] = {"allocations": None, "source": "bank", **told}
    return receipts.record_receipt(
        session,
        cast.tenant,
        client_id=cast.acme.id,
        amount=Decimal(amount),
        currency="USD",
        received_on=APRIL_10,
        method="transfer",
        reference=reference,
        at=NOW,
        **given,
    )


def go_back(session: Session, cast: Cast, receipt: Receipt, amount: str | None = None) -> ReceiptReversal:
    return receipts.reverse_receipt(
        session,
        cast.tenant,
        receipt_id=receipt.id,
        amount=None if amount is None else Decimal(amount),
        reason="Debit returned",
        on=APRIL_20,
        at=NOW,
    )


def credit(session: Session, cast: Cast) -> Decimal:
    return balances.balance_of(session, cast.tenant, client_id=cast.acme.id).get("USD", Decimal(0))


def two_invoices(session: Session, cast: Cast) -> tuple[Invoice, Invoice]:
    """168.48 due in April and 100.44 (93.00 and 8 %) due in May."""
    first = an_invoice(session, cast.tenant, client_id=cast.acme.id)
    (second,) = bill(session, cast.tenant, as_of=date(2026, 5, 1))
    return first, second


class TestRecordReceipt:
    def test_pays_the_oldest_first_and_keeps_the_rest_as_credit(self, session: Session, cast: Cast) -> None:
        first, second = two_invoices(session, cast)
        receive(session, cast, "300.00")
        tie(session)
        assert (first.state, second.state) == ("paid", "paid")
        assert credit(session, cast) == Decimal("31.08")  # 300.00 - 168.48 - 100.44

    def test_counts_the_same_money_once(self, session: Session, cast: Cast) -> None:
        first, _ = two_invoices(session, cast)
        receipt = receive(session, cast, "50.00")
        assert receive(session, cast, "50.00") is receipt
        assert queries.open_amount(session, cast.tenant, invoice=first) == Decimal("118.48")
        with pytest.raises(receipts.ReferenceTaken, match=r"50\.00"):
            receive(session, cast, "60.00")

    def test_refuses_more_than_is_open_and_changes_nothing(self, session: Session, cast: Cast) -> None:
        first, second = two_invoices(session, cast)
        for parts, excess in (
            ({second.id: Decimal("100.45")}, "credit"),
            ({first.id: Decimal(100)}, "refuse"),
            ({first.id: Decimal(160), second.id: Decimal(50)}, "credit"),
            ({"inv_none": Decimal(1)}, "credit"),
        ):
            with pytest.raises(InvalidInput), session.begin_nested():
                receive(session, cast, "200.00", allocations=parts, excess=excess)
        session.expire_all()
        assert first.paid_total == second.paid_total == 0
        assert session.scalar(scoped(Receipt, cast.tenant)) is None

    def test_of_one_invoice_keeps_the_rest_if_asked(self, session: Session, cast: Cast) -> None:
        first, _ = two_invoices(session, cast)
        told: dict[str, Any] = {"received_on": APRIL_10, "method": "transfer", "reference": "B-9", "at": NOW}
        with pytest.raises(InvalidInput, match=r"168\.48"):
            corrections.record_payment(session, cast.tenant, invoice_id=first.id, amount=Decimal(200), **told)
        corrections.record_payment(
            session, cast.tenant, invoice_id=first.id, amount=Decimal(200), excess="credit", **told
        )
        tie(session)
        assert credit(session, cast) == Decimal("31.52")  # 200.00 - 168.48


class TestReverseReceipt:
    def test_refuses_a_fee_finer_than_the_currency_and_a_reference_of_other_money(
        self, session: Session, cast: Cast
    ) -> None:
        one, other = (receive(session, cast, "50.00", reference=told) for told in ("B-1", "B-2"))
        told: dict[str, Any] = {"amount": None, "reason": "Returned", "on": APRIL_20, "at": NOW}
        told |= {"reference": "R-1"}
        with pytest.raises(InvalidInput, match="2 decimals"):
            receipts.reverse_receipt(session, cast.tenant, receipt_id=one.id, fee=Decimal("0.005"), **told)
        receipts.reverse_receipt(session, cast.tenant, receipt_id=one.id, **told)
        with pytest.raises(receipts.ReferenceTaken, match="R-1"):
            receipts.reverse_receipt(session, cast.tenant, receipt_id=other.id, **told)

    def test_reopens_the_invoice(self, session: Session, cast: Cast) -> None:
        first, _ = two_invoices(session, cast)
        receipt = receive(session, cast, "168.48")
        go_back(session, cast, receipt)
        tie(session)
        assert (first.state, first.paid_total) == ("issued", NOTHING)
        with pytest.raises(Conflict, match="went back"):
            go_back(session, cast, receipt)

    def test_follows_credit_to_the_invoice_that_it_paid(self, session: Session, cast: Cast) -> None:
        first = an_invoice(session, cast.tenant, client_id=cast.acme.id)
        receipt = receive(session, cast, "200.00")  # 31.52 of credit
        (second,) = bill(session, cast.tenant, as_of=date(2026, 5, 1))
        assert second.paid_total == Decimal("31.52")
        go_back(session, cast, receipt)
        tie(session)
        assert (first.paid_total, second.paid_total, credit(session, cast)) == (NOTHING, NOTHING, NOTHING)

    def test_loses_what_was_refunded_before(self, session: Session, cast: Cast) -> None:
        receipt = receive(session, cast, "80.00")
        refunds.refund_balance(
            session,
            cast.tenant,
            client_id=cast.acme.id,
            amount=Decimal(30),
            currency="USD",
            reason="Paid twice",
            on=APRIL_10,
            at=NOW,
        )
        assert go_back(session, cast, receipt).shortfall == Decimal(30)
        tie(session)
        assert credit(session, cast) == 0


class TestCredit:
    def test_pays_the_next_invoice_which_prints_it(self, session: Session, cast: Cast) -> None:
        balances.grant(
            session,
            cast.tenant,
            client_id=cast.acme.id,
            amount=Decimal(20),
            currency="USD",
            reason="Late delivery",
            on=APRIL_10,
            at=NOW,
        )
        invoice = an_invoice(session, cast.tenant, client_id=cast.acme.id)
        tie(session)
        assert (invoice.paid_total, credit(session, cast)) == (Decimal(20), NOTHING)
        document = session.get_one(Invoice, (cast.northwind.id, invoice.id)).document
        assert Decimal(document["prepaid"]) == 20
        assert Decimal(document["payable"]) == Decimal("148.48")  # 168.48 - 20.00

    def test_comes_of_a_credit_note_on_what_is_paid(self, session: Session, cast: Cast) -> None:
        first, _ = two_invoices(session, cast)
        receive(session, cast, "168.48", allocations={first.id: Decimal("168.48")})
        rent = queries.lines_of(session, cast.tenant, invoice_id=first.id)[1]
        corrections.credit_invoice(
            session,
            cast.tenant,
            invoice_id=first.id,
            reason="Goodwill",
            issued_on=APRIL_20,
            at=NOW,
            portal_url=PORTAL,
            amounts={rent.id: Decimal(50)},
        )
        tie(session)
        assert (first.state, credit(session, cast)) == ("paid", Decimal(54))  # 50.00 and 8 %
        corrections.credit_invoice(
            session,
            cast.tenant,
            invoice_id=first.id,
            reason="All of it",
            issued_on=APRIL_20,
            at=NOW,
            portal_url=PORTAL,
            excess="refund",
        )
        tie(session)
        assert (first.state, first.paid_total, credit(session, cast)) == ("credited", NOTHING, Decimal(54))
        refund = session.scalars(scoped(Refund, cast.tenant)).one()
        assert (refund.state, refund.amount) == ("asked", Decimal("114.48"))  # 168.48 - 54.00

    def test_is_put_to_an_invoice_by_hand_never_more_than_there_is(
        self, session: Session, cast: Cast
    ) -> None:
        receive(session, cast, "30.00", allocations={})
        with pytest.raises(NotEnoughCredit, match=r"30\.00"):
            refunds.refund_balance(
                session,
                cast.tenant,
                client_id=cast.acme.id,
                amount=Decimal("30.01"),
                currency="USD",
                reason="Too much",
                on=APRIL_10,
                at=NOW,
            )

    def test_is_given_back_by_a_refund_that_fails(self, session: Session, cast: Cast) -> None:
        receive(session, cast, "30.00", allocations={})
        told: dict[str, Any] = {
            "client_id": cast.acme.id,
            "currency": "USD",
            "reason": "Wish",
            "on": APRIL_10,
            "at": NOW,
        }
        refund = refunds.refund_balance(session, cast.tenant, amount=Decimal(30), once_key="wish-1", **told)
        assert (
            refunds.refund_balance(session, cast.tenant, amount=Decimal(30), once_key="wish-1", **told)
            is refund
        )
        refunds.mark_failed(
            session, cast.tenant, refund_id=refund.id, failure="Account closed", on=APRIL_20, at=NOW
        )
        assert credit(session, cast) == Decimal(30)
        with pytest.raises(refunds.RefundSettled):
            refunds.mark_paid(session, cast.tenant, refund_id=refund.id, reference="B", on=APRIL_20, at=NOW)


ENTRY = (
    "insert into balance_entry (partner_id, id, client_id, currency, position, kind, amount, balance_before,"
    " balance_after, happened_on, reason, receipt_id, recorded_at, actor) select partner_id, 'bal_x',"
    " client_id, 'USD', 1, {kind}, 0, {after}, received_on, '', {receipt}, now(), 'x' from receipt"
    " where id = :receipt"
)
UNTIED = {
    "a paid total without a payment": "update invoice set paid_total = paid_total + 1 where id = :invoice",
    "more credit than came in": ENTRY.format(kind="'overpayment', 5", after="5", receipt="id"),
    "credit below nothing": ENTRY.format(kind="'applied', -5", after="-5", receipt="null"),
    "another amount": "update receipt set amount = 1 where id = :receipt",
    "a past without a row": "delete from balance_entry",
}


class TestTheDatabase:
    @pytest.mark.parametrize("sql", UNTIED.values(), ids=UNTIED.keys())
    def test_refuses_what_does_not_tie(self, session: Session, cast: Cast, sql: str) -> None:
        first, _ = two_invoices(session, cast)
        receipt = receive(session, cast, "50.00", reference="BANK-7")
        tie(session)

        def do() -> None:
            session.execute(sa.text(sql), {"invoice": first.id, "receipt": receipt.id})
            tie(session)

        with pytest.raises(sa.exc.DBAPIError):
            do()

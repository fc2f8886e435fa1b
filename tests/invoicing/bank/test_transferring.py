"""A refund by bank: ordered once, paid by the bank's debit, and credit again if the bank refuses it."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from haas.errors import InvalidInput
from invoicing.bank import booking, certain, settling, transfer_settling, transferring
from invoicing.bank.own_transfers import OwnTransfer
from invoicing.money import balances, refunds
from invoicing.money.refunds import RefundOrdered
from tests.architecture.examples.transfers import IBAN, TODAY, ordered, to_pay
from tests.invoicing.bank.conftest import AT
from tests.invoicing.bank.test_collecting import statement

LATER = datetime(2026, 11, 17, 8, 0, tzinfo=UTC)


@pytest.fixture
def order(session, cast):
    return ordered(session, cast)


def credit(session, cast):
    return balances.balance_of(session, cast.tenant, client_id=cast.acme.id).get("EUR", 0)


def state(session, cast, order):
    (item,) = transferring.items_of(session, cast.tenant, order_id=order["transfer_order_id"])
    refund = refunds.get_refund(session, cast.tenant, refund_id=order["refund_id"])
    return item.state, refund.state


class TestAnOrder:
    def test_is_a_file_of_the_same_bytes_and_takes_each_refund_once(self, session, tenant, order):
        made = transferring.get_order(session, tenant, order_id=order["transfer_order_id"])
        content = transferring.file_of(session, tenant, made=made)
        assert f"<EndToEndId>{made.number}-1</EndToEndId>".encode() in content
        assert b'<InstdAmt Ccy="EUR">50.00</InstdAmt>' in content
        assert transferring.payable(session, tenant) == []

        transferring.cancel_order(session, tenant, order_id=made.id, at=AT)
        (again,) = transferring.payable(session, tenant)
        assert again.refund.id == order["refund_id"]

    @pytest.mark.parametrize(
        ("iban", "day", "words"),
        [("DE02120300000000202052", TODAY, "IBAN is wrong"), (IBAN, date(2026, 11, 1), "TARGET is closed")],
    )
    def test_refuses_what_no_bank_pays(self, session, cast, iban, day, words):
        values = to_pay(session, cast)
        payee = transferring.Payee(refund_id=values["refund_id"], name="Acme", iban=iban)
        with pytest.raises(InvalidInput, match=words):
            transferring.order_transfers(
                session, cast.tenant, account_id=values["bank_account_id"], payees=[payee], pay_on=day,
                today=TODAY, at=AT,
            )  # fmt: skip

    def test_is_paid_by_the_banks_debit_and_credit_again_when_it_comes_back(
        self, session, cast, tenant, order
    ):
        made = transferring.mark_sent(session, tenant, order_id=order["transfer_order_id"], at=AT)
        gone = statement(session, tenant, -made.total, "D", told=made.number)
        for _ in range(2):  # a job may run twice
            settling.book_own(session, tenant, lines=[gone], at=LATER)
        assert (gone.state, gone.category) == ("ignored", "refund")
        assert state(session, cast, order) == ("settled", "paid")

        back = statement(session, tenant, made.total, "C", told=f"{made.number}-1")
        assert settling.book_own(session, tenant, lines=[back], at=LATER) == 1
        assert (back.state, back.category) == ("ignored", "refund")
        assert state(session, cast, order) == ("failed", "returned")
        assert credit(session, cast) == Decimal("50.00")
        for line in (gone, back):
            with pytest.raises(OwnTransfer, match=f"settled the refund {made.number}-1"):
                booking.reopen(session, tenant, line_id=line.id, at=LATER)

    def test_that_came_back_is_credit_once_whoever_notes_it_first(self, session, cast, tenant, order):
        item = transfer_settling.get_item(session, tenant, item_id=order["transfer_item_id"])
        refunds.mark_paid(session, tenant, refund_id=item.refund_id, reference="1", on=TODAY, at=AT)
        refunds.mark_failed(session, tenant, refund_id=item.refund_id, failure="Back", on=TODAY, at=AT)
        transfer_settling.follow_refund(session, tenant, refund_id=item.refund_id)
        session.expire_all()
        back = statement(session, tenant, item.amount, "C", told=item.end_to_end_id)

        part = booking.Part(client_id=item.client_id, amount=item.amount)
        with pytest.raises(OwnTransfer, match="set this line aside"):
            booking.book(session, tenant, line_id=back.id, parts=[part], at=LATER)
        assert certain.book_statement(session, tenant, lines=[back], at=LATER) == 1
        assert (back.state, back.category) == ("ignored", "refund")
        assert credit(session, cast) == Decimal("50.00")

    def test_keeps_its_refund_until_the_bank_refuses_it(self, session, cast, tenant, order):
        with pytest.raises(RefundOrdered, match=r"TRF-2026-\d+-1"):
            refunds.mark_failed(session, tenant, refund_id=order["refund_id"], failure="No", on=TODAY, at=AT)
        transfer_settling.fail_item(
            session, tenant, item_id=order["transfer_item_id"], failure="Closed", on=TODAY, at=AT
        )
        assert state(session, cast, order) == ("failed", "failed")
        assert credit(session, cast) == Decimal("50.00")

    def test_says_what_somebody_noted_of_its_refund(self, session, cast, tenant, order):
        refunds.mark_paid(session, tenant, refund_id=order["refund_id"], reference="By hand", on=TODAY, at=AT)
        transfer_settling.follow_refund(session, tenant, refund_id=order["refund_id"])
        session.expire_all()
        assert state(session, cast, order) == ("settled", "paid")

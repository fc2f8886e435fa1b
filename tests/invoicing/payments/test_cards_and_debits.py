"""An invoice is paid by a debit of the bank, or by a card, or on a page: never by two of them at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from functools import partial

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from haas import db
from haas.errors import InvalidInput
from haas.settings import Settings
from invoicing import pay_links
from invoicing import queries as invoices
from invoicing.bank import collecting
from invoicing.bank.debit_models import Collection
from invoicing.bank.under_way import DebitUnderWay
from invoicing.models import Invoice
from invoicing.payments import charges, checkouts, jobs, queries
from invoicing.payments.local_server.server import Desk
from invoicing.payments.models import PaymentAttempt
from tests.architecture.examples.debits import tell, to_collect
from tests.cast import Cast
from tests.invoicing.money.test_races import race
from tests.invoicing.payments.house import Till, open_till

AT = datetime(2026, 11, 2, 8, tzinfo=UTC)
TODAY, DUE = date(2026, 11, 2), date(2026, 11, 16)
AHEAD = date(2027, 3, 15)  # a Monday, far enough ahead of whatever today is
BACK = "https://portal.example/back"


@pytest.fixture
def till(cast: Cast, settings: Settings, payment_desk: Desk) -> Till:
    """A house with a provider."""
    return open_till(cast, settings, payment_desk)


@pytest.fixture
def owed(till: Till) -> Mapping[str, str]:
    """An invoice in EUR of a client with a card and a mandate, announced for the sixteenth."""
    till.card()
    with db.unit_of_work(till.tenant) as session:
        found = to_collect(session, till.cast)
        tell(session, till.tenant, found["invoice_id"], on=DUE)
        return found


def invoice_of(till: Till, owed: Mapping[str, str]) -> Invoice:
    with db.unit_of_work(till.tenant) as session:
        return invoices.get_invoice(session, till.tenant, invoice_id=owed["invoice_id"])


def put_in_order(till: Till, owed: Mapping[str, str], session: Session) -> Collection:
    return collecting.order_collection(
        session, till.tenant, account_id=owed["bank_account_id"], invoice_ids=[owed["invoice_id"]],
        collect_on=DUE, today=TODAY, at=AT,
    )  # fmt: skip


def order(till: Till, owed: Mapping[str, str]) -> str:
    """The bank is told to collect it; the order."""
    with db.unit_of_work(till.tenant) as session:
        return put_in_order(till, owed, session).id


def page(till: Till, owed: Mapping[str, str]) -> PaymentAttempt:
    return checkouts.open_checkout(
        till.tenant, invoice_id=owed["invoice_id"], return_url=BACK, settings=till.settings
    )


class TestAnInvoiceThatTheBankCollects:
    def test_is_neither_charged_nor_paid_on_a_page_until_the_order_is_cancelled(
        self, till: Till, owed: Mapping[str, str]
    ) -> None:
        ordered = order(till, owed)
        with pytest.raises(DebitUnderWay, match="on 2026-11-16 from the account DE02 … 2051"):
            till.charge(invoice_of(till, owed))
        with pytest.raises(DebitUnderWay):
            page(till, owed)

        with db.unit_of_work(till.tenant) as session:
            collecting.cancel_collection(session, till.tenant, collection_id=ordered)
        assert till.send(till.charge(invoice_of(till, owed))).state == "succeeded"

    def test_has_no_page_left_that_somebody_might_pay_on(self, till: Till, owed: Mapping[str, str]) -> None:
        waiting = page(till, owed)
        ordered = order(till, owed)
        for _ in range(2):
            jobs.close_pages(partner_id=till.tenant.partner_id, event_id="evt_1", collection_id=ordered)

        assert till.attempt(waiting.id).state == "expired"
        assert till.desk.engine.checkouts[waiting.checkout_id or ""]["status"] == "expired"

    def test_tells_whoever_holds_its_link_that_there_is_nothing_to_do(
        self, till: Till, owed: Mapping[str, str], web: Callable[..., FlaskClient]
    ) -> None:
        with db.unit_of_work(till.tenant) as session:
            found = invoices.get_invoice(session, till.tenant, invoice_id=owed["invoice_id"])
            secret = pay_links.make_link(session, till.tenant, invoice=found, at=datetime.now(UTC))
            tell(session, till.tenant, found.id, on=AHEAD)
        early = web(None).get(f"/pay/{secret}").text
        assert f'<time datetime="{AHEAD}">' in early
        assert "only if you want to pay before" in early
        order(till, owed)
        answer = web(None).get(f"/pay/{secret}").text

        assert '<time datetime="2026-11-16">' in answer
        assert "DE02 … 2051" in answer
        assert 'method="post"' not in answer

    def test_is_left_alone_by_the_morning_that_charges_from_the_day_it_is_announced(
        self, till: Till, owed: Mapping[str, str]
    ) -> None:
        def due(day: date) -> list[str]:
            with db.unit_of_work(till.tenant) as session:
                return jobs.due_to_charge(session, till.tenant, today=day)

        with db.unit_of_work(till.tenant) as session:
            account = session.merge(till.account)
            account.charges_on_due_day = True
            (card,) = queries.methods_of(session, till.tenant, client_id=till.cast.acme.id)
            card.created_at = datetime(2026, 1, 1, tzinfo=UTC)  # it agreed to be charged before it was billed
        assert due(DUE) == []
        assert due(date(2026, 11, 17)) == [owed["invoice_id"]]  # the day went by, and nobody collected


class TestAnInvoiceThatIsBeingCharged:
    def test_is_not_collected_by_the_bank(self, till: Till, owed: Mapping[str, str]) -> None:
        till.charge(invoice_of(till, owed))

        with pytest.raises(InvalidInput, match="cannot be collected"):
            order(till, owed)

    def test_is_taken_by_whoever_came_first_of_two_at_once(self, till: Till, owed: Mapping[str, str]) -> None:
        def charge(session: Session) -> PaymentAttempt:
            return charges.charge_invoice(session, till.tenant, invoice_id=owed["invoice_id"], at=AT)

        refused = race(till.tenant, charge, partial(put_in_order, till, owed))
        assert isinstance(refused, InvalidInput)

        with db.unit_of_work(till.tenant) as session:
            assert session.scalars(collecting.list_collections(till.tenant)).all() == []

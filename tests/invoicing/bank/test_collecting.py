"""A collection: ordered once, settled to the cent, and what comes back opens its invoice again."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial

import msgspec
import pytest
import sqlalchemy as sa

from haas import db
from haas.accounts.company import edit_company
from haas.errors import Conflict, InvalidInput
from haas.ids import new_id
from haas.mail import compose
from haas.settings import current
from haas.tenancy.models import Client, Partner
from haas.tenancy.scope import scoped
from invoicing import pay_to, sending
from invoicing.bank import (
    accounts,
    booking,
    collecting,
    importing,
    letters,
    mandates,
    notices,
    queries,
    settling,
)
from invoicing.bank.debit_models import DebitNotice
from invoicing.bank.debit_policy import DebitPolicy
from invoicing.bank.mandate_paper import mandate_pdf
from invoicing.bank.queries import LineFilter
from invoicing.document import InvoiceDocument
from invoicing.einvoice.cii import cii_xml
from invoicing.holds.held import pause
from invoicing.mandate_models import SepaMandate
from invoicing.money.receipts import reverse_receipt
from invoicing.paper import invoice_pdf, transfer_code
from invoicing.references import creditor_reference
from tests.architecture.examples.debits import tell, to_collect
from tests.invoicing import world
from tests.invoicing.bank.conftest import AT, sell_in_euros
from tests.paper import text_of

LATER = datetime(2026, 11, 17, 8, 0, tzinfo=UTC)
TODAY, DUE = date(2026, 11, 2), date(2026, 11, 16)  # fourteen days later, a Monday


@pytest.fixture
def euros(session, tenant, cast):
    """Northwind sells in EUR, has a creditor identifier, and an account at a bank."""
    sell_in_euros(session, tenant, client_id=cast.acme.id)
    return accounts.open_account(
        session, tenant, name="Euros", holder="Northwind IT", number="DE89370400440532013000", bic="",
        currency="EUR", auto_book=True, at=AT,
    )  # fmt: skip


@pytest.fixture
def invoice(session, tenant, cast, euros):
    found = world.an_invoice(session, tenant, client_id=cast.acme.id)
    assert found.currency == "EUR"
    return found


@pytest.fixture
def mandate(session, tenant, cast):
    made = mandates.draft_mandate(
        session, tenant, client_id=cast.acme.id, holder="Acme Dental", iban="DE02120300000000202051", at=AT
    )
    return mandates.sign_mandate(session, tenant, mandate_id=made.id, signed_on=TODAY, today=TODAY)


def order(session, tenant, euros, invoice, *, on: date = DUE):
    """Announced and ordered."""
    tell(session, tenant, invoice.id, on=on)
    return collecting.order_collection(
        session, tenant, account_id=euros.id, invoice_ids=[invoice.id], collect_on=on, today=TODAY, at=AT
    )


def statement(session, tenant, amount: Decimal, mark: str, *, told: str):
    """What the bank says of one movement, as MT940."""
    comma = f"{abs(amount):.2f}".replace(".", ",")
    content = (
        f":20:S\n:25:37040044/0532013000\n:28C:1/1\n:60F:C261116EUR500,00\n:61:2611161116{mark}{comma}NMSC{told}\n"
        f":86:109?20EREF+{told}?21SVWZ+COL?32Acme\n:62F:C261116EUR{500 + amount:.2f}\n-\n"
    ).replace(".", ",")
    stored = importing.upload(session, tenant, name="s.sta", content=content.encode())
    (made,) = importing.bring_in(session, tenant, file_id=stored.id, at=AT)
    return session.scalars(queries.list_lines(tenant, where=LineFilter(statement_id=made.id))).one()


class TestDebitPolicy:
    @pytest.mark.parametrize(
        ("due_on", "day"),
        [
            (date(2026, 11, 1), date(2026, 11, 16)),  # overdue: fourteen days from today
            (date(2026, 11, 15), date(2026, 11, 16)),  # a Sunday: the next open day
            (date(2026, 11, 17), None),  # told tomorrow, not today
        ],
    )
    def test_says_which_day_is_announced_today(self, due_on, day):
        assert DebitPolicy().day_to_announce(due_on=due_on, today=TODAY) == day


class TestOrderCollection:
    def test_keeps_the_file_that_the_bank_gets(self, session, tenant, euros, invoice, mandate):
        made = order(session, tenant, euros, invoice)
        content = collecting.file_of(session, tenant, made=made)
        assert f"<EndToEndId>{made.number}-1</EndToEndId>".encode() in content
        assert b"<SeqTp>FRST</SeqTp>" in content
        assert made.total == invoice.total

    def test_takes_an_invoice_into_one_order_at_a_time(self, session, tenant, euros, invoice, mandate):
        made = order(session, tenant, euros, invoice)
        with pytest.raises(InvalidInput, match="cannot be collected"):
            order(session, tenant, euros, invoice)
        collecting.cancel_collection(session, tenant, collection_id=made.id)
        assert order(session, tenant, euros, invoice).number != made.number

    @pytest.mark.parametrize(
        ("day", "words"),
        [(date(2026, 11, 15), "TARGET is closed"), (date(2026, 11, 13), "2026-11-16 at the earliest")],
    )
    def test_refuses_a_day_that_is_too_early_or_closed(
        self, session, tenant, euros, invoice, mandate, day, words
    ):
        with pytest.raises(InvalidInput, match=words):
            order(session, tenant, euros, invoice, on=day)

    def test_needs_a_mandate(self, session, tenant, euros, invoice):
        with pytest.raises(InvalidInput, match="without a mandate"):
            order(session, tenant, euros, invoice)

    def test_leaves_alone_what_is_promised_for_that_day_or_later(
        self, session, tenant, cast, euros, invoice, mandate
    ):
        pause(
            session, tenant, client_id=cast.acme.id, kind="promise", reason="Will transfer it",
            until=date(2026, 11, 20), today=TODAY, at=AT,
        )  # fmt: skip
        assert notices.announce_due(session, tenant, today=TODAY, at=AT) == 0
        with pytest.raises(InvalidInput, match="held back"):
            order(session, tenant, euros, invoice)
        assert order(session, tenant, euros, invoice, on=date(2026, 11, 23)).total == invoice.total

    def test_refuses_what_was_not_announced_for_that_day(self, session, tenant, euros, invoice, mandate):
        ask = partial(
            collecting.order_collection, session, tenant, account_id=euros.id, invoice_ids=[invoice.id],
            today=TODAY, at=AT,
        )  # fmt: skip
        with pytest.raises(InvalidInput, match=f"Not announced for 2026-11-16 in time: {invoice.number}"):
            ask(collect_on=DUE)
        (notice,) = notices.announce(
            session, tenant, invoice_ids=[invoice.id], collect_on=DUE, today=TODAY, at=AT
        )
        with pytest.raises(InvalidInput, match="has not left yet tells nobody"):
            ask(collect_on=DUE)
        notices.note_sent(session, tenant, notice_id=notice.id, announced_at=AT, at=AT)
        with pytest.raises(InvalidInput, match="Not announced for 2026-11-17"):
            ask(collect_on=date(2026, 11, 17))
        assert ask(collect_on=DUE).total == invoice.total


class TestAnnouncements:
    def test_of_the_day_are_made_once_for_what_falls_due(
        self, session, tenant, cast, euros, invoice, mandate
    ):
        for _ in range(2):  # a sweep may run twice
            notices.announce_due(session, tenant, today=TODAY, at=AT)
        (notice,) = session.scalars(scoped(DebitNotice, tenant))
        assert (notice.collect_on, notice.amount) == (DUE, invoice.total)

        letter = letters.of_notice(session, tenant, notice=notice, message_id="evt_1")
        assert letter is not None
        body = compose(current(), letter, now=AT).get_body(("plain",))
        assert body is not None
        text = body.get_content()
        for told in ("168.48", "November 16, 2026", mandate.reference, "DE98ZZZ09999999999", "DE02 … 2051"):
            assert told in text

        notices.note_sent(session, tenant, notice_id=notice.id, announced_at=AT, at=AT)
        session.refresh(notice)
        assert letters.of_notice(session, tenant, notice=notice, message_id="evt_2") is None

    def test_are_made_anew_where_no_mail_left_or_more_is_open(
        self, session, tenant, cast, euros, invoice, mandate
    ):
        told = partial(notices.announce, session, tenant, invoice_ids=[invoice.id], collect_on=DUE)
        notices.change_policy(session, tenant, policy=DebitPolicy(notice_days=1))
        (notice,) = told(today=TODAY, at=AT)
        assert told(today=TODAY, at=AT) == []  # its mail is about to leave

        tomorrow, later = TODAY + timedelta(days=1), AT + timedelta(days=1)
        (again,) = told(today=tomorrow, at=later)
        assert (again.id, again.announced_on) == (notice.id, tomorrow)
        # The mail of the day before comes out of its queue at last, and says nothing of this one.
        notices.note_sent(session, tenant, notice_id=notice.id, announced_at=AT, at=later)
        session.refresh(again)
        assert again.sent_at is None

        notices.note_sent(session, tenant, notice_id=notice.id, announced_at=later, at=later)
        assert told(today=tomorrow, at=later) == []
        session.execute(sa.update(DebitNotice).values(amount=Decimal("100.00")))  # of 168.48
        (more,) = told(today=tomorrow, at=later)
        assert (more.amount, more.sent_at) == (invoice.total, None)

    def test_may_be_shorter_where_that_was_agreed(self, session, tenant, cast, euros, invoice):
        made = mandates.draft_mandate(
            session, tenant, client_id=cast.acme.id, holder="Acme", iban="DE02120300000000202051", at=AT,
            notice_days=1,
        )  # fmt: skip
        mandates.sign_mandate(session, tenant, mandate_id=made.id, signed_on=TODAY, today=TODAY)
        assert order(session, tenant, euros, invoice, on=date(2026, 11, 3)).collect_on == date(2026, 11, 3)


class TestMandate:
    def test_is_one_a_client(self, session, tenant, cast, mandate):
        other = mandates.draft_mandate(
            session, tenant, client_id=cast.acme.id, holder="Acme", iban="DE02120300000000202051", at=AT
        )
        with pytest.raises(Conflict, match="revoke it first"):
            mandates.sign_mandate(session, tenant, mandate_id=other.id, signed_on=TODAY, today=TODAY)
        mandates.revoke_mandate(session, tenant, mandate_id=mandate.id, on=TODAY)
        mandates.sign_mandate(session, tenant, mandate_id=other.id, signed_on=TODAY, today=TODAY)

    def test_is_a_form_to_sign_in_the_clients_language(self, session, tenant, cast, euros, mandate):
        session.get_one(Client, (tenant.partner_id, cast.acme.id)).language = "de"
        document = letters.form_of(session, tenant, mandate_id=mandate.id)
        text = text_of(mandate_pdf(document))
        for told in (
            mandate.reference, "DE98ZZZ09999999999", "DE02 1203 0000 0000 2020 51", "mittels Lastschrift",
            "acht Wochen",
        ):  # fmt: skip
            assert told in text


class TestInvoiceOfAClientWithAMandate:
    def test_prints_that_it_is_collected_and_asks_for_no_transfer(
        self, session, tenant, cast, euros, mandate
    ):
        session.get_one(Partner, tenant.partner_id).branding = {
            "support_contact": "help@northwind.example",
            "payment_lines": ["IBAN: DE89 3704 0044 0532 0130 00"],
        }
        found = world.an_invoice(session, tenant, client_id=cast.acme.id)
        document = msgspec.convert(found.document, type=InvoiceDocument)
        world.pretend_rendered(session, tenant, found)
        letter = sending.letter_for(session, tenant, invoice=found, message_id="evt_1", base_url="https://x")

        paper = text_of(invoice_pdf(document))
        assert "collected by SEPA direct debit when it is due" in paper
        for told in ("DE02 … 2051", mandate.reference, "DE98ZZZ09999999999"):
            assert told in paper
        assert "DE89" not in paper
        assert transfer_code(document) is None
        assert b"<ram:TypeCode>59</ram:TypeCode>" in cii_xml(document)  # BT-81
        assert mandate.reference.encode() in cii_xml(document)  # BT-89
        assert letter is not None
        assert (letter.values["payment_lines"], letter.values["collected_from"]) == ((), "DE02 … 2051")

    def test_asks_for_a_transfer_again_in_mail_once_its_mandate_is_revoked(
        self, session, tenant, cast, euros, mandate
    ):
        edit_company(
            session, tenant, changes={"accounts": [{"currency": "EUR", "iban": "DE89370400440532013000"}]}
        )
        found = world.an_invoice(session, tenant, client_id=cast.acme.id)
        document = msgspec.convert(found.document, type=InvoiceDocument)
        world.pretend_rendered(session, tenant, found)
        assert pay_to.instead_of_debit(session, tenant, document=document) == ()
        mandates.revoke_mandate(session, tenant, mandate_id=mandate.id, on=TODAY)
        letter = sending.letter_for(session, tenant, invoice=found, message_id="evt_1", base_url="https://x")

        assert letter is not None
        assert letter.values["collected_from"] == ""
        assert letter.values["is_collected_no_more"]
        assert "IBAN: DE89 3704 0044 0532 0130 00" in letter.values["payment_lines"]
        assert letter.values["reference"] == creditor_reference(found.number)

    def test_is_paid_by_transfer_once_the_mandate_is_revoked(self, session, tenant, cast, euros, mandate):
        mandates.revoke_mandate(session, tenant, mandate_id=mandate.id, on=TODAY)
        found = world.an_invoice(session, tenant, client_id=cast.acme.id)

        assert msgspec.convert(found.document, type=InvoiceDocument).debit is None


class TestBookOwn:
    def test_pays_by_the_banks_credit_and_opens_what_comes_back(
        self, session, tenant, euros, invoice, mandate
    ):
        made = order(session, tenant, euros, invoice)
        came = statement(session, tenant, made.total, "C", told=made.number)
        for _ in range(2):  # a job may run twice
            settling.book_own(session, tenant, lines=[came], at=LATER)
        assert (invoice.state, came.state) == ("paid", "booked")

        back = statement(session, tenant, -made.total - Decimal("3.50"), "RC", told=f"{made.number}-1")
        assert settling.book_own(session, tenant, lines=[back], at=LATER) == 1
        (item,) = collecting.items_of(session, tenant, collection_id=made.id)
        assert (invoice.state, item.state) == ("issued", "returned")
        (booked,) = booking.standing_bookings(session, tenant, line_ids=[back.id])[back.id]
        assert booked.receipt_id == item.receipt_id

    def test_says_of_an_item_what_was_booked_by_hand(self, session, tenant, euros, invoice, mandate):
        made = order(session, tenant, euros, invoice)
        came = statement(session, tenant, made.total, "C", told=made.number)
        settling.book_own(session, tenant, lines=[came], at=LATER)

        booking.reopen(session, tenant, line_id=came.id, at=LATER)
        (item,) = collecting.items_of(session, tenant, collection_id=made.id)
        assert (invoice.state, item.state, item.receipt_id) == ("issued", "ordered", None)

        (again,) = settling.settle(session, tenant, line_id=came.id, collection_id=made.id, at=LATER)
        back = statement(session, tenant, -made.total, "RC", told="UNKNOWN")
        booking.book_return(session, tenant, line_id=back.id, receipt_id=again.receipt_id, at=LATER)
        assert (invoice.state, item.state) == ("issued", "returned")

    def test_says_of_an_item_what_was_reversed_outside_the_bank(
        self, session, tenant, euros, invoice, mandate
    ):
        made = order(session, tenant, euros, invoice)
        came = statement(session, tenant, made.total, "C", told=made.number)
        (booked,) = settling.settle(session, tenant, line_id=came.id, collection_id=made.id, at=LATER)
        for part in (Decimal(100), None):  # 168.48 in two steps
            reverse_receipt(
                session, tenant, receipt_id=booked.receipt_id, amount=part, reason="Paid in cash",
                on=LATER.date(), at=LATER,
            )  # fmt: skip
            settling.note_reversed(session, tenant, receipt_id=booked.receipt_id)
            (item,) = collecting.items_of(session, tenant, collection_id=made.id)
            session.refresh(item)
            assert item.state == ("collected" if part else "returned")
        assert item.return_reason == "Paid in cash"


class TestDebitsPage:
    def test_names_a_client_whose_mandate_many_others_have_followed(self, cast, web):
        with db.unit_of_work(cast.tenant) as session:
            to_collect(session, cast)
            session.add_all(
                SepaMandate(
                    partner_id=cast.tenant.partner_id, id=new_id("mdt"), client_id=cast.globex.id,
                    reference=f"LATER-{place}", holder="Globex", iban="DE02120300000000202051", scheme="CORE",
                    usage="recurrent", signed_on=None, revoked_on=None, created_at=LATER,
                )
                for place in range(200)  # as many as the page lists
            )  # fmt: skip

        page = web(cast.ana).get("/bank/debits").text
        assert '<td data-label="Client">Acme Dental</td>' in page

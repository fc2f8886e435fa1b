"""What is done with a line: booked to the cent, undone whole, and learned from."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa

from haas import db
from haas.accounts.clients import edit_client
from haas.errors import Conflict, InvalidInput
from haas.tenancy.models import Partner
from haas.tenancy.scope import scoped
from invoicing.bank import booking, certain, importing, jobs, learning, queries
from invoicing.bank.booking import LineDecided, Part
from invoicing.bank.matching import Reason
from invoicing.bank.models import BankBooking
from invoicing.ledger import posting
from invoicing.money import balances
from invoicing.money.models import Receipt, ReceiptReversal
from invoicing.references import creditor_reference
from tests.invoicing import world
from tests.invoicing.bank.conftest import AT, csv_of
from tests.invoicing.test_ledger_posting import sums


@pytest.fixture
def invoice(session, tenant, cast):
    return world.an_invoice(session, tenant, client_id=cast.acme.id)  # 168.48


def pays(invoice, amount: str, *, fee: str = "0") -> Part:
    paid = Decimal(amount) + Decimal(fee)
    return Part(
        client_id=invoice.client_id, amount=Decimal(amount), fee=Decimal(fee),
        allocations={invoice.id: min(paid, invoice.total)},
    )  # fmt: skip


def credit(session, tenant, invoice):
    return balances.balance_of(session, tenant, client_id=invoice.client_id)["USD"]


class TestBook:
    def test_pays_the_invoice_once(self, session, tenant, invoice, came):
        line = came("168.48", invoice.number)
        booking.book(session, tenant, line_id=line.id, parts=[pays(invoice, "168.48")], at=AT)
        assert (invoice.state, line.state) == ("paid", "booked")
        with pytest.raises(LineDecided):
            booking.book(session, tenant, line_id=line.id, parts=[pays(invoice, "168.48")], at=AT)

    def test_finds_that_another_booked_it_while_this_one_waited(self, session, tenant, invoice, came):
        line = came("100.00")
        part = Part(client_id=invoice.client_id, amount=Decimal("100.00"))
        session.commit()
        assert line.state == "open"  # what a door has read before it waits for the lock
        with db.unit_of_work(tenant) as rival:
            booking.book(rival, tenant, line_id=line.id, parts=[part], at=AT)
        with pytest.raises(LineDecided):
            booking.book(session, tenant, line_id=line.id, parts=[part], at=AT)

    def test_puts_what_is_too_much_to_the_clients_credit(self, session, tenant, invoice, came):
        line = came("200.00")
        booking.book(session, tenant, line_id=line.id, parts=[pays(invoice, "200.00")], at=AT)
        assert credit(session, tenant, invoice) == Decimal("31.52")  # 200 - 168.48

    def test_leaves_the_rest_of_a_part_payment_open(self, session, tenant, invoice, came):
        line = came("100.00")
        booking.book(session, tenant, line_id=line.id, parts=[pays(invoice, "100.00")], at=AT)
        assert (invoice.state, invoice.paid_total) == ("issued", Decimal("100.00"))

    def test_pays_in_full_what_a_bank_took_its_fee_from(self, session, tenant, invoice, came):
        line = came("160.00")
        (booked,) = booking.book(
            session, tenant, line_id=line.id, parts=[pays(invoice, "160.00", fee="8.48")], at=AT
        )
        receipt = session.scalars(scoped(Receipt, tenant).where(Receipt.id == booked.receipt_id)).one()
        assert (invoice.state, receipt.amount, receipt.fee) == ("paid", Decimal("168.48"), Decimal("8.48"))

    def test_suggests_a_discount_for_early_payment_and_settles_with_it(self, session, tenant, cast, came):
        terms = {"early_discount_days": 10, "early_discount_pct": Decimal(3)}
        edit_client(session, tenant, client_id=cast.acme.id, changes=terms)
        invoice = world.an_invoice(session, tenant, client_id=cast.acme.id)
        line = came("163.43", invoice.number, day="2026-04-10")  # 168.48 less 3 %, which is 5.05
        late = came("163.43", invoice.number, day="2026-04-12")
        found = learning.suggestions(session, tenant, lines=[line, late])

        best = found[line.id][0]
        assert (best.reasons[:2], best.is_certain) == ((Reason.NUMBER, Reason.DISCOUNT), False)
        assert Reason.DISCOUNT not in found[late.id][0].reasons
        part = Part(
            client_id=best.client_id, amount=line.amount, allocations=dict(best.allocations),
            discounts=dict(best.discounts),
        )  # fmt: skip
        booking.book(session, tenant, line_id=line.id, parts=[part], at=AT)
        assert (invoice.state, invoice.paid_total) == ("paid", Decimal("163.43"))

    def test_shares_one_transfer_between_two_clients(self, session, tenant, cast, invoice, came):
        line = came("200.00")
        other = Part(client_id=cast.globex.id, amount=Decimal("31.52"))
        made = booking.book(session, tenant, line_id=line.id, parts=[pays(invoice, "168.48"), other], at=AT)
        assert [row.amount for row in made] == [Decimal("168.48"), Decimal("31.52")]

    @pytest.mark.parametrize("amount", ["168.00", "169.00"])
    def test_refuses_parts_that_are_not_the_line(self, session, tenant, invoice, came, amount):
        line = came("168.48")
        with pytest.raises(InvalidInput, match=r"add up to 168.48"):
            booking.book(session, tenant, line_id=line.id, parts=[pays(invoice, amount)], at=AT)


class TestReopen:
    def test_opens_the_invoice_again_and_the_line_can_be_booked_anew(self, session, tenant, invoice, came):
        line = came("168.48")
        for _ in range(2):
            booking.book(session, tenant, line_id=line.id, parts=[pays(invoice, "168.48")], at=AT)
            booking.reopen(session, tenant, line_id=line.id, at=AT)
            assert (invoice.state, invoice.paid_total, line.state) == ("issued", 0, "open")
        assert (
            session.scalar(sa.select(sa.func.count()).select_from(scoped(BankBooking, tenant).subquery()))
            == 2
        )

    def test_is_of_the_day_it_is_where_the_partner_is(self, session, tenant, cast, invoice, came):
        line = came("168.48")
        booking.book(session, tenant, line_id=line.id, parts=[pays(invoice, "168.48")], at=AT)
        evening = datetime(2026, 12, 1, 3, 0, tzinfo=UTC)  # of 30 November in New York
        session.get_one(Partner, tenant.partner_id).time_zone = "America/New_York"
        booking.reopen(session, tenant, line_id=line.id, at=evening)
        (reversal,) = session.scalars(scoped(ReceiptReversal, tenant)).all()
        assert reversal.reversed_on == date(2026, 11, 30)

    def test_leaves_nothing_in_the_books_of_what_a_bank_kept(self, session, tenant, cast, invoice, came):
        line = came("160.00")
        for _ in range(2):
            part = pays(invoice, "160.00", fee="8.48")
            booking.book(session, tenant, line_id=line.id, parts=[part], at=AT)
            booking.reopen(session, tenant, line_id=line.id, at=AT)
        world.keep_operating(session, tenant)
        run = posting.start_run(session, tenant, month=AT.date(), today=AT.date() + timedelta(days=30), at=AT)
        posting.run_now(session, tenant, run=run, at=AT)

        stands = sums(session)
        assert "bank" not in stands  # twice 168.48 - 8.48, and twice back
        assert "payment_fees" not in stands

    def test_takes_back_that_it_was_set_aside(self, session, tenant, came):
        line = came("-5.00", "Fee")
        booking.ignore(session, tenant, line_id=line.id, category="fee", at=AT)
        assert (line.state, line.category) == ("ignored", "fee")
        booking.reopen(session, tenant, line_id=line.id, at=AT)
        assert (line.state, line.category) == ("open", "")


class TestBookReturn:
    def test_opens_the_invoice_and_keeps_the_banks_fee_apart(self, session, tenant, invoice, came):
        paid = came("168.48", name="Acme Corp")
        booking.book(session, tenant, line_id=paid.id, parts=[pays(invoice, "168.48")], at=AT)
        back = came("-171.98", "Returned", name="Acme Corp", day="2026-11-02")
        (receipt,) = booking.receipts_to_return(session, tenant, line=back)
        booking.book_return(
            session, tenant, line_id=back.id, receipt_id=receipt.id, fee=Decimal("3.50"), at=AT
        )
        assert (invoice.state, invoice.paid_total) == ("issued", 0)
        with pytest.raises(Conflict, match="stays booked"):
            booking.reopen(session, tenant, line_id=back.id, at=AT)


class TestMatchStatement:
    def test_books_what_check_digits_name_to_the_cent_and_nothing_else(self, session, tenant, invoice, came):
        sure = came("168.48", creditor_reference(invoice.number))
        unsure = came("168.48", f"{invoice.number} once more", day="2026-11-02")
        lines = [sure, unsure]
        assert certain.book_statement(session, tenant, lines=lines, at=AT) == 1
        assert certain.book_statement(session, tenant, lines=lines, at=AT) == 0
        assert (sure.state, unsure.state, invoice.state) == ("booked", "open", "paid")

    def test_locks_the_clients_of_all_lines_before_it_books_any(
        self, session, tenant, cast, invoice, came, monkeypatch
    ):
        world.a_lease(session, tenant, client_id=cast.globex.id)
        (other,) = world.bill(session, tenant)
        lines = [
            came("168.48", creditor_reference(each.number), day=day)
            for each, day in ((other, "2026-11-01"), (invoice, "2026-11-02"))
        ]
        steps, book = [], booking.book

        def booked(*scope, **told):
            steps.append("book")
            return book(*scope, **told)

        monkeypatch.setattr(certain, "lock_clients", lambda *_, client_ids: steps.append(client_ids))
        monkeypatch.setattr(booking, "book", booked)
        assert certain.book_statement(session, tenant, lines=lines, at=AT) == 2
        assert steps == [{cast.acme.id, cast.globex.id}, "book", "book"]

    def test_asks_as_much_of_a_long_statement_that_nobody_knows_as_of_a_short_one(
        self, session, tenant, dollars
    ):
        asked = []
        for first, last in ((1, 2), (3, 26)):
            rows = [
                f"2026-11-{day:02},-{day}.00,Somebody {day},Nothing of ours" for day in range(first, last)
            ]
            stored = importing.upload(session, tenant, name="s.csv", content=csv_of(*rows))
            reading = importing.read(session, tenant, file_id=stored.id, account_id=dollars.id)
            (made,) = importing.bring_in(
                session, tenant, file_id=stored.id, account_id=dollars.id, layout=reading.layout, at=AT
            )
            lines = session.scalars(
                queries.list_lines(tenant, where=queries.LineFilter(statement_id=made.id))
            ).all()
            assert len(lines) == last - first
            with world.counted_statements(session) as counted:
                assert certain.book_statement(session, tenant, lines=lines, at=AT) == 0
            asked.append(counted[0])
        assert asked[0] == asked[1]

    def test_runs_twice_without_harm(self, session, tenant, invoice, came):
        line = came("168.48", creditor_reference(invoice.number))
        session.commit()
        for _ in range(2):
            jobs.match_statement(
                partner_id=tenant.partner_id, event_id="evt_1", statement_id=line.statement_id
            )
        session.expire_all()
        assert queries.get_line(session, tenant, line_id=line.id).state == "booked"


class TestLearning:
    def test_knows_a_payer_the_next_time_and_forgets_what_was_wrong(self, session, tenant, invoice, came):
        first = came("100.00", name="Holding Nord")
        booking.book(session, tenant, line_id=first.id, parts=[pays(invoice, "100.00")], at=AT)
        second = came("68.48", name="HOLDING NORD INC", day="2026-11-02")
        best = learning.suggestions(session, tenant, lines=[second])[second.id][0]
        assert (best.client_id, set(best.reasons)) == (invoice.client_id, {Reason.AMOUNT, Reason.KNOWN_NAME})
        booking.reopen(session, tenant, line_id=first.id, at=AT)
        third = came("5.00", name="Holding Nord", day="2026-11-02")
        assert learning.suggestions(session, tenant, lines=[third]) == {third.id: []}

    def test_asks_three_questions_however_many_lines_there_are(self, session, tenant, invoice, came):
        lines = [came("1.00", day=f"2026-11-0{day}") for day in (1, 2)]
        for some in (lines[:1], lines):
            with world.counted_statements(session) as count:
                learning.suggestions(session, tenant, lines=some)
            assert count == [3]

"""A file is brought in whole, once, and a movement that another file told is known again."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa

from haas.errors import Conflict, InvalidInput
from haas.outbox import OutboxEvent
from haas.tenancy.scope import scoped
from invoicing.bank import accounts, importing, queries
from invoicing.bank.layouts import sniff
from invoicing.bank.models import BankLine
from invoicing.bank.statement import UnreadableStatement

FILES = Path(__file__).parent / "files"
AT = datetime(2026, 6, 5, 8, 0, tzinfo=UTC)


def file(name: str) -> bytes:
    return (FILES / name).read_bytes()


@pytest.fixture
def account(session, tenant):
    return accounts.open_account(
        session, tenant, name="House bank", holder="Northwind IT GmbH", number="DE89 3704 0044 0532 0130 00",
        bic="COBADEFFXXX", currency="EUR", auto_book=False, at=AT,
    )  # fmt: skip


def bring(session, tenant, name: str, **options):
    stored = importing.upload(session, tenant, name=name, content=file(name))
    return importing.bring_in(session, tenant, file_id=stored.id, at=AT, **options)


def lines(session, tenant):
    return session.scalar(sa.select(sa.func.count()).select_from(scoped(BankLine, tenant).subquery()))


class TestBringIn:
    def test_takes_the_lines_of_a_file_once_however_often_it_is_sent(self, session, tenant, account):
        for _ in range(2):
            (made,) = bring(session, tenant, "camt.053.001.08.xml")
        assert (made.new_lines, made.left_out, made.closing) == (5, 1, Decimal("1261.00"))
        assert lines(session, tenant) == 5
        told = session.scalars(
            scoped(OutboxEvent, tenant).where(OutboxEvent.payload["statement_id"].astext == made.id)
        )
        assert [event.name for event in told] == ["bank.statement_imported"]

    def test_knows_the_same_movements_from_another_kind_of_file(self, session, tenant, account):
        bring(session, tenant, "camt.053.001.08.xml")
        for name in ("mt940.sta", "bank.ofx"):  # which write bank code and account number alone
            (made,) = bring(session, tenant, name)
            assert (made.account_id, made.new_lines, made.known_lines) == (account.id, 0, 5)
        assert lines(session, tenant) == 5

    def test_remembers_how_a_bank_writes_its_csv(self, session, tenant, account):
        guess = sniff(file("german.csv")).layout
        bring(session, tenant, "german.csv", account_id=account.id, layout=guess)
        assert accounts.layout_of(account) == guess
        june = file("german.csv").replace(b".06.", b".07.")
        stored = importing.upload(session, tenant, name="july.csv", content=june)
        assert importing.bring_in(session, tenant, file_id=stored.id, account_id=account.id, at=AT)

    def test_asks_before_it_reads_by_a_guess(self, session, tenant, account):
        content = b"Date,Amount,Name\n03/04/2026,10.00,Ann\n"
        stored = importing.upload(session, tenant, name="x.csv", content=content)
        reading = importing.read(session, tenant, file_id=stored.id, account_id=account.id)
        assert reading.sniffed is not None
        assert (reading.is_confirmed, reading.sniffed.doubts, list(reading.found)) == (
            False,
            ("date_format",),
            [],
        )
        with pytest.raises(Conflict, match="Confirm how the CSV is to be read"):
            importing.bring_in(session, tenant, file_id=stored.id, account_id=account.id, at=AT)
        (made,) = importing.bring_in(
            session, tenant, file_id=stored.id, account_id=account.id, layout=reading.layout, at=AT
        )
        assert made.new_lines == 1

    def test_says_that_a_statement_is_missing_in_between(self, session, tenant, account):
        bring(session, tenant, "camt.053.001.08.xml")
        later = b"Date,Amount,Balance\n2026-07-01,4.00,1300.00\n"  # opens at 1296, but 1261 was the last
        stored = importing.upload(session, tenant, name="x.csv", content=later)
        layout = sniff(later).layout
        (found,) = importing.read(
            session, tenant, file_id=stored.id, account_id=account.id, layout=layout
        ).found
        assert found.gap == Decimal("35.00")

    def test_refuses_a_file_of_an_account_that_is_not_there(self, session, tenant):
        with pytest.raises(InvalidInput, match="The file is of DE89370400440532013000: choose the account"):
            bring(session, tenant, "camt.053.001.08.xml")

    def test_takes_nothing_of_a_file_with_one_wrong_entry(self, session, tenant, account):
        wrong = file("camt.053.001.08.xml").replace(b">5.50<", b">5.5x<")
        stored = importing.upload(session, tenant, name="x.xml", content=wrong)
        with pytest.raises(UnreadableStatement, match="Entry 4"):
            importing.bring_in(session, tenant, file_id=stored.id, at=AT)
        assert lines(session, tenant) == 0


class TestBankLine:
    def test_keeps_what_the_bank_said(self, session, tenant, account):
        bring(session, tenant, "mt940.sta")
        line = session.scalars(queries.list_lines(tenant, where=queries.LineFilter(way="in")).limit(1)).one()
        with pytest.raises(sa.exc.ProgrammingError, match="permission denied"), session.begin_nested():
            session.execute(sa.update(BankLine).where(BankLine.id == line.id).values(amount=Decimal(1)))

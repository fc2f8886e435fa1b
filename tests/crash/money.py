"""The part of the story in which money comes in by hand and by bank, is returned, and credit goes back."""

from __future__ import annotations

from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import clock, db
from haas.settings import Settings
from haas.tenancy.scope import Tenant
from invoicing import queries as invoices
from invoicing.bank import accounts, booking, importing
from invoicing.bank.layouts import sniff
from invoicing.bank.models import BankLine
from invoicing.money import queries, receipts, refunds
from invoicing.money.models import Receipt
from invoicing.references import creditor_reference
from tests.cast import Cast
from tests.crash.papers import invoice_of

PART, TOO_MUCH, RETURNED = Decimal(50), Decimal(31), Decimal(20)
BY_BANK, BY_PROVIDER = Decimal(6), Decimal(5)  # of the credit that too much has become
LEFT_OPEN = Decimal(6)  # of Acme's invoice, for the bank to bring
BY_HAND = Decimal("12.34")


class Purse:
    """What somebody in finance types in, each with a reference of its own."""

    def __init__(self, cast: Cast) -> None:
        self.tenant: Tenant = cast.tenant
        self.acme, self.globex = cast.acme, cast.globex
        self.today = clock.today(cast.northwind.time_zone)

    def receive_part(self, _: Settings) -> None:
        """A cheque for a part of Globex's invoice."""
        with db.unit_of_work(self.tenant) as session:
            invoice = invoice_of(session, self.globex.id)
            self._receive(session, self.globex.id, PART, "CHEQUE-1", {invoice.id: PART})

    def receive_too_much(self, _: Settings) -> None:
        """Cash of Acme's: all but six of what is open, the rest is credit."""
        with db.unit_of_work(self.tenant) as session:
            known = queries.find_receipt(session, self.tenant, reference="CASH-1")
            invoice = invoice_of(session, self.acme.id)
            part = invoices.open_amount(session, self.tenant, invoice=invoice) - LEFT_OPEN
            allocations = {invoice.id: part} if known is None else {}
            self._receive(session, self.acme.id, TOO_MUCH, "CASH-1", allocations)

    def take_back(self, _: Settings) -> None:
        """Twenty of the cheque were not honoured."""
        with db.unit_of_work(self.tenant) as session:
            cheque = queries.find_receipt(session, self.tenant, reference="CHEQUE-1")
            assert cheque is not None
            receipts.reverse_receipt(
                session,
                self.tenant,
                receipt_id=cheque.id,
                amount=RETURNED,
                reason="Not honoured",
                on=self.today,
                at=clock.now(),
                reference="CHEQUE-1/back",
            )

    def refund_by_bank(self, _: Settings) -> None:
        """Six of Acme's credit, asked for and transferred."""
        with db.unit_of_work(self.tenant) as session:
            refund = self._refund(session, BY_BANK, "wish-1")
        with db.unit_of_work(self.tenant) as session:
            refunds.mark_paid(
                session, self.tenant, refund_id=refund, reference="TRF-1", on=self.today, at=clock.now()
            )

    def refund_by_provider(self, _: Settings) -> None:
        """Five of it, by the card that paid the invoice."""
        with db.unit_of_work(self.tenant) as session:
            paid = session.scalars(sa.select(Receipt.id).where(Receipt.source == "provider")).one()
            self._refund(session, BY_PROVIDER, "wish-2", receipt_id=paid)

    def _receive(
        self, session: Session, client_id: str, amount: Decimal, reference: str, to: dict[str, Decimal]
    ) -> None:
        receipts.record_receipt(
            session,
            self.tenant,
            client_id=client_id,
            amount=amount,
            currency="USD",
            received_on=self.today,
            method="cheque",
            reference=reference,
            allocations=to,
            source="manual",
            at=clock.now(),
        )

    def _refund(self, session: Session, amount: Decimal, key: str, *, receipt_id: str | None = None) -> str:
        return refunds.refund_balance(
            session,
            self.tenant,
            client_id=self.acme.id,
            amount=amount,
            currency="USD",
            reason="Paid too much",
            on=self.today,
            at=clock.now(),
            receipt_id=receipt_id,
            once_key=key,
        ).id


class Bank:
    """An account whose statement names one invoice by its check digits, and one not at all."""

    def __init__(self, session: Session, cast: Cast) -> None:
        self.tenant: Tenant = cast.tenant
        self.acme, self.globex = cast.acme, cast.globex
        self.today = clock.today(cast.northwind.time_zone)
        self.account_id = accounts.open_account(
            session, self.tenant, name="Operating", holder="Northwind IT", number="021000021 4417002233",
            bic="", currency="USD", auto_book=True, at=clock.now(),
        ).id  # fmt: skip

    def bring_in(self, _: Settings) -> None:
        """Upload the statement, then take it; what is certain is booked by a job."""
        with db.unit_of_work(self.tenant) as session:
            told = creditor_reference(invoice_of(session, self.acme.id).number)
            content = (
                "Date,Amount,Payee,Memo\n"
                f"{self.today},{LEFT_OPEN},Acme Dental LLC,{told}\n"
                f"{self.today},{BY_HAND},Somebody,Thank you\n"
            ).encode()
            file_id = importing.upload(session, self.tenant, name="statement.csv", content=content).id
        with db.unit_of_work(self.tenant) as session:
            importing.bring_in(
                session,
                self.tenant,
                file_id=file_id,
                account_id=self.account_id,
                layout=sniff(content).layout,
                at=clock.now(),
            )

    def book_by_hand(self, _: Settings) -> None:
        """Say whose the other line is, unless that is said."""
        with db.unit_of_work(self.tenant) as session:
            line = session.scalars(sa.select(BankLine).where(BankLine.amount == BY_HAND)).one()
            if line.state != "open":
                return
            invoice = invoice_of(session, self.globex.id)
            part = booking.Part(client_id=self.globex.id, amount=BY_HAND, allocations={invoice.id: BY_HAND})
            booking.book(session, self.tenant, line_id=line.id, parts=[part], at=clock.now())

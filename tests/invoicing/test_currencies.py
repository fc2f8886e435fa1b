"""A partner that keeps its books in francs bills dollars: one frozen rate, and what payments make of it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from lxml import etree
from sqlalchemy.orm import Session

from devices.models import Asset
from haas.documents.rendering import render_pdf
from haas.tenancy.models import Partner
from haas.tenancy.scope import scoped
from invoicing.document import InvoiceDocument
from invoicing.einvoice.cii import cii_xml
from invoicing.einvoice.ubl import ubl_xml
from invoicing.exports.formats import FORMATS
from invoicing.exports.reading import read_entries
from invoicing.ledger import exchange, posting
from invoicing.ledger.chart import Book
from invoicing.ledger.conversion import converted_balance
from invoicing.ledger.exchange_report import read_differences
from invoicing.ledger.exchange_rules import ConvertedBy, DifferencesPosted, ExchangePolicy
from invoicing.ledger.models import JournalEntry, JournalLine
from invoicing.ledger.reports import Span
from invoicing.models import BillingRun
from invoicing.money.models import Receipt
from invoicing.money.rate_rules import DayRate
from invoicing.money.rates import add_rates
from invoicing.money.receipts import record_receipt, reverse_receipt
from invoicing.paper import invoice_pdf
from invoicing.queries import chunks_of, problems_of
from invoicing.tax.taxation import NoExchangeRate
from leases import returns
from tests import paper
from tests.cast import Cast
from tests.invoicing.exports.batches import a_batch
from tests.invoicing.world import NOW, a_lease, a_rate, bill, counted_statements, keep_operating

MAY = date(2026, 5, 1)
TODAY = date(2026, 11, 1)


@pytest.fixture
def francs(session: Session, cast: Cast) -> Cast:
    """Northwind's books are in francs, its clients' leases in dollars."""
    keep_operating(session, cast.tenant)
    a_rate(session, cast.tenant)
    a_lease(session, cast.tenant, client_id=cast.acme.id)
    session.get_one(Partner, cast.tenant.partner_id).currency = "CHF"
    session.flush()
    return cast


def rates(session: Session, cast: Cast, **by_day: str) -> None:
    """Dollars in francs; `d0401` is 1 April."""
    rows = [
        DayRate("USD", "CHF", date(2026, int(name[1:3]), int(name[3:])), Decimal(rate))
        for name, rate in by_day.items()
    ]
    add_rates(session, cast.tenant, rows=rows, source="manual", at=NOW)


def pays(session: Session, cast: Cast, amount: str, on: date) -> Receipt:
    return record_receipt(
        session,
        cast.tenant,
        client_id=cast.acme.id,
        amount=Decimal(amount),
        currency="USD",
        received_on=on,
        method="transfer",
        reference=f"T-{on}",
        allocations=None,
        source="manual",
        at=NOW,
    )


def posted(session: Session, cast: Cast, month: date = MAY) -> dict[str, Decimal]:
    """Post up to the end of a month, twice; what each purpose stands at in francs."""
    for _ in range(2):
        run = posting.start_run(session, cast.tenant, month=month, today=TODAY, at=NOW)
        posting.run_now(session, cast.tenant, run=run, at=NOW)
    rows = session.execute(
        sa.select(JournalLine.purpose, sa.func.sum(JournalLine.amount))
        .where(JournalLine.partner_id == cast.tenant.partner_id, JournalLine.currency == "CHF")
        .group_by(JournalLine.purpose)
    )
    return {purpose: amount for purpose, amount in rows}  # noqa: C416 - rows are no pairs for mypy


class TestBilling:
    def test_waits_for_a_rate_and_says_which(self, session: Session, francs: Cast) -> None:
        assert bill(session, francs.tenant) == []
        run = session.scalars(scoped(BillingRun, francs.tenant)).one()
        (problem,) = problems_of(chunks_of(session, francs.tenant, run_id=run.id))
        assert (
            "must be stated in CHF, too: add the exchange rate of USD for 01 April 2026" in problem["problem"]
        )
        rates(session, francs, d0330="0.90")
        assert len(bill(session, francs.tenant)) == 1

    def test_freezes_one_rate_for_document_e_invoices_and_paper(self, session: Session, francs: Cast) -> None:
        rates(session, francs, d0330="0.90")
        (invoice,) = bill(session, francs.tenant)
        rates(session, francs, d0401="0.99")  # known too late: the paper is frozen

        document = msgspec.convert(invoice.document, type=InvoiceDocument)
        stated = document.accounting
        assert stated is not None
        assert (stated.currency, stated.rate, stated.rate_on) == ("CHF", Decimal("0.90"), date(2026, 3, 30))
        assert (document.tax_total, stated.tax_total) == (Decimal("12.48"), Decimal("11.23"))  # 11.232
        cii, ubl = (etree.fromstring(xml(document)) for xml in (cii_xml, ubl_xml))
        for root, terms in (
            (cii, ("TaxCurrencyCode", "TaxTotalAmount[@currencyID='CHF']")),
            (ubl, ("TaxCurrencyCode", "TaxAmount[@currencyID='CHF']")),
        ):
            assert [root.xpath(_path(term)) for term in terms] == ["CHF", "11.23"]
        text = paper.text_of(invoice_pdf(document, render=render_pdf))
        assert "CHF 11.23" in text.replace("\N{NO-BREAK SPACE}", " ")
        assert "0.9" in text

    def test_credits_at_the_rate_of_the_invoice(self, session: Session, francs: Cast) -> None:
        rates(session, francs, d0330="0.90", d0420="0.99")
        bill(session, francs.tenant)
        asset = session.scalars(scoped(Asset, francs.tenant).where(Asset.state == "in_service")).one()
        at = datetime(2026, 4, 20, 15, 0, tzinfo=UTC)
        given: dict[str, Any] = {"session": session, "tenant": francs.tenant}
        order = returns.request_return(
            **given, asset_id=asset.id, reason="ends", notice_on=date(2026, 4, 2), due_on=at.date(), at=at
        )
        returns.collect(**given, return_id=order.id, at=at)
        returns.receive(**given, return_id=order.id, at=at, serial_seen=asset.serial or "")
        (credit,) = bill(session, francs.tenant, MAY)

        stated = msgspec.convert(credit.document, type=InvoiceDocument).accounting
        assert stated is not None
        assert (stated.rate, credit.tax_total) == (Decimal("0.90"), Decimal("-2.48"))  # 8% of 93 x 10 / 30
        assert stated.tax_total == Decimal("2.23")  # 2.48 x 0.90


def _path(term: str) -> str:
    name, _, condition = term.partition("[")
    return f"string(//*[local-name()='{name}']{'[' + condition if condition else ''})"


class TestDifferences:
    def test_are_posted_with_payments_taken_back_with_them_exported_and_tie(
        self, session: Session, francs: Cast
    ) -> None:
        tenant = francs.tenant
        rates(session, francs, d0330="0.90")
        (invoice,) = bill(session, tenant)
        exchange.change_policy(
            session, tenant, policy=ExchangePolicy(DifferencesPosted.ON_PAYMENT, date(2026, 4, 1))
        )
        pays(session, francs, "100.00", date(2026, 4, 15))
        last = pays(session, francs, "68.48", MAY)
        rates(session, francs, d0415="0.95", d0501="0.85")

        stands = posted(session, francs)
        assert stands["exchange_gain"] == Decimal("-5.00")  # 95.00 - 90.00
        assert stands["exchange_loss"] == Decimal("3.42")  # 58.21 - (151.63 - 90.00)
        assert stands["conversion"] == Decimal("1.58")  # 95.00 + 58.21 - 151.63

        reverse_receipt(
            session, tenant, receipt_id=last.id, amount=None, reason="Came back", on=date(2026, 6, 2), at=NOW
        )
        exchange.change_policy(  # what was posted goes back all the same
            session, tenant, policy=ExchangePolicy(DifferencesPosted.ON_PAYMENT, date(2026, 6, 1))
        )
        stands = posted(session, francs, date(2026, 6, 1))
        assert (stands["exchange_loss"], stands["conversion"]) == (Decimal(0), Decimal("5.00"))

        report = read_differences(session, tenant, first=MAY, last=date(2026, 6, 30))
        assert [(row.amount, row.gain, row.is_posted) for row in report.realised] == [
            (Decimal("68.48"), Decimal("-3.42"), True),
            (Decimal("-68.48"), Decimal("3.42"), True),
        ]
        assert report.missing == [("USD", date(2026, 6, 30))]  # 1 May is more than a month ago
        rates(session, francs, d0630="0.80")
        with counted_statements(session) as counted:
            report = read_differences(session, tenant, first=MAY, last=date(2026, 6, 30))
        # Payments, their rates, what is posted; what is open, its invoices and rates; thrice the partner.
        assert counted[0] <= 9
        (open_item,) = report.unrealised
        assert (open_item.open, open_item.gain) == (Decimal("68.48"), Decimal("-6.85"))  # 54.78 - 61.63
        assert (report.realised_total, report.missing) == (Decimal(0), [])

        entries = session.scalars(
            scoped(JournalEntry, tenant)
            .where(JournalEntry.source_kind == "exchange")
            .order_by(JournalEntry.id)
        ).all()
        assert {(row.reference, row.currency) for row in entries} == {(invoice.number, "CHF")}
        batch = a_batch(
            papers=(), money=(), entries=tuple(read_entries(session, tenant, ids=[row.id for row in entries]))
        )
        assert b"Exchange gains" in b"".join(each.content for each in FORMATS["journal_csv"].write(batch))

    def test_wait_where_a_rate_is_missing_and_are_not_posted_by_default(
        self, session: Session, francs: Cast
    ) -> None:
        rates(session, francs, d0330="0.90")
        bill(session, francs.tenant)
        pays(session, francs, "168.48", MAY)
        assert "conversion" not in posted(session, francs)
        exchange.change_policy(session, francs.tenant, policy=ExchangePolicy(DifferencesPosted.ON_PAYMENT))
        assert "conversion" not in posted(session, francs)
        rates(session, francs, d0501="0.95")
        assert posted(session, francs)["conversion"] == Decimal("8.43")  # 160.06 - 151.63


class TestConvertedBalance:
    def test_ties_in_the_partner_s_currency_by_either_day(self, session: Session, francs: Cast) -> None:
        rates(session, francs, d0330="0.90", d0415="0.95")
        bill(session, francs.tenant)
        exchange.change_policy(session, francs.tenant, policy=ExchangePolicy(DifferencesPosted.ON_PAYMENT))
        pays(session, francs, "168.48", date(2026, 4, 15))
        posted(session, francs, date(2026, 4, 1))
        span = Span(Book.FINANCIAL, date(2026, 4, 1), date(2026, 4, 1))

        with pytest.raises(NoExchangeRate, match=r"No rate of USD in CHF is known for \d\d March 2026"):
            converted_balance(session, francs.tenant, span=span, by=ConvertedBy.POSTING_DAY)
        rates(session, francs, d0301="0.90")
        found = converted_balance(session, francs.tenant, span=span, by=ConvertedBy.POSTING_DAY)
        closing = {row.code: row.closing for row in found.accounts}
        assert closing["1000"] == Decimal("160.06")  # 168.48 x 0.95
        assert closing["1100"] == Decimal("-8.43")  # 151.63 - 160.06: what the conversion account makes good
        assert (closing["1950"], closing["4800"]) == (Decimal("8.43"), Decimal("-8.43"))
        assert sum(closing.values()) + found.difference.closing == 0
        assert abs(found.difference.closing) < Decimal("0.05")

        found = converted_balance(session, francs.tenant, span=span, by=ConvertedBy.LAST_DAY)
        closing = {row.code: row.closing for row in found.accounts}
        assert (closing["1000"], closing["1100"]) == (Decimal("160.06"), Decimal(0))
        assert sum(closing.values()) + found.difference.closing == 0

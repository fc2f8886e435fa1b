"""One frozen document: every place that tells an invoice's amounts tells the same, to the cent."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from beancount import loader
from beancount.core.data import Transaction
from flask.testing import FlaskClient

from haas import db
from haas.documents import formatting
from haas.documents.pictures import attached_file
from haas.files import get_file
from haas.tenancy.scope import Tenant, scoped
from invoicing import corrections, jobs, pay_links
from invoicing.allowances.operations import NewRule, agree_rule
from invoicing.charges.operations import NewCharge, make_charge
from invoicing.document import InvoiceDocument
from invoicing.einvoice.reading import read
from invoicing.einvoice.recompute import differences
from invoicing.exports import batches, profiles, writing
from invoicing.ledger.accounts import ensure_chart
from invoicing.models import Invoice
from invoicing.money import balances
from tests.cast import Cast
from tests.invoicing.world import ACCEPTED, APRIL, NOW, PORTAL, a_rate, bill
from tests.leases.fleet import lease_in_service
from tests.paper import text_of

Api = Callable[..., FlaskClient]


@dataclass(frozen=True, slots=True)
class Told:
    """An issued document and where it can be looked at."""

    invoice: Invoice
    document: InvoiceDocument

    @property
    def sign(self) -> int:
        """A credit note's amounts are positive on paper, and negative in lists."""
        return -1 if self.invoice.kind == "credit_note" else 1


@pytest.fixture
def told(cast: Cast) -> list[Told]:
    """A discounted invoice with fees at two rates, paid in part by credit; a credit note over some of it."""
    tenant = cast.tenant
    with db.unit_of_work(tenant) as session:
        a_rate(session, tenant, pct="8.000")
        lease_in_service(session, tenant, client_id=cast.acme.id, accepted_at=ACCEPTED, rent="93.00", lines=3)
        rule = NewRule(
            client_id=cast.acme.id, reason="Loyalty", valid_from=date(2026, 1, 1), percent=Decimal("7.5")
        )
        agree_rule(session, tenant, wanted=rule, at=NOW)
        for category, price in (("S", "19.99"), ("E", "3.33")):
            fee = NewCharge(
                client_id=cast.acme.id,
                description=f"Delivery ({category})",
                unit_price=Decimal(price),
                quantity=Decimal(3),
                charged_on=APRIL,
                category="delivery",
                tax_category=category,
            )
            make_charge(session, tenant, wanted=fee, at=NOW)
        balances.grant(
            session,
            tenant,
            client_id=cast.acme.id,
            amount=Decimal("25.00"),
            currency="USD",
            reason="For the trouble",
            on=APRIL,
            at=NOW,
        )
        (invoice,) = bill(session, tenant)
        first = corrections.creditable(session, tenant, invoice=invoice)[0][0]
        credit = corrections.credit_invoice(
            session,
            tenant,
            invoice_id=invoice.id,
            reason="One laptop came late",
            issued_on=APRIL,
            at=NOW,
            portal_url=PORTAL,
            amounts={first.id: Decimal("10.01")},
        )
        ids = [invoice.id, credit.id]
    for invoice_id in ids:
        jobs.render_pdf(partner_id=tenant.partner_id, event_id="evt_1", invoice_id=invoice_id)
    with db.unit_of_work(tenant) as session:
        rows = session.scalars(scoped(Invoice, tenant).where(Invoice.id.in_(ids)).order_by(Invoice.id.desc()))
        return [Told(row, msgspec.convert(row.document, type=InvoiceDocument)) for row in rows]


def answer(program: FlaskClient, address: str) -> Any:
    """What the API says there."""
    return program.get(address).get_json()


def pdf_of(tenant: Tenant, told: Told) -> bytes:
    with db.unit_of_work(tenant) as session:
        return get_file(session, tenant, file_id=told.invoice.pdf_file_id or "").content


class TestOneSnapshot:
    def test_is_what_list_api_and_paper_tell(self, cast: Cast, api: Api, told: list[Told]) -> None:
        program = api(cast.fay)
        listed = {row["id"]: row for row in answer(program, "/v1/invoices")["items"]}
        for each in told:
            document, row = each.document, listed[each.invoice.id]
            whole = answer(program, f"/v1/invoices/{each.invoice.id}")
            for name in ("net_total", "tax_total", "total"):
                assert Decimal(row[name]) == Decimal(whole[name]) == each.sign * getattr(document, name)
            assert sum(Decimal(line["net"]) for line in whole["lines"]) == each.sign * document.net_total
            printed_nets = [Decimal(line["document_net"]) for line in whole["lines"]]
            assert printed_nets == [each.sign * line.net for line in document.lines]
            on_all_of_it = sum(Decimal(row["amount"]) for row in whole["allowances"])
            assert sum(printed_nets) + on_all_of_it == each.sign * document.net_total
            assert sum(Decimal(tax["tax"]) for tax in whole["tax_totals"]) == each.sign * document.tax_total
            printed = text_of(pdf_of(cast.tenant, each))
            amounts = [document.net_total, document.total, document.payable, *_parts(document)]
            for amount in amounts:
                assert re.sub(r"\s+", " ", formatting.figure(amount, "USD", language="en")) in printed, amount

    def test_is_what_the_e_invoice_in_the_pdf_adds_up_to(self, cast: Cast, told: list[Told]) -> None:
        for each in told:
            document = each.document
            xml = attached_file(pdf_of(cast.tenant, each), name="factur-x.xml")
            assert xml is not None
            stated = read(xml)
            assert differences(stated) == []
            sums = stated.totals
            assert (sums.tax_exclusive, sums.tax_total, sums.tax_inclusive, sums.prepaid, sums.payable) == (
                document.net_total,
                document.tax_total,
                document.total,
                document.prepaid,
                document.payable,
            )

    def test_is_what_the_books_are_given(self, cast: Cast, told: list[Told]) -> None:
        tenant = cast.tenant
        with db.unit_of_work(tenant) as session:
            ensure_chart(session, tenant)
            profile = profiles.create_profile(
                session, tenant, name="Books", format="beancount", content="invoices", at=NOW
            )
            batch = batches.start(session, tenant, profile_id=profile.id, at=NOW)
        writing.write_batch(tenant, batch_id=batch.id)
        with db.unit_of_work(tenant) as session:
            done = batches.get_batch(session, tenant, batch_id=batch.id)
            content = get_file(session, tenant, file_id=done.file_id or "").content.decode()
        entries, errors, _ = loader.load_string(content)
        assert errors == []
        owed = [
            Decimal(str(posting.units.number))
            for entry in entries
            if isinstance(entry, Transaction)
            for posting in entry.postings
            if posting.units is not None and "Receivables" in posting.account
        ]
        assert sorted(owed) == sorted(each.sign * each.document.total for each in told)

    def test_is_what_the_page_to_pay_asks_for(
        self, cast: Cast, web: Callable[..., FlaskClient], told: list[Told]
    ) -> None:
        invoice, credit = told
        with db.unit_of_work(cast.tenant) as session:
            found = session.scalars(sa.select(Invoice).where(Invoice.id == invoice.invoice.id)).one()
            secret = pay_links.make_link(session, cast.tenant, invoice=found, at=NOW)
        page = web(None).get(f"/pay/{secret}").text
        left = invoice.document.payable - credit.document.total
        assert formatting.money(left, "USD", language="en") in page


def _parts(document: InvoiceDocument) -> list[Decimal]:
    taxes = [row.tax for row in document.tax_totals if row.tax]
    return [*taxes, *(line.net for line in document.lines), *(each.amount for each in document.allowances)]

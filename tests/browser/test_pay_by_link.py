"""From the code on the printed invoice to the money: scanned with a phone, paid on the provider's page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import msgspec
import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from haas import db
from haas.settings import Settings
from invoicing import billing, queries
from invoicing.document import InvoiceDocument
from invoicing.models import Invoice
from invoicing.paper import invoice_pdf
from invoicing.payments import accounts
from invoicing.payments.local_server.server import Desk
from tests.browser.accessibility import assert_accessible
from tests.cast import Cast
from tests.invoicing.payments.house import Till, open_till
from tests.invoicing.world import APRIL, NOW, a_lease, a_rate
from tests.paper import codes_of

Open = Callable[..., Page]


@pytest.fixture
def till(
    cast: Cast, settings: Settings, payment_desk: Desk, live_app: Flask, live_server: str
) -> Iterator[Till]:
    """Northwind with an account, at the address of the live server, which browsers are sent back to."""
    own = replace(settings, base_url=live_server)
    live_app.config["HAAS"] = own
    yield open_till(cast, own, payment_desk)
    live_app.config["HAAS"] = settings


def printed(till: Till) -> tuple[Invoice, bytes]:
    """An invoice that bears a link, and its paper, twice the same."""
    with db.unit_of_work(till.tenant) as session:
        accounts.print_links(session, till.tenant, wanted=True)
        a_rate(session, till.tenant)
        a_lease(session, till.tenant, client_id=till.cast.acme.id)
        run = billing.start_run(session, till.tenant, as_of=APRIL, at=NOW)
        for chunk in queries.chunks_of(session, till.tenant, run_id=run.id):
            billing.bill_chunk(
                session, till.tenant, chunk_id=chunk.id, at=NOW, portal_url=till.settings.base_url
            )
        (invoice,) = session.query(Invoice).all()
    document = msgspec.convert(invoice.document, type=InvoiceDocument)
    paper = invoice_pdf(document)
    assert invoice_pdf(document) == paper
    return invoice, paper


def scanned(paper: bytes) -> str:
    """What a phone's camera reads beside the amount."""
    (code,) = [text for text in codes_of(paper) if "/pay/" in text]
    return code


class TestTheCodeOnAnInvoice:
    @pytest.mark.parametrize("scripts", [True, False], ids=["scripted", "plain"])
    def test_leads_to_the_partners_page_the_providers_and_back_to_the_truth(
        self, browser_page: Open, till: Till, scripts
    ) -> None:
        invoice, paper = printed(till)
        page = browser_page(phone=True, scripts=scripts, tolerate=("402",))
        page.goto(scanned(paper))
        expect(page.get_by_text(till.cast.northwind.name).first).to_be_visible()
        if scripts:
            assert_accessible(page)

        page.get_by_role("button", name="Pay $168.48").click()
        page.wait_for_url(re.compile(re.escape(till.desk.engine.address)))
        expect(page.get_by_text("168.48 USD")).to_be_visible()
        page.get_by_role("button", name="Be declined: no funds").click()
        expect(page.get_by_role("alert")).to_contain_text("declined")
        page.get_by_role("button", name="Pay by card").click()

        expect(page.get_by_text("Nothing is open of this invoice.")).to_be_visible()
        expect(page.get_by_role("button", name="Pay")).to_have_count(0)
        assert till.open(invoice) == 0
        if scripts:
            assert_accessible(page)

"""Invoicing in a real browser: run the billing and watch it end, open, pay and credit an invoice."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect

from haas import db
from haas.outbox import OutboxEvent
from haas.tenancy.scope import Tenant
from invoicing import corrections, jobs
from invoicing.models import Invoice
from tests.browser.accessibility import assert_accessible
from tests.cast import Cast
from tests.invoicing.world import APRIL, NOW, PORTAL, a_lease, a_rate, an_invoice, pretend_rendered

Open = Callable[..., Page]


@pytest.fixture
def issued(cast: Cast) -> dict[str, str]:
    """A rendered invoice, and one that a credit note corrects."""
    with db.unit_of_work(cast.tenant) as session:
        invoice = an_invoice(session, cast.tenant, client_id=cast.acme.id)
        pretend_rendered(session, cast.tenant, invoice)
        other = an_invoice(session, cast.tenant, client_id=cast.globex.id)
        credit = corrections.credit_invoice(
            session,
            cast.tenant,
            invoice_id=other.id,
            reason="Wrong client",
            issued_on=APRIL,
            at=NOW,
            portal_url=PORTAL,
        )
        return {
            "invoice": invoice.id,
            "other": other.id,
            "credit": credit.id,
            "client": cast.acme.id,
        }


class TestCreditNote:
    def test_works_without_scripts(self, cast: Cast, issued: dict[str, str], browser_page: Open) -> None:
        page = browser_page(cast.fay, scripts=False)
        page.goto(f"/invoices/{issued['invoice']}/credit")
        page.get_by_label("Reason", exact=True).select_option(label="Service not rendered")
        page.get_by_label("Only what stands at the lines").check()
        page.get_by_label("First day not used of line 2").fill("2026-04-21")
        page.get_by_role("button", name="Show what will happen").click()
        expect(page.get_by_text("takes back a part")).to_be_visible()
        expect(page.get_by_text("10/30")).to_be_visible()


class TestBillingRun:
    @pytest.mark.parametrize("width", ["desk", "phone"])
    def test_is_started_watched_and_read(self, cast: Cast, browser_page: Open, width: str) -> None:
        with db.unit_of_work(cast.tenant) as session:
            a_rate(session, cast.tenant)
            a_lease(session, cast.tenant, client_id=cast.acme.id)
        page = browser_page(cast.fay, phone=width == "phone")
        page.goto("/invoices")
        page.get_by_role("link", name="Look at the next run").click()
        page.get_by_label("Everything due by").fill("2026-04-01")
        page.get_by_label("Everything due by").press("Enter")
        expect(page.get_by_role("button", name="Bill as of Apr 1, 2026")).to_be_visible()

        page.get_by_role("button", name="Bill as of Apr 1, 2026").click()
        expect(page.get_by_text("Waiting", exact=True)).to_be_visible()
        worker = threading.Thread(target=work_off, args=(cast, "billing.chunk_due", jobs.bill_chunk))
        worker.start()
        # By itself: the bar asks, and the page is read anew when the run is over.
        expect(page.get_by_text("Billed in USD")).to_be_visible(timeout=20_000)
        worker.join()
        assert_accessible(page)

        page.get_by_role("link", name="See what it issued").click()
        page.get_by_role("link", name="INV-2026-00001").click()
        expect(page.get_by_text("The PDF is being rendered.")).to_be_visible()
        worker = threading.Thread(target=work_off, args=(cast, "invoice.issued", pretend_to_render))
        worker.start()
        expect(page.get_by_role("link", name="Open PDF")).to_be_visible(timeout=20_000)
        worker.join()
        assert_accessible(page)


class TestPayment:
    def test_is_previewed_and_recorded(self, cast: Cast, issued: dict[str, str], browser_page: Open) -> None:
        page = browser_page(cast.fay)
        page.goto(f"/invoices/{issued['invoice']}")
        page.get_by_role("link", name="Record payment").click()
        page.get_by_label("Reference").fill("BANK-7")
        page.get_by_role("button", name="Show what will happen").click()
        expect(page.get_by_text("The invoice is then paid.")).to_be_visible()
        assert_accessible(page)
        page.get_by_role("button", name="Record payment").click()
        expect(page.get_by_text("The payment is recorded.")).to_be_visible()
        expect(page.get_by_text("Paid $168.48")).to_be_visible()


class TestList:
    def test_narrows_by_choosing_and_keeps_its_view(
        self, cast: Cast, issued: dict[str, str], browser_page: Open
    ) -> None:
        page = browser_page(cast.fay)
        page.goto("/invoices")
        expect(page.locator("tbody tr")).to_have_count(3)
        page.get_by_role("link", name="Overdue").click()
        expect(page.locator("tbody tr")).to_have_count(1)
        page.get_by_label("Client").select_option(label="Globex Law")
        expect(page).to_have_url(re.compile("state=overdue.*client=|client=.*state=overdue"))
        expect(page.get_by_text("No document fits this")).to_be_visible()


def work_off(cast: Cast, name: str, job: Callable[..., None]) -> None:
    """What the worker would do with these events."""
    with db.unit_of_work(cast.tenant) as session:
        events = session.scalars(sa.select(OutboxEvent).where(OutboxEvent.name == name)).all()
    for event in events:
        job(partner_id=cast.northwind.id, event_id=event.id, **event.payload)


def pretend_to_render(*, partner_id: str, event_id: str, invoice_id: str) -> None:
    """A file in the place of the PDF, which other tests render."""
    tenant = Tenant(partner_id)
    with db.unit_of_work(tenant) as session:
        pretend_rendered(session, tenant, session.get_one(Invoice, (partner_id, invoice_id)))

"""The pages of invoicing: the list and its totals, one document, what is done with it, billing, taxes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from devices.models import Asset
from haas import db
from haas.accounts import clients
from haas.outbox import OutboxEvent
from haas.progress import LongJob
from haas.tenancy.scope import scoped
from invoicing import corrections, queries
from invoicing.jobs import bill_chunk
from invoicing.models import Invoice, TaxRate
from tests.cast import Cast
from tests.invoicing.world import (
    APRIL,
    NOW,
    PORTAL,
    a_lease,
    a_rate,
    an_invoice,
    bill,
    counted_statements,
    pretend_rendered,
)

Web = Callable[..., FlaskClient]


@pytest.fixture
def invoice_id(cast: Cast) -> str:
    """168.48 USD to Acme, committed, not rendered yet."""
    with db.unit_of_work(cast.tenant) as session:
        return an_invoice(session, cast.tenant, client_id=cast.acme.id).id


@pytest.fixture
def globex_id(cast: Cast, invoice_id: str) -> str:
    """An invoice of Northwind's other client."""
    with db.unit_of_work(cast.tenant) as session:
        a_lease(session, cast.tenant, client_id=cast.globex.id)
        return bill(session, cast.tenant)[0].id


def text_of(answer: Any) -> str:
    """What a person reads: tags away, blanks put in order."""
    body = re.sub(r"(?s)<(script|style|template)\b.*?</\1>", "", answer.get_data(as_text=True))
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def numbers_in(answer: Any) -> list[str]:
    return re.findall(r"<code>((?:INV|CRN)-\d{4}-\d{5})</code></a></td>", answer.get_data(as_text=True))


class TestList:
    def test_shows_documents_with_the_totals_of_all_that_fits(
        self, cast: Cast, web: Web, invoice_id: str, globex_id: str
    ) -> None:
        answer = web(cast.fay).get("/invoices")
        assert numbers_in(answer) == ["INV-2026-00002", "INV-2026-00001"]
        assert "2 documents" in text_of(answer)
        assert "total $336.96 open $336.96" in text_of(answer)  # 2 x 168.48

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("state=open", 2),
            ("state=overdue", 2),
            ("state=paid", 0),
            ("state=credit_notes", 0),
            ("q=INV-2026-00002", 1),
            ("from=2026-04-01&until=2026-04-01", 2),  # people mean the last day too
            ("until=2026-03-31", 0),
            ("sent=no", 2),
            ("sent=yes", 0),
            ("from=soon&sort=-colour", 2),  # old bookmarks keep working
        ],
    )
    def test_is_narrowed_by_its_url(
        self, cast: Cast, web: Web, invoice_id: str, globex_id: str, query: str, found: int
    ) -> None:
        assert len(numbers_in(web(cast.fay).get(f"/invoices?{query}"))) == found

    def test_exports_exactly_what_is_filtered(
        self, cast: Cast, web: Web, invoice_id: str, globex_id: str
    ) -> None:
        browser = web(cast.fay)
        page = browser.get(f"/invoices?client={cast.globex.id}").get_data(as_text=True)
        (link,) = re.findall(r'href="(/invoices/export\.csv\?client=[^"]+)"', page)
        lines = browser.get(link).get_data(as_text=True).splitlines()
        assert len(lines) == 2
        assert lines[1].startswith("INV-2026-00002,invoice,overdue,C-0002,Globex Law,2026-04-01")

    def test_hands_a_long_export_to_a_job(
        self, cast: Cast, web: Web, invoice_id: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("invoicing.exports.requests.AT_ONCE_MAX", 0)
        answer = web(cast.fay).get("/invoices/export.xlsx")
        assert answer.status_code == 303
        with db.unit_of_work(cast.tenant) as session:
            job = session.scalars(sa.select(LongJob).where(LongJob.kind == "invoice_export")).one()
        assert answer.headers["Location"] == f"/jobs/{job.id}"

    def test_reads_by_few_statements(self, cast: Cast, web: Web, invoice_id: str, globex_id: str) -> None:
        browser = web(cast.fay)
        browser.get("/invoices")
        with db.unit_of_work(cast.tenant) as session, counted_statements(session) as counted:
            browser.get("/invoices")
        assert counted[0] <= 12  # sign-in and the scope of its transactions among them

    def test_says_what_belongs_there_when_it_is_empty(self, cast: Cast, web: Web) -> None:
        assert "A billing run issues what has fallen due" in text_of(web(cast.fay).get("/invoices"))
        assert "Each invoice appears here" in text_of(web(cast.ada).get("/invoices"))


class TestOfAClient:
    def test_lands_on_its_own_in_the_partners_brand(
        self, cast: Cast, web: Web, invoice_id: str, globex_id: str
    ) -> None:
        browser = web(cast.ada)
        answer = browser.get("/invoices")
        assert numbers_in(answer) == ["INV-2026-00001"]
        assert "Northwind IT" in answer.get_data(as_text=True)
        assert "Globex" not in answer.get_data(as_text=True)
        page = text_of(browser.get(f"/invoices/{invoice_id}"))
        assert "Record payment" not in page
        assert browser.get(f"/invoices/{globex_id}").status_code == 404
        assert browser.get(f"/invoices/statement/{cast.globex.id}").status_code == 404
        assert browser.get("/billing").status_code == 403

    def test_reads_its_own_statement(self, cast: Cast, web: Web, invoice_id: str) -> None:
        browser = web(cast.vic)
        answer = browser.get("/invoices/statement", follow_redirects=True)
        assert "Closing balance $168.48" in text_of(answer)


class TestDocumentsOfAnAsset:
    def test_name_the_invoices_that_bear_it_for_finance_alone(
        self, cast: Cast, web: Web, invoice_id: str, globex_id: str
    ) -> None:
        with db.unit_of_work(cast.tenant) as session:
            invoice = queries.get_invoice(session, cast.tenant, invoice_id=invoice_id)
            pdf = pretend_rendered(session, cast.tenant, invoice)
            number = invoice.number
            asset = session.scalars(scoped(Asset, cast.tenant).where(Asset.client_id == cast.acme.id)).one()
        path = f"/assets/{asset.id}?tab=documents"

        seen = web(cast.fay).get(path).get_data(as_text=True)

        assert re.findall(r"Invoice (INV-\d{4}-\d{5})</a>", seen) == [number]
        assert f"/files/{pdf.id}" in seen
        for user in (cast.sam, cast.ben, cast.ada):
            assert number not in web(user).get(path).get_data(as_text=True)


class TestOneDocument:
    def test_shows_lines_serials_totals_and_its_story(self, cast: Cast, web: Web, invoice_id: str) -> None:
        page = text_of(web(cast.fay).get(f"/invoices/{invoice_id}"))
        for words in (
            "Invoice INV-2026-00001",
            "Overdue",
            "Rent before the term",
            "Mar 11 – 31, 2026",
            "21 days",
            "8% tax on $156.00 $12.48",
            "Total $168.48",
            "The PDF is being rendered.",
            "Issued Acme Dental LLC",
        ):
            assert words in page.replace("\u2009", " "), words

    def test_asks_again_until_the_pdf_is_there(self, cast: Cast, web: Web, invoice_id: str) -> None:
        browser = web(cast.fay)
        part = browser.get(f"/invoices/{invoice_id}/pdf", headers={"HX-Request": "true"})
        assert 'hx-trigger="every 2s"' in part.get_data(as_text=True)
        assert "HX-Refresh" not in part.headers
        with db.unit_of_work(cast.tenant) as session:
            invoice = queries.get_invoice(session, cast.tenant, invoice_id=invoice_id)
            stored = pretend_rendered(session, cast.tenant, invoice)
        part = browser.get(f"/invoices/{invoice_id}/pdf", headers={"HX-Request": "true"})
        assert part.headers["HX-Refresh"] == "true"
        assert "hx-trigger" not in part.get_data(as_text=True)
        assert browser.get(f"/files/{stored.id}?inline=1").mimetype == "application/pdf"
        assert web(cast.ada).get(f"/files/{stored.id}").status_code == 200
        assert web(cast.ben).get(f"/files/{stored.id}").status_code == 404  # no right to invoices

    def test_names_the_invoice_that_a_credit_note_corrects(
        self, cast: Cast, web: Web, invoice_id: str
    ) -> None:
        with db.unit_of_work(cast.tenant) as session:
            credit = corrections.credit_invoice(
                session,
                cast.tenant,
                invoice_id=invoice_id,
                reason="Wrong client",
                issued_on=APRIL,
                at=NOW,
                portal_url=PORTAL,
            )
        browser = web(cast.fay)
        assert "corrects INV-2026-00001 : Wrong client" in text_of(browser.get(f"/invoices/{credit.id}"))
        assert "Credited $168.48" in text_of(browser.get(f"/invoices/{invoice_id}"))


class TestCredit:
    def test_shows_what_will_happen_before_it_does(self, cast: Cast, web: Web, invoice_id: str) -> None:
        browser = web(cast.fay)
        form = {"scope": "all", "reason_code": "wrong_recipient", "reason": "Sister firm", "step": "preview"}
        preview = browser.post(f"/invoices/{invoice_id}/credit", data=form)
        assert preview.status_code == 200
        assert "Credit note $168.48 Open before $168.48 Open after $0.00" in text_of(preview)
        assert "It prints: “Wrong recipient: Sister firm”" in text_of(preview)
        assert self.count(cast) == 1

        done = browser.post(f"/invoices/{invoice_id}/credit", data={**form, "step": "confirm"})
        assert done.status_code == 303
        assert self.count(cast) == 2

    def test_of_a_line_leaves_the_rest(self, cast: Cast, web: Web, invoice_id: str) -> None:
        with db.unit_of_work(cast.tenant) as session:
            rent = queries.lines_of(session, cast.tenant, invoice_id=invoice_id)[1]
        form = {
            "scope": "lines",
            "reason_code": "goodwill",
            "step": "confirm",
            "lines-0-line_id": rent.id,
            "lines-0-net": "50",
        }
        answer = web(cast.fay).post(f"/invoices/{invoice_id}/credit", data=form, follow_redirects=True)
        assert "-$54.00" in text_of(answer)
        assert "corrects INV-2026-00001 : Goodwill" in text_of(answer)

    def test_of_days_shows_what_they_come_to_and_says_what_cannot_be(
        self, cast: Cast, web: Web, invoice_id: str
    ) -> None:
        with db.unit_of_work(cast.tenant) as session:
            rent = queries.lines_of(session, cast.tenant, invoice_id=invoice_id)[1]
        form = {
            "scope": "lines",
            "reason_code": "service_not_rendered",
            "lines-0-line_id": rent.id,
            "lines-0-unused_from": "2026-04-21",
        }
        page = f"/invoices/{invoice_id}/credit"
        preview = text_of(web(cast.fay).post(page, data=form))
        assert "10/30 1 $31.00" in preview  # 93.00 x 10/30
        assert "Credit note $33.48" in preview  # and 8 %

        refused = web(cast.fay).post(page, data={**form, "lines-0-quantity": "1"})
        assert refused.status_code == 422
        assert "an amount, pieces or days: one of them" in text_of(refused)
        assert 'value="2026-04-21"' in refused.text  # what was typed is kept

    @pytest.mark.parametrize(
        ("form", "words"),
        [
            ({"scope": "all", "reason": "x"}, "Fill this in."),
            ({"scope": "lines", "reason_code": "goodwill"}, "Say how much goes back of at least one line."),
        ],
    )
    def test_says_what_is_missing(
        self, cast: Cast, web: Web, invoice_id: str, form: dict[str, str], words: str
    ) -> None:
        answer = web(cast.fay).post(f"/invoices/{invoice_id}/credit", data=form)
        assert answer.status_code == 422
        assert words in text_of(answer)

    @staticmethod
    def count(cast: Cast) -> int:
        with db.unit_of_work(cast.tenant) as session:
            return session.scalar(sa.select(sa.func.count()).select_from(Invoice)) or 0


class TestPayment:
    def test_is_shown_before_and_after_then_recorded(self, cast: Cast, web: Web, invoice_id: str) -> None:
        browser = web(cast.fay)
        path = f"/invoices/{invoice_id}/payment"
        assert 'value="168.48"' in browser.get(path).get_data(as_text=True)
        form = {"amount": "100", "received_on": "2026-04-10", "method": "card", "reference": "B-1"}
        preview = browser.post(path, data=form)
        assert "Open after $68.48" in text_of(preview)
        done = browser.post(path, data={**form, "step": "confirm"}, follow_redirects=True)
        assert "Open $68.48" in text_of(done)
        assert "Paid $100.00 B-1, received on Apr 10, 2026" in text_of(done)

    def test_less_the_discount_for_early_payment_settles_it_after_a_tick(self, cast: Cast, web: Web) -> None:
        terms = {"early_discount_days": 10, "early_discount_pct": Decimal(3)}
        with db.unit_of_work(cast.tenant) as session:
            clients.edit_client(session, cast.tenant, client_id=cast.acme.id, changes=terms)
            invoice_id = an_invoice(session, cast.tenant, client_id=cast.acme.id).id
        browser = web(cast.fay)
        assert "3% within 10 days" in text_of(browser.get(f"/clients/{cast.acme.id}"))
        path = f"/invoices/{invoice_id}/payment"
        assert "3% discount ($5.05) if paid by Apr 11, 2026: $163.43." in text_of(browser.get(path))
        form = {"amount": "163.43", "received_on": "2026-04-11", "method": "transfer", "reference": "B-1"}
        assert "Grant the discount of $5.05" in text_of(browser.post(path, data=form))
        by_client = {**form, "client_id": cast.acme.id, "currency": "USD"}
        assert "all but its discount of $5.05" in text_of(browser.post("/money/receipts/new", data=by_client))
        confirmed = {**by_client, "step": "confirm", "takes_discounts": "1"}
        browser.post("/money/receipts/new", data=confirmed)
        shown = text_of(browser.get(f"/invoices/{invoice_id}"))
        assert "CRN-" in shown
        assert "Paid $163.43 B-1, received on Apr 11, 2026" in shown
        assert browser.post(path, data={**form, "reference": "B-2", "step": "confirm"}).status_code == 422

    def test_of_more_than_is_open_is_refused_beside_the_field(
        self, cast: Cast, web: Web, invoice_id: str
    ) -> None:
        form = {"amount": "500", "received_on": "2026-04-10", "method": "card", "reference": "B-1"}
        answer = web(cast.fay).post(f"/invoices/{invoice_id}/payment", data=form)
        assert answer.status_code == 422
        assert "is open." in text_of(answer)


class TestBilling:
    def test_previews_runs_and_shows_the_outcome(self, cast: Cast, web: Web) -> None:
        with db.unit_of_work(cast.tenant) as session:
            a_rate(session, cast.tenant)
            a_lease(session, cast.tenant, client_id=cast.acme.id)
        browser = web(cast.fay)
        assert (
            "Acme Dental Invoice due Apr 15, 2026 · Pro-forma for Acme Dental 2 $156.00 $12.48 $168.48"
            in text_of(browser.get("/billing?as_of=2026-04-01"))
        )
        answer = browser.post("/billing/runs", data={"as_of": "2026-04-01"})
        running = browser.get(answer.headers["Location"])
        assert "hx-trigger" in running.get_data(as_text=True)
        self.work_off(cast)
        over = text_of(browser.get(answer.headers["Location"]))
        assert "Done 1 of 1" in over
        assert "Billed in USD $168.48" in over
        assert "Nothing is due" in text_of(browser.get("/billing?as_of=2026-04-01"))

    def test_names_who_is_put_off_with_the_way_out(self, cast: Cast, web: Web) -> None:
        with db.unit_of_work(cast.tenant) as session:
            a_lease(session, cast.tenant, client_id=cast.acme.id)
        browser = web(cast.fay)
        assert "1 client would be put off" in text_of(browser.get("/billing?as_of=2026-04-01"))
        answer = browser.post("/billing/runs", data={"as_of": "2026-04-01"})
        self.work_off(cast)
        page = browser.get(answer.headers["Location"])
        assert "No tax rate for category S in US" in text_of(page)
        assert 'href="/settings/taxes"' in page.get_data(as_text=True)

    @pytest.mark.parametrize("as_of", ["", "soon", "2062-01-01", "1800-01-01"])
    def test_refuses_a_day_that_must_be_a_slip(self, cast: Cast, web: Web, as_of: str) -> None:
        assert web(cast.fay).post("/billing/runs", data={"as_of": as_of}).status_code == 422

    def test_holds_mail_back_and_lets_it_go(self, cast: Cast, web: Web, invoice_id: str) -> None:
        with db.unit_of_work(cast.tenant) as session:
            invoice = queries.get_invoice(session, cast.tenant, invoice_id=invoice_id)
            pretend_rendered(session, cast.tenant, invoice)
        browser = web(cast.fay)
        held = browser.post("/billing/sending", data={"held": "1"}, follow_redirects=True)
        assert "Send 1 that waits" in text_of(held)
        sent = browser.post("/billing/send-waiting", follow_redirects=True)
        assert "1 document is on its way." in text_of(sent)

    @staticmethod
    def work_off(cast: Cast) -> None:
        with db.unit_of_work(cast.tenant) as session:
            events = session.scalars(
                sa.select(OutboxEvent).where(OutboxEvent.name == "billing.chunk_due")
            ).all()
        for event in events:
            bill_chunk(partner_id=cast.northwind.id, event_id=event.id, **event.payload)


class TestTaxes:
    def test_adds_a_row_and_marks_the_one_that_holds(self, cast: Cast, web: Web) -> None:
        browser = web(cast.fay)
        rate = {"country": "DE", "category": "S", "rate_pct": "19", "name": "MwSt."}
        for pct, day in (("16", "2020-07-01"), ("19", "2021-01-01"), ("25", "2090-01-01")):
            answer = browser.post("/settings/taxes", data={**rate, "rate_pct": pct, "valid_from": day})
            assert answer.status_code == 303
        page = text_of(browser.get("/settings/taxes"))
        assert re.search(r"25% .*? To come .*? 19% .*? Holds .*? 16% .*? Over", page)
        with db.unit_of_work(cast.tenant) as session:
            assert set(session.scalars(sa.select(TaxRate.rate_pct))) == {
                Decimal(16),
                Decimal(19),
                Decimal(25),
            }

    def test_never_edits_one(self, cast: Cast, web: Web) -> None:
        rate = {
            "country": "DE",
            "category": "S",
            "rate_pct": "19",
            "name": "MwSt.",
            "valid_from": "2021-01-01",
        }
        browser = web(cast.fay)
        browser.post("/settings/taxes", data=rate)
        answer = browser.post("/settings/taxes", data={**rate, "rate_pct": "16"})
        assert answer.status_code == 409
        assert "A rate is never edited: add one from another day." in text_of(answer)


class TestStatement:
    def test_carries_the_balance_from_charge_to_payment(self, cast: Cast, web: Web, invoice_id: str) -> None:
        with db.unit_of_work(cast.tenant) as session:
            corrections.record_payment(
                session,
                cast.tenant,
                invoice_id=invoice_id,
                amount=Decimal("100.00"),
                received_on=APRIL.replace(day=10),
                method="transfer",
                reference="B-1",
                at=NOW,
            )
        path = f"/invoices/statement/{cast.acme.id}"
        browser = web(cast.fay)
        page = text_of(browser.get(f"{path}?start=2026-04-01&last=2026-04-30"))
        assert "Opening balance $0.00 Closing balance $68.48 Overdue of it $68.48" in page
        assert "B-1 Apr 10, 2026 Payment – -$100.00 $68.48" in page
        later = text_of(browser.get(f"{path}?start=2026-05-01&last=2026-05-31"))
        assert "Opening balance $68.48" in later
        table = browser.get(f"{path}?start=2026-04-01&last=2026-04-30&format=csv")
        assert table.get_data(as_text=True).splitlines()[2].startswith("2026-04-10,payment,B-1,,-100.00")
        (found,) = json.loads(browser.get("/search/found?q=b-1").text)["results"]
        assert (found["kind"], found["title"], found["detail"]) == ("receipt", "B-1", "Acme Dental")

    @pytest.mark.parametrize("days", ["start=soon", "start=2026-05-01&last=2026-04-01", "last=0001-01-01"])
    def test_says_what_is_wrong_with_the_days(self, cast: Cast, web: Web, invoice_id: str, days: str) -> None:
        assert web(cast.fay).get(f"/invoices/statement/{cast.acme.id}?{days}").status_code == 422

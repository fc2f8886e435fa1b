"""/v1 of invoicing: what programs see, what they may do, and what they never see of others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from haas import db
from haas.outbox import OutboxEvent
from invoicing.jobs import bill_chunk, export_invoices
from invoicing.models import Invoice
from tests.cast import Cast
from tests.invoicing.world import PDF, a_lease, a_rate, an_invoice, bill, pretend_rendered

Api = Callable[..., Any]


@pytest.fixture
def invoice_id(cast: Cast) -> str:
    """168.48 USD to Acme, rendered, committed."""
    with db.unit_of_work(cast.tenant) as session:
        invoice = an_invoice(session, cast.tenant, client_id=cast.acme.id)
        pretend_rendered(session, cast.tenant, invoice)
        return invoice.id


@pytest.fixture
def globex_id(cast: Cast, invoice_id: str) -> str:
    """An invoice of Northwind's other client."""
    with db.unit_of_work(cast.tenant) as session:
        a_lease(session, cast.tenant, client_id=cast.globex.id)
        (invoice,) = bill(session, cast.tenant)
        return invoice.id


def events(cast: Cast, name: str) -> list[OutboxEvent]:
    with db.unit_of_work(cast.tenant) as session:
        return list(session.scalars(sa.select(OutboxEvent).where(OutboxEvent.name == name)))


def work_off_chunks(cast: Cast) -> None:
    for event in events(cast, "billing.chunk_due"):
        bill_chunk(partner_id=cast.northwind.id, event_id=event.id, **event.payload)


class TestInvoices:
    def test_are_listed_newest_first_with_what_is_open(
        self, cast: Cast, api: Api, invoice_id: str, globex_id: str
    ) -> None:
        items = api(cast.fay).get("/v1/invoices").json["items"]
        assert [item["id"] for item in items] == [globex_id, invoice_id]
        assert items[1]["total"] == "168.48"
        assert items[1]["open_amount"] == "168.48"
        assert items[1]["is_overdue"] is True
        assert "document" not in items[1]

    def test_are_paged_by_keyset(self, cast: Cast, api: Api, invoice_id: str, globex_id: str) -> None:
        program = api(cast.fay)
        first = program.get("/v1/invoices?limit=1").json
        second = program.get(f"/v1/invoices?limit=1&cursor={first['next']}").json
        assert [first["items"][0]["id"], second["items"][0]["id"]] == [globex_id, invoice_id]
        assert second["next"] is None

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("state=open", 2),
            ("state=overdue", 2),
            ("state=paid", 0),
            ("kind=credit_note", 0),
            ("number=INV-2026-00001", 1),
            ("number=INV-2026%25", 0),
            ("issued_from=2026-04-01&issued_until=2026-04-02", 2),
            ("issued_until=2026-04-01", 0),
            ("sent=true", 0),
            ("client_id=cli_unknown", 0),
        ],
    )
    def test_are_narrowed_by_filters(
        self, cast: Cast, api: Api, invoice_id: str, globex_id: str, query: str, found: int
    ) -> None:
        assert len(api(cast.fay).get(f"/v1/invoices?{query}").json["items"]) == found

    @pytest.mark.parametrize("query", ["state=lost", "issued_from=soon", "limit=0", "colour=red"])
    def test_refuse_a_filter_that_means_nothing(self, cast: Cast, api: Api, query: str) -> None:
        assert api(cast.fay).get(f"/v1/invoices?{query}").status_code == 422

    def test_come_with_lines_totals_credits_and_payments(self, cast: Cast, api: Api, invoice_id: str) -> None:
        program = api(cast.fay)
        program.post(
            f"/v1/invoices/{invoice_id}/payments",
            json={"amount": "60", "received_on": "2026-04-10", "reference": "B-1"},
        )
        whole = program.get(f"/v1/invoices/{invoice_id}").json
        assert [(line["kind"], line["net"]) for line in whole["lines"]] == [
            ("interim_rent", "63.00"),
            ("rent", "93.00"),
        ]
        assert whole["lines"][1]["serials"][0]["days"] == 30
        assert whole["tax_totals"] == [
            {"category": "S", "rate_pct": "8.00", "taxable": "156.00", "tax": "12.48"}
        ]
        assert whole["open_amount"] == "108.48"
        assert [payment["amount"] for payment in whole["payments"]] == ["60.00"]

    def test_give_their_pdf(self, cast: Cast, api: Api, invoice_id: str, globex_id: str) -> None:
        program = api(cast.fay)
        answer = program.get(f"/v1/invoices/{invoice_id}/pdf")
        assert (answer.data, answer.mimetype) == (PDF, "application/pdf")
        waiting = program.get(f"/v1/invoices/{globex_id}/pdf")
        assert (waiting.status_code, waiting.json["code"]) == (409, "pdf_not_ready")

    def test_read_by_few_statements_however_many_there_are(
        self, cast: Cast, api: Api, globex_id: str
    ) -> None:
        program, counted = api(cast.fay), []
        program.get("/v1/invoices")  # a token's first use is noted

        def count(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
            counted.append(statement)

        sa.event.listen(db.engine(), "before_cursor_execute", count)
        program.get("/v1/invoices")
        sa.event.remove(db.engine(), "before_cursor_execute", count)
        assert len([each for each in counted if "invoice" in each]) == 2


class TestOfAClient:
    def test_only_its_own_are_seen(self, cast: Cast, api: Api, invoice_id: str, globex_id: str) -> None:
        program = api(cast.ada)
        assert [item["id"] for item in program.get("/v1/invoices").json["items"]] == [invoice_id]
        assert program.get(f"/v1/invoices?client_id={cast.globex.id}").json["items"] == []
        assert program.get(f"/v1/invoices/{invoice_id}").status_code == 200
        for path in ("", "/pdf"):
            assert program.get(f"/v1/invoices/{globex_id}{path}").status_code == 404

    def test_rows_are_hidden_by_the_database_itself(self, cast: Cast, globex_id: str) -> None:
        with db.unit_of_work(cast.acme_tenant) as session:
            # Not even asked for the client: row-level security alone answers.
            assert [row.client_id for row in session.scalars(sa.select(Invoice))] == [cast.acme.id]
            assert session.execute(sa.text("select count(*) from invoice_line")).scalar() == 2
            assert session.execute(sa.text("select count(*) from billing_chunk")).scalar() == 0
            assert session.execute(sa.text("select count(*) from billing_run")).scalar() == 0

    def test_runs_problems_exports_and_rates_are_not_its_affair(self, cast: Cast, api: Api) -> None:
        with db.unit_of_work(cast.tenant) as session:
            a_lease(session, cast.tenant, client_id=cast.globex.id)  # no tax rate: it is put off
        run = api(cast.fay).post("/v1/billing-runs", json={"as_of": "2026-04-01"}).json
        work_off_chunks(cast)
        program = api(cast.ada)
        for path in (
            f"/v1/billing-runs/{run['id']}",
            "/v1/billing-runs/preview?as_of=2026-04-01",
            "/v1/tax-rates",
        ):
            answer = program.get(path)
            assert answer.status_code == 403
            assert "Globex" not in answer.text
        assert program.post("/v1/invoice-exports", json={}).status_code == 403
        assert api(cast.cleo).get(f"/v1/billing-runs/{run['id']}").status_code == 404


class TestCredits:
    def test_take_back_all_that_is_left(self, cast: Cast, api: Api, invoice_id: str) -> None:
        program = api(cast.fay)
        answer = program.post(f"/v1/invoices/{invoice_id}/credits", json={"reason": "Wrong client"})
        assert answer.status_code == 201
        assert (answer.json["total"], answer.json["credits_invoice_id"]) == ("-168.48", invoice_id)
        assert program.get(answer.headers["Location"]).json["reason"] == "Wrong client"
        whole = program.get(f"/v1/invoices/{invoice_id}").json
        assert (whole["state"], whole["open_amount"]) == ("credited", "0.00")
        again = program.post(f"/v1/invoices/{invoice_id}/credits", json={"reason": "Again"})
        assert (again.status_code, again.json["code"]) == (409, "already_credited")

    def test_take_back_a_part_of_a_line(self, cast: Cast, api: Api, invoice_id: str) -> None:
        program = api(cast.fay)
        line = program.get(f"/v1/invoices/{invoice_id}").json["lines"][1]
        body = {"reason": "Goodwill", "lines": [{"line_id": line["id"], "net": "50.00"}]}
        answer = program.post(f"/v1/invoices/{invoice_id}/credits", json=body)
        assert answer.json["total"] == "-54.00"  # 50 and 8 %
        assert program.get(f"/v1/invoices/{invoice_id}").json["open_amount"] == "114.48"

    def test_take_back_days_for_a_reason_that_is_frozen(self, cast: Cast, api: Api, invoice_id: str) -> None:
        program = api(cast.fay)
        line = program.get(f"/v1/invoices/{invoice_id}").json["lines"][1]
        unused = {"line_id": line["id"], "unused_from": "2026-04-11", "unused_until": "2026-04-21"}
        body = {"reason_code": "return_of_goods", "reason": "Lid broke", "lines": [unused]}
        answer = program.post(f"/v1/invoices/{invoice_id}/credits", json=body)
        assert (answer.json["net_total"], answer.json["reason_code"]) == ("-31.00", "return_of_goods")
        (given,) = program.get(answer.headers["Location"]).json["lines"]
        assert (given["credited_by"], given["period_start"]) == ("days", "2026-04-11")
        again = program.post(f"/v1/invoices/{invoice_id}/credits", json=body)
        assert (again.status_code, "11 April 2026" in again.text) == (409, True)

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            ({}, 422),
            ({"reason": ""}, 422),
            ({"reason_code": "because"}, 422),
            ({"reason": "x", "lines": []}, 422),
            ({"reason": "x", "lines": [{"line_id": "ivl_unknown", "net": "1"}]}, 422),
            ({"reason": "x", "lines": [{"line_id": "a", "net": "-1"}]}, 422),
            ({"reason": "x", "lines": [{"line_id": "a", "net": "1"}, {"line_id": "a", "net": "1"}]}, 422),
            ({"reason": "x", "everything": True}, 422),
        ],
    )
    def test_refuse_what_makes_no_sense(
        self, cast: Cast, api: Api, invoice_id: str, body: dict[str, Any], status: int
    ) -> None:
        assert api(cast.fay).post(f"/v1/invoices/{invoice_id}/credits", json=body).status_code == status


class TestPayments:
    def test_are_taken_once_by_their_reference(self, cast: Cast, api: Api, invoice_id: str) -> None:
        program = api(cast.fay)
        body = {"amount": "100.00", "received_on": "2026-04-10", "reference": "B-1"}
        assert program.post(f"/v1/invoices/{invoice_id}/payments", json=body).status_code == 201
        again = program.post(f"/v1/invoices/{invoice_id}/payments", json={**body, "amount": "1.00"})
        assert again.status_code == 409
        too_much = program.post(f"/v1/invoices/{invoice_id}/payments", json={**body, "reference": "B-2"})
        assert too_much.status_code == 422
        assert "68.48" in too_much.json["title"]

    def test_with_an_idempotency_key_are_answered_as_the_first_time(
        self, cast: Cast, api: Api, invoice_id: str
    ) -> None:
        program = api(cast.fay)
        body = {"amount": "168.48", "received_on": "2026-04-10", "reference": "B-1"}
        key = {"Idempotency-Key": "pay-1"}
        answers = [
            program.post(f"/v1/invoices/{invoice_id}/payments", json=body, headers=key) for _ in range(2)
        ]
        assert answers[0].json == answers[1].json
        assert program.get(f"/v1/invoices/{invoice_id}").json["state"] == "paid"


class TestSend:
    def test_asks_a_job_to_mail_it(self, cast: Cast, api: Api, invoice_id: str, globex_id: str) -> None:
        program = api(cast.fay)
        assert program.post(f"/v1/invoices/{invoice_id}/send").status_code == 202
        (event,) = events(cast, "invoice.send_requested")
        assert event.payload == {"invoice_id": invoice_id}
        waiting = program.post(f"/v1/invoices/{globex_id}/send")
        assert (waiting.status_code, waiting.json["code"]) == (409, "pdf_not_ready")


class TestBillingRuns:
    def test_go_through_the_outbox_and_say_how_far_they_are(self, cast: Cast, api: Api) -> None:
        with db.unit_of_work(cast.tenant) as session:
            a_rate(session, cast.tenant)
            a_lease(session, cast.tenant, client_id=cast.acme.id)
        program = api(cast.fay)
        answer = program.post("/v1/billing-runs", json={"as_of": "2026-04-01"})
        assert (answer.status_code, answer.json["state"], answer.json["leases_total"]) == (202, "queued", 1)
        work_off_chunks(cast)
        run = program.get(answer.headers["Location"]).json
        assert (run["state"], run["leases_done"], run["invoices"]) == ("done", 1, 1)
        assert run["problems"] == []
        assert len(program.get(f"/v1/invoices?run_id={run['id']}").json["items"]) == 1

    def test_tell_whom_they_put_off_and_why(self, cast: Cast, api: Api) -> None:
        with db.unit_of_work(cast.tenant) as session:
            a_lease(session, cast.tenant, client_id=cast.acme.id)
        program = api(cast.fay)
        run_id = program.post("/v1/billing-runs", json={"as_of": "2026-04-01"}).json["id"]
        work_off_chunks(cast)
        (problem,) = program.get(f"/v1/billing-runs/{run_id}").json["problems"]
        assert problem["client_id"] == cast.acme.id
        assert "No tax rate for category S in US" in problem["problem"]

    def test_refuse_a_day_years_ahead(self, cast: Cast, api: Api) -> None:
        answer = api(cast.fay).post("/v1/billing-runs", json={"as_of": "2062-04-01"})
        assert (answer.status_code, list(answer.json["errors"])) == (422, ["as_of"])

    def test_are_previewed_without_writing(self, cast: Cast, api: Api) -> None:
        with db.unit_of_work(cast.tenant) as session:
            a_rate(session, cast.tenant)
            for client in (cast.acme, cast.globex):
                a_lease(session, cast.tenant, client_id=client.id)
        program = api(cast.fay)
        page = program.get("/v1/billing-runs/preview?as_of=2026-04-01&limit=1").json
        rest = program.get(f"/v1/billing-runs/preview?as_of=2026-04-01&cursor={page['next']}").json
        papers = {item["client"]: item["papers"][0]["total"] for item in [*page["items"], *rest["items"]]}
        assert papers == {"Acme Dental": "168.48", "Globex Law": "168.48"}
        assert rest["next"] is None
        assert program.get("/v1/invoices").json["items"] == []


class TestTaxRates:
    def test_are_dated_rows(self, cast: Cast, api: Api) -> None:
        program = api(cast.fay)
        rate = {"country": "DE", "rate_pct": "19", "name": "MwSt.", "valid_from": "2021-01-01"}
        assert program.post("/v1/tax-rates", json=rate).status_code == 201
        twice = program.post("/v1/tax-rates", json={**rate, "rate_pct": "16"})
        assert (twice.status_code, twice.json["code"]) == (409, "tax_rate_exists")
        program.post("/v1/tax-rates", json={**rate, "rate_pct": "20", "valid_from": "2027-01-01"})
        listed = program.get("/v1/tax-rates").json["items"]
        assert [(row["rate_pct"], row["valid_from"]) for row in listed] == [
            ("20.00", "2027-01-01"),
            ("19.00", "2021-01-01"),
        ]

    @pytest.mark.parametrize(
        "wrong",
        [
            {"country": "XX"},
            {"category": "Q"},
            {"category": "AE"},  # nothing is added under reverse charge
            {"rate_pct": "100"},
            {"rate_pct": "-1"},
            {"valid_from": "1850-01-01"},
        ],
    )
    def test_refuse_what_no_law_says(self, cast: Cast, api: Api, wrong: dict[str, str]) -> None:
        rate = {"country": "DE", "rate_pct": "19", "name": "MwSt.", "valid_from": "2021-01-01", **wrong}
        assert api(cast.fay).post("/v1/tax-rates", json=rate).status_code == 422


class TestExports:
    def test_are_jobs_whose_file_is_there_when_done(self, cast: Cast, api: Api, invoice_id: str) -> None:
        program = api(cast.fay)
        job = program.post("/v1/invoice-exports", json={"format": "csv_raw", "state": "open"}).json
        early = program.get(f"/v1/invoice-exports/{job['id']}/file")
        assert early.status_code == 409
        (event,) = events(cast, "invoice_export.requested")
        export_invoices(partner_id=cast.northwind.id, event_id=event.id, **event.payload)
        done = program.get(f"/v1/invoice-exports/{job['id']}").json
        assert (done["state"], done["done"]) == ("done", 1)
        by_api = program.get(f"/v1/invoice-exports/{job['id']}/file")
        by_file = program.get(f"/files/{done['file_id']}")
        assert by_api.data == by_file.data
        assert by_api.data.startswith(b"number,kind,")
        assert api(cast.cleo).get(f"/v1/invoice-exports/{job['id']}").status_code == 404
        assert api(cast.cleo).get(f"/files/{done['file_id']}").status_code == 404

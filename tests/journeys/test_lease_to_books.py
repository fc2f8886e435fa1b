"""Two laptops, told with dates: drafted, leased in mid-month, billed, paid, credited, in the books."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import openpyxl
import pytest

from tests.journeys.story import Story
from tests.paper import text_of


def amounts(invoice: dict[str, Any]) -> tuple[str, str, str]:
    """Net, tax and total."""
    return invoice["net_total"], invoice["tax_total"], invoice["total"]


def exported(story: Story, **asked: str) -> list[dict[str, Any]]:
    """The rows of an export that a job wrote."""
    job = story.post(story.cast.fay, "/v1/invoice-exports", asked)
    story.work()
    content = story.get(story.cast.fay, f"/v1/invoice-exports/{job['id']}/file")
    if asked["format"] == "xlsx":
        sheet: Any = openpyxl.load_workbook(io.BytesIO(content)).active
        titles, *rows = sheet.iter_rows(values_only=True)
        return [dict(zip(titles, row, strict=True)) for row in rows]
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def total_of(rows: Iterable[dict[str, Any]], column: str) -> Decimal:
    """The sum of a column, as a bookkeeper adds it up."""
    return sum((Decimal(str(row[column])) for row in rows), Decimal(0))


@pytest.mark.timeout(300)
def test_lease_to_books(story: Story) -> None:
    cast = story.cast
    acme, globex, fay = cast.acme.id, cast.globex.id, cast.fay

    # 5 January: the rate is on file, three laptops are on the shelf, Acme is offered two with a care pack.
    story.on("01-05 15:00")
    story.tax("8.000", since="2020-01-01")
    first, second, third = (story.shelve(serial) for serial in ("SN-A", "SN-B", "SN-C"))
    laptop = {"description": "ThinkPad T14", "model_id": story.model_id, "unit_price": "39.90"}
    care = {"kind": "service", "description": "Care pack", "unit_price": "5.00"}
    lease, (place_a, place_b, _) = story.offer(acme, [laptop, laptop, care])
    assert story.get(cast.ada, f"/v1/leases/{lease}")["state"] == "quoted"

    # 14 January: the client itself accepts. 19 and 23 January: each laptop is signed for on its own day.
    story.on("01-14 15:00")
    story.post(cast.ada, f"/v1/leases/{lease}/accept", {"signer": "Ada Client"})
    story.on("01-19 15:00")
    story.deliver(lease, place_a, first, "Ada Client")
    story.on("01-23 15:00")
    story.deliver(lease, place_b, second, "Ada Client")
    active = story.get(cast.ada, f"/v1/leases/{lease}")
    assert (active["state"], active["commences_on"], active["ends_on"]) == (
        "active",
        "2026-02-01",
        "2028-02-01",
    )

    # 1 February. Interim rent: 39.90 x 13/31 = 16.73, 39.90 x 9/31 = 11.58, 5.00 x 13/31 = 2.10; February
    # 84.80. Net 115.21, 8 percent of it 9.22, together 124.43: what the preview says is what is issued.
    story.on("02-01 15:00")
    (asked,) = story.get(fay, "/v1/billing-runs/preview?as_of=2026-02-01")["items"]
    assert [paper["total"] for paper in asked["papers"]] == ["124.43"]
    (february,) = story.bill("02-01")
    assert amounts(february) == ("115.21", "9.22", "124.43")
    assert (february["number"], february["due_on"]) == ("INV-2026-00001", "2026-02-15")
    lines = story.get(fay, f"/v1/invoices/{february['id']}")["lines"]
    assert sorted((row["kind"], row["net"]) for row in lines) == [
        ("interim_rent", "11.58"),
        ("interim_rent", "16.73"),
        ("interim_rent", "2.10"),
        ("rent", "39.90"),
        ("rent", "39.90"),
        ("rent", "5.00"),
    ]
    assert story.bill("02-01") == []  # a second run finds nothing left

    # It was printed and mailed; the client's own people can fetch it.
    sent = story.get(cast.ada, f"/v1/invoices/{february['id']}")
    assert sent["sent_at"] is not None
    paper = story.get(cast.ada, f"/v1/invoices/{february['id']}/pdf")
    for words in ("INV-2026-00001", "Acme Dental LLC", "SN-A", "SN-B", "$115.21", "$9.22", "$124.43"):
        assert words in text_of(paper)

    # 10 February: paid in full. 26 February: Acme has a new name, Globex takes a laptop at 100.00.
    story.on("02-10 15:00")
    story.post(
        fay,
        f"/v1/invoices/{february['id']}/payments",
        {"amount": "124.43", "received_on": "2026-02-10", "reference": "BANK-1"},
    )
    assert story.get(fay, f"/v1/invoices/{february['id']}")["state"] == "paid"
    story.on("02-26 15:00")
    story.patch(cast.ana, f"/v1/clients/{acme}", {"legal_name": "Acme Smiles Inc."})
    other, (place_c,) = story.offer(globex, [{**laptop, "unit_price": "100.00"}])
    story.post(cast.sam, f"/v1/leases/{other}/accept", {"signer": "Gil Globex"})
    story.on("03-01 15:00")
    story.deliver(other, place_c, third, "Gil Globex")

    # 1 March: 84.80 and 6.78 of tax (6.784); 100.00 and 8.00. Old paper keeps the old name, new has the new.
    march = {row["client_id"]: row for row in story.bill("03-01")}
    assert amounts(march[acme]) == ("84.80", "6.78", "91.58")
    assert amounts(march[globex]) == ("100.00", "8.00", "108.00")
    assert {row["number"] for row in march.values()} == {"INV-2026-00002", "INV-2026-00003"}
    again = story.get(fay, f"/v1/invoices/{february['id']}")
    assert story.get(fay, f"/v1/invoices/{february['id']}/pdf") == paper
    assert again["document_hash"] == february["document_hash"]
    assert "Acme Smiles Inc." in text_of(story.get(fay, f"/v1/invoices/{march[acme]['id']}/pdf"))

    # 9 March: 50.00 came in; nobody cared for the laptops, so 5.00 and 8 percent of it go back: 5.40.
    story.on("03-09 15:00")
    march_url = f"/v1/invoices/{march[acme]['id']}"
    story.post(
        fay, f"{march_url}/payments", {"amount": "50", "received_on": "2026-03-09", "reference": "BANK-2"}
    )
    (unhelped,) = (row for row in story.get(fay, march_url)["lines"] if row["description"] == "Care pack")
    credit = story.post(
        fay,
        f"{march_url}/credits",
        {"reason": "No care in March", "lines": [{"line_id": unhelped["id"], "net": "5.00"}]},
    )
    assert (credit["number"], *amounts(credit)) == ("CRN-2026-00001", "-5.00", "-0.40", "-5.40")
    story.work()
    credit_paper = text_of(story.get(fay, f"/v1/invoices/{credit['id']}/pdf"))
    assert march[acme]["number"] in credit_paper  # the invoice that it corrects
    assert "$5.40" in credit_paper
    # 91.58 - 50.00 - 5.40 = 36.18 is open: not a cent more is taken, and with it the invoice is paid.
    assert story.get(fay, march_url)["open_amount"] == "36.18"
    rest = {"amount": "36.19", "received_on": "2026-03-20", "reference": "BANK-3"}
    story.on("03-20 15:00")
    assert "36.18" in str(story.post(fay, f"{march_url}/payments", rest, refused=422))
    story.post(fay, f"{march_url}/payments", {**rest, "amount": "36.18"})
    assert story.get(fay, march_url)["state"] == "paid"

    # 1 April the tax is 8.25 percent: 84.80 and 7.00 (6.996), 100.00 and 8.25. The credit is not undone.
    story.on("03-25 15:00")
    story.tax("8.250", since="2026-04-01")
    story.on("04-01 15:00")
    april = {row["client_id"]: row for row in story.bill("04-01")}
    assert amounts(april[acme]) == ("84.80", "7.00", "91.80")
    assert amounts(april[globex]) == ("100.00", "8.25", "108.25")

    # The books of the year so far. Net 115.21 + 84.80 - 5.00 + 84.80 + 100.00 + 100.00 = 479.81; tax 9.22 +
    # 6.78 - 0.40 + 7.00 + 8.00 + 8.25 = 38.85; together 518.66. Open are the two of April: 200.05, and
    # 108.00 of Globex in March: 308.05. Documents and lines, CSV and XLSX: all come to the same cent.
    papers = story.get(fay, "/v1/invoices?limit=200")["items"]
    assert len(papers) == 6
    for file_format in ("csv", "csv_raw", "xlsx"):
        documents = exported(story, format=file_format)
        assert [row["number"] for row in documents] == [row["number"] for row in reversed(papers)]
        for column, ours, due in (
            ("net", "net_total", "479.81"),
            ("tax", "tax_total", "38.85"),
            ("total", "total", "518.66"),
            ("open", "open_amount", "308.05"),
        ):
            invoices = [row for row in papers if column != "open" or row["kind"] == "invoice"]
            rows = [row for row in documents if column != "open" or row["kind"] == "invoice"]
            assert total_of(rows, column) == total_of(invoices, ours) == Decimal(due)
        by_line = exported(story, format=file_format, content="lines")
        assert (total_of(by_line, "net"), total_of(by_line, "tax")) == (Decimal("479.81"), Decimal("38.85"))
    # March alone, as it was issued: 91.58 + 108.00 - 5.40 = 194.18.
    spring = exported(story, format="csv", issued_from="2026-03-01", issued_until="2026-04-01")
    assert total_of(spring, "total") == Decimal("194.18")

    # Depreciation: 1,200 less 10 percent in 36 months is 30.00 a month, from the month it was signed for.
    for as_of, value in (
        ("2026-01-18", "1200.00"),
        ("2026-01-30", "1200.00"),  # a month's charge is posted on its last day
        ("2026-01-31", "1170.00"),
        ("2026-04-01", "1110.00"),  # 1,200 - 3 x 30
        ("2027-01-15", "840.00"),  # 1,200 - 12 x 30
        ("2040-01-01", "120.00"),
    ):
        assert story.get(fay, f"/v1/assets/{first}/depreciation?as_of={as_of}")["value"] == value
    # By the double declining balance the first year bears 1,200 x 2/3 = 800, 66.67 a month: 200.00 by March.
    story.put(
        fay,
        f"/v1/assets/{second}/depreciation",
        {"method": "declining_balance", "life_months": 36, "residual_value": "120.00"},
    )
    for as_of, value in (("2026-01-31", "1133.33"), ("2026-02-28", "1066.67"), ("2026-03-31", "1000.00")):
        assert story.get(fay, f"/v1/assets/{second}/depreciation?as_of={as_of}")["value"] == value
    # Rent of the first by 31 March: 16.73 + 39.90 + 39.90 = 96.53, less 90.00 of lost value: 6.53.
    page = story.web(fay).get(f"/assets/{first}/money?as_of=2026-03-31").get_data(as_text=True)
    assert "$96.53" in page
    assert "$6.53" in page

"""Invoices and credit notes on paper: what must stand there, in every language, currency and length."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

import msgspec
import pypdfium2
import pytest

from haas.documents.rendering import render_pdf
from haas.errors import InvalidInput
from invoicing.document import Buyer, InvoiceDocument, Party, Reference, SerialRow, TaxTotal
from invoicing.paper import invoice_html, invoice_pdf
from tests import paper


def printed(document: InvoiceDocument) -> str:
    return paper.text_of(invoice_pdf(document, render=render_pdf))


@pytest.fixture(scope="module")
def long_invoice() -> list[str]:
    return paper.pages_of(invoice_pdf(paper.invoice(400)))


class TestInvoicePdf:
    def test_says_who_owes_whom_what_and_when(self):
        text = printed(paper.invoice(2))

        for fact in (
            "Northwind IT GmbH", "Hafenstraße 12", "Contoso Logistics SE", "Speicherweg 4", "Invoice number",
            "NW-2026-00123", "Nov 23, 2026", "Dec 7, 2026", "C-1042", "PO 4500012345", "DE123456789",
            "DE987654321", "HP EliteBook 840 G11", "€71.16",
            "Nov 1 – 30, 2026, 30 days · NW-0000 · 5CG0000ABC · Rent, 36 months",
            "€59.80", "VAT 19% on 59.80", "€11.36", "IBAN DE02 1203 0000 0000 2020 51",
            "Payable within 14 days", "HRB 123456", "Page 1 of 1",
        ):  # fmt: skip
            assert fact in text

    def test_is_the_same_for_the_same_document_even_when_read_back(self):
        document = paper.invoice(2)
        assert document.seller.logo is not None

        read_back = InvoiceDocument.from_json(document.to_json())

        assert invoice_pdf(read_back, logo=document.seller.logo.png) == invoice_pdf(document)

    def test_demands_the_very_logo_that_was_frozen(self):
        read_back = InvoiceDocument.from_json(paper.invoice().to_json())

        with pytest.raises(InvalidInput, match="logo"):
            invoice_html(read_back)
        with pytest.raises(InvalidInput, match="hash"):
            invoice_html(read_back, logo=paper.logo_png(width=300))

    def test_shows_a_swap_as_days_and_money_by_serial(self):
        # 29.90 over 30 days: 12 days are 11.96, 18 days 17.94
        swapped = paper.line(
            serials=(
                SerialRow(serial="OLD1", tag="NW-1", start=paper.START, until=date(2026, 11, 13),
                          days=12, amount=Decimal("11.96")),
                SerialRow(serial="NEW1", tag="NW-2", start=date(2026, 11, 13), until=paper.UNTIL,
                          days=18, amount=Decimal("17.94")),
            )
        )  # fmt: skip

        text = printed(paper.invoice((swapped,)))

        assert "NW-1 · OLD1, Nov 1 – 12, 2026, 12 days: 11.96" in text
        assert "NW-2 · NEW1, Nov 13 – 30, 2026, 18 days: 17.94" in text

    def test_leads_to_the_portal_by_a_code_a_camera_reads(self):
        pdf = invoice_pdf(paper.invoice(), render=render_pdf)

        assert paper.codes_of(pdf) == ["https://portal.northwind.example/i/7Q2MZ4K9T1"]

    @pytest.mark.parametrize(
        ("language", "words"),
        [
            (
                "de",
                ["Rechnung", "Zahlbetrag", "71,16 €", "07.12.2026", "30 Tage", "Seite 1 von 1", "USt. 19 %"],
            ),
            (
                "es",
                ["Factura", "Importe a pagar", "71,16 €", "7 dic 2026", "30 días", "Página 1 de 1", "IVA"],
            ),
        ],
    )
    def test_speaks_the_clients_language(self, language, words):
        text = printed(paper.invoice(2, language=language))

        for word in words:
            assert word in text
        assert "Invoice" not in text

    @pytest.mark.parametrize(
        ("currency", "price", "places", "shown"),
        [
            ("JPY", "4980", "1", ["¥9,960", "¥11,852", "4,980"]),
            ("KWD", "29.125", "0.001", ["KWD 58.250", "KWD 69.318", "29.125"]),
            ("USD", "29.9", "0.01", ["$59.80", "$71.16", "29.90"]),
        ],
    )
    def test_gives_each_currency_its_own_digits(self, currency, price, places, shown):
        rows = tuple(paper.line(number, price=Decimal(price)) for number in range(2))

        text = printed(paper.invoice(rows, places=Decimal(places), currency=currency))

        for figure in shown:
            assert figure in text

    def test_shows_the_same_decimals_in_a_column_of_prices(self):
        rows = (
            paper.line(
                unit_price=Decimal("0.0325"), net=Decimal("32.50"), quantity=Decimal(1000), serials=()
            ),
            paper.line(1),
        )

        text = printed(paper.invoice(rows))

        assert "0.0325" in text
        assert "29.9000" in text

    def test_names_each_rate_on_its_line_when_there_are_several(self):
        text = printed(paper.invoice((paper.line(), paper.line(1, tax_rate_pct=Decimal(7)))))

        assert "VAT 19% on 29.90" in text
        assert "VAT 7% on 29.90" in text
        assert re.search(r"29\.90 7% 29\.90", text)

    def test_says_why_no_tax_is_charged(self):
        text = printed(paper.invoice((paper.line(tax_category="AE", tax_rate_pct=Decimal(0)),)))

        assert "the recipient of the service owes the tax" in text
        assert "VAT not charged on 29.90" in text

    def test_prints_on_letter_paper_and_without_a_logo(self):
        seller = paper.branding(page_size="letter", logo=None)

        pdf = invoice_pdf(paper.invoice(1, seller=seller), render=render_pdf)

        document = pypdfium2.PdfDocument(pdf)
        try:
            assert document[0].get_size() == pytest.approx((612, 792))
        finally:
            document.close()
        assert "Northwind IT" in paper.text_of(pdf)

    def test_asks_for_nothing_when_all_is_paid(self):
        document = paper.invoice(1)
        settled = msgspec.structs.replace(document, prepaid=document.total, payable=Decimal(0))

        text = printed(settled)

        assert "this invoice is settled" in text
        assert "IBAN" not in text

    def test_says_nothing_of_the_product_that_printed_it(self):
        html = invoice_html(paper.invoice(2))

        assert "haas" not in html.lower()
        assert b"haas" not in invoice_pdf(paper.invoice(2), render=render_pdf).lower()


class TestCreditNote:
    def test_names_the_invoice_it_corrects_and_asks_for_no_money(self):
        text = printed(
            paper.invoice(
                1,
                kind="credit_note",
                number="NW-CN-7",
                references=(Reference(kind="invoice", number="NW-100", issued_on=date(2026, 10, 2)),),
            )
        )

        assert "Credit note" in text
        assert "€35.58 credited to invoice NW-100 of Oct 2, 2026" in text
        assert "Amount credited" in text
        assert "IBAN" not in text


class TestALongInvoice:
    def test_numbers_every_page_and_repeats_the_head(self, long_invoice):
        count = len(long_invoice)

        assert count > 15
        for number, page in enumerate(long_invoice, start=1):
            assert f"Page {number} of {count}" in page
        table_pages = [page for page in long_invoice if "5CG" in page]
        assert all("Description" in page and "Net (EUR)" in page for page in table_pages)
        assert all("Northwind IT · Invoice NW-2026-00123" in page for page in long_invoice[1:])

    def test_holds_every_line_once_and_tears_none_apart(self, long_invoice):
        whole = " ".join(long_invoice)

        for number in range(400):
            assert whole.count(f"5CG{number:04}ABC") == 1
        for page in long_invoice:
            assert page.count("HP EliteBook") == page.count("30 days")
        assert "€11,960.00" in long_invoice[-1]  # 400 × 29.90

    def test_breaks_a_line_of_many_devices_across_pages(self):
        devices = tuple(
            SerialRow(serial=f"S{number:04}", start=paper.START, until=paper.UNTIL, days=30)
            for number in range(150)
        )

        pages = paper.pages_of(invoice_pdf(paper.invoice((paper.line(serials=devices),))))

        assert len(pages) >= 3
        assert all(f"S{number:04}" in " ".join(pages) for number in range(150))


HOSTILE = (
    '<img src="http://127.0.0.1:9/x"/><script>alert(1)</script>',
    "</td></tr></table><h1>OWNED</h1>",
    '"><link rel="attachment" href="file:///etc/hostname"/>',
    "{{ 7 * 7 }} {% raw %} &lt; &amp; ]]>",
    "\x00\x08\x1b[31m\ufffe\ud800",
    "W" * 400,
    "الفاتورة 請求書 🧾",
)


class TestHostileText:
    @pytest.mark.parametrize(
        "text", HOSTILE, ids=["markup", "table", "attachment", "template", "control", "long", "scripts"]
    )
    def test_stays_text_in_every_field(self, text):
        seller = paper.branding(
            display_name=text, legal_name=text, address_lines=(text,), footer_lines=(text,),
            payment_lines=(text, f"{text}: {text}"), website=text, support_contact=text, sender_email=text,
        )  # fmt: skip
        device = SerialRow(
            serial=text, tag=text, description=text, start=paper.START, until=paper.UNTIL, days=30
        )
        document = paper.invoice(
            (paper.line(description=text, details=text, unit=text, serials=(device,)),),
            number=text,
            seller=seller,
            supplier=Party(tax_id=text, tax_registration=text, legal_id=text, contact_name=text),
            buyer=Buyer(name=text, address_lines=(text,), tax_id=text, customer_number=text),
            tax_name=text,
            references=(Reference(kind="order", number=text),),
            payment_terms=text,
            payment_reference=text,
            notes=(text,),
            tax_totals=(
                TaxTotal(rate_pct=Decimal(19), taxable=Decimal("29.9"), tax=Decimal("5.68"), reason=text),
            ),
        )

        pdf = invoice_pdf(document)

        assert b"EmbeddedFile" not in pdf
        assert b"/URI" not in pdf
        shown = paper.text_of(pdf)
        if "<" in text:
            assert text[:12].replace(" ", "") in shown.replace(" ", "").replace("\n", "")
        if "{{" in text:
            assert "7 * 7" in shown

"""Acceptance certificates and return receipts on paper."""

from __future__ import annotations

import pytest

from haas.documents.rendering import render_pdf
from leases.paper import HandOverDocument, ReturnReceiptDocument, hand_over_pdf, return_receipt_pdf
from tests import paper


class TestHandOverPdf:
    def test_says_what_was_accepted_by_whom_and_when(self):
        text = paper.text_of(hand_over_pdf(paper.hand_over(), render=render_pdf))

        for fact in (
            "Certificate of acceptance", "HO-2026-0042", "1 device handed over to Contoso Logistics SE",
            "NW-1042", "5CG4391ABC", "65 W charger", "Missing: sleeve", "Good", "L-2026-014",
            "Nov 23, 2026, 10:30 AM UTC+1", "Mara Vogt", "Head of IT", "Ben Okafor", "Accepted by",
        ):  # fmt: skip
            assert fact in text

    def test_speaks_german_and_counts_in_it(self):
        document = paper.hand_over(language="de", items=paper.kit() * 2)

        text = paper.text_of(hand_over_pdf(document, render=render_pdf))

        assert "Abnahmeprotokoll" in text
        assert "2 Geräte an Contoso Logistics SE übergeben" in text

    def test_is_the_same_for_the_same_document_read_back(self):
        document = paper.hand_over()

        again = HandOverDocument.from_json(document.to_json())

        assert hand_over_pdf(again) == hand_over_pdf(document, render=render_pdf)

    def test_leads_to_the_portal(self):
        pdf = hand_over_pdf(paper.hand_over(), render=render_pdf)

        assert paper.codes_of(pdf) == ["https://portal.northwind.example/d/7Q2MZ4K9T1"]


class TestReturnReceiptPdf:
    def test_says_what_came_back_and_when_its_charges_end(self):
        text = paper.text_of(return_receipt_pdf(paper.return_receipt(), render=render_pdf))

        for fact in (
            "Return receipt", "RR-2026-0017", "1 device taken back from", "5CG4391ABC", "Missing: sleeve",
            "Charges end on", "Nov 22, 2026", "Hamburg depot", "Each device is inspected next",
        ):  # fmt: skip
            assert fact in text

    def test_is_the_same_for_the_same_document_read_back(self):
        document = paper.return_receipt()

        again = ReturnReceiptDocument.from_json(document.to_json())

        assert return_receipt_pdf(again) == return_receipt_pdf(document, render=render_pdf)

    @pytest.mark.parametrize("language", ["en", "de", "es"])
    def test_fits_one_page_in_every_language(self, language):
        document = paper.return_receipt(language=language)

        assert len(paper.pages_of(return_receipt_pdf(document, render=render_pdf))) == 1

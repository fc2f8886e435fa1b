"""A pro-forma by its values alone: the same figures, no demand, a name for what it says."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from haas.documents.rendering import render_pdf
from haas.money import round_places
from invoicing.document import EarlyDiscount, InvoiceDocument, PaymentMeans
from invoicing.einvoice import missing
from invoicing.paper import invoice_html, invoice_pdf
from invoicing.pro_forma.rules import as_pro_forma, complete, contents_of
from tests import paper

TODAY = date(2026, 11, 30)


def an_invoice(**changes: Any) -> InvoiceDocument:
    asked = paper.invoice(**changes).total
    discount = EarlyDiscount(
        percent=Decimal(2), days=7, last_on=TODAY, base=asked, amount=round_places(asked * 2 / 100, 2)
    )
    means = PaymentMeans(code="58", iban="DE02120300000000202051", account_name="Northwind IT GmbH")
    return paper.invoice(
        payment_means=(means,),
        early_discounts=(discount,),
        payment_reference="RF18539007547034",
        pay_url="https://portal.northwind.example/pay/secret",
        **changes,
    )


def a_pro_forma(**changes: Any) -> InvoiceDocument:
    made = as_pro_forma(an_invoice(**changes), issued_on=TODAY)
    return complete(
        made, number="PF-2026-00007", portal_url="https://portal.northwind.example/pro-formas/pfi_1"
    )


class TestAProForma:
    def test_has_the_amounts_of_the_invoice_and_nothing_to_pay_it_by(self) -> None:
        invoice, made = an_invoice(), a_pro_forma()

        assert (made.kind, made.number, made.issued_on) == ("proforma", "PF-2026-00007", TODAY)
        assert made.lines == invoice.lines
        # 29.90 twice is 59.80; 19 % of it 11.362
        assert (made.net_total, made.tax_total, made.total) == (
            invoice.net_total,
            invoice.tax_total,
            invoice.total,
        )
        assert (made.due_on, made.payment_means, made.early_discounts) == (None, (), ())
        assert made.payment_terms == made.payment_reference == made.pay_url == ""

    def test_is_no_e_invoice(self) -> None:
        assert "kind" in {lack.name for lack in missing.for_cii(a_pro_forma())}

    def test_says_what_it_is_and_asks_for_nothing(self) -> None:
        said = paper.text_of(invoice_pdf(a_pro_forma(), render=render_pdf))

        assert "Pro-forma invoice: not a demand for payment, no input tax may be deducted from it." in said
        assert "PF-2026-00007" in said
        for demand in ("Amount due", "Due", "DE02", "RF18", "Payable within", "Reference"):
            assert demand not in said

    def test_prints_the_same_bytes_twice(self) -> None:
        assert invoice_pdf(a_pro_forma(), render=render_pdf) == invoice_pdf(a_pro_forma(), render=render_pdf)

    @pytest.mark.parametrize("language", ["de", "es"])
    def test_is_of_an_own_paper_in_every_language(self, language: str) -> None:
        assert f'<html lang="{language}"' in invoice_html(a_pro_forma(language=language))


class TestContents:
    def test_tell_papers_apart_by_what_they_say(self) -> None:
        one, other = a_pro_forma(), a_pro_forma(lines=3)

        assert contents_of([one]) == contents_of([msgspec.convert(msgspec.to_builtins(one), InvoiceDocument)])
        assert len({*contents_of([one, other])}) == 2

    def test_count_papers_that_say_the_same(self) -> None:
        first, second = contents_of([a_pro_forma(), a_pro_forma()])

        assert first != second
        assert first == contents_of([a_pro_forma()])[0]

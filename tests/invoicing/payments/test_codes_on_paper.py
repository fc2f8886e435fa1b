"""The codes beside the amount: one for banking apps, one for whoever pays online."""

from __future__ import annotations

import msgspec
import pytest

from invoicing.document import PaymentMeans
from invoicing.paper import invoice_html, transfer_code
from tests.paper import invoice, logo_png

IBAN = "DE02120300000000202051"
SEPA = PaymentMeans(code="58", iban=IBAN, account_name="Northwind IT GmbH")


class TestTheTransferCode:
    def test_holds_account_amount_and_reference(self) -> None:
        document = msgspec.structs.replace(
            invoice(), payment_means=(SEPA,), payment_reference="RF18539007547034"
        )
        code = transfer_code(document)

        assert code is not None
        assert code.split("\n") == [
            "BCD", "002", "1", "SCT", "", "Northwind IT GmbH", IBAN, f"EUR{document.payable:.2f}", "",
            "RF18539007547034",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        "means",
        [
            (),
            (PaymentMeans(code="30", iban=IBAN),),
            (PaymentMeans(code="58", iban="DE00120300000000202051"),),  # check digits are wrong
        ],
    )
    def test_is_left_out_where_no_bank_would_take_it(self, means: tuple[PaymentMeans, ...]) -> None:
        assert transfer_code(msgspec.structs.replace(invoice(), payment_means=means)) is None


class TestTheLinkOnPaper:
    def test_takes_the_place_of_the_portals(self) -> None:
        html = invoice_html(
            msgspec.structs.replace(invoice(), pay_url="https://portal.example/pay/s"), logo=logo_png()
        )
        assert 'href="https://portal.example/pay/s"' in html
        assert "See this invoice online" not in html

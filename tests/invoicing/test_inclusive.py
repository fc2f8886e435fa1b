"""Prices that include tax: what was agreed is what is paid, billed once, and taken back whole."""

from __future__ import annotations

from decimal import Decimal

import msgspec
from sqlalchemy.orm import Session

from haas.accounts.clients import edit_client
from invoicing import corrections
from invoicing.document import InvoiceDocument
from tests.cast import Cast
from tests.invoicing.world import APRIL, NOW, PORTAL, an_invoice, bill


class TestPricesWithTax:
    def test_are_met_to_the_cent_and_billed_once(self, session: Session, cast: Cast) -> None:
        edit_client(session, cast.tenant, client_id=cast.acme.id, changes={"prices_include_tax": True})

        invoice = an_invoice(session, cast.tenant, client_id=cast.acme.id)
        document = msgspec.convert(invoice.document, type=InvoiceDocument)

        # 63.00 and 93.00 with 8 %: 156 × 8/108 = 11.555…
        assert (invoice.total, invoice.tax_total) == (Decimal(156), Decimal("11.56"))
        assert [line.gross for line in document.lines] == [Decimal(63), Decimal(93)]
        assert document.prices_include_tax
        assert bill(session, cast.tenant) == []

    def test_go_back_whole(self, session: Session, cast: Cast) -> None:
        edit_client(session, cast.tenant, client_id=cast.acme.id, changes={"prices_include_tax": True})
        invoice = an_invoice(session, cast.tenant, client_id=cast.acme.id)

        credit = corrections.credit_invoice(
            session, cast.tenant, invoice_id=invoice.id, reason="Wrong client", issued_on=APRIL, at=NOW,
            portal_url=PORTAL,
        )  # fmt: skip

        assert (credit.total, credit.tax_total) == (-invoice.total, -invoice.tax_total)
        assert bill(session, cast.tenant) == []

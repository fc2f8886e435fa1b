"""Prices that include tax: what was agreed is what is paid, billed once, and taken back whole."""

from __future__ import annotations

from decimal import Decimal

import msgspec
from sqlalchemy.orm import Session

from haas.accounts.clients import edit_client
from invoicing import corrections
from invoicing.balance import Billed, to_bill
from invoicing.document import InvoiceDocument
from tests.cast import Cast
from tests.invoicing.test_ledger_posting import MARCH, post_until, sums
from tests.invoicing.world import APRIL, NOW, PORTAL, an_invoice, bill, keep_operating


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

    def test_post_income_and_tax_and_nothing_to_discounts(self, session: Session, cast: Cast) -> None:
        keep_operating(session, cast.tenant)
        edit_client(session, cast.tenant, client_id=cast.acme.id, changes={"prices_include_tax": True})

        invoice = an_invoice(session, cast.tenant, client_id=cast.acme.id)
        post_until(session, cast, APRIL)

        posted = sums(session)
        assert "discounts" not in posted
        assert posted["tax_payable"] == -invoice.tax_total == Decimal("-11.56")
        assert invoice.total - invoice.tax_total == Decimal("144.44")  # 156.00 - 11.56


def included(amount: str, tax: str) -> Billed:
    """A month that was billed by a price that includes tax."""
    return Billed("lin_1", "rent", MARCH, APRIL, Decimal(amount), 0, MARCH, included_tax=Decimal(tax))


class TestAGrossPrice:
    def test_goes_back_as_net_and_tax(self) -> None:
        [change] = to_bill([], [included("119.00", "19.00")], as_of=APRIL)

        # Net -100.00, tax -19.00: no part of it is a discount.
        assert (change.amount, change.net, change.included_tax) == (
            Decimal(-119),
            Decimal(-100),
            Decimal(-19),
        )
        assert change.net - change.amount + change.included_tax == 0

"""Prices that include tax: what was agreed is what is paid, billed once, and taken back whole."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.accounts.clients import edit_client
from invoicing import corrections
from invoicing.allowances.operations import NewRule, agree_rule
from invoicing.balance import Billed, to_bill
from invoicing.document import InvoiceDocument
from invoicing.ledger.models import FinanceLeaseLine
from invoicing.models import Invoice
from invoicing.rates import add_rate
from leases.classifying import offer_of
from tests.cast import Cast
from tests.invoicing.test_ledger_posting import MARCH, post_until, sums
from tests.invoicing.world import APRIL, NOW, PORTAL, a_rate, an_invoice, bill, keep_operating
from tests.leases.fleet import lease_in_service


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


def a_laptop(session: Session, cast: Cast, *, discount: str = "") -> Invoice:
    """Its rent from the first of April, 119.00 a month with 19 % in it; what was billed for April."""
    edit_client(session, cast.tenant, client_id=cast.acme.id, changes={"prices_include_tax": True})
    a_rate(session, cast.tenant, pct="19.000")
    if discount:
        off = NewRule(
            client_id=cast.acme.id, reason="Loyalty", valid_from=date(2026, 1, 1), percent=Decimal(discount),
            scope="lines", kinds=("rent",),
        )  # fmt: skip
        agree_rule(session, cast.tenant, wanted=off, at=NOW)
    lease_in_service(
        session, cast.tenant, client_id=cast.acme.id, accepted_at=datetime(2026, 4, 1, 9, tzinfo=UTC),
        rent="119.00",
    )  # fmt: skip
    (invoice,) = bill(session, cast.tenant)
    return invoice


class TestTheBooksOfAGrossPrice:
    """119.00 with 19 % in it are 100.00 of income and 19.00 of tax, which is never earned or lent."""

    def test_earn_what_is_left_without_tax(self, session: Session, cast: Cast) -> None:
        keep_operating(session, cast.tenant)
        invoice = a_laptop(session, cast)
        post_until(session, cast, APRIL)

        posted = sums(session)
        assert (posted["rent"], posted["tax_payable"]) == (Decimal(-100), Decimal(-19))
        assert not {"discounts", "deferred_rent"} & set(posted)
        assert posted["receivables"] == invoice.total == 119

    def test_tell_a_discount_without_its_tax(self, session: Session, cast: Cast) -> None:
        keep_operating(session, cast.tenant)
        invoice = a_laptop(session, cast, discount="10")
        post_until(session, cast, APRIL)

        # 119.00 less 10 % is 107.10: 90.00 and 17.10 of tax. Of the 11.90 taken off, 10.00 are the discount.
        posted = sums(session)
        assert (posted["rent"], posted["discounts"]) == (Decimal(-100), Decimal(10))
        assert posted["tax_payable"] == Decimal("-17.10")
        assert "deferred_rent" not in posted
        assert posted["receivables"] == invoice.total == Decimal("107.10")

    def test_class_a_lease_by_what_is_left_without_tax(self, session: Session, cast: Cast) -> None:
        edit_client(session, cast.tenant, client_id=cast.acme.id, changes={"prices_include_tax": True})
        a_rate(session, cast.tenant, pct="19")
        made = lease_in_service(
            session, cast.tenant, client_id=cast.acme.id, accepted_at=datetime(2026, 4, 1, 9, tzinfo=UTC),
            rent="119.00",
        )  # fmt: skip

        def rents() -> set[Decimal]:
            return {place.rent for place in offer_of(session, cast.tenant, made.lease, on=APRIL).places}

        assert rents() == {Decimal(100)}
        edit_client(session, cast.tenant, client_id=cast.acme.id, changes={"prices_include_tax": False})
        assert rents() == {Decimal(119)}

    def test_earn_before_it_is_billed_what_it_will_come_to(self, session: Session, cast: Cast) -> None:
        keep_operating(session, cast.tenant)
        a_laptop(session, cast)
        post_until(session, cast, date(2026, 6, 1))

        posted = sums(session)
        # May and June are not billed yet.
        assert (posted["rent"], posted["deferred_rent"]) == (Decimal(-300), Decimal(200))
        assert posted["tax_payable"] == -19

    def test_earn_no_tax_of_what_was_billed_before_prices_were_agreed_without_it(
        self, session: Session, cast: Cast
    ) -> None:
        keep_operating(session, cast.tenant)
        a_laptop(session, cast)
        edit_client(session, cast.tenant, client_id=cast.acme.id, changes={"prices_include_tax": False})
        post_until(session, cast, date(2026, 5, 1))

        # April was billed at 119.00 with 19.00 of tax in it, 35 months will be at 119.00 without:
        # (100 + 35 * 119) / 36 a month, twice.
        assert sums(session)["rent"] == Decimal("-236.94")

    def test_earn_by_the_rate_of_the_line_s_own_class(self, session: Session, cast: Cast) -> None:
        keep_operating(session, cast.tenant)
        edit_client(session, cast.tenant, client_id=cast.acme.id, changes={"prices_include_tax": True})
        for tax_class, pct in (("standard", "19"), ("reduced", "7")):
            add_rate(
                session, cast.tenant, country="US", category="S", tax_class=tax_class, rate_pct=Decimal(pct),
                name="Sales tax", valid_from=date(2020, 1, 1),
            )  # fmt: skip
        made = lease_in_service(
            session, cast.tenant, client_id=cast.acme.id, accepted_at=datetime(2026, 4, 1, 9, tzinfo=UTC),
            rent="107.00",
        )  # fmt: skip
        made.lines[0].tax_class = "reduced"
        session.flush()
        post_until(session, cast, APRIL)

        # Nothing is billed yet: 107.00 with 7 % in it will be 100.00, and not the 89.92 that 19 % leaves.
        assert sums(session)["rent"] == -100

    @pytest.mark.parametrize(("discount", "taken_off"), [("", 0), ("10", 10)])
    def test_lend_and_get_back_what_is_left_without_tax(
        self, session: Session, cast: Cast, discount: str, taken_off: int
    ) -> None:
        a_laptop(session, cast, discount=discount)
        post_until(session, cast, APRIL)

        line = session.scalars(sa.select(FinanceLeaseLine)).one()
        assert {Decimal(amount) for _, amount in line.rents} == {100}
        posted = sums(session)
        # The rent of April pays 100.00 back; the interest of the month is all that is earned.
        interest = -posted["interest"]
        lent = posted["net_investment"] + posted["unguaranteed_residual"]
        assert lent == line.receivable + line.residual + interest - 100
        assert not {"rent", "deferred_rent"} & set(posted)
        assert posted.get("discounts", 0) == taken_off
        rate = Decimal(19) / 100
        assert posted["tax_payable"] == -(100 - taken_off) * rate
        assert sum(posted.values()) == 0

"""Discounts and surcharges on issued papers: taxed exactly, given back as they were charged, posted apart."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.errors import InvalidInput
from invoicing import corrections, queries
from invoicing.allowances.operations import NewRule, agree_rule, end_rule
from invoicing.document import InvoiceDocument
from invoicing.models import Invoice
from tests.cast import Cast
from tests.invoicing.test_billing import ACCEPTED, NOW, PORTAL, a_rate, bill
from tests.leases.fleet import day, lease_in_service


def agree(session: Session, cast: Cast, **given: Any) -> str:
    """A rule with Acme from 2026 on."""
    wanted = NewRule(client_id=cast.acme.id, reason="Loyalty", valid_from=day("2026-01-01"), **given)
    return agree_rule(session, cast.tenant, wanted=wanted, at=NOW).id


def document_of(session: Session, invoice: Invoice) -> InvoiceDocument:
    session.refresh(invoice)
    return msgspec.convert(invoice.document, type=InvoiceDocument)


class TestDiscountedInvoice:
    def test_takes_line_then_paper_discounts_off_and_a_surcharge_on(
        self, session: Session, cast: Cast
    ) -> None:
        a_rate(session, cast.tenant)  # 8 %
        lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED, rent="93.00")
        agree(session, cast, scope="lines", percent=Decimal(10), kinds=("rent",))
        agree(session, cast, percent=Decimal(5))
        agree(session, cast, is_charge=True, amount=Decimal("3.00"), position=20, reason_code="ZZZ")
        (invoice,) = bill(session, cast, "2026-04-01")
        document = document_of(session, invoice)

        assert [line.net for line in document.lines] == [63, Decimal("83.70")]  # 93 less 10 %
        assert [line.allowances[0].amount for line in document.lines if line.allowances] == [Decimal("-9.30")]
        # 5 % of 146.70 is 7.335
        assert [each.amount for each in document.allowances] == [Decimal("-7.34"), 3]
        assert (invoice.net_total, invoice.tax_total) == (Decimal("142.36"), Decimal("11.39"))  # 8 %: 11.3888
        lines = queries.lines_of(session, cast.tenant, invoice_id=invoice.id)
        assert sum(row.net for row in lines) == invoice.net_total
        assert [row.net - row.allowance for row in lines] == [63, 93]  # what is due, and so not due again
        assert bill(session, cast, "2026-04-02") == []

    def test_of_all_of_it_asks_for_nothing_and_is_never_overdue(self, session: Session, cast: Cast) -> None:
        a_rate(session, cast.tenant)
        lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED, rent="93.00")
        agree(session, cast, percent=Decimal(100))
        (invoice,) = bill(session, cast, "2026-04-01")

        assert (invoice.total, invoice.state) == (Decimal(0), "paid")
        assert queries.state_shown(invoice, today=day("2026-12-01")) == "paid"
        assert bill(session, cast, "2026-04-02") == []

    def test_gives_back_what_was_charged_and_never_more(self, session: Session, cast: Cast) -> None:
        a_rate(session, cast.tenant)
        made = lease_in_service(
            session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED, rent="90.00"
        )
        rule_id = agree(session, cast, percent=Decimal(10))
        (march,) = bill(session, cast, "2026-04-01")
        end_rule(session, cast.tenant, rule_id=rule_id, until=day("2026-04-02"))
        made.lines[0].ends_on = day("2026-04-16")
        session.flush()
        (credit,) = bill(session, cast, "2026-04-20")
        # half of April: 45.00, of which 10 % was never charged, though the rule has ended
        assert (credit.kind, credit.net_total) == ("credit_note", Decimal("-40.50"))
        document = document_of(session, credit)
        assert (document.lines[0].unit_price, document.lines[0].allowances[0].amount) == (
            Decimal(45),
            Decimal("-4.50"),
        )
        corrections.credit_invoice(
            session,
            cast.tenant,
            invoice_id=march.id,
            reason="Cancelled",
            issued_on=day("2026-04-21"),
            at=NOW,
            portal_url=PORTAL,
        )
        given = session.scalar(
            sa.select(sa.func.sum(Invoice.total)).where(Invoice.credits_invoice_id == march.id)
        )
        assert given == -march.total
        assert bill(session, cast, "2026-04-22") == []

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({}, "percent"),
            ({"percent": Decimal(101)}, "percent"),
            ({"amount": Decimal("1.001")}, "amount"),
            ({"percent": Decimal(1), "kinds": ("beer",)}, "kinds"),
            ({"percent": Decimal(1), "reason_code": "ZZZ"}, "reason_code"),  # a surcharge's
            ({"percent": Decimal(1), "lease_id": "lse_of_nobody"}, "lease_id"),
        ],
    )
    def test_is_refused_where_no_paper_could_follow(
        self, session: Session, cast: Cast, given: dict[str, Any], field: str
    ) -> None:
        with pytest.raises(InvalidInput) as refused:
            agree(session, cast, **given)
        assert list(refused.value.fields) == [field]

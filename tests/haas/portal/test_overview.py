"""The sums of the overview: rent that falls due, and open invoices by how late they are."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.portal import overview
from haas.portal.overview import RentPart, rent_due
from invoicing.models import Invoice
from tests.cast import Cast
from tests.invoicing.world import a_lease, an_invoice

MONTHS = [date(2026, month, 1) for month in range(1, 7)]
JANUARY = 2026 * 12


def part(**changes: Any) -> RentPart:
    """A rent of 90.00 EUR a month, in advance, that runs on and on."""
    values: dict[str, Any] = {
        "currency": "EUR",
        "interval_months": 1,
        "is_in_arrears": False,
        "phase": 0,
        "first": JANUARY - 5,
        "last": JANUARY + 20,
        "amount": Decimal(90),
        **changes,
    }
    return RentPart(**values)


class TestRentDue:
    @pytest.mark.parametrize(
        ("changes", "amounts"),
        [
            ({}, [90, 90, 90, 90, 90, 90]),
            ({"last": JANUARY + 1}, [90, 90, 0, 0, 0, 0]),  # its last period begins in February
            ({"last": JANUARY + 1, "is_in_arrears": True}, [90, 90, 90, 0, 0, 0]),  # … and is billed in March
            ({"first": JANUARY + 3}, [0, 0, 0, 90, 90, 90]),
            ({"first": JANUARY + 3, "is_in_arrears": True}, [0, 0, 0, 0, 90, 90]),
            ({"interval_months": 3, "phase": 0}, [90, 0, 0, 90, 0, 0]),  # January is a multiple of 3
            ({"interval_months": 3, "phase": 1}, [0, 90, 0, 0, 90, 0]),
            ({"interval_months": 3, "phase": 1, "is_in_arrears": True}, [0, 90, 0, 0, 90, 0]),
        ],
    )
    def test_falls_in_the_months_of_the_contract(self, changes, amounts):
        assert rent_due([part(**changes)], months=MONTHS) == {"EUR": [Decimal(each) for each in amounts]}

    def test_is_summed_by_currency_and_rounded_once(self):
        parts = [part(amount=Decimal("10.004")), part(amount=Decimal("10.004")), part(currency="JPY")]
        due = rent_due(parts, months=MONTHS[:1])
        assert due == {"EUR": [Decimal("20.01")], "JPY": [Decimal(90)]}  # 20.008 is 20.01, not 20.00

    def test_is_read_from_the_leases_that_run(self, session: Session, cast: Cast):
        a_lease(session, cast.tenant, client_id=cast.acme.id, rent="93.00", lines=2)
        parts = overview.rent_parts(session, cast.tenant, as_of=date(2026, 4, 20))
        assert rent_due(parts, months=[date(2026, 5, 1)]) == {"USD": [Decimal("186.00")]}  # 2 x 93.00
        # 36 months from 1 April 2026: the last one begins on 1 March 2029.
        parts = overview.rent_parts(session, cast.tenant, as_of=date(2029, 2, 20))
        due = rent_due(parts, months=[date(2029, 3, 1), date(2029, 4, 1)])
        assert due == {"USD": [Decimal("186.00"), Decimal(0)]}


class TestOpenInvoices:
    @pytest.mark.parametrize(
        ("days_late", "age"), [(0, 0), (1, 1), (30, 1), (31, 2), (60, 2), (61, 3), (90, 3), (91, 4)]
    )
    def test_are_as_old_as_they_are_late(self, session: Session, cast: Cast, days_late, age):
        invoice = an_invoice(session, cast.tenant, client_id=cast.acme.id)
        as_of = invoice.due_on + timedelta(days=days_late)
        (unpaid,) = overview.open_invoices(session, cast.tenant, as_of=as_of)
        assert unpaid.ages == [invoice.total if at == age else 0 for at in range(5)]
        assert unpaid.late_invoices == (1 if age else 0)

    def test_count_what_was_paid_no_more(self, session: Session, cast: Cast):
        invoice = an_invoice(session, cast.tenant, client_id=cast.acme.id)
        session.execute(sa.update(Invoice).where(Invoice.id == invoice.id).values(paid_total=Decimal(100)))
        (unpaid,) = overview.open_invoices(session, cast.tenant, as_of=invoice.due_on + timedelta(days=5))
        assert unpaid.overdue == invoice.total - 100

"""Charges by hand: due once or each month, billed exactly once, voidable until then."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import partial
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from sqlalchemy.orm import Session

from haas.errors import Conflict, InvalidInput
from invoicing import billing, previews, queries
from invoicing.charges import imports
from invoicing.charges.operations import (
    ChargeBilled,
    NewCharge,
    end_charge,
    make_charge,
    void_charge,
)
from invoicing.charges.queries import standings
from invoicing.charges.recurrence import ChargeTerms, periods_due
from invoicing.corrections import credit_invoice
from invoicing.document import InvoiceDocument
from invoicing.rates import add_rate
from tests.cast import Cast
from tests.invoicing.test_billing import ACCEPTED, NOW, PORTAL, a_rate, bill
from tests.leases.fleet import day, lease_in_service

set_up = partial(
    NewCharge, description="Set-up on site", unit_price=Decimal("120.00"), charged_on=day("2026-04-01")
)


def terms(recurs: str, first: str, until: str | None = None) -> ChargeTerms:
    """10.00 at a time."""
    end = day(until) if until else None
    return ChargeTerms(recurs, day(first), end, Decimal(1), Decimal("10.00"), "USD")


class TestPeriodsDue:
    @pytest.mark.parametrize(
        ("recurs", "first", "until", "as_of", "starts"),
        [
            ("once", "2026-04-15", None, "2026-04-14", []),
            ("once", "2026-04-15", None, "2026-04-15", ["2026-04-15"]),
            ("monthly", "2026-01-31", None, "2026-03-31", ["2026-01-31", "2026-02-28", "2026-03-31"]),
            ("monthly", "2026-01-15", "2026-03-15", "2027-01-01", ["2026-01-15", "2026-02-15"]),
            ("monthly", "2026-01-15", "2026-03-16", "2027-01-01", ["2026-01-15", "2026-02-15", "2026-03-15"]),
        ],
    )
    def test_begin_on_the_first_day_of_each(
        self, recurs: str, first: str, until: str | None, as_of: str, starts: list[str]
    ) -> None:
        periods = periods_due(terms(recurs, first, until), as_of=day(as_of))
        assert [period.start.isoformat() for period in periods] == starts
        assert all(a.end == b.start for a, b in pairwise(periods))


class TestCharge:
    def test_is_billed_by_the_next_run_once_with_the_rent(self, session: Session, cast: Cast) -> None:
        a_rate(session, cast.tenant)
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED)
        wanted = set_up(
            client_id=cast.acme.id,
            lease_id=made.lease.id,
            asset_id=made.assets[0].id,
            quantity=Decimal("1.5"),
            reference="T-17",
        )
        charge = make_charge(session, cast.tenant, wanted=wanted, at=NOW)
        assert (
            make_charge(session, cast.tenant, wanted=wanted, at=NOW) is charge
        )  # asked again after a time-out

        (invoice,) = bill(session, cast, "2026-04-01")
        assert bill(session, cast, "2026-04-02") == []
        assert invoice.net_total == Decimal("67.74") + 100 + 180  # interim, April, 1.5 x 120
        (line,) = [
            row
            for row in queries.lines_of(session, cast.tenant, invoice_id=invoice.id)
            if row.kind == "charge"
        ]
        assert line.description == f"Set-up on site, {made.assets[0].serial}"
        assert (line.quantity, line.unit_price, line.lease_id) == (
            Decimal("1.5"),
            Decimal(120),
            made.lease.id,
        )
        (standing,) = standings(session, cast.tenant, charges=[charge])
        assert (standing.state, standing.billed and standing.billed.invoice_id) == ("billed", invoice.id)
        with pytest.raises(ChargeBilled, match="credit the invoice"):
            void_charge(session, cast.tenant, charge_id=charge.id, reason="Oops", at=NOW)

    def test_is_taxed_by_its_class_beside_others_on_one_paper(self, session: Session, cast: Cast) -> None:
        a_rate(session, cast.tenant, pct="19")
        add_rate(
            session,
            cast.tenant,
            country="US",
            category="S",
            tax_class="reduced",
            rate_pct=Decimal(7),
            name="Reduced",
            valid_from=day("2020-01-01"),
        )
        work = set_up(client_id=cast.acme.id)
        book = replace(work, description="Handbook", unit_price=Decimal("33.33"), tax_class="reduced")
        for wanted in (work, book, book):
            make_charge(session, cast.tenant, wanted=wanted, at=NOW)

        (invoice,) = bill(session, cast, "2026-04-01")

        document = msgspec.convert(invoice.document, type=InvoiceDocument)
        groups = [(row.rate_pct, row.taxable, row.tax) for row in document.tax_totals]
        assert sorted(groups) == [
            (Decimal(7), Decimal("66.66"), Decimal("4.67")),  # 4.6662
            (Decimal(19), Decimal(120), Decimal("22.80")),
        ]
        assert invoice.total == Decimal("214.13")  # 186.66 and 27.47
        credit = credit_invoice(
            session, cast.tenant, invoice_id=invoice.id, reason="Wrong", issued_on=day("2026-04-02"), at=NOW,
            portal_url=PORTAL,
        )  # fmt: skip
        assert (credit.tax_total, credit.total) == (-invoice.tax_total, -invoice.total)

    def test_needs_no_lease_and_is_gone_when_voided(self, session: Session, cast: Cast) -> None:
        a_rate(session, cast.tenant)
        kept, gone = (
            make_charge(session, cast.tenant, wanted=set_up(client_id=cast.acme.id), at=NOW) for _ in range(2)
        )
        void_charge(session, cast.tenant, charge_id=gone.id, reason="Entered twice", at=NOW)
        (invoice,) = bill(session, cast, "2026-04-01")
        assert (invoice.net_total, invoice.due_on) == (Decimal(120), day("2026-04-15"))
        states = [each.state for each in standings(session, cast.tenant, charges=[kept, gone])]
        assert states == ["billed", "voided"]

    def test_comes_each_month_until_it_ends(self, session: Session, cast: Cast) -> None:
        a_rate(session, cast.tenant)
        wanted = set_up(client_id=cast.acme.id, recurs="monthly")
        charge = make_charge(session, cast.tenant, wanted=wanted, at=NOW)
        totals = [[row.net_total for row in bill(session, cast, f"2026-0{month}-01")] for month in (4, 5)]
        assert totals == [[120], [120]]
        with pytest.raises(InvalidInput, match="The month from 01 May 2026 is billed"):
            end_charge(session, cast.tenant, charge_id=charge.id, until=day("2026-05-01"))
        end_charge(session, cast.tenant, charge_id=charge.id, until=day("2026-05-02"))
        assert bill(session, cast, "2026-07-01") == []
        assert standings(session, cast.tenant, charges=[charge])[0].state == "billed"

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"unit_price": Decimal("0.004")}, "unit_price"),
            ({"description": "  "}, "description"),
            ({"until": date(2027, 1, 1)}, "until"),
            ({"lease_id": "lse_of_nobody"}, "lease_id"),
            ({"purchase_order_id": "por_of_nobody"}, "purchase_order_id"),
            ({"asset_id": "ast_of_nobody"}, "asset_id"),
        ],
    )
    def test_is_refused_where_an_invoice_could_not_print_it(
        self, session: Session, cast: Cast, change: dict[str, Any], field: str
    ) -> None:
        with pytest.raises(InvalidInput) as refused:
            make_charge(session, cast.tenant, wanted=set_up(client_id=cast.acme.id, **change), at=NOW)
        assert list(refused.value.fields) == [field]

    def test_takes_a_reference_for_one_thing_alone(self, session: Session, cast: Cast) -> None:
        wanted = set_up(client_id=cast.acme.id, reference="T-1")
        make_charge(session, cast.tenant, wanted=wanted, at=NOW)
        other = set_up(client_id=cast.globex.id, reference="T-1")
        with pytest.raises(Conflict, match="T-1"):
            make_charge(session, cast.tenant, wanted=other, at=NOW)

    def test_is_billed_at_once_after_a_look_and_only_once(self, session: Session, cast: Cast) -> None:
        a_rate(session, cast.tenant)
        charge = make_charge(session, cast.tenant, wanted=set_up(client_id=cast.acme.id), at=NOW)
        seen = previews.preview_charge(session, cast.tenant, charge_id=charge.id, as_of=day("2026-04-01"))
        assert [paper.total for paper in seen.papers] == [Decimal("129.60")]  # 120 and 8 %
        at_once = partial(
            billing.bill_charge,
            session,
            cast.tenant,
            charge_id=charge.id,
            issued_on=day("2026-04-01"),
            at=NOW,
            portal_url=PORTAL,
        )
        assert at_once() == at_once()
        assert bill(session, cast, "2026-04-01") == []
        later = make_charge(
            session, cast.tenant, wanted=set_up(client_id=cast.acme.id, charged_on=day("2026-05-01")), at=NOW
        )
        with pytest.raises(InvalidInput, match="falls due on 01 May 2026"):
            at_once(charge_id=later.id)


class TestImport:
    HEAD = "Client;Description;Price;Date;Reference;PO\n"

    def test_brings_in_all_rows_and_none_of_them_twice(self, session: Session, cast: Cast) -> None:
        table = (
            f"{self.HEAD}C-0001;Delivery;12,50;2026-04-01;D-1;\nC-0002;Repair;80;2026-04-02;D-2;\n".encode()
        )
        read = imports.read(session, cast.tenant, content=table)
        made = [imports.bring_in(session, cast.tenant, read=read, at=NOW) for _ in range(2)]
        assert (read.errors, made) == ([], [2, 0])

    def test_tells_what_is_wrong_by_row_and_brings_in_nothing(self, session: Session, cast: Cast) -> None:
        table = (
            f"{self.HEAD}C-0001;Delivery;12,50;2026-04-01;D-1;\nC-9999;Repair;x;1.4.2026;D-1;77\n"
            "C-0002;Fee;0;2026-04-01;D-3;\n"
        ).encode()
        read = imports.read(session, cast.tenant, content=table)
        assert [(wrong.row, wrong.column) for wrong in read.errors] == [
            (3, "unit price"),
            (3, "date"),
            (3, "client"),
            (3, "purchase order"),
            (3, "reference"),
            (4, "unit price"),
        ]
        with pytest.raises(imports.NotClean, match="6 errors"):
            imports.bring_in(session, cast.tenant, read=read, at=NOW)

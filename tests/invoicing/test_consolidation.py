"""A client's papers by site, purchase order, agreement or lease; orders that are full, closed or expired."""

from __future__ import annotations

from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.errors import InvalidInput
from invoicing import corrections, previews, queries
from invoicing.purchase_orders import operations as orders
from leases.models import Lease, Line
from tests.cast import Cast
from tests.invoicing.test_billing import ACCEPTED, NOW, PORTAL, a_rate, bill
from tests.leases.fleet import day, lease_in_service


class TestConsolidation:
    def test_bills_a_client_by_one_paper_or_by_one_for_each_site(self, session: Session, cast: Cast) -> None:
        a_rate(session, cast.tenant)
        client = session.merge(cast.acme)
        here = lease_in_service(
            session, cast.tenant, client_id=client.id, site_id=cast.acme_site.id, accepted_at=ACCEPTED
        )
        there = lease_in_service(session, cast.tenant, client_id=client.id, accepted_at=ACCEPTED)
        (together,) = bill(session, cast, "2026-04-01")
        client.billing_grouping = "site"
        session.flush()
        apart = bill(session, cast, "2026-05-01")
        assert together.net_total == 2 * (Decimal("67.74") + 100)  # interim 100 x 21 / 31, and April
        assert [row.net_total for row in apart] == [100, 100]
        # An agreement's own rule goes before the client's.
        session.merge(here.agreement).billing_grouping = "client"
        session.merge(there.agreement).billing_grouping = "client"
        session.flush()
        assert [row.net_total for row in bill(session, cast, "2026-06-01")] == [200]

    def test_parts_papers_by_terms_of_payment(self, session: Session, cast: Cast) -> None:
        a_rate(session, cast.tenant)
        for days in (14, 30):
            lease_in_service(
                session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED, payment_terms_days=days
            )
        due = [row.due_on for row in bill(session, cast, "2026-04-01")]
        assert due == [day("2026-04-15"), day("2026-05-01")]


class TestAdvanceAndArrears:
    def test_meet_on_one_paper_each_for_its_own_month(self, session: Session, cast: Cast) -> None:
        """Months begin on the first for both: on 1 May rent of May in advance, of April in arrears."""
        a_rate(session, cast.tenant)
        for timing in ("advance", "arrears"):
            lease_in_service(
                session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED, timing=timing
            )
        bill(session, cast, "2026-04-01")
        (invoice,) = bill(session, cast, "2026-05-01")
        lines = queries.lines_of(session, cast.tenant, invoice_id=invoice.id)
        assert [(row.period_start, row.period_end, row.net) for row in lines] == [
            (day("2026-05-01"), day("2026-06-01"), Decimal(100)),
            (day("2026-04-01"), day("2026-05-01"), Decimal(100)),
        ]
        assert (invoice.document["start"], invoice.document["until"]) == ("2026-04-01", "2026-06-01")


class TestBillingUnderAnOrder:
    @pytest.fixture
    def order_id(self, session: Session, cast: Cast) -> str:
        """An order of 350.00, under which one of Acme's two leases of 100.00 a month is billed."""
        a_rate(session, cast.tenant)
        named, _ = (
            lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED).lease
            for _ in range(2)
        )
        order = orders.add_order(
            session,
            cast.tenant,
            client_id=cast.acme.id,
            number="4500017",
            amount_limit=Decimal("350.00"),
            at=NOW,
        )
        orders.name_on_lease(session, cast.tenant, lease_id=named.id, order_id=order.id)
        return order.id

    def test_stops_at_its_limit_says_so_and_goes_on_when_it_is_raised(
        self, session: Session, cast: Cast, order_id: str
    ) -> None:
        april, may, june = (bill(session, cast, f"2026-{month}-01") for month in ("04", "05", "06"))
        order = orders.get_order(session, cast.tenant, order_id=order_id)
        session.refresh(order)
        assert order.billed_total == Decimal("267.74")  # 67.74 in March, 100 in April and in May
        assert [row.net_total for row in [*april, *may, *june]] == [Decimal("335.48"), 200, 100]
        session.refresh(may[0])
        lines = may[0].document["lines"]
        assert sorted(line["details"] for line in lines) == ["", "Order 4500017"]  # two leases, one of it
        (problem,) = queries.problems_of(
            queries.chunks_of(session, cast.tenant, run_id=queries.recent_runs(session, cast.tenant)[0].id)
        )
        assert "4500017 has 82.26 USD left of 350.00, but 100.00 is to be billed" in problem["problem"]
        preview = previews.preview_client(
            session, cast.tenant, client_id=cast.acme.id, as_of=day("2026-06-01")
        )
        assert (len(preview.papers), len(preview.waiting)) == (0, 1)

        # What is credited by hand is free again: 82.26 and 20.00 are enough.
        (line,) = [
            row
            for row in queries.lines_of(session, cast.tenant, invoice_id=may[0].id)
            if row.purchase_order_id
        ]
        corrections.credit_invoice(
            session,
            cast.tenant,
            invoice_id=may[0].id,
            amounts={line.id: Decimal("20.00")},
            reason="Late delivery",
            issued_on=day("2026-06-02"),
            at=NOW,
            portal_url=PORTAL,
        )
        assert [row.net_total for row in bill(session, cast, "2026-06-02")] == [100]
        session.refresh(order)
        assert order.billed_total == Decimal("347.74")

    def test_is_counted_again_by_the_database(self, session: Session, cast: Cast, order_id: str) -> None:
        with pytest.raises(sa.exc.IntegrityError, match="within_limit"), session.begin_nested():
            orders.count_billed(session, cast.tenant, amounts={order_id: Decimal("350.01")})

    def test_is_not_limited_below_what_was_billed(self, session: Session, cast: Cast, order_id: str) -> None:
        bill(session, cast, "2026-04-01")
        with pytest.raises(InvalidInput, match=r"167\.74 USD were billed"):
            orders.change_order(
                session,
                cast.tenant,
                order_id=order_id,
                description="",
                valid_from=None,
                valid_until=None,
                amount_limit=Decimal(100),
            )
        orders.close_order(session, cast.tenant, order_id=order_id, at=NOW)
        assert [row.net_total for row in bill(session, cast, "2026-05-01")] == [100]  # the other lease

    def test_is_named_once_by_a_paper_that_is_billed_under_it_alone(
        self, session: Session, cast: Cast, order_id: str
    ) -> None:
        session.merge(cast.acme).billing_grouping = "purchase_order"
        session.flush()
        papers = bill(session, cast, "2026-04-01")
        for paper in papers:
            session.refresh(paper)
        assert sorted(paper.document["buyer_order"] for paper in papers) == ["", "4500017"]
        assert [line["details"] for paper in papers for line in paper.document["lines"][1:]] == ["", ""]

    def test_is_given_back_to_the_order_it_was_billed_under_when_another_is_named(
        self, session: Session, cast: Cast, order_id: str
    ) -> None:
        bill(session, cast, "2026-04-01")
        lease = session.scalars(sa.select(Lease).where(Lease.purchase_order_id == order_id)).one()
        other = orders.add_order(session, cast.tenant, client_id=cast.acme.id, number="4500018", at=NOW)
        orders.name_on_lease(session, cast.tenant, lease_id=lease.id, order_id=other.id)
        (line,) = session.scalars(sa.select(Line).where(Line.lease_id == lease.id))
        line.ends_on = day("2026-04-16")
        session.flush()
        _, credit = bill(session, cast, "2026-05-01")  # beside it the other lease's invoice
        order = orders.get_order(session, cast.tenant, order_id=order_id, lock=True)
        assert (credit.net_total, order.billed_total) == (
            Decimal(-50),
            Decimal("117.74"),
        )  # 167.74 - 100 x 15 / 30
        session.refresh(credit)
        assert credit.document["buyer_order"] == "4500017"

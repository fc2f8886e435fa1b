"""A lost device costs its stipulated loss value, and gives it back when it is found."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from devices.operations import move_asset
from devices.queries import get_asset
from haas.documents.rendering import render_pdf
from haas.errors import InvalidInput
from haas.outbox import OutboxEvent
from leases import books, queries
from leases.end_paper import loss_table_pdf
from leases.end_papers import loss_table_of_lease
from leases.ends import losses
from leases.ends.models import LossCharge
from leases.errors import AssetNotOnLease
from tests.cast import Cast
from tests.invoicing.world import PORTAL, a_rate, bill
from tests.leases.fleet import InService, day, lease_in_service
from tests.paper import text_of

AT = datetime(2026, 3, 1, 15, 0, tzinfo=UTC)
LOST = datetime(2026, 4, 10, 15, 0, tzinfo=UTC)


@pytest.fixture
def made(session: Session, cast: Cast) -> InService:
    """A laptop of 1,200, residual value 120, at 100.00 a month from March to May."""
    a_rate(session, cast.tenant)
    return lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=AT, term_months=3)


def confirmed(session: Session, cast: Cast, made: InService, **changes: str) -> LossCharge:
    """It was lost on 10 April."""
    wanted = {"cause": "lost", **changes}
    return losses.confirm_loss(
        session, cast.tenant, asset_id=made.assets[0].id, lost_on=day("2026-04-10"), at=LOST, **wanted
    )


class TestTableOfLease:
    def test_adds_up_its_devices_and_is_printed(self, session: Session, cast: Cast, made: InService) -> None:
        table = losses.table_of_lease(session, cast.tenant, lease=made.lease)
        # At 6 percent, 0.5 a month. March: 100/1.005 + 100/1.005^2 + 120/1.005^3 = 316.73.
        # April: 100/1.005 + 120/1.005^2 = 218.31. May: 120/1.005 = 119.40. Then 120.00.
        assert [amount for _, _, amount in table.totals] == [
            Decimal("316.73"), Decimal("218.31"), Decimal("119.40"), Decimal("120.00"),
        ]  # fmt: skip
        paper = loss_table_of_lease(session, cast.tenant, lease=made.lease, at=AT, base_url=PORTAL)
        text = text_of(loss_table_pdf(paper, render=render_pdf))
        assert all(said in text for said in ("Stipulated loss values", "316.73", "after the term"))


class TestConfirmLoss:
    def test_bills_the_value_of_the_month_and_the_rent_of_that_month(
        self, session: Session, cast: Cast, made: InService
    ) -> None:
        made.lines[0].tax_class = "zero"
        charge = confirmed(session, cast, made)
        assert (charge.month, charge.amount) == (1, Decimal("218.31"))
        assert charge.tax_class == "zero"  # as its rent is taxed
        (invoice,) = bill(session, cast.tenant, day("2026-06-01"))
        # March and April, 200.00, and 218.31; nothing of May.
        assert invoice.net_total == Decimal("418.31")
        lease = queries.get_lease(session, cast.tenant, lease_id=made.lease.id)
        assert (lease.state, lease.lines[0].ends_on) == ("closed", day("2026-05-01"))

    def test_writes_the_book_off_against_it(self, session: Session, cast: Cast, made: InService) -> None:
        confirmed(session, cast, made)
        view = books.view_book(session, cast.tenant, asset_id=made.assets[0].id, as_of=day("2026-04-10"))
        # Only March bore 30.00: 218.31 - 1,170.00.
        assert (view.value, view.gain) == (Decimal(0), Decimal("-951.69"))

    def test_takes_up_a_device_that_was_reported_before(
        self, session: Session, cast: Cast, made: InService
    ) -> None:
        asset_id = made.assets[0].id
        move_asset(session, cast.tenant, asset_id=asset_id, verb="report_lost", at=LOST)
        confirmed(session, cast, made)
        assert get_asset(session, cast.tenant, asset_id=asset_id).state == "lost"

    def test_of_a_theft_needs_the_polices_reference(
        self, session: Session, cast: Cast, made: InService
    ) -> None:
        with pytest.raises(InvalidInput):
            confirmed(session, cast, made, cause="stolen")
        assert confirmed(session, cast, made, cause="stolen", reference="P-1").reference == "P-1"

    def test_happens_once(self, session: Session, cast: Cast, made: InService) -> None:
        confirmed(session, cast, made)
        with pytest.raises(AssetNotOnLease):
            confirmed(session, cast, made)


class TestReverseIfFound:
    def test_gives_all_of_it_back_once_and_goes_on_with_the_book(
        self, session: Session, cast: Cast, made: InService
    ) -> None:
        confirmed(session, cast, made)
        bill(session, cast.tenant, day("2026-06-01"))
        asset_id = made.assets[0].id
        assert losses.reverse_if_found(session, cast.tenant, asset_id=asset_id, on=day("2026-06-05")) is None
        move_asset(
            session, cast.tenant, asset_id=asset_id, verb="recover", at=datetime(2026, 6, 5, 9, 0, tzinfo=UTC)
        )
        told = session.scalars(sa.select(OutboxEvent.name).where(OutboxEvent.name == "asset.recovered"))
        assert len(told.all()) == 1
        for _ in range(2):
            losses.reverse_if_found(session, cast.tenant, asset_id=asset_id, on=day("2026-06-05"))
        (credit,) = bill(session, cast.tenant, day("2026-06-06"))
        assert (credit.kind, credit.net_total) == ("credit_note", Decimal("-218.31"))
        assert bill(session, cast.tenant, day("2026-06-06")) == []
        view = books.view_book(session, cast.tenant, asset_id=asset_id, as_of=day("2026-06-06"))
        assert view.disposal is None

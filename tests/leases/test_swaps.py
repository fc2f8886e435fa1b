"""A swap is one transaction over state, custody, assignment, days, book and return."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from devices.models import Custody
from devices.moves import WipeRequired
from haas.calendar import Period
from haas.errors import Conflict, InvalidInput, NotFound
from haas.lifecycle import IllegalMove
from haas.outbox import OutboxEvent
from leases import queries
from leases.contract import stays_of
from leases.errors import AssetNotOnLease, WrongAsset
from leases.models import Swap
from leases.schedule import split_by_serial
from leases.swaps import swap_asset
from tests.cast import Cast
from tests.leases.fleet import a_model, a_spare, day, lease_in_service

ACCEPTED = datetime(2026, 3, 1, 15, 0, tzinfo=UTC)
SWAPPED = datetime(2026, 4, 11, 14, 0, tzinfo=UTC)


class TestSwapAsset:
    def test_splits_the_months_days_by_serial_and_keeps_the_rent(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED)
        spare = a_spare(session, cast.tenant, model=made.model, at=ACCEPTED)
        swap_asset(
            session,
            cast.tenant,
            outgoing_id=made.assets[0].id,
            incoming_id=spare.id,
            reason="fault",
            at=SWAPPED,
        )
        rows = queries.assignments_by_line(session, cast.tenant, line_ids=[made.lines[0].id])
        april = Period(day("2026-04-01"), day("2026-05-01"))
        shares = split_by_serial(
            Decimal("100.00"),
            april,
            stays_of(rows[made.lines[0].id], time_zone="America/New_York"),
            currency="USD",
        )
        assert [(share.days, share.amount) for share in shares] == [
            (10, Decimal("33.33")),  # 1 to 10 April: 100 x 10 / 30
            (20, Decimal("66.67")),  # the day of the swap belongs to the incoming asset
        ]

    def test_moves_both_assets_and_orders_the_old_one_back(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(
            session, cast.tenant, client_id=cast.acme.id, site_id=cast.acme_site.id, accepted_at=ACCEPTED
        )
        outgoing = made.assets[0]
        spare = a_spare(session, cast.tenant, model=made.model, at=ACCEPTED)
        swap_asset(
            session, cast.tenant, outgoing_id=outgoing.id, incoming_id=spare.id, reason="fault", at=SWAPPED
        )
        back = queries.find_open_return(session, cast.tenant, asset_id=outgoing.id)

        assert (outgoing.state, spare.state) == ("in_transit_in", "in_service")
        assert (spare.client_id, spare.site_id) == (cast.acme.id, cast.acme_site.id)
        assert back is not None
        assert back.state == "collected"
        assert queries.find_book(session, cast.tenant, asset_id=spare.id) is not None
        names = set(session.scalars(sa.select(OutboxEvent.name)))
        assert {"lease.asset_swapped", "return.requested", "return.collected"} <= names

    def test_leaves_no_gap_and_no_overlap_in_custody(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED)
        spare = a_spare(session, cast.tenant, model=made.model, at=ACCEPTED)
        swap_asset(
            session,
            cast.tenant,
            outgoing_id=made.assets[0].id,
            incoming_id=spare.id,
            reason="refresh",
            at=SWAPPED,
        )
        spans = session.scalars(
            sa.select(Custody.during)
            .where(Custody.asset_id == made.assets[0].id)
            .order_by(sa.func.lower(Custody.during))
        ).all()
        assert all(before.upper == after.lower for before, after in itertools.pairwise(spans))

    def test_scanned_twice_with_one_key_is_one_swap(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED)
        spare = a_spare(session, cast.tenant, model=made.model, at=ACCEPTED)
        swaps = [
            swap_asset(
                session,
                cast.tenant,
                outgoing_id=made.assets[0].id,
                incoming_id=spare.id,
                reason="fault",
                at=SWAPPED,
                idempotency_key="phone-7",
            )
            for _ in range(2)
        ]
        assert swaps[0].id == swaps[1].id
        assert session.scalar(sa.select(sa.func.count()).select_from(Swap)) == 1

    def test_refuses_another_model_unless_the_client_agreed_to_one(
        self, session: Session, cast: Cast
    ) -> None:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED)
        tower = a_spare(
            session, cast.tenant, model=a_model(session, cast.tenant, name="Tower", at=ACCEPTED), at=ACCEPTED
        )
        with pytest.raises(WrongAsset):
            swap_asset(
                session,
                cast.tenant,
                outgoing_id=made.assets[0].id,
                incoming_id=tower.id,
                reason="fault",
                at=SWAPPED,
            )
        swap = swap_asset(
            session,
            cast.tenant,
            outgoing_id=made.assets[0].id,
            incoming_id=tower.id,
            reason="upgrade",
            at=SWAPPED,
        )
        assert swap.incoming_id == tower.id

    def test_refuses_an_asset_that_is_in_service_itself(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED, lines=2)
        with pytest.raises((IllegalMove, WipeRequired)):
            swap_asset(
                session,
                cast.tenant,
                outgoing_id=made.assets[0].id,
                incoming_id=made.assets[1].id,
                reason="fault",
                at=SWAPPED,
            )

    def test_refuses_an_outgoing_asset_that_stands_on_no_lease(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED)
        first, second = (a_spare(session, cast.tenant, model=made.model, at=ACCEPTED) for _ in range(2))
        with pytest.raises(AssetNotOnLease):
            swap_asset(
                session, cast.tenant, outgoing_id=first.id, incoming_id=second.id, reason="fault", at=SWAPPED
            )

    def test_refuses_an_unknown_reason_and_one_asset_for_both(self, session: Session, cast: Cast) -> None:
        with pytest.raises(InvalidInput, match="one of"):
            swap_asset(
                session, cast.tenant, outgoing_id="ast_a", incoming_id="ast_b", reason="boredom", at=SWAPPED
            )
        with pytest.raises(InvalidInput, match="two different"):
            swap_asset(
                session, cast.tenant, outgoing_id="ast_a", incoming_id="ast_a", reason="fault", at=SWAPPED
            )

    def test_does_not_see_a_strangers_asset(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED)
        spare = a_spare(session, cast.tenant, model=made.model, at=ACCEPTED)
        with pytest.raises(NotFound):
            swap_asset(
                session,
                cast.stranger,
                outgoing_id=made.assets[0].id,
                incoming_id=spare.id,
                reason="fault",
                at=SWAPPED,
            )

    def test_cannot_happen_before_the_asset_was_placed(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED)
        spare = a_spare(session, cast.tenant, model=made.model, at=ACCEPTED - timedelta(days=9))
        with pytest.raises((Conflict, InvalidInput)):
            swap_asset(
                session,
                cast.tenant,
                outgoing_id=made.assets[0].id,
                incoming_id=spare.id,
                reason="fault",
                at=ACCEPTED - timedelta(days=1),
            )

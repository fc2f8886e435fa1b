"""The way back: notice, collection, receipt, inspection, charge, and no way around the wipe certificate."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from devices.moves import WipeRequired
from devices.operations import move_asset
from haas.errors import Conflict, InvalidInput
from leases import operations, queries, returns
from leases.errors import WrongAsset
from leases.lifecycle import LeaseState
from leases.models import ReturnOrder
from tests.cast import Cast
from tests.leases.fleet import InService, day, lease_in_service

ACCEPTED = datetime(2026, 3, 1, 15, 0, tzinfo=UTC)
LATER = datetime(2026, 9, 20, 15, 0, tzinfo=UTC)

cents = st.decimals(min_value=0, max_value=100_000, places=2)


def received(session: Session, cast: Cast, made: InService, *, number: int = 0) -> ReturnOrder:
    """A return order whose asset is on the dock."""
    order = returns.request_return(
        session,
        cast.tenant,
        asset_id=made.assets[number].id,
        reason="scale down",
        notice_on=day("2026-09-01"),
        due_on=day("2026-09-30"),
        at=LATER - timedelta(days=10),
    )
    returns.collect(session, cast.tenant, return_id=order.id, at=LATER - timedelta(days=1), carrier="Courier")
    return returns.receive(
        session, cast.tenant, return_id=order.id, at=LATER, serial_seen=made.assets[number].serial or ""
    )


class TestDamageCharge:
    @given(repair=cents, value=cents)
    def test_is_never_more_than_the_repair_or_the_fair_market_value(
        self, repair: Decimal, value: Decimal
    ) -> None:
        charge = returns.damage_charge(repair_cost=repair, fair_market_value=value)
        assert charge <= repair
        assert charge <= value
        assert charge in (repair, value)


class TestReceive:
    def test_stops_the_rent_after_the_day_of_receipt_and_closes_the_lease(
        self, session: Session, cast: Cast
    ) -> None:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED)
        order = received(session, cast, made)

        assert made.lines[0].ends_on == day("2026-09-21")  # exclusive: the 20th is the last rent day
        assert made.lease.state == LeaseState.CLOSED
        assert made.assets[0].state == "quarantine"
        assert order.state == "received"

    def test_leaves_the_lease_open_while_other_assets_stand_on_it(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED, lines=2)
        received(session, cast, made)
        assert made.lease.state == LeaseState.ACTIVE

    def test_refuses_an_unexpected_serial(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED)
        order = returns.request_return(
            session,
            cast.tenant,
            asset_id=made.assets[0].id,
            reason="ends",
            notice_on=day("2026-09-01"),
            due_on=day("2026-09-30"),
            at=LATER,
        )
        returns.collect(session, cast.tenant, return_id=order.id, at=LATER)
        with pytest.raises(WrongAsset, match="Set it apart"):
            returns.receive(session, cast.tenant, return_id=order.id, at=LATER, serial_seen="SOMETHING-ELSE")
        assert order.state == "collected"


class TestInspect:
    def test_caps_the_charge_and_opens_the_dispute_window(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED)
        order = received(session, cast, made)
        returns.inspect(
            session,
            cast.tenant,
            return_id=order.id,
            at=LATER,
            grade="C",
            repair_cost=Decimal(480),
            fair_market_value=Decimal(310),
            kit_missing=["charger"],
            damage_notes="Cracked lid",
        )
        assert order.damage_charge == Decimal(310)
        assert order.dispute_until == day("2026-10-04")  # 20 September + 14 days
        assert made.assets[0].grade == "C"

    def test_wants_words_for_a_charge_and_knows_its_kit(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED)
        order = received(session, cast, made)
        for wrong, field in (
            ({"repair_cost": Decimal(5)}, "damage_notes"),
            ({"kit_missing": ["hovercraft"]}, "kit_missing"),
            ({"grade": "Z"}, "grade"),
            ({"repair_cost": Decimal(-5)}, "repair_cost"),
        ):
            terms = {"grade": "B", "fair_market_value": Decimal(100), **wrong}
            with pytest.raises(InvalidInput) as refusal:
                returns.inspect(session, cast.tenant, return_id=order.id, at=LATER, **terms)  # type: ignore[arg-type]
            assert list(refusal.value.fields) == [field]

    def test_closes_by_itself_when_nobody_disputes(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED)
        order = received(session, cast, made)
        returns.inspect(
            session,
            cast.tenant,
            return_id=order.id,
            at=LATER,
            grade="B",
            repair_cost=Decimal(50),
            fair_market_value=Decimal(310),
            damage_notes="Dent",
        )
        assert returns.close_undisputed(session, cast.tenant, today=day("2026-10-04")) == 0
        assert returns.close_undisputed(session, cast.tenant, today=day("2026-10-05")) == 1
        assert order.state == "closed"

    def test_disputed_waits_until_it_is_settled_at_no_more(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED)
        order = received(session, cast, made)
        returns.inspect(
            session,
            cast.tenant,
            return_id=order.id,
            at=LATER,
            grade="B",
            repair_cost=Decimal(50),
            fair_market_value=Decimal(310),
            damage_notes="Dent",
        )
        returns.dispute(session, cast.tenant, return_id=order.id, at=LATER)
        assert returns.close_undisputed(session, cast.tenant, today=day("2027-01-01")) == 0
        with pytest.raises(InvalidInput):
            returns.settle(session, cast.tenant, return_id=order.id, charge=Decimal(51))
        returns.settle(session, cast.tenant, return_id=order.id, charge=Decimal(20))
        assert (order.state, order.damage_charge) == ("closed", Decimal(20))


class TestAfterReturn:
    def test_no_redeployment_and_no_disposal_without_a_wipe_certificate(
        self, session: Session, cast: Cast
    ) -> None:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED)
        order = received(session, cast, made)
        returns.inspect(
            session, cast.tenant, return_id=order.id, at=LATER, grade="A", fair_market_value=Decimal(500)
        )
        asset = made.assets[0]
        move_asset(session, cast.tenant, asset_id=asset.id, verb="refurbish", at=LATER)
        with pytest.raises(WipeRequired):
            move_asset(session, cast.tenant, asset_id=asset.id, verb="restock", at=LATER)
        move_asset(session, cast.tenant, asset_id=asset.id, verb="retire", at=LATER)
        with pytest.raises(WipeRequired):
            move_asset(session, cast.tenant, asset_id=asset.id, verb="dispose", at=LATER)


class TestCancel:
    def test_lets_the_asset_stay(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED)
        order = returns.request_return(
            session,
            cast.tenant,
            asset_id=made.assets[0].id,
            reason="ends",
            notice_on=day("2026-09-01"),
            due_on=day("2026-09-30"),
            at=LATER,
        )
        returns.cancel(session, cast.tenant, return_id=order.id, at=LATER)
        assert made.assets[0].state == "in_service"
        with pytest.raises(Conflict):
            returns.collect(session, cast.tenant, return_id=order.id, at=LATER)


class TestNoticeOfALease:
    def test_asks_back_everything_once(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(
            session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED, lines=2, term_months=12
        )
        lease = operations.give_notice(
            session, cast.tenant, lease_id=made.lease.id, noticed_on=day("2026-09-20"), at=LATER
        )
        for _ in range(2):
            returns.request_returns_of_lease(
                session, cast.tenant, lease=lease, notice_on=day("2026-09-20"), at=LATER
            )
        orders = queries.returns_of(session, cast.tenant, lease_id=lease.id)
        assert [order.due_on for order in orders] == [lease.ends_on, lease.ends_on]

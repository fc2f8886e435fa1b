"""The demo's swaps and returns: one of each kind and in each step."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from devices.models import Asset
from devices.operations import move_asset
from devices.sanitisation import certify_wipe
from leases import operations, returns
from leases.models import ReturnOrder
from leases.queries import find_open_return
from leases.swaps import swap_asset

if TYPE_CHECKING:
    from haas.demo.story import Story


def tell_returns(story: Story) -> None:
    """Swap one, end one lease, let one run over its term, close one, and take some back on the way."""
    moment = story.moment
    story.tell(moment(2, day=21), lambda session: _swap(story, session, moment(2, day=21)))
    story.tell(moment(2, day=9), lambda session: _take_back_damaged(story, session, moment(2, day=9)))
    story.tell(moment(2, day=15), lambda session: _end_field(story, session, moment(2, day=15)))
    story.tell(moment(1, day=17), lambda session: _collect_one(story, session, moment(1, day=17)))
    story.tell(moment(3, day=22), lambda session: _hold_over(story, session, moment(3, day=22)))
    story.tell(moment(5, day=4), lambda session: _close_season(story, session, moment(5, day=4)))
    story.tell(moment(1, day=6), lambda session: _let_pass(story, session, moment(1, day=6)))


def _swap(story: Story, session: Session, at: datetime) -> None:
    plan = story.contracts.plans["studio"]
    swap_asset(
        session,
        story.house.tenant,
        outgoing_id=plan.assets[2].id,
        incoming_id=story.take("workstation").id,
        reason="fault",
        at=at,
        condition="Power supply dead",
    )


def _take_back_damaged(story: Story, session: Session, at: datetime) -> None:
    plan = story.contracts.plans["studio"]
    asset = plan.assets[5]
    order = _take_back(story, session, asset, at=at, reason="One seat less")
    returns.inspect(
        session,
        story.house.tenant,
        return_id=order.id,
        at=at + timedelta(days=6),
        grade="C",
        repair_cost=Decimal("260.00"),
        fair_market_value=Decimal("640.00"),
        kit_missing=["keyboard"],
        damage_notes="Case dented, front panel missing",
    )


def _end_field(story: Story, session: Session, at: datetime) -> None:
    lease = story.contracts.lease_of("field")
    day = story.day_of(at)
    operations.give_notice(
        session, story.house.tenant, lease_id=lease.id, noticed_on=day, at=at, reason="The project ends"
    )
    returns.request_returns_of_lease(session, story.house.tenant, lease=lease, notice_on=day, at=at)


def _collect_one(story: Story, session: Session, at: datetime) -> None:
    """The first tablet of the ending lease is on its way back."""
    asset = story.contracts.plans["field"].assets[0]
    order = find_open_return(session, story.house.tenant, asset_id=asset.id)
    if order is not None:
        returns.collect(session, story.house.tenant, return_id=order.id, at=at, carrier="Parcel courier")


def _hold_over(story: Story, session: Session, at: datetime) -> None:
    lease = story.contracts.lease_of("project")
    day = story.day_of(at)
    if lease.ends_on is not None and lease.ends_on <= day:
        operations.hold_over(session, story.house.tenant, lease_id=lease.id, today=day, at=at)


def _close_season(story: Story, session: Session, at: datetime) -> None:
    """Both come back: one is wiped and goes on the shelf again, one is taken apart."""
    tenant = story.house.tenant
    kept, gone = story.contracts.plans["season"].assets
    for asset, grade in ((kept, "A"), (gone, "D")):
        order = _take_back(story, session, asset, at=at, reason="The season is over")
        returns.inspect(
            session,
            tenant,
            return_id=order.id,
            at=at + timedelta(days=5),
            grade=grade,
            fair_market_value=Decimal("900.00") if grade == "A" else Decimal("90.00"),
        )
    later = at + timedelta(days=7)
    for asset, method in ((kept, "purge"), (gone, "destroy")):
        _wipe(story, session, asset, method=method, at=later)
    move_asset(session, tenant, asset_id=kept.id, verb="refurbish", at=later)
    move_asset(session, tenant, asset_id=kept.id, verb="restock", at=later + timedelta(days=1))
    move_asset(session, tenant, asset_id=gone.id, verb="retire", at=later)
    move_asset(
        session,
        tenant,
        asset_id=gone.id,
        verb="dispose",
        at=later + timedelta(days=9),
        reason="Sold to the recycler",
        details={"proceeds": "40.00", "buyer": "Green Metals"},
    )


def _let_pass(story: Story, session: Session, at: datetime) -> None:
    """Charges that nobody disputed are closed, and billed by the next run."""
    returns.close_undisputed(session, story.house.tenant, today=story.day_of(at))


def _take_back(story: Story, session: Session, asset: Asset, *, at: datetime, reason: str) -> ReturnOrder:
    tenant, day = story.house.tenant, story.day_of(at)
    order = returns.request_return(
        session,
        tenant,
        asset_id=asset.id,
        reason=reason,
        notice_on=day,
        due_on=day + timedelta(days=5),
        at=at,
    )
    returns.collect(session, tenant, return_id=order.id, at=at + timedelta(days=2), carrier="Parcel courier")
    return returns.receive(
        session,
        tenant,
        return_id=order.id,
        at=at + timedelta(days=4),
        serial_seen=asset.serial or asset.tag,
        received_by="Warehouse",
    )


def _wipe(story: Story, session: Session, asset: Asset, *, method: str, at: datetime) -> None:
    technician = story.house.scene.people[3][1]
    certify_wipe(
        session,
        story.house.tenant,
        asset_id=asset.id,
        method=method,
        destination="redeploy" if method == "purge" else "destruction",
        technique="cryptographic erase" if method == "purge" else "shred",
        tool="nvme-cli 2.8" if method == "purge" else "DIN 66399 H-5 shredder",
        media=[{"media_type": "NVMe", "maker": "Apple", "model": "AP0512", "serial": f"{asset.serial}-M"}],
        verification="full",
        verified_by=story.house.scene.people[0][1],
        performed_by=technician,
        performed_at=at,
        place="Workshop",
    )

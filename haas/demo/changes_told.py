"""The demo's amendments: a place given back for free, two of which one would cost, and rent not owed."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from leases import returns
from leases.amendments import operations
from leases.amendments.wanted import Wanted
from leases.queries import find_open_return

if TYPE_CHECKING:
    from haas.demo.story import Story

_BACK = 11  # the office's last laptop


def tell_changes(story: Story) -> None:
    """What the office gave back and asks to give back, and what the studio did not owe."""
    moment = story.moment
    story.tell(moment(5, day=6), lambda session: _abate(story, session, moment(5, day=6)))
    story.tell(moment(4, day=3), lambda session: _give_back(story, session, moment(4, day=3)))
    story.tell(moment(3, day=8), lambda session: _receive(story, session, moment(3, day=8)))
    story.tell(moment(0, day=28), lambda session: _ask(story, session, moment(0, day=28)))


def _abate(story: Story, session: Session, at: datetime) -> None:
    """Half the rent of two workstations for the days on which the studio was without power."""
    first = story.day_of(at)
    _amend(
        story,
        session,
        key="studio",
        kind="abate",
        wanted=Wanted(
            line_ids=_places(story, "studio", 3, 4), share_pct=Decimal(50), last_day=first + timedelta(days=8)
        ),
        on_days=0,
        at=at,
        reason="Power cut in the building",
    )


def _give_back(story: Story, session: Session, at: datetime) -> None:
    """One of thirteen places a year is free, with thirty days of notice."""
    _amend(
        story,
        session,
        key="office",
        kind="scale_down",
        wanted=Wanted(line_ids=_places(story, "office", _BACK)),
        on_days=37,
        at=at,
        reason="One seat less",
    )


def _receive(story: Story, session: Session, at: datetime) -> None:
    """It comes back in its last days."""
    tenant = story.house.tenant
    asset = story.contracts.plans["office"].assets[_BACK]
    order = find_open_return(session, tenant, asset_id=asset.id)
    if order is None:
        raise RuntimeError(f"nobody asked for {asset.tag} back")
    returns.collect(session, tenant, return_id=order.id, at=at - timedelta(days=1), carrier="Parcel courier")
    returns.receive(
        session,
        tenant,
        return_id=order.id,
        at=at,
        serial_seen=asset.serial or asset.tag,
        received_by="Warehouse",
    )
    returns.inspect(
        session,
        tenant,
        return_id=order.id,
        at=at + timedelta(days=3),
        grade="B",
        fair_market_value=Decimal("780.00"),
    )


def _ask(story: Story, session: Session, at: datetime) -> None:
    """One of two more is free this year, the other costs what the agreement says; nobody has decided yet."""
    operations.request_amendment(
        session,
        story.house.tenant,
        lease_id=story.contracts.lease_of("office").id,
        kind="scale_down",
        effective_on=story.day_of(at) + timedelta(days=45),
        wanted=Wanted(line_ids=_places(story, "office", _BACK - 3, _BACK - 2)),
        at=at,
        reason="Two desks are empty",
    )


def _amend(
    story: Story,
    session: Session,
    *,
    key: str,
    kind: str,
    wanted: Wanted,
    on_days: int,
    at: datetime,
    reason: str,
) -> None:
    """Asked for and approved at once, to hold so many days later."""
    operations.amend(
        session,
        story.house.tenant,
        lease_id=story.contracts.lease_of(key).id,
        kind=kind,
        effective_on=story.day_of(at) + timedelta(days=on_days),
        wanted=wanted,
        at=at,
        reason=reason,
    )


def _places(story: Story, key: str, *numbers: int) -> tuple[str, ...]:
    return tuple(story.contracts.plans[key].placed[number].id for number in numbers)

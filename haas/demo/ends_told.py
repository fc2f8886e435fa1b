"""The demo's ends of leases: notices, choices, devices that clients buy, and one that is lost."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from invoicing import deposits, offboarding
from leases.ends import buyouts, choices, losses, notices
from leases.ends.choices import Wish
from leases.ends.places import places_on
from leases.ends.policy import Option

if TYPE_CHECKING:
    from haas.demo.story import Story


def tell_ends(story: Story) -> None:
    """Notices as they fell due; one device sold, one offered, one lost; choices for the studio's."""
    moment = story.moment
    for months_ago in range(11, -1, -1):
        at = moment(months_ago, day=4)
        story.tell(at, lambda session, at=at: _give_notices(story, session, at))  # type: ignore[misc]
    story.tell(moment(11, day=28), lambda session: _secure(story, session, moment(11, day=28)))
    story.tell(moment(1, day=9), lambda session: _lose(story, session, moment(1, day=9)))
    story.tell(moment(1, day=19), lambda session: _sell(story, session, moment(1, day=19), 0, agree=True))
    story.tell(moment(0, day=6), lambda session: _sell(story, session, moment(0, day=6), 1, agree=False))
    story.tell(moment(0, day=6), lambda session: _choose(story, session, moment(0, day=6)))
    offer = story.contracts.add("left", client=3, site=0, term=24, lines=["tablet"], at=moment(0, day=7))
    story.tell(offer.at, partial(story.contracts.sell, plan=offer, until="quoted"))
    story.tell(moment(0, day=8), lambda session: _leave(story, session, moment(0, day=8)))


def _give_notices(story: Story, session: Session, at: datetime) -> None:
    notices.give_due(session, story.house.tenant, today=story.day_of(at), at=at)


def _lose(story: Story, session: Session, at: datetime) -> None:
    asset = story.contracts.plans["studio"].assets[7]
    losses.confirm_loss(
        session,
        story.house.tenant,
        asset_id=asset.id,
        cause="stolen",
        lost_on=story.day_of(at),
        at=at,
        reference="P-2207/81",
    )


def _sell(story: Story, session: Session, at: datetime, number: int, *, agree: bool) -> None:
    """Devices of the lease that is held over are offered to whoever will not give them back."""
    day, asset = story.day_of(at), story.contracts.plans["project"].assets[number]
    offer = buyouts.offer(session, story.house.tenant, asset_id=asset.id, priced_on=day, today=day, at=at)
    if agree:
        buyouts.agree(
            session,
            story.house.tenant,
            buyout_id=offer.id,
            agreed_by="Miles Okafor",
            agreed_on=day,
            at=at,
        )


def _choose(story: Story, session: Session, at: datetime) -> None:
    lease = story.contracts.lease_of("studio")
    wanted = (Option.BUY, Option.RENEW, Option.RETURN)
    places = places_on(session, story.house.tenant, lease_ids=[lease.id])
    wishes = [Wish(place.line.id, option) for place, option in zip(places, wanted, strict=False)]
    choices.choose(
        session, story.house.tenant, lease_id=lease.id, wishes=wishes, today=story.day_of(at), at=at
    )


def _leave(story: Story, session: Session, at: datetime) -> None:
    """A client that had an offer alone is off-boarded: its papers are still to be bundled."""
    tenant, client = story.house.tenant, story.house.clients[3]
    work = offboarding.start_offboarding(
        session,
        tenant,
        client_id=client.id,
        noticed_on=story.day_of(at),
        reason="The owners retire",
        at=at,
    )
    for lease_id in offboarding.leases_to_end(session, tenant, offboarding_id=work.id):
        offboarding.end_one(session, tenant, offboarding_id=work.id, lease_id=lease_id, at=at)
    offboarding.note_ended(session, tenant, offboarding_id=work.id, problems=[])


def _secure(story: Story, session: Session, at: datetime) -> None:
    """The office paid a deposit."""
    lease = story.contracts.lease_of("office")
    deposit = deposits.ask_deposit(
        session,
        story.house.tenant,
        lease_id=lease.id,
        amount=Decimal(1500),
        asked_on=story.day_of(at),
        at=at,
    )
    deposits.receive(
        session,
        story.house.tenant,
        deposit_id=deposit.id,
        amount=Decimal(1500),
        on=story.day_of(at),
        reference="TRF-DEPOSIT-1",
        at=at,
    )

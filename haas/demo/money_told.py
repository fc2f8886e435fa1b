"""What the demo tells of money: a client that paid too much and got some back, and one with goodwill."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from invoicing.money import balances, receipts, refunds

if TYPE_CHECKING:
    from haas.demo.story import Story

_PAID, _BACK, _GOODWILL = Decimal(1250), Decimal(250), Decimal(75)


def tell_money(story: Story) -> None:
    """The first client pays ahead, the second was promised something for a late delivery."""
    story.tell(story.moment(1, day=20), partial(_pay_ahead, story))
    story.tell(story.moment(1, day=22), partial(_give_back, story))
    story.tell(story.moment(1, day=23), partial(_grant, story))


def _pay_ahead(story: Story, session: Session) -> None:
    client, at = story.house.clients[0], story.moment(1, day=20)
    receipts.record_receipt(
        session,
        story.house.tenant,
        client_id=client.id,
        amount=_PAID,
        currency=client.currency,
        received_on=at.date(),
        method="transfer",
        reference=f"TRF-{client.number}-AHEAD",
        allocations=None,
        source="bank",
        at=at,
    )


def _give_back(story: Story, session: Session) -> None:
    client, at = story.house.clients[0], story.moment(1, day=22)
    credit = balances.balance_of(session, story.house.tenant, client_id=client.id)
    amount = min(_BACK, credit.get(client.currency, Decimal(0)))
    if amount:
        refunds.refund_balance(
            session,
            story.house.tenant,
            client_id=client.id,
            amount=amount,
            currency=client.currency,
            reason="Paid more than was due, and asked for it back",
            on=at.date(),
            at=at,
        )


def _grant(story: Story, session: Session) -> None:
    client, at = story.house.clients[1], story.moment(1, day=23)
    balances.grant(
        session,
        story.house.tenant,
        client_id=client.id,
        amount=_GOODWILL,
        currency=client.currency,
        reason="Two laptops came a week late",
        on=at.date(),
        at=at,
    )

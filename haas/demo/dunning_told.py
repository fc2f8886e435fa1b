"""The demo's reminders: the plan is on, one invoice is disputed, payment of another is promised."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from invoicing import queries
from invoicing.dunning import disputing, reminding, rules
from invoicing.holds import held

if TYPE_CHECKING:
    from haas.demo.story import Story


def tell_dunning(story: Story) -> None:
    """This month, when a few invoices are open."""
    at = story.moment(0, day=2) + timedelta(hours=1)
    story.tell(at, partial(_dun, story, at=at))


def _dun(story: Story, session: Session, *, at: datetime) -> None:
    tenant, today = story.house.tenant, story.day_of(at)
    policy = reminding.policy_of(session, tenant)
    rules.change_policy(session, tenant, policy=replace(policy, is_on=True))
    items = queries.open_items(session, tenant)
    if not items:
        return
    first, last = items[0], items[-1]
    disputing.open_dispute(
        session,
        tenant,
        invoice_id=first.invoice_id,
        reason="wrong_amount",
        words="Two of the laptops went back in the middle of the month.",
        at=at,
    )
    held.pause(
        session,
        tenant,
        client_id=last.client_id,
        invoice_id=last.invoice_id,
        kind="promise",
        reason="Their bookkeeper, on the phone",
        until=today + timedelta(days=10),
        today=today,
        at=at,
    )
    reminding.remind(session, tenant, today=today, at=at)

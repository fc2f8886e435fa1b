"""What the demo tells of finance houses: one lease whose hardware a funder paid for, one paid back early."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from haas.money import round_minor
from leases.finance.funding import funding_schedule
from leases.funding import operations, queries
from leases.funding.models import Funding

if TYPE_CHECKING:
    from haas.demo.story import Story

FUNDERS = ("Linden Asset Finance", "Harbour Leasing Bank")
ACCOUNTS = dict(zip(FUNDERS, ("K-4471", "820-1193"), strict=True))


def tell_fundings(story: Story) -> None:
    """Two funders, and what each has paid for."""
    story.tell(story.moment(8, day=2), partial(_fund, story, key="servers", name=FUNDERS[0]))
    story.tell(story.moment(0, day=27), partial(_pay, story, key="servers"))
    story.tell(story.moment(9, day=6), partial(_fund, story, key="studio", name=FUNDERS[1]))
    story.tell(story.moment(2, day=15), partial(_settle, story, key="studio"))


def _fund(story: Story, session: Session, *, key: str, name: str) -> None:
    """The funder pays nine tenths of the cost and bears a tenth of it after the term."""
    plan, tenant = story.contracts.plans[key], story.house.tenant
    lease = story.contracts.lease_of(key)
    if lease.commences_on is None:
        raise RuntimeError(f"{key} has not commenced yet")
    at = max(plan.at, story.moment(9, day=6))
    funder = operations.register_funder(
        session, tenant, name=name, at=at, email="leasing@funder.example", account=ACCOUNTS[name]
    )
    cost = sum((asset.cost for asset in plan.assets), Decimal(0))
    currency = lease.currency
    operations.fund_lease(
        session,
        tenant,
        lease_id=lease.id,
        funder_id=funder.id,
        agreed=operations.Agreed(
            amount=round_minor(cost * 9 / 10, currency),
            annual_rate_pct=Decimal("5.4"),
            balloon=round_minor(cost / 10, currency),
            settlement_fee_pct=Decimal(1),
        ),
        at=at,
        residual_share_pct=Decimal(50),
        reference=f"{name[:2].upper()}-2041",
    )


def _pay(story: Story, session: Session, *, key: str, months_ago: int = 0) -> None:
    """What has fallen due by then was paid on its day."""
    funding, at = _funding(story, session, key=key), story.moment(months_ago, day=15)
    for row in funding_schedule(queries.terms_of_funding(funding)):
        if row.due_on <= at.date():
            operations.record_payment(
                session,
                story.house.tenant,
                funding_id=funding.id,
                number=row.number,
                paid_on=row.due_on,
                at=at,
            )


def _settle(story: Story, session: Session, *, key: str) -> None:
    """The bank is paid back: the rents are the partner's own."""
    _pay(story, session, key=key, months_ago=2)
    funding = _funding(story, session, key=key)
    operations.settle_early(
        session, story.house.tenant, funding_id=funding.id, on=story.moment(2, day=15).date()
    )


def _funding(story: Story, session: Session, *, key: str) -> Funding:
    lease = story.contracts.lease_of(key)
    found = queries.find_funding(session, story.house.tenant, lease_id=lease.id)
    if found is None:
        raise RuntimeError(f"{key} is not funded yet")
    return found

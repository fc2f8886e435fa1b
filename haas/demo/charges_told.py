"""The demo's charges by hand, an order with a limit, a pro-forma, and what two clients agreed on."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from invoicing import arrangements
from invoicing.allowances.operations import NewRule, agree_rule
from invoicing.charges.operations import NewCharge, make_charge, void_charge
from invoicing.grouping import Grouping
from invoicing.pro_forma import operations as pro_formas
from invoicing.purchase_orders import operations as orders

if TYPE_CHECKING:
    from haas.demo.story import Story


def tell_charges(story: Story) -> None:
    """This month: what waits for the next run."""
    at = story.moment(0, day=2)
    story.tell(at, partial(_charge, story, at=at))


def _charge(story: Story, session: Session, *, at: datetime) -> None:
    tenant, today = story.house.tenant, story.day_of(at)
    lease = story.contracts.lease_of("office")
    order = orders.add_order(
        session,
        tenant,
        client_id=lease.client_id,
        number="4500017231",
        description="Workplaces",
        valid_from=today,
        amount_limit=Decimal(25000),
        at=at,
    )
    orders.name_on_lease(session, tenant, lease_id=lease.id, order_id=order.id)
    for description, category, price, recurs in (
        ("Set-up on site, 14 workplaces", "set_up", "420.00", "once"),
        ("Backup of the file server", "other", "35.00", "monthly"),
        ("Courier, entered twice", "delivery", "18.00", "once"),
    ):
        wanted = NewCharge(
            client_id=lease.client_id,
            lease_id=lease.id,
            description=description,
            category=category,
            unit_price=Decimal(price),
            recurs=recurs,
            charged_on=today,
        )
        charge = make_charge(session, tenant, wanted=wanted, at=at)
        if category == "delivery":
            void_charge(session, tenant, charge_id=charge.id, reason="Entered twice", at=at)
    loyal = NewRule(
        client_id=lease.client_id,
        reason="Loyalty discount",
        percent=Decimal("2.5"),
        valid_from=today,
        scope="lines",
        kinds=("rent",),
    )
    agree_rule(session, tenant, wanted=loyal, at=at)
    pro_formas.make(
        session,
        tenant,
        client_id=lease.client_id,
        as_of=today,
        issued_on=today,
        at=at,
        portal_url=story.portal_url,
    )
    other = story.house.clients[1]
    arrangements.part_by(session, tenant, client_id=other.id, grouping=Grouping.SITE)
    small = NewRule(
        client_id=other.id,
        reason="Small invoice",
        is_charge=True,
        amount=Decimal("4.50"),
        net_below=Decimal(100),
        valid_from=today,
    )
    agree_rule(session, tenant, wanted=small, at=at)

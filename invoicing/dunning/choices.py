"""By which plan each client is reminded: the usual one, one of the partner's others, or never."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.accounts.clients import get_client
from haas.errors import InvalidInput
from haas.ids import new_id
from haas.tenancy.partners import lock_partner
from haas.tenancy.scope import Tenant, scoped
from invoicing.dunning.models import DunningChoice
from invoicing.dunning.policy import NEVER, DunningPolicy


def choose_plan(session: Session, tenant: Tenant, *, client_id: str, plan: str, at: datetime) -> str:
    """Remind a client by this plan from now on; the empty name is the usual one.

    Steps that were taken stay taken: a client that changes plan is not reminded of the same day twice.

    :raises InvalidInput: if the partner has no such plan.
    """
    get_client(session, tenant, client_id=client_id)
    policy = DunningPolicy.of_policies(lock_partner(session, tenant).policies)
    if plan and plan != NEVER and plan not in policy.plans:
        known = ", ".join([*policy.plans, NEVER])
        raise InvalidInput(f"There is no plan {plan}. Choose one of: {known}.", field="plan")
    known_row = session.scalar(scoped(DunningChoice, tenant).where(DunningChoice.client_id == client_id))
    if known_row is not None:
        session.delete(known_row)
        session.flush()
    if plan:
        session.add(
            DunningChoice(
                partner_id=tenant.partner_id,
                id=new_id("dch"),
                client_id=client_id,
                plan=plan,
                chosen_at=at,
                actor=tenant.actor,
            )
        )
        session.flush()
    return plan


def chosen_plans(
    session: Session, tenant: Tenant, *, client_ids: Collection[str] | None = None
) -> dict[str, str]:
    """The plans of clients that have another than the usual one, by client; one query."""
    statement = scoped(DunningChoice, tenant)
    if client_ids is not None:
        statement = statement.where(DunningChoice.client_id.in_(client_ids))
    return {row.client_id: row.plan for row in session.scalars(statement)}


def count_by_plan(session: Session, tenant: Tenant) -> dict[str, int]:
    """How many clients have each plan; one query."""
    rows = session.execute(
        sa.select(DunningChoice.plan, sa.func.count())
        .where(DunningChoice.partner_id == tenant.partner_id)
        .group_by(DunningChoice.plan)
    )
    return {row[0]: row[1] for row in rows}

"""Change a partner's rules about reminders: the whole policy, or one step of its plan."""

from __future__ import annotations

from dataclasses import replace

import msgspec
from sqlalchemy.orm import Session

from haas.errors import InvalidInput, NotFound
from haas.tenancy.models import Partner
from haas.tenancy.partners import lock_partner
from haas.tenancy.scope import Tenant
from invoicing.dunning.plan import Step
from invoicing.dunning.policy import POLICY, DunningPolicy


def change_policy(session: Session, tenant: Tenant, *, policy: DunningPolicy) -> DunningPolicy:
    """Keep these rules from now on; letters that were written stay as they are.

    :raises InvalidInput: naming the field that cannot be.
    """
    partner = lock_partner(session, tenant)
    return _keep(session, partner, policy)


def put_step(session: Session, tenant: Tenant, *, step_no: int, step: Step) -> DunningPolicy:
    """Put a step in the place of the one with this number (from 0), or behind the last.

    :raises NotFound: for a number that lies beyond that.
    :raises InvalidInput: naming the field that cannot be.
    """
    partner = lock_partner(session, tenant)
    policy = DunningPolicy.of_policies(partner.policies)
    steps = list(policy.plan.steps)
    if not 0 <= step_no <= len(steps):
        raise NotFound(f"There is no step {step_no}.")
    steps[step_no : step_no + 1] = [step]
    return _keep(session, partner, replace(policy, plan=replace(policy.plan, steps=tuple(steps))))


def remove_step(session: Session, tenant: Tenant, *, step_no: int) -> DunningPolicy:
    """Take a step out of the plan.

    :raises NotFound: if there is none of this number.
    """
    partner = lock_partner(session, tenant)
    policy = DunningPolicy.of_policies(partner.policies)
    steps = list(policy.plan.steps)
    if not 0 <= step_no < len(steps):
        raise NotFound(f"There is no step {step_no}.")
    del steps[step_no]
    return _keep(session, partner, replace(policy, plan=replace(policy.plan, steps=tuple(steps))))


def policy_from(plain: object) -> DunningPolicy:
    """Rules as JSON writes them.

    :raises InvalidInput: naming what is missing or of another kind.
    """
    try:
        return msgspec.convert(plain, type=DunningPolicy, strict=False)
    except msgspec.ValidationError as wrong:
        said, _, where = str(wrong).partition(" - at `$.")
        raise InvalidInput(f"{said}.", field=where.rstrip("`") or "policy") from wrong


def _keep(session: Session, partner: Partner, policy: DunningPolicy) -> DunningPolicy:
    checked = policy.check()
    partner.policies = {**partner.policies, POLICY: checked.kept()}
    session.flush()
    return checked

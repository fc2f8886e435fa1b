"""Change a partner's rules about reminders: the whole policy, or one step of its plan."""

from __future__ import annotations

from dataclasses import replace

import msgspec
from sqlalchemy.orm import Session

from haas.errors import Conflict, InvalidInput, NotFound
from haas.tenancy.models import Partner
from haas.tenancy.partners import lock_partner
from haas.tenancy.scope import Tenant
from invoicing.dunning.choices import count_by_plan
from invoicing.dunning.plan import Step, fingerprint
from invoicing.dunning.policy import NEVER, POLICY, DunningPolicy


class StepsChanged(Conflict):
    """Somebody changed the plan's steps since they were shown."""

    code = "changed_meanwhile"

    def __init__(self) -> None:
        super().__init__(
            "Somebody changed the steps of this plan since you opened this page. Nothing was saved: open the"
            " plan anew, then decide."
        )


def locked_policy(session: Session, tenant: Tenant) -> DunningPolicy:
    """The rules as they stand, which nobody else changes until the transaction ends."""
    return DunningPolicy.of_policies(lock_partner(session, tenant).policies)


def change_policy(session: Session, tenant: Tenant, *, policy: DunningPolicy) -> DunningPolicy:
    """Keep these rules from now on; letters that were written stay as they are.

    :raises InvalidInput: naming the field that cannot be.
    """
    partner = lock_partner(session, tenant)
    return _keep(session, tenant, partner, policy)


def add_plan(session: Session, tenant: Tenant, *, name: str) -> DunningPolicy:
    """A further plan, which begins with the usual steps.

    :raises InvalidInput: if the name is taken, or is none.
    """
    partner, name = lock_partner(session, tenant), name.strip()
    policy = DunningPolicy.of_policies(partner.policies)
    if name in policy.plans:
        raise InvalidInput(f"There is a plan {name} already.", field="name")
    return _keep(session, tenant, partner, policy.with_steps(name, policy.plan.steps))


def remove_plan(session: Session, tenant: Tenant, *, name: str) -> DunningPolicy:
    """Do without a plan that no client has.

    :raises NotFound: if there is none of this name.
    :raises Conflict: if clients are reminded by it.
    """
    partner = lock_partner(session, tenant)
    policy = DunningPolicy.of_policies(partner.policies)
    if name not in policy.plans:
        raise NotFound(f"There is no plan {name}.")
    plans = {each: steps for each, steps in policy.plans.items() if each != name}
    return _keep(session, tenant, partner, replace(policy, plans=plans))


def put_step(
    session: Session, tenant: Tenant, *, step_no: int, step: Step, plan: str = "", shown: str | None = None
) -> DunningPolicy:
    """Put a step in the place of the one with this number (from 0), or behind the last.

    :param shown: `fingerprint` of the steps that the number was chosen of; none: whichever stand there now.
    :raises StepsChanged: if they are others by now, so that the number may be another step's.
    :raises NotFound: for a number that lies beyond that.
    :raises InvalidInput: naming the field that cannot be.
    """
    partner = lock_partner(session, tenant)
    policy, steps = _steps(partner, plan, shown)
    if not 0 <= step_no <= len(steps):
        raise NotFound(f"There is no step {step_no}.")
    steps[step_no : step_no + 1] = [step]
    return _keep(session, tenant, partner, policy.with_steps(plan, steps))


def remove_step(
    session: Session, tenant: Tenant, *, step_no: int, plan: str = "", shown: str | None = None
) -> DunningPolicy:
    """Take a step out of the plan.

    :raises StepsChanged: as `put_step`.
    :raises NotFound: if there is none of this number.
    """
    partner = lock_partner(session, tenant)
    policy, steps = _steps(partner, plan, shown)
    if not 0 <= step_no < len(steps):
        raise NotFound(f"There is no step {step_no}.")
    del steps[step_no]
    return _keep(session, tenant, partner, policy.with_steps(plan, steps))


def policy_from(plain: object) -> DunningPolicy:
    """Rules as JSON writes them.

    :raises InvalidInput: naming what is missing or of another kind.
    """
    try:
        return msgspec.convert(plain, type=DunningPolicy, strict=False)
    except msgspec.ValidationError as wrong:
        said, _, where = str(wrong).partition(" - at `$.")
        raise InvalidInput(f"{said}.", field=where.rstrip("`") or "policy") from wrong


def _steps(partner: Partner, plan: str, shown: str | None) -> tuple[DunningPolicy, list[Step]]:
    policy = DunningPolicy.of_policies(partner.policies)
    if plan and plan not in policy.plans:
        raise NotFound(f"There is no plan {plan}.")
    steps = policy.plan_of(plan).steps
    if shown and shown != fingerprint(steps):
        raise StepsChanged
    return policy, list(steps)


def _keep(session: Session, tenant: Tenant, partner: Partner, policy: DunningPolicy) -> DunningPolicy:
    """The partner is locked, as it is for whoever gives a client a plan."""
    checked = policy.check()
    for name, clients in count_by_plan(session, tenant).items():
        if name != NEVER and name not in checked.plans:
            raise Conflict(f"{clients} clients are reminded by the plan {name}: give them another first.")
    partner.policies = {**partner.policies, POLICY: checked.kept()}
    session.flush()
    return checked

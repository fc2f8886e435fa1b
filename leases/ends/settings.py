"""A partner changes its rules for the end of leases; what was offered or agreed before keeps its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from haas.tenancy.partners import lock_partner
from haas.tenancy.scope import Tenant
from leases.ends.policy import POLICY, EndPolicy, read_curve, read_days


def edit_policy(session: Session, tenant: Tenant, *, changes: dict[str, Any]) -> EndPolicy:
    """Change some of the rules; days and curves as people type them.

    :raises InvalidInput: naming the field.
    """
    partner = lock_partner(session, tenant)
    wanted = dict(changes)
    if "notice_days" in wanted:
        wanted["notice_days"] = read_days(wanted["notice_days"])
    for name in ("value_curve", "loss_curve"):
        if name in wanted:
            wanted[name] = read_curve(wanted[name], field=name)
    policy = replace(EndPolicy.of_policies(partner.policies), **wanted).check()
    partner.policies = {**partner.policies, POLICY: policy.kept()}
    session.flush()
    return policy

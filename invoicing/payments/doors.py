"""What API and pages of payments share: in whose name they act at the provider."""

from __future__ import annotations

from flask import current_app, g

from haas.auth.caller import Caller
from haas.settings import Settings
from haas.tenancy.scope import Tenant


def settings() -> Settings:
    """This process's settings."""
    found: Settings = current_app.config["HAAS"]
    return found


def in_the_house(caller: Caller) -> Tenant:
    """The partner, acting for the caller: what is a client's row, the caller has proved before."""
    tenant = caller.tenant
    return Tenant(
        tenant.partner_id, actor=tenant.actor, door=tenant.door, request_id=str(g.get("request_id", ""))
    )

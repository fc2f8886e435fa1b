"""Tenant, scoped(): in whose name a transaction runs; every tenant-owned select starts here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import Select

from haas.db import PartnerOwned

Row = TypeVar("Row", bound=PartnerOwned)


@dataclass(frozen=True, slots=True)
class Tenant:
    """One partner (or, with `client_id`, one of its clients), and who acts through which door.

    `actor` is `usr_…`, `tok_…`, `job:<name>` or `device:<id>`; `door` is portal, api, job, mqtt or cli.
    """

    partner_id: str
    client_id: str | None = None
    actor: str = "system"
    door: str = "job"
    request_id: str = ""

    def database_settings(self) -> Mapping[str, str]:
        """What row-level security and the audit trail read."""
        return {
            "partner": self.partner_id,
            "client": self.client_id or "",
            "actor": self.actor,
            "door": self.door,
            "request": self.request_id,
        }


@dataclass(frozen=True, slots=True)
class Stranger:
    """Nobody yet: sees only the rows whose secret key (session, token, e-mail, QR, code) it presents."""

    key: str
    actor: str = "stranger"
    door: str = "portal"

    def database_settings(self) -> Mapping[str, str]:
        """The key is compared by the `known_key` policies; no partner is set."""
        return {"key": self.key, "actor": self.actor, "door": self.door}


@dataclass(frozen=True, slots=True)
class Platform:
    """The vendor's own view: the list of partners and its own users, never a partner's rows.

    `level` is `operator` (people) or `relay` (what hands events and messages to a partner's jobs).
    """

    level: str = "operator"
    actor: str = "system"
    door: str = "job"

    def database_settings(self) -> Mapping[str, str]:
        """No partner is set, so every partner-owned table is empty but the few with a platform policy."""
        return {"level": self.level, "actor": self.actor, "door": self.door}


def scoped(model: type[Row], tenant: Tenant) -> Select[Row]:
    """`select(model)` narrowed to this tenant's rows. Row-level security is the second wall behind it."""
    statement = sa.select(model).where(model.partner_id == tenant.partner_id)
    client_id: Any = getattr(model, "client_id", None)
    if tenant.client_id is not None and client_id is not None:
        statement = statement.where(client_id == tenant.client_id)
    return statement

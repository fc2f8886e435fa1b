"""What the fleet's forms and filters offer: models, clients, sites, and the names behind ids."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.orm import Session

from devices.models import HardwareModel
from haas.auth.models import User
from haas.tenancy.models import Client, Site
from haas.tenancy.scope import Tenant

Options = list[tuple[str, str]]
OFFERED_MAX = 1000


@dataclass(slots=True)
class Choices:
    """Ids with their names, in the order in which they are offered."""

    models: Options = field(default_factory=list)
    clients: Options = field(default_factory=list)
    sites: Options = field(default_factory=list)

    def client_name(self, client_id: str | None) -> str:
        """The client's name, or nothing."""
        return dict(self.clients).get(client_id or "", "")


def choices_of(session: Session, tenant: Tenant, *, sites: bool = False) -> Choices:
    """Models, clients and if asked for sites, in one question."""
    own = sa.literal(tenant.partner_id)
    model_name = HardwareModel.manufacturer + " " + HardwareModel.name
    parts = [
        sa.select(sa.literal("models"), HardwareModel.id, model_name.label("name"), model_name).where(
            HardwareModel.partner_id == own, HardwareModel.archived_at.is_(None)
        ),
        sa.select(sa.literal("clients"), Client.id, Client.name, Client.name_norm).where(
            Client.partner_id == own, Client.archived_at.is_(None)
        ),
    ]
    if sites:
        place = Client.name + ", " + Site.name
        parts.append(
            sa.select(sa.literal("sites"), Site.id, place, place)
            .join(Client, sa.and_(Client.partner_id == Site.partner_id, Client.id == Site.client_id))
            .where(Site.partner_id == own, Site.archived_at.is_(None))
        )
    union = sa.union_all(*parts).subquery()
    found = Choices()
    for kind, key, name, _ in session.execute(
        sa.select(union).order_by(union.c[3]).limit(OFFERED_MAX * len(parts))
    ):
        getattr(found, kind).append((key, name))
    return found


def names_of_people(session: Session, actors: Iterable[str]) -> dict[str, str]:
    """The names behind the ids of people; jobs and devices keep their own words."""
    wanted: Collection[str] = {actor for actor in actors if actor.startswith("usr_")}
    if not wanted:
        return {}
    rows = session.execute(sa.select(User.id, User.name).where(User.id.in_(wanted)))
    return {row[0]: row[1] for row in rows}


def names_of_places(session: Session, tenant: Tenant, ids: Iterable[str | None]) -> dict[str, str]:
    """The names of clients and sites by their ids, in one question."""
    wanted = {each for each in ids if each}
    if not wanted:
        return {}
    rows = session.execute(
        sa.union_all(
            *(
                sa.select(kind.id, kind.name).where(kind.partner_id == tenant.partner_id, kind.id.in_(wanted))
                for kind in (Client, Site)
            )
        )
    )
    return {row[0]: row[1] for row in rows}

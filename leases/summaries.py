"""What lists and pages say of leases: rents, clients, who stands where now and who stood there before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from devices.lifecycle import AssetState
from devices.models import Asset, HardwareModel
from haas.calendar import ONE_DAY
from haas.money import round_minor
from haas.tenancy.models import Client, Site
from haas.tenancy.scope import Tenant, scoped
from leases import queries
from leases.lifecycle import LeaseState
from leases.models import Agreement, Assignment, Lease, Line, ReturnOrder


@dataclass(frozen=True, slots=True)
class LeaseSummary:
    """One row of a list of leases."""

    lease: Lease
    client_name: str
    monthly: Decimal
    places: int  # asset lines
    filled: int  # of which hardware is in service

    @property
    def last_day(self) -> date | None:
        """The last day of the base term."""
        return self.lease.ends_on - ONE_DAY if self.lease.ends_on else None


def summarise(session: Session, tenant: Tenant, leases: Sequence[Lease]) -> list[LeaseSummary]:
    """The rows with their rents and clients: two queries, whatever their number."""
    names = client_names(session, tenant, (lease.client_id for lease in leases))
    statement = (
        scoped(Line, tenant)
        .where(Line.lease_id.in_([lease.id for lease in leases]))
        .with_only_columns(
            Line.lease_id,
            sa.func.coalesce(
                sa.func.sum(Line.unit_price * Line.quantity).filter(
                    Line.kind != "one_off", Line.ends_on.is_(None)
                ),
                0,
            ),
            sa.func.count().filter(Line.kind == "asset"),
            sa.func.count().filter(Line.kind == "asset", Line.starts_on.is_not(None), Line.ends_on.is_(None)),
        )
        .group_by(Line.lease_id)
    )
    sums = {row[0]: row[1:] for row in session.execute(statement)}
    nothing = (Decimal(0), 0, 0)
    return [
        LeaseSummary(
            lease,
            names.get(lease.client_id, ""),
            round_minor(sums.get(lease.id, nothing)[0] / lease.interval_months, lease.currency),
            *sums.get(lease.id, nothing)[1:],
        )
        for lease in leases
    ]


def count_states(session: Session, tenant: Tenant) -> dict[str, int]:
    """How many leases are in each state; a client's drafts are not its own yet."""
    statement = scoped(Lease, tenant)
    if tenant.client_id is not None:
        statement = statement.where(Lease.state != LeaseState.DRAFT)
    counted = session.execute(statement.with_only_columns(Lease.state, sa.func.count()).group_by(Lease.state))
    return {state: count for state, count in counted}  # noqa: C416 - rows, not pairs


def count_returns(session: Session, tenant: Tenant) -> dict[str, int]:
    """How many return orders are in each state."""
    counted = session.execute(
        scoped(ReturnOrder, tenant)
        .with_only_columns(ReturnOrder.state, sa.func.count())
        .group_by(ReturnOrder.state)
    )
    return {state: count for state, count in counted}  # noqa: C416 - rows, not pairs


def client_names(session: Session, tenant: Tenant, client_ids: Iterable[str]) -> dict[str, str]:
    """The names of these clients; one query."""
    statement = scoped(Client, tenant).where(Client.id.in_(set(client_ids)))
    return {row[0]: row[1] for row in session.execute(statement.with_only_columns(Client.id, Client.name))}


def client_choices(session: Session, tenant: Tenant) -> list[tuple[str, str]]:
    """(id, name) of every client that is not archived, by name."""
    statement = (
        scoped(Client, tenant)
        .where(Client.archived_at.is_(None))
        .with_only_columns(Client.id, Client.name)
        .order_by(Client.name_norm)
    )
    return [(row[0], row[1]) for row in session.execute(statement)]


def site_choices(session: Session, tenant: Tenant, *, client_id: str) -> list[tuple[str, str]]:
    """(id, name) of a client's sites, by name."""
    statement = (
        scoped(Site, tenant)
        .where(Site.client_id == client_id, Site.archived_at.is_(None))
        .with_only_columns(Site.id, Site.name)
        .order_by(Site.name)
    )
    return [(row[0], row[1]) for row in session.execute(statement)]


def agreements_of(session: Session, tenant: Tenant, *, client_id: str) -> Sequence[Agreement]:
    """A client's agreements, newest first."""
    return session.scalars(
        scoped(Agreement, tenant).where(Agreement.client_id == client_id).order_by(Agreement.id.desc())
    ).all()


def parties_of(session: Session, tenant: Tenant, *, lease: Lease) -> tuple[Agreement, Client, Site | None]:
    """The master agreement, the client and the site of a lease; one query."""
    row = session.execute(
        scoped(Agreement, tenant)
        .add_columns(Client, Site)
        .join(Client, sa.and_(Client.partner_id == Agreement.partner_id, Client.id == Agreement.client_id))
        .outerjoin(Site, sa.and_(Site.partner_id == Agreement.partner_id, Site.id == lease.site_id))
        .where(Agreement.id == lease.agreement_id)
    ).one()
    return row[0], row[1], row[2]


def find_client(session: Session, tenant: Tenant, *, client_id: str | None) -> Client | None:
    """The client, if this tenant has it."""
    return session.scalar(scoped(Client, tenant).where(Client.id == client_id)) if client_id else None


def find_site(session: Session, tenant: Tenant, *, site_id: str | None) -> Site | None:
    """The site, if this tenant has it."""
    return session.scalar(scoped(Site, tenant).where(Site.id == site_id)) if site_id else None


@dataclass(frozen=True, slots=True)
class Place:
    """One line of a lease: its model, and who stands and stood there."""

    line: Line
    model_name: str
    now: Assignment | None  # also who is reserved or under way for it
    asset: Asset | None  # of `now`, as far as this tenant sees it
    before: Sequence[Assignment]  # newest first

    @property
    def is_filled(self) -> bool:
        """Whether hardware is in service on it."""
        return self.now is not None and self.line.starts_on is not None


def places_of(session: Session, tenant: Tenant, *, lines: Sequence[Line], at: datetime) -> list[Place]:
    """Every line with its assets: two or three queries, whatever their number."""
    rows = queries.assignments_by_line(session, tenant, line_ids=[line.id for line in lines])
    ids = {row.asset_id for each in rows.values() for row in each}
    assets = queries.assets_by_id(session, tenant, asset_ids=sorted(ids)) if ids else {}
    names = {each.model_id: _named(each.model) for each in assets.values()}
    others = {line.model_id for line in lines if line.model_id} - set(names)
    names |= model_names(session, tenant, others)
    return [_place(line, rows.get(line.id, []), assets, names, at=at) for line in lines]


def model_names(session: Session, tenant: Tenant, model_ids: Iterable[str]) -> dict[str, str]:
    """Maker and name of these hardware models; one query."""
    ids = set(model_ids)
    if not ids:
        return {}
    statement = scoped(HardwareModel, tenant).where(HardwareModel.id.in_(ids))
    return {row.id: _named(row) for row in session.scalars(statement)}


def _named(model: HardwareModel) -> str:
    return f"{model.manufacturer} {model.name}"


def _place(
    line: Line, rows: Sequence[Assignment], assets: dict[str, Asset], names: dict[str, str], *, at: datetime
) -> Place:
    now = next((row for row in rows if row.during.upper is None), None)
    before = [row for row in rows if row is not now and row.during.upper and row.during.upper <= at]
    return Place(
        line=line,
        model_name=names.get(line.model_id or "", ""),
        now=now,
        asset=assets.get(now.asset_id) if now else None,
        before=before[::-1],
    )


def free_devices(
    session: Session, tenant: Tenant, *, model_id: str | None, client_id: str, limit: int
) -> Sequence[Asset]:
    """Devices that this client could have now: of one model, or with none of any, the best first."""
    holds = Asset.holds_data_of_client_id
    statement = scoped(Asset, tenant).where(
        Asset.state == AssetState.READY, sa.or_(holds.is_(None), holds == client_id)
    )
    if model_id is not None:
        statement = statement.where(Asset.model_id == model_id)
    return session.scalars(
        statement.options(selectinload(Asset.model))
        .order_by(Asset.grade.asc().nulls_first(), Asset.tag_norm)
        .limit(limit)
    ).all()

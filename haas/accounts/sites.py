"""The places of a client where hardware stands: found, made, edited, archived."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from haas import clock
from haas.accounts import checks
from haas.accounts.clients import demand_known, get_client
from haas.errors import Conflict, NotFound
from haas.ids import new_id
from haas.rest.paging import Page, Sort, fetch_page
from haas.tenancy.models import Client, Site
from haas.tenancy.scope import Tenant, scoped

SITE_SORTS = {"name": Sort(Site.name, Site.id)}

_SITE_FIELDS = frozenset({"name", "address", "country", "contact", "time_zone"})


class SiteNameTaken(Conflict):
    """The client has a site of this name."""

    code = "site_name_taken"


def list_sites(
    session: Session,
    tenant: Tenant,
    *,
    client_id: str | None = None,
    archived: bool | None = False,
    sort: Sort = SITE_SORTS["name"],
    cursor: str | None = None,
    limit: int = 200,
) -> Page[Site]:
    """One page of sites, of one client or of all that the tenant sees."""
    statement = scoped(Site, tenant)
    if client_id is not None:
        statement = statement.where(Site.client_id == client_id)
    if archived is not None:
        statement = statement.where(Site.archived_at.is_not(None) if archived else Site.archived_at.is_(None))
    return fetch_page(session, statement, sort=sort, cursor=cursor, limit=limit)


def get_site(session: Session, tenant: Tenant, *, site_id: str, lock: bool = False) -> Site:
    """One site.

    :raises NotFound: if this tenant has no such site.
    """
    statement = scoped(Site, tenant).where(Site.id == site_id)
    site = session.scalar(statement.with_for_update() if lock else statement)
    if site is None:
        raise NotFound("There is no such site.")
    return site


def create_site(
    session: Session,
    tenant: Tenant,
    *,
    client_id: str,
    name: str,
    address: list[str] | None = None,
    country: str | None = None,
    contact: str = "",
    time_zone: str | None = None,
) -> Site:
    """Add a place of a client; what is left out is as the client has it.

    :raises SiteNameTaken: if the client has a site of this name.
    """
    client = get_client(session, tenant, client_id=client_id)
    if client.archived_at is not None:
        raise Conflict(f"{client.name} is archived; restore it first.")
    site = Site(
        partner_id=tenant.partner_id,
        id=new_id("sit"),
        client_id=client.id,
        created_at=clock.now(),
        archived_at=None,
    )
    _fill_site(
        site,
        {
            "name": name,
            "address": address if address is not None else list(client.address),
            "country": country or client.country,
            "contact": contact,
            "time_zone": time_zone or client.time_zone,
        },
    )
    session.add(site)
    _flush_site(session, site)
    return site


def edit_site(session: Session, tenant: Tenant, *, site_id: str, changes: dict[str, Any]) -> Site:
    """Change some of a site's facts."""
    site = get_site(session, tenant, site_id=site_id, lock=True)
    _fill_site(site, changes)
    _flush_site(session, site)
    return site


def archive_site(session: Session, tenant: Tenant, *, site_id: str, now: datetime) -> Site:
    """Put a site away: nothing new is placed there."""
    site = get_site(session, tenant, site_id=site_id, lock=True)
    site.archived_at = site.archived_at or now
    session.flush()
    return site


def restore_site(session: Session, tenant: Tenant, *, site_id: str) -> Site:
    """Bring an archived site back."""
    site = get_site(session, tenant, site_id=site_id, lock=True)
    site.archived_at = None
    session.flush()
    return site


def count_sites(session: Session, tenant: Tenant, client_ids: list[str]) -> dict[str, int]:
    """How many open sites each client has."""
    rows = session.execute(
        sa.select(Site.client_id, sa.func.count())
        .where(
            Site.partner_id == tenant.partner_id, Site.client_id.in_(client_ids), Site.archived_at.is_(None)
        )
        .group_by(Site.client_id)
    )
    return {row[0]: row[1] for row in rows}


def clients_of(session: Session, tenant: Tenant, places: Sequence[Site]) -> dict[str, Client]:
    """The clients whose sites these are."""
    wanted = {site.client_id for site in places}
    return {
        client.id: client for client in session.scalars(scoped(Client, tenant).where(Client.id.in_(wanted)))
    }


def _fill_site(site: Site, facts: dict[str, Any]) -> None:
    demand_known(facts, _SITE_FIELDS)
    if "name" in facts:
        site.name = checks.check_text(facts["name"], field="name", most=120)
    if "contact" in facts:
        site.contact = checks.check_text(facts["contact"], field="contact", most=160, required=False)
    if "address" in facts:
        site.address = checks.check_lines(facts["address"], field="address")
    if "country" in facts:
        site.country = checks.check_country(facts["country"])
    if "time_zone" in facts:
        site.time_zone = checks.check_zone(facts["time_zone"])


def _flush_site(session: Session, site: Site) -> None:
    try:
        session.flush()
    except IntegrityError as rival:
        raise SiteNameTaken(f"There is a site called {site.name} already.", field="name") from rival

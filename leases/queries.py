"""Reads: agreements, leases with their lines, who stands where, what comes back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session, joinedload, selectinload

from devices.models import Asset
from haas.db import starts_with
from haas.errors import NotFound
from haas.tenancy.models import Site
from haas.tenancy.scope import Tenant, scoped
from leases.errors import AssetNotOnLease
from leases.lifecycle import FINAL, LeaseState
from leases.models import (
    Acceptance,
    Agreement,
    Assignment,
    DepreciationBook,
    Lease,
    LeaseMove,
    Line,
    ReturnOrder,
    Swap,
)


def get_agreement(session: Session, tenant: Tenant, *, agreement_id: str) -> Agreement:
    """The master agreement.

    :raises NotFound: if this tenant has none by that id.
    """
    agreement = session.scalar(scoped(Agreement, tenant).where(Agreement.id == agreement_id))
    if agreement is None:
        raise NotFound(f"There is no agreement {agreement_id}.")
    return agreement


def get_lease(session: Session, tenant: Tenant, *, lease_id: str, lock: bool = False) -> Lease:
    """The lease with its lines; with `lock`, the lease is locked until the transaction ends.

    :raises NotFound: if this tenant has none by that id.
    """
    statement = _seen_by(tenant).where(Lease.id == lease_id)
    lease = session.scalar(
        (statement.with_for_update() if lock else statement)
        .options(
            # Most lines never changed: joined, what is not there costs no statement of its own.
            selectinload(Lease.lines).options(joinedload(Line.terms_over_time), joinedload(Line.abatements))
        )
        .execution_options(populate_existing=True)
    )
    if lease is None:
        raise NotFound(f"There is no lease {lease_id}.")
    return lease


def _seen_by(tenant: Tenant) -> sa.Select[Lease]:
    """A client sees what was offered to it; a draft is still the partner's own affair."""
    statement = scoped(Lease, tenant)
    return statement if tenant.client_id is None else statement.where(Lease.state != LeaseState.DRAFT)


def lock_lease(session: Session, tenant: Tenant, lease_id: str) -> Lease:
    """The lease, locked until the transaction ends.

    Rows that name it are written meanwhile: a credit note, which holds the client that we may ask for next.

    :raises NotFound: if this tenant has none by that id.
    """
    lease = session.scalar(
        scoped(Lease, tenant)
        .where(Lease.id == lease_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if lease is None:
        raise NotFound(f"There is no lease {lease_id}.")
    return lease


def get_line(session: Session, tenant: Tenant, *, lease_id: str, line_id: str) -> Line:
    """A line of this lease.

    :raises NotFound: if the lease has none by that id.
    """
    line = session.scalar(scoped(Line, tenant).where(Line.id == line_id, Line.lease_id == lease_id))
    if line is None:
        raise NotFound(f"There is no line {line_id} on lease {lease_id}.")
    return line


@dataclass(frozen=True, slots=True)
class LeaseFilter:
    """What a list of leases is narrowed to."""

    states: tuple[str, ...] = ()
    agreement_id: str | None = None
    site_id: str | None = None
    client_id: str | None = None
    number_prefix: str | None = None
    ends_before: date | None = None


def list_leases(tenant: Tenant, *, where: LeaseFilter) -> sa.Select[Lease]:
    """Leases, to be paged by the caller."""
    statement = _seen_by(tenant)
    if where.states:
        statement = statement.where(Lease.state.in_(where.states))
    if where.agreement_id:
        statement = statement.where(Lease.agreement_id == where.agreement_id)
    if where.site_id:
        statement = statement.where(Lease.site_id == where.site_id)
    if where.client_id:
        statement = statement.where(Lease.client_id == where.client_id)
    if where.number_prefix:
        statement = statement.where(starts_with(Lease.number, where.number_prefix))
    if where.ends_before:
        statement = statement.where(Lease.ends_on < where.ends_before)
    return statement


def find_standing(session: Session, tenant: Tenant, *, asset_id: str, at: datetime) -> Assignment | None:
    """Where the asset stands at that instant, if on any line."""
    return session.scalar(
        scoped(Assignment, tenant).where(Assignment.asset_id == asset_id, Assignment.during.contains(at))
    )


def find_open_assignment(session: Session, tenant: Tenant, *, line_id: str) -> Assignment | None:
    """Who stands on the line with no end in sight."""
    return session.scalar(
        scoped(Assignment, tenant).where(Assignment.line_id == line_id, sa.func.upper_inf(Assignment.during))
    )


def assignments_by_line(
    session: Session, tenant: Tenant, *, line_ids: Sequence[str]
) -> dict[str, list[Assignment]]:
    """Everyone who ever stood on these lines, oldest first; one query."""
    found: dict[str, list[Assignment]] = defaultdict(list)
    for row in session.scalars(
        scoped(Assignment, tenant)
        # One parameter: a billing run asks for thousands of lines at once.
        .where(Assignment.line_id == sa.func.any(sa.literal(list(line_ids), ARRAY(sa.Text))))
        .order_by(Assignment.line_id, sa.func.lower(Assignment.during))
    ):
        found[row.line_id].append(row)
    return found


def assets_by_id(session: Session, tenant: Tenant, *, asset_ids: Sequence[str]) -> dict[str, Asset]:
    """These assets with their models; one query."""
    rows = session.scalars(
        scoped(Asset, tenant).where(Asset.id.in_(asset_ids)).options(joinedload(Asset.model, innerjoin=True))
    )
    return {row.id: row for row in rows}


def tags_of(session: Session, tenant: Tenant, *, asset_ids: Sequence[str]) -> dict[str, str]:
    """What the labels of these assets read; one query. What a client no longer has is absent."""
    rows = session.execute(
        scoped(Asset, tenant).where(Asset.id.in_(asset_ids)).with_only_columns(Asset.id, Asset.tag)
    )
    return {row[0]: row[1] for row in rows}


def serials_of(session: Session, tenant: Tenant, *, asset_ids: Sequence[str]) -> dict[str, str]:
    """The serial numbers that these assets bore on a lease: what a client sees of what it gave back."""
    rows = session.execute(
        scoped(Assignment, tenant)
        .where(Assignment.asset_id.in_(asset_ids))
        .with_only_columns(Assignment.asset_id, Assignment.serial)
    )
    return {row[0]: row[1] for row in rows}


def moves_of(session: Session, tenant: Tenant, *, lease_id: str) -> Sequence[LeaseMove]:
    """The lease's history, oldest first."""
    return session.scalars(
        scoped(LeaseMove, tenant)
        .where(LeaseMove.lease_id == lease_id)
        .order_by(LeaseMove.moved_at, LeaseMove.id)
    ).all()


def acceptances_of(session: Session, tenant: Tenant, *, lease_id: str) -> Sequence[Acceptance]:
    """Certificates of acceptance, oldest first."""
    return session.scalars(
        scoped(Acceptance, tenant).where(Acceptance.lease_id == lease_id).order_by(Acceptance.id)
    ).all()


def swaps_of(session: Session, tenant: Tenant, *, lease_id: str) -> Sequence[Swap]:
    """Swaps on the lease, oldest first."""
    return session.scalars(scoped(Swap, tenant).where(Swap.lease_id == lease_id).order_by(Swap.id)).all()


def returns_of(session: Session, tenant: Tenant, *, lease_id: str) -> Sequence[ReturnOrder]:
    """Return orders of the lease, oldest first."""
    return session.scalars(
        scoped(ReturnOrder, tenant).where(ReturnOrder.lease_id == lease_id).order_by(ReturnOrder.id)
    ).all()


def get_return(session: Session, tenant: Tenant, *, return_id: str, lock: bool = False) -> ReturnOrder:
    """The return order.

    :raises NotFound: if this tenant has none by that id.
    """
    statement = scoped(ReturnOrder, tenant).where(ReturnOrder.id == return_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    order = session.scalar(statement)
    if order is None:
        raise NotFound(f"There is no return {return_id}.")
    return order


def find_open_return(session: Session, tenant: Tenant, *, asset_id: str) -> ReturnOrder | None:
    """The return under way for this asset."""
    return session.scalar(
        scoped(ReturnOrder, tenant).where(
            ReturnOrder.asset_id == asset_id, ReturnOrder.state.in_(["requested", "collected", "received"])
        )
    )


def find_book(
    session: Session, tenant: Tenant, *, asset_id: str, name: str = "book"
) -> DepreciationBook | None:
    """One of the asset's books."""
    return session.scalar(
        scoped(DepreciationBook, tenant).where(
            DepreciationBook.asset_id == asset_id, DepreciationBook.name == name
        )
    )


def leases_past_term(session: Session, tenant: Tenant, *, today: date) -> Sequence[Lease]:
    """Leases whose base term has run out while something of them is still with the client."""
    return session.scalars(
        scoped(Lease, tenant)
        .where(
            Lease.state.in_([LeaseState.ACTIVE, LeaseState.ENDING]),
            Lease.ends_on <= today,
            sa.exists().where(
                Line.partner_id == Lease.partner_id,
                Line.lease_id == Lease.id,
                Line.starts_on.is_not(None),
                Line.ends_on.is_(None),
            ),
        )
        .order_by(Lease.id)
    ).all()


def list_agreements(
    tenant: Tenant, *, client_id: str | None = None, number_prefix: str | None = None
) -> sa.Select[Agreement]:
    """Master agreements, to be paged by the caller."""
    statement = scoped(Agreement, tenant)
    if client_id:
        statement = statement.where(Agreement.client_id == client_id)
    if number_prefix:
        statement = statement.where(starts_with(Agreement.number, number_prefix))
    return statement


@dataclass(frozen=True, slots=True)
class ReturnFilter:
    """What a list of returns is narrowed to."""

    states: tuple[str, ...] = ()
    client_id: str | None = None
    lease_id: str | None = None
    asset_id: str | None = None
    number_prefix: str | None = None


def list_returns(tenant: Tenant, *, where: ReturnFilter) -> sa.Select[ReturnOrder]:
    """Return orders, to be paged by the caller."""
    statement = scoped(ReturnOrder, tenant)
    equal = {
        ReturnOrder.client_id: where.client_id,
        ReturnOrder.lease_id: where.lease_id,
        ReturnOrder.asset_id: where.asset_id,
    }
    statement = statement.where(*(column == value for column, value in equal.items() if value))
    if where.states:
        statement = statement.where(ReturnOrder.state.in_(where.states))
    if where.number_prefix:
        statement = statement.where(starts_with(ReturnOrder.number, where.number_prefix))
    return statement


def list_swaps(
    tenant: Tenant, *, lease_id: str | None = None, asset_id: str | None = None
) -> sa.Select[Swap]:
    """Swaps, to be paged by the caller; of an asset: those it came or went by."""
    statement = scoped(Swap, tenant)
    if lease_id:
        statement = statement.where(Swap.lease_id == lease_id)
    if asset_id:
        statement = statement.where(sa.or_(Swap.outgoing_id == asset_id, Swap.incoming_id == asset_id))
    return statement


def get_swap(session: Session, tenant: Tenant, *, swap_id: str) -> Swap:
    """The swap.

    :raises NotFound: if this tenant has none by that id.
    """
    swap = session.scalar(scoped(Swap, tenant).where(Swap.id == swap_id))
    if swap is None:
        raise NotFound(f"There is no swap {swap_id}.")
    return swap


def get_acceptance(session: Session, tenant: Tenant, *, acceptance_id: str) -> Acceptance:
    """The certificate of acceptance.

    :raises NotFound: if this tenant has none by that id.
    """
    acceptance = session.scalar(scoped(Acceptance, tenant).where(Acceptance.id == acceptance_id))
    if acceptance is None:
        raise NotFound(f"There is no acceptance {acceptance_id}.")
    return acceptance


def line_held_by(session: Session, tenant: Tenant, *, lease_id: str, asset_id: str) -> Line:
    """The line of this lease that the asset stands on, or is reserved for.

    :raises NotFound: if it holds none of them now.
    """
    line = session.scalar(
        scoped(Line, tenant)
        .join(
            Assignment,
            sa.and_(Assignment.partner_id == Line.partner_id, Assignment.line_id == Line.id),
        )
        .where(
            Line.lease_id == lease_id,
            Assignment.asset_id == asset_id,
            sa.func.upper_inf(Assignment.during),
        )
    )
    if line is None:
        raise NotFound(f"Asset {asset_id} is not on lease {lease_id}.")
    return line


def get_line_of_asset(session: Session, tenant: Tenant, *, asset_id: str, at: datetime) -> Line:
    """The line that the asset stands on at that instant.

    :raises AssetNotOnLease: if it stands on none.
    """
    standing = find_standing(session, tenant, asset_id=asset_id, at=at)
    if standing is None:
        raise AssetNotOnLease("This asset does not stand on a lease now.")
    return session.scalars(scoped(Line, tenant).where(Line.id == standing.line_id)).one()


def running_lease(session: Session, tenant: Tenant, client_id: str) -> str | None:
    """Why the client cannot be archived: a lease that is not over. None if there is no such."""
    number = session.scalar(
        sa.select(Lease.number)
        .where(
            Lease.partner_id == tenant.partner_id,
            Lease.client_id == client_id,
            Lease.state.in_(set(LeaseState) - FINAL - {LeaseState.DRAFT, LeaseState.QUOTED}),
        )
        .order_by(Lease.id)
        .limit(1)
    )
    return f"Lease {number} still runs; end it first." if number else None


def check_site(session: Session, tenant: Tenant, *, site_id: str, client_id: str) -> None:
    """Refuse a site that is not the client's.

    :raises NotFound: naming it.
    """
    if session.scalar(scoped(Site, tenant).where(Site.id == site_id, Site.client_id == client_id)) is None:
        raise NotFound(f"There is no site {site_id} of this client.")

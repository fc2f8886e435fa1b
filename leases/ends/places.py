"""Devices on leases as their end sees them: where they stand, what they cost, what is to come. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from devices.models import Asset
from haas.errors import NotFound
from haas.money import round_minor
from haas.tenancy.scope import Tenant, scoped
from leases import books
from leases.contract import terms_of
from leases.ends.stipulated import Insured, Rent
from leases.ends.values import Valued
from leases.errors import AssetNotOnLease
from leases.models import Agreement, Assignment, Lease, Line
from leases.schedule import rent_schedule


@dataclass(frozen=True, slots=True)
class EndPlace:
    """One device on the line of a lease that runs."""

    lease: Lease
    agreement: Agreement
    line: Line
    standing: Assignment
    asset: Asset


def places_on(session: Session, tenant: Tenant, *, lease_ids: Sequence[str]) -> list[EndPlace]:
    """Every device that stands on a running line of these leases, by line; one query."""
    return _places(session, tenant, Lease.id.in_(lease_ids))


def place_of(session: Session, tenant: Tenant, *, asset_id: str) -> EndPlace:
    """Where the device stands now.

    :raises AssetNotOnLease: if it stands on no line, or its line has an end already.
    :raises NotFound: if this tenant has no such device.
    """
    found = _places(session, tenant, Assignment.asset_id == asset_id)
    if found:
        return found[0]
    known = session.scalar(scoped(Asset, tenant).where(Asset.id == asset_id))
    if known is None:
        raise NotFound(f"There is no asset {asset_id}.")
    raise AssetNotOnLease(f"{known.tag} does not stand on a lease now.")


def values_of(
    session: Session,
    tenant: Tenant,
    *,
    assets: Sequence[Asset],
    as_of: date,
    appraised: Decimal | None = None,
    with_books: bool = True,
) -> dict[str, Valued]:
    """What is known of each device on a day, past or to come; two queries with books, else none."""
    ids = [asset.id for asset in assets]
    by_book = books.fleet_value(session, tenant, as_of=as_of, asset_ids=ids) if with_books else {}
    return {
        asset.id: Valued(
            cost=asset.cost,
            currency=asset.currency,
            in_service_on=asset.in_service_on,
            grade=asset.grade,
            # Before its first service a device stands at its cost.
            book_value=by_book.get(asset.id, asset.cost),
            appraised=appraised,
        )
        for asset in assets
    }


def insured(place: EndPlace) -> Insured:
    """The device's place with the rents still agreed and its residual value at the end of the term.

    The line's own residual value, else the model's percent of cost.
    """
    lease, line, asset = place.lease, place.line, place.asset
    terms = terms_of(lease, line, place.agreement)
    residual = line.residual_value
    if residual is None:
        residual = round_minor(asset.cost * asset.model.residual_value_pct / 100, asset.currency)
    return Insured(
        cost=asset.cost,
        residual_value=residual,
        currency=lease.currency,
        starts_on=terms.commences_on,
        ends_on=terms.base_end,
        rents=[
            Rent(payment.period_start, payment.due_on, payment.amount)
            for payment in rent_schedule(terms, line.starts_on)
        ],
    )


def _places(session: Session, tenant: Tenant, narrowed: sa.ColumnElement[bool]) -> list[EndPlace]:
    rows = session.execute(
        scoped(Line, tenant)
        .join(Lease, sa.and_(Lease.partner_id == Line.partner_id, Lease.id == Line.lease_id))
        .join(
            Agreement,
            sa.and_(Agreement.partner_id == Lease.partner_id, Agreement.id == Lease.agreement_id),
        )
        .join(Assignment, sa.and_(Assignment.partner_id == Line.partner_id, Assignment.line_id == Line.id))
        .join(Asset, sa.and_(Asset.partner_id == Assignment.partner_id, Asset.id == Assignment.asset_id))
        .where(
            narrowed,
            Line.kind == "asset",
            Line.starts_on.is_not(None),
            Line.ends_on.is_(None),
            Lease.commences_on.is_not(None),
            sa.func.upper_inf(Assignment.during),
        )
        .with_only_columns(Lease, Agreement, Line, Assignment, Asset)
        .options(joinedload(Asset.model, innerjoin=True))
        .order_by(Lease.id, Line.id)
    )
    return [EndPlace(*row) for row in rows]

"""Reads the facts of one asset, or of a whole fleet: a fixed number of queries, however many assets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, raiseload
from sqlalchemy.orm.attributes import set_committed_value

from devices.models import Asset, HardwareModel
from haas.calendar import ONE_DAY, local_day
from haas.tenancy.models import Client, Partner
from haas.tenancy.scope import Tenant, scoped
from leases.amendment_models import Abatement, LineTerms
from leases.book_models import DepreciationUsage
from leases.contract import book_terms, rent_over_time, stays_of, terms_of
from leases.depreciation import DepreciationTerms, depreciation_schedule
from leases.models import Agreement, Assignment, DepreciationBook, Lease, Line, ReturnOrder
from leases.profit.facts import (
    AssetFacts,
    Charge,
    ChargeKind,
    Curve,
    Place,
    Rents,
    Standing,
    Unbooked,
    Worth,
)
from leases.schedule import RentPayment, Stay, rent_due, rent_schedule, split_by_serial
from leases.terms import LeaseTerms


def read_facts(
    session: Session, tenant: Tenant, *, as_of: date, asset_id: str | None = None
) -> list[AssetFacts]:
    """What is known of the money of one asset, or of every asset that was not merely ordered.

    Rent reaches up to `as_of` where a line runs on without an end, else to the end of what is agreed.
    """
    contracts = _read_contracts(session, tenant, asset_id=asset_id, as_of=as_of)
    worths = _read_worths(session, tenant, asset_id=asset_id)
    damages = _read_damages(session, tenant, asset_id=asset_id)
    return [
        _facts_of(row, worths.get(row.id), contracts, damages.get(row.id, ()))
        for row in _read_assets(session, tenant, asset_id=asset_id)
    ]


@dataclass(frozen=True, slots=True)
class _Contracts:
    standings: Mapping[str, list[Standing]]
    rents: Mapping[str, list[Rents]]


def _read_assets(session: Session, tenant: Tenant, *, asset_id: str | None) -> Sequence[Any]:
    statement = (
        scoped(Asset, tenant)
        .join(
            HardwareModel,
            sa.and_(HardwareModel.partner_id == Asset.partner_id, HardwareModel.id == Asset.model_id),
        )
        .join(Partner, Partner.id == Asset.partner_id)
        .where(Asset.id == asset_id if asset_id is not None else Asset.state != "ordered")
        .with_only_columns(
            Asset.id,
            Asset.tag,
            Asset.model_id,
            Asset.cost,
            Asset.currency,
            Asset.purchased_on,
            Asset.in_service_on,
            Asset.created_at,
            HardwareModel.manufacturer,
            HardwareModel.name.label("model_name"),
            HardwareModel.category,
            Partner.time_zone,
        )
        .order_by(Asset.id)
    )
    return session.execute(statement).all()


def _facts_of(
    row: Any,
    worth: Worth | None,
    contracts: _Contracts,
    damages: Iterable[tuple[date, Decimal, str]],
) -> AssetFacts:
    standings = contracts.standings.get(row.id, [])
    booked_on = worth.in_service_on if isinstance(worth, Curve) else None
    bought_on = row.purchased_on or local_day(row.created_at, row.time_zone)
    first = [bought_on, *(day for day in (row.in_service_on, booked_on) if day is not None)]
    first += [standing.start for standing in standings[:1]]
    return AssetFacts(
        id=row.id,
        tag=row.tag,
        model_id=row.model_id,
        model_name=f"{row.manufacturer} {row.model_name}",
        category=row.category,
        cost=row.cost,
        currency=row.currency,
        acquired_on=min(first),
        in_service_on=row.in_service_on or booked_on,
        worth=worth or Unbooked(row.cost),
        standings=standings,
        rents=contracts.rents.get(row.id, []),
        charges=[
            Charge(on, ChargeKind.DAMAGE, amount, _last_place(standings, on, client_id))
            for on, amount, client_id in damages
        ],
    )


def _last_place(standings: Sequence[Standing], day: date, client_id: str) -> Place:
    """The lease on which it stood last before that day: what is found at a return was done there."""
    places = [row.place for row in standings if row.start <= day and row.place.client_id == client_id]
    return places[-1] if places else Place(client_id=client_id)


def _read_worths(session: Session, tenant: Tenant, *, asset_id: str | None) -> dict[str, Worth]:
    """The financial books, as curves by month. Assets with the same book share the schedule."""
    used: dict[str, list[tuple[date, Decimal]]] = defaultdict(list)
    usage = (
        scoped(DepreciationUsage, tenant)
        .join(
            DepreciationBook,
            sa.and_(
                DepreciationBook.partner_id == DepreciationUsage.partner_id,
                DepreciationBook.id == DepreciationUsage.book_id,
            ),
        )
        .where(*_of_asset(DepreciationBook.asset_id, asset_id))
        .order_by(DepreciationUsage.month)
        .with_only_columns(DepreciationUsage.book_id, DepreciationUsage.month, DepreciationUsage.units)
    )
    for book_id, month, units in session.execute(usage):
        used[book_id].append((month, units))
    statement = scoped(DepreciationBook, tenant).where(
        DepreciationBook.name == "book", *_of_asset(DepreciationBook.asset_id, asset_id)
    )
    schedules: dict[DepreciationTerms, tuple[list[date], list[Decimal]]] = {}
    found: dict[str, Worth] = {}
    for book in session.scalars(statement):
        terms = book_terms(book)
        schedule = schedules.get(terms) if book.id not in used else None
        if schedule is None:
            entries = depreciation_schedule(terms, units_by_month=used.get(book.id, []))
            schedule = [entry.month for entry in entries], [entry.book_value for entry in entries]
            if book.id not in used:
                schedules[terms] = schedule
        found[book.asset_id] = Curve(
            cost=book.cost,
            in_service_on=book.in_service_on,
            months=schedule[0],
            values=schedule[1],
            disposed_on=book.disposed_on,
            proceeds=book.proceeds or Decimal(0),
        )
    return found


def _read_damages(
    session: Session, tenant: Tenant, *, asset_id: str | None
) -> dict[str, list[tuple[date, Decimal, str]]]:
    """Damages as they are billed: of returns that are closed, on the client's day of the inspection."""
    statement = (
        scoped(ReturnOrder, tenant)
        .join(
            Client, sa.and_(Client.partner_id == ReturnOrder.partner_id, Client.id == ReturnOrder.client_id)
        )
        .where(
            ReturnOrder.state == "closed",
            ReturnOrder.damage_charge > 0,
            ReturnOrder.inspected_at.is_not(None),
            *_of_asset(ReturnOrder.asset_id, asset_id),
        )
        .order_by(ReturnOrder.id)
        .with_only_columns(
            ReturnOrder.asset_id,
            ReturnOrder.inspected_at,
            ReturnOrder.damage_charge,
            ReturnOrder.client_id,
            Client.time_zone,
        )
    )
    found: dict[str, list[tuple[date, Decimal, str]]] = defaultdict(list)
    for row in session.execute(statement):
        asset, inspected_at, amount, client_id, zone = row
        if inspected_at is not None and amount is not None:
            found[asset].append((local_day(inspected_at, zone), amount, client_id))
    return found


def _read_contracts(session: Session, tenant: Tenant, *, asset_id: str | None, as_of: date) -> _Contracts:
    line_ids = None
    if asset_id is not None:
        line_ids = sa.select(Assignment.line_id).where(
            Assignment.partner_id == tenant.partner_id, Assignment.asset_id == asset_id
        )
    on_lines: dict[str, list[Assignment]] = defaultdict(list)
    for row in session.scalars(
        scoped(Assignment, tenant)
        .where(*_among(Assignment.line_id, line_ids))
        .order_by(sa.func.lower(Assignment.during), Assignment.id)
    ):
        on_lines[row.line_id].append(row)
    lines = _read_lines(session, tenant, line_ids)
    leases = {row.id: row for row in session.scalars(_leases(tenant, line_ids))}
    of_leases = None if line_ids is None else leases.values()
    agreements = {row.id: row for row in session.scalars(_agreements(tenant, of_leases))}
    reader = _Reader(as_of)
    for line in lines:
        lease = leases.get(line.lease_id)
        if lease is not None and line.id in on_lines:
            reader.add(lease, line, agreements[lease.agreement_id], on_lines[line.id])
    for standings in reader.standings.values():
        standings.sort(key=lambda standing: standing.start)
    return _Contracts(reader.standings, reader.rents)


def _read_lines(session: Session, tenant: Tenant, line_ids: Any) -> list[Line]:
    """The lines with how they were amended: one statement each, where lazy loading takes one for each 500."""
    lines = list(
        session.scalars(
            scoped(Line, tenant)
            .where(Line.kind == "asset", *_among(Line.id, line_ids))
            .order_by(Line.id)
            .options(raiseload(Line.terms_over_time), raiseload(Line.abatements))
        )
    )
    terms: dict[str, list[LineTerms]] = defaultdict(list)
    for row in session.scalars(
        scoped(LineTerms, tenant)
        .where(*_among(LineTerms.line_id, line_ids))
        .order_by(LineTerms.line_id, LineTerms.position)
    ):
        terms[row.line_id].append(row)
    abatements: dict[str, list[Abatement]] = defaultdict(list)
    for abated in session.scalars(
        scoped(Abatement, tenant)
        .where(*_among(Abatement.line_id, line_ids))
        .order_by(Abatement.starts_on, Abatement.id)
    ):
        abatements[abated.line_id].append(abated)
    for line in lines:
        set_committed_value(line, "terms_over_time", terms.get(line.id, []))
        set_committed_value(line, "abatements", abatements.get(line.id, []))
    return lines


@dataclass(slots=True)
class _Reader:
    """Turns lines and who stood on them into rent by asset; equal lines share one schedule."""

    as_of: date
    standings: dict[str, list[Standing]] = field(default_factory=lambda: defaultdict(list))
    rents: dict[str, list[Rents]] = field(default_factory=lambda: defaultdict(list))
    _schedules: dict[Any, tuple[list[RentPayment], tuple[tuple[date, Decimal], ...]]] = field(
        default_factory=dict
    )

    def add(self, lease: Lease, line: Line, agreement: Agreement, rows: Sequence[Assignment]) -> None:
        """Read one line."""
        place = Place(lease.id, lease.client_id)
        stays = stays_of(rows, time_zone=lease.time_zone)
        asset_of = {row.serial: row.asset_id for row in rows}
        for stay in stays:
            if stay.end is None or stay.end > stay.start:
                self.standings[asset_of[stay.serial]].append(Standing(place, stay.start, stay.end))
        if line.starts_on is None or lease.commences_on is None:
            return
        terms = terms_of(lease, line, agreement)
        payments, shared = self._payments(lease, line, terms)
        if not payments:
            return
        last = max(payment.period_end for payment in payments) - ONE_DAY
        if len(stays) == 1 and _stands_throughout(stays[0], payments):
            self.rents[asset_of[stays[0].serial]].append(Rents(place, lease.currency, shared, last))
            return
        own: dict[str, list[tuple[date, Decimal]]] = defaultdict(list)
        for payment in payments:
            for share in split_by_serial(payment.amount, payment.period, stays, currency=lease.currency):
                own[asset_of[share.serial]].append((payment.due_on, share.amount))
        ends = {asset_of[stay.serial]: stay.end for stay in stays}
        for asset_id, paid in own.items():
            end = ends[asset_id]
            last_day = last if end is None else min(last, end - ONE_DAY)
            self.rents[asset_id].append(Rents(place, lease.currency, tuple(paid), last_day))

    def _payments(
        self, lease: Lease, line: Line, terms: LeaseTerms
    ) -> tuple[list[RentPayment], tuple[tuple[date, Decimal], ...]]:
        key = (lease.id, rent_over_time(line), line.starts_on, line.ends_on)
        found = self._schedules.get(key)
        if found is None:
            start, end = line.starts_on or terms.commences_on, line.ends_on
            payments = rent_due(terms, start, end, self.as_of)
            payments += [each for each in rent_schedule(terms, start, end) if each.due_on > self.as_of]
            found = payments, tuple((each.due_on, each.amount) for each in payments)
            self._schedules[key] = found
        return found


def _stands_throughout(stay: Stay, payments: Sequence[RentPayment]) -> bool:
    """Whether the stay has a day of every period, so that all of each is its own."""
    first, last = payments[0], payments[-1]
    return stay.start < first.period_end and (stay.end is None or stay.end > last.period_start)


def _leases(tenant: Tenant, line_ids: Any) -> sa.Select[Lease]:
    if line_ids is None:
        return scoped(Lease, tenant)
    owners = sa.select(Line.lease_id).where(Line.partner_id == tenant.partner_id, Line.id.in_(line_ids))
    return scoped(Lease, tenant).where(Lease.id.in_(owners))


def _agreements(tenant: Tenant, leases: Iterable[Lease] | None) -> sa.Select[Agreement]:
    if leases is None:
        return scoped(Agreement, tenant)
    return scoped(Agreement, tenant).where(Agreement.id.in_({lease.agreement_id for lease in leases}))


def _among(column: Any, line_ids: Any) -> list[Any]:
    return [] if line_ids is None else [column.in_(line_ids)]


def _of_asset(column: Any, asset_id: str | None) -> list[Any]:
    return [] if asset_id is None else [column == asset_id]

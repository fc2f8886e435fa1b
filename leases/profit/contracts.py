"""Reads who stood on which lines, and turns their rent into rent by asset."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, raiseload
from sqlalchemy.orm.attributes import set_committed_value

from haas.calendar import ONE_DAY
from haas.money import allocate
from haas.tenancy.scope import Tenant, scoped
from leases.amendment_models import Abatement, Amendment, LineTerms
from leases.contract import stays_of, terms_of
from leases.models import Agreement, Assignment, Lease, Line
from leases.profit.facts import Charge, ChargeKind, Place, Rents, Standing
from leases.schedule import RentPayment, Stay, rent_due, rent_schedule, split_by_serial
from leases.terms import LeaseTerms


@dataclass(frozen=True, slots=True)
class Contracts:
    """By asset: where it stood, what its days earn, and what clients paid for leaving early."""

    standings: Mapping[str, list[Standing]]
    rents: Mapping[str, list[Rents]]
    left_early: Mapping[str, list[tuple[Charge, str]]]  # each with its currency


def read_contracts(session: Session, tenant: Tenant, *, asset_id: str | None, as_of: date) -> Contracts:
    """The contracts of one asset, or of all: two statements, and two more where a line was amended."""
    chosen = _lines_of(tenant, asset_id=asset_id)
    rows = session.execute(
        sa.select(Assignment.asset_id, Assignment.serial, Assignment.during, Line, Lease, Agreement)
        .join(Line, sa.and_(Line.partner_id == Assignment.partner_id, Line.id == Assignment.line_id))
        .join(Lease, sa.and_(Lease.partner_id == Line.partner_id, Lease.id == Line.lease_id))
        .join(
            Agreement,
            sa.and_(Agreement.partner_id == Lease.partner_id, Agreement.id == Lease.agreement_id),
        )
        .where(Assignment.partner_id == tenant.partner_id, *_among(Assignment.line_id, chosen))
        .order_by(Line.id, sa.func.lower(Assignment.during), Assignment.id)
        .options(raiseload(Line.terms_over_time), raiseload(Line.abatements))
    )
    on_lines: dict[str, list[Any]] = defaultdict(list)
    parents: dict[str, tuple[Line, Lease, Agreement]] = {}
    for row in rows:
        on_lines[row.Line.id].append(row)
        parents.setdefault(row.Line.id, (row.Line, row.Lease, row.Agreement))
    lease_ids = {lease.id for _line, lease, _agreement in parents.values()}
    amended = _read_amended(session, tenant, lease_ids=lease_ids, of_all=chosen is None)
    _tell_changes(session, tenant, [line for line, _lease, _ in parents.values()], chosen, amended)
    reader = _Reader(as_of)
    for line_id, (line, lease, agreement) in parents.items():
        reader.add(lease, line, agreement, on_lines[line_id])
    for standings in reader.standings.values():
        standings.sort(key=lambda standing: standing.start)
    return Contracts(reader.standings, reader.rents, _left_early(amended, parents, on_lines))


def _read_amended(
    session: Session, tenant: Tenant, *, lease_ids: set[str], of_all: bool
) -> Sequence[Amendment]:
    """What was applied to these leases: nothing else changes a line. Few leases have any."""
    if not lease_ids:
        return []
    statement = scoped(Amendment, tenant).where(Amendment.state == "applied").order_by(Amendment.id)
    if not of_all:
        statement = statement.where(Amendment.lease_id.in_(lease_ids))
    return session.scalars(statement).all()


def _tell_changes(
    session: Session,
    tenant: Tenant,
    lines: Sequence[Line],
    chosen: sa.Select[Any] | None,
    amended: Sequence[Amendment],
) -> None:
    """How the lines were amended: by one statement each, where lazy loading takes one for each 500."""
    terms: dict[str, list[LineTerms]] = defaultdict(list)
    abatements: dict[str, list[Abatement]] = defaultdict(list)
    if amended:
        for row in session.scalars(
            scoped(LineTerms, tenant)
            .where(*_among(LineTerms.line_id, chosen))
            .order_by(LineTerms.line_id, LineTerms.position)
        ):
            terms[row.line_id].append(row)
        for abated in session.scalars(
            scoped(Abatement, tenant)
            .where(*_among(Abatement.line_id, chosen))
            .order_by(Abatement.starts_on, Abatement.id)
        ):
            abatements[abated.line_id].append(abated)
    for line in lines:
        set_committed_value(line, "terms_over_time", terms.get(line.id, []))
        set_committed_value(line, "abatements", abatements.get(line.id, []))


def _left_early(
    amended: Sequence[Amendment],
    parents: Mapping[str, tuple[Line, Lease, Agreement]],
    on_lines: Mapping[str, Sequence[Any]],
) -> dict[str, list[tuple[Charge, str]]]:
    """What clients were charged for leaving early, in equal parts for who stood on the lines last."""
    currencies = {lease.id: lease.currency for _line, lease, _agreement in parents.values()}
    found: dict[str, list[tuple[Charge, str]]] = defaultdict(list)
    for row in amended:
        if row.charge_kind != "early_return" or row.lease_id not in currencies or not row.line_ids:
            continue
        currency = currencies[row.lease_id]
        shares = allocate(row.charge, [1] * len(row.line_ids), currency=currency)
        for line_id, share in zip(row.line_ids, shares, strict=True):
            if line_id in on_lines:
                charge = Charge(
                    row.effective_on, ChargeKind.EARLY_RETURN, share, Place(row.lease_id, row.client_id)
                )
                found[on_lines[line_id][-1].asset_id].append((charge, currency))
    return found


@dataclass(frozen=True, slots=True)
class _Schedule:
    """The payments of equal lines, and what of them those share who stand there throughout."""

    payments: Sequence[RentPayment]
    shared: tuple[tuple[date, Decimal], ...]
    last_day: date


@dataclass(slots=True)
class _Reader:
    """Turns lines and who stood on them into rent by asset; equal lines have one schedule."""

    as_of: date
    standings: dict[str, list[Standing]] = field(default_factory=lambda: defaultdict(list))
    rents: dict[str, list[Rents]] = field(default_factory=lambda: defaultdict(list))
    _schedules: dict[tuple[LeaseTerms, date, date | None], _Schedule | None] = field(default_factory=dict)

    def add(self, lease: Lease, line: Line, agreement: Agreement, rows: Sequence[Any]) -> None:
        """Read one line, with the rows of who stood on it."""
        place = Place(lease.id, lease.client_id)
        stays = stays_of(rows, time_zone=lease.time_zone)
        asset_of = {row.serial: row.asset_id for row in rows}
        for stay in stays:
            if stay.end is None or stay.end > stay.start:
                self.standings[asset_of[stay.serial]].append(Standing(place, stay.start, stay.end))
        if line.starts_on is None or lease.commences_on is None:
            return
        schedule = self._schedule(terms_of(lease, line, agreement), line.starts_on, line.ends_on)
        if schedule is None:
            return
        last, currency = schedule.last_day, lease.currency
        if len(stays) == 1 and _stands_throughout(stays[0], schedule.payments):
            self.rents[asset_of[stays[0].serial]].append(Rents(place, currency, schedule.shared, last))
            return
        own: dict[str, list[tuple[date, Decimal]]] = defaultdict(list)
        for payment in schedule.payments:
            for share in split_by_serial(payment.amount, payment.period, stays, currency=currency):
                own[asset_of[share.serial]].append((payment.due_on, share.amount))
        ends = {asset_of[stay.serial]: stay.end for stay in stays}
        for asset_id, paid in own.items():
            end = ends[asset_id]
            own_last = last if end is None else min(last, end - ONE_DAY)
            self.rents[asset_id].append(Rents(place, currency, tuple(paid), own_last))

    def _schedule(self, terms: LeaseTerms, start: date, end: date | None) -> _Schedule | None:
        key = (terms, start, end)
        if key not in self._schedules:
            payments = rent_due(terms, start, end, self.as_of)
            payments += [each for each in rent_schedule(terms, start, end) if each.due_on > self.as_of]
            self._schedules[key] = (
                _Schedule(
                    payments,
                    tuple((each.due_on, each.amount) for each in payments),
                    max(each.period_end for each in payments) - ONE_DAY,
                )
                if payments
                else None
            )
        return self._schedules[key]


def _stands_throughout(stay: Stay, payments: Sequence[RentPayment]) -> bool:
    """Whether the stay has a day of every period, so that all of each is its own."""
    first, last = payments[0], payments[-1]
    return stay.start < first.period_end and (stay.end is None or stay.end > last.period_start)


def _lines_of(tenant: Tenant, *, asset_id: str | None) -> sa.Select[Any] | None:
    """The lines on which the asset stood; none for all lines."""
    if asset_id is None:
        return None
    return sa.select(Assignment.line_id).where(
        Assignment.partner_id == tenant.partner_id, Assignment.asset_id == asset_id
    )


def _among(column: Any, chosen: sa.Select[Any] | None) -> list[Any]:
    return [] if chosen is None else [column.in_(chosen)]

"""The agreed rents of many lines at once, each line of equal terms read from one schedule. Reads only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, raiseload
from sqlalchemy.orm.attributes import set_committed_value

from haas.money import round_minor
from haas.tenancy.scope import Tenant, scoped
from leases.amendment_models import Abatement, LineTerms
from leases.contract import terms_of
from leases.lifecycle import LeaseState
from leases.models import Agreement, Lease, Line
from leases.schedule import rent_schedule
from leases.terms import LeaseTerms, LineKind

_Key = tuple[LeaseTerms, date, date | None]


@dataclass(frozen=True, slots=True)
class AgreedRent:
    """What a line costs for a period, net, and when that falls due to be billed."""

    kind: str  # as on an invoice line: rent, interim_rent, holdover, one_off
    period_start: date
    due_on: date
    amount: Decimal


@dataclass(frozen=True, slots=True)
class LineRents:
    """A line with all that is agreed of it, from its first day to the end of the base term."""

    line: Line
    lease: Lease
    agreement: Agreement
    rents: Sequence[AgreedRent]


def agreed_rents(
    session: Session,
    tenant: Tenant,
    *,
    states: Collection[LeaseState],
    since: date,
    until: date,
    client_ids: Collection[str] | None = None,
    lease_id: str | None = None,
) -> Iterator[LineRents]:
    """The lines of commenced leases that run in [since, until), by id; three queries, however many.

    What comes after the base term is not agreed: of leases in holdover only the past is there.

    :param client_ids: of these clients' leases alone.
    :param lease_id: of this lease alone.
    """
    wanted = _wanted(tenant, states=states, since=since, until=until)
    if client_ids is not None:
        wanted = wanted.where(Line.client_id.in_(client_ids))
    if lease_id is not None:
        wanted = wanted.where(Line.lease_id == lease_id)
    rows = session.execute(
        wanted.with_only_columns(Line, Lease, Agreement)
        .options(raiseload(Line.terms_over_time), raiseload(Line.abatements))
        .order_by(Line.id)
    ).all()
    _load_amended(session, tenant, [row[0] for row in rows], of=wanted.with_only_columns(Line.id))
    schedules: dict[_Key, list[AgreedRent]] = {}
    for line, lease, agreement in rows:
        yield LineRents(line, lease, agreement, _agreed(schedules, lease, line, agreement))


def _wanted(tenant: Tenant, *, states: Collection[LeaseState], since: date, until: date) -> sa.Select[Any]:
    return (
        scoped(Line, tenant)
        .join(Lease, sa.and_(Lease.partner_id == Line.partner_id, Lease.id == Line.lease_id))
        .join(
            Agreement,
            sa.and_(Agreement.partner_id == Lease.partner_id, Agreement.id == Lease.agreement_id),
        )
        .where(
            Lease.state.in_(states),
            Lease.commences_on.is_not(None),
            # In arrears the last rent falls due with the end itself.
            Lease.ends_on >= since,
            Line.starts_on.is_not(None),
            Line.starts_on < until,
            sa.or_(Line.ends_on.is_(None), Line.ends_on > since),
        )
    )


def _load_amended(
    session: Session, tenant: Tenant, lines: Sequence[Line], *, of: sa.Select[tuple[str]]
) -> None:
    """How these lines were amended: by one statement each, where lazy loading would take one for each 500."""
    terms: dict[str, list[LineTerms]] = defaultdict(list)
    for row in session.scalars(
        scoped(LineTerms, tenant).where(LineTerms.line_id.in_(of)).order_by(LineTerms.position)
    ):
        terms[row.line_id].append(row)
    abatements: dict[str, list[Abatement]] = defaultdict(list)
    for abated in session.scalars(
        scoped(Abatement, tenant).where(Abatement.line_id.in_(of)).order_by(Abatement.starts_on)
    ):
        abatements[abated.line_id].append(abated)
    for line in lines:
        set_committed_value(line, "terms_over_time", terms.get(line.id, []))
        set_committed_value(line, "abatements", abatements.get(line.id, []))


def _agreed(
    known: dict[_Key, list[AgreedRent]], lease: Lease, line: Line, agreement: Agreement
) -> list[AgreedRent]:
    """Equal terms for the same days have one schedule: ten equal laptops of one delivery are read once."""
    if line.starts_on is None:
        return []
    if line.kind == LineKind.ONE_OFF:
        return [AgreedRent("one_off", line.starts_on, line.starts_on, single_price(line, lease.currency))]
    key = (terms_of(lease, line, agreement), line.starts_on, line.ends_on)
    if key not in known:
        known[key] = [
            AgreedRent(row.kind.value, row.period_start, row.due_on, row.amount)
            for row in rent_schedule(*key)
        ]
    return known[key]


def single_price(line: Line, currency: str) -> Decimal:
    """What the whole quantity of the line costs for a full period, or once; net."""
    return round_minor(line.unit_price * line.quantity, currency)

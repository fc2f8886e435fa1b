"""Reads: funders, fundings, payments made, and a funding beside its lease's rents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.db import starts_with
from haas.errors import NotFound
from haas.tenancy.scope import Tenant, scoped
from leases import queries
from leases.finance.funding import (
    FundingRow,
    FundingTerms,
    Margin,
    SettlementBasis,
    funding_schedule,
    side_by_side,
)
from leases.finance.rates import Compounding
from leases.funding.lifecycle import FundingState
from leases.funding.models import Funder, Funding, FundingPayment
from leases.models import Lease
from leases.rent import view_rent
from leases.terms import Timing


def get_funder(session: Session, tenant: Tenant, *, funder_id: str) -> Funder:
    """The funder.

    :raises NotFound: if this tenant has none by that id.
    """
    funder = session.scalar(scoped(Funder, tenant).where(Funder.id == funder_id))
    if funder is None:
        raise NotFound(f"There is no funder {funder_id}.", field="funder_id")
    return funder


def list_funders(
    tenant: Tenant, *, name_prefix: str | None = None, archived: bool = False
) -> sa.Select[Funder]:
    """Funders, to be paged by the caller."""
    statement = scoped(Funder, tenant)
    if not archived:
        statement = statement.where(Funder.archived_at.is_(None))
    return statement.where(starts_with(Funder.name, name_prefix)) if name_prefix else statement


def get_funding(session: Session, tenant: Tenant, *, funding_id: str, lock: bool = False) -> Funding:
    """The funding.

    :raises NotFound: if this tenant has none by that id.
    """
    statement = scoped(Funding, tenant).where(Funding.id == funding_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    funding = session.scalar(statement)
    if funding is None:
        raise NotFound(f"There is no funding {funding_id}.")
    return funding


def find_funding(session: Session, tenant: Tenant, *, lease_id: str) -> Funding | None:
    """The funding of a lease that runs, else its last one."""
    return session.scalar(
        scoped(Funding, tenant)
        .where(Funding.lease_id == lease_id)
        .order_by((Funding.state == FundingState.ACTIVE).desc(), Funding.id.desc())
        .limit(1)
    )


def list_fundings(
    tenant: Tenant, *, funder_id: str | None = None, lease_id: str | None = None
) -> sa.Select[Funding]:
    """Fundings, to be paged by the caller."""
    statement = scoped(Funding, tenant)
    if funder_id:
        statement = statement.where(Funding.funder_id == funder_id)
    return statement.where(Funding.lease_id == lease_id) if lease_id else statement


def payments_of(session: Session, tenant: Tenant, *, funding_id: str) -> dict[int, FundingPayment]:
    """Payments made, by their number in the schedule."""
    rows = session.scalars(scoped(FundingPayment, tenant).where(FundingPayment.funding_id == funding_id))
    return {row.number: row for row in rows}


def funded_totals(
    session: Session, tenant: Tenant, *, funder_ids: Iterable[str]
) -> dict[str, list[tuple[str, int, Decimal]]]:
    """By funder: (currency, how many fundings run, what it advanced for them). One query."""
    rows = session.execute(
        sa.select(Funding.funder_id, Funding.currency, sa.func.count(), sa.func.sum(Funding.amount))
        .where(
            Funding.partner_id == tenant.partner_id,
            Funding.funder_id.in_(sorted(set(funder_ids))),
            Funding.state == FundingState.ACTIVE,
        )
        .group_by(Funding.funder_id, Funding.currency)
        .order_by(Funding.funder_id, Funding.currency)
    )
    totals: dict[str, list[tuple[str, int, Decimal]]] = {}
    for funder_id, currency, count, amount in rows:
        totals.setdefault(funder_id, []).append((currency, count, amount))
    return totals


def lease_numbers(session: Session, tenant: Tenant, *, lease_ids: Iterable[str]) -> dict[str, str]:
    """The numbers of these leases. One query."""
    rows = session.execute(
        scoped(Lease, tenant)
        .where(Lease.id.in_(sorted(set(lease_ids))))
        .with_only_columns(Lease.id, Lease.number)
    )
    return {row[0]: row[1] for row in rows}


def terms_of_funding(funding: Funding) -> FundingTerms:
    """What the rules read of a funding."""
    return FundingTerms(
        amount=funding.amount,
        payment=funding.payment,
        payments=funding.payments,
        annual_rate=funding.annual_rate,
        starts_on=funding.starts_on,
        currency=funding.currency,
        compounding=Compounding(funding.compounding),
        timing=Timing(funding.timing),
        interval_months=funding.interval_months,
        balloon=funding.balloon,
        settlement_basis=SettlementBasis(funding.settlement_basis),
        settlement_fee_pct=funding.settlement_fee_pct,
    )


@dataclass(frozen=True, slots=True)
class OwedRow:
    """A payment of the funder's schedule, with the one that was made for it."""

    row: FundingRow
    paid: FundingPayment | None
    is_balloon: bool

    def is_overdue(self, today: date) -> bool:
        """Whether its day has passed without a payment."""
        return self.paid is None and self.row.due_on < today


@dataclass(frozen=True, slots=True)
class FundingView:
    """What is owed to a funder beside what the client owes, over the whole term."""

    terms: FundingTerms
    rows: Sequence[OwedRow]
    margin: Margin
    funding: Funding | None = None  # none: only a preview

    @property
    def settlement(self) -> Decimal | None:
        """What was paid to be quit with the funder; none while it runs, and after a full term."""
        return None if self.funding is None else self.funding.settlement

    @property
    def paid_total(self) -> Decimal:
        """What was paid to the funder so far."""
        made = sum((owed.paid.amount for owed in self.rows if owed.paid), Decimal(0))
        return made + (self.settlement or Decimal(0))

    @property
    def outstanding(self) -> Decimal:
        """Principal after the last payment that was made; nothing once it is settled."""
        if self.settlement is not None:
            return Decimal(0)
        made = [owed.row.balance for owed in self.rows if owed.paid]
        return made[-1] if made else self.terms.amount

    @property
    def interest_total(self) -> Decimal:
        """What the funder earns over the term."""
        return sum((owed.row.interest for owed in self.rows), Decimal(0))

    @property
    def next_owed(self) -> OwedRow | None:
        """The first payment that was not made."""
        return next((owed for owed in self.rows if owed.paid is None), None)


def view_funding(session: Session, tenant: Tenant, *, funding: Funding, as_of: date) -> FundingView:
    """A funding's schedule with what was paid, beside the rents of its lease."""
    lease = queries.get_lease(session, tenant, lease_id=funding.lease_id)
    return view_terms(
        session,
        tenant,
        lease=lease,
        terms=terms_of_funding(funding),
        as_of=as_of,
        paid=payments_of(session, tenant, funding_id=funding.id),
        funding=funding,
    )


def view_terms(
    session: Session,
    tenant: Tenant,
    *,
    lease: Lease,
    terms: FundingTerms,
    as_of: date,
    paid: dict[int, FundingPayment] | None = None,
    funding: Funding | None = None,
) -> FundingView:
    """The same for terms that are not agreed yet. `lease.lines` must be loaded."""
    made = paid or {}
    rents = {
        day: amount for day, amount, _due in view_rent(session, tenant, lease=lease, as_of=as_of).by_due_day()
    }
    schedule = funding_schedule(terms)
    owed: dict[date, Decimal] = {}
    settled_on = funding.settled_on if funding is not None else None
    for row in schedule:
        if settled_on is not None and row.number not in made:
            continue  # the settlement took its place
        owed[row.due_on] = owed.get(row.due_on, Decimal(0)) + row.payment
    settlement = funding.settlement if funding is not None else None
    if settled_on is not None and settlement is not None:
        owed[settled_on] = owed.get(settled_on, Decimal(0)) + settlement
    return FundingView(
        terms=terms,
        rows=[OwedRow(row, made.get(row.number), row.number > terms.payments) for row in schedule],
        margin=side_by_side(rents, owed),
        funding=funding,
    )

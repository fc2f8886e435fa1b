"""What partners and the operator read of wholesale: margins by lease, accounts with use and revenue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.calendar import add_months
from haas.money import round_minor
from haas.tenancy.models import Client
from haas.tenancy.scope import Tenant, scoped
from invoicing.models import Invoice
from leases.lifecycle import RUNNING
from leases.models import Lease, Line
from leases.pricing.rules import Margin
from leases.pricing.usage import HARDWARE
from leases.pricing.wholesale_models import WholesaleAccount, WholesaleLine

MONTHS_SHOWN = 12


@dataclass(frozen=True, slots=True)
class LeaseMargin:
    """A month of one lease's hardware: what the client pays, and what the operator is paid."""

    lease: Lease
    rent: Decimal
    cost: Decimal | None  # none: the operator bills nothing for it, or in another currency
    cost_currency: str

    @property
    def margin(self) -> Margin | None:
        """Rent less cost, where both are in one currency."""
        if self.cost is None or self.cost_currency != self.lease.currency:
            return None
        return Margin(price=self.rent, cost=self.cost)


def running_leases(tenant: Tenant) -> sa.Select[Lease]:
    """The leases with rent to come, to be paged."""
    return scoped(Lease, tenant).where(Lease.state.in_(RUNNING))


def rents_of(session: Session, tenant: Tenant, *, leases: Sequence[Lease], day: date) -> dict[str, Decimal]:
    """A month's rent of each lease's hardware that is there on a day; one query."""
    rows = session.execute(
        sa.select(Line.lease_id, sa.func.sum(Line.unit_price * Line.quantity))
        .where(
            Line.partner_id == tenant.partner_id,
            Line.lease_id.in_([lease.id for lease in leases]),
            Line.kind.in_(HARDWARE),
            *_on(day),
        )
        .group_by(Line.lease_id)
    )
    sums: dict[str, Decimal] = {row[0]: row[1] for row in rows}
    return {
        lease.id: round_minor(
            Fraction(sums.get(lease.id, Decimal(0))) / lease.interval_months, lease.currency
        )
        for lease in leases
    }


def costs_of(
    session: Session, buyer: Tenant, *, account: WholesaleAccount, lease_ids: Sequence[str], day: date
) -> dict[str, Decimal]:
    """What the operator bills a month for each of the partner's leases; in the buyer's name, one query."""
    rows = session.execute(
        sa.select(WholesaleLine.source_lease_id, sa.func.sum(Line.unit_price * Line.quantity))
        .join(Line, sa.and_(Line.partner_id == WholesaleLine.partner_id, Line.id == WholesaleLine.line_id))
        .where(
            WholesaleLine.partner_id == buyer.partner_id,
            WholesaleLine.account_id == account.id,
            WholesaleLine.source_lease_id.in_(lease_ids),
            *_on(day),
        )
        .group_by(WholesaleLine.source_lease_id)
    )
    return {row[0]: row[1] for row in rows}


def margins(
    leases: Sequence[Lease], rents: dict[str, Decimal], costs: dict[str, Decimal], *, currency: str
) -> list[LeaseMargin]:
    """Both sides of each lease."""
    return [
        LeaseMargin(
            lease,
            rents[lease.id],
            round_minor(costs[lease.id], currency) if lease.id in costs else None,
            currency,
        )
        for lease in leases
    ]


def billed_to(session: Session, buyer: Tenant, *, limit: int = MONTHS_SHOWN) -> Sequence[Invoice]:
    """The latest papers to this client of the house."""
    return session.scalars(
        scoped(Invoice, buyer).order_by(Invoice.issued_on.desc(), Invoice.id.desc()).limit(limit)
    ).all()


@dataclass(frozen=True, slots=True)
class AccountUse:
    """A partner at the house: how many units it has, and what they bring a month."""

    account: WholesaleAccount
    name: str
    currency: str
    units: Decimal
    monthly: Decimal


def accounts_in_use(session: Session, house: Tenant, *, day: date) -> list[AccountUse]:
    """Every account by name; two queries."""
    sums = {
        row[0]: (row[1], row[2])
        for row in session.execute(
            sa.select(
                WholesaleLine.account_id,
                sa.func.sum(Line.quantity),
                sa.func.sum(Line.unit_price * Line.quantity),
            )
            .join(
                Line,
                sa.and_(Line.partner_id == WholesaleLine.partner_id, Line.id == WholesaleLine.line_id),
            )
            .where(WholesaleLine.partner_id == house.partner_id, *_on(day))
            .group_by(WholesaleLine.account_id)
        )
    }
    rows = session.execute(
        sa.select(WholesaleAccount, Client.name, Client.currency)
        .join(
            Client,
            sa.and_(
                Client.partner_id == WholesaleAccount.partner_id, Client.id == WholesaleAccount.client_id
            ),
        )
        .where(WholesaleAccount.partner_id == house.partner_id)
        .order_by(Client.name_norm, WholesaleAccount.id)
    )
    found = []
    for account, name, currency in rows:
        units, monthly = sums.get(account.id, (Decimal(0), Decimal(0)))
        found.append(AccountUse(account, name, currency, units, round_minor(monthly, currency)))
    return found


def revenue_by_month(
    session: Session, house: Tenant, *, today: date
) -> tuple[list[date], dict[str, list[Decimal]]]:
    """Net of all papers issued in each of the last months, by currency; one query."""
    first = add_months(today.replace(day=1), 1 - MONTHS_SHOWN)
    months = [add_months(first, number) for number in range(MONTHS_SHOWN)]
    month = sa.cast(sa.func.date_trunc("month", Invoice.issued_on), sa.Date)
    rows = session.execute(
        sa.select(month, Invoice.currency, sa.func.sum(Invoice.net_total))
        .where(Invoice.partner_id == house.partner_id, Invoice.issued_on >= first)
        .group_by(month, Invoice.currency)
    )
    found: dict[str, list[Decimal]] = {}
    for of_month, currency, net in rows:
        if of_month in months:
            found.setdefault(currency, [Decimal(0)] * MONTHS_SHOWN)[months.index(of_month)] = net
    return months, dict(sorted(found.items()))


def _on(day: date) -> list[sa.ColumnElement[bool]]:
    return [Line.starts_on <= day, sa.or_(Line.ends_on.is_(None), Line.ends_on > day)]

"""Agreed rent and charges that no invoice bears yet, with the tax that they would bear. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.calendar import ONE_DAY
from haas.money import round_minor
from haas.tenancy.models import Client
from haas.tenancy.scope import Tenant, scoped
from invoicing.book import load_taxation
from invoicing.bulk import among
from invoicing.charges.models import Charge
from invoicing.charges.queries import KIND as CHARGE
from invoicing.charges.queries import WAITING, billed_of, list_charges
from invoicing.charges.recurrence import ONCE, periods_due
from invoicing.models import Invoice, InvoiceLine
from invoicing.tax.parties import TaxNumberMissing
from invoicing.tax.taxation import Taxation
from invoicing.taxes import NoTaxRate
from leases.coming import LineRents, agreed_rents
from leases.lifecycle import LeaseState

# A closed lease may still owe its last rent.
_WITH_RENT = (LeaseState.ACTIVE, LeaseState.ENDING, LeaseState.HOLDOVER, LeaseState.CLOSED)
# How far back a rent is looked for that fell due and was not billed: a quarter's in arrears, and a late run.
LOOK_BACK = timedelta(days=124)
# Rent in advance is billed this much before it falls due at most (`invoicing.billing.AHEAD_MAX`).
_BILLED_BEFORE = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class UnbilledRent:
    """One line's rent for one period that is to be billed on `due_on`, as far as is agreed today."""

    client: Client
    rents: LineRents
    period_start: date
    due_on: date
    amount: Decimal  # with tax
    is_taxed: bool  # False where nobody can say the tax yet: a rate or a number is missing

    @property
    def currency(self) -> str:
        """Of the amount."""
        return self.rents.lease.currency


def unbilled_rents(
    session: Session,
    tenant: Tenant,
    *,
    today: date,
    until: date,
    client_ids: Collection[str] | None = None,
) -> Iterator[UnbilledRent]:
    """What falls due before `until`, or is for a period that has begun, and stands on no invoice.

    Nine queries, however many lines. A period counts as billed as soon as an invoice has it; what an
    amendment changed of it is the next run's.
    """
    since = today - LOOK_BACK
    found = list(
        agreed_rents(
            session, tenant, states=_WITH_RENT, since=since, until=max(until, today), client_ids=client_ids
        )
    )
    if not found:
        return
    billed = _billed(session, tenant, since=since, client_ids=client_ids)
    leases = {row.lease.id: row.lease for row in found}
    clients = _clients(session, tenant, {lease.client_id for lease in leases.values()})
    tax = TaxOnTop(load_taxation(session, tenant, site_ids=_sites(leases.values())), today=today)
    for row in found:
        client = clients[row.lease.client_id]
        for rent in row.rents:
            if rent.due_on < since or not (rent.due_on < until or rent.period_start <= today):
                continue
            if not rent.amount or (row.line.id, rent.kind, rent.period_start) in billed:
                continue
            amount, is_taxed = tax.of(
                rent.amount,
                client=client,
                kind=rent.kind,
                category=row.line.tax_category,
                tax_class=row.line.tax_class,
                site_id=row.lease.site_id,
                currency=row.lease.currency,
            )
            yield UnbilledRent(client, row, rent.period_start, rent.due_on, amount, is_taxed)


@dataclass(frozen=True, slots=True)
class UnbilledCharge:
    """One time of a charge by hand that is to be billed on `due_on`."""

    client: Client
    charge: Charge
    due_on: date
    amount: Decimal  # with tax
    is_taxed: bool


def unbilled_charges(
    session: Session,
    tenant: Tenant,
    *,
    today: date,
    until: date,
    client_ids: Collection[str] | None = None,
    all_single: bool = False,
) -> Iterator[UnbilledCharge]:
    """What of charges by hand falls due before `until` and stands on no invoice; seven queries.

    :param all_single: those that are made once, on whatever day they fall due.
    """
    statement = list_charges(tenant, state=WAITING).where(
        sa.or_(Charge.charged_on < until, sa.and_(Charge.recurs == ONCE, sa.literal(all_single)))
    )
    if client_ids is not None:
        statement = statement.where(among(Charge.client_id, client_ids))
    charges = session.scalars(statement.order_by(Charge.id)).all()
    if not charges:
        return
    billed = billed_of(session, tenant, charge_ids=[charge.id for charge in charges])
    clients = _clients(session, tenant, {charge.client_id for charge in charges})
    tax = TaxOnTop(load_taxation(session, tenant, site_ids=_sites(charges)), today=today)
    for charge in charges:
        done = billed.get(charge.id)
        client = clients[charge.client_id]
        as_of = max(until - ONE_DAY, charge.charged_on) if charge.recurs == ONCE else until - ONE_DAY
        for period in periods_due(charge.terms, as_of=as_of):
            if done is not None and period.start < done.until:
                continue
            amount, is_taxed = tax.of(
                charge.terms.amount,
                client=client,
                kind=CHARGE,
                category=charge.tax_category,
                tax_class=charge.tax_class,
                site_id=charge.site_id,
                currency=charge.currency,
            )
            yield UnbilledCharge(client, charge, period.start, amount, is_taxed)


class TaxOnTop:
    """Amounts as agreed -> amounts to be paid; each kind of line is decided once."""

    def __init__(self, taxation: Taxation, *, today: date) -> None:
        self.taxation = taxation
        self.today = today
        self._rates: dict[tuple[str, str, str, str, str | None], Decimal | None] = {}

    def of(
        self,
        amount: Decimal,
        *,
        client: Client,
        kind: str,
        category: str,
        tax_class: str,
        site_id: str | None,
        currency: str,
    ) -> tuple[Decimal, bool]:
        """The amount with its tax by today's rate, and whether that is known; else it is as agreed."""
        if client.prices_include_tax:
            return amount, True
        rate = self._rate(client, kind, category, tax_class, site_id)
        if rate is None:
            return amount, False
        return amount + round_minor(amount * rate / 100, currency), True

    def _rate(
        self, client: Client, kind: str, category: str, tax_class: str, site_id: str | None
    ) -> Decimal | None:
        key = (client.id, kind, category, tax_class, site_id)
        if key not in self._rates:
            try:
                decision = self.taxation.decide(
                    client,
                    kind=kind,
                    category=category,
                    tax_class=tax_class,
                    site_id=site_id,
                    day=self.today,
                )
                self._rates[key] = self.taxation.rate(decision, day=self.today)
            except (TaxNumberMissing, NoTaxRate):
                # The run puts such a client off; what it will owe is no less for that.
                self._rates[key] = None
        return self._rates[key]


def _billed(
    session: Session, tenant: Tenant, *, since: date, client_ids: Collection[str] | None
) -> set[tuple[str, str, date]]:
    """Line, kind and first day of every period that was billed and fell due since then."""
    statement = (
        scoped(InvoiceLine, tenant)
        .join(
            Invoice,
            sa.and_(Invoice.partner_id == InvoiceLine.partner_id, Invoice.id == InvoiceLine.invoice_id),
        )
        .where(
            # The invoices' index by day: of years of lines a few months are read.
            Invoice.issued_on >= since - _BILLED_BEFORE,
            InvoiceLine.fell_due_on >= since,
            InvoiceLine.line_id.is_not(None),
        )
    )
    if client_ids is not None:
        statement = statement.where(among(Invoice.client_id, client_ids))
    rows = session.execute(
        statement.with_only_columns(InvoiceLine.source_id, InvoiceLine.kind, InvoiceLine.period_start)
    )
    return {(row[0], row[1], row[2]) for row in rows if row[2]}


def _clients(session: Session, tenant: Tenant, client_ids: Collection[str]) -> dict[str, Client]:
    found = session.scalars(scoped(Client, tenant).where(among(Client.id, client_ids)))
    return {row.id: row for row in found}


def _sites(leases: Collection[Any]) -> set[str]:
    return {lease.site_id for lease in leases if lease.site_id}

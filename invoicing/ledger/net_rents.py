"""Rents without the tax that their prices hold: the books earn, and lend, what is left without it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.errors import HaasError
from haas.money import round_minor
from haas.tenancy.models import Client
from haas.tenancy.scope import Tenant, scoped
from invoicing.book import load_taxation
from invoicing.bulk import among
from invoicing.models import InvoiceLine
from invoicing.tax.taxation import Taxation
from leases.models import Lease, Line
from leases.schedule import RentKind, RentPayment

_NOTHING = Decimal(0)
_NEITHER = (_NOTHING, _NOTHING)


@dataclass(frozen=True, slots=True)
class IncludedTax:
    """Clients whose prices include tax or did; of each rent billed to them what was agreed and its tax."""

    clients: Mapping[str, Client] = field(default_factory=dict)
    billed: Mapping[tuple[str, date], tuple[Decimal, Decimal]] = field(default_factory=dict)
    taxation: Taxation | None = None

    def is_in(self, lease: Lease) -> bool:
        """Whether rents of this lease include tax, or did when they were billed."""
        return lease.client_id in self.clients

    def taken_out(self, lease: Lease, line: Line, rents: Iterable[RentPayment]) -> list[RentPayment]:
        """The same rents without their tax: of what is billed to the cent, of the rest by the day's rate."""
        return [
            rent
            if rent.kind is not RentKind.RENT or not self.is_in(lease)
            else replace(rent, amount=rent.amount - self._tax(lease, line, rent))
            for rent in rents
        ]

    def _tax(self, lease: Lease, line: Line, rent: RentPayment) -> Decimal:
        agreed, included = self.billed.get((line.id, rent.period_start), _NEITHER)
        rest = rent.amount - agreed
        if not rest:
            return included
        rate = self.rate(lease, line, day=rent.period_start)
        return included + round_minor(
            Fraction(rest) * Fraction(rate) / (100 + Fraction(rate)), lease.currency
        )

    def rate(self, lease: Lease, line: Line, *, day: date) -> Decimal:
        """Of a rent that includes tax when it is billed, in per cent; 0 while a rate or number lacks."""
        client = self.clients.get(lease.client_id)
        if self.taxation is None or client is None or not client.prices_include_tax:
            return _NOTHING
        try:
            decision = self.taxation.decide(
                client,
                kind=RentKind.RENT.value,
                category=line.tax_category,
                site_id=lease.site_id,
                day=day,
                tax_class=line.tax_class,
            )
            return self.taxation.rate(decision, day=day)
        except HaasError:
            return _NOTHING


def tax_within(
    session: Session, tenant: Tenant, *, lease: Lease, lines: Sequence[Line], day: date
) -> dict[str, Decimal]:
    """The rate that each line's price includes on a day, in per cent: `leases.classifying.TaxWithin`."""
    included = load_included_tax(session, tenant, leases=[lease], line_ids=())
    return {line.id: included.rate(lease, line, day=day) for line in lines}


def load_included_tax(
    session: Session, tenant: Tenant, *, leases: Iterable[Lease], line_ids: Iterable[str]
) -> IncludedTax:
    """What of these leases' rents is tax; one query where no client's prices include it or ever did."""
    held = list(leases)
    clients = {
        row.id: row
        for row in session.scalars(
            scoped(Client, tenant).where(
                among(Client.id, {lease.client_id for lease in held}), Client.once_included_tax
            )
        )
    }
    if not clients:
        return IncludedTax()
    included = sa.func.sum(InvoiceLine.included_tax)
    agreed = sa.func.sum(InvoiceLine.net - InvoiceLine.allowance) + included
    rows = session.execute(
        sa.select(InvoiceLine.line_id, InvoiceLine.period_start, agreed, included)
        .where(
            InvoiceLine.partner_id == tenant.partner_id,
            among(InvoiceLine.source_id, line_ids),
            InvoiceLine.kind == RentKind.RENT.value,
        )
        .group_by(InvoiceLine.line_id, InvoiceLine.period_start)
    )
    return IncludedTax(
        clients,
        {
            (line_id, start): (billed, tax)
            for line_id, start, billed, tax in rows
            if line_id is not None and start is not None  # as every row of a rent has them
        },
        load_taxation(
            session,
            tenant,
            site_ids=[each.site_id for each in held if each.client_id in clients and each.site_id],
        ),
    )

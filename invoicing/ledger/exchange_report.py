"""What exchange rates made of foreign receivables: realised by payments, and open on a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.calendar import ONE_DAY
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant
from invoicing.ledger.exchange import BILLED, Billed, Realised, billed_of, read_realised
from invoicing.ledger.exchange_rules import value
from invoicing.models import Invoice, Payment
from invoicing.money import rates
from invoicing.money.rate_rules import FoundRate
from invoicing.open_on import open_on

_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Unrealised:
    """What is open of an invoice, and what it gained since: below 0 it lost; none while a rate is missing."""

    billed: Billed
    open: Decimal  # in the invoice's currency
    on: date
    rate: FoundRate | None
    gain: Decimal | None

    @property
    def missing_on(self) -> date | None:
        """The day whose rate is missing; none if none is."""
        if self.gain is not None:
            return None
        return self.billed.issued_on if self.billed.rate is None else self.on


@dataclass(frozen=True, slots=True)
class Differences:
    """Exchange differences in the partner's currency. What lacks a rate is in no sum: see `missing`."""

    currency: str
    realised: Sequence[Realised]  # by day
    unrealised: Sequence[Unrealised]  # by number

    @property
    def realised_total(self) -> Decimal:
        """What payments gained and lost."""
        return sum((row.gain for row in self.realised if row.gain is not None), _NOTHING)

    @property
    def unrealised_total(self) -> Decimal:
        """What is open would gain, were it paid at the rates of the last day."""
        return sum((row.gain for row in self.unrealised if row.gain is not None), _NOTHING)

    @property
    def missing(self) -> list[tuple[str, date]]:
        """Currencies and days of which no rate is on file, nor of the month before."""
        rows: list[Realised | Unrealised] = [*self.realised, *self.unrealised]
        return sorted({(row.billed.currency, row.missing_on) for row in rows if row.missing_on is not None})


def read_differences(session: Session, tenant: Tenant, *, first: date, last: date) -> Differences:
    """Realised from `first` to `last`, both included, and unrealised at the end of `last`."""
    own = session.get_one(Partner, tenant.partner_id).currency
    paid = sa.orm.aliased(Payment)
    touched = sa.select(paid.invoice_id).where(
        paid.partner_id == tenant.partner_id,
        paid.currency != own,
        paid.received_on.between(first, last),
    )
    realised = read_realised(session, tenant, invoices=Payment.invoice_id.in_(touched), until=last + ONE_DAY)
    return Differences(
        own,
        sorted((row for row in realised if row.on >= first), key=lambda row: (row.on, row.payment_id)),
        _unrealised(session, tenant, own=own, on=last),
    )


def _unrealised(session: Session, tenant: Tenant, *, own: str, on: date) -> list[Unrealised]:
    items = [item for item in open_on(session, tenant, as_of=on) if item.currency != own]
    if not items:
        return []
    left = {item.invoice_id: item.open for item in items}
    rows = session.execute(
        sa.select(*BILLED)
        .where(Invoice.partner_id == tenant.partner_id, Invoice.id.in_(list(left)))
        .order_by(Invoice.number)
    ).all()
    table = rates.load(
        session,
        tenant,
        codes={own, *(item.currency for item in items)},
        first=min(item.issued_on for item in items),
        last=on,
    )
    found = []
    for row in rows:
        billed, rate = billed_of(row, own=own, table=table), table.on(row.currency, own, on)
        gain = None
        if billed.rate is not None and rate is not None:
            gain = value(left[row.id], rate.rate, own) - value(left[row.id], billed.rate.rate, own)
        found.append(Unrealised(billed, left[row.id], on, rate, gain))
    return found

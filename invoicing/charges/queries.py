"""Charges by client, lease and standing; where each was billed; which of them a run has to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.errors import NotFound
from haas.tenancy.scope import Tenant, scoped
from invoicing.bulk import among
from invoicing.charges.models import Charge
from invoicing.charges.recurrence import ONCE
from invoicing.models import InvoiceLine

KIND = "charge"  # of an invoice line
WAITING, BILLED, VOIDED = STATES = ("waiting", "billed", "voided")


@dataclass(frozen=True, slots=True)
class BilledCharge:
    """How far a charge is billed (exclusive), on which invoice the last time; net, credits taken off."""

    until: date
    last_start: date
    invoice_id: str
    net: Decimal


@dataclass(frozen=True, slots=True)
class Standing:
    """A charge with what became of it."""

    charge: Charge
    billed: BilledCharge | None

    @property
    def state(self) -> str:
        """One of `STATES`; a monthly one waits until its last month is billed."""
        if self.charge.voided_at is not None:
            return VOIDED
        if self.billed is None:
            return WAITING
        if self.charge.recurs == ONCE:
            return BILLED
        return BILLED if self.charge.until and self.billed.until >= self.charge.until else WAITING


def list_charges(
    tenant: Tenant,
    *,
    client_id: str | None = None,
    lease_id: str | None = None,
    category: str | None = None,
    state: str | None = None,
) -> sa.Select[Charge]:
    """Charges, narrowed. `state` is one of `STATES`."""
    statement = scoped(Charge, tenant)
    for column, value in (
        (Charge.client_id, client_id),
        (Charge.lease_id, lease_id),
        (Charge.category, category),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if state is not None:
        statement = statement.where(Charge.voided_at.is_not(None) == (state == VOIDED))
    if state in (WAITING, BILLED):
        statement = statement.where(_is_done() if state == BILLED else ~_is_done())
    return statement


def get_charge(session: Session, tenant: Tenant, *, charge_id: str) -> Charge:
    """One charge.

    :raises NotFound: if this tenant has no such charge.
    """
    charge = session.scalar(scoped(Charge, tenant).where(Charge.id == charge_id))
    if charge is None:
        raise NotFound("There is no such charge.")
    return charge


def standings(session: Session, tenant: Tenant, *, charges: Sequence[Charge]) -> list[Standing]:
    """What became of these charges, in their order; one query."""
    billed = billed_of(session, tenant, charge_ids=[charge.id for charge in charges])
    return [Standing(charge, billed.get(charge.id)) for charge in charges]


def billed_of(session: Session, tenant: Tenant, *, charge_ids: Sequence[str]) -> dict[str, BilledCharge]:
    """Where these charges were billed, by id; those that were not are left out."""
    if not charge_ids:
        return {}
    rows = session.execute(
        sa.select(
            InvoiceLine.source_id,
            sa.func.max(InvoiceLine.period_end),
            sa.func.max(InvoiceLine.period_start),
            sa.func.max(InvoiceLine.invoice_id).filter(InvoiceLine.net > 0),
            sa.func.sum(InvoiceLine.net),
        )
        .where(
            InvoiceLine.partner_id == tenant.partner_id,
            among(InvoiceLine.source_id, charge_ids),
            InvoiceLine.kind == KIND,
        )
        .group_by(InvoiceLine.source_id)
    )
    found = {}
    for source_id, until, last_start, invoice_id, net in rows:
        if until is not None and last_start is not None:  # every line of a charge has its period
            found[source_id] = BilledCharge(until, last_start, invoice_id, net)
    return found


def open_charges(session: Session, tenant: Tenant, *, client_ids: Sequence[str]) -> list[Charge]:
    """The charges of these clients that a run may have to bill; what is billed to its end is left out."""
    statement = scoped(Charge, tenant).where(
        among(Charge.client_id, client_ids), Charge.voided_at.is_(None), ~_is_done()
    )
    return list(session.scalars(statement.order_by(Charge.id).execution_options(populate_existing=True)))


def _is_done() -> sa.ColumnElement[bool]:
    # The beginning of the unique key: one look at its index for each charge.
    return sa.exists().where(
        InvoiceLine.partner_id == Charge.partner_id,
        InvoiceLine.source_id == Charge.id,
        InvoiceLine.kind == KIND,
        sa.or_(Charge.recurs == ONCE, InvoiceLine.period_end >= Charge.until),
    )

"""What an end makes a client owe once: a device bought or lost, a place left before its time. Reads only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from devices.tax_classes import TaxClass
from haas.calendar import ONE_DAY
from haas.tenancy.scope import Tenant, scoped
from invoicing.balance import Owed
from invoicing.bulk import among
from leases.amendment_models import Amendment
from leases.ends.models import Buyout, LossCharge
from leases.models import Agreement, Lease, Line

BUY_OUT, LOSS, EARLY_RETURN = "buy_out", "loss", "early_return"


@dataclass(frozen=True, slots=True)
class EndCharge:
    """One amount that falls due on a day; nothing is owed once it is reversed."""

    source_id: str
    kind: str
    client_id: str
    lease_id: str
    line_id: str | None  # none: of several lines
    day: date
    amount: Decimal
    description: str
    tax_category: str
    payment_terms_days: int
    is_owed: bool = True
    tax_class: str = TaxClass.STANDARD

    def owed(self, *, as_of: date) -> list[Owed]:
        """What ought to have been billed by then."""
        if not self.is_owed or self.day > as_of:
            return []
        return [Owed(self.source_id, self.kind, self.day, self.day + ONE_DAY, self.amount)]


def end_charges_of(session: Session, tenant: Tenant, *, client_ids: Sequence[str]) -> list[EndCharge]:
    """Every buyout that was agreed, loss and early return of these clients; three queries."""
    return [
        *_bought(session, tenant, client_ids),
        *_lost(session, tenant, client_ids),
        *_left_early(session, tenant, client_ids),
    ]


def _bought(session: Session, tenant: Tenant, client_ids: Sequence[str]) -> Iterator[EndCharge]:
    statement = scoped(Buyout, tenant).where(
        among(Buyout.client_id, client_ids), Buyout.state.in_(("agreed", "passed"))
    )
    for row in session.scalars(statement.order_by(Buyout.id)):
        if row.effective_on is not None:
            yield EndCharge(
                source_id=row.id,
                kind=BUY_OUT,
                client_id=row.client_id,
                lease_id=row.lease_id,
                line_id=row.line_id,
                day=row.effective_on,
                amount=row.price,
                description=f"{row.description}, {row.serial} ({row.number})",
                tax_category=row.tax_category,
                tax_class=row.tax_class,
                payment_terms_days=row.payment_terms_days,
            )


def _lost(session: Session, tenant: Tenant, client_ids: Sequence[str]) -> Iterator[EndCharge]:
    statement = scoped(LossCharge, tenant).where(among(LossCharge.client_id, client_ids))
    for row in session.scalars(statement.order_by(LossCharge.id)):
        yield EndCharge(
            source_id=row.id,
            kind=LOSS,
            client_id=row.client_id,
            lease_id=row.lease_id,
            line_id=row.line_id,
            day=row.lost_on,
            amount=row.amount,
            description=f"{row.description}, {row.serial}",
            tax_category=row.tax_category,
            tax_class=row.tax_class,
            payment_terms_days=row.payment_terms_days,
            is_owed=row.state == "owed",
        )


def _left_early(session: Session, tenant: Tenant, client_ids: Sequence[str]) -> Iterator[EndCharge]:
    # As what was left is taxed; of lines of several classes, at the standard rate.
    one_class = (
        sa.select(sa.func.min(Line.tax_class))
        .where(
            Line.partner_id == Amendment.partner_id,
            Line.lease_id == Amendment.lease_id,
            Amendment.line_ids.op("?")(Line.id),
        )
        .having(sa.func.min(Line.tax_class) == sa.func.max(Line.tax_class))
        .scalar_subquery()
    )
    statement = (
        sa.select(Amendment, Lease.number, Agreement.payment_terms_days, Lease.tax_category, one_class)
        .join(Lease, sa.and_(Lease.partner_id == Amendment.partner_id, Lease.id == Amendment.lease_id))
        .join(
            Agreement,
            sa.and_(Agreement.partner_id == Lease.partner_id, Agreement.id == Lease.agreement_id),
        )
        .where(
            Amendment.partner_id == tenant.partner_id,
            among(Amendment.client_id, client_ids),
            Amendment.state == "applied",
            Amendment.charge > 0,
            Amendment.charge_kind == EARLY_RETURN,
        )
        .order_by(Amendment.id)
    )
    for row, lease_number, days, tax_category, tax_class in session.execute(statement):
        yield EndCharge(
            source_id=row.id,
            kind=EARLY_RETURN,
            client_id=row.client_id,
            lease_id=row.lease_id,
            line_id=row.line_ids[0] if len(row.line_ids) == 1 else None,
            day=row.effective_on,
            amount=row.charge,
            description=f"{lease_number}, {row.number}",
            tax_category=tax_category,
            tax_class=tax_class or TaxClass.STANDARD,
            payment_terms_days=days,
        )

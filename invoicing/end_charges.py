"""What the end of a lease makes a client owe once: a device that it buys, or that was lost. Reads only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Session

from haas.calendar import ONE_DAY
from haas.tenancy.scope import Tenant, scoped
from invoicing.balance import Owed
from invoicing.bulk import among
from leases.ends.models import Buyout, LossCharge

BUY_OUT, LOSS = "buy_out", "loss"


@dataclass(frozen=True, slots=True)
class EndCharge:
    """One amount that falls due on a day; nothing is owed once it is reversed."""

    source_id: str
    kind: str
    client_id: str
    lease_id: str
    line_id: str
    day: date
    amount: Decimal
    description: str
    tax_category: str
    payment_terms_days: int
    is_owed: bool = True

    def owed(self, *, as_of: date) -> list[Owed]:
        """What ought to have been billed by then."""
        if not self.is_owed or self.day > as_of:
            return []
        return [Owed(self.source_id, self.kind, self.day, self.day + ONE_DAY, self.amount)]


def end_charges_of(session: Session, tenant: Tenant, *, client_ids: Sequence[str]) -> list[EndCharge]:
    """Every buyout that was agreed and every loss of these clients; two queries."""
    return [*_bought(session, tenant, client_ids), *_lost(session, tenant, client_ids)]


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
            payment_terms_days=row.payment_terms_days,
            is_owed=row.state == "owed",
        )

"""The next number in one of a partner's series (invoices, leases, returns, tags), without gaps."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from haas.db import Base, PartnerOwned
from haas.ids import new_id
from haas.tenancy.scope import Tenant


class NumberSeries(PartnerOwned, Base):
    """The last number taken in a partner's series. Taken last in the issuing transaction: no gaps."""

    __tablename__ = "number_series"
    __table_args__ = (sa.UniqueConstraint("partner_id", "series"),)

    series: Mapped[str]  # invoice-2026, lease, asset-tag …
    last_number: Mapped[int] = mapped_column(sa.BigInteger, default=0)


def take_numbers(session: Session, tenant: Tenant, *, series: str, count: int = 1) -> range:
    """Take the next `count` numbers of `series`.

    The row stays locked until the transaction ends, so that a rollback gives the numbers back: take them
    last, and only for what is surely written. Rivals wait.
    """
    statement = (
        insert(NumberSeries)
        .values(partner_id=tenant.partner_id, id=new_id("ser"), series=series, last_number=count)
        .on_conflict_do_update(
            index_elements=["partner_id", "series"],
            set_={"last_number": NumberSeries.last_number + count},
        )
        .returning(NumberSeries.last_number)
    )
    last = session.execute(statement, execution_options={"populate_existing": True}).scalar_one()
    return range(last - count + 1, last + 1)


def take_number(session: Session, tenant: Tenant, *, series: str, pattern: str) -> str:
    """The next number as it is printed, e.g. pattern `L-{:05d}` -> `L-00042`."""
    return pattern.format(take_numbers(session, tenant, series=series)[0])

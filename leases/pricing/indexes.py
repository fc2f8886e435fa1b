"""Indexes by month, as they were published: typed or brought in, and the change between two of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from haas.accounts.checks import check_text
from haas.errors import Conflict, InvalidInput
from haas.ids import new_id
from haas.tenancy.scope import Tenant, scoped
from leases.pricing.rise_models import IndexValue
from leases.pricing.rise_rules import change_by_index

_ROW = re.compile(r"(\d{4})-(\d{1,2})[\s;,]+(\d{1,9}(?:[.]\d{1,6})?)")


def read_rows(text: str) -> list[tuple[date, Decimal]]:
    """Rows such as "2026-01 118.4", a month each.

    :raises InvalidInput: naming the row that cannot be read.
    """
    found = []
    for number, row in enumerate(text.splitlines(), start=1):
        if not row.strip():
            continue
        match = _ROW.fullmatch(row.strip())
        if match is None or not 1 <= int(match[2]) <= 12 or int(match[1]) < 1900:
            raise InvalidInput(
                _("Row %(row)d: write the month and its value, such as 2026-01 118.4.", row=number),
                field="rows",
            )
        found.append((date(int(match[1]), int(match[2]), 1), Decimal(match[3])))
    return found


def add_index_values(
    session: Session, tenant: Tenant, *, name: str, values: Sequence[tuple[date, Decimal]], at: datetime
) -> int:
    """Put an index's months on file; those that are there already must say the same. How many are new."""
    index_name = check_text(name, field="index_name", most=60)
    known = {
        row.month: row.value
        for row in session.scalars(scoped(IndexValue, tenant).where(IndexValue.index_name == index_name))
    }
    new = {}
    for month, value in values:
        if value <= 0:
            raise InvalidInput(_("An index is more than 0."), field="value")
        first = month.replace(day=1)
        if known.get(first, value) != value:
            raise Conflict(
                _("%(month)s stands at another value already.", month=first.strftime("%Y-%m")), field="month"
            )
        if first not in known:
            new[first] = value
    try:
        with session.begin_nested():
            session.add_all(
                IndexValue(
                    partner_id=tenant.partner_id,
                    id=new_id("ixv"),
                    index_name=index_name,
                    month=month,
                    value=value,
                    created_at=at,
                )
                for month, value in new.items()
            )
            session.flush()
    except IntegrityError as rival:
        raise Conflict(
            _("Somebody else has just put months of this index on file."), field="month"
        ) from rival
    return len(new)


def latest_values(session: Session, tenant: Tenant, *, months: int) -> Sequence[IndexValue]:
    """The last `months` of every index that are on file, the latest first."""
    place = sa.func.row_number().over(partition_by=IndexValue.index_name, order_by=IndexValue.month.desc())
    placed = scoped(IndexValue, tenant).add_columns(place.label("place")).subquery()
    value = sa.orm.aliased(IndexValue, placed)
    return session.scalars(
        sa.select(value).where(placed.c.place <= months).order_by(value.index_name, value.month.desc())
    ).all()


def names(session: Session, tenant: Tenant) -> list[str]:
    """The indexes on file."""
    found = sa.select(IndexValue.index_name).where(IndexValue.partner_id == tenant.partner_id)
    return list(session.scalars(found.distinct().order_by(IndexValue.index_name)))


def change_of(
    session: Session,
    tenant: Tenant,
    *,
    index_name: str | None,
    base_month: date | None,
    index_month: date | None,
) -> Decimal:
    """The change between two months in per cent.

    :raises InvalidInput: if either has no value.
    """
    if not index_name or base_month is None or index_month is None:
        raise InvalidInput(_("Name the percentage, or an index with its two months."), field="change_pct")
    wanted = {"base_month": base_month.replace(day=1), "index_month": index_month.replace(day=1)}
    found = {
        row.month: row.value
        for row in session.scalars(
            scoped(IndexValue, tenant).where(
                IndexValue.index_name == index_name, IndexValue.month.in_(wanted.values())
            )
        )
    }
    for field, month in wanted.items():
        if month not in found:
            raise InvalidInput(
                _("%(index)s has no value for %(month)s.", index=index_name, month=month.strftime("%Y-%m")),
                field=field,
            )
    return change_by_index(base=found[wanted["base_month"]], now=found[wanted["index_month"]])

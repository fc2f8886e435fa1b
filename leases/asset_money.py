"""What one asset cost, what it is worth in the books, and what rent its days bore: true as of any date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Session

from devices.models import Asset
from devices.queries import get_asset
from haas.calendar import end_of_month
from haas.errors import NotFound
from haas.tenancy.scope import Tenant
from leases.books import BookView, view_book
from leases.rent import rent_of_asset

_MONTHS_MAX = 1200


@dataclass(frozen=True, slots=True)
class MonthPoint:
    """The end of a month: book value, and rent fallen due so far; none for what lies after the date."""

    month: date
    book_value: Decimal | None
    rent: Decimal | None


@dataclass(frozen=True, slots=True)
class AssetMoney:
    """The money of one asset. `view` is none until it was first in service."""

    asset: Asset
    as_of: date
    view: BookView | None
    rent: Decimal  # fallen due by `as_of`, in `currency`
    currency: str
    months: Sequence[MonthPoint]

    @property
    def value(self) -> Decimal:
        """Book value; cost before its first service."""
        return self.view.value if self.view else self.asset.cost

    @property
    def margin(self) -> Decimal:
        """Rent less what it has lost in value so far; what a disposal brought in is no loss."""
        return self.rent - (self.asset.cost - self.value - self.proceeds)

    @property
    def proceeds(self) -> Decimal:
        """What its disposal brought in, once it is disposed of."""
        if self.view is None or self.view.disposal is None or self.view.book.proceeds is None:
            return Decimal(0)
        return self.view.book.proceeds


def view_asset_money(session: Session, tenant: Tenant, *, asset_id: str, as_of: date) -> AssetMoney:
    """Book value against rent, month by month over the asset's life, true as of a date.

    Rent in another currency than the asset's cost is not added to it.
    """
    asset = get_asset(session, tenant, asset_id=asset_id)
    try:
        view = view_book(session, tenant, asset_id=asset_id, as_of=as_of)
    except NotFound:
        view = None
    shares = [
        share
        for share in rent_of_asset(session, tenant, asset_id=asset_id, until=as_of)
        if share.currency == asset.currency
    ]
    rent = sum((share.amount for share in shares), Decimal(0))
    return AssetMoney(
        asset, as_of, view, rent, asset.currency, _months(view, [(s.due_on, s.amount) for s in shares], as_of)
    )


def _months(view: BookView | None, rents: Sequence[tuple[date, Decimal]], as_of: date) -> list[MonthPoint]:
    if view is None:
        return []
    values = {entry.month: entry.book_value for entry in view.entries}
    last = max([*values, end_of_month(min(as_of, view.book.disposed_on or as_of))])
    points: list[MonthPoint] = []
    month, value = end_of_month(view.book.in_service_on), view.book.cost
    while month <= last and len(points) < _MONTHS_MAX:
        value = values.get(month, value)
        gone = view.book.disposed_on is not None and month >= view.book.disposed_on
        so_far = sum((amount for due_on, amount in rents if due_on <= month), Decimal(0))
        is_ahead = month.replace(day=1) > as_of
        points.append(MonthPoint(month, Decimal(0) if gone else value, None if is_ahead else so_far))
        month = end_of_month(month, 1)
    return points

"""Facts of many assets -> rows by model, client, lease, kind or age, which add up. Pure.

Rent goes to the lease that it is paid under; costs and lost value go where the asset stood on their days;
the asset itself, with its cost and its value, counts where it stands on the last day. So the rows add up to
the sums of the assets, whatever they are grouped by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

from haas.calendar import ONE_DAY, add_months
from haas.money import round_places
from leases.profit.facts import NOTHING, AssetFacts, Between, Place

NO_KEY = "none"  # in stock; never in service


class Dimension(StrEnum):
    """What a league is by."""

    MODEL = "model"
    CATEGORY = "category"
    AGE = "age"
    CLIENT = "client"
    LEASE = "lease"
    ASSET = "asset"


@dataclass(slots=True)
class Row:
    """A row of the league: what its assets cost, earned and are worth, in one currency."""

    key: str
    currency: str
    assets: int = 0
    cost: Decimal = NOTHING
    rent: Decimal = NOTHING
    income: Decimal = NOTHING
    costs: Decimal = NOTHING
    lost: Decimal = NOTHING
    value: Decimal = NOTHING

    @property
    def other(self) -> Decimal:
        """Charges less costs."""
        return self.income - self.costs

    @property
    def margin(self) -> Decimal:
        """Rent and charges less costs and lost value."""
        return self.rent + self.other - self.lost

    @property
    def margin_pct(self) -> Decimal | None:
        """Margin in percent of what came in; none where nothing did."""
        return _share(self.margin * 100, self.rent + self.income, places=1)

    @property
    def rent_per_cost(self) -> Decimal | None:
        """Rent for each unit of cost; none where there is no cost."""
        return _share(self.rent, self.cost, places=3)

    def add(self, other: Row) -> None:
        """Add another row's figures to this one's."""
        self.assets += other.assets
        self.cost += other.cost
        self.rent += other.rent
        self.income += other.income
        self.costs += other.costs
        self.lost += other.lost
        self.value += other.value


Only = Mapping[Dimension, str]  # narrows a league to what rows of others are made of: by what, which row
EVERYTHING: Only = MappingProxyType({})


def league(
    assets: Iterable[AssetFacts], *, by: Dimension, since: date | None, as_of: date, only: Only = EVERYTHING
) -> list[Row]:
    """The rows of all assets in the days from `since` (none: since each was bought) to `as_of`.

    What was disposed of before these days counts as no asset of theirs, but what still came in for it does.
    Money in another currency than the asset's cost has a row of its own.
    """
    days = Between(since, as_of)
    rows: dict[tuple[str, str], Row] = {}
    for asset in assets:
        if asset.acquired_on > as_of:
            continue
        for place, part in _parts(asset, days, by_place=_is_by_place(by, only)):
            if any(key_of(each, asset, place, as_of=as_of) != key for each, key in only.items()):
                continue
            key = key_of(by, asset, place, as_of=as_of)
            row = rows.get((key, part.currency))
            if row is None:
                row = rows[key, part.currency] = Row(key, part.currency)
            row.add(part)
    return list(rows.values())


def totals(rows: Iterable[Row]) -> list[Row]:
    """The sum of the rows, one for each currency, the one with the most cost first."""
    sums: dict[str, Row] = {}
    for row in rows:
        sums.setdefault(row.currency, Row("", row.currency)).add(row)
    return sorted(sums.values(), key=lambda row: (-row.cost, -row.rent, row.currency))


def key_of(by: Dimension, asset: AssetFacts, place: Place, *, as_of: date) -> str:
    """The row to which an asset's money at a place belongs."""
    match by:
        case Dimension.MODEL:
            return asset.model_id
        case Dimension.CATEGORY:
            return asset.category
        case Dimension.AGE:
            return age_in_years(asset, as_of=as_of)
        case Dimension.CLIENT:
            return place.client_id or NO_KEY
        case Dimension.LEASE:
            return place.lease_id or NO_KEY
        case Dimension.ASSET:
            return asset.id


def age_in_years(asset: AssetFacts, *, as_of: date) -> str:
    """Whole years in service by a day."""
    first = asset.in_service_on
    if first is None or first > as_of:
        return NO_KEY
    years = as_of.year - first.year
    return str(years - (add_months(first, 12 * years) > as_of))


def sorter(name: str) -> Callable[[Row], Decimal | int | None]:
    """What rows are ordered by under a column's name.

    :raises KeyError: for a column that there is not.
    """
    return _COLUMNS[name]


_COLUMNS: dict[str, Callable[[Row], Decimal | int | None]] = {
    "assets": lambda row: row.assets,
    "cost": lambda row: row.cost,
    "rent": lambda row: row.rent,
    "income": lambda row: row.income,
    "costs": lambda row: row.costs,
    "other": lambda row: row.other,
    "lost": lambda row: row.lost,
    "value": lambda row: row.value,
    "margin": lambda row: row.margin,
    "margin_pct": lambda row: row.margin_pct,
    "rent_per_cost": lambda row: row.rent_per_cost,
}
COLUMNS = tuple(_COLUMNS)


def _is_by_place(by: Dimension, only: Only) -> bool:
    return not {Dimension.CLIENT, Dimension.LEASE}.isdisjoint({by, *only})


def _parts(asset: AssetFacts, days: Between, *, by_place: bool) -> Iterator[tuple[Place, Row]]:
    """An asset's money in these days, cut by place; what is nothing is left out."""
    worth, until = asset.worth, days.until
    home = asset.place_on(until)
    if days.since is None or worth.disposed_on is None or worth.disposed_on >= days.since:
        yield home, Row("", asset.currency, assets=1, cost=worth.cost_on(until), value=worth.at(until))
    for rents in asset.rents:
        due = days.sum_of(rents.payments)
        if due:
            yield rents.place, Row("", rents.currency, rent=due)
    for charge in asset.charges:
        if charge.on in days:
            came, went = max(charge.amount, NOTHING), max(-charge.amount, NOTHING)
            yield charge.place, Row("", asset.currency, income=came, costs=went)
    first = asset.acquired_on if days.since is None else max(days.since, asset.acquired_on)
    spans = asset.places_between(first, until) if by_place else [(home, first, until)]
    before = NOTHING if first <= asset.acquired_on else asset.lost_by(first - ONE_DAY)
    for place, _began, last in spans:
        after = asset.lost_by(last)
        if after != before:
            yield place, Row("", asset.currency, lost=after - before)
        before = after


def _share(part: Decimal, whole: Decimal, *, places: int) -> Decimal | None:
    return round_places(part / whole, places) if whole else None

"""Reads for the doors: an asset's profit, and a league with the names of its rows and its sums."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Session

from haas.errors import InvalidInput, NotFound
from haas.rest.paging import Page, slice_page
from haas.tenancy.models import Client
from haas.tenancy.scope import Tenant, scoped
from leases.book_records import BookRecord
from leases.finance.dated import dated_internal_rate
from leases.finance.numbers import NoRate
from leases.models import Lease
from leases.profit.asset import AssetProfit, profit_of
from leases.profit.facts import AssetFacts
from leases.profit.league import COLUMNS, EVERYTHING, NO_KEY, Dimension, Only, Row, league, sorter, totals
from leases.profit.reads import read_facts

NAME = "name"
SORTS = (NAME, *COLUMNS)
YIELD_DAY_COUNT = "act/365F"  # as a spreadsheet's XIRR counts


@dataclass(frozen=True, slots=True)
class NamedRow:
    """A row of a league with its name; empty for what stands nowhere, or was never in service."""

    row: Row
    name: str
    detail: str = ""

    @property
    def tie(self) -> str:
        """What tells it from all others: a row for each currency."""
        return f"{self.row.key} {self.row.currency}"


@dataclass(frozen=True, slots=True)
class League:
    """A league: one page of its rows, and the sums of all, one for each currency."""

    by: Dimension
    since: date | None
    as_of: date
    page: Page[NamedRow]
    totals: Sequence[Row]
    count: int
    only: Mapping[Dimension, str]  # what it is narrowed to, by name


@dataclass(frozen=True, slots=True)
class Yields:
    """Rates of a year, as shares (0.12 is 12 percent); none where money flows one way only."""

    to_date: Decimal | None  # as if it were sold at its book value today
    to_end: Decimal | None


def view_asset_profit(
    session: Session,
    tenant: Tenant,
    *,
    asset_id: str,
    as_of: date,
    records: Iterable[BookRecord] | None = None,
) -> AssetProfit:
    """What an asset has earned by a day and will have earned by the end of what is agreed.

    :param records: its books, where they were read before.
    :raises NotFound: if this tenant has no such asset.
    """
    found = read_facts(session, tenant, as_of=as_of, asset_id=asset_id, records=records)
    if not found:
        raise NotFound(f"There is no asset {asset_id}.")
    return profit_of(found[0], as_of=as_of)


def yields_of(profit: AssetProfit) -> Yields:
    """The internal rate of return reached by the date, and that of the whole of what is agreed."""
    return Yields(
        _rate(profit, until=profit.as_of, left=profit.to_date.value),
        _rate(profit, until=profit.end, left=profit.to_end.value),
    )


def view_league(
    session: Session,
    tenant: Tenant,
    *,
    by: Dimension,
    since: date | None,
    as_of: date,
    only: Only = EVERYTHING,
    sort: str = "-margin",
    cursor: str | None = None,
    limit: int | None = 50,
) -> League:
    """The league of a partner's whole fleet, sorted and cut to a page; a fixed number of queries.

    :param sort: one of `SORTS`, with "-" for the largest first; what has no such figure comes last.
    :raises InvalidInput: for a sort or a cursor that there is not, or days that end before they begin.
    """
    column = sort.removeprefix("-")
    if column not in SORTS:
        raise InvalidInput(f"Sort by one of: {', '.join(SORTS)}.", field="sort")
    if since is not None and since > as_of:
        raise InvalidInput("The first day lies after the last.", field="since")
    facts = read_facts(session, tenant, as_of=as_of)
    rows = league(facts, by=by, since=since, as_of=as_of, only=only)
    named = _named(session, tenant, facts, rows, by=by)
    page = slice_page(
        named,
        value=_value_of(column),
        tie=lambda each: each.tie,
        descending=sort.startswith("-"),
        cursor=cursor,
        limit=limit or max(len(named), 1),
    )
    narrowed = {
        each: _names(session, tenant, facts, by=each).get(key, (key, ""))[0] for each, key in only.items()
    }
    return League(by, since, as_of, page, totals(rows), len(rows), narrowed)


def _value_of(column: str) -> Callable[[NamedRow], Decimal | str | None]:
    if column == NAME:
        return lambda each: each.name.casefold()
    figure = sorter(column)

    def value(each: NamedRow) -> Decimal | None:
        found = figure(each.row)
        return None if found is None else Decimal(found)

    return value


def _named(
    session: Session, tenant: Tenant, facts: Sequence[AssetFacts], rows: Sequence[Row], *, by: Dimension
) -> list[NamedRow]:
    names = _names(session, tenant, facts, by=by)
    return [
        NamedRow(row, *(names.get(row.key) or ("" if row.key == NO_KEY else row.key, ""))) for row in rows
    ]


def _names(
    session: Session, tenant: Tenant, facts: Sequence[AssetFacts], *, by: Dimension
) -> Mapping[str, tuple[str, str]]:
    """Key -> name and detail."""
    match by:
        case Dimension.CLIENT | Dimension.LEASE:
            clients = {
                row.id: row.name
                for row in session.execute(scoped(Client, tenant).with_only_columns(Client.id, Client.name))
            }
            if by is Dimension.CLIENT:
                return {key: (name, "") for key, name in clients.items()}
            leases = session.execute(
                scoped(Lease, tenant).with_only_columns(Lease.id, Lease.number, Lease.client_id)
            )
            return {row.id: (row.number, clients.get(row.client_id, "")) for row in leases}
        case Dimension.ASSET:
            return {each.id: (each.tag, each.model_name) for each in facts}
        case Dimension.MODEL:
            return {each.model_id: (each.model_name, "") for each in facts}
        case _:
            return {}


def _rate(profit: AssetProfit, *, until: date, left: Decimal) -> Decimal | None:
    flows = [(flow.on, flow.amount) for flow in profit.flows if flow.on <= until]
    # A day later than the purchase at least: money that comes back on its own day has no rate.
    if left and until > profit.facts.acquired_on:
        flows.append((until, left))
    try:
        return dated_internal_rate(flows, convention=YIELD_DAY_COUNT)
    except NoRate:
        return None

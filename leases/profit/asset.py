"""One asset's facts -> what it has earned by a day, what it will have by the end of its term. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from haas.calendar import end_of_month
from leases.profit.facts import NOTHING, AssetFacts, ChargeKind

_MONTHS_MAX = 1200


class FlowKind(StrEnum):
    """What moves an asset's money."""

    PURCHASE = "purchase"
    RENT = "rent"
    CHARGE = "charge"
    COST = "cost"
    PROCEEDS = "proceeds"


@dataclass(frozen=True, slots=True)
class Flow:
    """One movement of cash by contract: positive comes in."""

    on: date
    kind: FlowKind
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Sums:
    """What an asset has brought and cost by the end of a day.

    `lost` is what it has lost in value: cost less book value less what its disposal brought in.
    """

    on: date
    cost: Decimal
    rent: Decimal
    income: Decimal  # charged for damage and for leaving early
    costs: Decimal  # repairs and other costs, positive
    proceeds: Decimal
    value: Decimal

    @property
    def lost(self) -> Decimal:
        """Cost less book value less proceeds: a gain on disposal makes it smaller."""
        return self.cost - self.value - self.proceeds

    @property
    def margin(self) -> Decimal:
        """Rent and other income less costs and what was lost in value."""
        return self.rent + self.income - self.costs - self.lost

    @property
    def cash(self) -> Decimal:
        """What has come in less what has gone out, the purchase included."""
        return self.rent + self.income + self.proceeds - self.costs - self.cost


@dataclass(frozen=True, slots=True)
class MonthPoint:
    """Cash and margin, added up since the purchase, at the end of a month (or on the last day shown)."""

    month: date
    cash: Decimal
    margin: Decimal
    value: Decimal


@dataclass(frozen=True, slots=True)
class AssetProfit:
    """The profit of one asset, true as of a day. Money in other currencies than its cost's is only named."""

    facts: AssetFacts
    as_of: date
    end: date  # the last day of what is agreed; `as_of` where nothing lies ahead
    to_date: Sums
    to_end: Sums
    flows: Sequence[Flow]  # up to the end, oldest first
    months: Sequence[MonthPoint]
    payback: date | None  # the end of the month in which cash comes out of the red; none if it never does
    elsewhere: dict[str, Decimal]  # rent fallen due in other currencies

    @property
    def rent_ahead(self) -> Decimal:
        """What the schedule still promises."""
        return self.to_end.rent - self.to_date.rent


def profit_of(facts: AssetFacts, *, as_of: date) -> AssetProfit:
    """Cost, rent by its days, costs, damages and value: to the date, and to the end of what is agreed.

    The future is the schedule as it stands: no holdover, no renewal, the book's own depreciation.
    """
    end = end_of(facts, as_of=as_of)
    flows = flows_of(facts, until=end)
    months = _months(facts, flows, end=end)
    elsewhere: dict[str, Decimal] = {}
    for rents in facts.rents:
        if rents.currency != facts.currency:
            due = sum((amount for due_on, amount in rents.payments if due_on <= as_of), NOTHING)
            elsewhere[rents.currency] = elsewhere.get(rents.currency, NOTHING) + due
    return AssetProfit(
        facts=facts,
        as_of=as_of,
        end=end,
        to_date=sums_on(facts, flows, day=as_of),
        to_end=sums_on(facts, flows, day=end),
        flows=flows,
        months=months,
        payback=_payback(facts, months),
        elsewhere={currency: amount for currency, amount in elsewhere.items() if amount},
    )


def _payback(facts: AssetFacts, months: Sequence[MonthPoint]) -> date | None:
    if not facts.worth.cost_on(facts.acquired_on):
        return None
    return next((point.month for point in months if point.cash >= 0), None)


def end_of(facts: AssetFacts, *, as_of: date) -> date:
    """The last day that is agreed: of rent, of a payment in arrears, or of a disposal that is known."""
    days = [as_of]
    for rents in facts.rents:
        days.append(rents.last_day)
        days += [due_on for due_on, _amount in rents.payments[-1:]]
    days += [charge.on for charge in facts.charges]
    if facts.worth.disposed_on is not None:
        days.append(facts.worth.disposed_on)
    return max(days)


def flows_of(facts: AssetFacts, *, until: date) -> list[Flow]:
    """Every movement in the currency of its cost, oldest first, the purchase before all others."""
    first = facts.acquired_on
    bought = [(first, facts.worth.cost_on(first))]
    bought += [(on, amount) for on, amount in facts.worth.changes() if on > first]
    flows = [Flow(on, FlowKind.PURCHASE, -amount) for on, amount in bought]
    flows += [
        Flow(due_on, FlowKind.RENT, amount)
        for rents in facts.rents
        if rents.currency == facts.currency
        for due_on, amount in rents.payments
    ]
    flows += [Flow(charge.on, _KINDS[charge.kind], charge.amount) for charge in facts.charges]
    if facts.worth.disposed_on is not None:
        flows.append(Flow(facts.worth.disposed_on, FlowKind.PROCEEDS, facts.worth.proceeds))
    return sorted((flow for flow in flows if flow.on <= until), key=lambda flow: flow.on)


_KINDS = {
    ChargeKind.DAMAGE: FlowKind.CHARGE,
    ChargeKind.EARLY_RETURN: FlowKind.CHARGE,
    ChargeKind.COST: FlowKind.COST,
}


def sums_on(facts: AssetFacts, flows: Sequence[Flow], *, day: date) -> Sums:
    """What it has brought and cost by the end of a day."""
    by_kind = dict.fromkeys(FlowKind, NOTHING)
    for flow in flows:
        if flow.on <= day:
            by_kind[flow.kind] += flow.amount
    return _sums(facts, by_kind, day)


def _sums(facts: AssetFacts, by_kind: dict[FlowKind, Decimal], day: date) -> Sums:
    return Sums(
        on=day,
        cost=facts.worth.cost_on(day),
        rent=by_kind[FlowKind.RENT],
        income=by_kind[FlowKind.CHARGE],
        costs=-by_kind[FlowKind.COST],
        proceeds=by_kind[FlowKind.PROCEEDS],
        value=facts.worth.at(day),
    )


def _months(facts: AssetFacts, flows: Sequence[Flow], *, end: date) -> list[MonthPoint]:
    points: list[MonthPoint] = []
    by_kind, place = dict.fromkeys(FlowKind, NOTHING), 0
    month = end_of_month(facts.acquired_on)
    while month <= end_of_month(end) and len(points) < _MONTHS_MAX:
        while place < len(flows) and flows[place].on <= month:
            by_kind[flows[place].kind] += flows[place].amount
            place += 1
        sums = _sums(facts, by_kind, min(month, end))
        points.append(MonthPoint(month, sums.cash, sums.margin, sums.value))
        month = end_of_month(month, 1)
    return points

"""What an option comes to: rent, total, what leaving early costs; and, for the partner, cost and margin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from haas.money import round_minor, round_places
from leases.finance.pricing import split_by_standalone_price
from leases.quotes.document import LeavingEarly


@dataclass(frozen=True, slots=True)
class PricedLine:
    """So many of one thing. Prices are of one for a full billing period; cost and residual of one."""

    kind: str  # leases.terms.LineKind
    component: str  # leases.terms.Component
    quantity: Decimal
    unit_price: Decimal
    unit_cost: Decimal | None = None
    residual_value: Decimal | None = None
    standalone_price: Decimal | None = None

    @property
    def amount(self) -> Decimal:
        """Of a full billing period, or once."""
        return self.quantity * self.unit_price

    @property
    def places(self) -> Decimal:
        """How many lines of the lease it becomes: one for each device, else one."""
        return self.quantity if self.kind == "asset" else Decimal(1)


@dataclass(frozen=True, slots=True)
class Priced:
    """What an option asks of the client; amounts are net and rounded to the minor unit."""

    rent: Decimal  # a full billing period
    monthly: Decimal
    one_off: Decimal
    total: Decimal  # every rent of the term, and what is charged once


@dataclass(frozen=True, slots=True)
class Margin:
    """What an option brings the partner. Never shown to a client."""

    cost: Decimal  # of the hardware
    residual: Decimal  # what it is worth at the end of the term
    hardware_rent: Decimal  # of a full billing period, without services
    lease_rate_factor: Decimal | None  # monthly hardware rent over cost; none without cost
    margin: Decimal  # rents of the hardware and residual, less cost; not discounted
    margin_pct: Decimal | None  # of the cost
    lines_without_cost: int  # hardware whose cost nobody knows: the cost leaves it out


def price(lines: Sequence[PricedLine], *, term_months: int, interval_months: int, currency: str) -> Priced:
    """What the client pays. A term that is no multiple of the interval costs its share of the last one."""
    periods, months = divmod(term_months, interval_months)
    recurring = [line for line in lines if line.kind != "one_off"]
    rent = sum((_billed(line, currency=currency) for line in recurring), Decimal(0))
    rest = Fraction(months, interval_months)
    last = sum((_billed(line, currency=currency, share=rest) for line in recurring), Decimal(0))
    once = sum((_billed(line, currency=currency) for line in lines if line.kind == "one_off"), Decimal(0))
    return Priced(
        rent=round_minor(rent, currency),
        monthly=round_minor(rent / interval_months, currency),
        one_off=round_minor(once, currency),
        total=round_minor(rent * periods + last + once, currency),
    )


def _billed(line: PricedLine, *, currency: str, share: Fraction = Fraction(1)) -> Decimal:
    """What a part of a period costs as invoices have it: each device has a line of its own, rounded once."""
    return line.places * _of_one_place(line, currency=currency, share=share)


def _of_one_place(line: PricedLine, *, currency: str, share: Fraction = Fraction(1)) -> Decimal:
    return round_minor(Fraction(line.amount) / Fraction(line.places) * share, currency)


def line_amount(kind: str, quantity: Decimal, unit_price: Decimal, *, currency: str) -> Decimal:
    """What a line costs each period, or once, as it is printed."""
    return round_minor(_billed(PricedLine(kind, "", quantity, unit_price), currency=currency), currency)


def hardware_rent(lines: Sequence[PricedLine], *, currency: str) -> Decimal:
    """What of a full period's rent is for hardware: only that is a lease.

    Where every line says what it costs alone, the whole price is shared by that (ASC 606-10-32-31,
    IFRS 15.76): a cheap service hides no rent. Else each line is taken by its own price.
    """
    recurring = [line for line in lines if line.kind != "one_off"]
    hardware = [line for line in recurring if line.component == "hardware"]
    own = round_minor(sum((line.amount for line in hardware), Decimal(0)), currency)
    alone = [line.quantity * line.standalone_price for line in recurring if line.standalone_price is not None]
    if len(alone) < len(recurring) or not sum(alone, Decimal(0)):
        return own
    whole = round_minor(sum((line.amount for line in recurring), Decimal(0)), currency)
    of_hardware = sum((line.quantity * (line.standalone_price or 0) for line in hardware), Decimal(0))
    shares = {"hardware": of_hardware, "service": sum(alone, Decimal(0)) - of_hardware}
    return split_by_standalone_price(whole, shares, currency=currency)["hardware"]


def margin(lines: Sequence[PricedLine], *, term_months: int, interval_months: int, currency: str) -> Margin:
    """What the hardware of an option brings over its cost. Services are apart: they are no lease."""
    hardware = [line for line in lines if line.component == "hardware" and line.kind != "one_off"]
    known = [line for line in hardware if line.unit_cost is not None]
    cost = sum((line.quantity * (line.unit_cost or 0) for line in known), Decimal(0))
    residual = sum((line.quantity * (line.residual_value or 0) for line in known), Decimal(0))
    rent = hardware_rent(lines, currency=currency)
    brought = rent * term_months / interval_months + residual - cost
    return Margin(
        cost=round_minor(cost, currency),
        residual=round_minor(residual, currency),
        hardware_rent=rent,
        lease_rate_factor=round_places(rent / interval_months / cost, 6) if cost else None,
        margin=round_minor(brought, currency),
        margin_pct=round_places(brought / cost * 100, 2) if cost else None,
        lines_without_cost=len(hardware) - len(known),
    )


def early_returns(
    lines: Sequence[PricedLine],
    *,
    pct: Decimal,
    term_months: int,
    interval_months: int,
    currency: str,
) -> list[LeavingEarly]:
    """The charge after each billing period: `pct` percent of the rents still to come; at the end nothing.

    Rounded for each place of the lease, as an amendment charges it (`leases.amendments.early_return`), so
    that what was printed is what is owed. Within a period of several months an amendment counts days, and
    which they are nobody knows before the lease begins: there is no row for it.
    """

    def charge(months_left: int) -> Decimal:
        periods, months = divmod(months_left, interval_months)
        total = Decimal(0)
        for line in lines:
            if line.kind == "one_off":
                continue
            last = _of_one_place(line, currency=currency, share=Fraction(months, interval_months))
            rents = periods * _of_one_place(line, currency=currency) + last
            total += line.places * round_minor(Fraction(rents) * Fraction(pct) / 100, currency)
        return round_minor(total, currency)

    ends = [*range(interval_months, term_months, interval_months), term_months]
    return [LeavingEarly(after_months=month, charge=charge(term_months - month)) for month in ends]

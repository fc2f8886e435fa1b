"""Amendments of single lines: more or less of them, other prices, rent abated, places added."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.calendar import ONE_DAY
from haas.errors import Conflict, InvalidInput, NotFound
from haas.ids import new_id
from haas.money import round_price
from haas.tenancy.scope import Tenant, scoped
from leases import queries
from leases.amendment_models import Abatement, Amendment, LineTerms
from leases.amendments.wanted import Wanted
from leases.contract import terms_on
from leases.models import Agreement, Lease, Line
from leases.operations import make_line
from leases.terms import MONEY_MAX, LineKind, check_amount

PLACES_AT_ONCE = 500


@dataclass(slots=True)
class Work:
    """One amendment being carried out on its locked lease."""

    session: Session
    tenant: Tenant
    amendment: Amendment
    wanted: Wanted
    lease: Lease
    agreement: Agreement
    lines: list[Line]  # every line of the lease
    at: datetime
    today: date  # the client's

    @property
    def on(self) -> date:
        """The first day on which it holds."""
        return self.amendment.effective_on

    def chosen(self, *, or_all: bool = False) -> list[Line]:
        """The lines it names, each running on that day.

        :raises InvalidInput: if it names none, or one that does not run then.
        :raises NotFound: if the lease has no such line.
        """
        by_id = {line.id: line for line in self.lines}
        if unknown := [each for each in self.wanted.line_ids if each not in by_id]:
            raise NotFound(f"There is no line {unknown[0]} on lease {self.lease.number}.")
        if not self.wanted.line_ids and or_all:
            return [line for line in self.lines if line.kind != LineKind.ONE_OFF and runs_on(line, self.on)]
        if not self.wanted.line_ids:
            raise InvalidInput("Choose the lines that it changes.", field="line_ids")
        chosen = [by_id[each] for each in dict.fromkeys(self.wanted.line_ids)]
        for line in chosen:
            if line.kind == LineKind.ONE_OFF:
                raise InvalidInput(
                    f"“{line.description}” is charged once; correct it by a credit note.", field="line_ids"
                )
            if not runs_on(line, self.on):
                raise InvalidInput(
                    f"“{line.description}” does not run on {self.on}; choose a day on which it does.",
                    field="effective_on",
                )
        return chosen


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an amendment came to. `shown` are the figures that are on the page before it is confirmed."""

    line_ids: list[str]
    charge: Decimal = Decimal(0)
    charge_kind: str | None = None
    covered_lines: int = 0
    shown: dict[str, Any] = field(default_factory=dict)


def runs_on(line: Line, day: date) -> bool:
    """Whether the line is owed for that day, as it is agreed now."""
    return (
        line.starts_on is not None and line.starts_on <= day and (line.ends_on is None or day < line.ends_on)
    )


def scale_up(work: Work) -> Outcome:
    """More of a quantity from a day on, or more places for devices at the rate of the model."""
    if work.wanted.model_id is not None or work.wanted.count is not None:
        return _add_places(work, unit_price=work.wanted.unit_price)
    line = one_quantity(work)
    wanted, held = work.wanted.quantity, terms_on(line, work.on)[0]
    if wanted is None or wanted <= held:
        raise InvalidInput(f"There are {held.normalize():f} now; name more.", field="quantity")
    set_terms(work, line, quantity=wanted)
    return Outcome([line.id])


def price_change(work: Work) -> Outcome:
    """Another price from a day on, or the same percentage on every price."""
    price, pct = work.wanted.unit_price, work.wanted.change_pct
    if (price is None) == (pct is None):
        raise InvalidInput("Name the new price, or the percentage of the change.", field="unit_price")
    lines = work.chosen(or_all=pct is not None)
    for line in lines:
        set_terms(work, line, unit_price=_changed(work, line, pct) if price is None else price)
    return Outcome([line.id for line in lines])


def co_term(work: Work) -> Outcome:
    """Places that end with the lease at a price for what is left of it; or its end moved to another's."""
    if work.wanted.last_day is None:
        if work.wanted.unit_price is None:
            raise InvalidInput("Name the price for the rest of the term.", field="unit_price")
        return _add_places(work, unit_price=work.wanted.unit_price)
    ends_on = work.wanted.last_day + ONE_DAY
    if work.lease.ends_on is None or ends_on <= work.lease.ends_on:
        raise InvalidInput(
            "The lease can only be made longer so; to end it sooner, terminate.", field="last_day"
        )
    if ends_on > work.lease.ends_on + timedelta(days=3660):
        raise InvalidInput("A lease grows by at most ten years at once.", field="last_day")
    work.lease.ends_on = ends_on
    work.session.flush()
    return Outcome([])


def abate(work: Work) -> Outcome:
    """A share of the rent is not owed from the day on up to a last day."""
    if work.wanted.last_day is None or work.wanted.last_day < work.on:
        raise InvalidInput("Name the last day, on or after the first.", field="last_day")
    share = (work.wanted.share_pct if work.wanted.share_pct is not None else Decimal(100)) / 100
    if not 0 < share <= 1:
        raise InvalidInput("The share is more than 0 and at most 100 percent.", field="share_pct")
    lines, ends_on = work.chosen(), work.wanted.last_day + ONE_DAY
    for line in lines:
        if any(row.starts_on < ends_on and work.on < row.ends_on for row in line.abatements):
            raise Conflict(
                f"Days of “{line.description}” are abated already; choose others.", field="effective_on"
            )
        work.session.add(
            Abatement(
                partner_id=work.tenant.partner_id,
                id=new_id("abt"),
                line_id=line.id,
                client_id=line.client_id,
                starts_on=work.on,
                ends_on=ends_on,
                share=share,
                reason=work.amendment.reason,
                amendment_id=work.amendment.id,
                created_at=work.at,
            )
        )
    work.session.flush()
    for line in lines:
        work.session.expire(line, ["abatements"])
    return Outcome([line.id for line in lines])


def one_quantity(work: Work) -> Line:
    """The one line whose quantity is to change.

    :raises InvalidInput: for several, or for a device's place: places are added and taken off whole.
    """
    lines = work.chosen()
    if len(lines) != 1:
        raise InvalidInput("A quantity is changed for one line at a time.", field="line_ids")
    if lines[0].kind == LineKind.ASSET:
        raise InvalidInput("A device has a place of its own; add places instead.", field="line_ids")
    return lines[0]


def set_terms(
    work: Work, line: Line, *, quantity: Decimal | None = None, unit_price: Decimal | None = None
) -> None:
    """Agree on a line's terms from the amendment's day on; what held before stays on file.

    A price that was agreed for a later day still holds from then on if only the quantity changes, and a
    quantity if only the price does.
    """
    held_quantity, held_price = terms_on(line, work.on)
    new_quantity = held_quantity if quantity is None else quantity
    new_price = held_price if unit_price is None else unit_price
    if not 0 <= new_price < MONEY_MAX:
        raise InvalidInput("The price cannot be negative.", field="unit_price")
    check_amount(quantity=new_quantity, unit_price=new_price)
    rows = line.terms_over_time
    if not rows:
        _keep_terms(work, line, position=0, since=line.starts_on or work.on, by=None)
    line.quantity, line.unit_price = new_quantity, new_price
    position = len(rows) or 1
    _keep_terms(work, line, position=position, since=work.on, by=work.amendment.id)
    for since, later_quantity, later_price in _agreed_later(line, work.on):
        held_on = line.quantity, line.unit_price
        if quantity is None:
            line.quantity = later_quantity
        if unit_price is None:
            line.unit_price = later_price
        if held_on != (line.quantity, line.unit_price):
            position += 1
            _keep_terms(work, line, position=position, since=since, by=work.amendment.id)
    work.session.flush()
    work.session.expire(line, ["terms_over_time"])
    line.quantity, line.unit_price = terms_on(line, work.today)
    work.session.flush()


def _agreed_later(line: Line, day: date) -> list[tuple[date, Decimal, Decimal]]:
    """From when which quantity and price were to hold after that day, before something else was agreed."""
    days = sorted({row.effective_from for row in line.terms_over_time if row.effective_from > day})
    return [(since, *terms_on(line, since)) for since in days]


def bring_in(session: Session, tenant: Tenant, *, today: date) -> int:
    """Show the terms that have begun since they were agreed on the lines themselves. How many lines.

    Rent is reckoned from the dated terms; this is what lists and sums of today's rent read.
    """
    begun = (
        sa.select(LineTerms.line_id)
        .where(
            LineTerms.partner_id == tenant.partner_id,
            LineTerms.effective_from <= today,
            LineTerms.position > 0,
        )
        .distinct()
    )
    changed = 0
    for line in session.scalars(scoped(Line, tenant).where(Line.id.in_(begun))):
        held = terms_on(line, today)
        if (line.quantity, line.unit_price) != held:
            line.quantity, line.unit_price = held
            changed += 1
    session.flush()
    return changed


def _add_places(work: Work, *, unit_price: Decimal | None) -> Outcome:
    count = work.wanted.count or 1
    if work.wanted.model_id is None:
        raise InvalidInput("Choose the hardware model of the new places.", field="model_id")
    if not 1 <= count <= PLACES_AT_ONCE:
        raise InvalidInput(f"Add 1 to {PLACES_AT_ONCE} places at once.", field="count")
    like = [line for line in work.lines if line.model_id == work.wanted.model_id and line.ends_on is None]
    if unit_price is None:
        if not like:
            raise InvalidInput(
                "No place of this model is on the lease yet: name its price.", field="unit_price"
            )
        unit_price = terms_on(like[-1], work.on)[1]
    if not 0 <= unit_price < MONEY_MAX:
        raise InvalidInput("The price cannot be negative.", field="unit_price")
    description = work.wanted.description.strip() or (like[-1].description if like else "")
    if not description:
        raise InvalidInput("Say what the lines are for; the invoice prints it.", field="description")
    residual = work.wanted.residual_value
    if residual is None and like:
        residual = like[-1].residual_value
    made = [
        make_line(
            work.session,
            work.tenant,
            lease=work.lease,
            at=work.at,
            description=description,
            unit_price=unit_price,
            model_id=work.wanted.model_id,
            residual_value=residual,
            flexible=bool(like) and like[-1].flexible,
            tax_category=like[-1].tax_category if like else "S",
            tax_class=like[-1].tax_class if like else None,
        )
        for _ in range(count)
    ]
    work.lines += made
    return Outcome([line.id for line in made])


def _changed(work: Work, line: Line, pct: Decimal | None) -> Decimal:
    price = terms_on(line, work.on)[1]
    changed = Fraction(price) * (100 + Fraction(pct or 0)) / 100
    return round_price(changed, like=price, currency=work.lease.currency)


def _keep_terms(work: Work, line: Line, *, position: int, since: date, by: str | None) -> None:
    work.session.add(
        LineTerms(
            partner_id=work.tenant.partner_id,
            id=new_id("ltm"),
            line_id=line.id,
            client_id=line.client_id,
            position=position,
            effective_from=since,
            quantity=line.quantity,
            unit_price=line.unit_price,
            amendment_id=by,
            created_at=work.at,
        )
    )


def lines_of(session: Session, tenant: Tenant, *, lease_id: str) -> list[Line]:
    """Every line of the lease with its changes."""
    return list(queries.get_lease(session, tenant, lease_id=lease_id).lines)

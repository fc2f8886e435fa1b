"""Rate cards: put on file whole, and read as rents for a cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from flask_babel import gettext as _
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from haas.accounts.checks import check_text
from haas.errors import Conflict, InvalidInput
from haas.ids import new_id
from haas.money import round_minor, round_places
from haas.tenancy.scope import Tenant
from leases.finance.numbers import NoRate
from leases.finance.pricing import Deal, lease_rate_factor, rent_for, yield_of
from leases.finance.rates import Compounding
from leases.pricing.models import RateCard, RateCardRow
from leases.terms import INTERVALS, Timing

HUNDRED = Decimal(100)


class CardExists(Conflict):
    """A card of this name begins on this day, and cards are never edited."""

    code = "rate_card_exists"


@dataclass(frozen=True, slots=True)
class CardRow:
    """One term: what the hardware keeps of its cost, and what the deal is to yield a year."""

    term_months: int
    residual_pct: Decimal
    yield_pct: Decimal


@dataclass(frozen=True, slots=True)
class Offer:
    """A rent by a card, or a typed one. The factor is the rent of a period for each 1 of cost."""

    term_months: int
    residual: Decimal
    rent: Decimal
    factor: Decimal
    yield_pct: Decimal  # a year, nominal
    effective_pct: Decimal  # a year, with its own interest


def add_card(
    session: Session,
    tenant: Tenant,
    *,
    name: str,
    valid_from: date,
    rows: Sequence[CardRow],
    at: datetime,
    category: str | None = None,
    timing: str = Timing.ADVANCE,
    interval_months: int = 1,
) -> RateCard:
    """Put a card on file. A change is a card of the same name from a later day.

    :raises CardExists: if there is one of that name and day.
    """
    if not rows:
        raise InvalidInput(_("Give at least one term."), field="rows")
    if len({row.term_months for row in rows}) < len(rows):
        raise InvalidInput(_("Each term stands on a card once."), field="rows")
    if interval_months not in INTERVALS:
        raise InvalidInput(_("Rent is billed every 1, 3, 6 or 12 months."), field="interval_months")
    for row in rows:
        _check_row(row, interval_months=interval_months)
    card = RateCard(
        partner_id=tenant.partner_id,
        id=new_id("rcd"),
        name=check_text(name, field="name", most=60),
        category=category or None,
        timing=Timing(timing),
        interval_months=interval_months,
        valid_from=valid_from,
        created_at=at,
        created_by=tenant.actor,
    )
    try:
        with session.begin_nested():
            session.add(card)
            session.flush()
    except IntegrityError as twice:
        raise CardExists(
            _("There is a card of this name from %(day)s. Choose another day.", day=valid_from.isoformat()),
            field="valid_from",
        ) from twice
    session.add_all(
        RateCardRow(
            partner_id=tenant.partner_id,
            id=new_id("rcr"),
            card_id=card.id,
            term_months=row.term_months,
            residual_pct=row.residual_pct,
            yield_pct=row.yield_pct,
        )
        for row in rows
    )
    session.flush()
    return card


def cards_on(cards: Sequence[RateCard], *, day: date, category: str | None) -> list[RateCard]:
    """The cards that hold on a day for a kind of hardware, of those by name and the newest first."""
    held: dict[str, RateCard] = {}
    for card in cards:
        if card.valid_from <= day and card.category in (None, category):
            held.setdefault(card.name, card)
    return list(held.values())


def offers_of(card: RateCard, *, cost: Decimal, currency: str) -> list[Offer]:
    """The rent of each term of a card for a cost; the yield shown is that of the rounded rent."""
    return [
        by_yield(
            deal_of(
                cost=cost,
                residual_pct=row.residual_pct,
                term_months=row.term_months,
                currency=currency,
                interval_months=card.interval_months,
                timing=card.timing,
            ),
            yield_pct=row.yield_pct,
        )
        for row in card.rows
    ]


def deal_of(
    *,
    cost: Decimal,
    residual_pct: Decimal,
    term_months: int,
    currency: str,
    interval_months: int = 1,
    timing: str = Timing.ADVANCE,
) -> Deal:
    """The hardware and its term, the residual value as a share of cost.

    :raises InvalidInput: for what has no rent.
    """
    try:
        return Deal(
            cost=cost,
            residual=round_minor(cost * residual_pct / HUNDRED, currency),
            term_months=term_months,
            currency=currency,
            interval_months=interval_months,
            timing=Timing(timing),
        )
    except ValueError as meaningless:
        raise InvalidInput(
            _("Give a cost above 0 and a term of whole periods."), field="cost"
        ) from meaningless


def by_yield(deal: Deal, *, yield_pct: Decimal) -> Offer:
    """The rent at which a deal yields so much a year, nominal."""
    rent = rent_for(deal, annual_yield=yield_pct / HUNDRED, compounding=Compounding.NOMINAL)
    return by_rent(deal, rent=rent)


def by_rent(deal: Deal, *, rent: Decimal) -> Offer:
    """What a rent yields.

    :raises InvalidInput: if nothing comes back.
    """
    try:
        found = yield_of(deal, rent=rent)
    except NoRate as never:
        raise InvalidInput(_("This rent never brings back the cost."), field="rent") from never
    return Offer(
        term_months=deal.term_months,
        residual=deal.residual,
        rent=rent,
        factor=round_places(lease_rate_factor(rent=rent, cost=deal.cost), 6),
        yield_pct=round_places(found.nominal * HUNDRED, 3),
        effective_pct=round_places(found.effective * HUNDRED, 3),
    )


def _check_row(row: CardRow, *, interval_months: int) -> None:
    if not 1 <= row.term_months <= 120 or row.term_months % interval_months:
        raise InvalidInput(_("A term is 1 to 120 months, in whole periods."), field="rows")
    if not 0 <= row.residual_pct < HUNDRED:
        raise InvalidInput(_("The residual value is 0 to 99.999 per cent of cost."), field="rows")
    if not 0 <= row.yield_pct < HUNDRED:
        raise InvalidInput(_("The yield is 0 to 99.999 per cent a year."), field="rows")

"""The demo's exchange rates: invented ones, a week apart, that rise and fall around a mean."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from invoicing.money.rate_rules import ACROSS, DayRate
from invoicing.money.rates import add_rates

if TYPE_CHECKING:
    from haas.demo.houses import House

_MEANS = {"USD": Decimal("1.0900"), "CHF": Decimal("0.9450"), "GBP": Decimal("0.8550")}
_STEP, _HALF_WAVE = Decimal("0.0025"), 9  # of a mean each week; weeks from the lowest to the highest


def keep_rates(session: Session, house: House, *, since: datetime, now: datetime) -> None:
    """What a euro was worth, each week since the house began."""
    rows = list(_rates(since.date(), now.date()))
    add_rates(session, house.tenant, rows=rows, source="import", at=now)


def _rates(first: date, last: date) -> Iterator[DayRate]:
    for week in range((last - first).days // 7 + 1):
        # Up for half a wave, down for the other.
        place = week % (2 * _HALF_WAVE)
        risen = min(place, 2 * _HALF_WAVE - place)
        for shift, (quote, mean) in enumerate(_MEANS.items()):
            rate = mean * (1 + _STEP * (risen - _HALF_WAVE // 2 + shift))
            yield DayRate(ACROSS, quote, first + timedelta(weeks=week), round(rate, 4))

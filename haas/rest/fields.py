"""Fields that all shapes share: bounded money, bounded dates, ids."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import marshmallow as ma

from haas import clock

FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)
AMOUNT_MAX = Decimal(99999999999)
_FAST_MAX = timedelta(minutes=5)


class Amount(ma.fields.String):
    """Money as a decimal text such as "1234.50", with at least two places on the way out; never a float."""

    def __init__(self, *, places: int = 3, most: Decimal = AMOUNT_MAX, **options: Any) -> None:
        self.pattern = re.compile(rf"\d{{1,11}}(\.\d{{1,{places}}})?")
        self.places, self.most = places, most
        told = options.pop("metadata", {})
        words = "; ".join(filter(None, [told.get("description"), "a decimal number as text"]))
        shape = {**told, "pattern": f"^{self.pattern.pattern}$", "description": words}
        super().__init__(metadata=shape, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        typed = super()._deserialize(value, attr, data, **kwargs).strip()
        if not self.pattern.fullmatch(typed):
            raise ma.ValidationError(
                f"Write a number that is not negative, with at most {self.places} decimal places."
            )
        if (amount := Decimal(typed)) > self.most:
            raise ma.ValidationError(f"At most {self.most}.")
        return amount

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:  # noqa: ARG002 - marshmallow's signature
        if value is None:
            return None
        amount = Decimal(value).normalize()
        exponent = amount.as_tuple().exponent
        return f"{amount:.2f}" if isinstance(exponent, int) and exponent > -2 else f"{amount:f}"


class Signed(Amount):
    """Money that may go either way: only ever sent, never read."""

    def __init__(self, **options: Any) -> None:
        super().__init__(dump_only=True, **options)
        self.metadata = {**self.metadata, "pattern": r"^-?\d+(\.\d+)?$"}


class Day(ma.fields.Date):
    """A calendar date of this century, so that no sum of months leaves the calendar."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=ma.validate.Range(FIRST_DAY, LAST_DAY), **options)


class Happened(ma.fields.AwareDateTime):
    """When something happened: now if left out. A clock that is a few minutes fast means now."""

    def __init__(self, **options: Any) -> None:
        description = "when it happened; now if left out"
        super().__init__(load_default=_now, metadata={"description": description}, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        at, now = super()._deserialize(value, attr, data, **kwargs), clock.now()
        if at > now + _FAST_MAX:
            raise ma.ValidationError("This lies ahead: choose a moment that has passed.")
        if at.year < FIRST_DAY.year:
            raise ma.ValidationError("This lies too far back.")
        return min(at, now)


def _now() -> datetime:
    """Asked each time, as everybody else asks: a default that held the function would miss a moved clock."""
    return clock.now()


def text(most: int, *, least: int = 0, **options: Any) -> ma.fields.String:
    """A text of bounded length without null characters, which PostgreSQL cannot keep."""
    return ma.fields.String(
        validate=[ma.validate.Length(least, most), ma.validate.ContainsNoneOf([chr(0)])], **options
    )


def row_id(**options: Any) -> ma.fields.String:
    """The id of a row."""
    return text(40, least=1, **options)


def one_of(*choices: str, **options: Any) -> ma.fields.String:
    """One of these words."""
    return ma.fields.String(validate=ma.validate.OneOf(choices), **options)

"""What an adapter is given: a case's inputs, read as dates and exact numbers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.ground_truth.compare import as_number


class Unsupported(Exception):
    """The case asks for something that our functions cannot express."""


class Inputs(dict[str, Any]):
    """The inputs of one case. A name that is missing makes the case unsupported, not wrong."""

    def __missing__(self, name: str) -> Any:
        """Say which input the adapter needs."""
        raise Unsupported(f"no input {name!r}; there are {', '.join(self)}")

    def day(self, name: str) -> date:
        """A calendar day."""
        return date.fromisoformat(self[name])

    def day_or_none(self, name: str) -> date | None:
        """A calendar day, or None if it is null or absent."""
        return None if self.get(name) is None else self.day(name)

    def number(self, name: str, default: int | Fraction | None = None) -> Fraction:
        """An exact number; the default stands for null or absent."""
        return exact(self[name]) if self.get(name) is not None or default is None else Fraction(default)

    def amount(self, name: str, default: int | None = None) -> Decimal:
        """An exact decimal amount; the default stands for null or absent."""
        if self.get(name) is None and default is not None:
            return Decimal(default)
        return Decimal(self[name])

    def whole(self, name: str, default: int | None = None) -> int:
        """A whole number; the default stands for null or absent."""
        number = self.number(name, default)
        if number.denominator != 1:
            raise Unsupported(f"{name} {number} is not a whole number")
        return int(number)


def exact(value: Any) -> Fraction:
    """A JSON number, exactly as it is written."""
    number = as_number(value)
    if number is None:
        raise Unsupported(f"{value!r} is not a number")
    return number


Answer = dict[str, Any]
Adapter = Callable[[Inputs], Answer]

"""Which of a place's tax rates holds for what is bought, leased or charged."""

from __future__ import annotations

from enum import StrEnum


class TaxClass(StrEnum):
    """Which of a place's rates holds for what a line is about: books, say, are taxed less than computers."""

    STANDARD = "standard"
    REDUCED = "reduced"
    SUPER_REDUCED = "super_reduced"
    ZERO = "zero"
    EXEMPT = "exempt"  # nothing is added, whatever the rates are

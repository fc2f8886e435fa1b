"""Cost, residual, life -> charges: formulas (methods), fiscal years (spread), an asset's book (book)."""

from leases.depreciation.book import (
    Accrual,
    DayBasis,
    DepreciationEntry,
    DepreciationTerms,
    Disposal,
    FirstMonth,
    LastMonth,
    Method,
    book_value,
    depreciation_schedule,
    dispose,
    entries_until,
    gain_on_disposal,
)

__all__ = [
    "Accrual",
    "DayBasis",
    "DepreciationEntry",
    "DepreciationTerms",
    "Disposal",
    "FirstMonth",
    "LastMonth",
    "Method",
    "book_value",
    "depreciation_schedule",
    "dispose",
    "entries_until",
    "gain_on_disposal",
]

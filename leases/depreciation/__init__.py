"""Cost, residual, life -> charges: formulas (methods), fiscal years (spread), an asset's book (book)."""

from leases.depreciation.book import DepreciationEntry, depreciation_schedule
from leases.depreciation.closing import (
    Disposal,
    gain_on_disposal,
)
from leases.depreciation.conventions import Convention
from leases.depreciation.terms import DayBasis, DepreciationTerms, FirstMonth, LastMonth, Method

__all__ = [
    "Convention",
    "DayBasis",
    "DepreciationEntry",
    "DepreciationTerms",
    "Disposal",
    "FirstMonth",
    "LastMonth",
    "Method",
    "depreciation_schedule",
    "gain_on_disposal",
]

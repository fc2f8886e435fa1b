"""Portal pages of agreements, leases, their hardware, swaps, returns and books."""

from leases.portal import (
    agreements,
    buyouts,
    drafts,
    ends,
    handover,
    life,
    lists,
    money,
    proposals,
    record,
    returns,
    swaps,
)

__all__ = [
    "agreements",
    "buyouts",
    "drafts",
    "ends",
    "handover",
    "life",
    "lists",
    "money",
    "proposals",
    "record",
    "returns",
    "swaps",
]

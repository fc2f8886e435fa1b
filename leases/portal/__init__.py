"""Portal pages of agreements, leases, their hardware, swaps, returns and books."""

from leases.portal import (
    agreements,
    drafts,
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
    "drafts",
    "handover",
    "life",
    "lists",
    "money",
    "proposals",
    "record",
    "returns",
    "swaps",
]

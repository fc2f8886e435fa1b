"""Portal pages of agreements, leases, their hardware, swaps, returns and books."""

from leases.portal import (
    agreements,
    buyouts,
    classification,
    drafts,
    ends,
    funders,
    fundings,
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
    "classification",
    "drafts",
    "ends",
    "funders",
    "fundings",
    "handover",
    "life",
    "lists",
    "money",
    "proposals",
    "record",
    "returns",
    "swaps",
]

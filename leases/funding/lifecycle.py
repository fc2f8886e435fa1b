"""The states of a funding, and the verbs between them."""

from __future__ import annotations

from enum import StrEnum

from haas.lifecycle import Lifecycle


class FundingState(StrEnum):
    """Where a funding is."""

    ACTIVE = "active"
    PAID = "paid"  # every payment was made
    SETTLED = "settled"  # paid back before its term


S = FundingState

# fmt: off
FUNDING_LIFECYCLE: Lifecycle[FundingState] = Lifecycle("funding", {
    # verb      from                    to
    "complete": (frozenset({S.ACTIVE}), S.PAID),
    "settle":   (frozenset({S.ACTIVE}), S.SETTLED),
})
# fmt: on

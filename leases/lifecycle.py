"""States of a lease and the moves between them."""

from __future__ import annotations

from enum import StrEnum

from haas.lifecycle import Lifecycle


class LeaseState(StrEnum):
    """Where a lease schedule, with its lines, is in its life."""

    DRAFT = "draft"
    QUOTED = "quoted"
    ACCEPTED = "accepted"
    ACTIVE = "active"
    ENDING = "ending"
    HOLDOVER = "holdover"
    CLOSED = "closed"
    CANCELLED = "cancelled"


S = LeaseState
IN_TERM = frozenset({S.ACTIVE, S.ENDING})
RUNNING = IN_TERM | {S.HOLDOVER}  # with hardware out, and rent to come
BILLABLE = frozenset({S.ACCEPTED, S.ACTIVE, S.ENDING, S.HOLDOVER})
FINAL = frozenset({S.CLOSED, S.CANCELLED})

# fmt: off
LEASE_LIFECYCLE: Lifecycle[LeaseState] = Lifecycle("lease", {
    # verb          from                                                 to
    "quote":       (frozenset({S.DRAFT}),                                S.QUOTED),
    "revise":      (frozenset({S.QUOTED}),                               S.DRAFT),
    "accept":      (frozenset({S.QUOTED}),                               S.ACCEPTED),
    "activate":    (frozenset({S.ACCEPTED}),                             S.ACTIVE),
    "give_notice": (frozenset({S.ACTIVE}),                               S.ENDING),
    "withdraw_notice": (frozenset({S.ENDING}),                           S.ACTIVE),
    "hold_over":   (frozenset({S.ACTIVE, S.ENDING}),                     S.HOLDOVER),
    "renew":       (frozenset({S.ACTIVE, S.ENDING, S.HOLDOVER}),         S.ACTIVE),
    "close":       (frozenset({S.ENDING, S.HOLDOVER, S.ACTIVE}),         S.CLOSED),
    "cancel":      (frozenset({S.DRAFT, S.QUOTED, S.ACCEPTED}),          S.CANCELLED),
})
# fmt: on

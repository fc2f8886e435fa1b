"""States of a quote, of what is to be bought for it, and the moves between them."""

from __future__ import annotations

from enum import StrEnum

from haas.lifecycle import Lifecycle


class QuoteState(StrEnum):
    """Where one version of a quote is in its life. A change of what was sent is a new version."""

    DRAFT = "draft"
    SENT = "sent"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class NeedState(StrEnum):
    """Where hardware that a lease lacks is on its way to the shelf."""

    OPEN = "open"
    ORDERED = "ordered"
    RECEIVED = "received"
    CANCELLED = "cancelled"


S, N = QuoteState, NeedState
WAITING = frozenset({N.OPEN, N.ORDERED})

# fmt: off
QUOTE_LIFECYCLE: Lifecycle[QuoteState] = Lifecycle("quote", {
    # verb      from                                   to
    "send":     (frozenset({S.DRAFT}),                 S.SENT),
    "accept":   (frozenset({S.SENT}),                  S.ACCEPTED),
    "decline":  (frozenset({S.SENT}),                  S.DECLINED),
    "expire":   (frozenset({S.SENT}),                  S.EXPIRED),
    "withdraw": (frozenset({S.DRAFT, S.SENT}),         S.WITHDRAWN),
})
NEED_LIFECYCLE: Lifecycle[NeedState] = Lifecycle("purchase need", {
    # verb      from                                   to
    "order":    (frozenset({N.OPEN}),                  N.ORDERED),
    "reopen":   (frozenset({N.ORDERED, N.RECEIVED}),   N.OPEN),
    "receive":  (frozenset({N.OPEN, N.ORDERED}),       N.RECEIVED),
    "cancel":   (frozenset({N.OPEN, N.ORDERED}),       N.CANCELLED),
})
# fmt: on

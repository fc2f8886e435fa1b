"""The states of an attempt to be paid, and of money that goes back. Pure."""

from __future__ import annotations

from enum import StrEnum

from haas.lifecycle import Lifecycle


class AttemptState(StrEnum):
    """Where an attempt stands."""

    CREATED = "created"  # ours alone so far
    SENT = "sent"  # on its way to the provider, or its page waits for somebody
    PENDING = "pending"  # the provider has it, and its bank takes days
    UNKNOWN = "unknown"  # no answer came: asked by its key until one does
    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    EXPIRED = "expired"  # nobody paid on the page


S = AttemptState
OPEN = (S.CREATED, S.SENT, S.PENDING, S.UNKNOWN)
PAID_PERHAPS = (S.PENDING, S.UNKNOWN)  # somebody paid, and it is not certain yet whether the money comes
SETTLED = (S.SUCCEEDED, S.DECLINED, S.EXPIRED)
_NOT_PAID = frozenset(set(S) - {S.SUCCEEDED})

# A webhook may come in any order. Money that is there ends every other state, and nothing ends it.
# fmt: off
ATTEMPT = Lifecycle("payment attempt", {
    # verb      from                                                to
    "send":    (frozenset({S.CREATED}),                             S.SENT),
    "pend":    (frozenset({S.CREATED, S.SENT, S.UNKNOWN}),          S.PENDING),
    "lose":    (frozenset({S.SENT}),                                S.UNKNOWN),
    "succeed": (_NOT_PAID,                                          S.SUCCEEDED),
    "decline": (frozenset(OPEN),                                    S.DECLINED),
    "expire":  (frozenset({S.CREATED, S.SENT, S.UNKNOWN}),          S.EXPIRED),
})
# fmt: on

"""Which open amounts add up to what was paid: a search with an end."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

ITEMS_MOST = 40  # looked at, the oldest first
SIZE_MOST = 12  # in one payment
_STEPS_MOST = 20_000


def sums_to(amounts: Sequence[Decimal], *, total: Decimal, most: int = 2) -> list[tuple[int, ...]]:
    """Places of two and more amounts that add up to `total`, at most `most` such sets.

    All amounts are positive. Fewer and earlier ones are found first; two sets mean that it is not clear.
    It gives up after 20,000 steps: what it found by then is the answer.
    """
    looked_at = amounts[:ITEMS_MOST]
    behind = [Decimal(0)] * (len(looked_at) + 1)
    for place in range(len(looked_at) - 1, -1, -1):
        behind[place] = behind[place + 1] + looked_at[place]
    found: list[tuple[int, ...]] = []
    steps = 0

    def go(start: int, left: Decimal, chosen: tuple[int, ...], size: int) -> None:
        nonlocal steps
        for place in range(start, len(looked_at)):
            steps += 1
            if steps > _STEPS_MOST or len(found) >= most or behind[place] < left:
                return
            amount = looked_at[place]
            if amount == left and len(chosen) + 1 == size:
                found.append((*chosen, place))
            elif amount < left and len(chosen) + 1 < size:
                go(place + 1, left - amount, (*chosen, place), size)

    for size in range(2, min(SIZE_MOST, len(looked_at)) + 1):
        go(0, total, (), size)
        if len(found) >= most or steps > _STEPS_MOST:
            break
    # All of them together is common, and may be more than one payment's usual few.
    everything = tuple(range(len(looked_at)))
    if len(looked_at) > SIZE_MOST and behind[0] == total and len(found) < most:
        found.append(everything)
    return found

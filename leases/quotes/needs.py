"""Whether what a lease lacks is on the shelf by now. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lacking:
    """So many places of a lease are empty for a model."""

    id: str
    model_id: str
    places: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What a need still lacks, and whether it has to wait for a purchase."""

    lacking: int
    is_covered: bool


def judge(needs: Sequence[Lacking], *, free: Mapping[str, int]) -> dict[str, Standing]:
    """Share what is in stock among the needs in their order, the first served first.

    A need is covered when nothing is lacking any more or when all that it lacks is in stock: half a delivery
    lets nobody close it.
    """
    left = dict(free)
    found = {}
    for need in needs:
        is_covered = left.get(need.model_id, 0) >= need.places
        if is_covered:
            left[need.model_id] = left.get(need.model_id, 0) - need.places
        found[need.id] = Standing(need.places, is_covered)
    return found

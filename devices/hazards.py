"""Failure rates of disks by what SMART counts, and the chance that follows from a rate. Pure.

Rates are failures per disk and year by raw value, as published with Scrutiny (MIT, 89588a4) from Backblaze's
drive statistics; only the points we know are here, and a value between two of them has the lower one's rate.
Rates above 1 are hazards, not shares: 1 - exp(-rate * days / 365) makes a chance of any of them.

What they cannot do: 56 % of the failed drives in Google's FAST '07 study had no count in the four strong
signals. A low chance is no promise.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable

HORIZON_DAYS = 30
WATCH_RATE = 0.10  # four times what a disk without a finding has
FAILING_RATE = 0.50  # rather down than up within a year and a half

# counter -> [(from this raw value, rate a year)], rising.
RATES: dict[str, list[tuple[int, float]]] = {
    "reallocated": [(0, 0.025), (16, 0.24), (260, 0.57), (1101, 1.50)],
    "reported_uncorrect": [(0, 0.028), (1, 0.34)],
    "pending": [(0, 0.026), (1, 0.34), (40, 1.65)],
    "offline_uncorrectable": [(0, 0.029), (1, 0.81)],
    "crc_errors": [(0, 0.025), (1, 0.15)],  # mostly the cable
    # No rate is published that we trust: a finding to note (188), or to look at (NVMe: no study as strong).
    "command_timeout": [(0, 0.025)],
    "media_errors": [(0, 0.010), (1, 0.20)],
    # A disk of which nothing bad is known: Backblaze, hard disks 2013-2024 and boot SSDs 2022.
    "class.hdd": [(0, 0.025)],
    "class.ssd": [(0, 0.010)],
}


def annual_rate(counter: str, value: int) -> float:
    """Failures a year of disks whose `counter` reads `value`.

    :raises KeyError: for a counter without rates.
    """
    steps = RATES[counter]
    place = bisect_right(steps, value, key=lambda step: step[0]) - 1
    return steps[max(place, 0)][1]


def chance_within(rate: float, *, days: int) -> float:
    """The chance that a disk with this annual rate fails within `days`."""
    return 1 - math.exp(-rate * days / 365)


def combined(chances: Iterable[float]) -> float:
    """The chance that at least one of several independent disks fails."""
    return 1 - math.prod(1 - chance for chance in chances)

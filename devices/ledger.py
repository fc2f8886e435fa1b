"""Which numbers of a session are held, as ranges; what a receipt says of them. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

RANGES_MAX = 256  # a device that numbers at random must not grow its row without end
MISSING_MAX = 200  # ranges named in one receipt


class Ledger:
    """The set of held sequence numbers of one session."""

    __slots__ = ("_firsts", "_lasts")

    def __init__(self, ranges: Iterable[Iterable[int]] = ()) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in ranges:
            self._firsts.append(first)
            self._lasts.append(last)

    def __contains__(self, s: int) -> bool:
        place = bisect_right(self._firsts, s) - 1
        return place >= 0 and s <= self._lasts[place]

    def take(self, s: int) -> bool:
        """Hold `s`; whether it was new. One that finds no room is new each time: the table knows it."""
        lasts = self._lasts
        if lasts and s == lasts[-1] + 1:
            lasts[-1] = s
            return True
        if s in self:
            return False
        self.hold(s, s)
        return True

    def hold(self, first: int, last: int) -> None:
        """Hold `first` to `last`, both included."""
        firsts, lasts = self._firsts, self._lasts
        # All ranges that overlap or touch [first, last] become one with it.
        begin = bisect_right(lasts, first - 2)
        end = bisect_right(firsts, last + 1)
        if begin == end and len(firsts) >= RANGES_MAX:
            return
        if begin < end:
            first, last = min(first, firsts[begin]), max(last, lasts[end - 1])
        firsts[begin:end] = [first]
        lasts[begin:end] = [last]

    @property
    def top(self) -> int:
        """The highest number that is held; 0 if there is none."""
        return self._lasts[-1] if self._lasts else 0

    @property
    def contiguous(self) -> int:
        """Everything up to here is held."""
        return self._lasts[0] if self._firsts and self._firsts[0] == 1 else 0

    def missing(self) -> list[list[int]]:
        """The gaps below `top`, oldest first, as [first, last]."""
        gaps, expected = [], 1
        for first, last in zip(self._firsts, self._lasts, strict=True):
            if first > expected:
                gaps.append([expected, first - 1])
            expected = last + 1
        return gaps

    def receipt(self) -> tuple[int, list[list[int]]]:
        """(upto, missing) that is true however many gaps there are."""
        gaps = self.missing()
        if len(gaps) <= MISSING_MAX:
            return self.top, gaps
        # Up to the first gap that is not named.
        return gaps[MISSING_MAX][0] - 1, gaps[:MISSING_MAX]

    def ranges(self) -> list[list[int]]:
        """For storage."""
        return [[first, last] for first, last in zip(self._firsts, self._lasts, strict=True)]

"""The ledger of a session against a plain set."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from devices.ledger import RANGES_MAX, Ledger

numbers = st.lists(st.integers(1, 60), max_size=80)


class TestLedger:
    @given(numbers)
    def test_holds_what_a_set_would_hold(self, taken: list[int]) -> None:
        ledger, plain = Ledger(), set[int]()
        for number in taken:
            assert ledger.take(number) is (number not in plain)
            plain.add(number)
        assert [n for n in range(1, 62) if n in ledger] == sorted(plain)
        assert ledger.top == max(plain, default=0)
        missing = {n for first, last in ledger.missing() for n in range(first, last + 1)}
        assert missing == set(range(1, ledger.top + 1)) - plain
        assert Ledger(ledger.ranges()).ranges() == ledger.ranges()

    @given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 9)), max_size=20))
    def test_holds_ranges_as_a_set_would(self, spans: list[tuple[int, int]]) -> None:
        ledger, plain = Ledger(), set[int]()
        for first, length in spans:
            ledger.hold(first, first + length)
            plain.update(range(first, first + length + 1))
        assert [n for n in range(1, 80) if n in ledger] == sorted(plain)
        ranges = ledger.ranges()
        assert all(left[1] + 1 < right[0] for left, right in pairwise(ranges))

    def test_does_not_grow_without_end(self) -> None:
        ledger = Ledger()
        for number in range(1, 10 * RANGES_MAX, 2):
            ledger.take(number)
        assert len(ledger.ranges()) == RANGES_MAX

    def test_receipts_truly_however_many_gaps_there_are(self) -> None:
        ledger = Ledger([[n, n] for n in range(2, 500, 2)])
        upto, missing = ledger.receipt()
        covered = {n for n in range(1, upto + 1) if not any(first <= n <= last for first, last in missing)}
        assert covered == {n for n in range(1, upto + 1) if n in ledger}
        assert upto > 300

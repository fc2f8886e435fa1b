"""Ids are new, sort by the time they were made, and say what they are of."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from haas.ids import new_id, new_secret

CROCKFORD = "[0-9a-hjkmnp-tv-z]{26}"


class TestNewId:
    @given(st.sampled_from(["ast", "lse", "inv", "par"]))
    def test_has_its_prefix_and_26_lower_case_letters(self, prefix: str) -> None:
        assert re.fullmatch(f"{prefix}_{CROCKFORD}", new_id(prefix))

    def test_is_never_the_same_twice(self) -> None:
        assert len({new_id("ast") for _ in range(20_000)}) == 20_000

    def test_sorts_by_the_millisecond_it_was_made_in(self) -> None:
        made = [new_id("ast") for _ in range(5_000)]
        milliseconds = [each[4:14] for each in made]  # the first ten letters are the time
        assert milliseconds == sorted(milliseconds)


class TestNewSecret:
    def test_has_256_bits_in_letters_that_go_into_an_address(self) -> None:
        secret = new_secret()
        assert re.fullmatch(r"[A-Za-z0-9_-]{43}", secret)  # 43 * 6 bits >= 256
        assert secret != new_secret()

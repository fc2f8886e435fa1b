"""A lifecycle is its table: what it has is legal, and nothing else is."""

from __future__ import annotations

from enum import StrEnum

import pytest

from haas.lifecycle import IllegalMove, Lifecycle


class Door(StrEnum):
    OPEN = "open"
    SHUT = "shut"
    BRICKED_UP = "bricked_up"


DOOR = Lifecycle(
    "entrance",
    {
        "shut": (frozenset({Door.OPEN}), Door.SHUT),
        "open": (frozenset({Door.SHUT}), Door.OPEN),
        "brick_up": (frozenset({Door.OPEN, Door.SHUT}), Door.BRICKED_UP),
    },
)


class TestAfter:
    @pytest.mark.parametrize(
        ("state", "verb", "then"),
        [
            (Door.OPEN, "shut", Door.SHUT),
            (Door.SHUT, "open", Door.OPEN),
            (Door.SHUT, "brick_up", Door.BRICKED_UP),
        ],
    )
    def test_follows_the_table(self, state: Door, verb: str, then: Door) -> None:
        assert DOOR.after(state, verb) == then

    @pytest.mark.parametrize(("state", "verb"), [(s, v) for s in Door for v in DOOR.moves])
    def test_refuses_every_pair_that_is_not_in_it(self, state: Door, verb: str) -> None:
        if (state, verb) in set(DOOR.pairs()):
            return
        with pytest.raises(IllegalMove):
            DOOR.after(state, verb)

    def test_says_in_words_what_cannot_be_done(self) -> None:
        with pytest.raises(
            IllegalMove, match=r"^Cannot brick up an entrance that is bricked up\.$"
        ) as refusal:
            DOOR.after(Door.BRICKED_UP, "brick_up")
        assert (refusal.value.status, refusal.value.code) == (409, "illegal_move")

    def test_refuses_a_verb_that_nobody_knows(self) -> None:
        with pytest.raises(IllegalMove):
            DOOR.after(Door.OPEN, "paint")


class TestVerbsFrom:
    def test_lists_the_legal_ones_in_the_tables_order(self) -> None:
        assert DOOR.verbs_from(Door.OPEN) == ["shut", "brick_up"]
        assert DOOR.verbs_from(Door.BRICKED_UP) == []

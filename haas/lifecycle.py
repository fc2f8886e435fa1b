"""Lifecycle: a table of verbs, the states they leave from, the state they reach."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Generic, TypeVar

from haas.errors import Conflict

State = TypeVar("State", bound=StrEnum)


class IllegalMove(Conflict):
    """The table has no such move from this state."""

    code = "illegal_move"


class Lifecycle(Generic[State]):
    """Legal moves as data. `moves` maps a verb to (states it leaves from, state it reaches)."""

    def __init__(self, noun: str, moves: Mapping[str, tuple[frozenset[State], State]]) -> None:
        self.noun = noun
        self.moves = moves

    def after(self, state: State, verb: str) -> State:
        """The state that `verb` leads to.

        :raises IllegalMove: if `verb` is unknown or cannot be done in `state`.
        """
        sources, target = self.moves.get(verb, (frozenset(), None))
        if state not in sources or target is None:
            word = "an" if self.noun[0] in "aeiou" else "a"
            raise IllegalMove(
                f"Cannot {verb.replace('_', ' ')} {word} {self.noun} that is {state.replace('_', ' ')}."
            )
        return target

    def verbs_from(self, state: State) -> list[str]:
        """The verbs that are legal in `state`, in the order of the table."""
        return [verb for verb, (sources, _) in self.moves.items() if state in sources]

    def pairs(self) -> Iterable[tuple[State, str]]:
        """Every legal (state, verb)."""
        for verb, (sources, _) in self.moves.items():
            for state in sources:
                yield state, verb

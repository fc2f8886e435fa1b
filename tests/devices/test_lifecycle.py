"""The table of moves: what it allows, and that everything else is refused."""

from __future__ import annotations

from itertools import product

import pytest

from devices.lifecycle import ASSET_LIFECYCLE, FINAL, AssetState
from haas.lifecycle import IllegalMove

LEGAL = set(ASSET_LIFECYCLE.pairs())
ILLEGAL = sorted(set(product(AssetState, ASSET_LIFECYCLE.moves)) - LEGAL)


class TestAssetLifecycle:
    @pytest.mark.parametrize(("state", "verb"), ILLEGAL)
    def test_refuses_every_other_pair(self, state, verb):
        with pytest.raises(IllegalMove, match="Cannot"):
            ASSET_LIFECYCLE.after(state, verb)

    def test_refuses_a_verb_that_is_none(self):
        with pytest.raises(IllegalMove):
            ASSET_LIFECYCLE.after(AssetState.READY, "teleport")

    def test_reaches_every_state_from_ordered(self):
        reached, edge = {AssetState.ORDERED}, [AssetState.ORDERED]
        while edge:
            state = edge.pop()
            for verb in ASSET_LIFECYCLE.verbs_from(state):
                if (after := ASSET_LIFECYCLE.after(state, verb)) not in reached:
                    reached.add(after)
                    edge.append(after)

        assert reached == set(AssetState)

    @pytest.mark.parametrize("state", sorted(set(AssetState) - FINAL))
    def test_leads_on_from_every_state_that_is_not_final(self, state):
        assert ASSET_LIFECYCLE.verbs_from(state)

    @pytest.mark.parametrize("state", sorted(FINAL))
    def test_ends_in_its_final_states(self, state):
        assert ASSET_LIFECYCLE.verbs_from(state) == []

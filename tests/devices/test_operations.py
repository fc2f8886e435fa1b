"""Register, move, place, grade: what happens, and what is refused."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa

from devices import moves, operations, queries
from devices.models import AssetMove, Custody, LabelToken
from haas.lifecycle import IllegalMove
from haas.outbox import OutboxEvent
from tests.devices.fleet import START, bring, make_asset, make_model

HOUR = timedelta(hours=1)


class TestRegisterAsset:
    def test_gives_a_tag_from_the_partners_series(self, session, cast):
        first = make_asset(session, cast.tenant)
        second = make_asset(session, cast.tenant)

        assert (first.tag, second.tag) == ("NOR-00001", "NOR-00002")

    def test_skips_a_number_that_someone_typed_by_hand(self, session, cast):
        make_asset(session, cast.tenant, tag="nor-00001")

        assert make_asset(session, cast.tenant).tag == "NOR-00002"

    def test_writes_the_first_move_a_place_and_a_label(self, session, cast):
        asset = make_asset(session, cast.tenant)

        move = session.scalars(sa.select(AssetMove).where(AssetMove.asset_id == asset.id)).one()
        assert (move.verb, move.from_state, move.to_state, move.position) == (
            "register",
            None,
            "received",
            1,
        )
        assert (
            session.scalars(sa.select(Custody).where(Custody.asset_id == asset.id)).one().during.lower
            == START
        )
        assert (
            len(session.scalars(sa.select(LabelToken).where(LabelToken.asset_id == asset.id)).one().token)
            == 22
        )

    def test_refuses_a_serial_that_differs_only_in_case_and_spaces(self, session, cast):
        make_asset(session, cast.tenant, serial="pf 3x9")

        with pytest.raises(moves.SerialTaken) as refusal:
            make_asset(session, cast.tenant, serial="PF3X9 ")

        assert list(refusal.value.fields) == ["serial"]

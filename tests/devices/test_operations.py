"""Register, move, place, grade: what happens, and what is refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from devices import edits, label_tokens, moves, operations, queries
from devices.models import AssetMove, Custody, LabelToken
from haas import db
from haas.errors import InvalidInput, NotFound
from haas.lifecycle import IllegalMove
from haas.outbox import OutboxEvent
from haas.tenancy.scope import Tenant
from tests.devices.fleet import START, bring, label_token, make_asset, make_model

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

    def test_refuses_a_received_asset_without_a_serial(self, session, cast):
        with pytest.raises(moves.SerialRequired):
            make_asset(session, cast.tenant, serial=None)

    def test_knows_no_model_of_another_partner(self, session, cast):
        with db.unit_of_work(cast.stranger) as theirs:
            model = make_model(theirs, cast.stranger)

        with pytest.raises(NotFound):
            make_asset(session, cast.tenant, model_id=model.id)

    @pytest.mark.parametrize("cost", ["-1", "10.001", "NaN", "1000000000000"])
    def test_refuses_a_cost_that_cannot_be_posted(self, session, cast, cost):
        with pytest.raises(InvalidInput):
            make_asset(session, cast.tenant, cost=Decimal(cost))


class TestMoveAsset:
    def test_leaves_a_row_with_actor_time_and_reason(self, session, cast):
        asset = make_asset(session, cast.tenant)

        operations.move_asset(
            session, cast.tenant, asset_id=asset.id, verb="stage", at=START + HOUR, reason="imaged"
        )

        move = queries.moves_of(session, cast.tenant, asset_id=asset.id)[-1]
        assert (move.from_state, move.to_state, move.position) == ("received", "staging", 2)
        assert (move.actor, move.reason, move.moved_at) == (cast.ana.id, "imaged", START + HOUR)

    def test_tells_the_rest_of_the_house(self, session, cast):
        asset = make_asset(session, cast.tenant)

        operations.move_asset(session, cast.tenant, asset_id=asset.id, verb="stage", at=START + HOUR)

        event = session.scalars(
            sa.select(OutboxEvent).where(
                OutboxEvent.partner_id == cast.northwind.id, OutboxEvent.name == "asset.moved"
            )
        ).one()
        assert event.payload["verb"] == "stage"
        assert event.payload["to_state"] == "staging"

    def test_does_nothing_when_a_key_comes_again(self, session, cast):
        asset = make_asset(session, cast.tenant)

        for _ in range(3):
            operations.move_asset(
                session,
                cast.tenant,
                asset_id=asset.id,
                verb="stage",
                at=START + HOUR,
                idempotency_key="scan-1",
            )

        assert asset.state == "staging"
        assert len(queries.moves_of(session, cast.tenant, asset_id=asset.id)) == 2  # register, stage

    def test_refuses_a_key_that_moved_something_else(self, session, cast):
        first, second = make_asset(session, cast.tenant), make_asset(session, cast.tenant)
        move: dict[str, Any] = {"verb": "stage", "at": START + HOUR, "idempotency_key": "scan-1"}
        operations.move_asset(session, cast.tenant, asset_id=first.id, **move)

        with pytest.raises(InvalidInput):
            operations.move_asset(session, cast.tenant, asset_id=second.id, **move)

    def test_takes_a_date_in_the_past_but_not_before_the_last_move(self, session, cast):
        asset = bring(session, cast.tenant, make_asset(session, cast.tenant), to="ready")  # at 11:00

        with pytest.raises(moves.TooEarly):
            operations.move_asset(session, cast.tenant, asset_id=asset.id, verb="retire", at=START)

        operations.move_asset(session, cast.tenant, asset_id=asset.id, verb="retire", at=START + 2 * HOUR)
        assert asset.state == "retired"

    def test_captures_the_serial_on_receipt(self, session, cast):
        asset = make_asset(session, cast.tenant, state="ordered")

        with pytest.raises(moves.SerialRequired):
            operations.move_asset(session, cast.tenant, asset_id=asset.id, verb="receive", at=START + HOUR)
        operations.move_asset(
            session,
            cast.tenant,
            asset_id=asset.id,
            verb="receive",
            at=START + HOUR,
            details={"serial": " PF-1 "},
        )

        assert (asset.serial, asset.state) == ("PF-1", "received")

    def test_begins_service_on_the_clients_local_day(self, session, cast):
        asset = bring(session, cast.tenant, make_asset(session, cast.tenant), to="in_transit_out")
        at = datetime(2026, 3, 2, 2, 30, tzinfo=UTC)  # still 1 March in New York
        operations.place_asset(session, cast.tenant, asset_id=asset.id, client_id=cast.acme.id, at=at)

        operations.move_asset(session, cast.tenant, asset_id=asset.id, verb="accept", at=at)

        assert asset.in_service_on == date(2026, 3, 1)

    def test_clears_the_place_of_what_came_back(self, session, cast):
        asset = make_asset(session, cast.tenant)

        asset = bring(session, cast.tenant, asset, to="quarantine", client_id=cast.acme.id)

        assert asset.client_id is None
        assert asset.holds_data_of_client_id == cast.acme.id

    def test_does_not_know_another_partners_asset(self, session, cast):
        asset = make_asset(session, cast.tenant)
        session.commit()

        with db.unit_of_work(cast.stranger) as theirs, pytest.raises(queries.AssetNotFound):
            operations.move_asset(theirs, cast.stranger, asset_id=asset.id, verb="stage", at=START + HOUR)

    def test_lets_one_of_two_rivals_win(self, cast):
        with db.unit_of_work(cast.tenant) as session:
            asset = make_asset(session, cast.tenant)

        def stage(_: int) -> str:
            try:
                with db.unit_of_work(cast.tenant) as mine:
                    operations.move_asset(mine, cast.tenant, asset_id=asset.id, verb="stage", at=START + HOUR)
            except IllegalMove:
                return "refused"
            return "moved"

        with ThreadPoolExecutor(4) as pool:
            outcomes = sorted(pool.map(stage, range(4)))

        assert outcomes == ["moved", "refused", "refused", "refused"]


class TestPlaceAsset:
    def test_closes_the_span_before(self, session, cast):
        asset = make_asset(session, cast.tenant)

        operations.place_asset(
            session,
            cast.tenant,
            asset_id=asset.id,
            client_id=cast.acme.id,
            site_id=cast.acme_site.id,
            custodian="Ada",
            at=START + HOUR,
        )

        before = queries.custody_as_of(session, cast.tenant, asset_id=asset.id, at=START)
        after = queries.custody_as_of(session, cast.tenant, asset_id=asset.id, at=START + HOUR)
        assert before is not None
        assert after is not None
        assert (before.client_id, after.client_id, after.custodian) == (None, cast.acme.id, "Ada")
        assert before.during.upper == after.during.lower == START + HOUR

    def test_refuses_a_site_of_another_client(self, session, cast):
        asset = make_asset(session, cast.tenant)

        with pytest.raises(InvalidInput) as refusal:
            operations.place_asset(
                session,
                cast.tenant,
                asset_id=asset.id,
                client_id=cast.acme.id,
                site_id=cast.globex_site.id,
                at=START + HOUR,
            )

        assert list(refusal.value.fields) == ["site_id"]

    def test_refuses_a_client_of_another_partner(self, session, cast):
        asset = make_asset(session, cast.tenant)

        with pytest.raises(InvalidInput):
            operations.place_asset(
                session, cast.tenant, asset_id=asset.id, client_id=cast.initech.id, at=START + HOUR
            )

    def test_refuses_a_moment_before_the_last_placement(self, session, cast):
        asset = make_asset(session, cast.tenant)

        with pytest.raises(moves.TooEarly):
            operations.place_asset(
                session, cast.tenant, asset_id=asset.id, client_id=cast.acme.id, at=START - HOUR
            )

    def test_shows_the_asset_to_the_client_it_is_at_and_to_no_other(self, session, cast):
        asset = make_asset(session, cast.tenant)
        operations.place_asset(
            session, cast.tenant, asset_id=asset.id, client_id=cast.acme.id, at=START + HOUR
        )
        session.commit()

        with db.unit_of_work(cast.acme_tenant) as theirs:
            assert queries.get_asset(theirs, cast.acme_tenant, asset_id=asset.id).id == asset.id
        globex = Tenant(cast.northwind.id, client_id=cast.globex.id)
        with db.unit_of_work(globex) as theirs, pytest.raises(queries.AssetNotFound):
            queries.get_asset(theirs, globex, asset_id=asset.id)


class TestGradeAsset:
    def test_keeps_grade_value_kit_and_damage(self, session, cast):
        asset = bring(
            session, cast.tenant, make_asset(session, cast.tenant), to="quarantine", client_id=cast.acme.id
        )

        operations.grade_asset(
            session,
            cast.tenant,
            asset_id=asset.id,
            grade="C",
            fair_market_value=Decimal("310.00"),
            missing_accessories=["charger"],
            damage_notes="lid dented",
            at=START + 20 * HOUR,
        )

        assert (asset.state, asset.grade, asset.fair_market_value) == ("graded", "C", Decimal("310.00"))
        move = queries.moves_of(session, cast.tenant, asset_id=asset.id)[-1]
        assert move.details["missing_accessories"] == ["charger"]

    def test_refuses_a_grade_that_is_none(self, session, cast):
        asset = bring(
            session, cast.tenant, make_asset(session, cast.tenant), to="quarantine", client_id=cast.acme.id
        )

        with pytest.raises(InvalidInput):
            operations.grade_asset(session, cast.tenant, asset_id=asset.id, grade="E", at=START + 20 * HOUR)


class TestUpdateAsset:
    def test_refuses_to_overwrite_what_another_saved(self, session, cast):
        asset = make_asset(session, cast.tenant)
        opened = asset.version
        edits.update_asset(session, cast.tenant, asset_id=asset.id, changes={"notes": "first"})

        with pytest.raises(edits.ChangedMeanwhile):
            edits.update_asset(
                session,
                cast.tenant,
                asset_id=asset.id,
                changes={"notes": "second"},
                expected_version=opened,
            )

    def test_does_not_change_the_state(self, session, cast):
        asset = make_asset(session, cast.tenant)

        with pytest.raises(InvalidInput):
            edits.update_asset(session, cast.tenant, asset_id=asset.id, changes={"state": "ready"})


class TestLabels:
    def test_lead_to_the_asset_until_they_are_revoked(self, session, cast):
        asset = make_asset(session, cast.tenant)
        token = label_token(session, cast.tenant, asset_id=asset.id)

        assert queries.find_by_label(session, cast.tenant, token=token) is asset
        label_tokens.revoke_label(session, cast.tenant, token=token, at=START + HOUR)
        assert queries.find_by_label(session, cast.tenant, token=token) is None

    def test_lead_nowhere_for_another_partner(self, session, cast):
        asset = make_asset(session, cast.tenant)
        token = label_token(session, cast.tenant, asset_id=asset.id)
        session.commit()

        with db.unit_of_work(cast.stranger) as theirs:
            assert queries.find_by_label(theirs, cast.stranger, token=token) is None

    def test_are_replaced_by_a_new_one(self, session, cast):
        asset = make_asset(session, cast.tenant)
        old = label_token(session, cast.tenant, asset_id=asset.id)

        new = label_tokens.replace_label(session, cast.tenant, asset_id=asset.id, at=START + HOUR).token

        assert queries.find_by_label(session, cast.tenant, token=old) is None
        assert queries.find_by_label(session, cast.tenant, token=new) is asset

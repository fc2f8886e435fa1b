"""A failing device asks for a swap: once, truly, and until a person decides or the cause is gone."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from devices import enrolment
from devices.models import Asset
from devices.operations import move_asset
from haas import db
from haas.errors import Conflict, InvalidInput, NotFound
from haas.ids import new_id
from haas.outbox import OutboxEvent
from leases import jobs, proposals, proposed, queries, returns
from leases.proposal_models import SwapProposal
from leases.proposals import dismiss, reconsider
from leases.spares import Spare, best_spare
from leases.swaps import accept_proposal, swap_asset
from tests.cast import Cast
from tests.leases.fleet import InService, a_model, a_spare, day, lease_in_service
from tests.leases.verdicts import BAD_DISK, judged

ACCEPTED = datetime(2026, 3, 1, 15, 0, tzinfo=UTC)
FAILED = datetime(2026, 4, 9, 8, 0, tzinfo=UTC)
DECIDED = datetime(2026, 4, 11, 14, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Scene:
    """A device in service at Acme whose disk fails, and a spare of its model."""

    made: InService
    failing: Asset
    spare: Asset


@pytest.fixture
def scene(session: Session, cast: Cast) -> Scene:
    made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED, lines=2)
    spare = a_spare(session, cast.tenant, model=made.model, at=ACCEPTED)
    judged(session, cast.tenant, asset=made.assets[0], verdict="failing", at=FAILED)
    return Scene(made, made.assets[0], spare)


def look_again(session: Session, cast: Cast, scene: Scene, at: datetime = FAILED) -> SwapProposal | None:
    return reconsider(session, cast.tenant, asset_id=scene.failing.id, at=at)


def opened(session: Session, cast: Cast, scene: Scene) -> SwapProposal:
    found = look_again(session, cast, scene)
    assert found is not None
    return found


class TestBestSpare:
    SHELF = (
        Spare("ast_1", "mod_t14", "B", None, date(2026, 1, 5)),
        Spare("ast_2", "mod_t14", None, None, date(2026, 3, 1)),
        Spare("ast_3", "mod_t14", "B", None, date(2025, 6, 1)),
        Spare("ast_4", "mod_t14", "B", "cli_globex", date(2024, 6, 1)),
        Spare("ast_5", "mod_x1", "B", None, date(2024, 6, 1)),
    )

    @pytest.mark.parametrize(
        ("grade", "taken", "id_"),
        [
            ("B", (), "ast_3"),  # the grade of what goes; of two the one that lies there since 2025
            ("B", ("ast_3",), "ast_1"),
            (None, (), "ast_2"),  # what never served goes for what never served
            ("C", (), "ast_2"),  # no C there: the best
            ("B", ("ast_1", "ast_2", "ast_3"), None),  # one holds Globex's data, one is another model
        ],
    )
    def test_is_of_the_same_grade_and_the_oldest_in_stock(
        self, grade: str | None, taken: tuple[str, ...], id_: str | None
    ) -> None:
        found = best_spare(self.SHELF, model_id="mod_t14", client_id="cli_acme", grade=grade, taken=taken)
        assert (found.id if found else None) == id_

    def test_may_hold_the_same_clients_data(self) -> None:
        found = best_spare(self.SHELF, model_id="mod_t14", client_id="cli_globex", grade="B")
        assert found is not None
        assert found.id == "ast_4"


class TestOpening:
    def test_names_what_goes_what_comes_where_and_why(
        self, session: Session, cast: Cast, scene: Scene
    ) -> None:
        found = opened(session, cast, scene)
        assert (found.outgoing_id, found.spare_id) == (scene.failing.id, scene.spare.id)
        assert (found.lease_id, found.line_id) == (scene.made.lease.id, scene.made.lines[0].id)
        assert (found.client_id, found.state, found.reasons) == (cast.acme.id, "open", [BAD_DISK.as_json()])

    def test_happens_once_however_often_the_event_is_handled(self, cast: Cast) -> None:
        with db.unit_of_work(cast.tenant) as session:
            made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED)
            judged(session, cast.tenant, asset=made.assets[0], verdict="failing", at=FAILED)
        event = {"partner_id": cast.northwind.id, "event_id": "evt_x", "asset_id": made.assets[0].id}
        threads = [threading.Thread(target=jobs.reconsider_swap, kwargs=event, daemon=True) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with db.unit_of_work(cast.tenant) as session:
            assert len(session.scalars(proposed.list_proposals(cast.tenant)).all()) == 1

    def test_twice_is_refused_by_the_database_itself(
        self, session: Session, cast: Cast, scene: Scene
    ) -> None:
        first = opened(session, cast, scene)
        columns = {column.key: getattr(first, column.key) for column in SwapProposal.__table__.columns} | {
            "id": new_id("spr")
        }
        with pytest.raises(IntegrityError, match="uq_swap_proposal_open"):
            session.execute(sa.insert(SwapProposal).values(**columns))

    @pytest.mark.parametrize("verdict", ["watch", "healthy", "no_data"])
    def test_needs_a_verdict_that_a_swap_would_cure(
        self, session: Session, cast: Cast, scene: Scene, verdict: str
    ) -> None:
        judged(session, cast.tenant, asset=scene.failing, verdict=verdict, at=FAILED + HOUR)
        assert look_again(session, cast, scene) is None

    def test_needs_a_device_in_service_on_a_lease(self, session: Session, cast: Cast, scene: Scene) -> None:
        judged(session, cast.tenant, asset=scene.spare, verdict="failing", at=FAILED)
        assert reconsider(session, cast.tenant, asset_id=scene.spare.id, at=FAILED) is None

    def test_comes_when_a_device_that_fails_already_enters_service(
        self, session: Session, cast: Cast, scene: Scene
    ) -> None:
        order = _asked_back(session, cast, scene)
        assert look_again(session, cast, scene) is None
        returns.cancel(session, cast.tenant, return_id=order, at=FAILED + 2 * HOUR)
        assert look_again(session, cast, scene) is not None

    def test_belongs_to_one_partner(self, session: Session, cast: Cast, scene: Scene) -> None:
        found = opened(session, cast, scene)
        with pytest.raises(NotFound):
            proposed.look(session, cast.stranger, proposal_id=found.id)

    def test_is_hidden_from_the_clients_own_people(self, cast: Cast) -> None:
        with db.unit_of_work(cast.tenant) as session:
            made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED)
            judged(session, cast.tenant, asset=made.assets[0], verdict="failing", at=FAILED)
            reconsider(session, cast.tenant, asset_id=made.assets[0].id, at=FAILED)
        with db.unit_of_work(cast.acme_tenant) as session:
            assert session.scalars(proposed.list_proposals(cast.acme_tenant)).all() == []


def _asked_back(session: Session, cast: Cast, scene: Scene) -> str:
    order = returns.request_return(
        session,
        cast.tenant,
        asset_id=scene.failing.id,
        reason="one seat less",
        notice_on=day("2026-04-09"),
        due_on=day("2026-04-20"),
        at=FAILED + HOUR,
    )
    return order.id


class TestTheSuggestedSpare:
    def test_is_looked_for_again_when_it_is_gone(self, session: Session, cast: Cast, scene: Scene) -> None:
        found = opened(session, cast, scene)
        other = a_spare(session, cast.tenant, model=scene.made.model, at=FAILED)
        move_asset(session, cast.tenant, asset_id=scene.spare.id, verb="retire", at=FAILED + HOUR)
        now = proposed.look(session, cast.tenant, proposal_id=found.id)
        assert now.spare is not None
        assert now.spare.id == other.id

    def test_is_not_suggested_for_two_devices(self, session: Session, cast: Cast, scene: Scene) -> None:
        second = scene.made.assets[1]
        judged(session, cast.tenant, asset=second, verdict="failing", at=FAILED)
        first, other = (
            opened(session, cast, scene),
            reconsider(session, cast.tenant, asset_id=second.id, at=FAILED),
        )
        assert other is not None
        assert (first.spare_id, other.spare_id) == (scene.spare.id, None)
        looked = proposed.look_at(session, cast.tenant, [other, first])
        assert [one.spare.id if one.spare else None for one in looked] == [None, scene.spare.id]

    def test_of_none_says_what_is_missing(self, session: Session, cast: Cast, scene: Scene) -> None:
        # One of the model is taken apart, one is on its way to the shelf, one is ready with Globex's data.
        move_asset(session, cast.tenant, asset_id=scene.spare.id, verb="retire", at=FAILED)
        coming = a_spare(session, cast.tenant, model=scene.made.model, at=ACCEPTED)
        coming.state = "staging"
        held = a_spare(session, cast.tenant, model=scene.made.model, at=ACCEPTED)
        held.holds_data_of_client_id = cast.globex.id
        a_spare(
            session, cast.tenant, model=a_model(session, cast.tenant, name="X1", at=ACCEPTED), at=ACCEPTED
        )
        session.flush()
        found = proposed.look(session, cast.tenant, proposal_id=opened(session, cast, scene).id)
        assert found.spare is None
        assert found.lack == proposed.Lack("Lenovo ThinkPad T14", coming=1, spoken_for=1)
        with pytest.raises(Conflict, match="No spare of this model is free"):
            accept_proposal(session, cast.tenant, proposal_id=found.proposal.id, at=DECIDED)


class TestAccepting:
    def test_swaps_and_closes_in_one_transaction(self, session: Session, cast: Cast, scene: Scene) -> None:
        found = opened(session, cast, scene)
        swap = accept_proposal(session, cast.tenant, proposal_id=found.id, at=DECIDED)
        assert (swap.outgoing_id, swap.incoming_id, swap.reason) == (
            scene.failing.id,
            scene.spare.id,
            "fault",
        )
        assert (found.state, found.swap_id, found.decided_by) == ("accepted", swap.id, cast.ana.id)
        assert queries.find_open_return(session, cast.tenant, asset_id=scene.failing.id) is not None

    def test_sent_twice_with_one_key_is_one_swap_and_without_it_is_refused(
        self, session: Session, cast: Cast, scene: Scene
    ) -> None:
        found = opened(session, cast, scene)
        one, again = (
            accept_proposal(session, cast.tenant, proposal_id=found.id, at=DECIDED, idempotency_key="phone-7")
            for _ in range(2)
        )
        assert one.id == again.id
        with pytest.raises(Conflict, match="is accepted since 2026-04-11 14:00"):
            accept_proposal(session, cast.tenant, proposal_id=found.id, at=DECIDED)

    def test_pressed_twice_at_once_is_one_swap(self, cast: Cast) -> None:
        with db.unit_of_work(cast.tenant) as session:
            made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED)
            a_spare(session, cast.tenant, model=made.model, at=ACCEPTED)
            judged(session, cast.tenant, asset=made.assets[0], verdict="failing", at=FAILED)
            found = reconsider(session, cast.tenant, asset_id=made.assets[0].id, at=FAILED)
            assert found is not None
        together, done = threading.Barrier(2), list[str]()

        def press() -> None:
            with db.unit_of_work(cast.tenant) as session:
                proposed.look(session, cast.tenant, proposal_id=found.id)
                together.wait(10)
                done.append(
                    accept_proposal(
                        session, cast.tenant, proposal_id=found.id, at=DECIDED, idempotency_key="key"
                    ).id
                )

        threads = [threading.Thread(target=press, daemon=True) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(done) == 2
        assert len(set(done)) == 1

    def test_may_take_another_asset_than_the_suggested_one(
        self, session: Session, cast: Cast, scene: Scene
    ) -> None:
        found = opened(session, cast, scene)
        tower = a_model(session, cast.tenant, name="Tower", at=ACCEPTED)
        loaner = a_spare(session, cast.tenant, model=tower, at=ACCEPTED)
        swap = accept_proposal(
            session, cast.tenant, proposal_id=found.id, at=DECIDED, incoming_id=loaner.id, reason="loaner"
        )
        assert (swap.incoming_id, swap.reason, found.state) == (loaner.id, "loaner", "accepted")

    def test_leaves_the_proposal_open_when_the_swap_is_refused(
        self, session: Session, cast: Cast, scene: Scene
    ) -> None:
        found = opened(session, cast, scene)
        with pytest.raises(Conflict), session.begin_nested():
            accept_proposal(
                session, cast.tenant, proposal_id=found.id, at=DECIDED, incoming_id=scene.made.assets[1].id
            )
        assert proposed.look(session, cast.tenant, proposal_id=found.id).proposal.state == "open"


class TestDismissing:
    def test_needs_a_reason_and_happens_once(self, session: Session, cast: Cast, scene: Scene) -> None:
        found = opened(session, cast, scene)
        with pytest.raises(InvalidInput, match="Say why"):
            dismiss(session, cast.tenant, proposal_id=found.id, reason=" ", at=DECIDED)
        dismiss(session, cast.tenant, proposal_id=found.id, reason="a known counter", at=DECIDED)
        assert (found.state, found.because, found.decided_by) == (
            "dismissed",
            "a known counter",
            cast.ana.id,
        )
        with pytest.raises(Conflict, match="dismissed"):
            dismiss(session, cast.tenant, proposal_id=found.id, reason="again", at=DECIDED)
        with pytest.raises(Conflict, match="dismissed"):
            accept_proposal(session, cast.tenant, proposal_id=found.id, at=DECIDED)

    def test_holds_until_the_device_was_well_in_between(
        self, session: Session, cast: Cast, scene: Scene
    ) -> None:
        found = opened(session, cast, scene)
        dismiss(session, cast.tenant, proposal_id=found.id, reason="not yet", at=DECIDED)
        judged(session, cast.tenant, asset=scene.failing, verdict="no_data", at=DECIDED + HOUR)
        judged(session, cast.tenant, asset=scene.failing, verdict="failing", at=DECIDED + 2 * HOUR)
        assert look_again(session, cast, scene) is None
        judged(session, cast.tenant, asset=scene.failing, verdict="healthy", at=DECIDED + 3 * HOUR)
        judged(session, cast.tenant, asset=scene.failing, verdict="failing", at=DECIDED + 4 * HOUR)
        again = look_again(session, cast, scene)
        assert again is not None
        assert again.id != found.id


class TestWithdrawing:
    def _why(self, session: Session, cast: Cast, found: SwapProposal) -> tuple[str, str]:
        now = proposed.get_proposal(session, cast.tenant, proposal_id=found.id)
        return now.state, now.because

    @pytest.mark.parametrize(
        ("verdict", "then"),
        [
            ("healthy", ("withdrawn", "cured")),
            ("watch", ("withdrawn", "cured")),
            ("no_data", ("open", "")),  # what cannot be read is no cure
        ],
    )
    def test_follows_the_verdict(
        self, session: Session, cast: Cast, scene: Scene, verdict: str, then: tuple[str, str]
    ) -> None:
        found = opened(session, cast, scene)
        judged(session, cast.tenant, asset=scene.failing, verdict=verdict, at=FAILED + HOUR)
        look_again(session, cast, scene)
        assert self._why(session, cast, found) == then

    def test_follows_a_swap_done_some_other_way(self, session: Session, cast: Cast, scene: Scene) -> None:
        found = opened(session, cast, scene)
        swap = swap_asset(
            session,
            cast.tenant,
            outgoing_id=scene.failing.id,
            incoming_id=scene.spare.id,
            reason="refresh",
            at=DECIDED,
        )
        assert (*self._why(session, cast, found), found.swap_id) == ("withdrawn", "swapped", swap.id)

    def test_follows_the_asset_out_of_service(self, session: Session, cast: Cast, scene: Scene) -> None:
        found = opened(session, cast, scene)
        _asked_back(session, cast, scene)
        look_again(session, cast, scene)
        assert self._why(session, cast, found) == ("withdrawn", "left_service")

    def test_follows_an_identity_that_was_revoked(self, session: Session, cast: Cast, scene: Scene) -> None:
        found = opened(session, cast, scene)
        enrolment.revoke(session, cast.tenant, device_id=found.device_id, reason="cloned", now=FAILED + HOUR)
        look_again(session, cast, scene)
        assert self._why(session, cast, found) == ("withdrawn", "identity_gone")

    def test_does_not_follow_a_repair_at_the_client(self, session: Session, cast: Cast, scene: Scene) -> None:
        found = opened(session, cast, scene)
        move_asset(session, cast.tenant, asset_id=scene.failing.id, verb="send_to_repair", at=FAILED + HOUR)
        look_again(session, cast, scene)
        assert self._why(session, cast, found) == ("open", "")

    def test_words_are_all_known(self) -> None:
        from leases.portal import words

        assert set(words.WITHDRAWN) == set(proposals.WITHDRAWN)


class TestServiceChanged:
    def test_is_told_of_moves_in_and_out_of_service_alone(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED)
        asset = made.assets[0]
        for verb in ("send_to_repair", "restore", "report_lost"):
            move_asset(session, cast.tenant, asset_id=asset.id, verb=verb, at=FAILED)
        told = session.scalars(
            sa.select(OutboxEvent.payload)
            .where(OutboxEvent.name == "asset.service_changed")
            .order_by(OutboxEvent.id)
        ).all()
        # Of stage, make_ready, reserve, ship, accept, send_to_repair, restore and report_lost: two.
        assert [payload["to_state"] for payload in told] == ["in_service", "lost"]

"""A lease from draft to holdover, and the hand-over that starts its rent."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from devices.operations import move_asset
from haas.errors import Conflict, InvalidInput, NotFound
from haas.lifecycle import IllegalMove
from haas.outbox import OutboxEvent
from leases import books, handover, operations, queries
from leases.errors import AssetTaken, LeaseNotEditable, LineTaken, WrongAsset
from leases.lifecycle import LEASE_LIFECYCLE, LeaseState
from leases.models import LeaseMove
from tests.cast import Cast
from tests.leases.fleet import a_model, a_spare, day, lease_in_service

AT = datetime(2026, 3, 10, 15, 0, tzinfo=UTC)  # 11:00 in New York


class TestLifecycleTable:
    @pytest.mark.parametrize("verb", list(LEASE_LIFECYCLE.moves))
    @pytest.mark.parametrize("state", list(LeaseState))
    def test_refuses_every_other_pair(self, state: LeaseState, verb: str) -> None:
        if (state, verb) in set(LEASE_LIFECYCLE.pairs()):
            assert LEASE_LIFECYCLE.after(state, verb) in LeaseState
        else:
            with pytest.raises(IllegalMove, match=f"that is {state.replace('_', ' ')}"):
                LEASE_LIFECYCLE.after(state, verb)


class TestAcceptAsset:
    def test_starts_interim_rent_on_the_clients_day_and_the_term_on_the_anchor(
        self, session: Session, cast: Cast
    ) -> None:
        late = datetime(2026, 3, 11, 2, 30, tzinfo=UTC)  # still the 10th in New York
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=late)

        assert made.lines[0].starts_on == day("2026-03-10")
        assert made.lease.commences_on == day("2026-04-01")
        assert made.lease.ends_on == day("2029-04-01")
        assert made.lease.state == LeaseState.ACTIVE

    def test_opens_the_assets_book_and_marks_whose_data_it_holds(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=AT)
        asset = made.assets[0]
        view = books.view_book(session, cast.tenant, asset_id=asset.id, as_of=day("2026-03-31"))

        assert asset.holds_data_of_client_id == cast.acme.id
        assert view.book.residual_value == Decimal("120.00")  # 10 % of 1,200
        assert view.entries[0].charge == Decimal("30.00")  # (1200 - 120) / 36
        assert view.value == Decimal("1170.00")

    def test_leaves_a_row_for_every_move_and_an_event(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=AT)
        verbs = [move.verb for move in queries.moves_of(session, cast.tenant, lease_id=made.lease.id)]
        events = set(session.scalars(sa.select(OutboxEvent.name)))

        assert verbs == ["draft", "quote", "accept", "activate"]
        assert {"lease.accepted", "lease.activated", "lease.asset_accepted"} <= events

    def test_is_refused_without_a_signer(self, session: Session, cast: Cast) -> None:
        with pytest.raises(InvalidInput, match="signed"):
            handover.accept_asset(session, cast.tenant, asset_id="ast_none", at=AT, signer_name=" ")

    def test_done_twice_with_one_key_is_done_once(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=AT)
        operations_line = made.lines[0]
        assert operations_line.starts_on is not None
        lease = operations.draft_lease(
            session, cast.tenant, agreement_id=made.agreement.id, term_months=12, at=AT
        )
        line = operations.add_line(
            session,
            cast.tenant,
            lease_id=lease.id,
            at=AT,
            description="Spare",
            unit_price=Decimal(50),
            model_id=made.model.id,
        )
        operations.quote(session, cast.tenant, lease_id=lease.id, valid_until=day("2026-12-31"), at=AT)
        operations.accept(
            session, cast.tenant, lease_id=lease.id, signer="Ada", accepted_on=day("2026-03-10"), at=AT
        )
        spare = a_spare(session, cast.tenant, model=made.model, at=AT)
        handover.reserve(session, cast.tenant, lease_id=lease.id, line_id=line.id, asset_id=spare.id, at=AT)
        handover.ship(session, cast.tenant, asset_id=spare.id, at=AT)
        first = handover.accept_asset(
            session, cast.tenant, asset_id=spare.id, at=AT, signer_name="Ada", idempotency_key="k1"
        )
        again = handover.accept_asset(
            session, cast.tenant, asset_id=spare.id, at=AT, signer_name="Ada", idempotency_key="k1"
        )
        assert first.id == again.id


class TestReserve:
    def test_refuses_another_model_than_the_line_was_priced_for(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=AT)
        other = a_spare(session, cast.tenant, model=a_model(session, cast.tenant, name="Tower", at=AT), at=AT)
        with pytest.raises(WrongAsset, match="Tower"):
            handover.require_model(session, cast.tenant, line=made.lines[0], asset=other)

    def test_refuses_a_line_on_which_another_asset_stands(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=AT)
        spare = a_spare(session, cast.tenant, model=made.model, at=AT)
        with pytest.raises(LineTaken):
            handover.stand(session, cast.tenant, line=made.lines[0], asset=spare, since=AT)

    def test_refuses_an_asset_that_stands_elsewhere(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=AT, lines=2)
        queries.find_open_assignment(session, cast.tenant, line_id=made.lines[1].id)
        with pytest.raises(AssetTaken):
            handover.stand(
                session, cast.tenant, line=made.lines[1], asset=made.assets[0], since=AT - timedelta(days=9)
            )

    def test_refuses_a_strangers_lease(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=AT)
        with pytest.raises(NotFound):
            handover.reserve(
                session,
                cast.stranger,
                lease_id=made.lease.id,
                line_id=made.lines[0].id,
                asset_id=made.assets[0].id,
                at=AT,
            )


class TestDraft:
    def test_is_not_edited_once_it_was_quoted(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=AT)
        with pytest.raises(LeaseNotEditable):
            operations.add_line(
                session,
                cast.tenant,
                lease_id=made.lease.id,
                at=AT,
                description="More",
                unit_price=Decimal(1),
                model_id=made.model.id,
            )

    def test_without_lines_is_not_quoted(self, session: Session, cast: Cast) -> None:
        agreement = operations.create_agreement(session, cast.tenant, client_id=cast.acme.id, at=AT)
        lease = operations.draft_lease(session, cast.tenant, agreement_id=agreement.id, term_months=12, at=AT)
        with pytest.raises(Conflict, match="at least one line"):
            operations.quote(session, cast.tenant, lease_id=lease.id, valid_until=day("2026-12-31"), at=AT)

    @pytest.mark.parametrize(
        ("field", "value"),
        [("term_months", 0), ("anchor_day", 32), ("interval_months", 2), ("timing", "sometimes")],
    )
    def test_names_the_field_that_is_wrong(
        self, session: Session, cast: Cast, field: str, value: object
    ) -> None:
        agreement = operations.create_agreement(session, cast.tenant, client_id=cast.acme.id, at=AT)
        terms = {"term_months": 12, field: value}
        with pytest.raises(InvalidInput) as refusal:
            operations.draft_lease(session, cast.tenant, agreement_id=agreement.id, at=AT, **terms)  # type: ignore[arg-type]
        assert list(refusal.value.fields) == [field]


class TestNotice:
    def test_given_late_lengthens_the_term_by_the_notice_days(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(
            session, cast.tenant, client_id=cast.acme.id, accepted_at=AT, term_months=12, notice_days=90
        )
        assert made.lease.ends_on == day("2027-04-01")
        lease = operations.give_notice(
            session, cast.tenant, lease_id=made.lease.id, noticed_on=day("2027-02-01"), at=AT
        )
        assert lease.ends_on == day("2027-05-02")  # 1 February + 90 days

    def test_given_in_time_ends_with_the_term(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(
            session, cast.tenant, client_id=cast.acme.id, accepted_at=AT, term_months=12, notice_days=90
        )
        lease = operations.give_notice(
            session, cast.tenant, lease_id=made.lease.id, noticed_on=day("2026-12-01"), at=AT
        )
        assert lease.ends_on == day("2027-04-01")
        assert lease.state == LeaseState.ENDING


class TestHoldover:
    def test_begins_when_the_term_has_run_out_with_hardware_still_there(
        self, session: Session, cast: Cast
    ) -> None:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=AT, term_months=12)
        due = queries.leases_past_term(session, cast.tenant, today=day("2027-04-01"))
        assert [lease.id for lease in due] == [made.lease.id]
        operations.hold_over(session, cast.tenant, lease_id=made.lease.id, today=day("2027-04-01"), at=AT)
        assert made.lease.state == LeaseState.HOLDOVER

    def test_is_refused_before(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=AT)
        with pytest.raises(Conflict, match="not run out"):
            operations.hold_over(session, cast.tenant, lease_id=made.lease.id, today=date(2026, 5, 1), at=AT)


class TestRelease:
    def test_puts_the_asset_back_and_frees_the_line(self, session: Session, cast: Cast) -> None:
        agreement = operations.create_agreement(session, cast.tenant, client_id=cast.acme.id, at=AT)
        lease = operations.draft_lease(session, cast.tenant, agreement_id=agreement.id, term_months=12, at=AT)
        model = a_model(session, cast.tenant, at=AT)
        line = operations.add_line(
            session,
            cast.tenant,
            lease_id=lease.id,
            at=AT,
            description="ThinkPad",
            unit_price=Decimal(50),
            model_id=model.id,
        )
        operations.quote(session, cast.tenant, lease_id=lease.id, valid_until=day("2026-12-31"), at=AT)
        operations.accept(
            session, cast.tenant, lease_id=lease.id, signer="Ada", accepted_on=day("2026-03-10"), at=AT
        )
        spare = a_spare(session, cast.tenant, model=model, at=AT)
        handover.reserve(session, cast.tenant, lease_id=lease.id, line_id=line.id, asset_id=spare.id, at=AT)
        handover.release(session, cast.tenant, asset_id=spare.id, at=AT)

        assert spare.state == "ready"
        assert queries.find_open_assignment(session, cast.tenant, line_id=line.id) is None
        operations.cancel(session, cast.tenant, lease_id=lease.id, reason="changed its mind", at=AT)
        assert (
            session.scalars(
                sa.select(LeaseMove.verb).where(LeaseMove.lease_id == lease.id).order_by(LeaseMove.id.desc())
            ).first()
            == "cancel"
        )


def test_a_strangers_asset_cannot_be_moved(session: Session, cast: Cast) -> None:
    made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=AT)
    with pytest.raises(NotFound):
        move_asset(session, cast.stranger, asset_id=made.assets[0].id, verb="recall", at=AT)

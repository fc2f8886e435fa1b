"""Random walks of assets on the real database: any history it allows reads back as it was told."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

import hypothesis.strategies as st
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from devices import operations, queries
from devices.lifecycle import ASSET_LIFECYCLE, AssetState
from devices.models import Custody
from devices.moves import TooEarly, WipeRequired
from devices.sanitisation import WIPEABLE, certify_wipe
from haas import db
from haas.errors import Conflict
from haas.lifecycle import IllegalMove
from tests.cast import Cast
from tests.devices.fleet import START, make_asset

# Backwards as well: what lies before the last move or placement must be refused.
steps = st.integers(min_value=-3, max_value=48).map(lambda hours: timedelta(hours=hours))
verbs = st.sampled_from(sorted(ASSET_LIFECYCLE.moves))


class AssetWalk(RuleBasedStateMachine):
    """One asset; beside it, what a reader with pencil and paper would know."""

    cast: ClassVar[Cast]

    @initialize()
    def register(self) -> None:
        self.session = db.open_session(self.cast.tenant)
        self.tenant = self.cast.tenant
        self.asset = make_asset(self.session, self.tenant)
        self.session.commit()  # the first move may be refused, and what is refused is rolled back
        self.states: list[tuple[datetime, str]] = [(START, "received")]
        self.places: list[tuple[datetime, str | None]] = [(START, None)]
        self.data_of: str | None = None
        self.now = START

    def teardown(self) -> None:
        if hasattr(self, "session"):
            self.session.rollback()
            self.session.close()

    @rule(verb=verbs, step=steps, globex=st.booleans())
    def move(self, verb: str, step: timedelta, *, globex: bool) -> None:
        at = self.now + step
        client = self.cast.globex.id if globex else self.cast.acme.id
        details = {"grade": "B"} if verb == "grade" else {}
        if verb in ("reserve", "ship", "accept", "restock", "buy_out"):
            details["client_id"] = client
        state = AssetState(self.states[-1][1])
        try:
            operations.move_asset(
                self.session, self.tenant, asset_id=self.asset.id, verb=verb, at=at, details=details
            )
        except IllegalMove:
            assert (state, verb) not in set(ASSET_LIFECYCLE.pairs())
            return
        except TooEarly:
            assert at < max(self.states[-1][0], self.places[-1][0])
            # A placement refused in the middle of a move undoes the whole move.
            self._go_back_to_the_last_good_moment()
            return
        except WipeRequired:
            assert self.data_of is not None
            assert verb == "dispose" or self.data_of != client
            return
        after = ASSET_LIFECYCLE.after(state, verb)
        self.states.append((at, after))
        if after == AssetState.IN_SERVICE:
            # It serves whom it is given to, else whom it stands at.
            self.data_of = details.get("client_id") or self.places[-1][1]
        if verb in ("dock", "recover") and self.places[-1][1] is not None:
            self._placed(at, None)
        self._keep(at)

    @rule(step=steps, client=st.sampled_from(["acme", "globex", None]))
    def place(self, step: timedelta, client: str | None) -> None:
        at = self.now + step
        client_id = getattr(self.cast, client).id if client else None
        try:
            operations.place_asset(
                self.session, self.tenant, asset_id=self.asset.id, client_id=client_id, at=at
            )
        except TooEarly:
            assert at < self.places[-1][0]
            return
        except WipeRequired:
            assert client_id not in (None, self.data_of)
            return
        except Conflict:
            assert self.states[-1][1] in ("disposed", "bought_out")
            return
        self._placed(at, client_id)
        self._keep(at)

    @rule(destroy=st.booleans())
    def wipe(self, *, destroy: bool) -> None:
        if self.states[-1][1] not in WIPEABLE:
            return
        certify_wipe(
            self.session,
            self.tenant,
            asset_id=self.asset.id,
            method="destroy" if destroy else "purge",
            destination="redeploy",
            technique="crypto erase",
            media=[{"media_type": "SSD"}],
            performed_by="Ben",
            verified_by="Ana",
            performed_at=self.now,
        )
        self.data_of = None
        self._keep(self.now)

    @invariant()
    def the_state_at_any_time_is_as_told(self) -> None:
        if not hasattr(self, "states"):
            return
        for at, _ in [*self.states, (self.now, ""), (START - timedelta(seconds=1), "")]:
            told = [state for since, state in self.states if since <= at]
            read = queries.state_as_of(self.session, self.tenant, asset_id=self.asset.id, at=at)
            assert read == (told[-1] if told else None)
            fleet = queries.fleet_as_of(self.session, self.tenant, at=at, asset_ids=[self.asset.id])
            assert [entry.state for entry in fleet] == told[-1:]
        assert (
            queries.lock_asset(self.session, self.tenant, asset_id=self.asset.id).state == self.states[-1][1]
        )

    @invariant()
    def the_place_at_any_time_is_as_told_and_spans_neither_gap_nor_overlap(self) -> None:
        if not hasattr(self, "places"):
            return
        spans = self.session.scalars(
            sa.select(Custody)
            .where(Custody.asset_id == self.asset.id)
            .order_by(sa.func.lower(Custody.during))
        ).all()
        assert [(span.during.lower, span.client_id) for span in spans] == self.places
        ends = [span.during.upper for span in spans]
        assert ends == [since for since, _ in self.places[1:]] + [None]

    @invariant()
    def the_data_on_it_is_known(self) -> None:
        if hasattr(self, "data_of"):
            assert self.asset.holds_data_of_client_id == self.data_of

    def _placed(self, at: datetime, client_id: str | None) -> None:
        if self.places[-1][0] == at:
            self.places[-1] = (at, client_id)
        else:
            self.places.append((at, client_id))

    def _keep(self, at: datetime) -> None:
        self.now = max(self.now, at)
        self.session.commit()

    def _go_back_to_the_last_good_moment(self) -> None:
        self.session.rollback()
        self.session.refresh(self.asset)


@pytest.mark.usefixtures("cast")
class TestAnyWalk:
    def test_reads_back_as_it_was_told(self, cast):
        AssetWalk.cast = cast
        run_state_machine_as_test(
            AssetWalk,
            settings=settings(
                max_examples=25,
                stateful_step_count=30,
                deadline=None,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
            ),
        )

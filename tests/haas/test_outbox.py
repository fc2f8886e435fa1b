"""An event leaves if and only if the change that it tells of stays."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from haas import db
from haas.outbox import OutboxEvent, publish
from haas.tenancy.scope import Tenant, scoped
from tests.cast import Cast


def events(tenant: Tenant) -> list[OutboxEvent]:
    with db.unit_of_work(tenant) as session:
        return list(session.scalars(scoped(OutboxEvent, tenant).where(OutboxEvent.name == "test.happened")))


class TestPublish:
    def test_is_committed_with_the_change(self, cast: Cast) -> None:
        with db.unit_of_work(cast.tenant) as session:
            publish(session, cast.tenant, "test.happened", asset_id="ast_1", day="2026-11-23")
        (event,) = events(cast.tenant)
        assert event.payload == {"asset_id": "ast_1", "day": "2026-11-23"}
        assert event.expanded_at is None

    def test_is_undone_with_the_change(self, cast: Cast) -> None:
        with db.open_session(cast.tenant) as session:
            publish(session, cast.tenant, "test.happened")
            session.flush()
            session.rollback()
        assert events(cast.tenant) == []

    def test_of_the_same_fact_is_refused_the_second_time(self, cast: Cast) -> None:
        with db.unit_of_work(cast.tenant) as session:
            publish(session, cast.tenant, "test.happened", once_key="bill:2026-11")
        with pytest.raises(IntegrityError), db.unit_of_work(cast.tenant) as session:
            publish(session, cast.tenant, "test.happened", once_key="bill:2026-11")
        with db.unit_of_work(cast.stranger) as session:  # another partner's fact is another fact
            publish(session, cast.stranger, "test.happened", once_key="bill:2026-11")
        assert len(events(cast.tenant)) == len(events(cast.stranger)) == 1

    def test_by_a_client_is_not_for_the_client_to_read(self, cast: Cast) -> None:
        with db.unit_of_work(cast.acme_tenant) as session:
            publish(session, cast.acme_tenant, "test.happened")
        assert len(events(cast.tenant)) == 1
        assert events(cast.acme_tenant) == []

    def test_cannot_be_in_another_partners_name(self, cast: Cast) -> None:
        with pytest.raises(sa.exc.ProgrammingError), db.unit_of_work(cast.tenant) as session:
            publish(session, cast.stranger, "test.happened")

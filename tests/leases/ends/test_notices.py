"""Notices are given once each by the partner's days; holdover is told day by day."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.errors import InvalidInput
from haas.tenancy.models import Partner
from haas.tenancy.scope import scoped
from invoicing.models import InvoiceLine
from leases import operations
from leases.ends import notices
from leases.ends.holdover import holdover_days
from leases.ends.models import EndNotice
from leases.ends.policy import POLICY
from tests.cast import Cast
from tests.invoicing.world import a_rate, bill, counted_statements
from tests.leases.fleet import lease_in_service

AT = datetime(2026, 3, 1, 15, 0, tzinfo=UTC)  # a lease of 3 months from 1 March ends on 1 June


def give(session: Session, cast: Cast, on: str) -> list[EndNotice]:
    """What is given on a day."""
    today = date.fromisoformat(on)
    return notices.give_due(session, cast.tenant, today=today, at=datetime.fromisoformat(f"{on}T12:00+00:00"))


class TestGiveDue:
    def test_says_what_and_to_whom_once(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=AT, term_months=3)
        (first,) = give(session, cast, "2026-03-05")  # 88 days are left
        assert give(session, cast, "2026-03-05") == []
        assert (first.days_before, first.ends_on) == (90, date(2026, 6, 1))
        assert first.said == {"last_day": "2026-05-31", "holdover_pct": "100", "choose_until": "2026-05-02"}
        assert set(first.readers) == {cast.ana.email, cast.sam.email, cast.ada.email}
        assert [row.days_before for row in give(session, cast, "2026-04-02")] == [60]
        days = notices.calendar_of(session, cast.tenant, lease=made.lease)
        assert [(day.days_before, day.on.isoformat(), day.given is not None) for day in days] == [
            (180, "2025-12-03", False),  # was over before the lease began
            (90, "2026-03-03", True),
            (60, "2026-04-02", True),
            (30, "2026-05-02", False),
        ]

    def test_begins_anew_for_an_end_that_moved(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=AT, term_months=3)
        give(session, cast, "2026-05-05")
        operations.renew(session, cast.tenant, lease_id=made.lease.id, months=3, at=AT)
        assert [row.ends_on for row in give(session, cast, "2026-06-05")] == [date(2026, 9, 1)]

    def test_follows_the_partners_own_days(self, session: Session, cast: Cast) -> None:
        session.get_one(Partner, cast.northwind.id).policies = {POLICY: {"notice_days": [10]}}
        lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=AT, term_months=3)
        assert give(session, cast, "2026-05-05") == []
        assert [row.days_before for row in give(session, cast, "2026-05-22")] == [10]

    def test_asks_the_same_questions_however_many_leases_end(self, session: Session, cast: Cast) -> None:
        counts = []
        for _ in range(2):
            lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=AT, term_months=3)
            lease_in_service(session, cast.tenant, client_id=cast.globex.id, accepted_at=AT, term_months=3)
            session.expire_all()
            with counted_statements(session) as counted:
                give(session, cast, "2026-03-05")
            counts.append(counted[0])
        assert counts[0] == counts[1] <= 9

    def test_is_never_changed(self, session: Session, cast: Cast) -> None:
        lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=AT, term_months=3)
        give(session, cast, "2026-03-05")
        with pytest.raises(sa.exc.ProgrammingError):
            session.execute(sa.update(EndNotice).values(days_before=1))


class TestHoldoverDays:
    def test_add_up_to_what_is_billed(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(
            session,
            cast.tenant,
            client_id=cast.acme.id,
            accepted_at=AT,
            term_months=3,
            holdover_rate_pct=Decimal(150),
        )
        a_rate(session, cast.tenant)
        bill(session, cast.tenant, date(2026, 7, 1))
        days = holdover_days(session, cast.tenant, start=date(2026, 5, 20), until=date(2026, 8, 1))
        # June and July at 150.00 each: 30 days of 5.00, and 31 of 4.84 or 4.83.
        assert len(days) == 30 + 31
        assert {day.amount for day in days if day.on.month == 6} == {Decimal("5.00")}
        assert {day.serial for day in days} == {made.assets[0].serial}
        billed = session.scalar(
            scoped(InvoiceLine, cast.tenant)
            .where(InvoiceLine.kind == "holdover")
            .with_only_columns(sa.func.sum(InvoiceLine.net))
        )
        assert sum(day.amount for day in days) == billed == Decimal("300.00")

    def test_are_none_before_the_end(self, session: Session, cast: Cast) -> None:
        lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=AT, term_months=3)
        assert holdover_days(session, cast.tenant, start=date(2026, 5, 1), until=date(2026, 6, 1)) == []

    def test_are_at_most_a_years(self, session: Session, cast: Cast) -> None:
        with pytest.raises(InvalidInput):
            holdover_days(session, cast.tenant, start=date(2026, 1, 1), until=date(2028, 1, 1))

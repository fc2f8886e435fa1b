"""The calendar, its feed as a calendar program reads it, and the rents to come."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import icalendar
import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from haas import clock, db
from haas.agenda.cash_flow import cash_flow
from haas.agenda.entries import entries_between
from haas.auth.models import User
from haas.errors import InvalidInput
from leases import returns
from leases.models import Lease
from tests.cast import Cast
from tests.invoicing.world import a_rate, bill, counted_statements
from tests.leases.fleet import InService, day, lease_in_service

AT = datetime(2026, 3, 1, 15, 0, tzinfo=UTC)  # three months: the last day is 31 May
NOW = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
Web = Callable[[User | None], FlaskClient]


@pytest.fixture
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is 4 May 2026."""
    monkeypatch.setattr(clock, "now", lambda: NOW)


def two_leases(session: Session, cast: Cast) -> tuple[InService, InService]:
    """Acme's and Globex's, billed until May; Acme's laptop is due back on 20 May."""
    a_rate(session, cast.tenant)
    made = tuple(
        lease_in_service(session, cast.tenant, client_id=client.id, accepted_at=AT, term_months=3)
        for client in (cast.acme, cast.globex)
    )
    bill(session, cast.tenant, day("2026-05-01"))
    returns.request_return(
        session,
        cast.tenant,
        asset_id=made[0].assets[0].id,
        reason="end",
        notice_on=day("2026-05-02"),
        due_on=day("2026-05-20"),
        at=datetime(2026, 5, 2, 9, 0, tzinfo=UTC),
    )
    return made[0], made[1]


def everything(_permission: str) -> bool:
    return True


class TestEntriesBetween:
    def test_tell_what_falls_on_each_day(self, session: Session, cast: Cast) -> None:
        acme, globex = two_leases(session, cast)
        found = entries_between(
            session,
            cast.tenant,
            start=day("2026-05-01"),
            until=day("2026-06-01"),
            may=everything,
            policies={},
        )
        told = {(entry.on.isoformat(), entry.kind, entry.subject) for entry in found}
        numbers = (acme.lease.number, globex.lease.number)
        for number in numbers:
            assert ("2026-05-31", "lease_end", number) in told
            # 30 days before 1 June, for the notice and for the client's choice.
            assert ("2026-05-02", "notice", number) in told
            assert ("2026-05-02", "choose_until", number) in told
        assert [entry.on for entry in found if entry.kind == "return_due"] == [day("2026-05-20")]
        # Billed as of 1 May at 14 days: three months of 100.00 with 8 percent.
        due = [(entry.on, entry.amount) for entry in found if entry.kind == "invoice_due"]
        assert due == [(day("2026-05-15"), Decimal("324.00"))] * 2

    def test_show_nobody_more_than_the_pages_do(self, session: Session, cast: Cast) -> None:
        acme, _globex = two_leases(session, cast)
        span = {"start": day("2026-05-01"), "until": day("2026-06-01")}
        technician = entries_between(
            session, cast.tenant, may=lambda permission: permission != "invoice.read", policies={}, **span
        )
        assert {entry.kind for entry in technician} >= {"lease_end", "return_due"}
        assert "invoice_due" not in {entry.kind for entry in technician}
        db.change_scope(session, cast.acme_tenant)
        own = entries_between(session, cast.acme_tenant, may=everything, policies={}, **span)
        assert {entry.client_id for entry in own} == {cast.acme.id}
        assert acme.lease.number in {entry.subject for entry in own}

    def test_ask_the_same_questions_however_much_there_is(self, session: Session, cast: Cast) -> None:
        counts = []
        for _ in range(2):
            lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=AT, term_months=3)
            session.expire_all()
            with counted_statements(session) as counted:
                entries_between(
                    session,
                    cast.tenant,
                    start=day("2026-05-01"),
                    until=day("2026-06-01"),
                    may=everything,
                    policies={},
                )
            counts.append(counted[0])
        assert counts[0] == counts[1] <= 7

    def test_reach_at_most_a_year_and_a_month(self, session: Session, cast: Cast) -> None:
        with pytest.raises(InvalidInput):
            entries_between(
                session,
                cast.tenant,
                start=day("2026-01-01"),
                until=day("2028-01-01"),
                may=everything,
                policies={},
            )


class TestCashFlow:
    def test_adds_up_what_falls_due_until_the_end(self, session: Session, cast: Cast) -> None:
        lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=AT, term_months=6, lines=2)
        (flow,) = cash_flow(session, cast.tenant, start=day("2026-05-04"))
        # Two laptops at 100.00 from March to August; June, July and August are still to come.
        assert flow.days == {
            date(2026, 6, 1): Decimal(200), date(2026, 7, 1): Decimal(200), date(2026, 8, 1): Decimal(200),
        }  # fmt: skip
        assert flow.total == Decimal(600)
        assert flow.months[:3] == [
            (date(2026, 5, 1), Decimal(0)),
            (date(2026, 6, 1), Decimal(200)),
            (date(2026, 7, 1), Decimal(200)),
        ]


@pytest.mark.usefixtures("today")
class TestFeed:
    def make(self, web: Web, user: User) -> str:
        """The path of a new address of this person."""
        page = web(user).post("/calendar/feed").get_data(as_text=True)
        start = page.index("/calendar/feed/")
        return page[start : page.index(".ics", start) + 4]

    def read(self, web: Web, path: str) -> list[Any]:
        """The events, as a calendar program reads them."""
        answer = web(None).get(path)
        assert (answer.status_code, answer.mimetype) == (200, "text/calendar")
        return list(icalendar.Calendar.from_ical(answer.data).walk("VEVENT"))

    def test_is_read_by_a_calendar_program(self, cast: Cast, web: Web) -> None:
        with db.unit_of_work(cast.tenant) as session:
            acme, _globex = two_leases(session, cast)
            number = session.get_one(Lease, (cast.northwind.id, acme.lease.id)).number
        events = {str(event["uid"]): event for event in self.read(web, self.make(web, cast.ana))}
        end = events[f"lease_end-{acme.lease.id}-2026-05-31@haas"]
        assert (end["dtstart"].dt, end["dtend"].dt) == (date(2026, 5, 31), date(2026, 6, 1))
        assert str(end["summary"]) == f"Lease ends: {number} · Acme Dental"
        assert str(end["url"]).endswith(f"/leases/{acme.lease.id}")

    def test_shows_a_clients_person_its_own_alone(self, cast: Cast, web: Web) -> None:
        with db.unit_of_work(cast.tenant) as session:
            acme, globex = two_leases(session, cast)
        told = " ".join(str(event["uid"]) for event in self.read(web, self.make(web, cast.vic)))
        assert acme.lease.id in told
        assert globex.lease.id not in told

    def test_is_not_sent_again_unchanged(self, cast: Cast, web: Web) -> None:
        path = self.make(web, cast.ana)
        etag = web(None).get(path).headers["ETag"]
        again = web(None).get(path, headers={"If-None-Match": etag})
        assert (again.status_code, again.data) == (304, b"")

    def test_stops_when_it_is_revoked_or_replaced(self, cast: Cast, web: Web) -> None:
        first = self.make(web, cast.ana)
        second = self.make(web, cast.ana)
        assert web(None).get(first).status_code == 404
        assert web(None).get(second).status_code == 200
        web(cast.ana).post("/calendar/feed/revoke")
        assert web(None).get(second).status_code == 404
        assert web(None).get("/calendar/feed/guessed.ics").status_code == 404

    def test_stops_with_its_person(self, cast: Cast, web: Web) -> None:
        path = self.make(web, cast.vic)
        with db.unit_of_work(cast.tenant) as session:
            session.get_one(User, cast.vic.id).disabled_at = NOW
        assert web(None).get(path).status_code == 404


@pytest.mark.usefixtures("today")
def test_pages_show_the_month_the_list_and_the_rents(cast: Cast, web: Web) -> None:
    with db.unit_of_work(cast.tenant) as session:
        acme, _globex = two_leases(session, cast)
    ana = web(cast.ana)
    for path in ("/calendar?month=2026-05", "/calendar?month=2026-05&view=list"):
        page = ana.get(path).get_data(as_text=True)
        assert "May 2026" in page
        assert acme.lease.number in page
    assert "Rents to come" in ana.get("/calendar/cash").get_data(as_text=True)
    assert web(cast.ben).get("/calendar/cash").status_code == 403
    assert "Globex" not in web(cast.ada).get("/calendar?month=2026-05&view=list").get_data(as_text=True)

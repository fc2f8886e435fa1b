"""Rents of one lease or one client: what was billed by month, and what falls due."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from haas import clock, db
from haas.agenda.cash_flow import billed_by_month, cash_flow
from tests.cast import Cast
from tests.invoicing.world import a_rate, bill
from tests.leases.fleet import InService, day, lease_in_service

AT = datetime(2026, 3, 1, 15, 0, tzinfo=UTC)
NOW = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)


@pytest.fixture
def made(cast: Cast) -> tuple[InService, InService]:
    """Acme's lease of 100.00 and Globex's of 30.00 for half a year, billed in April and May; committed."""
    with db.unit_of_work(cast.tenant) as session:
        a_rate(session, cast.tenant)
        acme, globex = (
            lease_in_service(
                session, cast.tenant, client_id=client.id, accepted_at=AT, rent=rent, term_months=6
            )
            for client, rent in ((cast.acme, "100.00"), (cast.globex, "30.00"))
        )
        for as_of in ("2026-04-01", "2026-05-01"):
            bill(session, cast.tenant, day(as_of))
    return acme, globex


class TestNarrowed:
    def test_tells_what_one_client_or_lease_was_billed_and_owes(
        self, cast: Cast, made: tuple[InService, InService]
    ) -> None:
        acme, globex = made
        with db.unit_of_work(cast.tenant) as session:
            of_globex = billed_by_month(
                session, cast.tenant, start=day("2025-05-01"), client_id=cast.globex.id
            )
            of_lease = billed_by_month(session, cast.tenant, start=day("2025-05-01"), lease_id=acme.lease.id)
            (flow,) = cash_flow(session, cast.tenant, start=day("2026-05-04"), client_id=cast.globex.id)
            (other,) = cash_flow(session, cast.tenant, start=day("2026-05-04"), lease_id=acme.lease.id)

        # March to May were billed in two runs on days of their own; together three months.
        assert sum(of_globex["USD"].values()) == Decimal(90)
        assert sum(of_lease["USD"].values()) == Decimal(300)
        assert flow.total == Decimal(90)  # June to August
        assert other.total == Decimal(300)
        assert list(flow.days) == [date(2026, 6, 1), date(2026, 7, 1), date(2026, 8, 1)]
        assert globex.lease.currency == "USD"

    def test_is_a_page_under_lease_and_client_that_strangers_do_not_find(
        self, cast: Cast, made: tuple[InService, InService], web: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(clock, "now", lambda: NOW)
        lease_id, ana = made[0].lease.id, web(cast.ana)
        of_lease, of_client = (
            f"/calendar/cash?lease_id={lease_id}",
            f"/calendar/cash?client_id={cast.acme.id}",
        )
        assert of_lease in ana.get(f"/leases/{lease_id}?tab=rent").get_data(as_text=True)
        assert of_client in ana.get(f"/clients/{cast.acme.id}").get_data(as_text=True)
        for address in (of_lease, of_client):
            page = ana.get(address).get_data(as_text=True)
            assert "$300.00" in page
            assert web(cast.cleo).get(address).status_code == 404
        assert web(cast.ada).get(of_lease).status_code == 200
        globex = f"/calendar/cash?client_id={cast.globex.id}"
        assert web(cast.ada).get(globex).status_code == 404

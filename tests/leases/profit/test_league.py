"""The league: rows that add up to their assets whatever they are by, windows, paging, doors."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlalchemy.orm import Session

from haas import db
from haas.errors import InvalidInput
from haas.rest.paging import slice_page
from leases import swaps
from leases.profit.asset import profit_of
from leases.profit.facts import AssetFacts, Charge, ChargeKind, Curve, Place, Rents, Standing
from leases.profit.league import Dimension, Row, league, totals
from leases.profit.queries import view_asset_profit, view_league
from tests.cast import Cast
from tests.leases.fleet import a_model, a_spare, day, lease_in_service

SIGNED = datetime(2026, 3, 1, 15, 0, tzinfo=UTC)
AS_OF = day("2026-05-31")
FIRST = date(2025, 1, 1)
FIGURES = ("cost", "rent", "income", "costs", "lost", "value", "margin")


@contextmanager
def counted() -> Iterator[list[str]]:
    """Statements of this process."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    engine = db.engine()
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


@st.composite
def fleets(draw: st.DrawFn) -> list[AssetFacts]:
    """Assets that stood at two clients or in stock, were charged for damage, repaired, perhaps sold."""
    fleet = []
    for number in range(draw(st.integers(1, 4))):
        start = FIRST + timedelta(days=draw(st.integers(0, 200)))
        standings, rents, charges, at = [], [], [], start
        for stay in range(draw(st.integers(0, 3))):
            at += timedelta(days=draw(st.integers(0, 40)))
            end = at + timedelta(days=draw(st.integers(1, 200)))
            place = Place(f"lse_{number}_{stay}", draw(st.sampled_from(["cli_1", "cli_2"])))
            standings.append(Standing(place, at, end))
            currency = draw(st.sampled_from(["USD", "USD", "EUR"]))
            due = tuple((at + timedelta(days=30 * each), Decimal("33.33")) for each in range(4))
            rents.append(Rents(place, currency, due, end - timedelta(days=1)))
            charges.append(Charge(end, ChargeKind.DAMAGE, Decimal("12.50"), place))
            charges.append(Charge(at, ChargeKind.COST, Decimal("-4.20"), place))
            at = end
        months = [FIRST + timedelta(days=30 * each) for each in range(1, 25)]
        values = [Decimal(1000) - Decimal("37.5") * each for each in range(1, 25)]
        sold = at + timedelta(days=draw(st.integers(1, 300))) if draw(st.booleans()) else None
        proceeds = Decimal(90) if sold else Decimal(0)
        fleet.append(
            AssetFacts(
                id=f"ast_{number}",
                tag=f"T-{number}",
                model_id=f"hwm_{number % 2}",
                model_name="ThinkPad",
                category="laptop",
                currency="USD",
                acquired_on=start,
                in_service_on=standings[0].start if standings else None,
                worth=Curve(Decimal(1000), start, months, values, sold, proceeds),
                standings=standings,
                rents=rents,
                charges=charges,
            )
        )
    return fleet


class TestRows:
    @given(fleets(), st.sampled_from(list(Dimension)), st.integers(0, 900))
    @settings(max_examples=60, deadline=None)
    def test_add_up_to_the_profits_of_the_assets(
        self, fleet: list[AssetFacts], by: Dimension, days: int
    ) -> None:
        as_of = FIRST + timedelta(days=days)
        there = [asset for asset in fleet if asset.acquired_on <= as_of]

        rows = league(fleet, by=by, since=None, as_of=as_of)

        of_assets = [profit_of(asset, as_of=as_of) for asset in there]
        usd = next((row for row in totals(rows) if row.currency == "USD"), Row("", "USD"))
        for name in FIGURES:
            assert getattr(usd, name) == sum(getattr(each.to_date, name) for each in of_assets), name
        assert usd.assets == len(there)
        elsewhere = sum((sum(each.elsewhere.values()) for each in of_assets), Decimal(0))
        assert sum(row.rent for row in rows if row.currency == "EUR") == elsewhere

    @given(fleets(), st.integers(1, 900), st.integers(0, 900))
    @settings(max_examples=40, deadline=None)
    def test_of_two_periods_add_up_to_those_of_both(
        self, fleet: list[AssetFacts], cut: int, more: int
    ) -> None:
        middle = FIRST + timedelta(days=cut)
        end = middle + timedelta(days=more)
        parts = [
            league(fleet, by=Dimension.CLIENT, since=None, as_of=middle - timedelta(days=1)),
            league(fleet, by=Dimension.CLIENT, since=middle, as_of=end),
        ]

        whole = league(fleet, by=Dimension.CLIENT, since=None, as_of=end)

        for key in {(row.key, row.currency) for row in whole}:
            in_parts = [row.margin for rows in parts for row in rows if (row.key, row.currency) == key]
            (together,) = [row.margin for row in whole if (row.key, row.currency) == key]
            assert sum(in_parts) == together

    @given(fleets(), st.integers(0, 900))
    @settings(max_examples=40, deadline=None)
    def test_drilled_down_to_assets_add_up_to_the_row(self, fleet: list[AssetFacts], days: int) -> None:
        as_of = FIRST + timedelta(days=days)
        for row in league(fleet, by=Dimension.CLIENT, since=None, as_of=as_of):
            only = {Dimension.CLIENT: row.key}

            inside = league(fleet, by=Dimension.ASSET, since=None, as_of=as_of, only=only)

            in_currency = [each for each in inside if each.currency == row.currency]
            assert sum(each.margin for each in in_currency) == row.margin
            assert sum(each.assets for each in in_currency) == row.assets


class TestLeague:
    def test_of_a_fleet_is_the_sum_of_its_assets(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=SIGNED, lines=2)
        lease_in_service(session, cast.tenant, client_id=cast.globex.id, accepted_at=SIGNED, rent="30.00")
        spare = a_spare(session, cast.tenant, model=made.model, at=SIGNED)
        swaps.swap_asset(
            session,
            cast.tenant,
            outgoing_id=made.assets[0].id,
            incoming_id=spare.id,
            reason="fault",
            at=datetime(2026, 4, 11, 15, 0, tzinfo=UTC),
        )

        found = view_league(session, cast.tenant, by=Dimension.CLIENT, since=None, as_of=AS_OF)

        rows = {each.name: each.row for each in found.page.rows}
        assert rows["Acme Dental"].rent == Decimal("600.00")  # two lines, March to May
        # Two assets stand there; the third, replaced on 11 April, lost April's and May's 30.00 elsewhere.
        assert (rows["Acme Dental"].assets, rows["Acme Dental"].lost) == (2, Decimal("180.00"))
        assert rows["Globex Law"].margin == Decimal("0.00")  # 3 x 30.00 less 3 x 30.00
        assert (rows[""].assets, rows[""].lost, rows[""].margin) == (1, Decimal(60), Decimal(-60))
        by_asset = view_league(session, cast.tenant, by=Dimension.ASSET, since=None, as_of=AS_OF)
        for each in by_asset.page.rows:
            alone = view_asset_profit(session, cast.tenant, asset_id=each.row.key, as_of=AS_OF)
            assert each.row.margin == alone.to_date.margin
        assert by_asset.totals[0].margin == found.totals[0].margin == Decimal("360.00")  # 690 - 11 x 30

    def test_asks_as_much_of_a_large_fleet_as_of_a_small_one(self, session: Session, cast: Cast) -> None:
        counts = []
        for lines in (1, 12):
            lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=SIGNED, lines=lines)
            session.flush()
            session.expunge_all()
            with counted() as seen:
                view_league(session, cast.tenant, by=Dimension.LEASE, since=None, as_of=AS_OF)
            counts.append(len(seen))

        assert counts[0] == counts[1] <= 15

    def test_counts_age_in_whole_years(self, session: Session, cast: Cast) -> None:
        lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=SIGNED)
        a_spare(session, cast.tenant, model=a_model(session, cast.tenant, at=SIGNED), at=SIGNED)
        keys = {}
        for as_of in ("2027-02-28", "2027-03-01"):
            found = view_league(session, cast.tenant, by=Dimension.AGE, since=None, as_of=day(as_of))
            keys[as_of] = sorted(each.row.key for each in found.page.rows)

        assert keys == {"2027-02-28": ["0", "none"], "2027-03-01": ["1", "none"]}

    def test_refuses_a_sort_that_there_is_not(self, session: Session, cast: Cast) -> None:
        with pytest.raises(InvalidInput, match="Sort by one of"):
            view_league(session, cast.tenant, by=Dimension.AGE, since=None, as_of=AS_OF, sort="luck")


class TestPages:
    @given(
        st.lists(st.one_of(st.none(), st.decimals(-5, 5, places=1)), max_size=12),
        st.sampled_from(["up", "down"]),
        st.integers(1, 4),
    )
    @settings(max_examples=60, deadline=None)
    def test_of_computed_rows_show_each_once_there_and_back(
        self, values: list[Decimal | None], way: str, limit: int
    ) -> None:
        descending = way == "down"
        rows = [(f"{place:02}", value) for place, value in enumerate(values)]

        def page(cursor: str | None) -> Any:
            return slice_page(
                rows,
                value=lambda row: row[1],
                tie=lambda row: row[0],
                descending=descending,
                cursor=cursor,
                limit=limit,
            )

        pages = [page(None)]
        while pages[-1].older:
            pages.append(page(pages[-1].older))
        there = [row for each in pages for row in each.rows]
        known = sorted((row for row in rows if row[1] is not None), key=lambda row: (row[1], row[0]))
        unknown = [row for row in rows if row[1] is None]
        assert there == [*(known[::-1] if descending else known), *unknown]
        for before, after in pairwise(pages):
            assert page(after.newer).rows == before.rows


class TestDoors:
    def test_show_export_and_send_the_same_figures(self, cast: Cast, web: Any, api: Any) -> None:
        with db.unit_of_work(cast.tenant) as session:
            made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=SIGNED)
        asset_id, ana = made.assets[0].id, web(cast.ana)

        page = ana.get("/profit?by=client&as_of=2026-05-31").get_data(as_text=True)
        table = ana.get("/profit?by=client&as_of=2026-05-31&format=csv").get_data(as_text=True)
        sent = api(cast.fay).get("/v1/profit?by=client&as_of=2026-05-31").get_json()
        alone = api(cast.fay).get(f"/v1/assets/{asset_id}/profit?as_of=2026-05-31").get_json()

        assert "Acme Dental" in page
        assert "$210.00" in page  # three months of 100.00 less 30.00
        (row,) = csv.DictReader(io.StringIO(table.lstrip("\ufeff")))
        assert (row["client"], Decimal(row["margin"])) == ("Acme Dental", Decimal(210))
        assert [(each["name"], each["margin"]) for each in sent["items"]] == [("Acme Dental", "210.00")]
        assert alone["to_date"]["margin"] == sent["totals"][0]["margin"] == "210.00"
        assert alone["payback_month"] == "2027-02-28"  # the twelfth month of 100.00
        assert f"/assets/{asset_id}" in ana.get(
            f"/profit?by=asset&client={cast.acme.id}&as_of=2026-05-31"
        ).get_data(as_text=True)
        assert ana.get("/profit?format=xlsx").status_code == 200

    def test_are_shut_to_technicians_and_clients(self, cast: Cast, web: Any) -> None:
        for user in (cast.ben, cast.ada, cast.vic):
            assert web(user).get("/profit").status_code == 403
            assert "/profit" not in web(user).get("/").get_data(as_text=True)

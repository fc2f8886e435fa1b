"""Operator, partner, client: billed in one round, each by its own brand, series, tax and currency."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from haas import db
from haas.auth.models import User
from haas.tenancy.models import Client
from haas.tenancy.scope import Tenant
from invoicing import jobs, rounds
from invoicing.models import Invoice
from invoicing.queries import chunks_of, lines_of
from invoicing.round_models import BillingRoundPart
from leases.models import Line
from leases.pricing import house as houses
from leases.pricing import operations, wholesale
from leases.pricing.entries import NewEntry
from leases.pricing.models import PriceBook, PriceEntry
from leases.pricing.wholesale_models import WholesaleAccount, WholesaleLine
from tests.cast import Cast
from tests.invoicing.operators_house import DESK, OperatorsHouse, an_account, the_house
from tests.invoicing.world import NOW, a_rate
from tests.leases.fleet import day, lease_in_service

ACCEPTED = datetime(2026, 3, 11, 15, 0, tzinfo=UTC)


def in_use(tenant: Tenant, client: Client, *, lines: int = 2, rent: str = "93.00") -> str:
    """Laptops in service since 11 March, committed; answers the lease."""
    with db.unit_of_work(tenant) as session:
        a_rate(session, tenant, country=client.country, pct="8" if client.country == "US" else "19")
        made = lease_in_service(
            session, tenant, client_id=client.id, accepted_at=ACCEPTED, lines=lines, rent=rent
        )
    return made.lease.id


def a_round(house: OperatorsHouse, as_of: str) -> dict[str, BillingRoundPart]:
    """Start a round and do all its jobs; answers its parts by house."""
    with db.unit_of_work(DESK) as session:
        partners = rounds.every_house(session)
    with db.unit_of_work(house.tenant) as session:
        started = rounds.start_round(session, house.tenant, partners=partners, as_of=day(as_of), at=NOW)
        parts = rounds.parts_of(session, house.tenant, round_id=started.id)
    for part in parts:
        jobs.run_round_part(partner_id=house.partner.id, event_id="evt_1", part_id=part.id)
        tenant = Tenant(part.house_id)
        with db.unit_of_work(house.tenant) as session:
            run_id = session.scalar(sa.select(BillingRoundPart.run_id).where(BillingRoundPart.id == part.id))
        with db.unit_of_work(tenant) as session:
            chunks = [chunk.id for chunk in chunks_of(session, tenant, run_id=str(run_id))]
        for chunk_id in chunks:
            jobs.bill_chunk(partner_id=part.house_id, event_id="evt_2", chunk_id=chunk_id)
        jobs.note_round(partner_id=part.house_id, event_id="evt_3", run_id=str(run_id))
    with db.unit_of_work(house.tenant) as session:
        found = rounds.parts_of(session, house.tenant, round_id=started.id)
    return {part.house_id: part for part in found}


def invoices(tenant: Tenant) -> list[Invoice]:
    """What a house has issued, by number."""
    with db.unit_of_work(tenant) as session:
        return list(session.scalars(sa.select(Invoice).order_by(Invoice.kind.desc(), Invoice.number)))


class TestOneRound:
    @pytest.fixture
    def cast(self, alone: Cast) -> Cast:
        return alone

    def test_bills_clients_by_partners_and_partners_by_the_operator(self, cast: Cast) -> None:
        house = the_house()
        for buyer in (cast.northwind, cast.contoso):
            an_account(house, buyer)
        in_use(cast.tenant, cast.acme, lines=2)
        in_use(cast.stranger, cast.initech, lines=3, rent="50.00")
        parts = a_round(house, "2026-05-01")

        (to_acme,) = invoices(cast.tenant)
        (to_initech,) = invoices(cast.stranger)
        by_house = {row.currency: row for row in invoices(house.tenant)}
        # March from the 11th, April and May in advance: 2 x (93 x 21/31 + 93 + 93), and 8 % on it
        assert (to_acme.currency, to_acme.net_total, to_acme.tax_total) == (
            "USD",
            Decimal("498.00"),
            Decimal("39.84"),
        )
        # 3 x (50 x 21/31 + 50 + 50), and 19 % on it
        assert (to_initech.currency, to_initech.net_total, to_initech.tax_total) == (
            "EUR",
            Decimal("401.61"),
            Decimal("76.31"),
        )
        # March and April in arrears: 2 x (30 x 21/31 + 30); used in the United States: not taxed in Ireland
        assert (by_house["USD"].net_total, by_house["USD"].tax_total) == (Decimal("100.64"), Decimal(0))
        # the tier of three: 3 x (25 x 21/31 + 25), taxed in Germany by the buyer's reverse charge
        assert (by_house["EUR"].net_total, by_house["EUR"].tax_total) == (
            Decimal("125.82"),
            Decimal(0),
        )
        sellers = {
            row.document["seller"]["display_name"] for row in (to_acme, to_initech, *by_house.values())
        }
        assert sellers == {"Northwind IT", "Contoso Managed", "Cirrus"}
        # Each house has a series of its own.
        assert to_acme.number == to_initech.number == "INV-2026-00001"
        assert sorted(row.number for row in by_house.values()) == ["INV-2026-00001", "INV-2026-00002"]
        assert {(part.state, part.invoices) for part in parts.values()} == {("done", 1), ("done", 2)}

    def test_changes_nothing_when_it_runs_again(self, cast: Cast) -> None:
        house = the_house()
        an_account(house, cast.northwind)
        in_use(cast.tenant, cast.acme)
        a_round(house, "2026-05-01")
        before = len(invoices(cast.tenant)) + len(invoices(house.tenant))

        parts = a_round(house, "2026-05-01")
        assert len(invoices(cast.tenant)) + len(invoices(house.tenant)) == before
        assert {part.invoices for part in parts.values()} == {0}
        assert wholesale.sync_everyone(as_of=day("2026-05-01"))[cast.northwind.id].written == 0

    def test_takes_a_tier_that_is_reached_for_the_month_alone(self, cast: Cast) -> None:
        house = the_house()
        an_account(house, cast.northwind)
        in_use(cast.tenant, cast.acme, lines=2)
        a_round(house, "2026-05-01")
        with db.unit_of_work(cast.tenant) as session:
            later = datetime(2026, 5, 20, 15, 0, tzinfo=UTC)
            lease_in_service(session, cast.tenant, client_id=cast.globex.id, accepted_at=later)
        a_round(house, "2026-06-01")

        latest = invoices(house.tenant)[-1]
        with db.unit_of_work(house.tenant) as session:
            lines = lines_of(session, house.tenant, invoice_id=latest.id)
        # Three in May: two whole months at 27, and 12 of 31 days of the third.
        assert sorted(row.net for row in lines) == [Decimal("10.45"), Decimal("27.00"), Decimal("27.00")]


class TestWalls:
    @pytest.fixture
    def house(self, cast: Cast) -> OperatorsHouse:
        house = the_house()
        for buyer in (cast.northwind, cast.contoso):
            an_account(house, buyer)
        in_use(cast.tenant, cast.acme)
        wholesale.sync_everyone(as_of=day("2026-05-01"))
        return house

    def test_show_a_partner_its_own_account_and_nothing_else_of_the_house(
        self, cast: Cast, house: OperatorsHouse
    ) -> None:
        with db.unit_of_work(cast.tenant) as session:
            (own,) = session.scalars(sa.select(WholesaleAccount))
            assert own.buyer_id == cast.northwind.id
            assert session.scalars(sa.select(PriceBook.id)).all() == []
            assert (
                session.scalars(sa.select(Client.id).where(Client.partner_id == house.partner.id)).all() == []
            )
        with db.unit_of_work(cast.acme_tenant) as session:
            assert session.scalars(sa.select(WholesaleAccount)).all() == []

    def test_show_the_buyer_its_assigned_book_alone(self, cast: Cast, house: OperatorsHouse) -> None:
        with db.unit_of_work(house.tenant) as session:
            gold = operations.draft_book(
                session,
                house.tenant,
                level="wholesale",
                name=f"Gold {cast.northwind.id}",
                currency="USD",
                valid_from=day("2026-01-01"),
                at=NOW,
            )
            operations.add_entries(
                session, house.tenant, book_id=gold.id, entries=[NewEntry("category", "laptop", Decimal(9))]
            )
            operations.publish_book(session, house.tenant, book_id=gold.id, today=NOW.date(), at=NOW)
        with db.unit_of_work(cast.tenant) as session, houses.as_buyer(session, cast.tenant) as (_a, buyer):
            assert buyer is not None
            names = set(session.scalars(sa.select(PriceBook.name)))
            assert names == {"Standard"}
            assert len(session.scalars(sa.select(PriceEntry.id)).all()) == 4  # two currencies, two tiers
            clients = set(session.scalars(sa.select(WholesaleLine.client_id)))
            assert clients == {buyer.client_id}
            # The buyer reads; nothing of the house is its to write.
            for statement in (sa.update(WholesaleAccount).values(book_name="Gold"), sa.delete(PriceBook)):
                assert session.execute(statement).rowcount == 0  # type: ignore[attr-defined]

    def test_let_the_buyer_go_home_again(self, cast: Cast, house: OperatorsHouse) -> None:
        with db.unit_of_work(cast.tenant) as session:
            with houses.as_buyer(session, cast.tenant):
                pass
            assert session.scalar(sa.select(Client.name).where(Client.id == cast.acme.id)) == "Acme Dental"
            assert session.scalars(sa.select(Line.partner_id).distinct()).all() == [cast.northwind.id]


def test_there_is_one_house(cast: Cast) -> None:
    the_house()
    with pytest.raises(houses.HouseExists), db.unit_of_work(DESK) as session:
        houses.open_house(
            session,
            name="Another",
            legal_name="Another",
            country="US",
            currency="USD",
            language="en",
            time_zone="UTC",
        )


class TestPages:
    def test_show_the_partner_what_is_left_of_each_rent(
        self, cast: Cast, web: Callable[[User | None], FlaskClient]
    ) -> None:
        house = the_house()
        an_account(house, cast.northwind)
        in_use(cast.tenant, cast.acme)
        wholesale.sync_everyone(as_of=day("2026-05-01"))
        page = web(cast.fay).get("/wholesale").get_data(as_text=True)

        # 2 x 93, 2 x 30, 126 / 186, and the tier of three
        for figure in ("$186.00", "$60.00", "$126.00", "67.74", "$27.00"):
            assert figure in page
        assert web(cast.ben).get("/wholesale").status_code == 403
        assert web(cast.ada).get("/wholesale").status_code == 403

    def test_let_the_operator_see_use_and_start_a_round(
        self, cast: Cast, web: Callable[[User | None], FlaskClient]
    ) -> None:
        an_account(the_house(), cast.northwind)
        olga = web(cast.olga)
        assert "Northwind IT" in olga.get("/operator/wholesale").get_data(as_text=True)

        started = olga.post("/operator/wholesale/rounds", data={"as_of": "2026-05-01"})
        page = olga.get(started.headers["Location"]).get_data(as_text=True)
        assert "Cirrus Hardware" in page
        assert "Acme Dental" not in page
        assert olga.get("/operator/wholesale/rounds/bro_none").status_code == 404

    def test_answer_a_program_of_the_partners(self, cast: Cast, api: Callable[..., FlaskClient]) -> None:
        program = api(cast.fay)
        assert program.get("/v1/wholesale").status_code == 404
        an_account(the_house(), cast.northwind)
        in_use(cast.tenant, cast.acme)
        wholesale.sync_everyone(as_of=day("2026-05-01"))

        (row,) = program.get("/v1/wholesale/leases").get_json()["items"]
        assert (row["rent"], row["cost"], row["margin"]) == ("186.00", "60.00", "126.00")
        (book,) = program.get("/v1/wholesale").get_json()["books"]
        assert [entry["price"] for entry in book["entries"]] == ["30.00", "27.00"]
        assert program.get("/v1/wholesale/invoices").get_json() == {"items": []}

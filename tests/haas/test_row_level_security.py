"""Every attack on the wall between partners, on the real database, as the application's own role."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, ProgrammingError

from devices.models import Asset, HardwareModel
from haas import db
from haas.auth.models import ApiToken, OneTimeLink, PortalSession, User
from haas.auth.tokens import keyed_hash
from haas.db import WeakDatabaseRole, assert_safe_role
from haas.ids import new_id
from haas.models import EVERY_TABLE
from haas.outbox import OutboxEvent
from haas.tenancy.models import Client, Partner, Site
from haas.tenancy.scope import Platform, Stranger, Tenant
from tests import cast as casting
from tests.cast import Cast

OWNED = [table for table in EVERY_TABLE if "partner_id" in table.columns]


def count(scope: Any, what: Any) -> int:
    with db.unit_of_work(scope) as session:
        return session.scalar(sa.select(sa.func.count()).select_from(what)) or 0


class TestWithoutATenant:
    @pytest.mark.parametrize("table", OWNED, ids=str)
    def test_no_row_is_seen(self, cast: Cast, table: sa.Table) -> None:
        with db.engine().begin() as connection:  # no name is set at all
            assert connection.scalar(sa.select(sa.func.count()).select_from(table)) == 0

    def test_no_row_is_seen_after_a_commit_either(self, cast: Cast) -> None:
        # After a transaction the setting is '' rather than NULL: the policies must not trip over it.
        with db.engine().connect() as connection:
            connection.execute(
                sa.text("select set_config('haas.partner', :p, true)"), {"p": cast.northwind.id}
            )
            assert connection.scalar(sa.select(sa.func.count()).select_from(Client.__table__)) == 2
            connection.commit()
            assert connection.scalar(sa.select(sa.func.count()).select_from(Client.__table__)) == 0

    def test_no_row_is_written(self, cast: Cast) -> None:
        with pytest.raises(ProgrammingError, match="row-level security"), db.engine().begin() as connection:
            connection.execute(
                sa.text(
                    "insert into stored_file (partner_id, id, kind, name, media_type, size_bytes, sha256,"
                    " created_at, content) values (:p, 'fil_x', 'x', 'x', 'x', 0, '', now(), '')"
                ),
                {"p": cast.northwind.id},
            )


class TestAnotherPartner:
    def test_sees_none_of_the_rows(self, cast: Cast) -> None:
        with db.unit_of_work(cast.stranger) as session:
            assert session.get(Client, (cast.northwind.id, cast.acme.id)) is None
            assert session.get(Site, (cast.northwind.id, cast.acme_site.id)) is None
            assert session.get(User, cast.ana.id) is None
            assert session.get(Partner, cast.northwind.id) is None

    @pytest.mark.parametrize("table", OWNED, ids=str)
    def test_sees_no_row_of_any_table(self, cast: Cast, table: sa.Table) -> None:
        statement = (
            sa.select(sa.func.count()).select_from(table).where(table.c.partner_id == cast.northwind.id)
        )
        with db.unit_of_work(cast.stranger) as session:
            assert session.scalar(statement) == 0

    def test_changes_none_of_the_rows(self, cast: Cast) -> None:
        with db.unit_of_work(cast.stranger) as session:
            changed = session.execute(sa.text("update client set name = 'stolen'"))
            assert changed.rowcount == 1  # type: ignore[attr-defined]  # Contoso's own
            gone = session.execute(
                sa.text("delete from site where partner_id <> :own"), {"own": cast.contoso.id}
            )
            assert gone.rowcount == 0  # type: ignore[attr-defined]
        with db.unit_of_work(cast.tenant) as session:
            assert session.get_one(Client, (cast.northwind.id, cast.acme.id)).name == cast.acme.name

    def test_cannot_write_a_row_in_our_name(self, cast: Cast) -> None:
        with (
            pytest.raises(ProgrammingError, match="row-level security"),
            db.unit_of_work(cast.stranger) as session,
        ):
            session.execute(
                sa.text(
                    "insert into partner_logo (partner_id, id, png, created_at) values (:p, 'x', '', now())"
                ),
                {"p": cast.northwind.id},
            )

    def test_cannot_hand_a_row_over_to_us(self, cast: Cast) -> None:
        with (
            pytest.raises(ProgrammingError, match="row-level security"),
            db.unit_of_work(cast.stranger) as session,
        ):
            session.execute(
                sa.text("update app_user set partner_id = :p where id = :u"),
                {"p": cast.northwind.id, "u": cast.cleo.id},
            )


class TestForeignKeys:
    def test_refuse_a_site_of_a_strangers_client(self, cast: Cast) -> None:
        with (
            pytest.raises(IntegrityError, match="fk_site_partner_id_client_id"),
            db.unit_of_work(cast.stranger) as session,
        ):
            session.add(
                Site(
                    partner_id=cast.contoso.id,
                    id=new_id("sit"),
                    client_id=cast.acme.id,
                    name="Trojan",
                    country="US",
                    created_at=casting.NOW,
                )
            )

    def test_refuse_a_person_of_a_strangers_client(self, cast: Cast) -> None:
        with pytest.raises(IntegrityError, match="client_id"), db.unit_of_work(cast.stranger) as session:
            session.execute(
                sa.text("update app_user set level = 'client', client_id = :c where id = :u"),
                {"c": cast.acme.id, "u": cast.cleo.id},
            )

    def test_refuse_an_asset_of_a_strangers_model(self, cast: Cast) -> None:
        model_id = new_id("hwm")
        with db.unit_of_work(cast.tenant) as session:
            session.add(_model(cast.northwind.id, model_id))
        with pytest.raises(IntegrityError, match="model"), db.unit_of_work(cast.stranger) as session:
            session.add(_asset(cast.contoso.id, model_id))


class TestAClientsOwnPeople:
    def test_see_their_client_and_its_sites_alone(self, cast: Cast) -> None:
        with db.unit_of_work(cast.acme_tenant) as session:
            assert [each.id for each in session.scalars(sa.select(Client))] == [cast.acme.id]
            assert [each.id for each in session.scalars(sa.select(Site))] == [cast.acme_site.id]

    def test_see_the_people_of_their_client_alone(self, cast: Cast) -> None:
        with db.unit_of_work(cast.acme_tenant) as session:
            seen = {each.id for each in session.scalars(sa.select(User))}
        assert seen == {cast.ada.id, cast.vic.id}

    def test_cannot_write_for_another_client(self, cast: Cast) -> None:
        with (
            pytest.raises(ProgrammingError, match="row-level security"),
            db.unit_of_work(cast.acme_tenant) as session,
        ):
            session.execute(
                sa.text("update site set client_id = :c where id = :s"),
                {"c": cast.globex.id, "s": cast.acme_site.id},
            )

    def test_cannot_promote_themselves_to_the_partners_level(self, cast: Cast) -> None:
        with (
            pytest.raises(ProgrammingError, match="row-level security"),
            db.unit_of_work(cast.acme_tenant) as session,
        ):
            session.execute(
                sa.text("update app_user set level = 'partner', client_id = null where id = :u"),
                {"u": cast.ada.id},
            )

    def test_cannot_read_the_outbox_they_may_add_to(self, cast: Cast) -> None:
        with db.unit_of_work(cast.acme_tenant) as session:
            session.add(
                OutboxEvent(
                    partner_id=cast.northwind.id,
                    id=new_id("evt"),
                    name="test.asked",
                    payload={},
                    once_key=None,
                    published_at=casting.NOW,
                    expanded_at=casting.NOW,
                )
            )
        assert count(cast.acme_tenant, OutboxEvent) == 0
        assert count(cast.tenant, OutboxEvent) == 1


class TestAStranger:
    def test_finds_only_the_session_whose_token_it_presents(self, cast: Cast) -> None:
        token = casting.browser_session(cast.ana)
        casting.browser_session(cast.cleo)
        key = keyed_hash(token, pepper=casting.PEPPER, purpose="portal_session")
        with db.unit_of_work(Stranger(key)) as session:
            assert [each.user_id for each in session.scalars(sa.select(PortalSession))] == [cast.ana.id]
        assert count(Stranger("guess"), PortalSession) == 0

    def test_finds_only_the_people_whose_address_it_knows(self, cast: Cast) -> None:
        with db.unit_of_work(Stranger(cast.ana.email_norm)) as session:
            assert [each.id for each in session.scalars(sa.select(User))] == [cast.ana.id]

    def test_may_change_nothing_of_what_it_finds(self, cast: Cast) -> None:
        with db.unit_of_work(Stranger(cast.ana.email_norm)) as session:
            changed = session.execute(sa.text("update app_user set role = 'partner.sales'"))
            assert changed.rowcount == 0  # type: ignore[attr-defined]

    def test_finds_nothing_by_an_empty_key(self, cast: Cast) -> None:
        for model in (PortalSession, ApiToken, OneTimeLink, User, Partner):
            assert count(Stranger(""), model) == 0


class TestTheOperator:
    def test_sees_partners_and_people_but_nothing_of_theirs(self, cast: Cast) -> None:
        platform = Platform("operator", actor=cast.olga.id)
        assert count(platform, Partner) >= 2
        for model in (Client, Site, Asset, ApiToken, OutboxEvent):
            assert count(platform, model) == 0

    def test_may_add_invitations_alone_to_a_partners_outbox(self, cast: Cast) -> None:
        statement = sa.text(
            "insert into outbox_event (partner_id, id, name, payload, published_at)"
            " values (:p, :id, :name, '{}', now())"
        )
        with db.unit_of_work(Platform("operator")) as session:
            session.execute(
                statement, {"p": cast.northwind.id, "id": new_id("evt"), "name": "account.invited"}
            )
        with (
            pytest.raises(ProgrammingError, match="row-level security"),
            db.unit_of_work(Platform("operator")) as session,
        ):
            session.execute(
                statement, {"p": cast.northwind.id, "id": new_id("evt"), "name": "invoice.issued"}
            )


class TestThePool:
    def test_carries_no_name_from_one_transaction_to_the_next(self, cast: Cast) -> None:
        names = sa.text(
            "select current_setting('haas.partner', true) || current_setting('haas.client', true)"
            " || current_setting('haas.actor', true)"
        )
        for _ in range(20):  # through every connection of the pool
            with db.unit_of_work(cast.acme_tenant) as session:
                assert session.scalar(sa.select(sa.func.count()).select_from(Client)) == 1
            with db.engine().begin() as connection:
                assert not connection.scalar(names)
                assert connection.scalar(sa.select(sa.func.count()).select_from(Client.__table__)) == 0

    def test_carries_no_name_after_an_error(self, cast: Cast) -> None:
        with pytest.raises(ProgrammingError), db.unit_of_work(cast.tenant) as session:
            session.execute(sa.text("select * from no_such_table"))
        with db.engine().begin() as connection:
            assert connection.scalar(sa.select(sa.func.count()).select_from(Client.__table__)) == 0


class TestTheRole:
    def test_of_the_application_is_bound(self, app: Any) -> None:
        with db.engine().connect() as connection:
            assert_safe_role(connection)

    def test_of_the_owner_is_refused_at_start(self, database: Any) -> None:
        engine = sa.create_engine(database.owner_url, poolclass=sa.pool.NullPool)
        with engine.connect() as connection, pytest.raises(WeakDatabaseRole, match="owns tables=True"):
            assert_safe_role(connection)

    def test_of_the_owner_is_bound_by_the_policies_all_the_same(self, cast: Cast, database: Any) -> None:
        engine = sa.create_engine(database.owner_url, poolclass=sa.pool.NullPool)
        with engine.connect() as connection:
            assert connection.scalar(sa.text("select count(*) from client")) == 0

    @pytest.mark.parametrize(
        "statement",
        [
            "alter table client disable row level security",
            "drop policy partner on client",
            "set role postgres",
        ],
    )
    def test_of_the_application_cannot_take_the_wall_down(self, cast: Cast, statement: str) -> None:
        with pytest.raises((ProgrammingError, sa.exc.DBAPIError)), db.unit_of_work(cast.tenant) as session:
            session.execute(sa.text(statement))


class TestUniqueKeys:
    def test_say_nothing_about_another_partners_numbers(self, cast: Cast) -> None:
        # Both partners have a client C-0001; a key over all partners would have been an oracle.
        with db.unit_of_work(Tenant(cast.contoso.id)) as session:
            assert session.scalars(sa.select(Client.number)).all() == ["C-0001"]
        assert cast.acme.number == "C-0001"


def _model(partner_id: str, model_id: str) -> HardwareModel:
    return HardwareModel(**_filled(HardwareModel, partner_id=partner_id, id=model_id))


def _asset(partner_id: str, model_id: str) -> Asset:
    return Asset(**_filled(Asset, partner_id=partner_id, id=new_id("ast"), model_id=model_id))


def _filled(model: Any, **given: Any) -> dict[str, Any]:
    """Something for every column that must not be null, so that only the key under test can refuse."""
    from datetime import date
    from decimal import Decimal

    dull: dict[type, Any] = {
        str: "x",
        int: 1,
        bool: False,
        Decimal: Decimal(1),
        dict: {},
        list: [],
        date: date(2026, 6, 15),
    }
    values = dict(given)
    for column in model.__table__.columns:
        if column.key in values or column.nullable or column.default is not None:
            continue
        if isinstance(column.type, db.UtcDateTime):
            values[column.key] = casting.NOW
        else:
            values[column.key] = dull.get(column.type.python_type, "x")
    return values

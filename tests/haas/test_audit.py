"""The audit chain: it verifies, shows every tampering, masks secrets, and the application cannot write it."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, ProgrammingError

from haas import audit, db
from haas.accounts.clients import create_client, edit_client
from haas.audit import AuditEntry, AuditLink
from haas.auth.models import User
from haas.tenancy.models import Client
from haas.tenancy.scope import Platform, Tenant
from tests.cast import Cast


def entries(tenant: Tenant, **wanted: str) -> list[AuditEntry]:
    with db.unit_of_work(tenant) as session:
        return list(session.scalars(sa.select(AuditEntry).filter_by(**wanted).order_by(AuditEntry.id)))


def verify(tenant: Tenant) -> audit.ChainReport:
    with db.unit_of_work(tenant) as session:
        return audit.verify(session, chain=tenant.partner_id)


def as_owner(database: Any, *statements: str, **values: Any) -> None:
    """What only somebody with the owner's password, or more, can do: the guards are put aside first."""
    engine = sa.create_engine(database.owner_url, poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        for table in ("audit_entry", "audit_link"):
            connection.execute(sa.text(f"alter table {table} disable trigger {table}_append_only"))
        for statement in statements:
            connection.execute(sa.text(statement), values)
        for table in ("audit_entry", "audit_link"):
            connection.execute(sa.text(f"alter table {table} enable trigger {table}_append_only"))


@pytest.fixture
def three_clients(cast: Cast) -> Cast:
    """Some history in Northwind's chain."""
    for name in ("Umbrella", "Hooli", "Stark"):
        with db.unit_of_work(cast.tenant) as session:
            create_client(session, cast.tenant, name=name, email="ap@x.example")
    return cast


class TestEveryChange:
    def test_says_who_what_before_and_after(self, cast: Cast) -> None:
        with db.unit_of_work(cast.tenant) as session:
            edit_client(session, cast.tenant, client_id=cast.acme.id, changes={"phone": "+1 555 0100"})
        (entry,) = entries(cast.tenant, subject="client", subject_id=cast.acme.id, action="update")
        assert (entry.actor, entry.door) == (cast.ana.id, "portal")
        assert entry.before == {"phone": ""}
        assert entry.after == {"phone": "+1 555 0100"}

    def test_leaves_nothing_when_it_is_rolled_back(self, cast: Cast) -> None:
        before = verify(cast.tenant).links
        with db.open_session(cast.tenant) as session:
            create_client(session, cast.tenant, name="Ghost", email="g@x.example")
            session.rollback()
        assert verify(cast.tenant).links == before

    def test_masks_secrets(self, cast: Cast) -> None:
        with db.unit_of_work(cast.tenant) as session:
            session.get_one(User, cast.ben.id).password_hash = "$argon2id$another"
        (entry,) = entries(cast.tenant, subject="app_user", subject_id=cast.ben.id, action="update")
        assert entry.before == entry.after == {"password_hash": "***"}
        assert all("argon2" not in str((each.before, each.after)) for each in entries(cast.tenant))

    def test_is_told_of_to_its_own_partner_alone(self, cast: Cast) -> None:
        assert entries(cast.tenant)
        assert all(each.chain == cast.contoso.id for each in entries(cast.stranger))
        assert entries(cast.acme_tenant) == []


class TestTheChain:
    def test_holds(self, three_clients: Cast) -> None:
        report = verify(three_clients.tenant)
        assert report.broken_at is None
        assert report.links == len(entries(three_clients.tenant))
        assert len(report.head) == 64

    def test_holds_while_others_write(self, three_clients: Cast) -> None:
        tenant, over = three_clients.tenant, threading.Event()

        def write() -> None:
            while not over.is_set():
                with db.unit_of_work(tenant) as session:
                    audit.note(session, action="looked", subject="client", subject_id="x", details={})

        writer = threading.Thread(target=write)
        writer.start()
        try:
            seen = [verify(tenant) for _ in range(60)]
        finally:
            over.set()
            writer.join()
        assert [report for report in seen if report.broken_at is not None] == []
        assert seen[-1].links > seen[0].links  # there was something to race with

    def test_shows_an_edit_by_the_owner(self, three_clients: Cast, database: Any) -> None:
        victim = entries(three_clients.tenant)[2]
        as_owner(
            database,
            "update audit_entry set after = jsonb_build_object('name', 'nothing happened') where id = :id",
            id=victim.id,
        )
        assert verify(three_clients.tenant).broken_at == 3

    def test_shows_that_a_middle_entry_was_deleted(self, three_clients: Cast, database: Any) -> None:
        victim = entries(three_clients.tenant)[2]
        as_owner(
            database,
            "delete from audit_link where entry_id = :id",
            "delete from audit_entry where id = :id",
            id=victim.id,
        )
        assert verify(three_clients.tenant).broken_at == 3

    def test_shows_that_the_newest_entry_was_deleted(self, three_clients: Cast, database: Any) -> None:
        victim, links = entries(three_clients.tenant)[-1], verify(three_clients.tenant).links
        as_owner(
            database,
            "delete from audit_link where entry_id = :id",
            "delete from audit_entry where id = :id",
            id=victim.id,
        )
        assert verify(three_clients.tenant).broken_at == links

    def test_ends_in_another_hash_than_the_anchor_when_even_the_head_was_mended(
        self, three_clients: Cast, database: Any
    ) -> None:
        tenant = three_clients.tenant
        anchored = verify(tenant)
        as_owner(
            database,
            "delete from audit_link where chain = :chain and seq = :seq",
            "delete from audit_entry where chain = :chain and id = (select max(id) from audit_entry"
            " where chain = :chain)",
            "update audit_head h set seq = l.seq, hash = l.hash from audit_link l"
            " where h.chain = :chain and l.chain = :chain and l.seq = :seq - 1",
            chain=tenant.partner_id,
            seq=anchored.links,
        )
        mended = verify(tenant)
        assert mended.broken_at is None  # the chain alone cannot know
        assert (mended.links, mended.head) != (anchored.links, anchored.head)  # the mailed anchor does

    def test_of_another_partner_is_not_shown(self, cast: Cast) -> None:
        with (
            pytest.raises(ProgrammingError, match="not your chain"),
            db.unit_of_work(cast.stranger) as session,
        ):
            audit.verify(session, chain=cast.northwind.id)

    def test_of_the_operator_holds_too(self, cast: Cast) -> None:
        with db.unit_of_work(Platform()) as session:
            report = audit.verify(session, chain=audit.OPERATOR_CHAIN)
        assert report.broken_at is None
        assert report.links > 0


class TestTheApplicationsRole:
    @pytest.mark.parametrize(
        "statement",
        [
            "update audit_entry set actor = 'nobody'",
            "delete from audit_entry",
            "delete from audit_link",
            "update audit_head set seq = 0",
            "truncate audit_entry",
            "insert into audit_entry select * from audit_entry",
            "insert into audit_link (chain, seq, entry_id, hash) values ('x', 1, 1, '')",
        ],
        ids=lambda text: " ".join(text.split()[:3]),
    )
    def test_can_neither_forge_nor_change_an_entry(self, cast: Cast, statement: str) -> None:
        with pytest.raises(ProgrammingError), db.unit_of_work(cast.tenant) as session:
            session.execute(sa.text(statement))

    def test_cannot_switch_a_trigger_off(self, cast: Cast) -> None:
        with pytest.raises(ProgrammingError), db.unit_of_work(cast.tenant) as session:
            session.execute(sa.text("alter table client disable trigger client_audit"))

    def test_cannot_note_in_another_partners_chain(self, cast: Cast) -> None:
        with db.unit_of_work(cast.stranger) as session:
            audit.note(session, action="looked", subject="client", subject_id=cast.acme.id, details={})
        assert entries(cast.tenant, action="looked") == []


class TestTheOwnersRole:
    @pytest.mark.parametrize(
        "statement", ["update audit_entry set actor = 'x'", "delete from audit_entry", "truncate audit_link"]
    )
    def test_is_refused_by_the_append_only_trigger(self, cast: Cast, database: Any, statement: str) -> None:
        engine = sa.create_engine(database.owner_url, poolclass=sa.pool.NullPool)
        with (
            pytest.raises(DBAPIError, match=r"append-only|cannot truncate"),
            engine.begin() as connection,
        ):
            connection.execute(sa.text(statement))


class TestLinks:
    def test_are_sealed_once_for_each_entry_in_the_order_of_the_entries(self, three_clients: Cast) -> None:
        with db.unit_of_work(three_clients.tenant) as session:
            links = session.scalars(sa.select(AuditLink).order_by(AuditLink.seq)).all()
        assert [link.seq for link in links] == list(range(1, len(links) + 1))
        assert [link.entry_id for link in links] == sorted(link.entry_id for link in links)

    def test_cover_what_several_doors_wrote_in_one_transaction(self, cast: Cast) -> None:
        with db.unit_of_work(cast.tenant) as session:
            create_client(session, cast.tenant, name="One", email="one@x.example")
            create_client(session, cast.tenant, name="Two", email="two@x.example")
        made = entries(cast.tenant, subject="client", action="insert")
        assert len({each.transaction_id for each in made[-2:]}) == 1
        assert verify(cast.tenant).broken_at is None
        assert session.get(Client, (cast.northwind.id, made[-1].subject_id)) is not None

"""A stored file is its bytes: hashed, made once, and its own partner's alone."""

from __future__ import annotations

import hashlib

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from haas import db
from haas.errors import NotFound
from haas.files import StoredFile, get_file, store_file
from haas.tenancy.scope import Tenant
from tests.cast import Cast


def keep(session: Session, tenant: Tenant, content: bytes = b"bytes", **changes: str | None) -> StoredFile:
    """Store a file."""
    facts = {"kind": "export", "name": "a.csv", "media_type": "text/csv", **changes}
    return store_file(session, tenant, content=content, **facts)  # type: ignore[arg-type]


class TestStoreFile:
    def test_keeps_the_bytes_with_their_size_and_hash(self, session: Session, cast: Cast) -> None:
        content = bytes(range(256)) * 40
        stored = keep(session, cast.tenant, content)
        session.expire_all()
        found = get_file(session, cast.tenant, file_id=stored.id)
        assert found.content == content
        assert (found.size_bytes, found.sha256) == (10_240, hashlib.sha256(content).hexdigest())

    def test_answers_with_the_one_already_made_from_the_same_inputs(
        self, session: Session, cast: Cast
    ) -> None:
        first = keep(session, cast.tenant, b"first", once_key="invoice:1")
        again = keep(session, cast.tenant, b"second", once_key="invoice:1")
        assert again.id == first.id
        assert again.content == b"first"

    def test_leaves_the_last_word_to_the_key(self, cast: Cast) -> None:
        """What two who come at once get is asked in tests/invoicing/money/test_races.py."""
        with db.unit_of_work(cast.tenant) as session:
            keep(session, cast.tenant, once_key="invoice:2")
        with pytest.raises(IntegrityError), db.unit_of_work(cast.tenant) as session:
            session.add(
                StoredFile(
                    partner_id=cast.northwind.id, id="fil_rival", kind="export", name="x", media_type="x",
                    size_bytes=0, sha256="0" * 64, once_key="invoice:2", created_at=cast.northwind.created_at,
                    content=b"",
                )
            )  # fmt: skip

    def test_shares_no_inputs_between_partners(self, cast: Cast) -> None:
        made = []
        for tenant in (cast.tenant, cast.stranger):
            with db.unit_of_work(tenant) as session:
                made.append(keep(session, tenant, once_key="same").id)
        assert made[0] != made[1]


class TestGetFile:
    def test_finds_nothing_of_a_stranger(self, cast: Cast) -> None:
        with db.unit_of_work(cast.tenant) as session:
            stored = keep(session, cast.tenant)
        with db.unit_of_work(cast.stranger) as session, pytest.raises(NotFound):
            get_file(session, cast.stranger, file_id=stored.id)

    def test_finds_for_a_client_its_own_alone(self, cast: Cast) -> None:
        with db.unit_of_work(cast.tenant) as session:
            of_acme = keep(session, cast.tenant, client_id=cast.acme.id).id
            others = [keep(session, cast.tenant, client_id=cast.globex.id).id, keep(session, cast.tenant).id]
        with db.unit_of_work(cast.acme_tenant) as session:
            assert get_file(session, cast.acme_tenant, file_id=of_acme).id == of_acme
            for other in others:
                with pytest.raises(NotFound):
                    get_file(session, cast.acme_tenant, file_id=other)

    def test_leaves_the_bytes_until_they_are_read(self, session: Session, cast: Cast) -> None:
        stored = keep(session, cast.tenant)
        session.expire_all()
        found = get_file(session, cast.tenant, file_id=stored.id)
        assert "content" in sa.inspect(found).unloaded

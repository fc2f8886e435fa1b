"""Pages of any size, walked in either direction, show every row once and in order."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from haas import db
from haas.errors import InvalidInput
from haas.ids import new_id
from haas.rest.paging import LIMIT_MAX, Sort, fetch_page, read_limit
from haas.tenancy.models import Client
from haas.tenancy.scope import scoped
from tests import cast as casting
from tests.cast import Cast

BY_NAME = Sort(Client.name_norm, Client.id)
BY_TIME = Sort(Client.created_at, Client.id)


@pytest.fixture(scope="module")
def crowd(app: Any) -> Cast:
    """A partner with 40 clients, of whom many share a name and a moment."""
    cast = casting.make_cast()
    with db.unit_of_work(cast.tenant) as session:
        for number in range(38):
            client_id = new_id("cli")
            name = f"Client {number % 7} ä'\"%_\\"
            session.add(
                Client(
                    partner_id=cast.northwind.id, id=client_id, client_id=client_id,
                    number=f"C-1{number:03d}",
                    name=name, name_norm=name.casefold(), legal_name=name, email="a@b.example", address=[],
                    country="US", currency="USD", time_zone="UTC", created_at=casting.NOW,
                )
            )  # fmt: skip
    return cast


def walk(session: Session, statement: Any, sort: Sort, limit: int) -> tuple[list[str], list[str]]:
    """(ids seen to the end, ids seen on the way back), page by page."""
    there, back = [], []
    page = fetch_page(session, statement, sort=sort, cursor=None, limit=limit)
    assert page.newer is None
    while True:
        assert 0 < len(page.rows) <= limit
        there += [row.id for row in page.rows]
        if page.older is None:
            break
        page = fetch_page(session, statement, sort=sort, cursor=page.older, limit=limit)
    back = [row.id for row in page.rows]
    while page.newer is not None:
        page = fetch_page(session, statement, sort=sort, cursor=page.newer, limit=limit)
        back = [row.id for row in page.rows] + back
    return there, back


class TestAWalk:
    @settings(max_examples=40, deadline=None)
    @given(
        limit=st.integers(1, 60),
        descending=st.booleans(),
        column=st.sampled_from([BY_NAME, BY_TIME]),
    )
    def test_shows_every_row_once_in_order_there_and_back(
        self, crowd: Cast, limit: int, *, descending: bool, column: Sort
    ) -> None:
        sort = Sort(column.column, column.tie, descending=descending)
        way = sa.desc if descending else sa.asc
        with db.unit_of_work(crowd.tenant) as session:
            statement = scoped(Client, crowd.tenant)
            ordered = statement.order_by(way(sort.column), way(sort.tie))
            every = [row.id for row in session.scalars(ordered)]
            there, back = walk(session, statement, sort, limit)
        assert len(every) == 40
        assert there == every
        assert back == every

    def test_misses_and_repeats_nothing_when_a_row_comes_in_between(
        self, crowd: Cast, session: Session
    ) -> None:
        statement = scoped(Client, crowd.tenant)
        with db.unit_of_work(crowd.tenant) as own:
            first = fetch_page(own, statement, sort=BY_NAME, cursor=None, limit=10)
            own.execute(
                sa.update(Client).where(Client.id == first.rows[0].id).values(name_norm="aaa")
            )  # stays before the place where the next page begins
            second = fetch_page(own, statement, sort=BY_NAME, cursor=first.older, limit=10)
            assert not {row.id for row in first.rows} & {row.id for row in second.rows}
            own.rollback()

    def test_of_nothing_has_no_neighbours(self, crowd: Cast) -> None:
        with db.unit_of_work(crowd.tenant) as session:
            nothing = scoped(Client, crowd.tenant).where(Client.name == "none")
            page = fetch_page(session, nothing, sort=BY_NAME, cursor=None)
        assert (list(page.rows), page.older, page.newer) == ([], None, None)

    def test_does_not_leave_the_partner_with_a_strangers_cursor(self, crowd: Cast) -> None:
        with db.unit_of_work(crowd.tenant) as session:
            page = fetch_page(session, scoped(Client, crowd.tenant), sort=BY_NAME, cursor=None, limit=1)
        with db.unit_of_work(crowd.stranger) as session:
            found = fetch_page(session, scoped(Client, crowd.stranger), sort=BY_NAME, cursor=page.older)
        assert {row.partner_id for row in found.rows} <= {crowd.contoso.id}


def encoded(value: Any) -> str:
    """A cursor as it is written."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


class TestACursor:
    @pytest.mark.parametrize(
        "wrong",
        [
            "x", "====", "é", "bm90aGluZw", encoded(1), encoded(None), encoded([]), encoded(["o", "a"]),
            encoded(["o", 1, 2]), encoded(["x", "a", "b"]), encoded({"a": 1}), encoded(["o", "a\0", "b"]),
            encoded([["o"], "a", "b"]), "A" * 5000,
        ],
    )  # fmt: skip
    def test_that_no_page_gave_is_refused(self, crowd: Cast, wrong: str) -> None:
        with db.unit_of_work(crowd.tenant) as session, pytest.raises(InvalidInput) as refusal:
            fetch_page(session, scoped(Client, crowd.tenant), sort=BY_NAME, cursor=wrong)
        assert "cursor" in refusal.value.fields

    @pytest.mark.parametrize("key", ["no time", "", "9999999-01-01"])
    def test_with_a_key_of_another_type_is_refused(self, crowd: Cast, key: str) -> None:
        with db.unit_of_work(crowd.tenant) as session, pytest.raises(InvalidInput):
            fetch_page(session, scoped(Client, crowd.tenant), sort=BY_TIME, cursor=encoded(["o", key, "cli"]))

    @given(st.text(max_size=80))
    @settings(max_examples=60, deadline=None)
    def test_of_any_letters_is_a_page_or_a_refusal(self, crowd: Cast, text: str) -> None:
        with db.unit_of_work(crowd.tenant) as session:
            try:
                fetch_page(session, scoped(Client, crowd.tenant), sort=BY_NAME, cursor=text)
            except InvalidInput:
                return


class TestALimit:
    @pytest.mark.parametrize(("text", "limit"), [(None, 50), ("", 50), ("1", 1), (str(LIMIT_MAX), LIMIT_MAX)])
    def test_is_read(self, text: str | None, limit: int) -> None:
        assert read_limit(text) == limit

    @pytest.mark.parametrize("text", ["0", "-1", "201", "many", "1.5", "٣", " 5", "1e2", "9" * 40])
    def test_that_is_none_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidInput) as refusal:
            read_limit(text)
        assert "limit" in refusal.value.fields

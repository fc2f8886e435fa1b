"""Price books on a real database: drafted, published once, followed by versions, closed to others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from haas import db
from haas.auth.models import User
from haas.errors import Conflict, InvalidInput, NotFound
from haas.tenancy.scope import Tenant
from leases import operations as leasing
from leases.pricing import operations, queries, suggesting, tables
from leases.pricing.entries import NewEntry
from leases.pricing.models import PriceBook, PriceEntry
from leases.pricing.rules import SELLING
from tests.cast import Cast
from tests.leases.fleet import a_model, day

AT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
TODAY = day("2026-03-01")


def t14(price: str, **tier: Any) -> NewEntry:
    """A month of a T14."""
    return NewEntry("model", "ThinkPad T14", Decimal(price), manufacturer="Lenovo", **tier)


def a_book(
    session: Session,
    tenant: Tenant,
    *entries: NewEntry,
    valid_from: str = "2026-01-01",
    published: bool = True,
    **fields: Any,
) -> PriceBook:
    """A retail book in dollars."""
    known: dict[str, Any] = {"level": "retail", "name": "Standard", "currency": "USD"}
    book = operations.draft_book(session, tenant, valid_from=day(valid_from), at=AT, **{**known, **fields})
    operations.add_entries(session, tenant, book_id=book.id, entries=entries or [t14("45.00")])
    if published:
        operations.publish_book(session, tenant, book_id=book.id, today=TODAY, at=AT)
    return book


class TestADraft:
    def test_refuses_a_second_price_for_the_same_number(self, session: Session, cast: Cast) -> None:
        book = a_book(session, cast.tenant, t14("45.00", quantity_until=11), published=False)
        with pytest.raises(operations.TiersOverlap) as refused:
            operations.add_entries(
                session, cast.tenant, book_id=book.id, entries=[t14("42.00", quantity_from=10)]
            )
        assert set(refused.value.fields) == {"quantity_from"}

    def test_is_settled_by_the_database_where_two_write_at_once(self, session: Session, cast: Cast) -> None:
        book = a_book(session, cast.tenant, t14("45.00"), published=False)
        with pytest.raises(DBAPIError, match="ex_price_entry_one_price"), session.begin_nested():
            session.execute(
                sa.text(
                    "insert into price_entry (partner_id, id, book_id, item_kind, item_key, item_name,"
                    " commercial_model, component, quantity_from, term_from, price)"
                    " select partner_id, 'pre_2',"
                    " book_id, item_kind, item_key, item_name, commercial_model, component, 5, 12, 1"
                    " from price_entry where book_id = :book"
                ),
                {"book": book.id},
            )

    def test_is_not_wholesale_unless_the_house_is_the_operators(self, session: Session, cast: Cast) -> None:
        with pytest.raises(InvalidInput, match="operator"):
            a_book(session, cast.tenant, level="wholesale")


class TestAPublishedBook:
    def test_is_frozen_in_the_database_too(self, session: Session, cast: Cast) -> None:
        book = a_book(session, cast.tenant)
        with pytest.raises(operations.BookPublished):
            operations.add_entries(session, cast.tenant, book_id=book.id, entries=[t14("1", term_from=99)])
        for statement in (
            sa.update(PriceEntry).values(price=1),
            sa.delete(PriceEntry),
            sa.update(PriceBook).values(name="Other"),
            sa.delete(PriceBook),
        ):
            with pytest.raises(DBAPIError, match="never edited"), session.begin_nested():
                session.execute(statement.execution_options(synchronize_session=False))

    def test_is_followed_by_a_version_that_begins_today_or_later(self, session: Session, cast: Cast) -> None:
        book = a_book(session, cast.tenant)
        late = operations.new_version(
            session, cast.tenant, book_id=book.id, valid_from=day("2026-02-01"), at=AT
        )
        with pytest.raises(InvalidInput, match="today or later"):
            operations.publish_book(session, cast.tenant, book_id=late.id, today=TODAY, at=AT)

        ahead = operations.new_version(
            session, cast.tenant, book_id=book.id, valid_from=day("2026-04-01"), at=AT
        )
        operations.publish_book(session, cast.tenant, book_id=ahead.id, today=TODAY, at=AT)
        held = queries.in_force(session, cast.tenant, day=day("2026-03-31"))
        assert held == {book.id}
        assert queries.in_force(session, cast.tenant, day=day("2026-04-01")) == {ahead.id}

    def test_has_one_version_a_day(self, session: Session, cast: Cast) -> None:
        a_book(session, cast.tenant)
        with pytest.raises(Conflict, match="2026-01-01"):
            a_book(session, cast.tenant)

    def test_comes_back_whole_from_its_own_table(self, session: Session, cast: Cast) -> None:
        book = a_book(
            session,
            cast.tenant,
            t14("45.00", quantity_until=10),
            t14("42.50", quantity_from=10, term_from=24, term_until=48),
            NewEntry("service", "Care pack", Decimal("4.25"), component="service"),
        )
        whole = queries.get_book(session, cast.tenant, book_id=book.id)
        rows = list(tables.rows_of(whole.entries))

        assert rows[0] == ("model", "Lenovo", "ThinkPad T14", "term", "hardware", 1, 10, None, None, 45)
        assert rows[1][5:] == (10, None, 24, 48, Decimal("42.5"))
        assert rows[2][:5] == ("service", "", "Care pack", "term", "service")


class TestWalls:
    def test_hide_books_from_another_partner_and_from_clients(self, session: Session, cast: Cast) -> None:
        book = a_book(session, cast.tenant)
        a_book(session, cast.tenant, level="client", client_id=cast.acme.id)
        with pytest.raises(NotFound):
            queries.get_book(session, cast.stranger, book_id=book.id)
        for scope in (cast.stranger, cast.acme_tenant):
            db.change_scope(session, scope)
            assert session.scalars(sa.select(PriceBook.id)).all() == []
            assert session.scalars(sa.select(PriceEntry.id)).all() == []


class TestSuggestion:
    def test_takes_the_tier_of_all_that_the_lease_will_have(self, session: Session, cast: Cast) -> None:
        model = a_model(session, cast.tenant, at=AT)
        a_book(session, cast.tenant, t14("45.00", quantity_until=3), t14("42.00", quantity_from=3))
        agreement = leasing.create_agreement(session, cast.tenant, client_id=cast.acme.id, at=AT)
        lease = leasing.draft_lease(
            session, cast.tenant, agreement_id=agreement.id, term_months=36, interval_months=3, at=AT
        )
        one: dict[str, Any] = {
            "lease": lease,
            "day": TODAY,
            "kind": "asset",
            "model_id": model.id,
            "description": "",
        }

        assert suggesting.suggest_for_line(session, cast.tenant, **one) == Decimal(135)  # 3 x 45
        assert suggesting.suggest_for_line(session, cast.tenant, more=3, **one) == Decimal(126)  # 3 x 42

    def test_refuses_what_no_book_lists(self, session: Session, cast: Cast) -> None:
        model = a_model(session, cast.tenant, at=AT)
        answer = suggesting.price_of_model(
            session, cast.tenant, model_id=model.id, day=TODAY, currency="USD", client_id=cast.acme.id
        )
        assert answer.monthly is None
        assert len(answer.steps) == len(SELLING)


class TestDoors:
    def test_fill_a_draft_by_a_table_or_name_its_wrong_rows(
        self, cast: Cast, web: Callable[[User | None], FlaskClient]
    ) -> None:
        with db.unit_of_work(cast.tenant) as session:
            book_id = a_book(session, cast.tenant, published=False).id
        browser = web(cast.sam)

        def send(table: str) -> Any:
            return browser.post(
                f"/prices/{book_id}/import", data={"file": (BytesIO(table.encode()), "prices.csv")}
            )

        wrong = send("kind,manufacturer,item,price\nmodel,Dell,XPS 13,abc\n")
        assert wrong.status_code == 422
        assert "Row 2, price" in wrong.get_data(as_text=True)
        assert send("kind,manufacturer,item,price\nmodel,Dell,XPS 13,61.25\n").status_code == 303
        assert "XPS 13" in browser.get(f"/prices/{book_id}").get_data(as_text=True)
        assert b"61.25" in browser.get(f"/prices/{book_id}/export.csv").data

    def test_answer_a_price_with_its_chain(self, cast: Cast, api: Callable[..., FlaskClient]) -> None:
        with db.unit_of_work(cast.tenant) as session:
            a_book(session, cast.tenant)
            model = a_model(session, cast.tenant, at=AT)
        found = api(cast.fay).get(f"/v1/prices?model_id={model.id}&client_id={cast.acme.id}").get_json()

        assert found["monthly"] == "45.00"
        assert [(step["level"], step["found"]) for step in found["steps"]] == [
            ("client", "no_book"),
            ("retail", "used"),
        ]

    def test_price_a_new_line_that_names_none(
        self, cast: Cast, web: Callable[[User | None], FlaskClient], api: Callable[..., FlaskClient]
    ) -> None:
        with db.unit_of_work(cast.tenant) as session:
            a_book(session, cast.tenant, t14("45.00", quantity_until=4), t14("42.00", quantity_from=4))
            model = a_model(session, cast.tenant, at=AT)
            agreement = leasing.create_agreement(session, cast.tenant, client_id=cast.acme.id, at=AT)
            lease = leasing.draft_lease(
                session, cast.tenant, agreement_id=agreement.id, term_months=36, at=AT
            )
        url = f"/leases/{lease.id}/lines"
        line = {"kind": "asset", "model_id": model.id, "description": "T14"}

        assert web(cast.sam).post(url, data={**line, "count": "3"}).status_code == 303
        made = api(cast.sam).post(f"/v1{url}", json=line).get_json()  # the fourth
        unknown = api(cast.sam).post(f"/v1{url}", json={"kind": "service", "description": "Care"})

        prices = [row["unit_price"] for row in api(cast.sam).get(f"/v1{url}").get_json()]
        assert prices == ["45.00"] * 3 + ["42.00"]
        assert made["unit_price"] == "42.00"
        assert (unknown.status_code, unknown.get_json()["code"]) == (422, "no_price")

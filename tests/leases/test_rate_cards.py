"""Rate cards: rent from cost and yield from rent, and the page that shows both with the chain."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from haas import db
from haas.auth.models import User
from haas.errors import Conflict, InvalidInput
from haas.tenancy.scope import Tenant
from leases.pricing import cards, queries
from leases.pricing.cards import CardRow
from leases.pricing.models import RateCard
from tests.cast import Cast
from tests.leases.fleet import a_model, day
from tests.leases.test_price_books import a_book

AT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def a_card(session: Session, tenant: Tenant, *, valid_from: str = "2026-01-01", pct: str = "8") -> RateCard:
    """36 months to a residual value of 10 per cent."""
    card = cards.add_card(
        session,
        tenant,
        name="Standard",
        valid_from=day(valid_from),
        rows=[CardRow(36, Decimal(10), Decimal(pct))],
        at=AT,
    )
    return queries.get_card(session, tenant, card_id=card.id)


class TestADeal:
    def test_gives_the_rent_for_a_yield_and_the_yield_for_a_rent(self) -> None:
        deal = cards.deal_of(cost=Decimal(1200), residual_pct=Decimal(10), term_months=36, currency="USD")
        offer = cards.by_yield(deal, yield_pct=Decimal(8))

        # (1200 - 120 / 1.00667^36) / annuity due of 36 at 8 % / 12
        assert (offer.rent, offer.residual) == (Decimal("34.41"), Decimal("120.00"))
        assert offer.factor == Decimal("0.028675")  # 34.41 / 1200
        # The rent is rounded to the cent, and its yield with it.
        assert abs(offer.yield_pct - 8) < Decimal("0.02")
        assert cards.by_rent(deal, rent=offer.rent) == offer

    def test_yields_nothing_where_the_rents_bring_back_just_the_cost(self) -> None:
        deal = cards.deal_of(cost=Decimal(1200), residual_pct=Decimal(10), term_months=36, currency="USD")
        assert cards.by_rent(deal, rent=Decimal(30)).yield_pct == 0  # 36 x 30 + 120 = 1200

    def test_refuses_a_rent_that_never_brings_anything_back(self) -> None:
        deal = cards.deal_of(cost=Decimal(1200), residual_pct=Decimal(0), term_months=36, currency="USD")
        with pytest.raises(InvalidInput, match="never"):
            cards.by_rent(deal, rent=Decimal(0))


class TestACard:
    def test_is_followed_by_a_later_one_and_never_edited(self, session: Session, cast: Cast) -> None:
        first = a_card(session, cast.tenant)
        later = a_card(session, cast.tenant, valid_from="2026-06-01", pct="9")
        found = queries.list_cards(session, cast.tenant)

        assert cards.cards_on(found, day=day("2026-05-31"), category="laptop") == [first]
        assert cards.cards_on(found, day=day("2026-06-01"), category="laptop") == [later]
        with pytest.raises(Conflict, match="2026-01-01"):
            a_card(session, cast.tenant)


class TestThePage:
    def test_shows_the_price_its_way_and_both_directions(
        self, cast: Cast, web: Callable[[User | None], FlaskClient]
    ) -> None:
        with db.unit_of_work(cast.tenant) as session:
            a_book(session, cast.tenant)
            a_card(session, cast.tenant)
            model = a_model(session, cast.tenant, at=AT)
        browser = web(cast.sam)

        def page(**asked: str) -> str:
            return browser.get("/prices/model", query_string={"model_id": model.id, **asked}).get_data(
                as_text=True
            )

        by_yield, by_rent = page(yield_pct="8"), page(rent="30", client_id=cast.acme.id)
        assert "$45.00" in by_yield
        assert by_yield.count("$34.41") >= 2  # by hand and by the card
        assert "No book in this currency on that day" in by_rent  # Acme has none of its own
        assert browser.get("/prices/model?rent=abc").status_code == 422
        assert web(cast.ada).get("/prices/model").status_code == 403

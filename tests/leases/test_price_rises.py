"""Rises of prices: worked out, announced in time, applied by amendments once, never backwards."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from haas import clock, db
from haas.errors import Conflict, InvalidInput, NotFound
from haas.outbox import OutboxEvent
from leases import rise_jobs
from leases.amendment_models import Amendment, LineTerms
from leases.models import Line
from leases.pricing import indexes, rises
from leases.pricing.rise_models import PriceRise, PriceRiseLine, PriceRiseNotice
from leases.pricing.rise_rules import change_by_index, latest_announcement, risen
from tests.cast import Cast
from tests.leases.fleet import day, lease_in_service

AT = datetime(2026, 3, 11, 15, 0, tzinfo=UTC)
TODAY = clock.today("UTC")
AHEAD = date(2098, 1, 1)


def a_rise(session: Session, cast: Cast, *, lines: int = 1, today: date = TODAY, **fields: Any) -> PriceRise:
    """Three per cent on Acme's laptops at 93.00."""
    lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=AT, rent="93.00", lines=lines)
    known: dict[str, Any] = {"title": "Yearly", "change_pct": Decimal(3), "effective_on": AHEAD}
    return rises.plan_rise(session, cast.tenant, at=AT, today=today, **{**known, **fields})


def lines_of(session: Session, rise: PriceRise) -> list[PriceRiseLine]:
    """The plan."""
    return list(
        session.scalars(
            sa.select(PriceRiseLine)
            .where(PriceRiseLine.rise_id == rise.id)
            .order_by(PriceRiseLine.id)
            .execution_options(populate_existing=True)
        )
    )


def apply(session: Session, cast: Cast, rise: PriceRise) -> None:
    """Do every chunk that was handed out."""
    rises.start_applying(session, cast.tenant, rise_id=rise.id)
    due = session.scalars(
        sa.select(OutboxEvent.payload).where(OutboxEvent.name == "price_rise.chunk_due")
    ).all()
    for chunk in due:
        rises.apply_chunk(session, cast.tenant, at=AT, **chunk)


class TestTheRule:
    def test_follows_the_index_and_rounds_the_price_to_the_cent(self) -> None:
        change = change_by_index(base=Decimal("112.0"), now=Decimal("118.4"))
        assert change == Decimal("5.714286")  # 118.4 / 112 = 1.05714286
        assert risen(Decimal("93.00"), change_pct=change, currency="USD") == Decimal("98.31")  # 98.3143
        assert risen(Decimal(1000), change_pct=Decimal("-2.5"), currency="JPY") == Decimal(975)
        assert risen(Decimal("93.125"), change_pct=Decimal(3), currency="KWD") == Decimal("95.919")

    def test_leaves_a_price_fine_that_was_finer_than_the_cent(self) -> None:
        assert risen(Decimal("0.125000"), change_pct=Decimal(3), currency="USD") == Decimal("0.12875")

    def test_counts_the_days_of_notice_back(self) -> None:
        assert latest_announcement(day("2026-07-01"), notice_days=30) == day("2026-06-01")


class TestAPlan:
    def test_shows_every_line_before_and_after_and_changes_nothing(
        self, session: Session, cast: Cast
    ) -> None:
        rise = a_rise(session, cast, lines=2)
        assert [(row.old_price, row.new_price) for row in lines_of(session, rise)] == [
            (Decimal("93.00"), Decimal("95.79"))  # 93 x 1.03
        ] * 2
        assert set(session.scalars(sa.select(Line.unit_price))) == {Decimal("93.00")}

    def test_takes_the_change_of_an_index(self, session: Session, cast: Cast) -> None:
        values = [(day("2025-01-01"), Decimal("112.0")), (day("2026-01-15"), Decimal("118.4"))]
        assert indexes.add_index_values(session, cast.tenant, name="CPI", values=values, at=AT) == 2
        assert indexes.add_index_values(session, cast.tenant, name="CPI", values=values, at=AT) == 0
        rise = a_rise(
            session,
            cast,
            change_pct=None,
            index_name="CPI",
            base_month=day("2025-01-01"),
            index_month=day("2026-01-01"),
        )
        assert rise.change_pct == Decimal("5.714286")
        assert lines_of(session, rise)[0].new_price == Decimal("98.31")
        with pytest.raises(Conflict, match="2025-01"):
            indexes.add_index_values(
                session, cast.tenant, name="CPI", values=[(values[0][0], Decimal(1))], at=AT
            )

    def test_names_the_month_that_a_rival_has_just_put_on_file(self, session: Session, cast: Cast) -> None:
        def rival(*_: object) -> None:
            with db.unit_of_work(cast.tenant) as other:
                indexes.add_index_values(
                    other, cast.tenant, name="CPI", values=[(day("2025-01-01"), Decimal(112))], at=AT
                )

        sa.event.listen(session, "before_flush", rival, once=True)
        with pytest.raises(Conflict, match="Somebody else"):
            indexes.add_index_values(
                session, cast.tenant, name="CPI", values=[(day("2025-01-01"), Decimal(113))], at=AT
            )
        assert indexes.names(session, cast.tenant) == ["CPI"]

    def test_shows_the_last_months_of_each_index(self, session: Session, cast: Cast) -> None:
        for name, months in (("CPI", ("2026-01-01", "2026-02-01", "2026-03-01")), ("HICP", ("2025-12-01",))):
            values = [(day(month), Decimal(100)) for month in months]
            indexes.add_index_values(session, cast.tenant, name=name, values=values, at=AT)
        shown = indexes.latest_values(session, cast.tenant, months=2)
        assert [(row.index_name, f"{row.month:%Y-%m}") for row in shown] == [
            ("CPI", "2026-03"),
            ("CPI", "2026-02"),
            ("HICP", "2025-12"),
        ]

    def test_is_never_retroactive_nor_too_late(self, session: Session, cast: Cast) -> None:
        for effective_on in ("2026-05-31", "2026-06-29"):
            with pytest.raises(InvalidInput) as refused:
                a_rise(session, cast, today=day("2026-06-01"), effective_on=day(effective_on))
            assert set(refused.value.fields) == {"effective_on"}


class TestAnnouncing:
    def test_records_who_is_told_and_refuses_a_late_day(self, session: Session, cast: Cast) -> None:
        rise = a_rise(session, cast, lines=2)
        for _ in range(2):
            rises.announce(session, cast.tenant, rise_id=rise.id, today=TODAY)
        (notice,) = session.scalars(sa.select(PriceRiseNotice))
        assert (notice.client_id, notice.lines, notice.more_a_month) == (
            cast.acme.id,
            2,
            Decimal("5.58"),  # 2 x 2.79
        )
        with pytest.raises(rises.RiseSettled):
            rises.drop_rise(session, cast.tenant, rise_id=rise.id)
        with pytest.raises(IntegrityError, match="announced_in_time"), session.begin_nested():
            session.execute(sa.update(PriceRise).values(announced_on=AHEAD))

    def test_mails_the_client_line_by_line(self, cast: Cast) -> None:
        with db.unit_of_work(cast.tenant) as session:
            rise = a_rise(session, cast, lines=2)
            rises.announce(session, cast.tenant, rise_id=rise.id, today=TODAY)
        job = {"partner_id": cast.northwind.id, "event_id": "evt_1", "rise_id": rise.id}
        rise_jobs.announce(client_id=cast.acme.id, **job)
        with db.unit_of_work(cast.tenant) as session:
            notice = session.scalars(sa.select(PriceRiseNotice)).one()
        assert notice.mailed_to == [cast.ada.email]
        assert notice.mailed_at is not None


class TestApplying:
    def test_amends_each_lease_once_from_the_announced_day(self, session: Session, cast: Cast) -> None:
        rise = a_rise(session, cast, lines=2)
        with pytest.raises(Conflict, match="Announce"):
            rises.start_applying(session, cast.tenant, rise_id=rise.id)
        rises.announce(session, cast.tenant, rise_id=rise.id, today=TODAY)
        for _ in range(2):
            apply(session, cast, rise)

        (amendment,) = session.scalars(sa.select(Amendment))
        assert (amendment.kind, amendment.effective_on, amendment.state) == ("price_change", AHEAD, "applied")
        agreed = session.scalars(sa.select(LineTerms).where(LineTerms.position == 1)).all()
        assert [row.unit_price for row in agreed] == [Decimal("95.79")] * 2
        assert {row.state for row in lines_of(session, rise)} == {"applied"}
        assert session.scalar(sa.select(PriceRise.state)) == "applied"

    def test_leaves_a_line_whose_price_was_changed_meanwhile(self, session: Session, cast: Cast) -> None:
        rise = a_rise(session, cast, lines=2)
        rises.announce(session, cast.tenant, rise_id=rise.id, today=TODAY)
        first = lines_of(session, rise)[0]
        session.execute(sa.update(Line).where(Line.id == first.line_id).values(unit_price=80))
        session.expire_all()
        apply(session, cast, rise)
        states = {row.line_id: row.state for row in lines_of(session, rise)}
        assert states.pop(first.line_id) == "skipped"
        assert set(states.values()) == {"applied"}

    def test_is_hidden_from_others(self, session: Session, cast: Cast) -> None:
        rise = a_rise(session, cast)
        with pytest.raises(NotFound):
            rises.get_rise(session, cast.stranger, rise_id=rise.id)
        db.change_scope(session, cast.acme_tenant)
        for table in (PriceRise, PriceRiseLine, PriceRiseNotice):
            assert session.scalars(sa.select(table)).all() == []

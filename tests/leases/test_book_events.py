"""Books in the database: several an asset, events that stay, plans in step, costs, hours, tax years."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from devices import partitions
from devices.telemetry_models import Device, Telemetry
from haas import clock, db
from haas.errors import Conflict, InvalidInput, NotFound
from haas.money import exponent
from haas.tenancy.models import Partner
from leases import book_events, book_plans, book_policies, books, costs, tax_years, usage
from leases.book_models import BookEventRow, DepreciationPlan
from leases.book_records import record_of
from leases.depreciation.plan import plan_of
from leases.models import DepreciationBook
from tests.cast import Cast
from tests.leases.fleet import InService, a_spare, day, lease_in_service

AT = datetime(2026, 3, 10, 15, 0, tzinfo=UTC)
TAX = {"method": "macrs", "recovery_years": 5}


@pytest.fixture
def made(session: Session, cast: Cast) -> InService:
    """A laptop of 1,200 with 10 percent residual value and 36 months, in service since 10 March 2026."""
    return lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=AT)


def keep(session: Session, cast: Cast, **policy: Any) -> None:
    """Set the partner's policy of depreciation."""
    session.get_one(Partner, cast.northwind.id).policies = {"depreciation": policy}
    session.flush()


def record(session: Session, cast: Cast, asset_id: str, kind: str, on: str, **figures: Any) -> BookEventRow:
    """An event of the financial book."""
    return book_events.record_event(
        session,
        cast.tenant,
        asset_id=asset_id,
        name="book",
        kind=kind,
        effective_on=day(on),
        figures=figures,
        reason="told",
    )


def value(session: Session, cast: Cast, asset_id: str, on: str, name: str = "book") -> Decimal:
    """Book value on a day."""
    return books.view_book(session, cast.tenant, asset_id=asset_id, as_of=day(on), name=name).value


class TestOpenBook:
    def test_opens_every_book_that_the_partner_keeps_by_its_own_conventions(
        self, session: Session, cast: Cast
    ) -> None:
        keep(session, cast, books={"tax": TAX, "margin": {"life_months": 24, "residual_pct": "25"}})
        asset_id = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=AT).assets[0].id

        views = books.view_books(session, cast.tenant, asset_id=asset_id, as_of=day("2026-12-31"))

        assert [view.book.name for view in views] == ["book", "tax", "margin"]
        # 1200 - 10 x 30; 1200 x 80 %; 1200 - 10 x 900 / 24
        assert [view.value for view in views] == [900, 960, 825]

    def test_goes_by_what_differs_for_the_hardware_model(
        self, session: Session, cast: Cast, made: InService
    ) -> None:
        book_policies.change_policy(
            session, cast.tenant, name="book", conventions={"life_months": 12}, model_id=made.model.id
        )
        again = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=AT)
        view = books.view_book(session, cast.tenant, asset_id=again.assets[0].id, as_of=day("2026-03-31"))
        assert view.book.life_months == 12

    def test_refuses_a_policy_that_no_book_can_be_kept_by(self, session: Session, cast: Cast) -> None:
        for conventions in ({"method": "macrs"}, {"method": "reducing_balance"}):
            with pytest.raises(InvalidInput, match="go together"):
                book_policies.change_policy(session, cast.tenant, name="tax", conventions=conventions)


class TestRecordEvent:
    def test_moves_the_value_and_keeps_row_and_plan_in_step(
        self, session: Session, cast: Cast, made: InService
    ) -> None:
        asset_id = made.assets[0].id
        record(session, cast, asset_id, "capitalise", "2026-05-10", amount=Decimal(100), extra_months=0)

        assert value(session, cast, asset_id, "2026-05-10") == 1240  # 1200 - 2 x 30 + 100
        found = record_of(session, cast.tenant, asset_id=asset_id)
        assert (found.book.cost, found.terms.cost) == (Decimal(1300), Decimal(1200))
        plan = session.get_one(DepreciationPlan, (cast.northwind.id, found.book.id))
        again = plan_of(found.history())
        assert (plan.first_month, plan.totals) == (again.first_month, list(again.totals))
        assert plan.places == exponent("USD")
        assert [move["kind"] for move in plan.movements] == ["open", "capitalise"]

    def test_shows_what_was_known_then(
        self, session: Session, cast: Cast, made: InService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asset_id, before = made.assets[0].id, clock.now()
        monkeypatch.setattr(clock, "now", lambda: before + timedelta(hours=1))
        record(session, cast, asset_id, "impair", "2026-04-01", amount=Decimal(500))
        told = {
            known: books.view_book(
                session, cast.tenant, asset_id=asset_id, as_of=day("2026-04-01"), known_at=known
            ).value
            for known in (before, before + timedelta(hours=1))
        }
        assert list(told.values()) == [1170, 670]
        with pytest.raises(NotFound):
            books.view_book(
                session, cast.tenant, asset_id=asset_id, as_of=day("2026-04-01"), known_at=AT - timedelta(1)
            )

    def test_previews_without_changing_anything(self, session: Session, cast: Cast, made: InService) -> None:
        asset_id = made.assets[0].id
        preview = book_events.preview_event(
            session,
            cast.tenant,
            asset_id=asset_id,
            name="book",
            kind="dispose",
            effective_on=day("2026-05-10"),
            figures={"proceeds": Decimal(1000)},
        )
        assert (preview.value_before, preview.value_after, preview.gain) == (
            Decimal(1140),
            Decimal(0),
            Decimal(-140),
        )
        assert value(session, cast, asset_id, "2026-05-31") == 1110

    def test_refuses_to_reverse_more_than_the_impairment_has_cost(
        self, session: Session, cast: Cast, made: InService
    ) -> None:
        asset_id = made.assets[0].id
        record(session, cast, asset_id, "impair", "2026-04-01", amount=Decimal(350))
        # By 1 March 2027 twelve of 36 months would have borne 360; of the 350 the lower charges took 110.
        with pytest.raises(InvalidInput, match="without any impairment") as refused:
            record(session, cast, asset_id, "reverse_impairment", "2027-03-01", amount=Decimal(350))
        assert set(refused.value.fields) == {"amount"}

    def test_stays_for_good_but_can_be_reversed_once(
        self, session: Session, cast: Cast, made: InService
    ) -> None:
        asset_id = made.assets[0].id
        event = record(session, cast, asset_id, "revalue", "2026-04-01", book_value=Decimal(500))
        book_events.reverse_event(
            session, cast.tenant, asset_id=asset_id, event_id=event.id, reason="the wrong asset"
        )
        assert value(session, cast, asset_id, "2026-04-01") == 1170
        with pytest.raises(Conflict, match="already"):
            book_events.reverse_event(session, cast.tenant, asset_id=asset_id, event_id=event.id, reason="")
        with pytest.raises(DBAPIError, match="permission denied"), session.begin_nested():
            session.execute(sa.update(BookEventRow).values(reason="forged"))

    def test_keeps_another_asset_of_the_event_out(
        self, session: Session, cast: Cast, made: InService
    ) -> None:
        event = record(session, cast, made.assets[0].id, "revalue", "2026-04-01", book_value=Decimal(500))
        other = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=AT).assets[0]
        with pytest.raises(NotFound):
            book_events.reverse_event(
                session, cast.tenant, asset_id=other.id, event_id=event.id, reason="not mine"
            )


class TestCloseBook:
    def test_takes_back_what_was_planned_for_days_on_which_it_is_gone(
        self, session: Session, cast: Cast, made: InService
    ) -> None:
        asset_id = made.assets[0].id
        record(session, cast, asset_id, "impair", "2026-09-01", amount=Decimal(100))
        outcomes = [
            books.close_book(
                session,
                cast.tenant,
                asset_id=asset_id,
                disposed_on=day("2026-05-10"),
                proceeds=Decimal(1000),
            )
            for _ in range(2)
        ]
        assert [outcome.gain for outcome in outcomes if outcome] == [-140, -140]  # 1000 - (1200 - 60)
        kinds = [row.kind for row, _ in book_events.list_events(session, cast.tenant, asset_id=asset_id)]
        assert kinds == ["dispose", "reverse", "impair"]


class TestSplit:
    def test_gives_the_other_asset_its_part_of_cost_and_depreciation(
        self, session: Session, cast: Cast, made: InService
    ) -> None:
        asset_id = made.assets[0].id
        dock = a_spare(session, cast.tenant, model=made.model, at=AT)
        whole = value(session, cast, asset_id, "2026-05-31")
        book_events.split_asset(
            session,
            cast.tenant,
            asset_id=asset_id,
            to_asset_id=dock.id,
            cost=Decimal(300),
            effective_on=day("2026-05-01"),
        )
        # A quarter of 1200 and of 60; the charges of May: 22.50 and 7.50.
        assert [value(session, cast, each, "2026-05-31") for each in (asset_id, dock.id)] == [
            Decimal("832.50"),
            Decimal("277.50"),
        ]
        assert whole == Decimal(1110)
        with pytest.raises(Conflict, match="books already"):
            book_events.split_asset(
                session,
                cast.tenant,
                asset_id=asset_id,
                to_asset_id=dock.id,
                cost=Decimal(1),
                effective_on=day("2026-06-01"),
            )

    def test_goes_on_by_the_rate_of_a_reducing_balance(self, session: Session, cast: Cast) -> None:
        keep(session, cast, method="reducing_balance", rate_pct="30")
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=AT)
        dock = a_spare(session, cast.tenant, model=made.model, at=AT)
        book_events.split_asset(
            session,
            cast.tenant,
            asset_id=made.assets[0].id,
            to_asset_id=dock.id,
            cost=Decimal(300),
            effective_on=day("2026-05-01"),
        )
        taken = record_of(session, cast.tenant, asset_id=dock.id).terms
        assert (taken.cost, taken.rate_pct, taken.factor) == (Decimal(300), Decimal(30), Decimal(2))


class TestPlans:
    def test_are_made_for_books_that_an_older_release_opened(
        self, session: Session, cast: Cast, made: InService
    ) -> None:
        session.execute(sa.delete(DepreciationPlan))
        assert book_plans.ensure_plans(session, cast.tenant) == 1
        assert book_plans.ensure_plans(session, cast.tenant) == 0


class TestRecordCost:
    def test_is_an_expense_below_the_threshold_and_adds_to_the_cost_from_it_on(
        self, session: Session, cast: Cast, made: InService
    ) -> None:
        keep(session, cast, repairs={"capitalise_from": "150.00"})
        asset_id = made.assets[0].id
        small, great = (
            costs.record_cost(
                session,
                cast.tenant,
                asset_id=asset_id,
                kind="repair",
                amount=Decimal(amount),
                warranty_recovered=Decimal(50),
                incurred_on=day("2026-05-10"),
            )
            for amount in ("199.99", "200.00")
        )
        assert (small.capitalised, great.capitalised, great.decided_by) == (False, True, "rule")
        assert value(session, cast, asset_id, "2026-05-10") == 1290  # 1200 - 60 + 150

    def test_before_the_first_service_is_in_the_cost_that_the_book_opens_with(
        self, session: Session, cast: Cast, made: InService
    ) -> None:
        spare = a_spare(session, cast.tenant, model=made.model, at=AT)
        costs.record_cost(
            session,
            cast.tenant,
            asset_id=spare.id,
            kind="freight",
            amount=Decimal(36),
            incurred_on=day("2026-03-01"),
        )
        book = books.open_book(session, cast.tenant, asset=spare, in_service_on=day("2026-04-01"), at=AT)
        assert book.cost == 1236

    def test_sent_twice_is_kept_once(self, session: Session, cast: Cast, made: InService) -> None:
        ids = {
            costs.record_cost(
                session,
                cast.tenant,
                asset_id=made.assets[0].id,
                kind="upgrade",
                amount=Decimal(80),
                incurred_on=day("2026-05-10"),
                capitalise=True,
                extra_months=6,
                idempotency_key="k-1",
            ).id
            for _ in range(2)
        }
        assert len(ids) == 1
        record = record_of(session, cast.tenant, asset_id=made.assets[0].id)
        assert (record.book.cost, record.book.life_months) == (Decimal(1280), 42)

    def test_refuses_a_warranty_that_pays_more(self, session: Session, cast: Cast, made: InService) -> None:
        with pytest.raises(InvalidInput, match="at most"):
            costs.record_cost(
                session,
                cast.tenant,
                asset_id=made.assets[0].id,
                kind="repair",
                amount=Decimal(10),
                warranty_recovered=Decimal(11),
                incurred_on=day("2026-05-10"),
            )


class TestFeedUsage:
    def test_writes_the_hours_of_the_month_and_leaves_what_a_person_said(
        self, session: Session, cast: Cast, made: InService
    ) -> None:
        asset_id = made.assets[0].id
        partitions.make_days([date(2026, 3, 31), date(2026, 4, 2), date(2026, 4, 29)])
        keep_by_hours(session, cast, asset_id)
        for at, hours in (("2026-03-31T12", 1000), ("2026-04-02T12", 1020), ("2026-04-29T12", 1200)):
            says(session, cast, asset_id, datetime.fromisoformat(f"{at}:00+00:00"), hours)
        today = day("2026-05-04")

        assert [usage.feed_usage(session, cast.tenant, today=today) for _ in range(2)] == [1, 0]
        # (1200 - 120) x 200 / 10800
        assert value(session, cast, asset_id, "2026-04-30") == 1180
        books.record_usage(
            session, cast.tenant, asset_id=asset_id, month=day("2026-04-30"), units=Decimal(300)
        )
        assert usage.feed_usage(session, cast.tenant, today=today) == 0
        assert value(session, cast, asset_id, "2026-04-30") == 1170


def keep_by_hours(session: Session, cast: Cast, asset_id: str) -> None:
    """Write it off over 10,800 hours."""
    books.change_conventions(
        session,
        cast.tenant,
        asset_id=asset_id,
        method="units",
        first_month="full",
        life_months=36,
        residual_value=Decimal(120),
        total_units=Decimal(10800),
    )


def says(session: Session, cast: Cast, asset_id: str, at: datetime, hours: int) -> None:
    """The device of the asset tells the hours of its disk."""
    device_id = f"dev_{asset_id[-12:]}"
    if session.get(Device, (cast.northwind.id, device_id)) is None:
        session.add(
            Device(
                partner_id=cast.northwind.id,
                id=device_id,
                asset_id=asset_id,
                epoch=1,
                secret_hash="x",
                command_key="x",
                hardware={},
                hardware_hash="x",
                every={},
                enrolled_at=AT,
                credentials_changed_at=AT,
            )
        )
        session.flush()
    session.execute(
        sa.insert(Telemetry).values(
            partner_id=cast.northwind.id,
            device_id=device_id,
            ts_eff=at,
            b=1,
            s=hours,
            kind="health",
            t=0,
            received_at=at,
            clock_bad=False,
            body={"disks": [{"id": "one", "power_on_h": hours}]},
        )
    )


class TestSettleTaxYear:
    def test_turns_to_mid_quarter_when_too_much_came_late(self, session: Session, cast: Cast) -> None:
        keep(session, cast, books={"tax": TAX})
        late = datetime(2026, 11, 10, 15, 0, tzinfo=UTC)
        early, tardy = (
            lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=at).assets[0].id
            for at in (AT, late)
        )
        assert value(session, cast, tardy, "2026-12-31", "tax") == 960  # half-year until the year is over

        for _ in range(2):
            choice = tax_years.settle_tax_year(session, cast.tenant, on=day("2026-12-31"))

        assert choice is not None
        assert choice.convention == "MQ"  # half of the basis came in the last quarter
        # Tables: 35 and 5 percent
        assert [value(session, cast, each, "2026-12-31", "tax") for each in (early, tardy)] == [780, 1140]
        events = session.scalar(sa.select(sa.func.count()).select_from(BookEventRow))
        assert events == 2

    def test_asks_nothing_of_a_year_without_such_property(self, session: Session, cast: Cast) -> None:
        assert tax_years.settle_tax_year(session, cast.tenant, on=day("2026-12-31")) is None


class TestTheDatabase:
    def test_keeps_a_book_from_being_known_by_other_words(self, cast: Cast) -> None:
        with db.unit_of_work(cast.tenant) as session:
            made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=AT)
            with pytest.raises(DBAPIError, match="macrs_has_its_class"), session.begin_nested():
                session.execute(
                    sa.update(DepreciationBook)
                    .where(DepreciationBook.asset_id == made.assets[0].id)
                    .values(method="macrs")
                )

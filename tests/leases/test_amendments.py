"""Amendments by the operations, and what the next billing run makes of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.orm import Session

from haas.errors import Conflict, InvalidInput, NotAllowed, NotFound
from haas.tenancy.models import Partner
from haas.tenancy.scope import scoped
from invoicing.billing import preview
from invoicing.end_charges import end_charges_of
from leases import operations, queries, returns
from leases.amendment_models import Amendment
from leases.amendments import operations as amendments
from leases.amendments.lines import bring_in
from leases.amendments.queries import amendments_of
from leases.amendments.wanted import Wanted
from leases.models import Lease, Line, ReturnOrder
from tests.cast import Cast
from tests.leases.fleet import InService, lease_in_service

ACCEPTED = datetime(2026, 1, 1, 15, 0, tzinfo=UTC)
JUNE = datetime(2026, 6, 10, 15, 0, tzinfo=UTC)
JULY_1, AUG_1 = date(2026, 7, 1), date(2026, 8, 1)


@pytest.fixture
def made(session: Session, cast: Cast) -> InService:
    """Four laptops at 100.00 a month from 1 January 2026 for 24 months; a quarter a year may go back free,
    with 30 days of notice; what leaves beyond that costs half of the remaining rents."""
    return lease_in_service(
        session,
        cast.tenant,
        client_id=cast.acme.id,
        accepted_at=ACCEPTED,
        lines=4,
        term_months=24,
        flex_down_pct=Decimal(25),
        early_return_policy="remaining_rents",
        early_return_pct=Decimal(50),
    )


@pytest.fixture
def pool(session: Session, cast: Cast) -> tuple[Lease, Line]:
    """A subscription: a pool of 20 devices at 30.00 each, from 1 June 2026."""
    agreement = operations.create_agreement(session, cast.tenant, client_id=cast.acme.id, at=ACCEPTED)
    lease = operations.draft_lease(
        session,
        cast.tenant,
        agreement_id=agreement.id,
        term_months=12,
        at=ACCEPTED,
        commercial_model="subscription",
    )
    line = operations.add_line(
        session,
        cast.tenant,
        lease_id=lease.id,
        at=ACCEPTED,
        kind="pooled",
        description="Laptops",
        quantity=Decimal(20),
        unit_price=Decimal("30.00"),
    )
    operations.quote(session, cast.tenant, lease_id=lease.id, valid_until=JULY_1, at=ACCEPTED)
    operations.accept(
        session, cast.tenant, lease_id=lease.id, signer="Ada", accepted_on=ACCEPTED.date(), at=ACCEPTED
    )
    operations.activate(session, cast.tenant, lease_id=lease.id, first_day=date(2026, 6, 1), at=JUNE)
    return lease, line


def amend(session: Session, cast: Cast, lease_id: str, kind: str, on: date, **wanted: Any) -> Amendment:
    at = wanted.pop("at", JUNE)
    return amendments.amend(
        session,
        cast.tenant,
        lease_id=lease_id,
        kind=kind,
        effective_on=on,
        wanted=Wanted(**wanted),
        at=at,
        reason="agreed",
    )


def due(session: Session, cast: Cast, as_of: date) -> Decimal:
    """What a run as of that day would bill Acme, nothing having been billed yet."""
    rows = preview(session, cast.tenant, as_of=as_of, client_ids=[cast.acme.id]).get(cast.acme.id, [])
    return sum((row.change.amount for row in rows), Decimal(0))


class TestScaleDown:
    def test_inside_the_allowance_costs_nothing(self, session, cast, made):
        amendment = amend(session, cast, made.lease.id, "scale_down", AUG_1, line_ids=(made.lines[0].id,))
        assert (amendment.state, amendment.charge, amendment.covered_lines) == ("applied", Decimal(0), 1)
        assert (
            queries.get_line(session, cast.tenant, lease_id=made.lease.id, line_id=made.lines[0].id).ends_on
            == AUG_1
        )
        # Seven months of 4 x 100.00; in August only three.
        assert due(session, cast, AUG_1) == Decimal("3100.00")

    def test_outside_of_it_costs_what_the_policy_says(self, session, cast, made):
        first, second, third = (line.id for line in made.lines[:3])
        amendment = amend(session, cast, made.lease.id, "scale_down", AUG_1, line_ids=(first, second, third))
        # 17 rents of 100.00 remain of each; half of them is 850.00; one of the three goes free.
        assert (amendment.charge, amendment.covered_lines) == (Decimal("1700.00"), 1)
        assert due(session, cast, AUG_1) == Decimal("4600.00")  # 7 x 400 + 100 + 1700

    def test_without_the_notice_is_outside_of_it(self, session, cast, made):
        amendment = amend(session, cast, made.lease.id, "scale_down", JULY_1, line_ids=(made.lines[0].id,))
        assert amendment.charge == Decimal("900.00")  # 18 rents of 100.00, half
        assert amendment.shown["allowance"]["notice_from"] == "2026-07-10"

    def test_counts_what_went_back_before_in_the_year(self, session, cast, made):
        amend(session, cast, made.lease.id, "scale_down", AUG_1, line_ids=(made.lines[0].id,))
        again = amend(session, cast, made.lease.id, "scale_down", AUG_1, line_ids=(made.lines[1].id,))
        assert again.charge == Decimal("850.00")

    def test_asks_the_device_back_and_is_paid_for_until_it_comes(self, session, cast, made):
        line, asset = made.lines[0], made.assets[0]
        amend(session, cast, made.lease.id, "scale_down", AUG_1, line_ids=(line.id,))
        order = session.scalars(
            scoped(ReturnOrder, cast.tenant).where(ReturnOrder.asset_id == asset.id)
        ).one()
        assert order.due_on == AUG_1
        late = datetime(2026, 8, 4, 15, 0, tzinfo=UTC)
        returns.collect(session, cast.tenant, return_id=order.id, at=late)
        returns.receive(session, cast.tenant, return_id=order.id, at=late, serial_seen=asset.serial)
        session.refresh(line)
        assert line.ends_on == date(2026, 8, 5)
        newest, first = amendments_of(session, cast.tenant, lease_id=made.lease.id)
        assert (newest.kind, newest.charge, newest.reason) == ("scale_down", Decimal(0), order.number)
        assert (newest.before[line.id]["ends_on"], newest.after[line.id]["ends_on"]) == (
            "2026-08-01",
            "2026-08-05",
        )
        assert first.covered_lines == 1

    def test_is_a_receipt_before_the_end_without_any_other(self, session, cast, made):
        asset = made.assets[0]
        made.lines[0].tax_class = "reduced"
        order = returns.request_return(
            session,
            cast.tenant,
            asset_id=asset.id,
            reason="too many",
            notice_on=JUNE.date(),
            due_on=JUNE.date(),
            at=JUNE,
        )
        returns.collect(session, cast.tenant, return_id=order.id, at=JUNE)
        at = datetime(2026, 6, 30, 15, 0, tzinfo=UTC)
        returns.receive(session, cast.tenant, return_id=order.id, at=at, serial_seen=asset.serial)
        (amendment,) = amendments_of(session, cast.tenant, lease_id=made.lease.id)
        assert (amendment.charge, amendment.charge_kind) == (Decimal("900.00"), "early_return")
        [charge] = end_charges_of(session, cast.tenant, client_ids=[cast.acme.id])
        assert (charge.amount, charge.tax_class) == (Decimal("900.00"), "reduced")  # as its rent was

    def test_of_a_pool_is_to_the_day_and_free(self, session, cast, pool):
        lease, line = pool
        amendment = amend(
            session,
            cast,
            lease.id,
            "scale_down",
            date(2026, 6, 16),
            line_ids=(line.id,),
            quantity=Decimal(10),
        )
        assert amendment.charge == 0
        assert due(session, cast, date(2026, 6, 1)) == Decimal("450.00")  # 600 x 15/30 + 300 x 15/30

    def test_names_the_field_that_cannot_be(self, session, cast, made, pool):
        lease, line = pool
        for kind, on, wanted, field in (
            ("scale_down", AUG_1, {}, "line_ids"),
            ("scale_down", date(2025, 1, 1), {"line_ids": (line.id,)}, "effective_on"),
            ("scale_down", AUG_1, {"line_ids": (line.id,), "quantity": Decimal(21)}, "quantity"),
            ("scale_up", AUG_1, {"line_ids": (line.id,), "quantity": Decimal(20)}, "quantity"),
            ("scale_up", AUG_1, {"count": 2}, "model_id"),
            ("price_change", AUG_1, {}, "unit_price"),
            ("move", AUG_1, {}, "site_id"),
            ("renew", AUG_1, {}, "months"),
            ("abate", AUG_1, {"line_ids": (line.id,)}, "last_day"),
            ("nonsense", AUG_1, {}, "kind"),
        ):
            with pytest.raises(InvalidInput) as refused:
                amend(session, cast, lease.id, kind, on, **wanted)
            assert list(refused.value.fields) == [field]
        with pytest.raises(NotFound):
            amend(session, cast, lease.id, "scale_down", AUG_1, line_ids=(made.lines[0].id,))
        assert amendments_of(session, cast.tenant, lease_id=lease.id) == []


class TestTheOtherKinds:
    def test_scale_up_of_a_pool_is_prorated(self, session, cast, pool):
        lease, line = pool
        on = date(2026, 6, 21)
        amend(session, cast, lease.id, "scale_up", on, line_ids=(line.id,), quantity=Decimal(29))
        assert due(session, cast, date(2026, 6, 1)) == Decimal("690.00")  # 600 + 9 x 30 x 10/30
        assert (line.quantity, due(session, cast, JULY_1)) == (20, Decimal("1560.00"))  # 690 + 870
        assert bring_in(session, cast.tenant, today=on) == 1
        assert (line.quantity, bring_in(session, cast.tenant, today=on)) == (29, 0)

    def test_scale_up_adds_places_at_the_rate_of_the_model(self, session, cast, made):
        for line in made.lines:
            line.tax_class = "reduced"
        amendment = amend(session, cast, made.lease.id, "scale_up", JULY_1, model_id=made.model.id, count=2)
        lines = queries.get_lease(session, cast.tenant, lease_id=made.lease.id).lines
        assert len(lines) == 6
        assert {row.tax_class for row in lines} == {"reduced"}  # taxed as those that stand there
        assert {row.unit_price for row in lines} == {Decimal(100)}
        assert sorted(amendment.after) == sorted(amendment.line_ids)
        assert due(session, cast, JULY_1) == Decimal("2800.00")  # nothing for places without a device

    def test_price_change_holds_from_its_day(self, session, cast, made):
        amendment = amend(session, cast, made.lease.id, "price_change", JULY_1, change_pct=Decimal(3))
        assert due(session, cast, JULY_1) == Decimal("2812.00")  # 6 x 400 + 412
        line = made.lines[0].id
        assert (amendment.before[line]["unit_price"], amendment.after[line]["unit_price"]) == ("100", "103")

    def test_a_price_agreed_for_later_outlives_a_change_of_quantity_and_a_quantity_one_of_price(
        self, session, cast, pool
    ):
        lease, line = pool
        amend(
            session,
            cast,
            lease.id,
            "price_change",
            date(2026, 9, 1),
            line_ids=(line.id,),
            unit_price=Decimal(33),
        )
        amend(session, cast, lease.id, "scale_down", AUG_1, line_ids=(line.id,), quantity=Decimal(10))
        # June and July 20 x 30.00, August 10 x 30.00, September 10 x 33.00
        assert due(session, cast, date(2026, 9, 1)) == Decimal("1830.00")
        amend(session, cast, lease.id, "price_change", JULY_1, line_ids=(line.id,), unit_price=Decimal(31))
        # June 20 x 30.00, July 20 x 31.00, August and September 10 x 31.00: agreed last
        assert due(session, cast, date(2026, 9, 1)) == Decimal("1840.00")

    def test_co_term_makes_the_lease_end_with_another(self, session, cast, made):
        amend(session, cast, made.lease.id, "co_term", JULY_1, last_day=date(2028, 6, 30))
        assert made.lease.ends_on == date(2028, 7, 1)

    def test_terminate_ends_the_lease_before_its_time_for_the_charge(self, session, cast, made):
        on = date(2027, 12, 1)
        amendment = amend(session, cast, made.lease.id, "terminate", on)
        # One rent of 100.00 remains of each of four; one goes free; 3 x 50.00.
        assert (amendment.charge, amendment.covered_lines) == (Decimal("150.00"), 1)
        assert (made.lease.state, made.lease.ends_on) == ("ending", on)
        assert len(session.scalars(scoped(ReturnOrder, cast.tenant)).all()) == 4

    def test_terminate_closes_a_lease_without_hardware(self, session, cast, pool):
        lease, _ = pool
        amend(session, cast, lease.id, "terminate", JUNE.date())
        assert lease.state == "closed"
        assert due(session, cast, JULY_1) == Decimal("180.00")  # 600 x 9/30

    def test_abate_takes_the_rent_of_days_off(self, session, cast, made):
        line = made.lines[0].id
        wanted = {"line_ids": (line,), "last_day": date(2026, 6, 15)}
        amendment = amend(session, cast, made.lease.id, "abate", date(2026, 6, 10), **wanted)
        assert amendment.after[line]["abated_days"] == 6
        assert due(session, cast, date(2026, 6, 1)) == Decimal("2380.00")  # 100 x 6/30 less
        with pytest.raises(Conflict, match="abated already"):
            amend(session, cast, made.lease.id, "abate", date(2026, 6, 15), **wanted)

    def test_move_takes_the_devices_along(self, session, cast, made):
        today = JUNE.date()
        amendment = amend(session, cast, made.lease.id, "move", today, site_id=cast.acme_site.id)
        assert made.lease.site_id == cast.acme_site.id
        assert amendment.after["lease"]["site_id"] == cast.acme_site.id

    def test_a_rental_ends_by_notice_alone(self, session, cast):
        made = lease_in_service(
            session,
            cast.tenant,
            client_id=cast.acme.id,
            accepted_at=ACCEPTED,
            notice_days=14,
            early_return_policy="remaining_rents",
            early_return_pct=Decimal(100),
        )
        made.lease.commercial_model = "rental"
        session.flush()
        with pytest.raises(InvalidInput, match="2026-06-24 at the earliest"):
            amend(session, cast, made.lease.id, "terminate", date(2026, 6, 20))
        assert amend(session, cast, made.lease.id, "terminate", date(2026, 6, 24)).charge == 0


class TestItsWay:
    def ask(self, session: Session, cast: Cast, made: InService, **more: Any) -> Amendment:
        wanted = Wanted(line_ids=(made.lines[0].id, made.lines[1].id))
        return amendments.request_amendment(
            session,
            cast.tenant,
            lease_id=made.lease.id,
            kind="scale_down",
            effective_on=AUG_1,
            wanted=wanted,
            at=JUNE,
            **more,
        )

    def test_shows_the_charge_and_changes_nothing_until_it_is_approved(self, session, cast, made):
        before = due(session, cast, AUG_1)
        asked = self.ask(session, cast, made)
        assert (asked.state, asked.charge, asked.covered_lines) == ("draft", Decimal("850.00"), 1)
        assert due(session, cast, AUG_1) == before
        done = amendments.approve(session, cast.tenant, amendment_id=asked.id, at=JUNE)
        assert (done.state, done.charge) == ("applied", Decimal("850.00"))
        assert amendments.approve(session, cast.tenant, amendment_id=asked.id, at=JUNE) is done

    def test_is_refused_when_it_would_cost_something_else_by_now(self, session, cast, made):
        asked = self.ask(session, cast, made)
        amend(session, cast, made.lease.id, "scale_down", AUG_1, line_ids=(made.lines[3].id,))
        with pytest.raises(amendments.FiguresChanged), session.begin_nested():
            amendments.approve(session, cast.tenant, amendment_id=asked.id, at=JUNE)

    def test_may_need_four_eyes(self, session, cast, made):
        session.get_one(Partner, cast.tenant.partner_id).policies = {"amendment_four_eyes": True}
        session.flush()
        waiting = amend(session, cast, made.lease.id, "renew", AUG_1, months=12)
        assert waiting.state == "draft"
        with pytest.raises(NotAllowed):
            amendments.approve(session, cast.tenant, amendment_id=waiting.id, at=JUNE)

    def test_can_be_turned_down_or_taken_back_once(self, session, cast, made):
        asked = self.ask(session, cast, made)
        with pytest.raises(InvalidInput):
            amendments.reject(session, cast.tenant, amendment_id=asked.id, reason=" ", at=JUNE)
        amendments.reject(session, cast.tenant, amendment_id=asked.id, reason="not now", at=JUNE)
        with pytest.raises(Conflict):
            amendments.withdraw(session, cast.tenant, amendment_id=asked.id, at=JUNE)

    def test_counts_once_however_often_it_is_sent(self, session, cast, made):
        assert self.ask(session, cast, made, idempotency_key="k") is self.ask(
            session, cast, made, idempotency_key="k"
        )

    def test_keeps_out_of_closed_books(self, session, cast, made):
        session.get_one(Partner, cast.tenant.partner_id).policies = {"books_locked_until": "2026-05-31"}
        session.flush()
        with pytest.raises(InvalidInput, match="closed up to 2026-05-31"):
            amend(session, cast, made.lease.id, "price_change", date(2026, 5, 31), change_pct=Decimal(3))

    def test_gives_back_what_was_billed_too_much(self, session, cast, made):
        amend(session, cast, made.lease.id, "price_change", date(2026, 6, 1), change_pct=Decimal(-10))
        assert due(session, cast, date(2026, 6, 1)) == Decimal("2360.00")  # 5 x 400 + 360

    def test_of_notice_renewal_and_withdrawal_leaves_its_row_too(self, session, cast, made):
        day = timedelta(days=1)
        operations.give_notice(session, cast.tenant, lease_id=made.lease.id, noticed_on=JUNE.date(), at=JUNE)
        operations.withdraw_notice(session, cast.tenant, lease_id=made.lease.id, at=JUNE + day)
        operations.renew(session, cast.tenant, lease_id=made.lease.id, months=12, at=JUNE + day)
        rows = amendments_of(session, cast.tenant, lease_id=made.lease.id)
        assert [row.kind for row in reversed(rows)] == ["terminate", "terminate", "renew"]
        assert (rows[0].before["lease"]["ends_on"], rows[0].after["lease"]["ends_on"]) == (
            "2028-01-01",
            "2029-01-01",
        )

"""What becomes of each device is chosen at a price that is kept, and carried out."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy.orm import Session

from haas import db
from haas.errors import Conflict, InvalidInput, NotFound
from haas.tenancy.models import Partner
from haas.tenancy.scope import scoped
from invoicing.end_charges import end_charges_of
from leases import client_requests, queries
from leases.ends import choices
from leases.ends.choices import Wish
from leases.ends.models import EndChoice
from leases.ends.policy import POLICY, Option
from tests.cast import Cast
from tests.invoicing.world import a_rate, bill
from tests.leases.fleet import InService, day, lease_in_service

AT = datetime(2026, 3, 1, 15, 0, tzinfo=UTC)  # three months: the client may choose until 2 May
NOW = datetime(2026, 4, 20, 15, 0, tzinfo=UTC)


@pytest.fixture
def made(session: Session, cast: Cast) -> InService:
    """Three laptops of 1,200 at 100.00 a month."""
    a_rate(session, cast.tenant)
    return lease_in_service(
        session, cast.tenant, client_id=cast.acme.id, accepted_at=AT, term_months=3, lines=3
    )


def choose(session: Session, cast: Cast, made: InService, *options: Option, on: str = "2026-04-20") -> None:
    """As Ada chooses, line by line."""
    client_requests.choose_end(
        session,
        cast.acme_tenant,
        lease_id=made.lease.id,
        wishes=[Wish(line.id, option) for line, option in zip(made.lines, options, strict=False)],
        today=day(on),
        at=NOW,
    )
    db.change_scope(session, cast.tenant)


class TestOptionsOf:
    def test_name_each_devices_prices_at_the_end(self, session: Session, cast: Cast, made: InService) -> None:
        offered = choices.options_of(session, cast.tenant, lease=made.lease)
        assert (offered.choose_until, offered.undecided) == (day("2026-05-02"), 3)
        device = offered.devices[0]
        # After three months: 1,200 x 90 percent; a renewal at 70 percent of 100.00.
        assert (device.price and device.price.amount, device.rent, device.months) == (
            Decimal("1080.00"),
            Decimal("70.00"),
            12,
        )


class TestChoose:
    def test_keeps_the_price_that_was_shown_and_the_last_word(
        self, session: Session, cast: Cast, made: InService
    ) -> None:
        choose(session, cast, made, Option.RETURN)
        choose(session, cast, made, Option.BUY)
        session.get_one(Partner, cast.northwind.id).policies = {POLICY: {"buyout_method": "nominal"}}
        (standing,) = choices.standing_choices(session, cast.tenant, lease_id=made.lease.id)
        assert (standing.option, standing.price, standing.chosen_by) == (
            "buy",
            Decimal("1080.00"),
            cast.ada.id,
        )
        states = session.scalars(
            scoped(EndChoice, cast.tenant)
            .where(EndChoice.lease_id == made.lease.id)
            .with_only_columns(EndChoice.state)
        )
        assert sorted(states) == ["chosen", "replaced"]

    def test_is_the_clients_until_its_last_day_and_the_partners_after(
        self, session: Session, cast: Cast, made: InService
    ) -> None:
        choose(session, cast, made, Option.RETURN, on="2026-05-02")
        with pytest.raises(Conflict, match="until 2026-05-02"):
            choose(session, cast, made, Option.BUY, on="2026-05-03")
        wish = [Wish(made.lines[0].id, Option.BUY)]
        db.change_scope(session, cast.tenant)
        choices.choose(
            session, cast.tenant, lease_id=made.lease.id, wishes=wish, today=day("2026-05-03"), at=NOW
        )

    def test_of_a_line_without_a_device_or_a_strangers_lease_is_refused(
        self, session: Session, cast: Cast, made: InService
    ) -> None:
        with pytest.raises(InvalidInput):
            choices.choose(
                session,
                cast.tenant,
                lease_id=made.lease.id,
                wishes=[Wish("lin_none", Option.BUY)],
                today=day("2026-04-20"),
                at=NOW,
            )
        with pytest.raises(NotFound):
            client_requests.choose_end(
                session, cast.stranger, lease_id=made.lease.id, wishes=[], today=day("2026-04-20"), at=NOW
            )


class TestCarryOut:
    def carry_out(self, session: Session, cast: Cast, made: InService) -> choices.CarriedOut:
        return choices.carry_out(
            session, cast.tenant, lease_id=made.lease.id, today=day("2026-05-10"), at=NOW
        )

    def test_orders_back_sells_and_renews_at_the_new_rent_once(
        self, session: Session, cast: Cast, made: InService
    ) -> None:
        choose(session, cast, made, Option.RENEW, Option.BUY, Option.RETURN)
        outcome = self.carry_out(session, cast, made)
        assert (len(outcome.done), outcome.waiting) == (3, [])
        assert self.carry_out(session, cast, made).done == []
        lease = queries.get_lease(session, cast.tenant, lease_id=made.lease.id)
        assert (lease.ends_on, lease.lines[1].ends_on) == (day("2027-06-01"), day("2026-06-01"))
        (order,) = queries.returns_of(session, cast.tenant, lease_id=made.lease.id)
        assert (order.asset_id, order.due_on) == (made.assets[2].id, day("2026-06-01"))
        (charge,) = end_charges_of(session, cast.tenant, client_ids=[cast.acme.id])
        assert (charge.amount, charge.day) == (Decimal("1080.00"), day("2026-06-01"))
        bill(session, cast.tenant, day("2026-05-01"))
        (june,) = bill(session, cast.tenant, day("2026-06-01"))
        # 70.00 for what is renewed, 100.00 for what has not come back yet, 1,080.00 for what is bought.
        assert june.net_total == Decimal("1250.00")

    def test_renews_nothing_while_something_is_undecided(
        self, session: Session, cast: Cast, made: InService
    ) -> None:
        choose(session, cast, made, Option.RENEW, Option.REFRESH)
        outcome = self.carry_out(session, cast, made)
        assert sorted(why for _, why in outcome.waiting) == ["refresh", "undecided"]
        assert queries.get_lease(session, cast.tenant, lease_id=made.lease.id).ends_on == day("2026-06-01")

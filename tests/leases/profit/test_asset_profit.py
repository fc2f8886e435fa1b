"""The profit of one asset: to a date, to the end, split by a swap, and the chart's months."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from haas.calendar import add_months
from haas.errors import NotFound
from leases import operations, queries, swaps
from leases.contract import stays_of, terms_of
from leases.profit.asset import profit_of
from leases.profit.facts import AssetFacts, Charge, ChargeKind, Curve, Place, Rents
from leases.profit.queries import view_asset_profit, yields_of
from leases.schedule import rent_due, rent_schedule, split_by_serial
from leases.terms import LeaseTerms, Timing
from tests.cast import Cast
from tests.leases.fleet import a_spare, day, lease_in_service

SIGNED = datetime(2026, 3, 1, 15, 0, tzinfo=UTC)
HERE = Place("lse_1", "cli_1")


def facts(
    *, rents: list[tuple[str, str]], value: str = "0", cost: str = "100", charges: tuple[Charge, ...] = ()
) -> AssetFacts:
    """An asset bought on 1 January that is written down to `value` at the end of that month."""
    paid = tuple((day(due_on), Decimal(amount)) for due_on, amount in rents)
    last = paid[-1][0] if paid else day("2026-01-01")
    return AssetFacts(
        id="ast_1",
        tag="NOR-1",
        model_id="hwm_1",
        model_name="ThinkPad",
        category="laptop",
        currency="USD",
        acquired_on=day("2026-01-01"),
        in_service_on=day("2026-01-01"),
        worth=Curve(Decimal(cost), day("2026-01-01"), [day("2026-01-31")], [Decimal(value)]),
        rents=[Rents(HERE, "USD", paid, last)] if paid else [],
        charges=charges,
    )


class TestProfit:
    def test_is_rent_and_damages_less_costs_and_lost_value(self) -> None:
        charges = (
            Charge(day("2026-02-10"), ChargeKind.DAMAGE, Decimal(15), HERE),
            Charge(day("2026-02-11"), ChargeKind.COST, Decimal(-7), HERE),
        )
        profit = profit_of(
            facts(rents=[("2026-01-01", "30"), ("2026-02-01", "30")], value="60", charges=charges),
            as_of=day("2026-02-28"),
        )

        assert profit.to_date.margin == Decimal(28)  # 60 rent + 15 - 7 - (100 - 60)
        assert profit.to_date.cash == Decimal(-32)  # 60 + 15 - 7 - 100

    def test_comes_out_of_the_red_in_the_month_in_which_its_cash_does(self) -> None:
        rents = [("2026-01-01", "40"), ("2026-02-01", "40"), ("2026-03-01", "20"), ("2026-04-01", "20")]

        profit = profit_of(facts(rents=rents), as_of=day("2026-01-15"))

        assert profit.payback == day("2026-03-31")  # 40 + 40 + 20 = 100
        assert [point.cash for point in profit.months] == [-60, -20, 0, 20]
        assert profit.rent_ahead == Decimal(80)

    def test_never_pays_back_what_the_rent_does_not_cover(self) -> None:
        profit = profit_of(facts(rents=[("2026-01-01", "40")]), as_of=day("2026-01-15"))

        assert profit.payback is None

    def test_yields_what_a_spreadsheet_says(self) -> None:
        # 100 out, 110 in a year later: ten percent.
        yields = yields_of(profit_of(facts(rents=[("2027-01-01", "110")]), as_of=day("2027-01-01")))

        assert yields.to_end == pytest.approx(Decimal("0.10"))

    def test_of_what_was_never_in_service_is_nothing(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=SIGNED)
        spare = a_spare(session, cast.tenant, model=made.model, at=SIGNED)

        profit = view_asset_profit(session, cast.tenant, asset_id=spare.id, as_of=day("2027-01-01"))

        assert (profit.to_date.value, profit.to_date.margin) == (Decimal(1200), Decimal(0))
        assert yields_of(profit).to_end == 0  # it is still worth what it cost

    def test_of_another_partner_is_not_found(self, session: Session, cast: Cast) -> None:
        with pytest.raises(NotFound):
            view_asset_profit(session, cast.tenant, asset_id="ast_none", as_of=day("2027-01-01"))


@st.composite
def leased(draw: st.DrawFn) -> AssetFacts:
    """An asset on one lease for its whole term, in advance or in arrears, from any day on."""
    start = draw(st.dates(date(2024, 1, 1), date(2026, 12, 31)))
    terms = LeaseTerms(
        commences_on=start,
        term_months=draw(st.integers(1, 30)),
        rent=Decimal(draw(st.integers(0, 9999))) / 100,
        currency="USD",
        timing=draw(st.sampled_from(list(Timing))),
        anchor_day=draw(st.integers(1, 31)),
        interval_months=draw(st.sampled_from([1, 3])),
    )
    paid = tuple((each.due_on, each.amount) for each in rent_schedule(terms, start))
    months = [add_months(start.replace(day=1), each) - timedelta(days=1) for each in range(1, 25)]
    values = [Decimal(1000) - 40 * (each + 1) for each in range(24)]
    last = terms.base_end - timedelta(days=1)
    # What falls due by any day is what the schedule says: no rule of this module's own.
    assert list(paid) == [
        (p.due_on, p.amount) for p in rent_due(terms, start, terms.base_end, last + timedelta(days=1))
    ]
    return AssetFacts(
        "ast", "T", "m", "M", "laptop", "USD", start, start,
        worth=Curve(Decimal(1000), start, months, values),
        rents=[Rents(HERE, "USD", paid, last)],
    )  # fmt: skip


class TestMarginToTheEnd:
    @given(leased(), st.integers(0, 1000))
    @settings(max_examples=60, deadline=None)
    def test_is_the_margin_on_the_last_day_when_nothing_changes(self, asset: AssetFacts, days: int) -> None:
        end = profit_of(asset, as_of=asset.acquired_on).end
        some_day = min(asset.acquired_on + timedelta(days=days), end)

        expected = profit_of(asset, as_of=end)

        assert profit_of(asset, as_of=some_day).to_end == expected.to_end == expected.to_date
        assert expected.months[-1].margin == expected.to_date.margin

    @pytest.mark.parametrize("timing", ["advance", "arrears"])
    def test_of_a_real_lease_holds_too(self, session: Session, cast: Cast, timing: str) -> None:
        made = lease_in_service(
            session, cast.tenant, client_id=cast.acme.id, accepted_at=SIGNED, term_months=12, timing=timing
        )
        asked: dict[str, Any] = {"asset_id": made.assets[0].id}
        early = view_asset_profit(session, cast.tenant, as_of=day("2026-05-15"), **asked)
        late = view_asset_profit(session, cast.tenant, as_of=early.end, **asked)

        assert early.to_end.rent == Decimal("1200.00")  # twelve months of 100.00 from 1 March
        assert early.to_end.margin == Decimal("840.00")  # less twelve months of 30.00
        assert late.to_date.margin == early.to_end.margin


class TestSwap:
    def test_splits_the_profit_between_two_assets_to_the_cent(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(
            session, cast.tenant, client_id=cast.acme.id, accepted_at=SIGNED, rent="99.99"
        )
        spare = a_spare(session, cast.tenant, model=made.model, at=SIGNED)
        swaps.swap_asset(
            session,
            cast.tenant,
            outgoing_id=made.assets[0].id,
            incoming_id=spare.id,
            reason="fault",
            at=datetime(2026, 4, 11, 15, 0, tzinfo=UTC),
        )
        as_of = day("2026-05-31")
        old, new = (
            view_asset_profit(session, cast.tenant, asset_id=asset_id, as_of=as_of)
            for asset_id in (made.assets[0].id, spare.id)
        )

        assert old.to_date.rent == Decimal("133.32")  # March, and 10 of April's 30 days: 33.33
        assert new.to_date.rent == Decimal("166.65")  # 66.66 for 20 days, and May
        assert old.to_date.rent + new.to_date.rent == 3 * Decimal("99.99")
        assert old.to_date.margin == Decimal("43.32")  # less March to May at 30.00
        assert new.to_date.margin == Decimal("106.65")  # less April and May
        assert old.rent_ahead == 0
        assert new.end == day("2029-02-28")

    def test_is_the_rent_of_the_assets_days_as_invoices_split_it(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=SIGNED)
        operations.give_notice(
            session, cast.tenant, lease_id=made.lease.id, noticed_on=day("2026-09-20"), at=SIGNED
        )
        as_of = day("2026-12-15")
        line = made.lines[0]
        agreement = queries.get_agreement(session, cast.tenant, agreement_id=made.lease.agreement_id)
        terms = terms_of(made.lease, line, agreement)
        rows = queries.assignments_by_line(session, cast.tenant, line_ids=[line.id])[line.id]
        stays = stays_of(rows, time_zone=made.lease.time_zone)
        shares = [
            share
            for payment in rent_due(terms, day("2026-03-01"), line.ends_on, as_of)
            for share in split_by_serial(payment.amount, payment.period, stays, currency="USD")
            if share.serial == made.assets[0].serial
        ]

        profit = view_asset_profit(session, cast.tenant, asset_id=made.assets[0].id, as_of=as_of)

        assert profit.to_date.rent == sum(share.amount for share in shares) == Decimal("1000.00")

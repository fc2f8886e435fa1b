"""A funder is registered, funds a lease once at a time, is paid once for each payment, and back early."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.errors import Conflict, InvalidInput, NotFound
from haas.lifecycle import IllegalMove
from haas.outbox import OutboxEvent
from leases import operations as lease_operations
from leases.funding import operations, queries
from leases.funding.models import Funding
from leases.funding.operations import Agreed
from tests.cast import Cast
from tests.leases.fleet import InService, lease_in_service

AT = datetime(2026, 3, 1, 15, 0, tzinfo=UTC)
TERMS = Agreed(amount=Decimal(1000), annual_rate_pct=Decimal(12))


@pytest.fixture
def leased(session: Session, cast: Cast) -> InService:
    """A laptop for 100.00 a month in advance, twelve months from 1 March."""
    return lease_in_service(
        session, cast.tenant, client_id=cast.acme.id, accepted_at=AT, rent="100.00", term_months=12
    )


@pytest.fixture
def funding(session: Session, cast: Cast, leased: InService) -> Funding:
    """1,000 at 12 % nominal, paid back with the rents."""
    funder = operations.register_funder(session, cast.tenant, name="Elm Leasing", at=AT)
    return operations.fund_lease(
        session, cast.tenant, lease_id=leased.lease.id, funder_id=funder.id, agreed=TERMS, at=AT
    )


class TestFunder:
    def test_has_a_name_of_its_own(self, session: Session, cast: Cast) -> None:
        operations.register_funder(session, cast.tenant, name=" Elm Leasing ", at=AT)
        with pytest.raises(InvalidInput, match="already"):
            operations.register_funder(session, cast.tenant, name="elm leasing", at=AT)
        with pytest.raises(InvalidInput, match="Name the funder"):
            operations.register_funder(session, cast.tenant, name=" ", at=AT)

    def test_funds_nothing_once_it_is_archived(self, session: Session, cast: Cast, leased: InService) -> None:
        funder = operations.register_funder(session, cast.tenant, name="Elm Leasing", at=AT)
        operations.change_funder(
            session, cast.tenant, funder_id=funder.id, at=AT, name="Elm Leasing", archived=True
        )
        assert list(session.scalars(queries.list_funders(cast.tenant))) == []
        with pytest.raises(InvalidInput, match="archived"):
            operations.fund_lease(
                session, cast.tenant, lease_id=leased.lease.id, funder_id=funder.id, agreed=TERMS, at=AT
            )


class TestFundLease:
    def test_takes_what_is_left_out_from_the_lease(self, funding: Funding) -> None:
        assert (funding.payments, funding.interval_months, funding.timing) == (12, 1, "advance")
        assert funding.starts_on == date(2026, 3, 1)
        # 1,000 / annuity-due of 12 at 1 %: 1,000 / (11.25508 x 1.01)
        assert funding.payment == Decimal("87.97")

    def test_finds_the_rate_in_a_payment(self, session: Session, cast: Cast, leased: InService) -> None:
        view = operations.preview_funding(
            session,
            cast.tenant,
            lease_id=leased.lease.id,
            agreed=Agreed(amount=Decimal(1000), payment=Decimal("87.97")),
            as_of=AT.date(),
        )
        assert view.terms.annual_rate.quantize(Decimal("0.0001")) == Decimal("0.1200")
        assert view.margin.total == 12 * (100 - Decimal("87.97"))
        assert session.scalar(sa.select(sa.func.count()).select_from(Funding)) == 0

    def test_is_done_once_at_a_time(
        self, session: Session, cast: Cast, leased: InService, funding: Funding
    ) -> None:
        with pytest.raises(operations.AlreadyFunded, match="funded already"):
            operations.fund_lease(
                session,
                cast.tenant,
                lease_id=leased.lease.id,
                funder_id=funding.funder_id,
                agreed=TERMS,
                at=AT,
            )

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            (Agreed(amount=Decimal(0), annual_rate_pct=Decimal(5)), "amount"),
            (Agreed(amount=Decimal("10.001"), annual_rate_pct=Decimal(5)), "amount"),
            (Agreed(amount=Decimal(10)), "annual_rate_pct"),
            (Agreed(amount=Decimal(10), annual_rate_pct=Decimal(5), payment=Decimal(5)), "annual_rate_pct"),
            (Agreed(amount=Decimal(10), annual_rate_pct=Decimal(5), balloon=Decimal(10)), "balloon"),
            (Agreed(amount=Decimal(1000), payment=Decimal(1)), "payment"),
        ],
    )
    def test_names_the_field_of_terms_that_do_not_go_together(
        self, session: Session, cast: Cast, leased: InService, wrong: Agreed, field: str
    ) -> None:
        with pytest.raises(InvalidInput) as refusal:
            operations.preview_funding(
                session, cast.tenant, lease_id=leased.lease.id, agreed=wrong, as_of=AT.date()
            )
        assert list(refusal.value.fields) == [field]

    def test_is_refused_for_what_may_end_at_any_time(
        self, session: Session, cast: Cast, leased: InService
    ) -> None:
        leased.lease.commercial_model = "rental"
        session.flush()
        with pytest.raises(operations.NotFundable, match="at any time"):
            operations.preview_funding(
                session, cast.tenant, lease_id=leased.lease.id, agreed=TERMS, as_of=AT.date()
            )

    def test_is_refused_before_the_client_accepts(
        self, session: Session, cast: Cast, leased: InService
    ) -> None:
        draft = lease_operations.draft_lease(
            session, cast.tenant, agreement_id=leased.agreement.id, term_months=12, at=AT
        )
        with pytest.raises(operations.NotFundable, match="draft"):
            operations.preview_funding(session, cast.tenant, lease_id=draft.id, agreed=TERMS, as_of=AT.date())


class TestRecordPayment:
    def test_counts_once_however_often_it_is_said(
        self, session: Session, cast: Cast, funding: Funding
    ) -> None:
        for _ in range(2):
            made = operations.record_payment(
                session, cast.tenant, funding_id=funding.id, number=1, paid_on=date(2026, 3, 1), at=AT
            )
            assert made.amount == Decimal("87.97")
        with pytest.raises(operations.AlreadyPaid, match="2026-03-01"):
            operations.record_payment(
                session, cast.tenant, funding_id=funding.id, number=1, paid_on=date(2026, 3, 2), at=AT
            )
        view = queries.view_funding(session, cast.tenant, funding=funding, as_of=AT.date())
        assert view.outstanding == Decimal("912.03")  # 1,000 - 87.97: no interest on the first day
        assert view.next_owed is not None
        assert view.next_owed.row.number == 2

    def test_ends_the_funding_with_the_last(self, session: Session, cast: Cast, funding: Funding) -> None:
        for number in range(1, 13):
            operations.record_payment(
                session, cast.tenant, funding_id=funding.id, number=number, paid_on=date(2026, 3, 1), at=AT
            )
        assert funding.state == "paid"
        with pytest.raises(IllegalMove):
            operations.settle_early(session, cast.tenant, funding_id=funding.id, on=date(2026, 9, 1))

    def test_knows_the_payments_of_its_schedule_alone(
        self, session: Session, cast: Cast, funding: Funding
    ) -> None:
        with pytest.raises(InvalidInput, match="1 to 12"):
            operations.record_payment(
                session, cast.tenant, funding_id=funding.id, number=13, paid_on=date(2026, 3, 1), at=AT
            )
        with pytest.raises(NotFound):
            operations.record_payment(
                session, cast.tenant, funding_id="fnd_none", number=1, paid_on=date(2026, 3, 1), at=AT
            )


class TestSettleEarly:
    def test_takes_what_the_preview_showed(self, session: Session, cast: Cast, funding: Funding) -> None:
        on = date(2026, 4, 16)
        shown = operations.preview_settlement(session, cast.tenant, funding_id=funding.id, on=on)
        settled = operations.settle_early(session, cast.tenant, funding_id=funding.id, on=on)

        # two payments missed; 1,000 - 87.97 = 912.03, + 9.12 - 87.97 = 833.18; 15 of 30 days of 1 %: 4.17
        assert (shown.unpaid, shown.outstanding, shown.interest) == (
            Decimal("175.94"),
            Decimal("833.18"),
            Decimal("4.17"),
        )
        assert (settled.state, settled.settlement) == ("settled", Decimal("1013.29"))
        events = set(session.scalars(sa.select(OutboxEvent.name)))
        assert {"lease.funded", "funding.settled"} <= events

    def test_leaves_the_lease_free_to_be_funded_anew(
        self, session: Session, cast: Cast, leased: InService, funding: Funding
    ) -> None:
        operations.settle_early(session, cast.tenant, funding_id=funding.id, on=date(2026, 4, 16))
        again = operations.fund_lease(
            session, cast.tenant, lease_id=leased.lease.id, funder_id=funding.funder_id, agreed=TERMS, at=AT
        )
        found = queries.find_funding(session, cast.tenant, lease_id=leased.lease.id)
        assert found is not None
        assert found.id == again.id

    def test_is_refused_before_it_began_and_after_it_is_over(
        self, session: Session, cast: Cast, funding: Funding
    ) -> None:
        with pytest.raises(InvalidInput, match="begins on"):
            operations.preview_settlement(session, cast.tenant, funding_id=funding.id, on=date(2026, 2, 1))
        operations.settle_early(
            session, cast.tenant, funding_id=funding.id, on=date(2026, 4, 16), amount=Decimal(900)
        )
        with pytest.raises(Conflict):
            operations.settle_early(session, cast.tenant, funding_id=funding.id, on=date(2026, 4, 16))

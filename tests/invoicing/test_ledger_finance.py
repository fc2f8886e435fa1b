"""Finance leases in the books: the device leaves them, a net investment earns interest, a residual is left.

A laptop for 1,200.00, at work since 11 March 2026 and written off by 30.00 in that month, is leased for 36
months from 1 April for 36.00 a month in advance. It lives 36 months and is worth 120.00 then.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from haas.calendar import add_months
from haas.ids import new_id
from haas.tenancy.models import Partner
from haas.tenancy.scope import scoped
from invoicing import corrections
from invoicing.ledger import periods, posting, reports
from invoicing.ledger.chart import Book
from invoicing.ledger.effective import Effective, Flows, recognise
from invoicing.ledger.models import FinanceLeaseLine, JournalEntry, JournalLine
from invoicing.ledger.reports import Span
from leases import books
from leases.classification_models import LeaseClassification
from leases.finance.classification import LeaseClass
from leases.finance.dated import dated_present_value
from leases.finance.net_investment import dated_net_investment_schedule
from leases.models import Assignment, Line
from tests.cast import Cast
from tests.invoicing.world import PORTAL, a_lease, a_rate, bill, counted_statements

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
LATER = datetime(2029, 12, 1, 12, 0, tzinfo=UTC)
TODAY = date(2029, 12, 1)
MARCH, APRIL, MAY, JUNE = (date(2026, month, 1) for month in (3, 4, 5, 6))
END = date(2029, 4, 1)
RENT, RESIDUAL = Decimal("36.00"), Decimal("120.00")
FLOWS = [*((add_months(APRIL, at), RENT) for at in range(36)), (END, RESIDUAL)]


def post_until(session: Session, cast: Cast, month: date) -> None:
    """A whole run, in this transaction."""
    run = posting.start_run(session, cast.tenant, month=month, today=TODAY, at=NOW)
    posting.run_now(session, cast.tenant, run=run, at=NOW)


def sums(session: Session, *, until: date = END, book: Book = Book.FINANCIAL) -> dict[str, Decimal]:
    """What each purpose stands at, at the end of a month; debit positive."""
    rows = session.execute(
        sa.select(JournalLine.purpose, sa.func.sum(JournalLine.amount))
        .where(JournalLine.book == book, JournalLine.period <= until)
        .group_by(JournalLine.purpose)
    )
    return {purpose: amount for purpose, amount in rows if amount}


def invested(session: Session, *, until: date = END) -> Decimal:
    """The net investment at the end of a month, with its unguaranteed residual."""
    found = sums(session, until=until)
    return found.get("net_investment", Decimal(0)) + found.get("unguaranteed_residual", Decimal(0))


def the_line(session: Session, cast: Cast) -> FinanceLeaseLine:
    """The one line that was recognised."""
    return session.scalars(scoped(FinanceLeaseLine, cast.tenant)).one()


def end_line(session: Session, cast: Cast, on: date) -> None:
    """The rent stops: the device went back."""
    session.scalars(scoped(Line, cast.tenant)).one().ends_on = on
    session.flush()


def called(session: Session, cast: Cast, framework: str, lease_class: LeaseClass) -> None:
    """Decide once more that the lease is of a class, and was at commencement."""
    held = session.scalars(
        scoped(LeaseClassification, cast.tenant)
        .where(LeaseClassification.framework == framework)
        .order_by(LeaseClassification.position.desc())
    ).first()
    assert held is not None
    session.add(
        LeaseClassification(
            partner_id=held.partner_id,
            id=new_id("cls"),
            lease_id=held.lease_id,
            framework=framework,
            position=held.position + 1,
            result=lease_class.value,
            inputs=held.inputs,
            decided_at=NOW,
        )
    )
    session.flush()


@pytest.fixture
def leased(session: Session, cast: Cast) -> None:
    """The laptop of the first lines."""
    a_rate(session, cast.tenant)
    a_lease(session, cast.tenant, client_id=cast.acme.id, rent="36.00")


@pytest.mark.usefixtures("leased")
class TestSalesType:
    def test_sells_the_device_at_commencement(self, session: Session, cast: Cast) -> None:
        post_until(session, cast, APRIL)
        line, found = the_line(session, cast), sums(session, until=MARCH)
        assert found == {"equipment": 1200, "acquisition": -1200, "depreciation": 30} | {
            "accumulated_depreciation": -30
        }
        worth = dated_present_value(
            FLOWS[-1:], rate=line.annual_rate, convention=line.day_count, valued_on=APRIL
        )
        assert line.residual == round(worth, 2)
        assert line.receivable + line.residual == Decimal("1200.00")  # its fair value
        found = sums(session, until=APRIL)
        assert not {"equipment", "accumulated_depreciation"} & set(found)
        assert found["selling_profit"] == -line.receivable
        assert found["cost_of_sales"] == line.receivable - 30  # so the profit is 1,200.00 - 1,170.00
        assert found["depreciation"] == 30  # none from April on
        assert sum(found.values()) == 0

    def test_stands_month_by_month_at_what_the_effective_method_says(
        self, session: Session, cast: Cast
    ) -> None:
        for month in range(36):
            bill(session, cast.tenant, add_months(APRIL, month), LATER)
        post_until(session, cast, add_months(END, -1))
        line = the_line(session, cast)
        rows = dated_net_investment_schedule(
            FLOWS,
            opening=Decimal("1200.00"),
            since=APRIL,
            annual_rate=line.annual_rate,
            convention=line.day_count,
            currency="USD",
        )
        for before, row in pairwise(rows):
            ended = add_months(row.due_on or END, -1)
            assert invested(session, until=ended) == before.balance + row.interest
        assert invested(session) == RESIDUAL
        found = sums(session)
        assert found["interest"] == -(36 * RENT + RESIDUAL - 1200)
        assert not {"rent", "deferred_rent"} & set(found)
        assert sum(found.values()) == 0

        span = Span(Book.FINANCIAL, APRIL, END)
        (rolled,) = reports.roll_forward(session, cast.tenant, report=reports.NET_INVESTMENT, span=span)
        assert rolled.moved == {
            "additions": Decimal("1200.00"),
            "interest": 36 * RENT + RESIDUAL - 1200,
            "billed": -36 * RENT,
        }
        assert rolled.closing == RESIDUAL
        balances = reports.trial_balance(session, cast.tenant, span=span)
        assert sum(row.closing for row in balances) == 0

        end_line(session, cast, END)
        post_until(session, cast, END)
        found = sums(session)
        assert invested(session) == 0
        assert found["equipment"] == RESIDUAL
        assert "gain" not in found
        assert sum(found.values()) == 0

    def test_goes_on_in_the_other_books(self, session: Session, cast: Cast) -> None:
        partner = session.get_one(Partner, cast.tenant.partner_id)
        post_until(session, cast, JUNE)
        assert partner.policies.get("classification") is None  # ASC 842, without anybody's choice
        assert the_line(session, cast).framework == "asc842"
        assert "net_investment" not in sums(session, book=Book.TAX)

    def test_posts_everything_once(self, session: Session, cast: Cast) -> None:
        bill(session, cast.tenant, APRIL)
        told = posting.preview(session, cast.tenant, month=MAY, book=Book.FINANCIAL)
        assert {row.kind: row.entries for row in told} == {
            "receipt": 1,
            "addition": 1,
            "invoice": 1,
            "depreciation": 1,
            "derecognition": 1,
            "interest": 2,
        }
        assert session.scalar(sa.select(sa.func.count()).select_from(FinanceLeaseLine)) == 0  # told, not done
        post_until(session, cast, MAY)
        before = session.scalar(sa.select(sa.func.count()).select_from(JournalLine))
        post_until(session, cast, MAY)
        assert session.scalar(sa.select(sa.func.count()).select_from(JournalLine)) == before
        assert posting.preview(session, cast.tenant, month=MAY, book=Book.FINANCIAL) == []

    def test_catches_up_what_was_locked(self, session: Session, cast: Cast) -> None:
        periods.lock_month(session, cast.tenant, book=Book.FINANCIAL, month=MAY, today=TODAY, at=NOW)
        post_until(session, cast, JUNE)
        periods_of = session.execute(
            sa.select(JournalEntry.source_kind, sa.func.array_agg(JournalEntry.period.distinct())).group_by(
                JournalEntry.source_kind
            )
        ).all()
        assert {kind: found for kind, found in periods_of if kind in ("interest", "derecognition")} == {
            "interest": [JUNE],
            "derecognition": [JUNE],
        }
        assert sum(sums(session).values()) == 0

    def test_is_lessened_again_by_a_credit_note(self, session: Session, cast: Cast) -> None:
        (invoice,) = bill(session, cast.tenant, APRIL)
        post_until(session, cast, APRIL)
        before = invested(session)
        corrections.credit_invoice(
            session,
            cast.tenant,
            invoice_id=invoice.id,
            reason="Wrong client",
            issued_on=date(2026, 5, 20),
            at=NOW,
            portal_url=PORTAL,
        )
        post_until(session, cast, MAY)
        interest = -sums(session)["interest"] + sums(session, until=APRIL)["interest"]
        assert invested(session) == before + RENT + interest
        assert not {"rent", "deferred_rent"} & set(sums(session))

    def test_takes_back_what_was_posted_before_anybody_knew(self, session: Session, cast: Cast) -> None:
        called(session, cast, "asc842", LeaseClass.OPERATING)
        bill(session, cast.tenant, APRIL)
        post_until(session, cast, APRIL)
        assert sums(session)["rent"] == -RENT
        called(session, cast, "asc842", LeaseClass.SALES_TYPE)
        post_until(session, cast, MAY)
        found = sums(session)
        assert not {"rent", "deferred_rent", "accumulated_depreciation", "equipment"} & set(found)
        assert found["depreciation"] == 30
        assert invested(session) == 1200 - RENT - found["interest"]
        assert sum(found.values()) == 0

    def test_reads_a_fixed_number_of_statements(self, session: Session, cast: Cast) -> None:
        a_lease(session, cast.tenant, client_id=cast.acme.id, rent="36.00", lines=3)
        counted = []
        for _ in range(2):
            trial = session.begin_nested()
            with counted_statements(session) as statements:
                post_until(session, cast, MAY)
            counted.append(statements[0])
            trial.rollback()
            session.expire_all()
            a_lease(session, cast.tenant, client_id=cast.acme.id, rent="36.00", lines=3)
        assert counted[0] == counted[1]


@pytest.mark.usefixtures("leased")
class TestEnding:
    def test_brings_the_device_back_at_what_it_is_worth_when_it_ends_early(
        self, session: Session, cast: Cast
    ) -> None:
        for month in (APRIL, MAY):
            bill(session, cast.tenant, month)
        post_until(session, cast, MAY)
        left = invested(session)
        end_line(session, cast, JUNE)
        post_until(session, cast, JUNE)
        found = sums(session)
        assert invested(session) == 0
        assert found["equipment"] == Decimal("1110.00")  # 1,200.00 less three months of 30.00
        assert found["gain"] == left - 1110  # a loss

    def test_books_the_gain_of_a_purchase_against_what_was_left(self, session: Session, cast: Cast) -> None:
        for month in (APRIL, MAY):
            bill(session, cast.tenant, month)
        post_until(session, cast, MAY)
        left = invested(session)
        asset_id = session.scalars(scoped(Assignment, cast.tenant)).one().asset_id
        end_line(session, cast, JUNE)
        books.close_book(
            session,
            cast.tenant,
            asset_id=asset_id,
            disposed_on=JUNE,
            proceeds=Decimal("1500.00"),
        )
        post_until(session, cast, JUNE)
        found = sums(session)
        assert not {"equipment", "accumulated_depreciation", "net_investment"} & set(found)
        assert found["gain"] == left - 1500
        assert sum(found.values()) == 0


@pytest.mark.usefixtures("leased")
class TestFrameworks:
    def test_defers_the_profit_of_a_direct_financing_lease(self, session: Session, cast: Cast) -> None:
        called(session, cast, "asc842", LeaseClass.DIRECT_FINANCING)
        post_until(session, cast, APRIL)
        found = sums(session, until=APRIL)
        assert not {"selling_profit", "cost_of_sales"} & set(found)
        line = the_line(session, cast)
        assert line.receivable + line.residual == Decimal("1170.00")  # what it was carried at
        worth = dated_present_value(FLOWS, rate=line.annual_rate, convention=line.day_count, valued_on=APRIL)
        assert abs(worth - 1170) < Decimal("0.005")

    def test_follows_the_framework_that_the_partner_chose(self, session: Session, cast: Cast) -> None:
        partner = session.get_one(Partner, cast.tenant.partner_id)
        partner.policies = {**partner.policies, "classification": {"framework": "ifrs16"}}
        called(session, cast, "asc842", LeaseClass.OPERATING)
        post_until(session, cast, APRIL)
        line, found = the_line(session, cast), sums(session, until=APRIL)
        assert (line.framework, line.lease_class) == ("ifrs16", "finance")
        assert found["selling_profit"] + found["cost_of_sales"] == -30

    def test_leaves_an_operating_lease_as_it_was(self, session: Session, cast: Cast) -> None:
        called(session, cast, "asc842", LeaseClass.OPERATING)
        post_until(session, cast, MAY)
        assert session.scalar(sa.select(sa.func.count()).select_from(FinanceLeaseLine)) == 0
        assert sums(session)["depreciation"] == 90


class TestAnyHistory:
    @given(end=st.integers(1, 40), lag=st.integers(0, 3), posted=st.sets(st.integers(0, 41), max_size=3))
    @settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_balances_and_ends_at_nothing(
        self, session: Session, cast: Cast, end: int, lag: int, posted: set[int]
    ) -> None:
        trial = session.begin_nested()
        a_rate(session, cast.tenant)
        a_lease(session, cast.tenant, client_id=cast.acme.id, rent="36.00")
        ended_on = add_months(APRIL, end)
        for month in sorted(posted):
            if month >= end + lag:
                end_line(session, cast, ended_on)
            post_until(session, cast, add_months(APRIL, month))
        end_line(session, cast, ended_on)
        bill(session, cast.tenant, add_months(APRIL, 41), LATER)
        run = posting.start_run(session, cast.tenant, month=add_months(APRIL, 41), today=TODAY, at=NOW)
        posting.run_now(session, cast.tenant, run=run, at=NOW)
        found = sums(session, until=date(2030, 1, 1))
        assert sum(found.values()) == 0
        assert not {"net_investment", "unguaranteed_residual"} & set(found)
        trial.rollback()
        session.expire_all()


def some_flows(residual: str = "120.00", day: int = 1) -> Flows:
    """36 rents of 36.00 in advance."""
    since = date(2026, 4, day)
    rents = [(add_months(since, at), RENT) for at in range(36)]
    return Flows(since, add_months(since, 36), rents, Decimal(0), Decimal(residual), "USD", "act/365F")


class TestRecognise:
    def test_books_a_loss_where_less_comes_back_than_it_is_worth(self) -> None:
        told = recognise(
            some_flows("0.00"),
            lease_class=LeaseClass.SALES_TYPE,
            fair_value=Decimal("1400.00"),
            carrying_amount=Decimal("1400.00"),
        )
        assert told.annual_rate == 0
        assert told.investment.total == Decimal("1296.00")  # 36 x 36.00
        assert told.profit == Decimal("-104.00")

    def test_books_the_loss_of_a_direct_financing_lease_at_once(self) -> None:
        told = recognise(
            some_flows(),
            lease_class=LeaseClass.DIRECT_FINANCING,
            fair_value=Decimal("1200.00"),
            carrying_amount=Decimal("1250.00"),
        )
        assert (told.investment.total, told.profit) == (Decimal("1200.00"), Decimal("-50.00"))


class TestEffective:
    def test_bears_interest_for_the_days_of_a_month_that_has_begun(self) -> None:
        flows = some_flows(day=15)
        told = recognise(
            flows, lease_class=LeaseClass.FINANCE, fair_value=Decimal(1200), carrying_amount=Decimal(1200)
        )
        effective = Effective.of(flows, annual_rate=told.annual_rate, opening=told.investment)
        growth = (1 + told.annual_rate) ** (Decimal(16) / 365)  # 15 to 30 April
        assert effective.interest_until(MAY) == round((1200 - RENT) * (growth - 1), 2)
        assert effective.interest_until(flows.ends_on) == 36 * RENT + 120 - 1200
        assert effective.residual_interest_until(flows.ends_on) == 120 - told.investment.unguaranteed_residual

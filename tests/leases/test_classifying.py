"""A lease is classed when it commences and with each modification, with the figures that decided it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.errors import InvalidInput, NotFound
from haas.tenancy.models import Partner
from leases import classifying, operations
from leases.amendment_models import Amendment
from leases.amendments import operations as amendments
from leases.amendments.wanted import Wanted
from leases.classification_models import LeaseClassification
from leases.finance.appraisal import Offer, Place, classify_offer, monthly_rents
from leases.finance.classification import Caution, Framework, LeaseClass, Thresholds
from leases.terms import Timing
from tests.cast import Cast
from tests.leases.fleet import InService, lease_in_service

AT = datetime(2026, 3, 1, 15, 0, tzinfo=UTC)
LATER = datetime(2026, 9, 1, 15, 0, tzinfo=UTC)


def decided(session: Session, cast: Cast, made: InService) -> list[tuple[str, str]]:
    """Every decision on the lease, newest first."""
    rows = classifying.decisions_of(session, cast.tenant, lease_id=made.lease.id)
    return [(row.framework, row.result) for row in rows]


def amend(session: Session, cast: Cast, made: InService, kind: str, on: date, **wanted: Any) -> Amendment:
    """Amend the lease on 1 September 2026."""
    return amendments.amend(
        session, cast.tenant, lease_id=made.lease.id, kind=kind, effective_on=on, wanted=Wanted(**wanted),
        at=LATER, reason="agreed",
    )  # fmt: skip


class TestAtCommencement:
    def test_a_short_lease_is_operating_by_both_frameworks(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(
            session, cast.tenant, client_id=cast.acme.id, accepted_at=AT, rent="30.00", term_months=24
        )
        rows = classifying.classifications_of(session, cast.tenant, lease_id=made.lease.id)

        assert [(row.framework, row.result) for row in rows] == [
            ("asc842", "operating"),
            ("ifrs16", "operating"),
        ]
        by_test = {test["test"]: test for test in rows[0].tests}
        assert by_test["term_major_part_of_life"]["figure"] == "0.66666667"  # 24 of 36 months
        # worth 1,200; after 24 of 36 months 1,200 - 1,080 x 24 / 36 = 480 is expected
        assert rows[0].inputs["fair_value"] == "1200"
        assert rows[0].inputs["end_option"] == "return"

    def test_a_lease_for_most_of_the_life_is_a_sale(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(
            session, cast.tenant, client_id=cast.acme.id, accepted_at=AT, rent="20.00", term_months=27
        )
        rows = classifying.classifications_of(session, cast.tenant, lease_id=made.lease.id)
        assert [row.result for row in rows] == ["sales_type", "finance"]  # 27 / 36 = 75 %

    def test_a_lease_of_services_alone_has_no_class(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=AT)
        lease = operations.draft_lease(
            session, cast.tenant, agreement_id=made.agreement.id, term_months=12, at=AT
        )
        operations.add_line(
            session,
            cast.tenant,
            lease_id=lease.id,
            at=AT,
            description="Help desk",
            kind="service",
            unit_price=Decimal(10),
        )
        with pytest.raises(classifying.NotClassifiable, match="no hardware"):
            classifying.classify_lease(session, cast.tenant, lease_id=lease.id, at=AT)


class TestClassifyLease:
    def test_decides_anew_by_the_partners_own_thresholds(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(
            session, cast.tenant, client_id=cast.acme.id, accepted_at=AT, rent="30.00", term_months=24
        )
        partner = session.get_one(Partner, cast.tenant.partner_id)
        partner.policies = {**partner.policies, "classification": {"major_part": "0.6"}}
        rows = classifying.classify_lease(session, cast.tenant, lease_id=made.lease.id, at=AT)

        assert [row.result for row in rows] == ["sales_type", "finance"]
        assert decided(session, cast, made) == [
            ("asc842", "sales_type"), ("ifrs16", "finance"), ("asc842", "operating"), ("ifrs16", "operating")
        ]  # fmt: skip

    def test_leaves_nothing_where_it_comes_to_the_same(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=AT)
        before = decided(session, cast, made)
        classifying.classify_lease(session, cast.tenant, lease_id=made.lease.id, at=LATER)
        assert decided(session, cast, made) == before

    def test_cannot_be_changed_afterwards(self, session: Session, cast: Cast) -> None:
        lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=AT)
        with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
            session.execute(sa.update(LeaseClassification).values(result="operating"))

    def test_is_not_changed_by_time_alone(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(
            session, cast.tenant, client_id=cast.acme.id, accepted_at=AT, rent="30.00", term_months=24
        )
        later = datetime(2027, 9, 1, 15, 0, tzinfo=UTC)
        rows = classifying.classify_lease(session, cast.tenant, lease_id=made.lease.id, at=later)
        assert (rows[0].result, rows[0].inputs["as_of"]) == ("operating", "2026-03-01")
        assert rows[0].inputs["remaining_life_months"] == "36"

    def test_looks_at_what_is_left_where_the_lease_was_modified(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(
            session, cast.tenant, client_id=cast.acme.id, accepted_at=AT, rent="30.00", term_months=24
        )
        at = datetime(2026, 9, 1, 15, 0, tzinfo=UTC)
        rows = classifying.classify_lease(
            session, cast.tenant, lease_id=made.lease.id, at=at, as_of=date(2026, 9, 1)
        )
        # 18 months of 30 that are left; worth 1,200 - 1,080 x 6 / 36 = 1,020 by then
        found = rows[0].inputs
        assert (found["term_months"], found["remaining_life_months"], found["fair_value"]) == (
            "18",
            "30",
            "1020",
        )
        with pytest.raises(InvalidInput, match="within the term"):
            classifying.classify_lease(
                session, cast.tenant, lease_id=made.lease.id, at=at, as_of=date(2028, 3, 1)
            )

    def test_follows_a_longer_term_from_the_day_of_its_amendment(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(
            session, cast.tenant, client_id=cast.acme.id, accepted_at=AT, rent="20.00", term_months=24
        )
        done = amend(session, cast, made, "co_term", date(2026, 9, 1), last_day=date(2028, 8, 31))
        # 24 months are left, of a life of which 30 are: 80 percent
        row = classifying.classifications_of(session, cast.tenant, lease_id=made.lease.id)[0]
        assert (row.result, row.position) == ("sales_type", 1)
        assert (row.inputs["as_of"], row.inputs["amendment"]) == ("2026-09-01", done.number)
        again = classifying.classify_lease(session, cast.tenant, lease_id=made.lease.id, at=LATER)
        assert again[0].id == row.id  # deciding anew looks at the same day

    def test_follows_a_price_from_its_day_on(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(
            session, cast.tenant, client_id=cast.acme.id, accepted_at=AT, rent="30.00", term_months=24
        )
        line = made.lines[0].id
        amend(
            session, cast, made, "price_change", date(2027, 1, 1), line_ids=(line,), unit_price=Decimal(200)
        )
        rows = classifying.classifications_of(session, cast.tenant, lease_id=made.lease.id)
        # worth 1,200 - 1,080 x 10 / 36 = 900 by then; of 14 rents of 200.00 nearly all of it comes back
        assert (rows[0].result, rows[0].inputs["fair_value"]) == ("sales_type", "900")

    def test_follows_an_end_before_its_time_from_the_day_it_is_agreed(
        self, session: Session, cast: Cast
    ) -> None:
        made = lease_in_service(
            session, cast.tenant, client_id=cast.acme.id, accepted_at=AT, rent="20.00", term_months=30
        )
        amend(session, cast, made, "terminate", date(2027, 3, 1))
        rows = classifying.classifications_of(session, cast.tenant, lease_id=made.lease.id)
        assert (rows[0].result, rows[0].inputs["as_of"], rows[0].inputs["term_months"]) == (
            "operating", "2026-09-01", "6",
        )  # fmt: skip
        assert decided(session, cast, made)[-2:] == [("asc842", "sales_type"), ("ifrs16", "finance")]

    def test_is_left_alone_by_what_changes_no_term_price_or_scope(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=AT)
        amend(
            session, cast, made, "abate", date(2026, 9, 1),
            line_ids=(made.lines[0].id,), last_day=date(2026, 9, 5),
        )  # fmt: skip
        assert len(decided(session, cast, made)) == 2

    def test_knows_no_lease_of_another_partner(self, session: Session, cast: Cast) -> None:
        with pytest.raises(NotFound):
            classifying.classify_lease(session, cast.tenant, lease_id="lse_other", at=AT)


class TestClassifyOffer:
    def test_needs_plain_figures_alone(self) -> None:
        # a quote's option: two laptops worth 1,000 each, 36 months of 48, bought for 1.00 at the end
        offer = Offer(
            places=[Place(Decimal(1000), Decimal(28), Decimal(100), life_months=48)] * 2,
            term_months=35,
            interval_months=1,
            timing=Timing.ADVANCE,
            option_price=Decimal(1),
        )
        appraisal, results = classify_offer(offer, thresholds=Thresholds())
        assert results[Framework.ASC_842].result is LeaseClass.SALES_TYPE
        assert results[Framework.ASC_842].cautions == (Caution.NOT_A_TRUE_LEASE,)
        assert appraisal.facts.fair_value == 2000
        assert appraisal.monthly_rate is not None

    def test_takes_a_bargain_for_a_certain_purchase(self) -> None:
        place = Place(Decimal(1000), Decimal(25), Decimal(400), life_months=60)
        offer = {"places": [place], "term_months": 24, "interval_months": 1, "timing": Timing.ADVANCE}
        for price, result in ((200, LeaseClass.SALES_TYPE), (201, LeaseClass.OPERATING)):  # half of 400
            _, results = classify_offer(
                Offer(**offer, option_price=Decimal(price)),  # type: ignore[arg-type]
                thresholds=Thresholds(),
            )
            assert results[Framework.ASC_842].result is result

    def test_spreads_a_quarters_rent_by_its_timing(self) -> None:
        quarterly = {"term_months": 5, "interval_months": 3}
        advance = monthly_rents(Decimal(30), timing=Timing.ADVANCE, **quarterly)
        arrears = monthly_rents(Decimal(30), timing=Timing.ARREARS, **quarterly)
        assert advance == [30, 0, 0, 20, 0]  # the last period has two months of three
        assert arrears == [0, 0, 30, 0, 20]

"""Each test alone makes a lease what it is, at its threshold and not just below."""

from dataclasses import replace
from decimal import Decimal

import pytest

from leases.finance.classification import (
    Caution,
    Criterion,
    Facts,
    Framework,
    LeaseClass,
    Thresholds,
    classify,
)

# 36 of 60 months, and 80 % of the value: nothing is met.
PLAIN = Facts(
    term_months=Decimal(36),
    remaining_life_months=Decimal(60),
    payments_value=Decimal(800),
    fair_value=Decimal(1000),
)
USUAL = Thresholds()


def asc(facts, thresholds=USUAL):
    return classify(facts, framework=Framework.ASC_842, thresholds=thresholds)


def ifrs(facts):
    return classify(facts, framework=Framework.IFRS_16, thresholds=USUAL)


class TestClassify:
    def test_is_operating_if_nothing_is_met(self):
        assert asc(PLAIN).result is LeaseClass.OPERATING
        assert ifrs(PLAIN).result is LeaseClass.OPERATING

    @pytest.mark.parametrize(
        ("change", "met"),
        [
            ({"transfers_title": True}, Criterion.TRANSFER),
            ({"option_certain": True}, Criterion.OPTION),
            ({"term_months": Decimal(45)}, Criterion.TERM),  # 45 / 60 = 75 %
            ({"payments_value": Decimal(900)}, Criterion.VALUE),  # 90 %
            ({"specialised": True}, Criterion.SPECIALISED),
        ],
    )
    def test_is_sales_type_by_any_one_test(self, change, met):
        result = asc(replace(PLAIN, **change))
        assert result.result is LeaseClass.SALES_TYPE
        assert [tested.test for tested in result.tests if tested.is_met] == [met]
        assert ifrs(replace(PLAIN, **change)).result is LeaseClass.FINANCE

    @pytest.mark.parametrize(
        "change", [{"term_months": Decimal("44.9")}, {"payments_value": Decimal("899.99")}]
    )
    def test_stays_operating_just_below_a_threshold(self, change):
        assert asc(replace(PLAIN, **change)).result is LeaseClass.OPERATING

    def test_is_direct_financing_if_a_third_party_fills_the_gap(self):
        guaranteed = replace(PLAIN, third_party_value=Decimal(100))  # 800 + 100 of 1,000
        assert asc(guaranteed).result is LeaseClass.DIRECT_FINANCING
        assert asc(replace(guaranteed, collection_probable=False)).result is LeaseClass.OPERATING
        assert ifrs(guaranteed).result is LeaseClass.FINANCE  # it knows no direct financing
        assert asc(guaranteed).test(Criterion.THIRD_PARTY).figure == Decimal("0.9")

    @pytest.mark.parametrize("price", [Decimal(1), Decimal(10)])  # one dollar; 1 % of 1,000
    def test_warns_of_a_nominal_option_and_calls_it_a_sale(self, price):
        result = asc(replace(PLAIN, option_price=price))
        assert result.result is LeaseClass.SALES_TYPE
        assert result.cautions == (Caution.NOT_A_TRUE_LEASE,)
        assert asc(replace(PLAIN, option_price=Decimal(150))).cautions == ()

    def test_does_not_ask_the_term_of_an_asset_in_its_last_quarter(self):
        old = replace(
            PLAIN,
            term_months=Decimal(12),
            remaining_life_months=Decimal(12),
            total_life_months=Decimal(60),
            payments_value=Decimal(500),
        )
        assert asc(old).result is LeaseClass.OPERATING
        assert asc(old).cautions == (Caution.NEAR_END_OF_LIFE,)

    def test_warns_of_doubtful_collection(self):
        sold = replace(PLAIN, transfers_title=True, collection_probable=False)
        assert asc(sold).cautions == (Caution.COLLECTION_DOUBTFUL,)

    def test_draws_the_lines_where_the_partner_does(self):
        strict = Thresholds.of_policies({"classification": {"major_part": "0.60", "other": 1}})
        assert strict.substantially_all == Decimal("0.90")
        assert asc(PLAIN, strict).result is LeaseClass.SALES_TYPE  # 36 / 60 = 60 %

    def test_refuses_a_lease_without_value(self):
        with pytest.raises(ValueError, match="positive"):
            asc(replace(PLAIN, fair_value=Decimal(0)))

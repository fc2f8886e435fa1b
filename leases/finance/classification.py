"""What kind of lease a lessor has: ASC 842-10-25-2 and -3, IFRS 16.62 to 66. Pure.

Each test keeps the figures that it looked at, so that a page can show why. Thresholds are fields: neither
standard draws the line in a number (ASC 842-10-55-2 calls 75 and 90 per cent one reasonable approach, IFRS
16 names none).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from leases.finance.numbers import precisely


class Framework(StrEnum):
    """By whose rules."""

    ASC_842 = "asc842"
    IFRS_16 = "ifrs16"

    @classmethod
    def of_policies(cls, policies: Mapping[str, Any]) -> Framework:
        """By whose rules a partner keeps its books (its `policies.classification.framework`)."""
        return cls(policies.get("classification", {}).get("framework", cls.ASC_842))


class LeaseClass(StrEnum):
    """What a lessor's lease is. The first three are ASC 842's, finance and operating IFRS 16's."""

    SALES_TYPE = "sales_type"
    DIRECT_FINANCING = "direct_financing"
    OPERATING = "operating"
    FINANCE = "finance"


class Criterion(StrEnum):
    """What is asked."""

    TRANSFER = "transfer_of_title"
    OPTION = "option_reasonably_certain"
    TERM = "term_major_part_of_life"
    VALUE = "payments_substantially_all_of_value"
    SPECIALISED = "specialised_asset"
    THIRD_PARTY = "third_party_guarantee_lifts_value"  # for direct financing alone
    COLLECTION = "collection_probable"  # the same


class Caution(StrEnum):
    """What somebody should read before this is signed."""

    NOT_A_TRUE_LEASE = "not_a_true_lease"  # UCC 1-203: a nominal option makes it a security interest
    NEAR_END_OF_LIFE = "near_end_of_life"  # the term test is not asked of an asset in its last quarter
    COLLECTION_DOUBTFUL = "collection_doubtful"  # sales-type: what is paid is a deposit until it is probable


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where a partner draws the lines (its `policies.classification`). Shares: 0.75 is three quarters."""

    major_part: Decimal = Decimal("0.75")
    substantially_all: Decimal = Decimal("0.90")
    nominal_option: Decimal = Decimal("0.01")  # a purchase price up to this share of fair value is nominal
    bargain_option: Decimal = Decimal("0.50")  # up to this share of what is expected then, it is a bargain
    end_of_life: Decimal = Decimal("0.25")  # commencing in this last part of a life, the term is not asked

    @classmethod
    def of_policies(cls, policies: Mapping[str, Any]) -> Thresholds:
        """Those that a partner has set, and ours for the rest."""
        chosen = policies.get("classification", {})
        return cls(**{name: Decimal(str(value)) for name, value in chosen.items() if name in cls.__slots__})


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a lease at commencement. Lengths are months; values are in one currency.

    `payments_value` is the present value of the rents and of what the lessee itself guarantees of the
    residual, at the implicit rate; `third_party_value` that of what somebody else guarantees.
    """

    term_months: Decimal
    remaining_life_months: Decimal
    payments_value: Decimal
    fair_value: Decimal
    third_party_value: Decimal = Decimal(0)
    total_life_months: Decimal | None = None  # where the asset is not new
    transfers_title: bool = False
    option_price: Decimal | None = None  # at which the lessee may buy at the end
    option_value: Decimal | None = None  # what the asset is expected to be worth then
    option_certain: bool = False  # it is reasonably certain to
    specialised: bool = False
    collection_probable: bool = True


@dataclass(frozen=True, slots=True)
class Tested:
    """One test: whether it is met, and the figure beside its threshold where there is one."""

    test: Criterion
    is_met: bool
    figure: Decimal | None = None
    threshold: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Classification:
    """The result with everything that led to it."""

    framework: Framework
    result: LeaseClass
    tests: tuple[Tested, ...]
    cautions: tuple[Caution, ...] = field(default=())

    def test(self, name: Criterion) -> Tested:
        """One of its tests.

        :raises KeyError: if it was not asked.
        """
        for tested in self.tests:
            if tested.test is name:
                return tested
        raise KeyError(name)


def classify(facts: Facts, *, framework: Framework, thresholds: Thresholds) -> Classification:
    """Put the five tests, and what a third party guarantees, and say what the lease is.

    Sales-type if any of the five is met; else direct financing, if a third party's guarantee fills the
    gap and collection is probable; else operating. IFRS 16 has the same indicators, and knows finance and
    operating alone.

    :raises ValueError: for a lease without a term, a life or a value.
    """
    if facts.term_months <= 0 or facts.remaining_life_months <= 0 or facts.fair_value <= 0:
        raise ValueError("term, remaining life and fair value are positive")
    tests = _five_tests(facts, thresholds)
    cautions = _cautions(facts, thresholds)
    transfers = any(tested.is_met for tested in tests)
    lifted = _share(facts.payments_value + facts.third_party_value, facts.fair_value)
    if framework is Framework.IFRS_16:
        # A guarantee counts whoever gives it, if not related to the lessor (IFRS 16 appendix A).
        transfers = transfers or lifted >= thresholds.substantially_all
        tests = [
            _at_least(Criterion.VALUE, lifted, thresholds.substantially_all)
            if each.test is Criterion.VALUE
            else each
            for each in tests
        ]
        result = LeaseClass.FINANCE if transfers else LeaseClass.OPERATING
        return Classification(framework, result, tuple(tests), tuple(cautions))
    if transfers:
        if not facts.collection_probable:
            cautions.append(Caution.COLLECTION_DOUBTFUL)
        return Classification(framework, LeaseClass.SALES_TYPE, tuple(tests), tuple(cautions))
    third_party = Tested(
        Criterion.THIRD_PARTY,
        facts.third_party_value > 0 and lifted >= thresholds.substantially_all,
        lifted,
        thresholds.substantially_all,
    )
    collection = Tested(Criterion.COLLECTION, facts.collection_probable)
    is_financing = third_party.is_met and collection.is_met
    result = LeaseClass.DIRECT_FINANCING if is_financing else LeaseClass.OPERATING
    return Classification(framework, result, (*tests, third_party, collection), tuple(cautions))


def _five_tests(facts: Facts, thresholds: Thresholds) -> list[Tested]:
    term = _at_least(
        Criterion.TERM, _share(facts.term_months, facts.remaining_life_months), thresholds.major_part
    )
    if _is_near_end_of_life(facts, thresholds):
        term = Tested(Criterion.TERM, is_met=False, figure=term.figure, threshold=term.threshold)
    return [
        Tested(Criterion.TRANSFER, facts.transfers_title),
        _option(facts, thresholds),
        term,
        _at_least(
            Criterion.VALUE, _share(facts.payments_value, facts.fair_value), thresholds.substantially_all
        ),
        Tested(Criterion.SPECIALISED, facts.specialised),
    ]


def _option(facts: Facts, thresholds: Thresholds) -> Tested:
    """Whether the lessee will buy: it is certain, or the price is nominal or a bargain then."""
    is_met = facts.option_certain or _is_nominal(facts, thresholds)
    if facts.option_price is None or not facts.option_value:
        return Tested(Criterion.OPTION, is_met)
    share = _share(facts.option_price, facts.option_value)
    return Tested(
        Criterion.OPTION, is_met or share <= thresholds.bargain_option, share, thresholds.bargain_option
    )


def _cautions(facts: Facts, thresholds: Thresholds) -> list[Caution]:
    cautions = []
    if _is_nominal(facts, thresholds):
        cautions.append(Caution.NOT_A_TRUE_LEASE)
    if _is_near_end_of_life(facts, thresholds):
        cautions.append(Caution.NEAR_END_OF_LIFE)
    return cautions


def _is_nominal(facts: Facts, thresholds: Thresholds) -> bool:
    return facts.option_price is not None and (
        facts.option_price <= 1 or _share(facts.option_price, facts.fair_value) <= thresholds.nominal_option
    )


def _is_near_end_of_life(facts: Facts, thresholds: Thresholds) -> bool:
    total = facts.total_life_months
    return total is not None and facts.remaining_life_months <= total * thresholds.end_of_life


def _at_least(test: Criterion, figure: Decimal, threshold: Decimal) -> Tested:
    return Tested(test, figure >= threshold, figure, threshold)


def _share(part: Decimal, whole: Decimal) -> Decimal:
    with precisely():
        return part / whole

"""Adapters for a lessor's and a lessee's books."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

from haas.calendar import add_months
from haas.money import Number, round_minor
from leases.finance.classification import (
    Criterion,
    Facts,
    Framework,
    LeaseClass,
    Thresholds,
    classify,
)
from leases.finance.leaseback import sale_and_leaseback
from leases.finance.net_investment import (
    LiabilityRow,
    liability_schedule,
    net_investment,
    net_investment_schedule,
    selling_profit,
)
from leases.finance.numbers import decimal
from leases.finance.pricing import implicit_rate, lease_rate_factor, value_of_payments
from leases.finance.time_value import level_payment, number_of_periods
from leases.terms import Timing
from tests.ground_truth.compare import Dated
from tests.ground_truth.inputs import Adapter, Answer, Inputs, Unsupported, exact
from tests.ground_truth.lease_area import either_of, first_of, timing_of

CURRENCY = "EUR"  # the cases of this area round to cents and name no currency
WHOLE_UNITS = "JPY"


def _count(inputs: Inputs) -> int:
    number = first_of(inputs, "n", "remaining_payments", "payments_count", "nper", "periods")
    if number.denominator != 1:
        raise Unsupported(f"{number} payments")
    return int(number)


def _payments(inputs: Inputs) -> list[Number]:
    """The row of payments: one amount so many times, a list, or a list of steps [how many, amount]."""
    rows = inputs.get("payments")
    if rows is None:
        return [inputs.number("payment")] * _count(inputs)
    if rows and isinstance(rows[0], list):
        return [exact(amount) for times, amount in rows for _ in range(int(times))]
    return [exact(amount) for amount in rows]


def lessor_payment(inputs: Inputs) -> Answer:
    """The rent that brings back the fair value, less what the residual is worth, at a rate."""
    fair_value = first_of(inputs, "fair_value", "cost")
    residual = inputs.number("residual", 0)
    payment = -level_payment(
        rate=inputs.number("rate"),
        periods=_count(inputs),
        present=fair_value + inputs.number("initial_direct_costs", 0),
        future=-residual,
        timing=timing_of(inputs),
    )
    return {"payment": payment, "lease_rate_factor": lease_rate_factor(rent=payment, cost=fair_value)}


def implicit(inputs: Inputs) -> Answer:
    """The implicit rate, and what receivable and residual are worth at it."""
    timing, payments = timing_of(inputs), _payments(inputs)
    guaranteed = inputs.number("guaranteed", 0)
    residual = inputs.number("residual", guaranteed)
    fair_value = first_of(inputs, "fair_value", "cost")
    rate = implicit_rate(
        payments,
        fair_value=fair_value,
        residual=residual,
        timing=timing,
        initial_direct_costs=inputs.number("initial_direct_costs", 0),
    )
    investment = net_investment(
        payments,
        rate=rate,
        timing=timing,
        currency=CURRENCY,
        guaranteed=guaranteed,
        unguaranteed=residual - guaranteed,
    )
    answer: Answer = {
        "rate": rate,
        "lease_receivable": investment.lease_receivable,
        "unguaranteed_residual_asset": investment.unguaranteed_residual,
        "net_investment": investment.total,
    }
    carrying = inputs.get("carrying_amount", inputs.get("carrying"))
    if carrying is not None:
        profit = selling_profit(
            investment,
            fair_value=round_minor(fair_value, CURRENCY),
            carrying_amount=round_minor(exact(carrying), CURRENCY),
        )
        answer |= {
            "revenue": profit.revenue,
            "cost_of_goods_sold": profit.cost_of_goods,
            "selling_profit": profit.profit,
        }
    return answer


def _flag(inputs: Inputs, *names: str, default: bool = False) -> bool:
    for name in names:
        if inputs.get(name) is not None:
            return bool(inputs[name])
    return default


def lease_classification(inputs: Inputs) -> Answer:
    """The five tests and what they come to; lengths are in whatever unit the case has.

    A test whose figures a case does not give is not met.
    """
    fair_value = either_of(inputs, "fair_value", "fair_value_of_asset") or Fraction(1)
    payments = either_of(inputs, "pv_to_fv")
    payments = (
        payments * fair_value
        if payments is not None
        else either_of(inputs, "pv", "pv_payments", "pv_of_payments", "present_value") or Fraction(0)
    )
    third_party = either_of(inputs, "third_party_pv", "third_party_rvg_pv", "pv_third_party_guarantee")
    lifted = either_of(inputs, "pv_to_fv_with_third_party", "pv_to_fv_with_rvg")
    if third_party is None:
        third_party = Fraction(0) if lifted is None else lifted * fair_value - payments
    term = either_of(inputs, "term", "lease_term", "term_months", "term_years")
    life = either_of(inputs, "remaining_life", "economic_life", "life", "life_months", "useful_life")
    if term is None or life is None:
        term, life = Fraction(1), Fraction(10**9)
    total_life = either_of(inputs, "total_life", "total_economic_life")
    option_price = either_of(inputs, "option_price", "purchase_option_price")
    standard = str(inputs.get("standard", inputs.get("framework", ""))).lower()
    result = classify(
        Facts(
            term_months=decimal(term),
            remaining_life_months=decimal(life),
            payments_value=decimal(payments),
            fair_value=decimal(fair_value),
            third_party_value=decimal(third_party),
            total_life_months=None if total_life is None else decimal(total_life),
            option_price=None if option_price is None else decimal(option_price),
            transfers_title=_flag(
                inputs, "transfer", "title_transfer", "transfer_of_title", "transfers_title"
            ),
            option_certain=_flag(
                inputs, "bargain_option", "purchase_option", "option_certain", "option_reasonably_certain"
            ),
            specialised=_flag(inputs, "specialised", "specialized"),
            collection_probable=_flag(inputs, "collection_probable", "collectible", default=True),
        ),
        framework=Framework.IFRS_16 if "ifrs" in standard else Framework.ASC_842,
        thresholds=Thresholds(
            major_part=decimal(
                either_of(inputs, "threshold", "term_threshold", "major_part") or Fraction(3, 4)
            ),
            substantially_all=decimal(
                either_of(inputs, "fv_threshold", "pv_threshold", "substantially_all") or Fraction(9, 10)
            ),
        ),
    )
    return {
        "term_test": result.test(Criterion.TERM).is_met,
        "pv_test": result.test(Criterion.VALUE).is_met,
        "transfer_test": result.test(Criterion.TRANSFER).is_met,
        "option_test": result.test(Criterion.OPTION).is_met,
        "specialised_test": result.test(Criterion.SPECIALISED).is_met,
        "term_ratio": result.test(Criterion.TERM).figure,
        "pv_ratio": result.test(Criterion.VALUE).figure,
        "classification": result.result.replace("_", "-"),
        "operating": result.result is LeaseClass.OPERATING,
    }


def lease_pv(inputs: Inputs) -> Answer:
    """What the payments that are left are worth: a lessee's liability, and its right of use beside it."""
    value = value_of_payments(
        _payments(inputs),
        rate=inputs.number("rate"),
        residual=inputs.number("residual_guarantee", 0),
        timing=timing_of(inputs),
    )
    right_of_use = (
        value
        + decimal(inputs.number("prepaid", 0))
        + decimal(inputs.number("initial_direct_costs", 0))
        - decimal(inputs.number("incentives", 0))
    )
    return {
        "liability": value,
        "pv": value,
        "present_value": value,
        "right_of_use_asset": right_of_use,
        "rou_asset": right_of_use,
        **_leaseback(inputs, value),
    }


def _leaseback(inputs: Inputs, value: Decimal) -> Answer:
    if inputs.get("sale_price") is None:
        return {}
    split = sale_and_leaseback(
        price=inputs.number("sale_price"),
        fair_value=inputs.number("fair_value"),
        carrying_amount=first_of(inputs, "carrying_amount", "carrying"),
        payments_value=value,
    )
    return {
        "additional_financing": split.additional_financing,
        "lease_liability": split.lease_liability,
        "right_of_use_asset": split.right_of_use,
        "rou_asset": split.right_of_use,
        "gain": split.gain,
    }


def lease_schedule(inputs: Inputs) -> Answer:
    """A lessee's liability year by year."""
    if inputs.get("payment_at_start_of_next_year") is not None:
        years = inputs.whole("n", 1)
        payment, opening = inputs.number("payment_at_start_of_next_year"), inputs.number("opening")
        # The payment at a year's start has no interest of that year yet; the first one was made before.
        rows = liability_schedule(
            [0, *[payment] * (years - 1)], opening=opening, rate=inputs.number("rate"), timing=Timing.ADVANCE
        )
    else:
        timing = timing_of(inputs)
        payments = _payments(inputs) if "n" in inputs or "payments" in inputs else [inputs.number("payment")]
        rate = inputs.number("rate")
        opening_value: Number = (
            inputs.number("opening")
            if inputs.get("opening") is not None
            else value_of_payments(payments, rate=rate, timing=timing)
        )
        rows = liability_schedule(payments, opening=opening_value, rate=rate, timing=timing)
    return _liability_answer(rows)


def _liability_answer(rows: list[LiabilityRow]) -> Answer:
    answer: Answer = {"opening": rows[0].opening, "total_interest": sum(row.interest for row in rows)}
    for row in rows:
        answer[f"interest_y{row.period}"] = row.interest
        answer[f"balance_end_y{row.period}"] = row.closing
    answer["rows"] = [[row.period, row.opening, row.interest, row.payment, row.closing] for row in rows]
    return answer


def net_investment_rows(inputs: Inputs) -> Answer:
    """A lessor's schedule by the effective interest method; the last interest takes the rounding."""
    payment, rate = round_minor(inputs.number("payment"), CURRENCY), inputs.number("rate")
    parts = ("residual", "guaranteed_residual", "unguaranteed_residual", "purchase_option")
    residual = round_minor(sum(inputs.number(name, 0) for name in parts), CURRENCY)
    known = inputs.get("net_investment", inputs.get("opening"))
    timing, count = _timing_and_count(inputs, payment, rate, residual, known)
    payments = [payment] * count
    computed = value_of_payments(payments, rate=rate, residual=residual, timing=timing)
    # A book that rounds the present value to whole units keeps its whole schedule in them.
    rounds_to_units = known is not None and exact(known) == round(computed) != computed
    currency = WHOLE_UNITS if rounds_to_units else CURRENCY
    opening = round_minor(computed if known is None else exact(known), currency)
    rows = net_investment_schedule(
        payments, opening=opening, rate=rate, residual=residual, timing=timing, currency=currency
    )
    start, months = inputs.day_or_none("start"), inputs.whole("months_per_period", 12)

    def label(period: int) -> int | date:
        return period if start is None else add_months(start, months * period)

    return {
        "net_investment": opening,
        "total_interest": sum((row.interest for row in rows), Decimal(0)),
        # A source may date its rows without saying in its inputs when the lease began.
        "rows": Dated(
            [[label(row.period), row.payment, row.interest, row.principal, row.balance] for row in rows],
            months=months,
        ),
    }


def _timing_and_count(
    inputs: Inputs, payment: Decimal, rate: Fraction, residual: Decimal, known: object
) -> tuple[Timing, int]:
    """Timing and number of payments; what a case leaves out follows from its other figures."""
    names_timing = any(inputs.get(name) is not None for name in ("timing", "when", "type"))
    if inputs.get("n") is not None:
        return timing_of(inputs, Timing.ADVANCE), inputs.whole("n")
    if known is None:
        raise Unsupported("neither the number of payments nor the net investment")
    candidates = [timing_of(inputs)] if names_timing else [Timing.ADVANCE, Timing.ARREARS]
    counts = {
        timing: number_of_periods(
            rate=rate, payment=payment, present=-exact(known), future=residual, timing=timing
        )
        for timing in candidates
    }
    # Only the right timing comes out at a whole number of payments.
    timing = min(counts, key=lambda each: abs(counts[each] - round(counts[each])))
    return timing, round(counts[timing])


ADAPTERS: dict[str, Adapter] = {
    "implicit_rate": implicit,
    "lease_classification": lease_classification,
    "lease_pv": lease_pv,
    "lease_schedule": lease_schedule,
    "lessor_net_investment_schedule": net_investment_rows,
    "lessor_payment": lessor_payment,
}

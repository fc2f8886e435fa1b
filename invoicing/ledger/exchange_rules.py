"""Exchange differences: what a payment of foreign money was worth more, or less, than its invoice. Pure.

Each currency's books are kept apart. An invoice is worth what its rate made of it on the day it was issued, a
payment what that of its own day did; the difference is realised by the payment (IAS 21.28), in the partner's
currency, and gone when the payment is taken off again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any

from haas.money import round_minor

POLICY = "exchange_differences"  # its key in the partner's policies
_NOTHING = Decimal(0)


class DifferencesPosted(StrEnum):
    """When differences are posted."""

    NONE = "none"  # somebody else's books have them; the report tells them all the same
    ON_PAYMENT = "on_payment"


class ConvertedBy(StrEnum):
    """By which day's rate a posting in another currency is told in the partner's own."""

    POSTING_DAY = "posting_day"  # each by that of the day it is dated
    LAST_DAY = "last_day"  # all by that of the report's last day


@dataclass(frozen=True, slots=True)
class ExchangePolicy:
    """A partner's rule, and the first day on which a payment counts for it: none if all do."""

    posted: DifferencesPosted = DifferencesPosted.NONE
    since: date | None = None

    @classmethod
    def of_policies(cls, policies: Mapping[str, Any]) -> ExchangePolicy:
        """The partner's own rule, as its policies keep it."""
        kept = policies.get(POLICY)
        if not kept:
            return cls()
        since = kept.get("since")
        return cls(DifferencesPosted(kept["posted"]), date.fromisoformat(since) if since else None)

    def kept(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return {"posted": self.posted.value, "since": self.since.isoformat() if self.since else None}

    @property
    def is_posted(self) -> bool:
        """Whether any are."""
        return self.posted is DifferencesPosted.ON_PAYMENT

    def counts(self, day: date) -> bool:
        """Whether a payment of this day is posted."""
        return self.is_posted and (self.since is None or day >= self.since)


@dataclass(frozen=True, slots=True)
class Settled:
    """A payment, or with `reverses` a part of one that was taken off (`amount` is negative then)."""

    payment_id: str
    amount: Decimal
    paid_rate: Decimal | None  # none if no rate of its day is known
    reverses: str | None = None


def value(amount: Decimal, rate: Decimal, currency: str) -> Decimal:
    """An amount in another currency, to its minor unit."""
    return round_minor(Fraction(amount) * Fraction(rate), currency)


def realised(
    rows: Iterable[Settled],
    *,
    billed_rate: Decimal | None,
    currency: str,
    posted: Mapping[str, Decimal],
) -> dict[str, Decimal | None]:
    """The gain (below 0: loss) of each payment of one invoice, in `currency`; none where a rate is missing.

    Rows in the order in which they were recorded. Rounded by the running total of what is paid, so that an
    invoice paid in parts leaves no cent; what is taken off takes its share of the gain back, to the last cent
    with the last part. What is `posted` stays as it was posted.
    """
    found: dict[str, Decimal | None] = {}
    amounts: dict[str, Decimal] = {}
    left: dict[str, Decimal] = {}
    paid = _NOTHING
    for row in rows:
        before, paid = paid, paid + row.amount
        if row.reverses is not None:
            found[row.payment_id] = posted.get(
                row.payment_id, _taken_back(row, found, amounts, left, currency)
            )
            left[row.reverses] = left.get(row.reverses, _NOTHING) + row.amount
            continue
        amounts[row.payment_id] = left[row.payment_id] = row.amount
        if row.payment_id in posted:
            found[row.payment_id] = posted[row.payment_id]
        elif billed_rate is None or row.paid_rate is None:
            found[row.payment_id] = None
        else:
            released = value(paid, billed_rate, currency) - value(before, billed_rate, currency)
            found[row.payment_id] = value(row.amount, row.paid_rate, currency) - released
    return found


def _taken_back(
    row: Settled,
    found: Mapping[str, Decimal | None],
    amounts: Mapping[str, Decimal],
    left: Mapping[str, Decimal],
    currency: str,
) -> Decimal | None:
    whole = found.get(row.reverses or "")
    if row.reverses is None or whole is None:
        return None
    before = left[row.reverses]
    share = Fraction(whole) / Fraction(amounts[row.reverses])
    return round_minor(share * Fraction(before + row.amount), currency) - round_minor(
        share * Fraction(before), currency
    )

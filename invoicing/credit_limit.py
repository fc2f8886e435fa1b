"""What a client owes or is bound to owe, part by part, against its credit limit. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from haas.money import round_places

POLICY = "dunning"  # the key in the partner's policies under which these rules stand, too
# In this order on every page.
PARTS = ("invoices", "rent", "charges", "accepted", "credit")


class BeyondLimit(StrEnum):
    """What happens when a client would owe more than its limit."""

    ALLOW = "allow"
    WARN = "warn"
    BLOCK = "block"


BEYOND_LIMIT, ACCEPTED_PERIODS = BeyondLimit.WARN, 1  # where nobody chose


@dataclass(frozen=True, slots=True)
class CreditPolicy:
    """A partner's rules about limits."""

    beyond: BeyondLimit = BEYOND_LIMIT
    accepted_periods: int = ACCEPTED_PERIODS  # of rent that count of what is accepted and has not begun

    @classmethod
    def of_policies(cls, policies: Mapping[str, Any]) -> CreditPolicy:
        """As the partner's policies keep them, beside those of reminders."""
        kept = policies.get(POLICY) or {}
        return cls(
            BeyondLimit(kept.get("beyond_limit", BEYOND_LIMIT)),
            int(kept.get("accepted_periods", ACCEPTED_PERIODS)),
        )


@dataclass(frozen=True, slots=True)
class Exposure:
    """All sums with tax, in the client's currency."""

    client_id: str
    currency: str
    limit: Decimal | None
    invoices: Decimal = Decimal(0)  # open
    rent: Decimal = Decimal(0)  # of periods that have begun, or fell due, and are not billed
    charges: Decimal = Decimal(0)  # by hand, not billed
    accepted: Decimal = Decimal(0)  # leases that were accepted, line by line, before their rent begins
    credit: Decimal = Decimal(0)  # below 0: what the client has to its credit
    unrated: Sequence[str] = ()  # currencies without an exchange rate: of them nothing is in the sums

    @property
    def parts(self) -> dict[str, Decimal]:
        """The sums by name."""
        return {name: getattr(self, name) for name in PARTS}

    @property
    def total(self) -> Decimal:
        """What it comes to."""
        return sum(self.parts.values(), Decimal(0))

    @property
    def left(self) -> Decimal | None:
        """What is left of the limit; negative if it is passed, none if there is none."""
        return None if self.limit is None else self.limit - self.total

    @property
    def is_over(self) -> bool:
        """Whether more is owed than the limit allows."""
        return self.left is not None and self.left < 0

    @property
    def used_pct(self) -> Decimal | None:
        """How much of the limit is used, in whole per cent; none without a limit, or with one of nothing."""
        return None if not self.limit else round_places(self.total * 100 / self.limit, 0)

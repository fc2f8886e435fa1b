"""What a partner has laid down about direct debits, and on which day one can be. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

from haas.errors import InvalidInput
from invoicing.bank.target_days import target_day_from, target_days_after

POLICY = "direct_debit"  # its key in the partner's policies
NOTICE_MOST = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class DebitPolicy:
    """Conventions of a partner (`partner.policies["direct_debit"]`), in days."""

    notice_days: int = 14  # told the client before; 14 unless the contract says less (SEPA rulebook 4.3.4)
    lead_days: int = 1  # TARGET days the bank wants the order before it collects (rulebook: D-1)
    announces: bool = True  # what falls due is announced by mail, without a press

    def check(self) -> DebitPolicy:
        """The same policy.

        :raises InvalidInput: naming the field that cannot be.
        """
        if not 1 <= self.notice_days <= NOTICE_MOST:
            raise InvalidInput(f"Announce a debit 1 to {NOTICE_MOST} days before it.", field="notice_days")
        if not 1 <= self.lead_days <= 14:
            raise InvalidInput("A bank wants an order 1 to 14 days before it collects.", field="lead_days")
        return self

    def agreed(self, notice_days: int | None) -> DebitPolicy:
        """The policy as it holds for a client with which other days were agreed."""
        return self if notice_days is None else replace(self, notice_days=notice_days)

    def first_day(self, today: date) -> date:
        """The earliest day on which what is announced today can be collected."""
        noticed = target_day_from(today + timedelta(days=self.notice_days))
        return max(noticed, target_days_after(today, self.lead_days))

    def is_in_time(self, *, announced_on: date, collect_on: date) -> bool:
        """Whether the client was told early enough."""
        return announced_on + timedelta(days=self.notice_days) <= collect_on

    def day_to_announce(self, *, due_on: date, today: date) -> date | None:
        """The day of the debit that is to be announced today: the due day, or the next that is possible.

        None while it is too early: a client is told so many days before, not months.
        """
        day = max(target_day_from(due_on), self.first_day(today))
        return day if target_day_from(today + timedelta(days=self.notice_days)) >= day else None

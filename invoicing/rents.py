"""The rent that is owed and not billed, whatever past a line has. Pure.

Lines of equal terms share a schedule. A past that was billed exactly as it is owed is compared as a whole, by
one fingerprint; only where something of it changed since (an amendment, a credit, an earlier end, a
correction) is it looked at period by period (`invoicing.balance`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import Any

from leases.contract import rent_over_time, terms_of
from leases.models import Agreement, Lease, Line
from leases.schedule import RentPayment, rent_due

EPOCH = date(2000, 1, 1)  # days are told as their number since then, which no setting of a database changes


@dataclass(frozen=True, slots=True)
class Past:
    """All that a line was billed and that fell due by a day: how many rows, and their fingerprint."""

    rows: int
    fingerprint: bytes


@dataclass(slots=True)
class Schedule:
    """The rent that has fallen due by a day under some terms, oldest first."""

    payments: Sequence[RentPayment]
    _owed: Sequence[RentPayment] = ()  # without periods that cost nothing, which are never billed
    _fingerprints: dict[int, bytes] = field(default_factory=dict)
    _rests: dict[int, Sequence[RentPayment] | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Leave out what costs nothing."""
        self._owed = [payment for payment in self.payments if payment.amount]

    def still_owed(self, past: Past | None) -> Sequence[RentPayment] | None:
        """What comes after the past; None if that is not exactly the first of what is owed.

        A schedule in which something goes back answers None, too: that needs the row it is given back of.
        """
        rows = past.rows if past is not None else 0
        if rows > len(self._owed) or (past is not None and past.fingerprint != self._fingerprint(rows)):
            return None
        if rows not in self._rests:
            rest = self._owed[rows:]
            self._rests[rows] = rest if all(payment.amount > 0 for payment in rest) else None
        return self._rests[rows]

    def _fingerprint(self, rows: int) -> bytes:
        if rows not in self._fingerprints:
            self._fingerprints[rows] = fingerprint(self._owed[:rows])
        return self._fingerprints[rows]


def fingerprint(payments: Sequence[RentPayment]) -> bytes:
    """SHA-256 of kind, first day, revision (0) and amount of each payment, by kind and day.

    `invoicing.book` computes the same in the database of what was billed. The end of a period is no part of
    it, as it is none of the key under which a period is billed.
    """
    told = sorted(payments, key=lambda payment: (payment.kind.value, payment.period_start))
    text = ",".join(
        f"{payment.kind.value} {(payment.period_start - EPOCH).days} 0 {payment.amount:.3f}"
        for payment in told
    )
    return sha256(text.encode()).digest()


class Schedules:
    """The schedules of many leases as of a day, each computed once for all lines of the same terms."""

    def __init__(self, *, as_of: date) -> None:
        self.as_of = as_of
        self._known: dict[tuple[Any, ...], Schedule] = {}
        self._keys: dict[str, tuple[Any, ...]] = {}

    def of(self, lease: Lease, line: Line, agreement: Agreement) -> Schedule:
        """What has fallen due of the line's rent; the line must have begun."""
        if line.starts_on is None:
            raise ValueError(f"line {line.id} has not begun")
        key = (self._of_lease(lease, agreement), rent_over_time(line), line.starts_on, line.ends_on)
        known = self._known.get(key)
        if known is None:
            terms = terms_of(lease, line, agreement)
            known = Schedule(rent_due(terms, line.starts_on, line.ends_on, self.as_of))
            self._known[key] = known
        return known

    def _of_lease(self, lease: Lease, agreement: Agreement) -> tuple[Any, ...]:
        """All that `terms_of` reads of lease and agreement."""
        key = self._keys.get(lease.id)
        if key is None:
            key = self._keys[lease.id] = (
                lease.commences_on,
                lease.term_months,
                lease.currency,
                lease.timing,
                lease.anchor_day,
                lease.interval_months,
                lease.proration,
                lease.day_count,
                lease.time_zone,
                lease.interim_rent,
                agreement.holdover_rate_pct,
                lease.ends_on,
            )
        return key

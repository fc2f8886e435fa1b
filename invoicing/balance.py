"""Proposed lines less lines already billed -> what to bill now. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Owed:
    """What ought to have been billed for one period of a line. `source` is carried along untouched."""

    line_id: str
    kind: str
    period_start: date
    period_end: date  # exclusive
    amount: Decimal
    source: Hashable = None

    @property
    def key(self) -> tuple[str, str, date]:
        """What a period is billed under, once and then by revisions."""
        return self.line_id, self.kind, self.period_start


@dataclass(frozen=True, slots=True)
class Billed:
    """One invoice or credit note line that was issued; a credit's amount is negative."""

    line_id: str
    kind: str
    period_start: date
    period_end: date  # exclusive
    amount: Decimal
    revision: int
    due_on: date
    invoice_id: str = ""  # the paper it stands on, for a correction to name
    tax_rate_pct: Decimal | None = None
    by_hand: Decimal = Decimal(0)  # what somebody credited of it: negative, and not part of the amount
    purchase_order_id: str | None = None  # under which it was billed

    @property
    def key(self) -> tuple[str, str, date]:
        """What a period is billed under, once and then by revisions."""
        return self.line_id, self.kind, self.period_start


@dataclass(frozen=True, slots=True)
class ToBill:
    """What to put on the next document: a new period (revision 0) or a correction of an old one.

    A negative amount goes back. `owed` is None where nothing is owed for the period any more.
    """

    line_id: str
    kind: str
    period_start: date
    period_end: date  # exclusive
    amount: Decimal
    revision: int
    owed: Owed | None


def to_bill(owed: Iterable[Owed], billed: Iterable[Billed], *, as_of: date) -> list[ToBill]:
    """Due less billed, period by period; empty if nothing changed since the last run.

    `owed` is everything due by `as_of`. What was billed and fell due after `as_of` is left alone, so
    that a run for an earlier date takes nothing back. What was credited by hand stays given: it is not
    billed again, and no more goes back than is left of what was charged. Applying the answer and asking
    again gives nothing, which is what makes a billing run safe to repeat.
    """
    sums: dict[tuple[str, str, date], Decimal] = {}
    left: dict[tuple[str, str, date], Decimal] = {}
    last: dict[tuple[str, str, date], Billed] = {}
    for past in billed:
        if past.due_on > as_of:
            continue
        key = past.key
        before = last.get(key)
        sums[key] = past.amount if before is None else sums[key] + past.amount
        left[key] = left.get(key, _NOTHING) + past.amount + past.by_hand
        if before is None or past.revision > before.revision:
            last[key] = past

    changes = []
    for line in owed:
        key = line.key
        previous = last.pop(key, None)
        amount = line.amount if previous is None else _at_most(line.amount - sums[key], left[key])
        if amount:
            revision = 0 if previous is None else previous.revision + 1
            changes.append(ToBill(*key, line.period_end, amount, revision, line))
    for key, previous in last.items():
        if amount := _at_most(-sums[key], left[key]):
            changes.append(ToBill(*key, previous.period_end, amount, previous.revision + 1, None))
    return sorted(changes, key=lambda change: (change.period_start, change.line_id, change.kind))


def _at_most(amount: Decimal, left: Decimal) -> Decimal:
    """A charge as it is; of what goes back only as much as is left."""
    return amount if amount > 0 else max(amount, min(-left, _NOTHING))

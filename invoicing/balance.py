"""Proposed lines less lines already billed -> what to bill now. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

from haas.money import round_minor

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
    """One invoice or credit note line that was issued; a credit's amount is negative.

    `amount` is that before discounts and surcharges, which is what compares with what is owed.
    """

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
    allowance: Decimal = Decimal(0)  # what discounts (negative) and surcharges changed of the amount
    purchase_order_id: str | None = None  # under which it was billed
    tax_category: str | None = None
    included_tax: Decimal = Decimal(0)  # what of the amount was tax, where prices include it

    @property
    def key(self) -> tuple[str, str, date]:
        """What a period is billed under, once and then by revisions."""
        return self.line_id, self.kind, self.period_start


@dataclass(frozen=True, slots=True)
class ToBill:
    """What to put on the next document: a new period (revision 0) or a correction of an old one.

    A negative amount goes back. `owed` is None where nothing is owed for the period any more. `amount` is
    before discounts and surcharges; `given_back` is what of a negative one goes back, where there were any.
    """

    line_id: str
    kind: str
    period_start: date
    period_end: date  # exclusive
    amount: Decimal
    revision: int
    owed: Owed | None
    given_back: Decimal | None = None
    included_tax: Decimal = Decimal(0)  # of what goes back, what of the amount is tax; negative
    corrects: Billed | None = None  # of what goes back: the row that charged it

    @property
    def net(self) -> Decimal:
        """What the line comes to before the discounts of the paper on which it goes."""
        return self.amount if self.given_back is None else self.given_back


def to_bill(
    owed: Iterable[Owed], billed: Iterable[Billed], *, as_of: date, currency: str = "USD"
) -> list[ToBill]:
    """Due less billed, period by period; empty if nothing changed since the last run.

    `owed` is everything due by `as_of`. What was billed and fell due after `as_of` is left alone, so
    that a run for an earlier date takes nothing back. What was credited by hand stays given: it is not
    billed again, and no more goes back than is left of what was charged. What was discounted goes back by
    the share of it that was charged, rounded to the minor unit of `currency`. What goes back of a period that
    was charged by several rows goes back of the latest first, and of none more than it charged. Applying the
    answer and asking again gives nothing, which is what makes a billing run safe to repeat.
    """
    rows: dict[tuple[str, str, date], list[Billed]] = {}
    sums: dict[tuple[str, str, date], Decimal] = {}
    left: dict[tuple[str, str, date], Decimal] = {}
    last: dict[tuple[str, str, date], Billed] = {}
    apart: dict[tuple[str, str, date], tuple[Decimal, Decimal]] = {}  # allowance, included tax
    for past in billed:
        if past.due_on > as_of:
            continue
        key = past.key
        rows.setdefault(key, []).append(past)
        before = last.get(key)
        sums[key] = past.amount if before is None else sums[key] + past.amount
        left[key] = left.get(key, _NOTHING) + past.amount - past.included_tax + past.allowance + past.by_hand
        if past.allowance or past.included_tax:
            allowance, included = apart.get(key, (_NOTHING, _NOTHING))
            apart[key] = allowance + past.allowance, included + past.included_tax
        if before is None or past.revision > before.revision:
            last[key] = past

    changes = []
    for line in owed:
        key = line.key
        previous = last.pop(key, None)
        if previous is None:
            if line.amount:
                changes.append(ToBill(*key, line.period_end, line.amount, 0, line))
            continue
        change = ToBill(*key, line.period_end, line.amount - sums[key], previous.revision + 1, line)
        changes += _by_row(
            _within(change, sums[key], apart.get(key), left[key], currency), rows[key], currency
        )
    for key, previous in last.items():
        change = ToBill(*key, previous.period_end, -sums[key], previous.revision + 1, None)
        changes += _by_row(
            _within(change, sums[key], apart.get(key), left[key], currency), rows[key], currency
        )
    changes = [change for change in changes if change.net]
    return sorted(changes, key=lambda change: (change.period_start, change.line_id, change.kind))


def _within(
    change: ToBill, charged: Decimal, apart: tuple[Decimal, Decimal] | None, left: Decimal, currency: str
) -> ToBill:
    """A charge as it is; of what goes back its share of what was charged, and no more than is left."""
    if change.amount >= 0:
        return change
    if apart is None or not any(apart):
        return replace(change, amount=max(change.amount, min(-left, _NOTHING)))
    allowance, included = apart
    part = Fraction(change.amount) / Fraction(charged)
    return replace(
        change,
        given_back=max(
            round_minor(part * Fraction(charged - included + allowance), currency), min(-left, _NOTHING)
        ),
        included_tax=round_minor(part * Fraction(included), currency),
    )


def _by_row(change: ToBill, rows: Sequence[Billed], currency: str) -> list[ToBill]:
    """A charge as it is; what goes back, cut into what each row that charged it has left, the latest first.

    A credit note corrects one invoice and cannot take more of it than that charged.
    """
    if change.net >= 0:
        return [change]
    charged = _left_of(rows)
    if len(charged) < 2:
        return [replace(change, corrects=charged[-1][0] if charged else None)]
    rest, parts = -change.net, []
    for row, left in reversed(charged):
        part = min(left, rest)
        if part > 0:
            parts.append((row, part))
            rest -= part
    if len(parts) < 2 or rest:
        return [replace(change, corrects=parts[0][0] if parts and not rest else charged[-1][0])]
    cut: list[ToBill] = []
    amounts, taxes = change.amount, change.included_tax
    for revision, (row, part) in enumerate(parts, start=change.revision):
        is_last = row is parts[-1][0]
        share = Fraction(part) / Fraction(-change.net)
        amount = amounts if is_last else round_minor(share * Fraction(change.amount), currency)
        tax = taxes if is_last else round_minor(share * Fraction(change.included_tax), currency)
        amounts, taxes = amounts - amount, taxes - tax
        cut.append(
            replace(
                change,
                amount=amount,
                included_tax=tax,
                given_back=None if change.given_back is None else -part,
                revision=revision,
                corrects=row,
            )
        )
    return cut


def _left_of(rows: Sequence[Billed]) -> list[tuple[Billed, Decimal]]:
    """The rows that charged a period, oldest first, each with what is left of its net.

    What went back was of the latest row before it that had something left.
    """
    charged: list[tuple[Billed, Decimal]] = []
    for row in sorted(rows, key=lambda row: row.revision):
        net = row.amount - row.included_tax + row.allowance
        if row.amount > 0:
            charged.append((row, net + row.by_hand))
            continue
        for place in range(len(charged) - 1, -1, -1):
            held, left = charged[place]
            part = min(max(left, _NOTHING), -net)
            charged[place] = (held, left - part)
            net += part
    return charged

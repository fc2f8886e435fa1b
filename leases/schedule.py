"""Terms -> dated rent payments, with interim rent, part periods and holdover. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise

from haas.calendar import Period, local_day
from haas.money import allocate, round_minor
from leases.changing import NOT_BY_DAYS, changing_rent, is_level_in, running_rents
from leases.proration import prorate, whole_days
from leases.terms import LeaseTerms, Timing

_NOTHING = Fraction(0)
_ALL = Fraction(1)


class RentKind(StrEnum):
    """Why rent is owed for these days."""

    INTERIM = "interim_rent"  # from acceptance to the start of the base term
    RENT = "rent"
    HOLDOVER = "holdover"  # after the base term


@dataclass(frozen=True, slots=True)
class RentPayment:
    """The rent of one line for one period, or for the part of it that is owed.

    `days` of `basis_days` under the terms' rule; `due_on` is the day on which it falls due.
    """

    kind: RentKind
    period_start: date
    period_end: date  # exclusive
    days: int
    basis_days: int
    amount: Decimal
    due_on: date

    @property
    def period(self) -> Period:
        """The days it is for."""
        return Period(self.period_start, self.period_end)


def rent_due(terms: LeaseTerms, line_start: date, line_end: date | None, as_of: date) -> list[RentPayment]:
    """Every payment of a line that has fallen due by `as_of` (the client's day), oldest first.

    In advance a period is due from its first day, in arrears from the day after its last. `line_end` is
    exclusive; a line without one runs on into holdover. Periods lie on the terms' anchored grid, cut
    where the line, the base term or the holdover begins or ends: they neither gap nor overlap. Each is
    rounded once, by running total within its grid period, so that a cut never moves a cent. Where the
    rent steps or is abated within a period, its days cost what each of them costs (`leases.proration`).
    """
    due = []
    for payment in _payments(terms, line_start, line_end):
        if payment.period_start > as_of:
            break
        if payment.due_on <= as_of:
            due.append(payment)
    return due


def rent_due_total(terms: LeaseTerms, line_start: date, line_end: date | None, as_of: date) -> Decimal:
    """All rent that has fallen due by `as_of`: what "due less billed" subtracts from."""
    return sum(
        (payment.amount for payment in rent_due(terms, line_start, line_end, as_of)),
        Decimal(0),
    )


def rent_schedule(
    terms: LeaseTerms, line_start: date | None = None, line_end: date | None = None
) -> list[RentPayment]:
    """The whole agreed schedule: from the line's start, or the base term's, to the end of the base term."""
    end = terms.base_end if line_end is None else line_end
    return list(_payments(terms, terms.commences_on if line_start is None else line_start, end))


def _payments(terms: LeaseTerms, line_start: date, line_end: date | None) -> Iterator[RentPayment]:
    start = line_start if terms.interim_rent else max(line_start, terms.commences_on)
    end = line_end
    if terms.holdover_pct is None:
        end = terms.base_end if end is None else min(end, terms.base_end)
    if end is not None and end <= start:
        return
    cuts = (terms.commences_on, terms.base_end)
    level = terms.is_level
    full_rent: dict[RentKind, Decimal] = {}
    for part, whole in terms.cycle.cut(start, end):
        if level and part is whole and not any(part.start < cut < part.end for cut in cuts):
            # Nearly every period, and a billing run reads millions: the same rent, whatever its days.
            kind = _kind(part, *cuts)
            if kind not in full_rent:
                full_rent[kind] = round_minor(_period_rent(terms, kind, part.start), terms.currency)
            days = whole_days(part, terms.proration)
            due_on = part.start if terms.timing is Timing.ADVANCE else part.end
            yield RentPayment(kind, part.start, part.end, days, days, full_rent[kind], due_on)
            continue
        exact, rounded = _NOTHING, Decimal(0)
        pieces = _pieces(part, cuts=cuts)
        owed_once = _owed_once(terms, pieces, cuts, whole)
        for at, piece in enumerate(pieces):
            kind = _kind(piece, *cuts)
            share = prorate(piece, whole, terms.proration)
            if owed_once:
                running = round_minor(owed_once[at], terms.currency)
            elif not level and not is_level_in(terms, piece):
                exact += changing_rent(terms, piece, whole) * _rate(terms, kind)
                running = round_minor(exact, terms.currency)
            elif piece == whole:
                running = round_minor(_period_rent(terms, kind, piece.start), terms.currency)
            else:
                exact += _period_rent(terms, kind, piece.start) * share.fraction
                running = round_minor(exact, terms.currency)
            yield RentPayment(
                kind=kind,
                period_start=piece.start,
                period_end=piece.end,
                days=share.days,
                basis_days=share.basis_days,
                amount=running - rounded,
                due_on=piece.start if terms.timing is Timing.ADVANCE else piece.end,
            )
            rounded = running


def _owed_once(
    terms: LeaseTerms, pieces: Sequence[Period], cuts: tuple[date, date], whole: Period
) -> Sequence[Fraction]:
    """The running rent of the pieces of a period that is not owed by days; none where each has its own."""
    if len(pieces) == 1 or terms.proration not in NOT_BY_DAYS:
        return ()
    return running_rents(terms, [(piece, _rate(terms, _kind(piece, *cuts))) for piece in pieces], whole)


def _pieces(part: Period, *, cuts: Sequence[date]) -> list[Period]:
    inner = {cut for cut in cuts if part.start < cut < part.end}
    if not inner:
        return [part]
    return [Period(start, end) for start, end in pairwise([part.start, *sorted(inner), part.end])]


def _kind(piece: Period, commences_on: date, base_end: date) -> RentKind:
    if piece.start < commences_on:
        return RentKind.INTERIM
    return RentKind.HOLDOVER if piece.start >= base_end else RentKind.RENT


def _period_rent(terms: LeaseTerms, kind: RentKind, day: date) -> Fraction:
    return Fraction(terms.rent_on(day)) * _rate(terms, kind)


def _rate(terms: LeaseTerms, kind: RentKind) -> Fraction:
    """The part of the rent that days of this kind cost."""
    if kind is RentKind.HOLDOVER and terms.holdover_pct is not None:
        return Fraction(terms.holdover_pct) / 100
    return _ALL


@dataclass(frozen=True, slots=True)
class Stay:
    """An asset's time on a line, in the client's days: from `start` up to, and not including, `end`."""

    serial: str
    start: date
    end: date | None = None

    @classmethod
    def between(
        cls,
        serial: str,
        began_at: datetime,
        ended_at: datetime | None,
        *,
        time_zone: str,
    ) -> Stay:
        """The stay between two moments. The day of a swap belongs to the incoming asset."""
        end = None if ended_at is None else local_day(ended_at, time_zone)
        return cls(serial, local_day(began_at, time_zone), end)


@dataclass(frozen=True, slots=True)
class SerialShare:
    """What one asset's days in a period cost: a line of the invoice's breakdown."""

    serial: str
    days: int
    amount: Decimal


def split_by_serial(
    amount: Decimal, period: Period, stays: Sequence[Stay], *, currency: str
) -> list[SerialShare]:
    """Share a period's amount over the assets that stood there, by their days, largest remainder first.

    The shares add up to the amount. An asset without a day in the period has no share; if none has one,
    there are no shares.
    """
    days: dict[str, int] = {}
    for stay in sorted(stays, key=lambda stay: (stay.start, stay.serial)):
        there = period.overlap(Period(stay.start, max(stay.start, stay.end or period.end, stay.start)))
        if there:
            days[stay.serial] = days.get(stay.serial, 0) + there.days
    if not days:
        return []
    amounts = allocate(amount, list(days.values()), currency=currency)
    return [SerialShare(serial, days[serial], share) for serial, share in zip(days, amounts, strict=True)]

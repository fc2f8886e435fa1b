"""What a part of a period costs when the rent steps or is abated within it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate, pairwise

from haas.calendar import Period
from leases.proration import prorate
from leases.terms import LeaseTerms, Proration

# Under these a period is owed whole or not at all; abated days are counted all the same.
NOT_BY_DAYS = frozenset({Proration.WHOLE, Proration.NONE})


def is_level_in(terms: LeaseTerms, piece: Period) -> bool:
    """Whether every day of the piece costs the same."""
    return not any(piece.start < step.effective_from < piece.end for step in terms.steps) and not any(
        abated.starts_on < piece.end and piece.start < abated.ends_on for abated in terms.abated
    )


def changing_rent(terms: LeaseTerms, piece: Period, whole: Period) -> Fraction:
    """The exact rent of `piece` of the period `whole`, each day at the terms of its day.

    A period that is owed whole once it was begun costs the highest rent that began in it; one that is owed
    only if it was complete, the lowest: each unit is then owed whole, or not at all. Abated days cost less
    by their share, counted by days under every rule, and never less than nothing.
    """
    stretches = _level_stretches(terms, piece)
    if terms.proration in NOT_BY_DAYS:
        rents = [Fraction(terms.rent_on(stretch.start)) for stretch in stretches]
        pick = max if terms.proration is Proration.WHOLE else min
        owed = pick(rents) * prorate(piece, whole, terms.proration).fraction
    else:
        owed = _sum(terms, stretches, whole)
    return max(Fraction(0), owed - _abated(terms, stretches, whole))


def running_rents(
    terms: LeaseTerms, pieces: Sequence[tuple[Period, Fraction]], whole: Period
) -> list[Fraction]:
    """The exact rent up to the end of each piece of one period that is owed whole, or not at all.

    Where the term ends within a period, the days before and after it are one period all the same: it is owed
    once. Whole, at the highest rent that has begun; else, if all of it was there, at the lowest, with the
    first piece. Days that are abated are taken from the first piece too.

    :param pieces: in their order, each with the part of the rent that its days cost.
    """
    stretches = [(_level_stretches(terms, piece), rate) for piece, rate in pieces]
    rents = [[Fraction(terms.rent_on(each.start)) * rate for each in found] for found, rate in stretches]
    less = sum((_abated(terms, found, whole) * rate for found, rate in stretches), Fraction(0))
    if terms.proration is Proration.NONE:
        is_complete = pieces[0][0].start == whole.start and pieces[-1][0].end == whole.end
        lowest = min(min(each) for each in rents) if is_complete else Fraction(0)
        return [max(Fraction(0), lowest - less)] * len(pieces)
    highest = accumulate((max(each) for each in rents), max)
    return [max(Fraction(0), rent - less) for rent in highest]


def _level_stretches(terms: LeaseTerms, piece: Period) -> list[Period]:
    cuts = {step.effective_from for step in terms.steps}
    inner = sorted(cut for cut in cuts if piece.start < cut < piece.end)
    return [Period(start, end) for start, end in pairwise([piece.start, *inner, piece.end])]


def _sum(terms: LeaseTerms, stretches: list[Period], whole: Period) -> Fraction:
    return sum(
        (
            Fraction(terms.rent_on(stretch.start)) * prorate(stretch, whole, terms.proration).fraction
            for stretch in stretches
        ),
        Fraction(0),
    )


def _abated(terms: LeaseTerms, stretches: list[Period], whole: Period) -> Fraction:
    rule = Proration.ACTUAL_PERIOD if terms.proration in NOT_BY_DAYS else terms.proration
    less = Fraction(0)
    for abated in terms.abated:
        for stretch in stretches:
            days = stretch.overlap(Period(abated.starts_on, abated.ends_on))
            if days:
                rent = Fraction(terms.rent_on(stretch.start)) * Fraction(abated.share)
                less += rent * prorate(days, whole, rule).fraction
    return less

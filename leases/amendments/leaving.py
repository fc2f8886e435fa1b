"""Amendments by which lines leave: fewer of them, or the whole lease before its term is over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from haas.calendar import local_day
from haas.errors import InvalidInput
from leases import queries, returns
from leases.amendments.charges import Charges, Going, charges_for, terms_before
from leases.amendments.lines import Outcome, Work, one_quantity, runs_on, set_terms
from leases.contract import terms_of, terms_on
from leases.lifecycle import LeaseState
from leases.lifespan import close_if_done, move
from leases.models import Line
from leases.terms import CommercialModel, LineKind


def scale_down(work: Work) -> Outcome:
    """Fewer of a quantity, or places given up, from a day on; the devices on them are asked back.

    A device that comes back later is paid for until it does.
    """
    _check_notice(work)
    if work.wanted.quantity:
        return _fewer(work)
    lines = work.chosen()
    before = terms_before(work.lease, work.agreement, lines)
    going = [Going(line, before[line.id], before[line.id], line.ends_on) for line in lines]
    charges = _charges(work, going)
    for line in lines:
        line.ends_on = work.on
    work.session.flush()
    _ask_back(work, lines)
    return _outcome(charges, lines)


def terminate(work: Work) -> Outcome:
    """End the whole lease before its term is over. Devices cost holdover rent until they are back."""
    _check_notice(work)
    lease = work.lease
    if lease.state != LeaseState.HOLDOVER and lease.ends_on is not None and work.on >= lease.ends_on:
        raise InvalidInput(
            f"The term is over on {lease.ends_on} anyway: give notice, or name a day before it.",
            field="effective_on",
        )
    lines = [line for line in work.lines if line.kind != LineKind.ONE_OFF and runs_on(line, work.on)]
    before = terms_before(lease, work.agreement, lines)
    going = [Going(line, before[line.id], before[line.id], line.ends_on) for line in lines]
    charges = _charges(work, going)
    if lease.state != LeaseState.HOLDOVER:
        lease.ends_on = work.on
    if lease.state == LeaseState.ACTIVE:
        move(
            work.session,
            work.tenant,
            lease,
            "give_notice",
            at=work.at,
            effective_on=work.on,
            reason=work.amendment.reason,
        )
        lease.notice_given_on = work.today
    places = [line for line in work.lines if line.kind == LineKind.ASSET and line.ends_on is None]
    for line in lines:
        if line.kind != LineKind.ASSET:
            line.ends_on = work.on
    for line in places:
        if line.starts_on is None:  # nobody has been there; nobody will be
            line.ends_on = work.on
    work.session.flush()
    _ask_back(work, places)
    if not places and work.on <= work.today:
        close_if_done(work.session, work.tenant, lease, on=work.on, at=work.at)
    return _outcome(charges, lines)


def _fewer(work: Work) -> Outcome:
    line, wanted = one_quantity(work), work.wanted.quantity
    held = terms_on(line, work.on)[0]
    if wanted is None or wanted >= held:
        raise InvalidInput(f"There are {held.normalize():f} now; name fewer.", field="quantity")
    before = terms_of(work.lease, line, work.agreement)
    set_terms(work, line, quantity=wanted)
    after = terms_of(work.lease, line, work.agreement)
    charges = _charges(work, [Going(line, before, after, line.ends_on)])
    return _outcome(charges, [line])


def _check_notice(work: Work) -> None:
    if work.lease.commercial_model != CommercialModel.RENTAL:
        return
    earliest = _asked_on(work) + timedelta(days=work.agreement.notice_days)
    if work.on < earliest:
        raise InvalidInput(
            f"A rental ends by {work.agreement.notice_days} days of notice: on {earliest} at the earliest.",
            field="effective_on",
        )


def _asked_on(work: Work) -> date:
    return local_day(work.amendment.requested_at, work.lease.time_zone)


def _charges(work: Work, going: Sequence[Going]) -> Charges:
    return charges_for(
        work.session,
        work.tenant,
        lease=work.lease,
        agreement=work.agreement,
        lines=work.lines,
        going=going,
        on=work.on,
        asked_on=_asked_on(work),
        appraised=work.wanted.fair_market_value if len(going) == 1 else None,
    )


def _ask_back(work: Work, lines: Sequence[Line]) -> None:
    if not work.wanted.recall_assets:
        return
    standing = queries.assignments_by_line(work.session, work.tenant, line_ids=[line.id for line in lines])
    for rows in standing.values():
        for row in rows:
            if row.during.upper is not None or row.during.lower is None:
                continue
            returns.ask_back(
                work.session,
                work.tenant,
                asset_id=row.asset_id,
                reason=f"{work.lease.number}, {work.amendment.number}",
                notice_on=work.today,
                due_on=work.on,
                at=work.at,
            )


def _outcome(charges: Charges, lines: Sequence[Line]) -> Outcome:
    return Outcome(
        [line.id for line in lines],
        charge=charges.total,
        charge_kind="early_return" if charges.total else None,
        covered_lines=charges.covered,
        shown=charges.shown(),
    )

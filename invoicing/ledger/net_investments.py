"""Finance leases in the financial book: assets out, interest month by month, swaps, and what comes back.

Interest and the end are posted as what they come to less what was posted, so that a run may be done twice, a
locked month is caught up in the first open one, and a line that ends sooner is put right.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise

from sqlalchemy.orm import Session

from haas.calendar import ONE_DAY, add_months, end_of_month
from haas.tenancy.scope import Tenant, scoped
from invoicing.ledger import journal
from invoicing.ledger.chart import Book, Purpose, month_of, months_between
from invoicing.ledger.effective import NOTHING, Effective
from invoicing.ledger.finance_lines import (
    DERECOGNITION,
    END,
    INTEREST,
    KINDS,
    SWAP,
    FinanceLine,
    Stay,
    read_lines,
)
from invoicing.ledger.journal import Draft, Posted, Side, Unposted
from invoicing.ledger.models import FinanceLeaseLine
from invoicing.ledger.recognition import Carried
from leases.finance.classification import LeaseClass

STEP = "net_investment"
CHUNK_LINES = 1_000

_P = Purpose


def ranges(
    session: Session, tenant: Tenant, *, month: date, size: int = CHUNK_LINES
) -> list[tuple[str, str, int]]:
    """(first id, last id, number) of the lines recognised by a month, `size` at a time."""
    ids = session.scalars(
        scoped(FinanceLeaseLine, tenant)
        .with_only_columns(FinanceLeaseLine.id)
        .where(FinanceLeaseLine.recognised_on < add_months(month, 1))
        .order_by(FinanceLeaseLine.id)
    ).all()
    return journal.ranges_of(ids, size=size)


def post(
    session: Session, tenant: Tenant, *, month: date, first_id: str, last_id: str, run_id: str, at: datetime
) -> Posted:
    """Post what a range of lines comes to by the end of a month and is not posted."""
    drafts = _drafts(session, tenant, month=month, first_id=first_id, last_id=last_id)
    entries, amount = 0, NOTHING
    for kind in KINDS:
        posted = journal.post_drafts(
            session, tenant, kind=kind, book=Book.FINANCIAL, drafts=drafts[kind], run_id=run_id, at=at
        )
        entries, amount = entries + posted.entries, amount + posted.amount
    return Posted(entries, amount)


def preview(session: Session, tenant: Tenant, *, month: date) -> list[Unposted]:
    """What `post` would write, by kind and currency."""
    return journal.sum_drafts(
        (kind, draft)
        for first_id, last_id, _ in ranges(session, tenant, month=month)
        for kind, drafts in _drafts(session, tenant, month=month, first_id=first_id, last_id=last_id).items()
        for draft in drafts
    )


def _drafts(
    session: Session, tenant: Tenant, *, month: date, first_id: str, last_id: str
) -> Mapping[str, list[Draft]]:
    until = add_months(month, 1)
    drafts: dict[str, list[Draft]] = {kind: [] for kind in KINDS}
    for told in read_lines(session, tenant, until=until, first_id=first_id, last_id=last_id):
        effective = told.effective
        if not told.standing.entries[DERECOGNITION]:
            drafts[DERECOGNITION].append(_derecognition(told))
        drafts[INTEREST] += _interest(told, effective, month=month)
        drafts[SWAP] += _swaps(told, until=until)
        drafts[END] += _end(told, effective, until=until)
    return drafts


def _derecognition(told: FinanceLine) -> Draft:
    row, stay = told.row, told.stays[0]
    sold = [told.side(_P.SELLING_PROFIT, -row.revenue), told.side(_P.COST_OF_SALES, row.cost_of_goods)]
    if row.lease_class == LeaseClass.DIRECT_FINANCING:  # a profit waits in the rate, a loss does not
        sold = [told.side(_P.SELLING_PROFIT, -row.profit)]
    return told.draft(
        "recognised",
        row.recognised_on,
        told.side(_P.NET_INVESTMENT, row.receivable),
        told.side(_P.UNGUARANTEED_RESIDUAL, row.residual),
        *sold,
        *_out(told, stay, Carried(row.cost, row.accumulated)),
    )


def _out(told: FinanceLine, stay: Stay, standing: Carried) -> list[Side]:
    return [
        told.side(_P.EQUIPMENT, -standing.cost, stay=stay),
        told.side(_P.ACCUMULATED_DEPRECIATION, standing.accumulated, stay=stay),
    ]


def _interest(told: FinanceLine, effective: Effective, *, month: date) -> Iterator[Draft]:
    """A month's interest: all that is earned by its end less what is posted; after the line's end none."""
    newest = told.standing.newest.get(INTEREST)
    first = month_of(newest + ONE_DAY) if newest else month_of(told.row.recognised_on)
    stops_on = min(told.ended_on or told.row.ends_on, told.row.ends_on)
    # After its end a line is looked at once more a run: that it ended sooner may be told late.
    last = max(month_of(stops_on - ONE_DAY), first)
    posted = -told.standing.posted(INTEREST, _P.INTEREST)
    grown = told.standing.posted(INTEREST, _P.UNGUARANTEED_RESIDUAL)
    for each in months_between(first, min(month, last)):
        until = min(add_months(each, 1), stops_on)
        earned, residual = effective.interest_until(until), effective.residual_interest_until(until)
        if (earned, residual) == (posted, grown):
            continue
        yield told.draft(
            f"{each:%Y-%m}",
            end_of_month(each),
            told.side(_P.UNGUARANTEED_RESIDUAL, residual - grown),
            told.side(_P.NET_INVESTMENT, earned - posted - (residual - grown)),
            told.side(_P.INTEREST, posted - earned),
        )
        posted, grown = earned, residual


def _swaps(told: FinanceLine, *, until: date) -> Iterator[Draft]:
    """Another asset in the place: it leaves the books, and who stood there is carried again as planned.

    The net investment goes on with the line, its residual is now that of the incoming asset. What the one
    is carried above the other is what the swap cost.
    """
    for outgoing, incoming in pairwise(told.stays):
        on = incoming.since
        if on >= until or incoming.assignment_id in told.standing.entries[SWAP]:
            continue
        back, gone = outgoing.carried(on).amount, incoming.carried(on)
        yield told.draft(
            incoming.assignment_id,
            on,
            told.side(_P.EQUIPMENT, back, stay=outgoing),
            *_out(told, incoming, gone),
            told.side(_P.GAIN, gone.amount - back),
        )


def _end(told: FinanceLine, effective: Effective, *, until: date) -> Iterator[Draft]:
    """What is left of the net investment against what comes back: the asset, in the equipment again.

    At the end of the term it comes back at its residual, and what the rents did not bring, or brought
    beyond it, is loss or gain. Before that at what is left, or at what the asset would be carried at if
    that is less (ASC 842-30-40-2). What is due yet stays until it is billed. A device that was bought or
    lost comes back too, and leaves by its own disposal.
    """
    stay, ended_on = told.stays[-1], told.ended_on
    wanted: dict[tuple[str, str | None], Decimal] = {}
    if ended_on is not None and told.row.recognised_on <= ended_on < until:
        stops_on = min(ended_on, told.row.ends_on)
        rents = told.rents(until=ended_on)
        left = (
            told.row.receivable
            + told.row.residual
            + effective.interest_until(stops_on)
            - rents
            + told.credited
        )
        residual = told.row.residual + effective.residual_interest_until(stops_on)
        back = effective.flows.residual
        if ended_on < told.row.ends_on:
            back = max(min(left, stay.carried(ended_on).amount), NOTHING)
        wanted = {
            (_P.EQUIPMENT, stay.asset_id): back,
            (_P.UNGUARANTEED_RESIDUAL, told.row.asset_id): -residual,
            (_P.NET_INVESTMENT, told.row.asset_id): residual - left,
            (_P.GAIN, told.row.asset_id): left - back,
        }
    posted = {
        (purpose, asset_id): amount
        for (kind, purpose, asset_id), amount in told.standing.amounts.items()
        if kind == END
    }
    moved = {
        key: wanted.get(key, NOTHING) - posted.get(key, NOTHING)
        for key in sorted({*wanted, *posted}, key=str)
    }
    if any(moved.values()):
        number = len(told.standing.entries[END])
        yield told.draft(
            f"{number}",
            ended_on if ended_on is not None and not number else until - ONE_DAY,
            *(
                Side(
                    purpose,
                    amount,
                    client_id=told.lease.client_id,
                    lease_id=told.lease.id,
                    asset_id=asset_id,
                    asset_class=stay.category if purpose == _P.EQUIPMENT else "",
                )
                for (purpose, asset_id), amount in moved.items()
            ),
        )

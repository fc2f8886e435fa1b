"""What leases, returns and books know of one asset's life, by a fixed number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from devices.models import Asset
from devices.tracks import Track
from haas.calendar import ONE_DAY, start_of_day
from haas.errors import NotFound
from haas.tenancy.scope import Tenant, scoped
from leases.asset_tracks import Standing, book_spans, contract_spans
from leases.books import view_book
from leases.lifecycle import LeaseState
from leases.models import Acceptance, Assignment, Lease, LeaseMove, Line, ReturnOrder, Swap

_RUNS_TO_ITS_END = (LeaseState.ACCEPTED, LeaseState.ACTIVE, LeaseState.ENDING)


@dataclass(frozen=True, slots=True)
class AssetPapers:
    """Everything that was signed for one asset, oldest first."""

    acceptances: Sequence[Acceptance]
    swaps: Sequence[Swap]  # it came or went by them
    returns: Sequence[ReturnOrder]


def papers_of_asset(session: Session, tenant: Tenant, *, asset_id: str) -> AssetPapers:
    """Its acceptances, swaps and returns: three queries."""
    return AssetPapers(
        acceptances=session.scalars(
            scoped(Acceptance, tenant).where(Acceptance.asset_id == asset_id).order_by(Acceptance.accepted_at)
        ).all(),
        swaps=session.scalars(
            scoped(Swap, tenant)
            .where(sa.or_(Swap.incoming_id == asset_id, Swap.outgoing_id == asset_id))
            .order_by(Swap.swapped_at)
        ).all(),
        returns=session.scalars(
            scoped(ReturnOrder, tenant)
            .where(ReturnOrder.asset_id == asset_id)
            .order_by(ReturnOrder.created_at)
        ).all(),
    )


def contract_track(
    session: Session, tenant: Tenant, *, asset_id: str, now: datetime, address_of: Callable[[str], str]
) -> Track:
    """Which leases it stood on, in which state each was meanwhile: two queries. A client sees no moves.

    :param address_of: a lease's id -> the address of its page.
    """
    rows = session.execute(
        scoped(Assignment, tenant)
        .where(Assignment.asset_id == asset_id)
        .join(Line, sa.and_(Line.partner_id == Assignment.partner_id, Line.id == Assignment.line_id))
        .join(Lease, sa.and_(Lease.partner_id == Line.partner_id, Lease.id == Line.lease_id))
        .with_only_columns(
            Assignment.during, Lease.id, Lease.number, Lease.state, Lease.ends_on, Lease.time_zone
        )
    ).all()
    standings = [
        Standing(
            since=during.lower,
            until=during.upper,
            lease_id=lease_id,
            lease_number=number,
            lease_state=state,
            ends_at=start_of_day(ends_on, zone) if ends_on and state in _RUNS_TO_ITS_END else None,
            href=address_of(lease_id),
        )
        for during, lease_id, number, state, ends_on, zone in rows
        if during.lower is not None
    ]
    changes: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    if standings:
        moves = scoped(LeaseMove, tenant).where(LeaseMove.lease_id.in_({row.lease_id for row in standings}))
        for move in session.scalars(moves.order_by(LeaseMove.moved_at, LeaseMove.id)):
            changes[move.lease_id].append((move.moved_at, move.to_state))
    return Track("contract", contract_spans(standings, changes, now=now))


def books_track(session: Session, tenant: Tenant, *, asset: Asset, zone: str, now: datetime) -> Track:
    """How it stands in the partner's books: two queries. `zone`: the partner's, whose days the books keep."""
    try:
        view = view_book(session, tenant, asset_id=asset.id, as_of=now.date())
    except NotFound:
        return Track(
            "books",
            book_spans(bought_at=asset.created_at, in_service_at=None, written_off_at=None, closed_at=None),
        )
    book = view.book
    # A book by units has no end that is known before it is reached.
    last = view.entries[-1].month + ONE_DAY if view.entries and book.total_units is None else None
    return Track(
        "books",
        book_spans(
            bought_at=asset.created_at,
            in_service_at=start_of_day(book.in_service_on, zone),
            written_off_at=start_of_day(last, zone) if last else None,
            closed_at=start_of_day(book.disposed_on, zone) if book.disposed_on else None,
        ),
    )

"""What happens to a book: looked at before, recorded for good, reversed by another event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from devices.identifiers import normalised
from devices.models import Asset
from devices.queries import get_asset
from haas import clock, outbox
from haas.errors import Conflict, InvalidInput, NotFound
from haas.ids import new_id
from haas.tenancy.scope import Tenant, scoped
from leases.book_models import BookEventRow
from leases.book_plans import write_plans
from leases.book_records import BookRecord, record_of, records_of
from leases.contract import book_columns, opening_of
from leases.depreciation.events import BookEvent, CountsFrom, EventKind
from leases.depreciation.history import History, replay, value_without_impairment
from leases.models import DepreciationBook

_FIELD = {
    EventKind.REVALUE: "book_value",
    EventKind.CAPITALISE: "amount",
    EventKind.IMPAIR: "amount",
    EventKind.REVERSE_IMPAIRMENT: "amount",
    EventKind.ESTIMATE: "useful_life_months",
    EventKind.SPLIT: "cost",
    EventKind.RESTATE: "method",
}


@dataclass(frozen=True, slots=True)
class EventPreview:
    """A book before an event and with it; nothing is changed."""

    book: DepreciationBook
    kind: str
    effective_on: date
    before: History
    after: History

    @property
    def value_before(self) -> Decimal:
        """Book value on the day without the event."""
        return self.before.value_on(self.effective_on)

    @property
    def value_after(self) -> Decimal:
        """Book value on the day with it."""
        return self.after.value_on(self.effective_on)

    @property
    def gain(self) -> Decimal | None:
        """What a disposal makes."""
        return self.after.gain()


def preview_event(
    session: Session,
    tenant: Tenant,
    *,
    asset_id: str,
    name: str,
    kind: str,
    effective_on: date,
    figures: Mapping[str, Any] | None = None,
    counts_from: str = CountsFrom.SAME_MONTH.value,
) -> EventPreview:
    """What an event would make of the book.

    :raises InvalidInput: for an event that the book, as it stands on that day, cannot bear.
    """
    record = record_of(session, tenant, asset_id=asset_id, name=name)
    event = _event(kind, effective_on, figures or {}, counts_from)
    return EventPreview(record.book, kind, effective_on, record.history(), _with(record, event))


def record_event(
    session: Session,
    tenant: Tenant,
    *,
    asset_id: str,
    name: str,
    kind: str,
    effective_on: date,
    figures: Mapping[str, Any] | None = None,
    counts_from: str = CountsFrom.SAME_MONTH.value,
    reason: str = "",
) -> BookEventRow:
    """Let it happen, for good: months that were charged before its day keep their charge.

    :raises InvalidInput: for an event that the book, as it stands on that day, cannot bear.
    """
    record = record_of(session, tenant, asset_id=asset_id, name=name, lock=True)
    event = _event(kind, effective_on, figures or {}, counts_from)
    _with(record, event)
    row = add_event(session, tenant, record=record, event=event, reason=reason)
    _announce(session, tenant, [row], asset_id=asset_id)
    return row


def reverse_event(
    session: Session, tenant: Tenant, *, asset_id: str, event_id: str, reason: str
) -> BookEventRow:
    """As if an event had never been. Both stay on the record.

    :raises Conflict: if it is reversed already, or later events stand on it.
    """
    found = session.scalar(scoped(BookEventRow, tenant).where(BookEventRow.id == event_id))
    records = records_of(session, tenant, asset_ids=[asset_id], lock=True)
    record = next((each for each in records if found and each.book.id == found.book_id), None)
    if found is None or record is None:
        raise NotFound(f"There is no event {event_id} of this asset.")
    if found.kind == EventKind.REVERSE:
        raise Conflict("A reversal stays: record what was reversed anew.")
    if any(row.reverses_id == event_id for row in record.rows):
        raise Conflict("This is reversed already.")
    event = BookEvent(
        id=new_id("bev"),
        kind=EventKind.REVERSE,
        effective_on=found.effective_on,
        recorded_at=clock.now(),
        reverses_id=event_id,
    )
    try:
        replay(record.terms, [*record.events, event], usage=record.usage())
    except ValueError as wrong:
        raise Conflict(f"Later events stand on this one, reverse them first: {wrong}.") from wrong
    row = add_event(session, tenant, record=record, event=event, reason=reason)
    _announce(session, tenant, [row], asset_id=asset_id)
    return row


def split_asset(
    session: Session,
    tenant: Tenant,
    *,
    asset_id: str,
    to_asset_id: str,
    cost: Decimal,
    effective_on: date,
    counts_from: str = CountsFrom.SAME_MONTH.value,
    reason: str = "",
) -> list[BookEventRow]:
    """Part of an asset's cost becomes another asset's, in each book, with what was written off of it.

    The other asset's books go on by the same conventions, for what is left of the life.

    :raises Conflict: if the other asset has books of its own already, or another currency.
    """
    other, own = (get_asset(session, tenant, asset_id=each) for each in (to_asset_id, asset_id))
    if other.currency != own.currency:
        raise Conflict(
            "Both assets are in one currency, or their books cannot be split.", field="to_asset_id"
        )
    if to_asset_id == asset_id or records_of(session, tenant, asset_ids=[to_asset_id]):
        raise Conflict(
            "This asset has books already: choose one that was never in service.", field="to_asset_id"
        )
    rows = []
    for record in records_of(session, tenant, asset_ids=[asset_id], lock=True):
        if record.book.disposed_on is not None:
            continue
        event = _event(
            EventKind.SPLIT, effective_on, {"cost": str(cost), "to_asset_id": to_asset_id}, counts_from
        )
        after = _with(record, event)
        _take_over(session, tenant, record=record, after=after, event=event, to_asset_id=to_asset_id)
        rows.append(add_event(session, tenant, record=record, event=event, reason=reason))
    if not rows:
        raise NotFound(f"Asset {asset_id} has no open book.")
    _announce(session, tenant, rows, asset_id=asset_id)
    return rows


def split_to_tag(
    session: Session,
    tenant: Tenant,
    *,
    asset_id: str,
    tag: str,
    cost: Decimal,
    effective_on: date,
    reason: str = "",
) -> list[BookEventRow]:
    """The same for an asset that a person names by its tag.

    :raises InvalidInput: for a tag that no asset has.
    """
    other = session.scalar(scoped(Asset, tenant).where(Asset.tag_norm == normalised(tag)))
    if other is None:
        raise InvalidInput("No asset has this tag.", field="tag")
    try:
        return split_asset(
            session,
            tenant,
            asset_id=asset_id,
            to_asset_id=other.id,
            cost=cost,
            effective_on=effective_on,
            reason=reason,
        )
    except Conflict as refusal:
        raise Conflict(refusal.message, field="tag") from refusal


def _take_over(
    session: Session,
    tenant: Tenant,
    *,
    record: BookRecord,
    after: History,
    event: BookEvent,
    to_asset_id: str,
) -> None:
    """A book of the other asset that begins with the part's cost and depreciation."""
    parted = next(move for move in after.movements if move.event_id == event.id)
    before = record.history().terms
    book = DepreciationBook(
        partner_id=tenant.partner_id,
        id=new_id("bok"),
        asset_id=to_asset_id,
        name=record.book.name,
        currency=before.currency,
        in_service_on=before.in_service_on,
        opened_on=event.effective_on,
        # What was impaired of it stays written off.
        opening_accumulated=-parted.accumulated + parted.adjustment,
        created_at=event.recorded_at,
        **{
            **book_columns(before),
            "cost": -parted.cost,
            "residual_value": min(before.residual_value - after.terms.residual_value, -parted.cost),
        },
    )
    session.add(book)
    session.flush()
    write_plans(session, tenant, records=[BookRecord(book, [], [])])


def checked_event(
    record: BookRecord,
    *,
    kind: EventKind,
    effective_on: date,
    figures: Mapping[str, Any],
    counts_from: CountsFrom = CountsFrom.SAME_MONTH,
) -> BookEvent:
    """An event that becomes known now, after the book was asked whether it can bear it.

    :raises InvalidInput: if it cannot.
    """
    event = new_event(kind, effective_on=effective_on, figures=figures, counts_from=counts_from)
    _with(record, event)
    return event


def add_event(
    session: Session, tenant: Tenant, *, record: BookRecord, event: BookEvent, reason: str = ""
) -> BookEventRow:
    """Write an event that the book was seen to bear, and bring row and plan in step."""
    row = BookEventRow(
        partner_id=tenant.partner_id,
        id=event.id,
        book_id=record.book.id,
        kind=event.kind.value,
        effective_on=event.effective_on,
        counts_from=event.counts_from.value,
        figures=dict(event.figures),
        reverses_id=event.reverses_id,
        reason=reason.strip(),
        actor=tenant.actor,
        recorded_at=event.recorded_at,
    )
    if record.book.opening is None:
        record.book.opening = opening_of(record.terms)
    session.add(row)
    session.flush()
    write_plans(session, tenant, records=[BookRecord(record.book, [*record.rows, row], record.used)])
    return row


def list_events(session: Session, tenant: Tenant, *, asset_id: str) -> Sequence[tuple[BookEventRow, str]]:
    """All events of the asset's books with the book's name, the newest first."""
    rows = session.execute(
        scoped(BookEventRow, tenant)
        .join(
            DepreciationBook,
            sa.and_(
                DepreciationBook.partner_id == BookEventRow.partner_id,
                DepreciationBook.id == BookEventRow.book_id,
            ),
        )
        .where(DepreciationBook.asset_id == asset_id)
        .order_by(BookEventRow.id.desc())
        .with_only_columns(BookEventRow, DepreciationBook.name)
    )
    return [(row, name) for row, name in rows]


def new_event(
    kind: EventKind,
    *,
    effective_on: date,
    figures: Mapping[str, Any],
    counts_from: CountsFrom = CountsFrom.SAME_MONTH,
) -> BookEvent:
    """An event that becomes known now. The moment is the server's own: nobody dates knowledge back."""
    return BookEvent(
        id=new_id("bev"),
        kind=kind,
        effective_on=effective_on,
        recorded_at=clock.now(),
        figures={
            name: str(value) if isinstance(value, Decimal) else value for name, value in figures.items()
        },
        counts_from=counts_from,
    )


def _event(kind: str, effective_on: date, figures: Mapping[str, Any], counts_from: str) -> BookEvent:
    told = {name: value for name, value in figures.items() if value is not None}
    return new_event(
        EventKind(kind), effective_on=effective_on, figures=told, counts_from=CountsFrom(counts_from)
    )


def _with(record: BookRecord, event: BookEvent) -> History:
    try:
        after = replay(record.terms, [*record.events, event], usage=record.usage())
        if event.kind is EventKind.REVERSE_IMPAIRMENT:
            _within_limit(record, event, after)
    except ValueError as wrong:
        raise InvalidInput(
            f"The book cannot bear this: {wrong}.", field=_FIELD.get(event.kind, "effective_on")
        ) from wrong
    return after


def _within_limit(record: BookRecord, event: BookEvent, after: History) -> None:
    limit = value_without_impairment(record.terms, record.events, on=event.effective_on, usage=record.usage())
    if after.value_on(event.effective_on) > limit:
        raise ValueError(f"without any impairment it would stand at {limit}, and no reversal goes beyond")


def _announce(session: Session, tenant: Tenant, rows: Sequence[BookEventRow], *, asset_id: str) -> None:
    for row in rows:
        outbox.publish(
            session, tenant, "book.event_recorded", asset_id=asset_id, book_id=row.book_id, event_id=row.id
        )

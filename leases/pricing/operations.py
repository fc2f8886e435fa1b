"""Price books: drafted, filled, published once, and then followed by a new version."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from haas.accounts.checks import check_currency, check_text
from haas.errors import Conflict, InvalidInput, NotFound
from haas.ids import new_id
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant, scoped
from leases.pricing import queries, rules
from leases.pricing.entries import NewEntry, check_entry
from leases.pricing.models import PriceBook, PriceEntry
from leases.pricing.rules import Level

ENTRIES_MAX = 5000


class BookPublished(Conflict):
    """A published book is never edited."""

    code = "price_book_published"


class VersionExists(Conflict):
    """The book has a version that begins on this day."""

    code = "price_book_version_exists"


class TiersOverlap(InvalidInput):
    """So many for so long would have two prices."""

    code = "price_tiers_overlap"


def draft_book(
    session: Session,
    tenant: Tenant,
    *,
    level: str,
    name: str,
    currency: str,
    valid_from: date,
    at: datetime,
    client_id: str | None = None,
    interval_months: int = 1,
    notes: str = "",
) -> PriceBook:
    """An empty version of a book, to be filled and published.

    :raises VersionExists: if the book has a version from that day.
    """
    if level not in tuple(Level):
        raise InvalidInput(_("A book is wholesale, retail or a client's own."), field="level")
    if level == Level.WHOLESALE:
        _demand_operator(session, tenant)
    if (level == Level.CLIENT) != (client_id is not None):
        raise InvalidInput(
            _("Name the client of a client's own prices, and of no others."), field="client_id"
        )
    if client_id is not None:
        queries.demand_client(session, tenant, client_id=client_id)
    if not 1 <= interval_months <= 12:
        raise InvalidInput(_("Prices are for 1 to 12 months."), field="interval_months")
    book = PriceBook(
        partner_id=tenant.partner_id,
        id=new_id("pbk"),
        level=level,
        name=check_text(name, field="name", most=60),
        currency=check_currency(currency),
        client_id=client_id,
        valid_from=valid_from,
        interval_months=interval_months,
        notes=check_text(notes, field="notes", most=500, required=False),
        created_at=at,
        created_by=tenant.actor,
    )
    try:
        with session.begin_nested():
            session.add(book)
            session.flush()
    except IntegrityError as twice:
        raise VersionExists(
            _("This book has a version from %(day)s. Choose another day.", day=valid_from.isoformat()),
            field="valid_from",
        ) from twice
    return book


def new_version(
    session: Session, tenant: Tenant, *, book_id: str, valid_from: date, at: datetime
) -> PriceBook:
    """A draft that begins as a copy of a book; the book itself stays as it is."""
    book = queries.get_book(session, tenant, book_id=book_id)
    draft = draft_book(
        session,
        tenant,
        level=book.level,
        name=book.name,
        currency=book.currency,
        client_id=book.client_id,
        interval_months=book.interval_months,
        valid_from=valid_from,
        at=at,
    )
    columns = (
        "item_kind",
        "item_key",
        "item_name",
        "commercial_model",
        "component",
        "quantity_from",
        "quantity_until",
        "term_from",
        "term_until",
        "price",
    )
    session.add_all(
        PriceEntry(
            partner_id=tenant.partner_id,
            id=new_id("pre"),
            book_id=draft.id,
            **{name: getattr(entry, name) for name in columns},
        )
        for entry in book.entries
    )
    session.flush()
    return draft


def add_entries(
    session: Session, tenant: Tenant, *, book_id: str, entries: Sequence[NewEntry]
) -> list[PriceEntry]:
    """Put prices into a draft; all of them, or none.

    :raises BookPublished: see there.
    :raises TiersOverlap: if so many for so long would have two prices.
    """
    book = lock_draft(session, tenant, book_id=book_id)
    known = queries.get_book(session, tenant, book_id=book_id).entries
    if len(known) + len(entries) > ENTRIES_MAX:
        raise InvalidInput(_("A book holds at most %(most)d prices.", most=ENTRIES_MAX))
    for entry in entries:
        check_entry(entry)
    made = [_row(tenant, book, entry) for entry in entries]
    both = rules.overlapping([queries.entry_value(row) for row in (*known, *made)])
    if both is not None:
        raise TiersOverlap(
            _("%(item)s has a price for such numbers and terms already.", item=both[1].item_name),
            field="quantity_from",
        )
    try:
        with session.begin_nested():
            session.add_all(made)
            session.flush()
    except IntegrityError as rival:
        raise TiersOverlap(
            _("Somebody else has just added a price for such numbers and terms."), field="quantity_from"
        ) from rival
    return made


def remove_entry(session: Session, tenant: Tenant, *, book_id: str, entry_id: str) -> None:
    """Take a price out of a draft."""
    lock_draft(session, tenant, book_id=book_id)
    entry = session.scalar(
        scoped(PriceEntry, tenant).where(PriceEntry.id == entry_id, PriceEntry.book_id == book_id)
    )
    if entry is None:
        raise NotFound(_("There is no such price in this book."))
    session.delete(entry)
    session.flush()


def publish_book(session: Session, tenant: Tenant, *, book_id: str, today: date, at: datetime) -> PriceBook:
    """Let a draft hold from its day on. Nobody edits it from now on.

    Only the first version of a book may begin in the past: a later one would change what was agreed.

    :raises Conflict: if it is empty.
    """
    book = lock_draft(session, tenant, book_id=book_id)
    if not queries.get_book(session, tenant, book_id=book_id).entries:
        raise Conflict(_("Add at least one price before you publish this book."))
    if book.valid_from < today and _has_published(session, tenant, book):
        raise InvalidInput(
            _("A new version begins today or later: what was agreed keeps its price."), field="valid_from"
        )
    book.published_at = at
    session.flush()
    return book


def drop_draft(session: Session, tenant: Tenant, *, book_id: str) -> None:
    """Throw a draft away with its prices.

    :raises BookPublished: see there.
    """
    book = lock_draft(session, tenant, book_id=book_id)
    session.execute(
        sa.delete(PriceEntry).where(PriceEntry.partner_id == tenant.partner_id, PriceEntry.book_id == book.id)
    )
    session.delete(book)
    session.flush()


def lock_draft(session: Session, tenant: Tenant, *, book_id: str) -> PriceBook:
    """The book, locked, as long as it may be written on.

    :raises BookPublished: once it was published.
    """
    book = session.scalar(
        scoped(PriceBook, tenant)
        .where(PriceBook.id == book_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if book is None:
        raise NotFound(_("There is no price book %(id)s.", id=book_id))
    if book.published_at is not None:
        raise BookPublished(_("This book is published and never edited. Make a new version of it."))
    return book


def entry_for_model(session: Session, tenant: Tenant, *, model_id: str) -> tuple[str, str]:
    """(manufacturer, name) of one of the house's own models."""
    model = queries.get_model(session, tenant, model_id=model_id)
    return model.manufacturer, model.name


def _row(tenant: Tenant, book: PriceBook, entry: NewEntry) -> PriceEntry:
    return PriceEntry(
        partner_id=tenant.partner_id,
        id=new_id("pre"),
        book_id=book.id,
        item_kind=entry.item_kind,
        item_key=entry.item_key,
        item_name=entry.printed,
        commercial_model=entry.commercial_model,
        component=entry.component,
        quantity_from=entry.quantity_from,
        quantity_until=entry.quantity_until,
        term_from=entry.term_from,
        term_until=entry.term_until,
        price=entry.price,
    )


def _has_published(session: Session, tenant: Tenant, book: PriceBook) -> bool:
    return bool(
        session.scalar(
            sa.select(
                scoped(PriceBook, tenant)
                .where(
                    PriceBook.level == book.level,
                    PriceBook.name == book.name,
                    PriceBook.currency == book.currency,
                    PriceBook.client_id.is_not_distinct_from(book.client_id),
                    PriceBook.published_at.is_not(None),
                )
                .exists()
            )
        )
    )


def _demand_operator(session: Session, tenant: Tenant) -> None:
    """Wholesale prices are the operator's to set."""
    partner = session.get(Partner, tenant.partner_id)
    if partner is None or not partner.is_operator:
        raise InvalidInput(_("Wholesale prices are the operator's. Choose another level."), field="level")

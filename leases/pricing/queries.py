"""Reads of price books and rate cards: lists, one whole, and the values that the rules resolve."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, selectinload

from devices.models import HardwareModel
from haas.errors import NotFound
from haas.tenancy.models import Client
from haas.tenancy.scope import Tenant, scoped
from leases.pricing import rules
from leases.pricing.models import PriceBook, PriceEntry, RateCard
from leases.pricing.rules import Item, Level


def list_books(
    tenant: Tenant, *, level: str | None = None, client_id: str | None = None
) -> sa.Select[PriceBook]:
    """Every version of every book, to be paged."""
    statement = scoped(PriceBook, tenant)
    if level is not None:
        statement = statement.where(PriceBook.level == level)
    if client_id is not None:
        statement = statement.where(PriceBook.client_id == client_id)
    return statement


def get_book(session: Session, tenant: Tenant, *, book_id: str) -> PriceBook:
    """One version with its entries.

    :raises NotFound: also for another partner's.
    """
    book = session.scalar(
        scoped(PriceBook, tenant)
        .where(PriceBook.id == book_id)
        .options(selectinload(PriceBook.entries))
        .execution_options(populate_existing=True)
    )
    if book is None:
        raise NotFound(_("There is no price book %(id)s.", id=book_id))
    return book


def count_entries(session: Session, tenant: Tenant, *, book_ids: Sequence[str]) -> dict[str, int]:
    """How many prices each book holds."""
    rows = session.execute(
        sa.select(PriceEntry.book_id, sa.func.count())
        .where(PriceEntry.partner_id == tenant.partner_id, PriceEntry.book_id.in_(book_ids))
        .group_by(PriceEntry.book_id)
    )
    return {row[0]: row[1] for row in rows}


def in_force(session: Session, tenant: Tenant, *, day: date) -> set[str]:
    """The ids of the versions that hold on a day."""
    return set(session.scalars(_latest(tenant, day=day)))


def _latest(tenant: Tenant, *, day: date) -> sa.Select[str]:
    return (
        _readable(tenant)
        .where(PriceBook.published_at.is_not(None), PriceBook.valid_from <= day)
        .with_only_columns(PriceBook.id)
        .ext(distinct_on(PriceBook.level, PriceBook.client_id, PriceBook.currency, PriceBook.name))
        .order_by(
            PriceBook.level,
            PriceBook.client_id,
            PriceBook.currency,
            PriceBook.name,
            PriceBook.valid_from.desc(),
        )
    )


def load_books(
    session: Session,
    tenant: Tenant,
    *,
    levels: Sequence[Level],
    day: date | None = None,
    client_id: str | None = None,
    name: str | None = None,
) -> list[rules.Book]:
    """Published books as values, by one query.

    :param day: only the versions in force that day; every version if none is given.
    :param client_id: whose own books to bring along; other clients' stay out.
    """
    statement = _readable(tenant).where(
        PriceBook.published_at.is_not(None),
        PriceBook.level.in_(levels),
        sa.or_(PriceBook.client_id.is_(None), PriceBook.client_id == client_id),
    )
    if name is not None:
        statement = statement.where(PriceBook.name == name)
    if day is not None:
        statement = statement.where(PriceBook.id.in_(_latest(tenant, day=day)))
    found = session.execute(
        statement.add_columns(PriceEntry)
        .outerjoin(
            PriceEntry,
            sa.and_(PriceEntry.partner_id == PriceBook.partner_id, PriceEntry.book_id == PriceBook.id),
        )
        .order_by(PriceBook.name, PriceBook.valid_from, PriceBook.id, PriceEntry.id)
    )
    rows: dict[str, PriceBook] = {}
    entries: dict[str, list[rules.Entry]] = defaultdict(list)
    for book, entry in found:
        rows[book.id] = book
        if entry is not None:
            entries[book.id].append(entry_value(entry))
    return [
        rules.Book(
            id=row.id,
            level=Level(row.level),
            name=row.name,
            currency=row.currency,
            client_id=row.client_id,
            valid_from=row.valid_from,
            interval_months=row.interval_months,
            entries=entries[row.id],
        )
        for row in rows.values()
    ]


def _readable(tenant: Tenant) -> sa.Select[PriceBook]:
    """The house's books; a partner that reads as the house's client has the policies to narrow them."""
    return sa.select(PriceBook).where(PriceBook.partner_id == tenant.partner_id)


def entry_value(entry: PriceEntry) -> rules.Entry:
    """A row as the rules read it."""
    return rules.Entry(
        id=entry.id,
        item_kind=entry.item_kind,
        item_key=entry.item_key,
        item_name=entry.item_name,
        commercial_model=entry.commercial_model,
        component=entry.component,
        quantity_from=entry.quantity_from,
        quantity_until=entry.quantity_until,
        term_from=entry.term_from,
        term_until=entry.term_until,
        price=entry.price,
    )


def get_model(session: Session, tenant: Tenant, *, model_id: str) -> HardwareModel:
    """One of the house's own models.

    :raises NotFound: also for another partner's.
    """
    model = session.scalar(scoped(HardwareModel, tenant).where(HardwareModel.id == model_id))
    if model is None:
        raise NotFound(_("There is no hardware model %(id)s.", id=model_id), field="model_id")
    return model


def demand_client(session: Session, tenant: Tenant, *, client_id: str) -> None:
    """Refuse a client that the house does not have.

    :raises NotFound: also for another partner's.
    """
    if session.scalar(scoped(Client, tenant).where(Client.id == client_id)) is None:
        raise NotFound(_("There is no client %(id)s.", id=client_id), field="client_id")


def item_of(model: HardwareModel) -> Item:
    """A hardware model as books know it."""
    return Item(model_key=rules.model_key(model.manufacturer_norm, model.name_norm), category=model.category)


def list_cards(session: Session, tenant: Tenant) -> Sequence[RateCard]:
    """Every rate card with its rows, by name, the newest first."""
    return session.scalars(
        scoped(RateCard, tenant)
        .options(selectinload(RateCard.rows))
        .order_by(RateCard.name, RateCard.valid_from.desc())
    ).all()


def get_card(session: Session, tenant: Tenant, *, card_id: str) -> RateCard:
    """One rate card with its rows.

    :raises NotFound: also for another partner's.
    """
    card = session.scalar(
        scoped(RateCard, tenant).where(RateCard.id == card_id).options(selectinload(RateCard.rows))
    )
    if card is None:
        raise NotFound(_("There is no rate card %(id)s.", id=card_id))
    return card

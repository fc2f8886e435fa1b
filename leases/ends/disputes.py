"""What is said of a charge for damage: the client's objection, the partner's answer, the settlement."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from haas.documents.drawing import draw_photo
from haas.errors import Conflict, InvalidInput
from haas.files import store_file
from haas.ids import new_id
from haas.tenancy.scope import Tenant, scoped
from leases import queries, returns
from leases.ends.models import DamageNote
from leases.models import ReturnOrder

PICTURE = "damage_photo"
NOTES_MAX = 100  # of one charge: each may bring a picture of megabytes


def notes_of(session: Session, tenant: Tenant, *, return_id: str) -> Sequence[DamageNote]:
    """What was said, oldest first."""
    return session.scalars(
        scoped(DamageNote, tenant)
        .where(DamageNote.return_id == return_id)
        .order_by(DamageNote.id)
        .limit(NOTES_MAX)
    ).all()


def write_note(
    session: Session, tenant: Tenant, *, return_id: str, text: str, at: datetime, picture: bytes | None = None
) -> DamageNote:
    """Say something of the charge, with a picture or without. A client's first word in time is its objection.

    :raises Conflict: before the inspection, after it is settled, or for a client after the window; and when
        everything was said.
    :raises InvalidInput: if nothing is said.
    :raises haas.documents.photos.PictureRefused: for what is no picture that we show.
    """
    order = queries.get_return(session, tenant, return_id=return_id)
    if order.state != "inspected" or not order.damage_charge:
        raise Conflict("There is no open charge to speak of.")
    if not text.strip() and picture is None:
        raise InvalidInput("Say what is to be said, or add a picture.", field="text")
    if len(notes_of(session, tenant, return_id=return_id)) >= NOTES_MAX:
        raise Conflict("That is much of one charge: please call.")
    is_client = tenant.client_id is not None
    if is_client and order.disputed_at is None:
        returns.dispute(session, tenant, return_id=return_id, at=at)
    return _add(
        session,
        tenant,
        order,
        text=text.strip(),
        file_id=_keep(session, tenant, order, picture) if picture is not None else None,
        at=at,
    )


def settle(
    session: Session, tenant: Tenant, *, return_id: str, charge: Decimal, at: datetime, text: str = ""
) -> ReturnOrder:
    """Close the charge at an agreed figure, and keep with what words."""
    order = returns.settle(session, tenant, return_id=return_id, charge=charge)
    _add(session, tenant, order, text=text.strip(), amount=charge, at=at)
    return order


def days_left(order: ReturnOrder, *, today: date) -> int | None:
    """How many days the client may still object, today included; none where nothing is open."""
    if order.state != "inspected" or order.dispute_until is None or order.disputed_at is not None:
        return None
    return max((order.dispute_until - today).days + 1, 0)


def _keep(session: Session, tenant: Tenant, order: ReturnOrder, picture: bytes) -> str:
    photo = draw_photo(picture)
    digest = hashlib.sha256(photo.content).hexdigest()
    return store_file(
        session,
        tenant,
        kind=PICTURE,
        name=f"{order.number}-{digest[:8]}.{photo.ending}",
        media_type=photo.media_type,
        content=photo.content,
        client_id=order.client_id,
        once_key=f"{PICTURE}:{order.id}:{digest}",
    ).id


def _add(
    session: Session,
    tenant: Tenant,
    order: ReturnOrder,
    *,
    text: str,
    at: datetime,
    file_id: str | None = None,
    amount: Decimal | None = None,
) -> DamageNote:
    note = DamageNote(
        partner_id=tenant.partner_id,
        id=new_id("dno"),
        return_id=order.id,
        client_id=order.client_id,
        side="client" if tenant.client_id is not None else "partner",
        text=text,
        file_id=file_id,
        amount=amount,
        written_at=at,
        written_by=tenant.actor,
    )
    session.add(note)
    session.flush()
    return note

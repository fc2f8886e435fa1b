"""Idempotency-Key: the stored answer of the first request is the answer of every repeat."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import ClassVar

import sqlalchemy as sa
from flask import Request, Response
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from haas.db import Base, ClientScope, PartnerOwned
from haas.errors import Conflict, InvalidInput
from haas.tenancy.scope import Tenant, scoped

KEPT = timedelta(days=30)  # a phone that was offline may send its queue after weeks
KEY_LENGTH_MAX = 255


class KeyReused(InvalidInput):
    """The key was used before for another request."""

    code = "idempotency_key_reused"


class StillRunning(Conflict):
    """The first request with this key has not finished."""

    code = "idempotency_in_flight"


class StoredAnswer(PartnerOwned, Base):
    """What the first request with a key was answered. `id` is the key itself, prefixed by the caller."""

    __tablename__ = "idempotency_answer"
    __client_scope__: ClassVar[ClientScope] = "open"

    request_hash: Mapped[str] = mapped_column(sa.String(64))
    status: Mapped[int | None]
    media_type: Mapped[str | None]
    body: Mapped[bytes | None]
    location: Mapped[str | None]
    created_at: Mapped[datetime]


def claim(session: Session, tenant: Tenant, *, key: str, request: Request, now: datetime) -> Response | None:
    """Take `key` for this request, or answer as the first request with it was answered.

    The row is inserted in the request's own transaction: it commits with the effect or not at all, so a
    request that was refused or killed leaves the key free. A rival waits on the primary key.

    :raises KeyReused: if the key came with another method, path or body.
    """
    if not 0 < len(key) <= KEY_LENGTH_MAX:
        raise InvalidInput(
            f"Idempotency-Key must have 1 to {KEY_LENGTH_MAX} characters.",
            field="Idempotency-Key",
        )
    fingerprint = hashlib.sha256(
        b"\0".join(
            [
                request.method.encode(),
                request.full_path.encode(),
                _body(request),
            ]
        )
    ).hexdigest()
    row_id = f"{tenant.actor}:{key}"
    taken = session.execute(
        insert(StoredAnswer)
        .values(
            partner_id=tenant.partner_id,
            id=row_id,
            request_hash=fingerprint,
            created_at=now,
        )
        .on_conflict_do_nothing()
        .returning(StoredAnswer.id)  # the row itself: this driver counts no rows of such an insert
    )
    if taken.scalar() is not None:
        return None
    first = session.scalars(scoped(StoredAnswer, tenant).where(StoredAnswer.id == row_id)).one()
    if first.request_hash != fingerprint:
        raise KeyReused(
            "This Idempotency-Key was used for another request; send a new key.",
            field="Idempotency-Key",
        )
    if first.status is None:
        raise StillRunning("The first request with this Idempotency-Key has not finished; try again.")
    answer = Response(first.body or b"", status=first.status, mimetype=first.media_type)
    if first.location:
        answer.headers["Location"] = first.location
    answer.headers["Idempotent-Replay"] = "true"
    return answer


def _body(request: Request) -> bytes:
    """The body; of an upload without its boundary, which programs draw anew each time they send it."""
    body = request.get_data(cache=True)
    boundary = request.mimetype_params.get("boundary", "")
    return body.replace(boundary.encode(), b"") if boundary else body


def remember(session: Session, tenant: Tenant, *, key: str, answer: Response) -> None:
    """Store the answer beside the effect, in the same transaction."""
    row = session.scalars(
        scoped(StoredAnswer, tenant).where(StoredAnswer.id == f"{tenant.actor}:{key}")
    ).one()
    row.status = answer.status_code
    row.media_type = answer.mimetype
    row.body = answer.get_data()
    row.location = answer.headers.get("Location")
    session.flush()

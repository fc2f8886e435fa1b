"""StoredFile: a rendered document, an upload or an export, kept in the database with its hash."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import ClassVar

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, deferred, mapped_column

from haas import clock
from haas.db import Base, ClientScope, PartnerOwned, owned_by_partner
from haas.errors import NotFound
from haas.ids import new_id
from haas.tenancy.scope import Tenant, scoped


class StoredFile(PartnerOwned, Base):
    """Bytes that do not change. With a client, that client's own users may fetch it."""

    __tablename__ = "stored_file"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("client_id", "client"),
        sa.UniqueConstraint("partner_id", "once_key"),
    )

    client_id: Mapped[str | None]
    kind: Mapped[str]  # invoice_pdf, return_receipt, export, import, photo, logo …
    name: Mapped[str]  # as downloaded
    media_type: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(sa.BigInteger)
    sha256: Mapped[str] = mapped_column(sa.String(64))
    once_key: Mapped[str | None]  # hash of the inputs it was made from: made once
    created_at: Mapped[datetime]
    content: Mapped[bytes] = deferred(mapped_column(sa.LargeBinary))


def store_file(
    session: Session,
    tenant: Tenant,
    *,
    kind: str,
    name: str,
    media_type: str,
    content: bytes,
    client_id: str | None = None,
    once_key: str | None = None,
) -> StoredFile:
    """Keep `content`; with `once_key`, the file already made from the same inputs is the answer.

    Also the one that a rival makes at this moment: the second waits for it.
    """
    if once_key is not None and (found := _find_made(session, tenant, once_key)) is not None:
        return found
    stored = StoredFile(
        partner_id=tenant.partner_id,
        id=new_id("fil"),
        client_id=client_id,
        kind=kind,
        name=name,
        media_type=media_type,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        once_key=once_key,
        created_at=clock.now(),
        content=content,
    )
    try:
        with session.begin_nested():
            session.add(stored)
            session.flush()
    except IntegrityError:
        rival = _find_made(session, tenant, once_key) if once_key is not None else None
        if rival is None:
            raise
        return rival
    return stored


def _find_made(session: Session, tenant: Tenant, once_key: str) -> StoredFile | None:
    return session.scalar(scoped(StoredFile, tenant).where(StoredFile.once_key == once_key))


def get_file(session: Session, tenant: Tenant, *, file_id: str) -> StoredFile:
    """The file, without its bytes until `.content` is read.

    :raises NotFound: if this tenant has no such file.
    """
    stored = session.scalar(scoped(StoredFile, tenant).where(StoredFile.id == file_id))
    if stored is None:
        raise NotFound(f"There is no file {file_id}.")
    return stored

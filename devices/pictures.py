"""The picture of a hardware model or of one asset: checked, drawn anew, kept as a file."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from sqlalchemy.orm import Session

from devices.models import Asset, HardwareModel
from haas import db
from haas.documents.drawing import draw_photo
from haas.errors import NotFound
from haas.files import StoredFile, get_file, store_file
from haas.tenancy.scope import Tenant

KIND = "photo"


def set_picture(
    session: Session, tenant: Tenant, *, owner: Asset | HardwareModel, upload: bytes
) -> StoredFile:
    """Show `upload` as the picture of a model or asset; the same upload is kept once.

    :raises haas.documents.photos.PictureRefused: for what is no picture that we show.
    """
    picture = draw_photo(upload)
    digest = hashlib.sha256(picture.content).hexdigest()
    stored = store_file(
        session,
        tenant,
        kind=KIND,
        name=f"picture-{digest[:12]}.{picture.ending}",
        media_type=picture.media_type,
        content=picture.content,
        once_key=f"{KIND}:{digest}",
    )
    owner.picture_file_id = stored.id
    session.flush()
    return stored


def remove_picture(session: Session, *, owner: Asset | HardwareModel) -> None:
    """Show none of its own any more. The file stays: others may show it."""
    owner.picture_file_id = None
    session.flush()


def get_picture(session: Session, tenant: Tenant, *, owner: Asset | HardwareModel) -> StoredFile:
    """The picture with its bytes: an asset's own, else its model's.

    Whoever sees the asset or model sees its picture. The file is the partner's, whose clients see none of its
    files, so it is read in the partner's name.

    :raises NotFound: if there is none.
    """
    file_id = owner.picture_file_id or (owner.model.picture_file_id if isinstance(owner, Asset) else None)
    if file_id is None:
        raise NotFound("There is no picture.")
    partner = replace(tenant, client_id=None)
    db.change_scope(session, partner)
    stored = get_file(session, partner, file_id=file_id)
    session.refresh(stored, ["content"])  # later, in the client's name, it could not be read
    db.change_scope(session, tenant)
    return stored

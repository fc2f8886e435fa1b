"""Issue, replace and revoke the opaque tokens that labels bear."""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy.orm import Session

from devices.models import LabelToken
from devices.queries import lock_asset
from haas.errors import NotFound
from haas.ids import new_id
from haas.tenancy.scope import Tenant, scoped

_TOKEN_BYTES = 16  # 128 bits: not to be guessed, and short enough for a small label


def issue_label(session: Session, tenant: Tenant, *, asset_id: str, at: datetime) -> LabelToken:
    """A new opaque token for a label. Older labels keep working until they are revoked."""
    label = LabelToken(
        partner_id=tenant.partner_id,
        id=new_id("lab"),
        asset_id=asset_id,
        token=new_label_token(),
        issued_at=at,
    )
    session.add(label)
    session.flush()
    return label


def new_label_token() -> str:
    """128 random bits, URL-safe."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def replace_label(session: Session, tenant: Tenant, *, asset_id: str, at: datetime) -> LabelToken:
    """Revoke every label of the asset and issue a new one: for a label that was lost or copied."""
    lock_asset(session, tenant, asset_id=asset_id)
    for label in session.scalars(
        scoped(LabelToken, tenant).where(LabelToken.asset_id == asset_id, LabelToken.revoked_at.is_(None))
    ):
        label.revoked_at = at
    return issue_label(session, tenant, asset_id=asset_id, at=at)


def revoke_label(session: Session, tenant: Tenant, *, token: str, at: datetime) -> LabelToken:
    """Make a label lead nowhere. Revoking twice changes nothing.

    :raises NotFound: if no label of this tenant bears `token`.
    """
    label = session.scalar(scoped(LabelToken, tenant).where(LabelToken.token == token).with_for_update())
    if label is None:
        raise NotFound("There is no such label.")
    label.revoked_at = label.revoked_at or at
    session.flush()
    return label

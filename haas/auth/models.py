"""User, PortalSession, ApiToken, second factors and one-time links."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from haas.db import Base, ClientScope, PartnerOwned, owned_by_partner


class User(Base):
    """A person at one level: the operator, one partner, or one client of a partner."""

    __tablename__ = "app_user"
    __table_args__ = (
        sa.CheckConstraint(
            "(level = 'operator' and partner_id is null and client_id is null)"
            " or (level = 'partner' and partner_id is not null and client_id is null)"
            " or (level = 'client' and partner_id is not null and client_id is not null)",
            name="belongs_to_one_level",
        ),
        owned_by_partner("client_id", "client"),
        # Not unique by itself: an address taken at one partner must not show at another.
        sa.Index(
            "uq_app_user_email",
            sa.text("coalesce(partner_id, '')"),
            "email_norm",
            unique=True,
        ),
        sa.Index("ix_app_user_email_norm", "email_norm"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    level: Mapped[str]
    partner_id: Mapped[str | None] = mapped_column(sa.ForeignKey("partner.id"))
    client_id: Mapped[str | None]
    role: Mapped[str]
    name: Mapped[str]
    email: Mapped[str]
    email_norm: Mapped[str]
    password_hash: Mapped[str | None]  # Argon2id; none until the invitation is accepted
    totp_secret: Mapped[str | None]  # encrypted with the settings' secret key
    totp_confirmed_at: Mapped[datetime | None]
    totp_last_step: Mapped[int | None]  # a code is good once
    failed_sign_ins: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    language: Mapped[str] = mapped_column(default="en")
    time_zone: Mapped[str] = mapped_column(default="UTC")
    theme: Mapped[str] = mapped_column(default="auto")
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class Passkey(Base):
    """A WebAuthn credential of a user."""

    __tablename__ = "passkey"

    id: Mapped[str] = mapped_column(primary_key=True)  # the credential id, base64url
    user_id: Mapped[str] = mapped_column(sa.ForeignKey("app_user.id"), index=True)
    partner_id: Mapped[str | None] = mapped_column(sa.ForeignKey("partner.id"))
    name: Mapped[str]
    public_key: Mapped[bytes]
    sign_count: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]


class RecoveryCode(Base):
    """A one-time code for whoever lost the second factor."""

    __tablename__ = "recovery_code"

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(sa.ForeignKey("app_user.id"), index=True)
    partner_id: Mapped[str | None] = mapped_column(sa.ForeignKey("partner.id"))
    code_hash: Mapped[str]
    used_at: Mapped[datetime | None]


class PortalSession(Base):
    """A signed-in browser; the cookie carries only the token whose hash stands here."""

    __tablename__ = "portal_session"

    id: Mapped[str] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    user_id: Mapped[str] = mapped_column(sa.ForeignKey("app_user.id"), index=True)
    partner_id: Mapped[str | None] = mapped_column(sa.ForeignKey("partner.id"))
    acting_partner_id: Mapped[str | None] = mapped_column(sa.ForeignKey("partner.id"))  # operators only
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    second_factor_at: Mapped[datetime | None]  # none: half signed in, or no factor is enrolled
    confirmed_at: Mapped[datetime | None]  # when the person last proved again who is at the keys
    ended_at: Mapped[datetime | None]
    address: Mapped[str] = mapped_column(default="")
    user_agent: Mapped[str] = mapped_column(default="")


class OneTimeLink(Base):
    """An invitation or a password reset, sent by mail; good once, for a while."""

    __tablename__ = "one_time_link"

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(sa.ForeignKey("app_user.id"), index=True)
    partner_id: Mapped[str | None] = mapped_column(sa.ForeignKey("partner.id"))
    purpose: Mapped[str]  # invitation | password_reset
    token_hash: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]  # or replaced by a newer one


class PasskeyChallenge(Base):
    """A challenge given to a browser; taken back once, by whoever presents it, within minutes.

    `id` is the hash of the challenge. It belongs to nobody yet: whoever signs in is not known before.
    """

    __tablename__ = "passkey_challenge"

    id: Mapped[str] = mapped_column(primary_key=True)
    purpose: Mapped[str]  # register:<user> | sign_in | confirm:<user>
    expires_at: Mapped[datetime] = mapped_column(index=True)


class ApiToken(PartnerOwned, Base):
    """A key for another program: `haas_live_<id>_<random>_<checksum>`, kept as HMAC alone."""

    __tablename__ = "api_token"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("client_id", "client"),
        sa.UniqueConstraint("token_hmac"),
    )

    client_id: Mapped[str | None]
    name: Mapped[str]
    token_hmac: Mapped[str]
    last_four: Mapped[str]
    scopes: Mapped[list[str]]  # permissions, each also held by whoever made the token
    created_by: Mapped[str] = mapped_column(sa.ForeignKey("app_user.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

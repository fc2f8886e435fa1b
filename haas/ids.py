"""Prefixed, time-ordered ids: ast_01k…, lse_01k…; and random secrets."""

from __future__ import annotations

import secrets

from ulid import ULID


def new_id(prefix: str) -> str:
    """A new id such as `ast_01kb3…`; ids made later sort later (to the millisecond)."""
    return f"{prefix}_{str(ULID()).lower()}"


def new_secret() -> str:
    """256 random bits, URL-safe."""
    return secrets.token_urlsafe(32)

"""Prefixed, time-ordered ids: ast_01k…, lse_01k…; and random secrets."""

from __future__ import annotations

import secrets

from ulid import ULID

_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32
_PAIRS = [first + second for first in _LETTERS for second in _LETTERS]
_SHIFTS = range(120, -1, -10)  # 26 letters are 13 pairs of ten bits


def new_id(prefix: str) -> str:
    """A new id such as `ast_01kb3…`; ids made later sort later (to the millisecond)."""
    number = int(ULID())
    # What `str(ULID()).lower()` says, in a fifth of its time: a billing run takes five ids an invoice.
    return f"{prefix}_{''.join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])}"


def new_secret() -> str:
    """256 random bits, URL-safe."""
    return secrets.token_urlsafe(32)

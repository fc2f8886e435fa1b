"""API tokens `haas_live_<id>_<random>_<checksum>`: made once, kept as HMAC, told by their prefix."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import zlib

PREFIX = "haas_live"


def new_token(token_id: str) -> str:
    """A token whose prefix secret scanners know and whose checksum tells a typing error from a guess."""
    body = f"{PREFIX}_{token_id.removeprefix('tok_')}_{secrets.token_hex(32)}"
    return f"{body}_{_checksum(body)}"


def looks_like_token(token: str) -> bool:
    """Whether prefix and checksum are right: no database is asked about anything else."""
    body, _, checksum = token.rpartition("_")
    return body.startswith(f"{PREFIX}_") and hmac.compare_digest(checksum, _checksum(body))


def keyed_hash(secret: str, *, pepper: str, purpose: str) -> str:
    """HMAC-SHA256 in hex. The secret has 256 random bits, so a slow hash would add nothing.

    :param purpose: keeps hashes of different kinds apart (`api_token`, `portal_session`, `one_time_link`).
    """
    return hmac.new(pepper.encode(), f"{purpose}\0{secret}".encode(), hashlib.sha256).hexdigest()


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"

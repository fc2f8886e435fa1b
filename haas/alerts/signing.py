"""Standard Webhooks signatures: `webhook-id`, `webhook-timestamp`, `webhook-signature`. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime

PREFIX = "whsec_"
_SECRET_BYTES = (24, 64)


class BadSecret(ValueError):
    """A secret that no signature can be made with."""


def new_secret() -> str:
    """256 random bits, as receivers expect them."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def signature(*, secret: str, message_id: str, at: datetime, body: bytes) -> str:
    """`v1,…` over id, time and body.

    :raises BadSecret: if the secret is empty, too short or not base64.
    """
    signed = b".".join([message_id.encode(), str(int(at.timestamp())).encode(), body])
    digest = hmac.new(_key(secret), signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def headers(*, secrets_in_force: Sequence[str], message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers. While a secret is being replaced both sign: the receiver may follow later."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(
            signature(secret=secret, message_id=message_id, at=at, body=body) for secret in secrets_in_force
        ),
    }


def _key(secret: str) -> bytes:
    text = secret.removeprefix(PREFIX)
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error as wrong:
        raise BadSecret("the webhook secret is not base64") from wrong
    if not _SECRET_BYTES[0] <= len(key) <= _SECRET_BYTES[1]:
        raise BadSecret(f"the webhook secret has {len(key)} bytes; 24 to 64 are allowed")
    return key

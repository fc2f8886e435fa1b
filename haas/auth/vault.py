"""Secrets that must be read again (TOTP keys), encrypted with a key derived from the settings' own."""

from __future__ import annotations

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class SecretKeyChanged(RuntimeError):
    """What is stored was encrypted with another HAAS_SECRET_KEY."""


def seal(text: str, *, secret_key: str, purpose: str) -> str:
    """Encrypt and sign. Another purpose has another key."""
    return _fernet(secret_key, purpose).encrypt(text.encode()).decode()


def unseal(sealed: str, *, secret_key: str, purpose: str) -> str:
    """The text again.

    :raises SecretKeyChanged: if it was sealed with another key or for another purpose, or altered since.
    """
    try:
        return _fernet(secret_key, purpose).decrypt(sealed.encode()).decode()
    except InvalidToken as wrong:
        raise SecretKeyChanged(f"the stored {purpose} cannot be read with this HAAS_SECRET_KEY") from wrong


@lru_cache(maxsize=8)
def _fernet(secret_key: str, purpose: str) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"haas {purpose}".encode())
    return Fernet(base64.urlsafe_b64encode(derived.derive(secret_key.encode())))

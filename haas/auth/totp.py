"""Time-based one-time codes (RFC 6238): six digits, 30 seconds, each good once."""

from __future__ import annotations

import hmac
from datetime import datetime

import pyotp

STEP_SECONDS = 30
_TOLERANCE_STEPS = 1  # a phone's clock may be half a minute off


def new_secret() -> str:
    """160 random bits in base 32, as authenticator apps take them."""
    return str(pyotp.random_base32())


def enrolment_uri(secret: str, *, account: str, issuer: str) -> str:
    """The `otpauth://` address that an authenticator app reads from a QR code."""
    return str(pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=issuer))


def code_at(secret: str, moment: datetime) -> str:
    """The code that an app shows at `moment`."""
    return str(pyotp.TOTP(secret).generate_otp(_step(moment)))


def matched_step(secret: str, code: str, *, now: datetime, after: int | None) -> int | None:
    """The time step whose code this is, or none. Steps up to `after` are spent: a code is good once."""
    code = "".join(code.split())
    if len(code) != 6 or not code.isascii() or not code.isdigit():
        return None
    present = _step(now)
    for step in range(present - _TOLERANCE_STEPS, present + _TOLERANCE_STEPS + 1):
        if after is not None and step <= after:
            continue
        if hmac.compare_digest(str(pyotp.TOTP(secret).generate_otp(step)), code):
            return step
    return None


def _step(moment: datetime) -> int:
    return int(moment.timestamp()) // STEP_SECONDS

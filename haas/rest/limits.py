"""Rate limits, counted in Valkey; doors name theirs."""

from __future__ import annotations

from flask import request
from flask_limiter import Limiter

from haas.auth.identify import PROGRAM_PATHS


def _who() -> str:
    """A token's own budget for programs, the address for everyone else."""
    if request.path.startswith(PROGRAM_PATHS) and (sent := request.headers.get("Authorization")):
        return f"token:{sent[-24:]}"
    return f"address:{request.remote_addr}"


limiter = Limiter(key_func=_who, default_limits=["1200 per minute"], headers_enabled=True)

SIGN_IN = "20 per minute"
GUESSABLE = "30 per minute"  # label tokens, enrolment codes, one-time links
EXPENSIVE = "30 per minute"  # exports, PDFs, photo decoding

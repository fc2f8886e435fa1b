"""Serials, tags and names as they are compared: what people type differently is one thing."""

from __future__ import annotations

import unicodedata


def normalised(text: str) -> str:
    """How a serial or tag is compared: no spaces, one case, one form of each character."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def tidy(text: str) -> str:
    """How it is kept and printed: as typed, without outer or doubled spaces."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def name_key(text: str) -> str:
    """How names of makers and models are compared: one case, single spaces."""
    return tidy(unicodedata.normalize("NFKC", text)).casefold()

"""Uploaded pictures drawn anew in a process with limits: what breaks a decoder harms nobody else."""

from __future__ import annotations

from typing import Literal

import msgspec

from haas import limited_process
from haas.documents.logos import LogoRefused
from haas.documents.photos import Picture, PictureRefused
from haas.limited_process import Refused, TooCostly

SECONDS = 10
_CHILD = "haas.documents.drawing_process"
_TOO_COSTLY = "The picture asks for too much: export it again, smaller."


class Upload(msgspec.Struct, frozen=True):
    """What the child is asked to draw."""

    kind: Literal["logo", "photo"]
    content: bytes


def draw_logo(data: bytes) -> bytes:
    """An uploaded logo as a PNG of our own making; see `haas.documents.logos.accept_logo`.

    :raises LogoRefused: with the remedy; also if drawing it takes more time or memory than a picture may.
    """
    try:
        return _drawn(Upload("logo", data)).content
    except Refused as refusal:
        raise LogoRefused(str(refusal)) from refusal
    except TooCostly as costly:
        raise LogoRefused(_TOO_COSTLY) from costly


def draw_photo(data: bytes) -> Picture:
    """An uploaded photo as a picture of our own making; see `haas.documents.photos.accept_photo`.

    :raises PictureRefused: with the remedy; also if drawing it takes more time or memory than a picture may.
    """
    try:
        return _drawn(Upload("photo", data))
    except Refused as refusal:
        raise PictureRefused(str(refusal)) from refusal
    except TooCostly as costly:
        raise PictureRefused(_TOO_COSTLY) from costly


def _drawn(upload: Upload) -> Picture:
    return limited_process.ask(_CHILD, upload, answer=Picture, seconds=SECONDS)

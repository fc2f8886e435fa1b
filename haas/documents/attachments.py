"""A file inside a PDF that says the same as its pages, and the XMP properties that announce it."""

from __future__ import annotations

from typing import NamedTuple

import msgspec


class XmpProperty(NamedTuple):
    """One text property; `description` is for the reader who does not know it."""

    name: str
    value: str
    description: str


class XmpSchema(msgspec.Struct, frozen=True):
    """Properties that PDF/A does not know: it wants their schema beside them (ISO 19005-3, 6.6.2.3)."""

    title: str
    namespace: str
    prefix: str
    properties: tuple[XmpProperty, ...]


class Attachment(msgspec.Struct, frozen=True):
    """A file to embed as an alternative of the document (`/AFRelationship /Alternative`)."""

    name: str
    content: bytes
    description: str
    schema: XmpSchema

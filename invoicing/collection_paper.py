"""The collection list: what a driver fetches, site by site, to tick off on paper."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

import msgspec

from haas.documents.pages import fill
from haas.documents.renderer import render_in_own_process
from haas.tenancy.branding import Branding

Render = Callable[[str], bytes]


class CollectionItem(msgspec.Struct, frozen=True, kw_only=True):
    """One device with what belongs to it."""

    tag: str
    serial: str
    description: str
    kit: tuple[str, ...] = ()
    lease_number: str = ""
    due_on: date | None = None


class CollectionStop(msgspec.Struct, frozen=True, kw_only=True):
    """One site."""

    name: str
    address_lines: tuple[str, ...] = ()
    contact: str = ""
    items: tuple[CollectionItem, ...]


class CollectionDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Everything to fetch from one client."""

    branding: Branding
    language: str = "en"
    number: str
    client_name: str
    client_address_lines: tuple[str, ...] = ()
    written_at: datetime
    stops: tuple[CollectionStop, ...]
    portal_url: str = ""


def collection_pdf(document: CollectionDocument, *, render: Render = render_in_own_process) -> bytes:
    """The list as PDF; the same document gives the same bytes."""
    return render(
        fill(
            "collection_list.html",
            branding=document.branding,
            language=document.language,
            document=document,
        )
    )

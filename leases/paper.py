"""Paper of a device's way out and back: acceptance certificate and return receipt."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

import msgspec

from haas.documents.pages import fill
from haas.documents.qr import png_data_uri
from haas.documents.renderer import render_in_own_process
from haas.tenancy.branding import Branding

Render = Callable[[str], bytes]


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """Who signed, in what capacity and when; the drawn signature as PNG where there is one."""

    name: str
    capacity: str = ""
    signed_at: datetime | None = None
    png: bytes | None = None

    @property
    def picture(self) -> str | None:
        """The drawn signature as a data: address."""
        return png_data_uri(self.png) if self.png else None


class KitItem(msgspec.Struct, frozen=True, kw_only=True):
    """One device with what belongs to it; the kit is the unit issued and inspected."""

    tag: str
    serial: str
    description: str
    accessories: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    condition: str = ""
    charges_stop_on: date | None = None


class HandOverDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Certificate of acceptance: from this signature on the devices are in service and billed."""

    branding: Branding
    language: str = "en"
    number: str
    client_name: str
    client_address_lines: tuple[str, ...] = ()
    site: str = ""
    agreement_number: str = ""
    lease_number: str = ""
    accepted_at: datetime
    charges_start_on: date | None = None
    items: tuple[KitItem, ...]
    accepted_by: Signature
    handed_over_by: Signature
    notes: tuple[str, ...] = ()
    portal_url: str = ""

    def to_json(self) -> bytes:
        """Canonical JSON: the same value always gives the same bytes."""
        return msgspec.json.encode(self, order="deterministic")

    @classmethod
    def from_json(cls, data: bytes | str) -> HandOverDocument:
        """The value as it was frozen."""
        return msgspec.json.decode(data, type=cls)


class ReturnReceiptDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Receipt for devices taken back, before they are inspected."""

    branding: Branding
    language: str = "en"
    number: str
    client_name: str
    client_address_lines: tuple[str, ...] = ()
    site: str = ""
    agreement_number: str = ""
    lease_number: str = ""
    received_at: datetime
    received_place: str = ""
    items: tuple[KitItem, ...]
    returned_by: Signature
    received_by: Signature
    notes: tuple[str, ...] = ()
    portal_url: str = ""

    def to_json(self) -> bytes:
        """Canonical JSON: the same value always gives the same bytes."""
        return msgspec.json.encode(self, order="deterministic")

    @classmethod
    def from_json(cls, data: bytes | str) -> ReturnReceiptDocument:
        """The value as it was frozen."""
        return msgspec.json.decode(data, type=cls)


def hand_over_pdf(document: HandOverDocument, *, render: Render = render_in_own_process) -> bytes:
    """The acceptance certificate as PDF; the same document gives the same bytes."""
    return render(
        fill(
            "hand_over.html",
            branding=document.branding,
            language=document.language,
            document=document,
        )
    )


def return_receipt_pdf(document: ReturnReceiptDocument, *, render: Render = render_in_own_process) -> bytes:
    """The return receipt as PDF; the same document gives the same bytes."""
    return render(
        fill(
            "return_receipt.html",
            branding=document.branding,
            language=document.language,
            document=document,
        )
    )

"""Wipe certificates on paper, with the fields of NIST SP 800-88 (section 4.8 and appendix G)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal

import msgspec

from haas.documents.pages import fill
from haas.documents.qr import png_data_uri
from haas.documents.renderer import render_in_own_process
from haas.tenancy.branding import Branding

Method = Literal["clear", "purge", "destroy"]
Result = Literal["passed", "failed"]


class Medium(msgspec.Struct, frozen=True, kw_only=True):
    """One data-bearing part and what was done to it."""

    media_type: str  # "NVMe SSD", "SATA disk", "eMMC"
    maker: str = ""
    model: str = ""
    serial: str = ""
    capacity: str = ""
    method: Method
    technique: str  # "cryptographic erase", "secure erase", "overwrite", "shredded"
    tool: str = ""
    tool_version: str = ""
    verification: str = ""  # "full", "10 % sample"
    result: Result = "passed"


class Witness(msgspec.Struct, frozen=True, kw_only=True):
    """Who did or checked it: name, title, place, moment, and the drawn signature where there is one."""

    name: str
    title: str = ""
    place: str = ""
    contact: str = ""
    signed_at: datetime | None = None
    signature_png: bytes | None = None

    @property
    def picture(self) -> str | None:
        """The drawn signature as a data: address."""
        return png_data_uri(self.signature_png) if self.signature_png else None


class WipeCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """Proof that a device's media hold nothing of the client any more."""

    branding: Branding
    language: str = "en"
    number: str
    client_name: str
    client_address_lines: tuple[str, ...] = ()
    device_maker: str
    device_model: str
    device_serial: str
    property_number: str  # the asset tag
    media_source: str = ""  # the device or user the media came from
    confidentiality_before: str = ""
    confidentiality_after: str = ""
    data_backed_up: str = ""  # "yes, 2026-11-20, by the client"
    media: tuple[Medium, ...]
    destination: str  # after sanitisation: "internal reuse", "resale", "recycling", "destroyed"
    performed_by: Witness
    verified_by: Witness
    performed_at: datetime
    notes: tuple[str, ...] = ()
    portal_url: str = ""

    def to_json(self) -> bytes:
        """Canonical JSON: the same value always gives the same bytes."""
        return msgspec.json.encode(self, order="deterministic")

    @classmethod
    def from_json(cls, data: bytes | str) -> WipeCertificate:
        """The value as it was frozen."""
        return msgspec.json.decode(data, type=cls)


def wipe_certificate_pdf(
    certificate: WipeCertificate, *, render: Callable[[str], bytes] = render_in_own_process
) -> bytes:
    """The certificate as PDF; the same certificate gives the same bytes.

    :raises ValueError: if it names no media: a certificate of nothing proves nothing.
    """
    if not certificate.media:
        raise ValueError("a wipe certificate names at least one medium")
    return render(
        fill(
            "wipe_certificate.html",
            branding=certificate.branding,
            language=certificate.language,
            document=certificate,
        )
    )

"""Paper of an amendment: what changes from which day, what it costs, and what leaving costs from then on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal

import msgspec

from haas.documents.pages import fill
from haas.documents.renderer import render_in_own_process
from haas.tenancy.branding import Branding

Render = Callable[[str], bytes]


class ChangeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One field before and after. `what` is a line's text, empty for the lease; figures are typed."""

    what: str = ""
    field: str
    before: str = ""
    after: str = ""
    price_before: Decimal | None = None
    price_after: Decimal | None = None
    day_before: date | None = None
    day_after: date | None = None


class ChargeRow(msgspec.Struct, frozen=True, kw_only=True):
    """What one line costs to leave; `waived`: it needs no charge, by allowance or agreement."""

    what: str
    remaining: Decimal
    charge: Decimal
    waived: bool = False


class LeavingRow(msgspec.Struct, frozen=True, kw_only=True):
    """What leaving in a month of the term costs from now on, all places together."""

    month: int
    start: date
    charge: Decimal


class AmendmentDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An amendment that is in force, as both sides read it."""

    branding: Branding
    language: str = "en"
    number: str
    kind: str
    client_name: str
    client_address_lines: tuple[str, ...] = ()
    agreement_number: str = ""
    lease_number: str = ""
    effective_on: date
    written_at: datetime
    currency: str
    reason: str = ""
    changes: tuple[ChangeRow, ...] = ()
    charges: tuple[ChargeRow, ...] = ()
    charge: Decimal = Decimal(0)
    leaving: tuple[LeavingRow, ...] = ()
    asked_by: str = ""
    approved_by: str = ""
    portal_url: str = ""

    def to_json(self) -> bytes:
        """Canonical JSON: the same value always gives the same bytes."""
        return msgspec.json.encode(self, order="deterministic")

    @classmethod
    def from_json(cls, data: bytes | str) -> AmendmentDocument:
        """The value as it was frozen."""
        return msgspec.json.decode(data, type=cls)


def amendment_pdf(document: AmendmentDocument, *, render: Render = render_in_own_process) -> bytes:
    """The amendment as PDF; the same document gives the same bytes."""
    return render(
        fill("amendment.html", branding=document.branding, language=document.language, document=document)
    )

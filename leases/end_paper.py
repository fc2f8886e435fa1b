"""Paper of a lease's end: the offer to buy a device, the bill of sale, the table of loss values."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal

import msgspec

from haas.documents.pages import fill
from haas.documents.renderer import render_in_own_process
from haas.tenancy.branding import Branding

Render = Callable[[str], bytes]


class SaleDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One device offered to the client that leases it (`quote`), or sold to it (`bill_of_sale`)."""

    kind: str  # quote | bill_of_sale
    branding: Branding
    language: str = "en"
    number: str
    client_name: str
    client_address_lines: tuple[str, ...] = ()
    lease_number: str = ""
    tag: str
    serial: str
    description: str
    price: Decimal  # net
    currency: str
    written_at: datetime
    priced_on: date
    valid_until: date | None = None  # of an offer
    effective_on: date | None = None  # of a sale
    title_on_payment: bool = True
    portal_url: str = ""


def sale_pdf(document: SaleDocument, *, render: Render = render_in_own_process) -> bytes:
    """The offer or the bill of sale as PDF; the same document gives the same bytes."""
    return render(
        fill("sale.html", branding=document.branding, language=document.language, document=document)
    )


class LossRow(msgspec.Struct, frozen=True):
    """What is owed for all devices together if they are lost from `start` on."""

    month: int
    start: date
    amount: Decimal


class LossTableDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The stipulated loss values of a lease, month by month."""

    branding: Branding
    language: str = "en"
    number: str
    client_name: str
    client_address_lines: tuple[str, ...] = ()
    currency: str
    devices: int
    written_at: datetime
    rows: tuple[LossRow, ...]
    portal_url: str = ""


def loss_table_pdf(document: LossTableDocument, *, render: Render = render_in_own_process) -> bytes:
    """The table as PDF, to go with the lease's own paper."""
    return render(
        fill("loss_table.html", branding=document.branding, language=document.language, document=document)
    )

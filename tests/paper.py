"""Dull values to print: a branding, an invoice of any length, a kit; and how to read a PDF back."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pypdfium2
import zxingcpp
from PIL import Image, ImageDraw

from devices.paper import Medium, WipeCertificate, Witness
from haas.money import round_places
from haas.tenancy.branding import Branding, Logo
from invoicing.document import Buyer, DocumentLine, InvoiceDocument, Party, Reference, SerialRow, TaxTotal
from leases.paper import HandOverDocument, KitItem, ReturnReceiptDocument, Signature

MORNING = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
START, UNTIL = date(2026, 11, 1), date(2026, 12, 1)


def logo_png(*, width: int = 480, height: int = 140, mode: str = "RGBA") -> bytes:
    picture = Image.new(mode, (width, height))
    ImageDraw.Draw(picture).ellipse((4, 4, height - 4, height - 4), fill="#1f7a5c")
    encoded = io.BytesIO()
    picture.save(encoded, format="PNG")
    return encoded.getvalue()


def branding(**changes: Any) -> Branding:
    values: dict[str, Any] = {
        "display_name": "Northwind IT",
        "legal_name": "Northwind IT GmbH",
        "address_lines": ("Hafenstraße 12", "20457 Hamburg"),
        "accent_colour": "#1f7a5c",
        "logo": Logo.of(logo_png()),
        "footer_lines": ("Registered in Hamburg, HRB 123456", "Managing director: Ana Lindqvist"),
        "payment_lines": ("Account: Northwind IT GmbH", "IBAN: DE02 1203 0000 0000 2020 51"),
        "website": "northwind.example",
        "support_contact": "+49 40 5550 100",
        "sender_name": "Northwind IT",
        "sender_email": "billing@northwind.example",
        "time_zone": "Europe/Berlin",
    }
    return Branding(**values | changes)


def line(number: int = 0, *, price: Decimal = Decimal("29.90"), **changes: Any) -> DocumentLine:
    device = SerialRow(
        serial=f"5CG{number:04}ABC", tag=f"NW-{number:04}", start=START, until=UNTIL, days=30, amount=price
    )
    values: dict[str, Any] = {
        "description": "HP EliteBook 840 G11",
        "details": "Rent, 36 months",
        "start": START,
        "until": UNTIL,
        "unit_price": price,
        "net": price,
        "tax_rate_pct": Decimal(19),
        "serials": (device,),
    }
    return DocumentLine(**values | changes)


def invoice(
    lines: int | tuple[DocumentLine, ...] = 2, *, places: Decimal = Decimal("0.01"), **changes: Any
) -> InvoiceDocument:
    """An invoice whose totals follow from its lines; `places` is the currency's smallest amount."""
    rows = tuple(line(number) for number in range(lines)) if isinstance(lines, int) else lines
    taxable: dict[tuple[Any, Decimal], Decimal] = {}
    for row in rows:
        key = (row.tax_category, row.tax_rate_pct)
        taxable[key] = taxable.get(key, Decimal(0)) + row.net
    digits = -int(places.as_tuple().exponent)
    totals = tuple(
        TaxTotal(category=category, rate_pct=rate, taxable=base, tax=round_places(base * rate / 100, digits))
        for (category, rate), base in taxable.items()
    )
    net = sum((row.net for row in rows), Decimal(0))
    tax = sum((row.tax for row in totals), Decimal(0))
    values: dict[str, Any] = {
        "number": "NW-2026-00123",
        "seller": branding(),
        "supplier": Party(
            country="DE", postcode="20457", city="Hamburg", tax_id="DE123456789", legal_id="HRB 123456"
        ),
        "buyer": Buyer(
            name="Contoso Logistics SE",
            address_lines=("Speicherweg 4", "20097 Hamburg"),
            tax_id="DE987654321",
            customer_number="C-1042",
        ),
        "issued_on": date(2026, 11, 23),
        "due_on": date(2026, 12, 7),
        "start": START,
        "until": UNTIL,
        "currency": "EUR",
        "lines": rows,
        "tax_totals": totals,
        "net_total": net,
        "tax_total": tax,
        "total": net + tax,
        "payable": net + tax,
        "references": (Reference(kind="order", number="PO 4500012345"),),
        "payment_terms": "Payable within 14 days without deduction.",
        "portal_url": "https://portal.northwind.example/i/7Q2MZ4K9T1",
    }
    return InvoiceDocument(**values | changes)


def kit() -> tuple[KitItem, ...]:
    return (
        KitItem(
            tag="NW-1042",
            serial="5CG4391ABC",
            description="HP EliteBook 840 G11",
            accessories=("65 W charger",),
            missing=("sleeve",),
            condition="Good",
            charges_stop_on=date(2026, 11, 22),
        ),
    )


def hand_over(**changes: Any) -> HandOverDocument:
    values: dict[str, Any] = {
        "branding": branding(),
        "number": "HO-2026-0042",
        "client_name": "Contoso Logistics SE",
        "site": "Hamburg, warehouse 2",
        "agreement_number": "MA-2025-003",
        "lease_number": "L-2026-014",
        "accepted_at": MORNING,
        "charges_start_on": date(2026, 11, 23),
        "items": kit(),
        "accepted_by": Signature(name="Mara Vogt", capacity="Head of IT", signed_at=MORNING, png=logo_png()),
        "handed_over_by": Signature(name="Ben Okafor"),
        "portal_url": "https://portal.northwind.example/d/7Q2MZ4K9T1",
    }
    return HandOverDocument(**values | changes)


def return_receipt(**changes: Any) -> ReturnReceiptDocument:
    values: dict[str, Any] = {
        "branding": branding(),
        "number": "RR-2026-0017",
        "client_name": "Contoso Logistics SE",
        "lease_number": "L-2026-014",
        "received_at": MORNING,
        "received_place": "Hamburg depot",
        "items": kit(),
        "returned_by": Signature(name="Mara Vogt"),
        "received_by": Signature(name="Ben Okafor", signed_at=MORNING),
    }
    return ReturnReceiptDocument(**values | changes)


def wipe_certificate(**changes: Any) -> WipeCertificate:
    values: dict[str, Any] = {
        "branding": branding(),
        "number": "WC-2026-0031",
        "client_name": "Contoso Logistics SE",
        "device_maker": "HP",
        "device_model": "EliteBook 840 G11",
        "device_serial": "5CG4391ABC",
        "property_number": "NW-1042",
        "media_source": "Mara Vogt",
        "confidentiality_before": "Moderate",
        "data_backed_up": "Yes, by the client",
        "media": (
            Medium(
                media_type="NVMe SSD", maker="Samsung", model="PM9A1", serial="S64ANX0T112233",
                capacity="1 TB", method="purge", technique="Cryptographic erase", tool="nvme-cli",
                tool_version="2.11", verification="10 % sample",
            ),
        ),
        "destination": "Reuse with another client",
        "performed_by": Witness(name="Ben Okafor", title="Technician", place="Hamburg", signed_at=MORNING),
        "verified_by": Witness(name="Ana Lindqvist", title="Managing director"),
        "performed_at": MORNING,
    }  # fmt: skip
    return WipeCertificate(**values | changes)


def pages_of(pdf: bytes) -> list[str]:
    """The text of each page, with every kind of space made plain."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        return [" ".join(page.get_textpage().get_text_range().split()) for page in document]
    finally:
        document.close()


def text_of(pdf: bytes) -> str:
    return "\n".join(pages_of(pdf))


def codes_of(pdf: bytes, *, dpi: int = 203) -> list[str]:
    """What a reader finds in the QR codes of a page printed at `dpi` dots an inch."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        pictures = [page.render(scale=dpi / 72).to_pil().convert("L") for page in document]
    finally:
        document.close()
    return [found.text for picture in pictures for found in zxingcpp.read_barcodes(picture)]

"""What an issued invoice froze and prints, byte by byte: a change here changes paper that people hold.

HAAS_GOLDEN=write writes the files anew; look at their difference before it is committed.
"""

from __future__ import annotations

import os
from datetime import date
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from haas.tenancy.branding import Logo
from invoicing.document import InvoiceDocument, Reference
from invoicing.paper import invoice_html
from tests.invoicing.einvoice.documents import everything
from tests.paper import branding, invoice, line

HERE = Path(__file__).parent


def sample(kind: str = "invoice") -> InvoiceDocument:
    """Two devices with their days, in German; the logo is a few bytes that hash alike everywhere."""
    return invoice(
        2,
        kind=kind,
        number="RE-2026-00042",
        seller=branding(logo=Logo.of(b"a logo")),
        language="de",
        currency="EUR",
        tax_name="MwSt.",
        references=(Reference(kind="invoice", number="RE-2026-00041", issued_on=date(2026, 10, 1)),)
        if kind == "credit_note"
        else (),
    )


def inclusive() -> InvoiceDocument:
    """Two at 59.50 with the tax in the price: 119.00, of which 19.00 are tax."""
    row = line(
        price=Decimal(100), base_quantity=Decimal(2), quantity=Decimal(2), serials=(),
        price_with_tax=Decimal("59.50"), gross=Decimal(119),
    )  # fmt: skip
    return invoice((row,), seller=branding(logo=Logo.of(b"a logo")), prices_include_tax=True)


# One of each way to be taxed, by the name of its files.
TAXED = {
    "mixed_rates": "mixed rates and periods",
    "reverse_charge": "reverse charge",
    "exempt": "exempt",
    "export": "export",
    "own_currency": "foreign currency with tax in the own",
}


def compare(name: str, made: str) -> None:
    """The file `name` says the same."""
    path = HERE / name
    if os.environ.get("HAAS_GOLDEN") == "write":
        path.write_text(made, encoding="utf-8")
    assert made == path.read_text(encoding="utf-8")


class TestFrozenInvoice:
    def test_has_the_same_bytes_as_ever(self) -> None:
        compare("invoice.json", sample().to_json().decode() + "\n")

    def test_is_read_back_whole(self) -> None:
        frozen = (HERE / "invoice.json").read_text(encoding="utf-8")
        assert InvoiceDocument.from_json(frozen).to_json().decode() + "\n" == frozen

    @pytest.mark.parametrize("schema", [1, 2])
    def test_of_an_older_schema_is_read_back_whole_and_still_prints(self, schema: int) -> None:
        frozen = (HERE / f"invoice_schema{schema}.json").read_text(encoding="utf-8")

        document = InvoiceDocument.from_json(frozen)

        assert document.to_json().decode() + "\n" == frozen
        assert "DE123456789" in invoice_html(document, logo=b"a logo")

    @pytest.mark.parametrize("kind", ["invoice", "credit_note"])
    def test_prints_the_same_page(self, kind: str) -> None:
        compare(f"{kind}.html", invoice_html(sample(kind)) + "\n")


class TestTaxedDocuments:
    @pytest.mark.parametrize("name", [*TAXED, "inclusive"])
    def test_freeze_and_print_as_ever(self, name: str) -> None:
        document = inclusive() if name == "inclusive" else everything()[TAXED[name]]
        dressed = msgspec.structs.replace(document, seller=branding(logo=Logo.of(b"a logo")))

        compare(f"taxed/{name}.json", dressed.to_json().decode() + "\n")
        compare(f"taxed/{name}.html", invoice_html(dressed) + "\n")

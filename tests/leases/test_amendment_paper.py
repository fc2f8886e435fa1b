"""The paper of an amendment."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from haas.documents.rendering import render_pdf
from leases.amendment_paper import AmendmentDocument, ChangeRow, ChargeRow, LeavingRow, amendment_pdf
from tests import paper


def a_scale_down() -> AmendmentDocument:
    """Two laptops leave; one of them for 360.00."""
    return AmendmentDocument(
        branding=paper.hand_over().branding,
        number="AM-00042",
        kind="scale_down",
        client_name="Contoso Logistics SE",
        client_address_lines=("Am Sandtorkai 50", "20457 Hamburg"),
        agreement_number="MA-0007",
        lease_number="L-00014",
        effective_on=date(2026, 8, 1),
        written_at=datetime(2026, 6, 10, 15, 0, tzinfo=UTC),
        currency="USD",
        reason="two people left",
        changes=(
            ChangeRow(what="ThinkPad T14", field="ends_on", day_after=date(2026, 7, 31)),
            ChangeRow(
                what="Care pack",
                field="unit_price",
                price_before=Decimal("5.00"),
                price_after=Decimal("4.50"),
            ),
        ),
        charges=(
            ChargeRow(what="ThinkPad T14", remaining=Decimal("900.00"), charge=Decimal(0), waived=True),
            ChargeRow(what="ThinkPad T14", remaining=Decimal("900.00"), charge=Decimal("360.00")),
        ),
        charge=Decimal("360.00"),
        leaving=tuple(
            LeavingRow(month=month, start=date(2026, month, 1), charge=Decimal(1000 - 40 * month))
            for month in range(8, 13)
        ),
        asked_by="Ada Client",
        approved_by="Sam Ortega",
        portal_url="https://portal.northwind.example/leases/lse_1/amendments/amd_1",
    )


class TestAmendmentPdf:
    def test_says_what_changes_and_what_it_costs(self):
        text = paper.text_of(amendment_pdf(a_scale_down(), render=render_pdf))

        for fact in (
            "AM-00042", "L-00014", "Fewer devices or quantity", "two people left", "Aug 1, 2026",
            "Jul 31, 2026",
            "$5.00", "$4.50", "900.00", "free", "$360.00", "680.00", "Asked for by Ada Client.",
        ):  # fmt: skip
            assert fact in text

    def test_is_the_same_for_the_same_document_read_back(self):
        document = a_scale_down()

        again = AmendmentDocument.from_json(document.to_json())

        assert amendment_pdf(again) == amendment_pdf(document, render=render_pdf)

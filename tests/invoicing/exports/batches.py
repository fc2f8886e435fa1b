"""A batch by hand: an invoice of two lines, its credit note, a part payment and a journal entry."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from invoicing.exports.contents import Batch, Content, Entry, EntrySide, Money, Paper, PaperLine, Party
from invoicing.exports.mapping import Key, MapKind, Names

ACME = Party(
    client_id="cli_acme",
    number="C-0001",
    name="Acme Dental",
    email="ap@acme.example",
    country="US",
    address=("1 Main Street", "Springfield"),
)
LINES = (
    PaperLine(
        kind="rent",
        description="Laptop, April",
        quantity=Decimal(2),
        unit_price=Decimal("46.50"),
        net=Decimal("93.00"),
        tax=Decimal("7.44"),
        tax_rate_pct=Decimal(8),
    ),
    # 21 of 31 days of 93.00 are 63.00, no product of quantity and price
    PaperLine(
        kind="interim_rent",
        description='=HYPERLINK("x")\tInterim, "March"\nsecond line',
        unit_price=Decimal("93.00"),
        net=Decimal("63.00"),
        tax=Decimal("5.04"),
        tax_rate_pct=Decimal(8),
    ),
)
INVOICE = Paper(
    item_id="inv_1",
    number="INV-2026-00001",
    is_credit=False,
    issued_on=date(2026, 4, 1),
    due_on=date(2026, 4, 15),
    currency="USD",
    party=ACME,
    lines=LINES,
    net=Decimal("156.00"),
    tax=Decimal("12.48"),
    total=Decimal("168.48"),
)
CREDIT = Paper(
    item_id="inv_2",
    number="CN-2026-00001",
    is_credit=True,
    credits_number="INV-2026-00001",
    reason="Return of goods",
    issued_on=date(2026, 4, 20),
    due_on=date(2026, 4, 20),
    currency="USD",
    party=ACME,
    lines=(
        PaperLine(
            kind="rent",
            description="Laptop, April",
            quantity=Decimal(1),
            unit_price=Decimal("-46.50"),
            net=Decimal("-46.50"),
            tax=Decimal("-3.72"),
            tax_rate_pct=Decimal(8),
        ),
    ),
    net=Decimal("-46.50"),
    tax=Decimal("-3.72"),
    total=Decimal("-50.22"),
)
PAYMENT = Money(
    item_id="pay_1",
    reference="BANK-1",
    received_on=date(2026, 4, 10),
    amount=Decimal("50.00"),
    currency="USD",
    method="transfer",
    party=ACME,
    invoice_number="INV-2026-00001",
)
ENTRY = Entry(
    item_id="jen_1",
    reference="INV-2026-00001",
    source_kind="invoice",
    dated_on=date(2026, 4, 1),
    currency="USD",
    sides=(
        EntrySide(
            code="1100", name="Receivables", account_kind="asset", amount=Decimal("168.48"), party=ACME
        ),
        EntrySide(code="2200", name="Tax payable", account_kind="liability", amount=Decimal("-12.48")),
        EntrySide(code="4000", name="Rent: base & more", account_kind="income", amount=Decimal("-156.00")),
    ),
)
CODES: dict[Key, str] = {
    (MapKind.ACCOUNT, "receivables"): "1100",
    (MapKind.ACCOUNT, "bank"): "1000",
    (MapKind.ACCOUNT, "tax"): "2200",
    (MapKind.ACCOUNT, "line:rent"): "4000",
    (MapKind.ACCOUNT, "line:interim_rent"): "4200",
    (MapKind.TAX, "S/8/US"): "T1",
    (MapKind.TRACKING, "client:cli_acme"): "12",
}
TREE: dict[Key, str] = {
    **CODES,
    (MapKind.ACCOUNT, "receivables"): "Assets:Receivables",
    (MapKind.ACCOUNT, "bank"): "Assets:Bank",
    (MapKind.ACCOUNT, "tax"): "Liabilities:Tax",
    (MapKind.ACCOUNT, "line:rent"): "Income:Rent",
    (MapKind.ACCOUNT, "line:interim_rent"): "Income:Interim",
}


def a_batch(rows: dict[Key, str] | None = None, **changes: Any) -> Batch:
    """Everything at once, named by codes."""
    whole = Batch(
        number="EXP-2026-00001",
        content=Content.SALES,
        seller="Northwind IT",
        made_at=datetime(2026, 5, 1, 8, 0, tzinfo=UTC),
        names=Names(CODES if rows is None else rows),
        papers=(INVOICE, CREDIT),
        money=(PAYMENT,),
        entries=(ENTRY,),
    )
    return dataclasses.replace(whole, **changes)

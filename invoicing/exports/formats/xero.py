"""Xero: sales invoices, and money received as a bank statement, as its import templates want them.

Source: central.xero.com "Import customer invoices" (the template's header) and help.xero.com
Accounts_InvoiceImport: a credit note is an invoice with negative amounts; all come in as drafts. Xero
multiplies quantity and unit amount itself, so a line whose product is not what was billed goes as 1 of its
net. Payments cannot be imported: they are bank lines, which Xero matches by reference and payee.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from invoicing.exports.bookings import contact_of
from invoicing.exports.contents import Batch, Content, File, Money, Paper
from invoicing.exports.formats.spec import (
    CSV,
    Figure,
    Format,
    as_typed,
    by_currency,
    clip,
    csv_content,
    money,
    parts,
    plain,
)
from invoicing.exports.mapping import line_key

INVOICES_MAX, BANK_LINES_MAX = 500, 1_000  # in one file
NUMBER_MAX, DESCRIPTION_MAX, CONTACT_MAX = 255, 4_000, 255
DATE = "DD/MM/YYYY"  # an organisation in the United States wants MM/DD/YYYY
HEADER = (
    "*ContactName", "EmailAddress", "POAddressLine1", "POAddressLine2", "POAddressLine3", "POAddressLine4",
    "POCity", "PORegion", "POPostalCode", "POCountry", "*InvoiceNumber", "Reference", "*InvoiceDate",
    "*DueDate", "Total", "InventoryItemCode", "*Description", "*Quantity", "*UnitAmount", "Discount",
    "*AccountCode", "*TaxType", "TrackingName1", "TrackingOption1", "TrackingName2", "TrackingOption2",
    "Currency",
)  # fmt: skip
BANK_HEADER = ("*Date", "*Amount", "Payee", "Description", "Reference", "Check Number")

Row = Sequence[str | Decimal | None]


def write(batch: Batch) -> list[File]:
    """Invoices and bank lines, each in as many files as Xero's limits want."""
    files = []
    for suffix, papers in parts(batch.papers, INVOICES_MAX):
        rows = [row for paper in papers for row in _rows(batch, paper)]
        files.append(File(f"invoices{suffix}", "csv", CSV, csv_content(HEADER, rows)))
    moved = [each for each in batch.money if each.is_in_the_bank]
    for currency, some in by_currency(moved):  # a bank account, and its file, is of one currency
        for suffix, received in parts(some, BANK_LINES_MAX):
            lines = [_bank_row(batch, each) for each in received]
            files.append(File(f"bank{currency}{suffix}", "csv", CSV, csv_content(BANK_HEADER, lines)))
    return files


def _rows(batch: Batch, paper: Paper) -> Iterator[Row]:
    address = [*paper.party.address[:4], "", "", "", ""][:4]
    tracking = batch.names.tracking(client_id=paper.party.client_id, site=paper.site)
    day = batch.option("date_format", DATE)
    for line in paper.lines:
        quantity, unit_amount = line.figures()
        yield (
            clip(contact_of(batch, paper.party), CONTACT_MAX),
            paper.party.email,
            *address,
            "",
            "",
            "",
            paper.party.country,
            clip(paper.number, NUMBER_MAX),
            clip(f"{paper.credits_number} {paper.reason}", NUMBER_MAX),
            as_typed(paper.issued_on, day),
            as_typed(paper.due_on, day),
            Figure(money(paper.total, paper.currency)),
            "",
            clip(line.description, DESCRIPTION_MAX),
            Figure(plain(quantity)),
            Figure(_shown(unit_amount, paper.currency)),
            "",
            batch.names.account(line_key(line.kind)),
            batch.names.tax_code(line.tax_category, line.tax_rate_pct, paper.party.country),
            batch.option("tracking_name") if tracking else "",
            tracking,
            "",
            "",
            paper.currency,
        )


def _shown(amount: Decimal, currency: str) -> str:
    whole = money(amount, currency)
    return whole if Decimal(whole) == amount else plain(amount)


def _bank_row(batch: Batch, received: Money) -> Row:
    return (
        as_typed(received.received_on, batch.option("date_format", DATE)),
        Figure(money(received.amount, received.currency)),
        contact_of(batch, received.party),
        received.invoice_number,
        received.reference,
        "",
    )


FORMAT = Format(
    name="xero",
    title="Xero",
    contents=(Content.INVOICES, Content.PAYMENTS, Content.SALES),
    write=write,
    reversal="Each document again with negative amounts under a number that names the batch: a credit note"
    " to apply to it. Bank lines again with the other sign.",
    needs_lines=True,
    needs_tax_codes=True,
    contact_max=CONTACT_MAX,
    account_pattern=r"[A-Za-z0-9._-]{1,10}",
    account_words="an account code of at most 10 letters and digits",
    options=("date_format", "tracking_name"),
)

"""QuickBooks Online: invoices, credit notes and bank lines as its importers want them, in files of their own.

Source: quickbooks.intuit.com "Import invoices" and "How to import credit notes" (article 332855): credit
notes have an importer of their own, with positive amounts; money received is a bank upload of three columns.
An account of the mapping is the name of a product or service there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from invoicing.exports.bookings import contact_of
from invoicing.exports.contents import Batch, Content, File, Paper
from invoicing.exports.formats.spec import (
    CSV,
    MARK_MAX,
    Figure,
    Format,
    as_typed,
    by_currency,
    clip,
    csv_content,
    money,
    parts,
    plain,
    with_mark,
)
from invoicing.exports.mapping import line_key

DOCUMENTS_MAX, BANK_LINES_MAX = 100, 1_000  # in one file
NUMBER_MAX, CUSTOMER_MAX, DESCRIPTION_MAX = 21, 100, 4_000
DATE = "MM/DD/YYYY"
HEADER = (
    "*InvoiceNo", "*Customer", "*InvoiceDate", "*DueDate", "*Item", "ItemDescription", "*ItemQuantity",
    "*ItemRate", "*ItemAmount", "Terms", "Memo", "TaxCode", "TaxAmount", "Class", "Currency",
)  # fmt: skip
CREDIT_HEADER = (
    "*CreditMemoNo", "*Customer", "*CreditMemoDate", "*Item", "ItemDescription", "*ItemQuantity",
    "*ItemRate", "*ItemAmount", "Memo", "TaxCode", "TaxAmount", "Class", "Currency",
)  # fmt: skip
BANK_HEADER = ("Date", "Description", "Amount")

Row = Sequence[str | Decimal | None]


def write(batch: Batch) -> list[File]:
    """Up to three kinds of files, each in as many as the importers' limits want."""
    charged = [paper for paper in batch.papers if not paper.is_credit]
    credited = [paper for paper in batch.papers if paper.is_credit]
    day, files = batch.option("date_format", DATE), []
    for name, header, papers in (("invoices", HEADER, charged), ("credit-notes", CREDIT_HEADER, credited)):
        for suffix, some in parts(papers, DOCUMENTS_MAX):
            rows = [row for paper in some for row in _rows(batch, paper, day)]
            files.append(File(f"{name}{suffix}", "csv", CSV, csv_content(header, rows)))
    moved = [each for each in batch.money if each.is_in_the_bank]
    for currency, some_money in by_currency(moved):  # a bank account, and its file, is of one currency
        for suffix, received in parts(some_money, BANK_LINES_MAX):
            lines: list[Row] = [
                (
                    as_typed(each.received_on, day),
                    f"{contact_of(batch, each.party)} {each.invoice_number} {each.reference}",
                    Figure(money(each.amount, each.currency)),
                )
                for each in received
            ]
            files.append(File(f"bank{currency}{suffix}", "csv", CSV, csv_content(BANK_HEADER, lines)))
    return files


def _rows(batch: Batch, paper: Paper, day: str) -> Iterator[Row]:
    sign = -1 if paper.is_credit else 1
    tracking = batch.names.tracking(client_id=paper.party.client_id, site=paper.site)
    number = short_number(paper.number)
    due: tuple[str, ...] = () if paper.is_credit else (as_typed(paper.due_on, day),)
    terms: tuple[str, ...] = () if paper.is_credit else ("",)
    memo = clip(f"{paper.number} {paper.credits_number} {paper.reason}", DESCRIPTION_MAX)
    for line in paper.lines:
        quantity, rate = line.figures()
        yield (
            number,
            clip(contact_of(batch, paper.party), CUSTOMER_MAX),
            as_typed(paper.issued_on, day),
            *due,
            batch.names.account(line_key(line.kind)),
            clip(line.description, DESCRIPTION_MAX),
            Figure(plain(quantity)),
            Figure(plain(sign * rate)),
            Figure(money(sign * line.net, paper.currency)),
            *terms,
            memo,
            batch.names.tax_code(line.tax_category, line.tax_rate_pct, paper.party.country),
            Figure(money(sign * line.tax, paper.currency)),
            tracking,
            paper.currency,
        )


def short_number(number: str) -> str:
    """A number that fits: its end is what tells documents of a series apart.

    Of what is taken back, whose number names the batch, too, the end of its own and a mark.
    """
    if len(number) <= NUMBER_MAX:
        return number
    own, _, batch = number.partition("/")
    if not batch:
        return number[-NUMBER_MAX:].lstrip("-/ ")
    return with_mark(f"{own[-(NUMBER_MAX - MARK_MAX - 1) :].lstrip('-/ ')}-", whole=number)


FORMAT = Format(
    name="quickbooks_online",
    title="QuickBooks Online",
    contents=(Content.INVOICES, Content.PAYMENTS, Content.SALES),
    write=write,
    reversal="Invoices as credit notes, and credit notes as invoices, under a number that names the batch."
    " Bank lines again with the other sign.",
    needs_lines=True,
    needs_tax_codes=True,
    contact_max=CUSTOMER_MAX,
    account_words="the name of a product or service",
    options=("date_format",),
)

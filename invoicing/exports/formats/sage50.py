"""Sage 50: audit trail transactions as CSV.

Source: makingithappen.co.uk CI/std/audittrans, gtsagedev.co.uk daybook-import, and gb-kb.sage.com: a sales
receipt (SR) cannot be imported, so money goes in on account (SA) and back as a payment (SP), to be allocated
there by its reference. Amounts are positive: the type says which way. Account references have at most 8
signs, tax codes are T0 to T99; journals are taxed T9, outside the scope. An exchange rate is how much of the
foreign currency one unit of the company's own is worth; where it is empty, Sage takes that of its currency.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction

from haas.money import round_places
from invoicing.exports.bookings import bookings, contact_of
from invoicing.exports.contents import Batch, Content, File, Money, Paper
from invoicing.exports.formats.spec import (
    CSV_WINDOWS,
    WINDOWS,
    Figure,
    Format,
    as_typed,
    clip,
    csv_content,
    money,
    plain,
)
from invoicing.exports.mapping import BANK, ContactRule, bank_key, line_key

ACCOUNT_MAX, NOMINAL_MAX, REFERENCE_MAX, DETAILS_MAX = 8, 8, 30, 60
DATE = "DD/MM/YYYY"
NO_TAX = "T9"
RATE_PLACES = 6
HEADER = (
    "Type", "Account Reference", "Nominal A/C Ref", "Department Code", "Date", "Reference", "Details",
    "Net Amount", "Tax Code", "Tax Amount", "Exchange Rate", "Extra Reference",
)  # fmt: skip

Row = Sequence[str | Decimal | None]


def write(batch: Batch) -> list[File]:
    """One file: documents line by line, money, journal sides."""
    rows = [
        *(row for paper in batch.papers for row in _paper_rows(batch, paper)),
        *(_money_row(batch, each) for each in batch.money),
        *_journal_rows(batch),
    ]
    return [File("", "csv", CSV_WINDOWS, csv_content(HEADER, rows, encoding=WINDOWS))]


def _paper_rows(batch: Batch, paper: Paper) -> Iterator[Row]:
    sign, kind = (-1, "SC") if paper.is_credit else (1, "SI")
    department = batch.names.tracking(client_id=paper.party.client_id, site=paper.site)
    for line in paper.lines:
        # A line against the paper's direction, such as an allowance, cannot be negative here.
        against = sign * line.net < 0
        turned = {"SI": "SC", "SC": "SI"}[kind] if against else kind
        way = -sign if against else sign
        yield (
            turned,
            contact_of(batch, paper.party),
            batch.names.account(line_key(line.kind)),
            department or Figure("0"),
            as_typed(paper.issued_on, DATE),
            clip(paper.number, REFERENCE_MAX),
            clip(": ".join(filter(None, (paper.reason, line.description))), DETAILS_MAX),
            Figure(money(way * line.net, paper.currency)),
            batch.names.tax_code(line.tax_category, line.tax_rate_pct, paper.party.country),
            Figure(money(way * line.tax, paper.currency)),
            _rate(paper.exchange_rate),
            clip(paper.credits_number, REFERENCE_MAX),
        )


def _money_row(batch: Batch, received: Money) -> Row:
    return (
        "SP" if received.amount < 0 else "SA",
        contact_of(batch, received.party),
        batch.names.account(bank_key(received.method)),
        Figure("0"),
        as_typed(received.received_on, DATE),
        clip(received.invoice_number or received.reference, REFERENCE_MAX),
        clip(received.reference, DETAILS_MAX),
        Figure(money(abs(received.amount), received.currency)),
        NO_TAX,
        Figure(money(Decimal(0), received.currency)),
        _rate(Decimal(1) if received.currency == (batch.currency or received.currency) else None),
        clip(received.reference, REFERENCE_MAX),
    )


def _rate(worth: Decimal | None) -> str:
    """Sage's exchange rate of a currency of which one unit is worth so much in the company's own."""
    return "" if worth is None else Figure(plain(round_places(1 / Fraction(worth), RATE_PLACES)))


def _journal_rows(batch: Batch) -> Iterator[Row]:
    for booking in bookings(dataclasses.replace(batch, papers=(), money=())):
        for side in booking.sides:
            yield (
                "JD" if side.amount > 0 else "JC",
                "",
                side.account,
                side.tracking or Figure("0"),
                as_typed(booking.booked_on, DATE),
                clip(booking.number, REFERENCE_MAX),
                clip(booking.text, DETAILS_MAX),
                Figure(money(abs(side.amount), booking.currency)),
                NO_TAX,
                Figure(money(Decimal(0), booking.currency)),
                _rate(Decimal(1) if booking.currency == (batch.currency or booking.currency) else None),
                "",
            )


FORMAT = Format(
    name="sage50",
    title="Sage 50",
    contents=(Content.INVOICES, Content.PAYMENTS, Content.SALES, Content.JOURNAL),
    write=write,
    reversal="Invoices as credits and credits as invoices, receipts as payments, journals with debit and"
    " credit exchanged; all under a reference that names the batch.",
    needs_lines=True,
    needs_tax_codes=True,
    accounts=(BANK,),
    contact_rule=ContactRule.NUMBER,
    contact_max=ACCOUNT_MAX,
    account_pattern=r"[A-Za-z0-9]{1,8}",
    account_words="a nominal code of at most 8 letters and digits",
    tax_pattern=r"T\d{1,2}",
    tax_words="a tax code from T0 to T99",
    tracking_pattern=r"\d{1,3}",
    tracking_words="the number of a department, 0 to 999",
    encoding=WINDOWS,
)

"""The formats of accounting programs, each a module with `write`; FORMATS is the table of them."""

from __future__ import annotations

from invoicing.exports.formats import (
    archive,
    beancount,
    hledger,
    journal_csv,
    quickbooks_desktop,
    quickbooks_online,
    sage50,
    workbook,
    xero,
)
from invoicing.exports.formats.spec import Format

FORMATS: dict[str, Format] = {
    module.FORMAT.name: module.FORMAT
    for module in (
        journal_csv,
        xero,
        quickbooks_online,
        quickbooks_desktop,
        sage50,
        beancount,
        hledger,
        workbook,
        archive,
    )
}

"""The portal's pages of the bank: lines to match, one line, files brought in, debits, accounts."""

from invoicing.bank.portal import (  # noqa: F401 - they hang their routes here
    accounts,
    debits,
    files,
    lines,
    transfers,
)
from invoicing.bank.portal.doors import blueprint

__all__ = ["blueprint"]

"""The portal's pages of the bank: lines to match, one line, files brought in, debits, accounts."""

from invoicing.bank.portal import accounts, debits, files, lines  # noqa: F401 - they hang their routes here
from invoicing.bank.portal.doors import blueprint

__all__ = ["blueprint"]

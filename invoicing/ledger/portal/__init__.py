"""The portal's pages of the books: months, journal, accounts, reports."""

from invoicing.ledger.portal import accounts, journal, reports  # noqa: F401 - they hang their routes here
from invoicing.ledger.portal.months import blueprint

__all__ = ["blueprint"]

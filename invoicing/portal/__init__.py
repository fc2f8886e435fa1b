"""The portal's pages of invoicing: invoices and what is done with them, billing, taxes, accounts."""

from invoicing.portal import actions, statements  # noqa: F401 - they hang their routes on the blueprint
from invoicing.portal.invoices import blueprint

__all__ = ["blueprint"]

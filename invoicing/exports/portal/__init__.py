"""The portal's pages of exports: profiles with their mapping and test run, batches."""

from invoicing.exports.portal import batches, settings  # noqa: F401 - they hang their routes here
from invoicing.exports.portal.profiles import blueprint

__all__ = ["blueprint"]

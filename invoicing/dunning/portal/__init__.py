"""The portal's pages of reminders: who to call, ageing, what is disputed, the rules."""

from invoicing.dunning.portal import ageing  # noqa: F401 - it hangs its route here
from invoicing.dunning.portal.collections import blueprint

__all__ = ["blueprint"]

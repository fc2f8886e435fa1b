"""What a quote refuses, beside the illegal moves of its lifecycle."""

from __future__ import annotations

from haas.errors import Conflict


class QuoteFrozen(Conflict):
    """It was sent: a change is a new version."""

    code = "quote_frozen"


class QuoteNotOpen(Conflict):
    """It cannot be answered any more: it ran out, was taken back, replaced or answered."""

    code = "quote_not_open"


class QuoteIncomplete(Conflict):
    """It cannot be sent yet: something that the client must know is missing."""

    code = "quote_incomplete"

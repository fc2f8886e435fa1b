"""The forms of quotes as people fill them in; the shapes of the API with what HTML needs."""

from __future__ import annotations

import marshmallow as ma

from haas.rest.fields import row_id, text
from haas.rest.openapi import Request
from leases.quotes.schemas import (
    DeclineQuoteRequest,
    OfferedLineRequest,
    OptionRequest,
    QuestionRequest,
    QuoteHeadRequest,
    TermsRequest,
    WithdrawQuoteRequest,
)


class QuoteForm(QuoteHeadRequest):
    """A new quote, or the head of a draft."""

    client_id = row_id(load_default=None, allow_none=True)


class OptionForm(OptionRequest):
    """An option, new or changed."""


class LineForm(OfferedLineRequest):
    """A line of an option."""


class SignForm(Request):
    """The client's signature: a name, and the tick."""

    signer_name = text(160, least=1, required=True)
    signer_title = text(160, load_default="")
    agreed = ma.fields.Boolean(load_default=False)
    document_sha256 = text(64, least=64, required=True)
    over_limit_reason = text(300, load_default="")


class RefuseForm(DeclineQuoteRequest):
    """Why every option is turned down."""


class AskForm(QuestionRequest):
    """A question, and whose it is."""

    asked_by = text(160, least=1, required=True)


class WithdrawForm(WithdrawQuoteRequest):
    """What the client is told."""


class PublishForm(TermsRequest):
    """A new version of the terms; shown once more before it is published for ever."""

    confirmed = ma.fields.Boolean(load_default=False)

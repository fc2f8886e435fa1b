"""What can go wrong between a document and its PDF."""

from __future__ import annotations

from haas.errors import HaasError


class RenderFailed(HaasError):
    """The renderer could not make a PDF of this document; trying again will not help."""

    status = 500
    code = "render_failed"


class DocumentTooCostly(RenderFailed):
    """The document took more time or memory than one document may."""

    code = "document_too_costly"

"""Stored files as downloads: documents, exports, pictures."""

from __future__ import annotations

from flask import Blueprint, Response, request

from haas.auth.caller import current_caller, requires
from haas.documents import pictures
from haas.errors import NotFound
from haas.files import StoredFile, get_file
from haas.pages import downloads

blueprint = Blueprint("files", __name__, url_prefix="/files")

# What a kind of file asks for beside `file.read`, by the beginning of its name: money is not everyone's.
_RIGHTS = {
    "invoice": "invoice.read",
    "credit_note": "invoice.read",
    "pro_forma": "invoice.read",
    "payment": "invoice.read",
    "quote": "quote.read",
    "offboarding_bundle": "invoice.read",  # it holds every invoice
    "depreciation": "depreciation.read",
    "export_batch": "invoice.export",
    "bank_statement": "bank.read",  # these three hold the account numbers of clients whole
    "collection_order": "bank.collect",
    "transfer_order": "bank.pay",
    "asset_import": "asset.import",
    "asset_export": "asset.export",
    "asset_cost_export": "asset.cost.read",
}


@blueprint.get("/<file_id>")
@requires("file.read")
def download(file_id: str) -> Response:
    """The bytes as they were stored; `?inline=1` shows a PDF or a picture in the browser."""
    stored = _readable(file_id)
    tag = f'"{stored.sha256}"'
    if request.headers.get("If-None-Match") == tag:
        return _always_asked_for(Response(status=304), tag=tag)
    answer = downloads.download(
        stored.content,
        name=stored.name,
        media_type=stored.media_type,
        inline=request.args.get("inline") == "1",
    )
    return _always_asked_for(answer, tag=tag)


@blueprint.get("/<file_id>/pages/<int:number>.png")
@requires("file.read")
def page_picture(file_id: str, number: int) -> Response:
    """One page of a PDF as a picture, for the preview. Every PDF that is stored was rendered here."""
    stored = _readable(file_id)
    if stored.media_type != "application/pdf":
        raise NotFound(f"{file_id} has no pages.")
    tag = f'"{stored.sha256}-{number}"'
    if request.headers.get("If-None-Match") == tag:
        return _always_asked_for(Response(status=304), tag=tag)
    picture = pictures.page_png(stored.content, number=number)
    return _always_asked_for(Response(picture, mimetype="image/png"), tag=tag)


def _readable(file_id: str) -> StoredFile:
    caller = current_caller()
    stored = get_file(caller.session, caller.tenant, file_id=file_id)
    if not all(caller.may(right) for kind, right in _RIGHTS.items() if stored.kind.startswith(kind)):
        raise NotFound(f"There is no file {file_id}.")
    return stored


def _always_asked_for(answer: Response, *, tag: str) -> Response:
    """Kept by the browser, but never shown without asking: whoever may no longer see it gets nothing."""
    answer.headers["ETag"] = tag
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer

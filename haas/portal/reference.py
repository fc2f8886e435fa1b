"""The API's reference for people: chapters by subject, made from the same document that programs read."""

from __future__ import annotations

from flask import Blueprint, current_app, render_template

from haas.auth.caller import requires
from haas.errors import NotFound
from haas.rest.openapi import document_of
from haas.rest.reference import chapters

blueprint = Blueprint("reference", __name__, url_prefix="/reference")


@blueprint.get("")
@requires("account.self")
def index() -> str:
    """How to call the API, and every operation by subject."""
    return render_template("portal/reference/index.html", chapters=chapters(document_of(current_app)))


@blueprint.get("/<chapter>")
@requires("account.self")
def show(chapter: str) -> str:
    """One subject's operations with everything they take and answer."""
    found = {each.key: each for each in chapters(document_of(current_app))}.get(chapter)
    if found is None:
        raise NotFound("The API has no such chapter.")
    return render_template("portal/reference/chapter.html", chapter=found)

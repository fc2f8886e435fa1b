"""The Api object: blueprints of /v1 and the document at /v1/openapi.json."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import marshmallow as ma
from flask import Flask, Response, current_app, request
from flask_smorest import Api, Blueprint

from haas import clock
from haas.auth.caller import Caller, after_view, before_view
from haas.auth.identify import PROGRAM_PATHS
from haas.rest import document, idempotency

CONFIGURATION: dict[str, Any] = {
    "API_TITLE": "haas",
    "API_VERSION": "v1",
    "OPENAPI_VERSION": "3.1.0",
    "OPENAPI_URL_PREFIX": "/v1",
    "OPENAPI_JSON_PATH": "openapi.json",
    "API_SPEC_OPTIONS": {
        "info": {"description": "Lease hardware and run its whole life."},
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{"token": []}],
    },
}


_EXTENSION = "haas_api"
_UNKNOWN = Blueprint.ARGUMENTS_PARSER.DEFAULT_UNKNOWN_BY_LOCATION


class Request(ma.Schema):
    """What a caller sends: an unknown field is an error, so a misspelt one never passes in silence."""

    class Meta:
        unknown = ma.RAISE


class Paged(ma.Schema):
    """Query parameters of a list."""

    class Meta:
        unknown = ma.RAISE

    cursor = ma.fields.String(metadata={"description": "`next` of the page before"})
    limit = ma.fields.Integer(load_default=50, validate=ma.validate.Range(1, 200))


def page_of(resource: type[ma.Schema]) -> type[ma.Schema]:
    """The schema of one page of `resource`: {items, next}."""
    name = resource.__name__.removesuffix("Resource") + "Page"
    return ma.Schema.from_dict(
        {
            "items": ma.fields.List(ma.fields.Nested(resource)),
            "next": ma.fields.String(allow_none=True, metadata={"description": "cursor of the next page"}),
        },
        name=name,
    )


def install(app: Flask) -> Api:
    """Create the API document and hang idempotency on every changing request."""
    app.config.update(CONFIGURATION)
    # Left alone, an unknown name in the query is dropped: a misspelt filter would answer with everything.
    Blueprint.ARGUMENTS_PARSER.DEFAULT_UNKNOWN_BY_LOCATION = {**_UNKNOWN, "query": None}
    if _replay not in before_view:
        before_view.append(_replay)
        after_view.append(_remember)
    api = _Api(app)
    app.extensions[_EXTENSION] = api
    return api


def document_of(app: Flask) -> dict[str, Any]:
    """The finished document. Blueprints come in only while the app is built, so it is made once."""
    api: _Api = app.extensions[_EXTENSION]
    if api.finished is None:
        api.finished = document.finish(app, api.spec.to_dict())
    return api.finished


class _Api(Api):
    """flask-smorest without its own error answers: `haas.rest.problems` answers programs and people."""

    ERROR_SCHEMA = document.Problem
    finished: dict[str, Any] | None = None

    def _register_error_handlers(self) -> None:
        return

    def _register_responses(self) -> None:
        for status in HTTPStatus:
            if status >= 400:
                self.spec.components.response(status.name, _problem(status.phrase), lazy=True)
        self.spec.components.response("DEFAULT_ERROR", _problem("Any other refusal"), lazy=True)

    def _init_spec(self, **options: Any) -> None:
        super()._init_spec(**options)
        self.ma_plugin.converter.add_attribute_function(document.decimal_as_text)

    def _openapi_json(self) -> Response:
        return Response(json.dumps(document_of(current_app), indent=1), mimetype="application/json")


def _problem(words: str) -> dict[str, Any]:
    return {"description": words, "content": {document.PROBLEM_TYPE: {"schema": document.Problem}}}


def _key() -> str | None:
    if request.method not in (
        "POST",
        "PUT",
        "PATCH",
        "DELETE",
    ) or not request.path.startswith(PROGRAM_PATHS):
        return None
    return request.headers.get("Idempotency-Key")


def _replay(caller: Caller) -> Response | None:
    key = _key()
    if key is None:
        return None
    return idempotency.claim(caller.session, caller.tenant, key=key, request=request, now=clock.now())


def _remember(caller: Caller, answer: Response) -> None:
    if (key := _key()) is not None:
        idempotency.remember(caller.session, caller.tenant, key=key, answer=answer)

"""HaasError -> application/problem+json (RFC 9457) for programs, an error page for people."""

from __future__ import annotations

import json
import logging
import re
from typing import Any

from flask import Flask, Response, flash, g, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException

from haas.auth.identify import PROGRAM_PATHS
from haas.errors import HaasError, InvalidInput, NotFound, NotSignedIn

log = logging.getLogger(__name__)

_NESTED_MAX = 64


def problem(*, status: int, title: str, code: str, fields: dict[str, Any] | None = None) -> Response:
    """A problem document; `fields` names each wrong field and what would be right."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "code": code,
    }
    if fields:
        body["errors"] = fields
    if request_id := g.get("request_id"):
        body["instance"] = f"urn:request:{request_id}"
    return Response(json.dumps(body), status=status, mimetype="application/problem+json")


def wants_problem() -> bool:
    """Whether the caller is a program."""
    return request.path.startswith(PROGRAM_PATHS)


def refuse_unreadable() -> None:
    """Refuse, in one place, what any code below could choke on: NUL in a text, JSON that nests without end.

    No text of PostgreSQL holds a NUL. Files that are uploaded may hold any bytes.

    :raises NotFound: for a NUL in the path: no row has such a key.
    :raises InvalidInput: for one in the query, in a form or in a JSON body; for JSON nested too deeply.
    """
    if "\0" in request.path:
        raise NotFound("There is nothing at this address.")
    texts = list(request.args.items())
    if request.is_json:
        body = request.get_data(cache=True)
        if body.count(b"[") + body.count(b"{") > _NESTED_MAX and _depth(body) > _NESTED_MAX:
            raise InvalidInput(f"JSON may nest {_NESTED_MAX} levels.")
        if b"\0" in body or (b"\\u0000" in body and _holds_nul(request.get_json(silent=True))):
            raise InvalidInput("A text holds a NUL character.")
    elif request.method == "POST" and not wants_problem():
        texts += request.form.items()
    for name, text in texts:
        if "\0" in name + text:
            raise InvalidInput("A text holds a NUL character.", field=name)


def _depth(body: bytes) -> int:
    """How deeply brackets nest, those in texts among them: more than is right is refused, never less."""
    deepest = depth = 0
    for sign in re.findall(rb"[\[\]{}]", body):
        depth += 1 if sign in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _holds_nul(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_nul(each) for pair in value.items() for each in pair)
    if isinstance(value, list):
        return any(_holds_nul(each) for each in value)
    return isinstance(value, str) and "\0" in value


def install(app: Flask) -> None:
    """One handler for refusals, one for HTTP errors, one for bugs."""
    app.register_error_handler(HaasError, _refused)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _bug)


def _refused(refusal: HaasError) -> Any:
    if wants_problem():
        answer = problem(
            status=refusal.status,
            title=refusal.message,
            code=refusal.code,
            fields=refusal.fields,
        )
        if isinstance(refusal, NotSignedIn):
            answer.headers["WWW-Authenticate"] = 'Bearer realm="haas"'
        return answer
    if isinstance(refusal, NotSignedIn):
        return _to_sign_in()
    return _page(refusal.status, refusal.message)


def _to_sign_in() -> Any:
    target = url_for("accounts.sign_in", next=request.full_path if request.method == "GET" else None)
    if request.headers.get("HX-Request"):
        return Response(status=204, headers={"HX-Redirect": target})
    return redirect(target)


def _http_error(error: HTTPException) -> Any:
    status = error.code or 500
    if status < 400:
        return error
    if wants_problem():
        data = getattr(error, "data", None) or {}
        fields = data.get("messages")
        title = "Some fields are wrong." if fields else (error.description or error.name)
        answer = problem(
            status=status,
            title=title,
            code=error.name.lower().replace(" ", "_"),
            fields=fields,
        )
        # What RFC 9110 asks for with the status: Allow with 405, Retry-After with 429.
        for name, value in error.get_headers():
            if name not in ("Content-Type", "Content-Length"):
                answer.headers[name] = value
        return answer
    return _page(status, error.description or error.name)


def _bug(error: Exception) -> Any:
    log.error("unhandled error", exc_info=error, extra={"request_id": g.get("request_id")})
    if wants_problem():
        return problem(
            status=500,
            title="Something broke on our side. It was logged.",
            code="internal_error",
        )
    return _page(500, "Something broke on our side. It was logged.")


def _page(status: int, message: str) -> Any:
    if request.headers.get("HX-Request") and request.method != "GET":
        flash(message, "error")
    return render_template("errors/error.html", status=status, message=message), status

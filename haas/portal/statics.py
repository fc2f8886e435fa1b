"""Scripts and styles: own files under one hash of them all, vendor files under their own; kept for ever."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
from functools import cache
from pathlib import Path

from flask import Flask, Response, abort, request, url_for
from werkzeug.security import safe_join

from haas.auth.caller import public
from haas.portal.assets import vendor_file

STATIC = Path(__file__).parent / "static"
VENDOR = "vendor"

_VERSIONED = re.compile(r"v-[0-9a-f]{12}/(?P<name>.+)")
_FOR_EVER = "public, max-age=31536000, immutable"
_TYPES = {".js": "text/javascript", ".wasm": "application/wasm", ".webmanifest": "application/manifest+json"}
_COMPRESSED = {
    "text/javascript",
    "text/css",
    "image/svg+xml",
    "application/wasm",
    "application/manifest+json",
}


def install(app: Flask) -> None:
    """Serve the files, and name them in templates: `static_url("css/haas.css")`, `vendor_url("htmx.js")`."""
    app.add_url_rule(
        "/static/<path:filename>",
        "static",
        public("scripts and styles are the same for everyone")(_static),
    )
    app.jinja_env.globals.update(
        static_url=static_url, vendor_url=vendor_url, vendor_integrity=vendor_integrity
    )


def static_url(name: str) -> str:
    """The address of one of our own files; modules import each other by relative names within a version."""
    return url_for("static", filename=f"v-{version()}/{name}")


def vendor_url(name: str) -> str:
    """The address of a file that the set-up built; `htmx` is short for `htmx.js`."""
    return vendor_file(_with_suffix(name)).url


def vendor_integrity(name: str) -> str:
    """Its hash, for the `integrity` attribute."""
    return vendor_file(_with_suffix(name)).integrity


@cache
def version() -> str:
    """One hash over all our own files: a release changes the addresses of all, a restart of none."""
    digest = hashlib.sha256()
    for path in sorted(STATIC.rglob("*")):
        name = path.relative_to(STATIC).as_posix()
        if path.is_file() and not name.startswith((f"{VENDOR}/", ".")):
            digest.update(name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def _with_suffix(name: str) -> str:
    return name if "." in name else f"{name}.js"


def _static(filename: str) -> Response:
    versioned = _VERSIONED.fullmatch(filename)
    name = versioned["name"] if versioned else filename
    path = safe_join(str(STATIC), name)
    if path is None or not Path(path).is_file():
        abort(404)
    content_type = (
        _TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    )
    modified = Path(path).stat().st_mtime_ns
    squeezed = content_type in _COMPRESSED and "gzip" in request.headers.get("Accept-Encoding", "")
    content = _gzipped(path, modified) if squeezed else Path(path).read_bytes()
    answer = Response(content, content_type=content_type)
    if squeezed:
        answer.headers["Content-Encoding"] = "gzip"
    answer.vary.add("Accept-Encoding")
    # A file asked for by name alone may change under it; all others carry their hash in the address.
    answer.headers["Cache-Control"] = _FOR_EVER if versioned or name.startswith(f"{VENDOR}/") else "no-cache"
    return answer


@cache
def _gzipped(path: str, modified: int) -> bytes:  # noqa: ARG001 - a changed file is squeezed anew
    return gzip.compress(Path(path).read_bytes(), 6, mtime=0)

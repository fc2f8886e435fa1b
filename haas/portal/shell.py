"""Hang the portal's shell on the app: static files, Jinja filters and what every page knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Flask, Response, send_from_directory

from haas.auth.caller import find_caller, public

STATIC = Path(__file__).parent / "static"


def install(app: Flask) -> None:
    """Register the shell."""
    app.add_url_rule(
        "/static/<path:filename>",
        "static",
        public("scripts and styles are the same for everyone")(_static),
    )
    app.context_processor(_context)


def _static(filename: str) -> Response:
    answer = send_from_directory(STATIC, filename)
    answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return answer


def _context() -> dict[str, Any]:
    return {"caller": find_caller()}

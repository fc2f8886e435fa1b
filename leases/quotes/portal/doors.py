"""The blueprint that the pages of a quote hang on; each file of this package adds its own."""

from __future__ import annotations

from flask import Blueprint

quotes = Blueprint("quotes", __name__, url_prefix="/quotes")

"""leave_for(): send the browser to a provider's page, which our content security policy lets no form do."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import render_template

from haas.errors import Conflict


def leave_for(url: str, *, back: str) -> Any:
    """A page that leads on by itself: browsers hold a form's redirect to `form-action`, but not a new visit.

    :raises Conflict: for an address that is no web page: nothing else is ever put into ours.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise Conflict("The provider answered with an address that is none.")
    return render_template("portal/payments/leaving.html", url=url, host=parts.hostname, back=back)

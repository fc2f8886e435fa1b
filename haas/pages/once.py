"""A page that is sent twice is done once: a second press, or a browser that sends it again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from flask import Response, make_response, request
from flask_babel import gettext as _

from haas import clock
from haas.auth.caller import current_caller
from haas.errors import Conflict
from haas.rest.idempotency import StillRunning, claim, remember

FIELD = "once"  # a hidden field beside the form's data, drawn with the page: `new_id("one")`
_NOT_ASKED = (FIELD, "csrf_token")


def once(act: Callable[[], Any]) -> Response:
    """Do what this page asks for, or answer as the first that asked for the very same was answered.

    The first is waited for. What was refused left nothing behind and may be sent again; whoever goes back and
    asks for something else is asking anew.

    :raises Conflict: if the first has not been answered.
    """
    page = request.form.get(FIELD, "")[:40]
    if not page:
        return make_response(act())
    caller = current_caller()
    session, key = caller.session, f"page:{page}:{_asked()}"
    taken = session.begin_nested()
    try:
        first = claim(session, caller.tenant, key=key, request=request, now=clock.now())
    except StillRunning as running:
        raise Conflict(_("This page is being worked on. Look again in a moment.")) from running
    if first is not None:
        return first
    answer = make_response(act())
    # Only what was done sends the browser on: a preview or a refusal is no answer to keep.
    if answer.status_code == 303:
        remember(session, caller.tenant, key=key, answer=answer)
        taken.commit()
    else:
        taken.rollback()
    return answer


def _asked() -> str:
    told = sorted(
        (name, value) for name, values in request.form.lists() if name not in _NOT_ASKED for value in values
    )
    return hashlib.sha256(repr(told).encode()).hexdigest()[:32]

"""The blueprint that the pages of a lease hang on; each file of this package adds its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash

from haas.auth.caller import current_caller
from haas.errors import HaasError, NotFound
from haas.pages.forms import Form

leases = Blueprint("leases", __name__)


def attempt(form: Form, act: Callable[[], Any]) -> bool:
    """Do what the form asks for. A refusal stands at its field, or at the top; a stranger's row is 404.

    Nothing stays of what was refused: the page that says so shows what stands.

    :raises NotFound: as the operation does.
    """
    try:
        with current_caller().session.begin_nested():
            act()
    except NotFound as missing:
        if not set(missing.fields) & form.names:
            raise
        form.refuse(missing)
        return False
    except HaasError as refusal:
        form.refuse(refusal)
        return False
    return True


def attempt_or_flash(act: Callable[[], Any]) -> bool:
    """Do what a lone button asks for; a refusal is shown on the next page, and nothing of it stays.

    :raises NotFound: as the operation does.
    """
    try:
        # The redirect commits: what an operation wrote before it refused must not go with it.
        with current_caller().session.begin_nested():
            act()
    except NotFound:
        raise
    except HaasError as refusal:
        flash(refusal.message, "error")
        return False
    return True

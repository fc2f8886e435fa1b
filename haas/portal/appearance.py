"""Light, dark or as the system says: kept with the person, and in a cookie for pages before sign-in."""

from __future__ import annotations

from urllib.parse import urlsplit

import marshmallow as ma
import sqlalchemy as sa
from flask import Blueprint, Flask, Response, current_app, redirect, request, url_for

from haas.auth.caller import Caller, current_caller, requires
from haas.auth.models import User
from haas.errors import InvalidInput
from haas.pages.forms import read_form

THEMES = ("auto", "light", "dark")
COOKIE = "haas_theme"
_YEAR_SECONDS = 365 * 24 * 3600

blueprint = Blueprint("appearance", __name__, url_prefix="/appearance")


class ThemeChoice(ma.Schema):
    """A theme, and the page to go back to."""

    theme = ma.fields.String(required=True, validate=ma.validate.OneOf(THEMES))
    next = ma.fields.String(load_default="/")


def install(app: Flask) -> None:
    """Register the switch."""
    app.register_blueprint(blueprint)


def theme_of(caller: Caller | None) -> str:
    """The theme of this person, or of this browser."""
    chosen = caller.user.theme if caller is not None else request.cookies.get(COOKIE, "")
    return chosen if chosen in THEMES else "auto"


@blueprint.post("")
@requires("account.self")
def choose() -> Response:
    """Keep the theme."""
    caller, form = current_caller(), read_form(ThemeChoice)
    if form.data is None:
        raise InvalidInput("Choose light, dark or automatic.", field="theme")
    theme = form.data["theme"]
    caller.session.execute(sa.update(User).where(User.id == caller.user.id).values(theme=theme))
    answer = redirect(local_address(form.data["next"]))
    answer.set_cookie(
        COOKIE,
        theme,
        max_age=_YEAR_SECONDS,
        samesite="Lax",
        httponly=True,
        secure=current_app.config["SESSION_COOKIE_SECURE"],
    )
    return answer  # type: ignore[return-value]


def local_address(target: str) -> str:
    """`target` if it is a path of this portal, else the overview: a form must not send people elsewhere."""
    parts = urlsplit(target)
    is_local = (
        not parts.scheme and not parts.netloc and target.startswith("/") and target[1:2] not in ("/", "\\")
    )
    return target if is_local and target.isprintable() else url_for("overview.home")

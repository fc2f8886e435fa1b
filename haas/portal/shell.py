"""Hang the portal's shell on the app: static files, filters, and what surrounds every page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask, g, request, url_for
from flask_babel import get_locale, get_translations
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from haas.auth.caller import Caller, find_caller
from haas.pages.lists import next_sort, url_with
from haas.portal import appearance, branding, counts, formatting, navigation, statics, translations
from haas.portal.navigation import Link, endpoint_exists
from haas.portal.states import look_of
from haas.tenancy.models import Partner

PRODUCT = "haas"
_ACCOUNT_PAGES = (
    ("account.show", _l("Your account"), "user"),
    ("account.security", _l("Sign-in and security"), "shield-lock"),
)
_ERROR_TITLES = {
    400: _l("This request could not be read"),
    403: _l("Your role does not include this"),
    404: _l("There is no such page"),
    405: _l("This page does not take that"),
    409: _l("The state of things does not allow it"),
    413: _l("This is more than is taken at once"),
    422: _l("Something that was sent is wrong"),
    429: _l("Too many requests"),
    500: _l("Something broke"),
}


@dataclass(frozen=True, slots=True)
class Shell:
    """What surrounds the page."""

    language: str
    direction: str
    theme: str  # light, dark or auto
    brand_name: str
    brand_css: str
    logo_url: str | None
    home_url: str
    menu: list[Link]
    settings: list[Link]
    may_search: bool
    scan_url: str | None
    jobs_url: str | None
    running_jobs: int
    alerts_url: str | None
    open_alerts: int
    initials: str
    account_links: list[tuple[str, str, str]]
    sign_out_url: str | None
    acting: bool  # an operator inside a partner

    @property
    def theme_shown(self) -> str:
        """What is right before any script has asked the system."""
        return "dark" if self.theme == "dark" else "light"


def install(app: Flask) -> None:
    """Register the shell. A public page in a partner's name sets `g.brand_partner` before it renders."""
    translations.compile_catalogues()
    statics.install(app)
    formatting.install(app)
    branding.install(app)
    appearance.install(app)
    app.jinja_env.globals.update(
        shell=build_shell,  # nosec B604 # the name in templates, no program
        state_look=look_of,
        url_with=url_with,
        next_sort=next_sort,
        endpoint_exists=endpoint_exists,
        page_language=_language,
        error_title=_error_title,
    )
    app.context_processor(_context)
    # A page has some hundred words, and Flask-Babel's own way to each asks the request four times.
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        gettext=lambda text: _words().ugettext(text),
        ngettext=lambda one, many, number: _words().ungettext(one, many, number),
        pgettext=lambda context, text: _words().upgettext(context, text),
        npgettext=lambda context, one, many, number: _words().unpgettext(context, one, many, number),
        newstyle=True,
    )


def _words() -> Any:
    """The translations in the language of this request."""
    found = g.get("words")
    if found is None:
        found = g.words = get_translations()
    return found


def build_shell() -> Shell:
    """The shell of this request: one query for its counts."""
    caller = find_caller()
    partner: Partner | None = caller.identity.partner if caller else g.get("brand_partner")
    inside = caller is not None and partner is not None
    counted = counts.count(caller) if caller is not None and partner is not None else counts.NOTHING
    locale = get_locale()
    return Shell(
        language=_language(),
        direction=str(getattr(locale, "text_direction", "ltr")),
        theme=appearance.theme_of(caller),
        brand_name=branding.name_of(partner) if partner is not None else PRODUCT,
        brand_css=branding.stylesheet_url(partner),
        logo_url=branding.logo_url(partner),
        home_url=_home_url(caller),
        menu=navigation.main_menu(caller, open_alerts=counted.open_alerts),
        settings=navigation.settings_menu(caller),
        may_search=inside and _may(caller, "search.use", "search.index"),
        scan_url=_url(caller, "asset.scan", "scan.index") if inside else None,
        jobs_url=_url(caller, "job.read", "jobs.index") if inside else None,
        running_jobs=counted.running_jobs,
        alerts_url=_url(caller, "alert.read", "alerts.index") if inside else None,
        open_alerts=counted.open_alerts,
        initials=_initials(caller.user.name) if caller else "",
        account_links=[
            (str(text), url_for(endpoint), glyph)
            for endpoint, text, glyph in _ACCOUNT_PAGES
            if caller is not None and endpoint_exists(endpoint)
        ],
        sign_out_url=url_for("accounts.sign_out") if endpoint_exists("accounts.sign_out") else None,
        acting=caller is not None and partner is not None and caller.user.level == "operator",
    )


def _context() -> dict[str, Any]:
    # Inside {% call %} Jinja's own `caller` hides ours, so it has a second name.
    caller = find_caller()
    return {"caller": caller, "viewer": caller}


def _language() -> str:
    return str(get_locale() or "en").replace("_", "-")


def _error_title(status: int) -> str:
    return str(_ERROR_TITLES.get(status) or _("This did not work"))


def _home_url(caller: Caller | None) -> str:
    if caller is not None and caller.identity.partner is None and endpoint_exists("operator.index"):
        return url_for("operator.index")
    return url_for("overview.home") if endpoint_exists("overview.home") else request.script_root + "/"


def _may(caller: Caller | None, permission: str, endpoint: str) -> bool:
    return caller is not None and endpoint_exists(endpoint) and caller.may(permission)


def _url(caller: Caller | None, permission: str, endpoint: str) -> str | None:
    return url_for(endpoint) if _may(caller, permission, endpoint) else None


def _initials(name: str) -> str:
    words = name.split()
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()

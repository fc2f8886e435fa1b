"""The partner's colour and logo: a stylesheet made of the colour alone, and the logo by its hash."""

from __future__ import annotations

import re
from typing import Any

from flask import Flask, Response, abort, url_for

from haas import db
from haas.auth.caller import public
from haas.documents.contrast import TEXT_RATIO, contrast, corrected, text_on
from haas.pages.downloads import download
from haas.tenancy.branding import DEFAULT_ACCENT
from haas.tenancy.logos import PartnerLogo
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant

# The surfaces on which the accent must read; the same as in static/css/haas.css.
LIGHT_SURFACE = "#f1f3f6"
DARK_SURFACE = "#1d2530"

_TINT = 0.16
_FOR_EVER = "public, max-age=31536000, immutable"
_COLOUR = re.compile(r"[0-9a-f]{6}")
_HASH = re.compile(r"[0-9a-f]{64}")


def install(app: Flask) -> None:
    """Serve both. They are public: a sign-in page wears the partner's brand before anyone is known."""
    app.add_url_rule(
        "/branding/<colour>.css",
        "brand.stylesheet",
        public("made of the colour in its address alone")(_stylesheet),
    )
    app.add_url_rule(
        "/branding/logo/<partner_id>/<sha256>.png",
        "brand.logo",
        public("shown on the partner's sign-in page; its address holds the picture's own hash")(_logo),
    )


def name_of(partner: Partner) -> str:
    """What the partner calls itself to its clients."""
    return str(partner.branding.get("display_name") or partner.name)


def stylesheet_url(partner: Partner | None) -> str:
    """The stylesheet of the partner's accent colour."""
    colour = str((partner.branding if partner else {}).get("accent_colour") or DEFAULT_ACCENT)
    return url_for("brand.stylesheet", colour=colour.removeprefix("#").lower())


def logo_url(partner: Partner | None) -> str | None:
    """The partner's logo, if it has one."""
    logo: dict[str, Any] | None = partner.branding.get("logo") if partner else None
    if partner is None or not logo:
        return None
    return url_for("brand.logo", partner_id=partner.id, sha256=logo["sha256"])


def stylesheet(colour: str) -> str:
    """Custom properties for an accent colour, corrected until it reads on light and on dark."""
    light, dark = readable(colour, surface=LIGHT_SURFACE), readable(colour, surface=DARK_SURFACE)
    return (
        f":root{{--brand:{light};--brand-on:{text_on(light)}}}\n"
        f"[data-bs-theme=dark]{{--brand:{dark};--brand-on:{text_on(dark)}}}\n"
    )


def readable(colour: str, *, surface: str) -> str:
    """The nearest shade that reads on `surface`, also where the surface wears a tint of that very shade."""
    shade = corrected(colour, background=surface)
    for _attempt in range(20):
        tinted = tint(shade, surface=surface)
        if contrast(shade, tinted) >= TEXT_RATIO:
            return shade
        shade = corrected(shade, background=tinted)
    return text_on(surface)


def tint(shade: str, *, surface: str) -> str:
    """`color-mix(in srgb, shade 16%, surface)`, as the style sheets mix it at most."""
    pairs = zip(bytes.fromhex(shade[1:]), bytes.fromhex(surface[1:]), strict=True)
    return "#" + bytes(round(_TINT * one + (1 - _TINT) * other) for one, other in pairs).hex()


def _stylesheet(colour: str) -> Response:
    if not _COLOUR.fullmatch(colour):
        abort(404)
    answer = Response(stylesheet(f"#{colour}"), content_type="text/css; charset=utf-8")
    answer.headers["Cache-Control"] = _FOR_EVER
    return answer


def _logo(partner_id: str, sha256: str) -> Response:
    if not _HASH.fullmatch(sha256):
        abort(404)
    with db.unit_of_work(Tenant(partner_id, actor="stranger", door="portal")) as session:
        logo = session.get(PartnerLogo, (partner_id, sha256))
    if logo is None:
        abort(404)
    answer = download(logo.png, name="logo.png", media_type="image/png", inline=True)
    answer.headers["Cache-Control"] = _FOR_EVER
    return answer

"""The scan page without signal: its worker, the shell that the worker keeps, and the home-screen manifest.

All of it is public and the same for everyone: the worker keeps what needs no session and nothing else.
Who scans and what waits is in the phone's own database, under that person's name.
"""

from __future__ import annotations

import hashlib
import io
import re

from flask import Blueprint, Response, abort, g, jsonify, make_response, render_template, request, url_for
from flask_babel import force_locale
from flask_babel import gettext as _
from PIL import Image, ImageDraw

from devices.scan_portal import with_camera
from haas.accounts.portal.browser import partner_at
from haas.auth.caller import public
from haas.documents.contrast import text_on
from haas.tenancy.branding import DEFAULT_ACCENT, LANGUAGES

blueprint = Blueprint("offline", __name__, url_prefix="/scan")

ICON_SIZES = (180, 192, 512)
# What the shell names is what the worker keeps: styles, scripts, the decoder, the brand.
_NAMED = re.compile(r'"(/(?:static|branding)/[^"#?]+)')


@blueprint.get("/offline")
@public("holds words, scripts and the partner's brand, and nobody's data")
def shell() -> Response:
    """The scan page as it opens without signal, in a language and a partner's brand."""
    return with_camera(_shell())


@blueprint.get("/worker.js")
@public("a program that keeps public files")
def worker() -> Response:
    """The service worker. Its text changes with what it keeps, so a browser takes up a release by itself."""
    asked, page = _asked(), _shell()
    answer = make_response(
        render_template(
            "portal/scan/worker.js",
            version=hashlib.sha256(page.encode()).hexdigest()[:12],
            scan=url_for("scan.index"),
            shell_address=url_for(".shell", at=asked["at"], language=asked["language"]),
            files=sorted(set(_NAMED.findall(page))),
        )
    )
    answer.content_type = "text/javascript; charset=utf-8"
    answer.headers["Service-Worker-Allowed"] = url_for("scan.index")
    answer.headers["Cache-Control"] = "no-cache"
    return answer


@blueprint.get("/app.webmanifest")
@public("a name and pictures in the partner's brand")
def manifest() -> Response:
    """What a phone needs to put the scan page on its home screen."""
    asked = _asked()
    with force_locale(asked["language"]):
        words = {"name": _("Scan labels"), "short_name": _("Scan")}
    pictures = [
        {"src": url_for(".icon", size=size, at=asked["at"]), "sizes": f"{size}x{size}", "type": "image/png"}
        for size in ICON_SIZES
    ]
    answer = jsonify(
        **words,
        id=url_for("scan.index"),
        start_url=url_for("scan.index"),
        scope="/",
        display="standalone",
        background_color="#ffffff",
        theme_color=_colour(asked["at"]),
        icons=[picture | {"purpose": "any maskable"} for picture in pictures],
    )
    answer.content_type = "application/manifest+json"
    answer.headers["Cache-Control"] = "no-cache"
    return answer


@blueprint.get("/icon-<int:size>.png")
@public("made of the partner's colour alone")
def icon(size: int) -> Response:
    """The home screen's icon."""
    if size not in ICON_SIZES:
        abort(404)
    out = io.BytesIO()
    draw_icon(colour=_colour(_asked()["at"]), size=size).save(out, "PNG", optimize=True)
    answer = Response(out.getvalue(), content_type="image/png")
    answer.headers["Cache-Control"] = "public, max-age=86400"
    return answer


def draw_icon(*, colour: str, size: int) -> Image.Image:
    """The corners of a viewfinder around a line. A phone may cut it round: what counts is in the middle."""
    picture = Image.new("RGB", (size, size), colour)
    draw, ink = ImageDraw.Draw(picture), text_on(colour)
    near, far, reach, stroke = size * 28 // 100, size * 72 // 100, size * 14 // 100, max(size * 5 // 100, 1)
    for x, y in ((near, near), (far, near), (near, far), (far, far)):
        across = x + reach if x == near else x - reach
        down = y + reach if y == near else y - reach
        draw.line([(across, y), (x, y), (x, down)], fill=ink, width=stroke, joint="curve")
    middle = size // 2
    draw.line([(near + reach // 2, middle), (far - reach // 2, middle)], fill=ink, width=stroke)
    return picture


def _asked() -> dict[str, str]:
    """Whose brand (a partner's public name) and which language; what is not known is left out in silence."""
    language = request.args.get("language", "")
    return {"at": request.args.get("at", "")[:80], "language": language if language in LANGUAGES else "en"}


def _colour(slug: str) -> str:
    partner = partner_at(slug)
    return str((partner.branding if partner else {}).get("accent_colour") or DEFAULT_ACCENT)


def _shell() -> str:
    asked = _asked()
    g.brand_partner = partner_at(asked["at"])
    with force_locale(asked["language"]):
        return render_template("portal/scan/offline.html", at=asked["at"])

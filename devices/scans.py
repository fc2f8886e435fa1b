"""What a scanned or typed code leads to: an asset of this partner, or a warning about a foreign label."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from PIL import Image, UnidentifiedImageError
from sqlalchemy.orm import Session

from devices.models import Asset
from devices.queries import AssetNotFound, find_by_label, find_by_tag_or_serial
from haas import audit
from haas.errors import InvalidInput, TooLarge
from haas.tenancy.scope import Tenant

CODE_MAX = 500
PHOTO_BYTES_MAX = 12 * 1024 * 1024
PHOTO_PIXELS_MAX = 60_000_000
_TOKEN = re.compile(r"/q/([A-Za-z0-9_-]{16,64})")
_SIDE_MAX = 2000  # a decoder needs no more, and a phone's photo has four times as much


@dataclass(frozen=True, slots=True)
class Scan:
    """What a code was: `asset`, or with none the host of a `foreign` label that someone stuck on."""

    asset: Asset | None
    foreign: str = ""


class UnreadablePhoto(InvalidInput):
    """The picture shows no code that can be read."""

    code = "unreadable_photo"


def look_up(session: Session, tenant: Tenant, *, code: str, base_url: str) -> Scan:
    """The asset that a label, a tag or a serial names. A foreign label is put on record.

    :param base_url: the portal's own address: labels of any other host are not ours.
    :raises AssetNotFound: for a code that names nothing of this tenant; another partner's label too.
    """
    code = code.strip()
    if not code or len(code) > CODE_MAX:
        raise InvalidInput("Scan a label, or type a tag or serial number.", field="code")
    if re.match(r"[a-z][a-z0-9+.-]*:", code, re.IGNORECASE) and "/" in code:
        token = own_token(code, base_url=base_url)
        if token is None:
            return _foreign(session, code)
        asset = find_by_label(session, tenant, token=token)
    else:
        asset = find_by_tag_or_serial(session, tenant, text=code)
    if asset is None:
        raise AssetNotFound("This code belongs to no asset of yours.")
    audit.note(session, action="scanned", subject="asset", subject_id=asset.id, details={})
    return Scan(asset)


def own_token(code: str, *, base_url: str) -> str | None:
    """The token of a label that leads to this very portal; none for any other address."""
    own = urlsplit(base_url)
    try:
        seen = urlsplit(code)
        same = (seen.scheme, seen.hostname, _port(seen)) == (own.scheme, own.hostname, _port(own))
    except ValueError:
        return None
    found = _TOKEN.fullmatch(seen.path.removeprefix(own.path.rstrip("/")))
    return found[1] if same and found and not seen.query and "@" not in seen.netloc else None


def read_photo(content: bytes) -> list[str]:
    """The texts of the codes in a photo: QR first, then bar codes of serial labels.

    :raises TooLarge: for more bytes or pixels than a phone's photo has.
    :raises UnreadablePhoto: if it is no picture, or shows no code.
    """
    import zxingcpp

    if len(content) > PHOTO_BYTES_MAX:
        raise TooLarge("The photo is larger than 12 MB.", field="photo")
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG", "WEBP")) as picture:
            if picture.width * picture.height > PHOTO_PIXELS_MAX:
                raise TooLarge("The photo has too many pixels.", field="photo")
            picture.draft("L", (_SIDE_MAX, _SIDE_MAX))
            grey = picture.convert("L")
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as broken:
        raise UnreadablePhoto("This is no picture that can be read: send a JPEG.", field="photo") from broken
    grey.thumbnail((_SIDE_MAX, _SIDE_MAX))
    found = [code for code in zxingcpp.read_barcodes(grey) if code.text.strip()]
    if not found:
        raise UnreadablePhoto("No code was found in the photo: go closer, and hold still.", field="photo")
    found.sort(key=lambda code: "QR" not in str(code.format))
    return [code.text for code in found]


def _foreign(session: Session, code: str) -> Scan:
    host = (urlsplit(code).hostname or "?")[:120] if "//" in code else code.split(":", 1)[0][:120]
    audit.note(
        session, action="foreign_label", subject="label_token", subject_id="", details={"code": code[:200]}
    )
    return Scan(None, foreign=host)


def _port(parts: object) -> int:
    port, scheme = getattr(parts, "port", None), getattr(parts, "scheme", "")
    return int(port or {"https": 443, "http": 80}.get(scheme, 0))

"""A partner's branding: checked, its logo drawn anew and kept under its hash, for old paper too."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from haas import clock
from haas.accounts import checks
from haas.accounts.people import check_email
from haas.documents.drawing import draw_logo
from haas.errors import InvalidInput
from haas.tenancy.branding import Branding, Logo
from haas.tenancy.brands import branding_of
from haas.tenancy.logos import PartnerLogo
from haas.tenancy.models import Partner
from haas.tenancy.partners import lock_partner
from haas.tenancy.scope import Tenant, scoped

LINES = ("address_lines", "footer_lines", "payment_lines")
_LINES_MAX = 6


def edit_branding(
    session: Session,
    tenant: Tenant,
    *,
    changes: dict[str, Any],
    logo: bytes | None = None,
    remove_logo: bool = False,
) -> Branding:
    """Change what the partner's paper, mail and portal look like from now on.

    :param changes: fields of `Branding` but the logo; lines as lists.
    :param logo: an uploaded picture, which is decoded and drawn anew.
    :raises InvalidInput: for a colour, address, line or picture that cannot be used.
    """
    partner = lock_partner(session, tenant)
    branding = preview_branding(session, partner, changes=changes)
    if remove_logo:
        branding = msgspec.structs.replace(branding, logo=None)
    if logo is not None:
        branding = msgspec.structs.replace(branding, logo=Logo(_keep_logo(session, tenant, logo)))
    partner.branding = msgspec.to_builtins(branding)
    session.flush()
    return branding


def preview_branding(session: Session, partner: Partner, *, changes: dict[str, Any]) -> Branding:
    """The branding as it would be with these changes; nothing is kept.

    :raises InvalidInput: as `edit_branding`.
    """
    known = set(Branding.__struct_fields__) - {"logo"}
    if unknown := set(changes) - known:
        raise ValueError(f"not fields of a branding: {sorted(unknown)}")
    clean: dict[str, Any] = {}
    for field, value in changes.items():
        if field in LINES:
            clean[field] = tuple(_checked_lines(list(value), field))
        elif field == "accent_colour":
            clean[field] = str(value).strip().lower()
        elif field == "sender_email":
            clean[field] = _checked_sender(value)
        elif field == "website":
            clean[field] = _checked_website(value)
        else:
            clean[field] = checks.check_text(str(value), field=field, most=160, required=False)
    return msgspec.structs.replace(branding_of(session, partner, with_logo=False), **clean)


def _keep_logo(session: Session, tenant: Tenant, upload: bytes) -> str:
    png = draw_logo(upload)
    sha256 = hashlib.sha256(png).hexdigest()
    if session.scalar(scoped(PartnerLogo, tenant).where(PartnerLogo.id == sha256)) is None:
        session.add(PartnerLogo(partner_id=tenant.partner_id, id=sha256, png=png, created_at=clock.now()))
        session.flush()
    return sha256


def _checked_lines(lines: list[str], field: str) -> list[str]:
    tidy = checks.check_lines(lines, field=field)
    if len(tidy) > _LINES_MAX:
        raise InvalidInput(f"Use at most {_LINES_MAX} lines.", field=field)
    return tidy


def _checked_sender(value: str) -> str:
    try:
        return check_email(value) if value.strip() else ""
    except InvalidInput as wrong:
        raise InvalidInput(wrong.message, field="sender_email") from wrong


def _checked_website(value: str) -> str:
    address = checks.check_text(value, field="website", most=200, required=False)
    if address and not address.startswith(("https://", "http://")):
        raise InvalidInput("Write a web address that begins with https://.", field="website")
    return address

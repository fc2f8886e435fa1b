"""branding_of(): what a partner's paper, portal and mail look like, with the defaults it has not changed."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.tenancy.branding import Branding
from haas.tenancy.logos import PartnerLogo
from haas.tenancy.models import Partner


def branding_of(session: Session, partner: Partner, *, with_logo: bool = True) -> Branding:
    """The partner's branding; `with_logo` brings the logo's bytes, which paper needs and a page does not."""
    chosen: dict[str, Any] = {
        "display_name": partner.name,
        "legal_name": partner.legal_name,
        "language": partner.language,
        "time_zone": partner.time_zone,
        "page_size": "letter" if partner.country in ("US", "CA", "MX") else "a4",
        **partner.branding,
    }
    branding = msgspec.convert(chosen, Branding)
    if branding.logo is None or branding.logo.png is not None or not with_logo:
        return branding
    png = logo_png(session, branding, partner_id=partner.id)
    return branding.with_logo(png) if png is not None else msgspec.structs.replace(branding, logo=None)


def logo_png(session: Session, branding: Branding, *, partner_id: str) -> bytes | None:
    """The bytes of the logo that a branding names by its hash: what was frozen prints again with them."""
    if branding.logo is None:
        return None
    return session.scalar(
        sa.select(PartnerLogo.png).where(
            PartnerLogo.partner_id == partner_id, PartnerLogo.id == branding.logo.sha256
        )
    )

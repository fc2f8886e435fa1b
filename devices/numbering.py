"""The next tags and wipe certificate numbers of a partner."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from devices.identifiers import normalised
from devices.models import Asset
from haas.series import take_number, take_numbers
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant


def next_tags(session: Session, tenant: Tenant, *, count: int) -> list[str]:
    """`count` tags such as NOR-00042 that no asset carries, not even one that was typed by hand."""
    prefix = _prefix(session, tenant)
    tags: list[str] = []
    while len(tags) < count:
        numbers = take_numbers(session, tenant, series="asset-tag", count=count - len(tags))
        made = {normalised(tag): tag for tag in (f"{prefix}{number:05d}" for number in numbers)}
        worn = set(
            session.scalars(
                sa.select(Asset.tag_norm).where(
                    Asset.partner_id == tenant.partner_id, Asset.tag_norm.in_(made)
                )
            )
        )
        tags += [tag for norm, tag in made.items() if norm not in worn]
    return tags


def next_wipe_number(session: Session, tenant: Tenant) -> str:
    """The number of the next wipe certificate: WIPE-00007."""
    return take_number(session, tenant, series="wipe", pattern="WIPE-{:05d}")


def _prefix(session: Session, tenant: Tenant) -> str:
    """The partner's own letters: as its policies say, else the first three of its short name."""
    partner = session.get_one(Partner, tenant.partner_id)
    letters = "".join(sign for sign in partner.slug if sign.isalnum())[:3].upper()
    return str(partner.policies.get("asset_tag_prefix") or f"{letters or 'TAG'}-")

"""Mails to a client: to where its invoices go, in its language, in the partner's name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from haas.accounts.clients import get_client
from haas.files import StoredFile
from haas.mail import Attachment, Letter
from haas.tenancy.brands import branding_of
from haas.tenancy.models import Client, Partner
from haas.tenancy.scope import Tenant


def both_ends(session: Session, tenant: Tenant, *, client_id: str) -> tuple[Partner, Client]:
    """Who writes, and to whom.

    :raises NotFound: if the tenant has no such client.
    """
    partner = session.get_one(Partner, tenant.partner_id)
    return partner, get_client(session, tenant, client_id=client_id)


def letter_to(
    session: Session,
    tenant: Tenant,
    *,
    client: Client,
    message: str,
    message_id: str,
    values: Mapping[str, Any],
    files: Sequence[StoredFile] = (),
) -> Letter | None:
    """The mail; none if the client has no address, or the partner is suspended and may write to nobody."""
    partner = session.get_one(Partner, tenant.partner_id)
    if not client.email or partner.suspended_at is not None:
        return None
    return Letter(
        message=message,
        to=client.email,
        to_name=client.name,
        branding=branding_of(session, partner, with_logo=False),
        language=client.language,
        time_zone=client.time_zone,
        message_id=message_id,
        values=values,
        attachments=tuple(Attachment(each.name, each.media_type, each.content) for each in files),
    )

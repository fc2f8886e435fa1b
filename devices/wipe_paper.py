"""A stored wipe certificate -> its frozen paper -> the PDF in the file store."""

from __future__ import annotations

from typing import Literal, cast

from sqlalchemy.orm import Session

from devices import paper
from devices.models import WipeCertificate
from devices.queries import get_asset
from devices.sanitisation import get_certificate
from haas.files import StoredFile, get_file, store_file
from haas.tenancy.brands import branding_of
from haas.tenancy.models import Client, Partner
from haas.tenancy.scope import Tenant, scoped

Method = Literal["clear", "purge", "destroy"]

DESTINATION_WORDS = {
    "same_client": "back to the same client",
    "redeploy": "another client",
    "resale": "resale",
    "supplier": "return to the supplier",
    "recycling": "recycling",
    "destruction": "destruction",
}


def store_wipe_certificate(session: Session, tenant: Tenant, *, certificate_id: str) -> StoredFile:
    """Print the certificate and keep it; the file that is there already is the answer of a repeat."""
    certificate = get_certificate(session, tenant, certificate_id=certificate_id)
    if certificate.file_id is not None:
        return get_file(session, tenant, file_id=certificate.file_id)
    stored = store_file(
        session,
        tenant,
        kind="wipe_certificate",
        name=f"{certificate.number}.pdf",
        media_type="application/pdf",
        content=paper.wipe_certificate_pdf(printed(session, tenant, certificate)),
        client_id=certificate.client_id,
        once_key=f"wipe_certificate:{certificate.id}",
    )
    certificate.file_id = stored.id
    session.flush()
    return stored


def printed(session: Session, tenant: Tenant, certificate: WipeCertificate) -> paper.WipeCertificate:
    """Everything that the paper says, as one value."""
    partner = session.get_one(Partner, tenant.partner_id)
    asset = get_asset(session, tenant, asset_id=certificate.asset_id)
    client = session.scalar(scoped(Client, tenant).where(Client.id == certificate.client_id))
    method = cast("Method", certificate.method)
    return paper.WipeCertificate(
        branding=branding_of(session, partner),
        language=client.language if client else partner.language,
        number=certificate.number,
        client_name=client.printed_name if client else partner.legal_name,
        client_address_lines=tuple(client.printed_address) if client else (),
        device_maker=asset.model.manufacturer,
        device_model=asset.model.name,
        device_serial=asset.serial or "",
        property_number=asset.tag,
        media=tuple(
            paper.Medium(
                media_type=medium["media_type"],
                maker=medium["maker"],
                model=medium["model"],
                serial=medium["serial"],
                capacity=medium["capacity"],
                method=method,
                technique=certificate.technique,
                tool=certificate.tool,
                tool_version=medium["tool_version"],
                verification=certificate.verification,
                result="passed",
            )
            for medium in certificate.media
        ),
        destination=DESTINATION_WORDS[certificate.destination],
        performed_by=paper.Witness(
            name=certificate.performed_by, place=certificate.place, signed_at=certificate.performed_at
        ),
        verified_by=paper.Witness(name=certificate.verified_by, place=certificate.place),
        performed_at=certificate.performed_at,
        notes=tuple(line for line in certificate.notes.splitlines() if line.strip()),
    )

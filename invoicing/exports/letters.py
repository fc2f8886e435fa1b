"""Messages of exports: a file that is ready, or why there is none."""

from __future__ import annotations

from haas.mail import Attachment, Letter
from haas.settings import Settings
from haas.tenancy.branding import Branding
from haas.tenancy.models import Partner
from invoicing.exports.models import ExportBatch, ExportDelivery, ExportProfile

ATTACHED_MAX_BYTES = 7 * 1024 * 1024  # a third more on the wire; what is larger is fetched by its link


def ready_letter(
    own: Settings,
    partner: Partner,
    branding: Branding,
    *,
    delivery: ExportDelivery,
    batch: ExportBatch,
    content: bytes,
    media_type: str,
) -> Letter:
    """A batch's file, attached unless it is too large; its id is the delivery's: a repeat is the same."""
    fits = len(content) <= ATTACHED_MAX_BYTES
    return Letter(
        message="export_ready",
        to=delivery.target,
        branding=branding,
        message_id=delivery.id,
        language=partner.language,
        time_zone=partner.time_zone,
        values={
            "partner_name": partner.name,
            "number": batch.number,
            "items": batch.items,
            "sums": [f"{amount} {currency}" for currency, amount in sorted(batch.sums.items())],
            "sha256": batch.sha256,
            "is_attached": fits,
            "link": f"{own.base_url}/exports/batches/{batch.id}",
        },
        attachments=(Attachment(batch.file_name, media_type, content),) if fits else (),
    )


def failure_letter(
    own: Settings,
    partner: Partner,
    branding: Branding,
    *,
    profile: ExportProfile,
    to: str,
    reason: str,
    message_id: str,
) -> Letter:
    """What went wrong, and where it is put right."""
    return Letter(
        message="export_failed",
        to=to,
        branding=branding,
        message_id=message_id,
        language=partner.language,
        time_zone=partner.time_zone,
        values={
            "partner_name": partner.name,
            "profile_name": profile.name,
            "reason": reason,
            "link": f"{own.base_url}/exports/{profile.id}",
        },
    )

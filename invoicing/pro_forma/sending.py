"""A pro-forma goes to the client by mail when somebody asks for it, in the partner's brand."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import audit, outbox
from haas.documents import formatting
from haas.files import get_file
from haas.mail import Attachment, Letter
from haas.tenancy.brands import branding_of
from haas.tenancy.models import Client, Partner
from haas.tenancy.scope import Tenant, scoped
from invoicing.pro_forma.models import ProForma
from invoicing.pro_forma.queries import get_pro_forma
from invoicing.sending import CannotSend, NotReady


def request(session: Session, tenant: Tenant, *, pro_forma_id: str) -> ProForma:
    """Mail it now, whether it was mailed before or not; a job does it.

    :raises NotReady: if its PDF is still being rendered.
    :raises CannotSend: for a suspended partner, or a client without an e-mail address.
    """
    pro_forma = get_pro_forma(session, tenant, pro_forma_id=pro_forma_id, lock=True)
    partner, client = _both_ends(session, tenant, pro_forma)
    if partner.suspended_at is not None:
        raise CannotSend("Nothing is sent while this account is suspended.")
    if not client.email:
        raise CannotSend(f"{client.name} has no e-mail address. Add one to the client first.")
    if pro_forma.pdf_file_id is None:
        raise not_ready(pro_forma)
    outbox.publish(session, tenant, "pro_forma.send_requested", pro_forma_id=pro_forma.id)
    session.flush()
    audit.note(
        session,
        action="send_requested",
        subject="pro_forma",
        subject_id=pro_forma.id,
        details={"number": pro_forma.number},
    )
    return pro_forma


def not_ready(pro_forma: ProForma) -> NotReady:
    """What is said of a PDF that is not there yet."""
    return NotReady(f"The PDF of {pro_forma.number} is still being rendered; try again in a moment.")


def letter_for(
    session: Session, tenant: Tenant, *, pro_forma_id: str, message_id: str, base_url: str
) -> Letter | None:
    """The mail with the PDF, in the partner's name; none if it cannot go out (`request` says why)."""
    pro_forma = get_pro_forma(session, tenant, pro_forma_id=pro_forma_id)
    partner, client = _both_ends(session, tenant, pro_forma)
    if pro_forma.pdf_file_id is None or partner.suspended_at is not None or not client.email:
        return None
    pdf = get_file(session, tenant, file_id=pro_forma.pdf_file_id)
    return Letter(
        message="pro_forma",
        to=client.email,
        to_name=client.name,
        branding=branding_of(session, partner, with_logo=False),
        language=client.language,
        time_zone=client.time_zone,
        message_id=message_id,
        values={
            "number": pro_forma.number,
            "total": formatting.money(pro_forma.total, pro_forma.currency, language=client.language),
            "link": f"{base_url}/pro-formas/{pro_forma.id}",
        },
        attachments=(Attachment(pdf.name, pdf.media_type, pdf.content),),
    )


def note_sent(session: Session, tenant: Tenant, *, pro_forma_id: str, at: datetime) -> None:
    """Say that it left."""
    session.execute(
        sa.update(ProForma)
        .where(ProForma.partner_id == tenant.partner_id, ProForma.id == pro_forma_id)
        .values(sent_at=at)
    )


def recipients(session: Session, tenant: Tenant, *, pro_forma: ProForma) -> list[str]:
    """Where the mail goes: none if the client has no address."""
    _, client = _both_ends(session, tenant, pro_forma)
    return [client.email] if client.email else []


def _both_ends(session: Session, tenant: Tenant, pro_forma: ProForma) -> tuple[Partner, Client]:
    partner = session.get_one(Partner, tenant.partner_id)
    return partner, session.scalars(scoped(Client, tenant).where(Client.id == pro_forma.client_id)).one()

"""A pro-forma goes to the client by mail when somebody asks for it, in the partner's brand."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import audit, outbox
from haas.accounts.clients import get_client
from haas.documents import formatting
from haas.files import get_file
from haas.mail import Letter
from haas.tenancy.scope import Tenant
from invoicing.letters import letter_to
from invoicing.pro_forma.models import ProForma
from invoicing.pro_forma.queries import get_pro_forma
from invoicing.sending import require_sendable


def request(session: Session, tenant: Tenant, *, pro_forma_id: str) -> ProForma:
    """Mail it now, whether it was mailed before or not; a job does it.

    :raises NotReady: if its PDF is still being rendered.
    :raises CannotSend: for a suspended partner, or a client without an e-mail address.
    """
    pro_forma = get_pro_forma(session, tenant, pro_forma_id=pro_forma_id, lock=True)
    require_sendable(
        session,
        tenant,
        client_id=pro_forma.client_id,
        number=pro_forma.number,
        pdf_file_id=pro_forma.pdf_file_id,
    )
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


def letter_for(
    session: Session, tenant: Tenant, *, pro_forma_id: str, message_id: str, base_url: str
) -> Letter | None:
    """The mail with the PDF, in the partner's name; none if it cannot go out (`request` says why)."""
    pro_forma = get_pro_forma(session, tenant, pro_forma_id=pro_forma_id)
    if pro_forma.pdf_file_id is None:
        return None
    client = get_client(session, tenant, client_id=pro_forma.client_id)
    return letter_to(
        session,
        tenant,
        client=client,
        message="pro_forma",
        message_id=message_id,
        values={
            "number": pro_forma.number,
            "total": formatting.money(pro_forma.total, pro_forma.currency, language=client.language),
            "link": f"{base_url}/pro-formas/{pro_forma.id}",
        },
        files=[get_file(session, tenant, file_id=pro_forma.pdf_file_id)],
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
    client = get_client(session, tenant, client_id=pro_forma.client_id)
    return [client.email] if client.email else []

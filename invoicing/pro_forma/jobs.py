"""Jobs: print a pro-forma, mail it when asked."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from haas import clock, db, mail
from haas.crash import crashpoint
from haas.files import store_file
from haas.settings import current as current_settings
from haas.tenancy.brands import logo_png
from haas.tenancy.scope import Tenant
from invoicing.paper import invoice_pdf
from invoicing.pro_forma import sending
from invoicing.pro_forma.models import ProForma
from invoicing.pro_forma.queries import document_of, get_pro_forma


def render_pdf(*, partner_id: str, event_id: str, pro_forma_id: str, **_: Any) -> None:
    """Render it once; the same inputs find the file that is there."""
    tenant = Tenant(partner_id, actor="job:pro_forma", door="job", request_id=event_id)
    with db.unit_of_work(tenant) as session:
        pro_forma = get_pro_forma(session, tenant, pro_forma_id=pro_forma_id)
        if pro_forma.pdf_file_id is not None:
            return
        document = document_of(pro_forma)
        png = logo_png(session, document.seller, partner_id=partner_id)
    content = invoice_pdf(document, logo=png)  # a second of work: no transaction is held open for it
    crashpoint("render.before_store")
    with db.unit_of_work(tenant) as session:
        stored = store_file(
            session,
            tenant,
            kind="pro_forma_pdf",
            name=f"{document.number}.pdf",
            media_type="application/pdf",
            content=content,
            client_id=pro_forma.client_id,
            once_key=f"pro_forma_pdf:{pro_forma.document_hash}",
        )
        session.execute(
            sa.update(ProForma)
            .where(
                ProForma.partner_id == partner_id, ProForma.id == pro_forma_id, ProForma.pdf_file_id.is_(None)
            )
            .values(pdf_file_id=stored.id)
        )


def mail_pro_forma(*, partner_id: str, event_id: str, pro_forma_id: str, **_: Any) -> None:
    """Mail it. A second run of this job sends the same Message-ID: a mail program shows it once."""
    tenant = Tenant(partner_id, actor="job:pro_forma", door="job", request_id=event_id)
    own = current_settings()
    with db.unit_of_work(tenant) as session:
        letter = sending.letter_for(
            session, tenant, pro_forma_id=pro_forma_id, message_id=event_id, base_url=own.base_url
        )
    if letter is None:
        return
    crashpoint("mail.before_send")
    mail.send(own, letter, now=clock.now())  # the server may take its time: no transaction is held open
    crashpoint("mail.after_send")
    with db.unit_of_work(tenant) as session:
        sending.note_sent(session, tenant, pro_forma_id=pro_forma_id, at=clock.now())

"""An issued document goes to the client by mail: at once or when asked, never for a suspended partner."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session, defer

from haas import audit, outbox
from haas.accounts.clients import get_client
from haas.documents import formatting
from haas.errors import Conflict
from haas.files import get_file
from haas.mail import Letter
from haas.tenancy.models import Client, Partner
from haas.tenancy.partners import lock_partner
from haas.tenancy.scope import Tenant, scoped
from invoicing import e_invoices, pay_to, queries
from invoicing.document import InvoiceDocument
from invoicing.letters import both_ends, letter_to
from invoicing.models import Invoice
from invoicing.paper import transfer_lines

_POLICY = "invoice_sending"
_HELD, _AT_ONCE = "held", "at_once"
SENT_AT_ONCE_MAX = 1_000


class NotReady(Conflict):
    """The PDF is not there yet."""

    code = "pdf_not_ready"

    def __init__(self, number: str) -> None:
        super().__init__(f"The PDF of {number} is still being rendered; try again in a moment.")


class CannotSend(Conflict):
    """There is nobody to send it to, or nobody who may."""

    code = "cannot_send"


def is_held(partner: Partner) -> bool:
    """Whether documents wait until somebody sends them."""
    return partner.policies.get(_POLICY) == _HELD


def hold(session: Session, tenant: Tenant, *, held: bool) -> None:
    """Keep new documents back until somebody sends them, or mail each as soon as its PDF is there."""
    partner = lock_partner(session, tenant)
    partner.policies = {**partner.policies, _POLICY: _HELD if held else _AT_ONCE}
    session.flush()


def request(session: Session, tenant: Tenant, *, invoice_id: str) -> Invoice:
    """Mail a document now, whether it was mailed before or not; a job does it.

    :raises NotReady: if its PDF is still being rendered.
    :raises CannotSend: for a suspended partner, or a client without an e-mail address.
    """
    invoice = queries.lock_invoice(session, tenant, invoice_id=invoice_id)
    require_sendable(
        session,
        tenant,
        client_id=invoice.client_id,
        number=invoice.number,
        pdf_file_id=invoice.pdf_file_id,
    )
    _publish(session, tenant, invoice)
    return invoice


def request_waiting(session: Session, tenant: Tenant) -> int:
    """Mail every document that is rendered and was never mailed, at most 1,000 at once; how many."""
    waiting = session.scalars(
        _waiting(tenant).options(defer(Invoice.document)).order_by(Invoice.id).limit(SENT_AT_ONCE_MAX)
    ).all()
    for invoice in waiting:
        _publish(session, tenant, invoice)
    return len(waiting)


def count_waiting(session: Session, tenant: Tenant) -> int:
    """How many documents are rendered and were never mailed."""
    statement = _waiting(tenant).with_only_columns(sa.func.count())
    return session.scalar(statement) or 0


def letter_for(
    session: Session, tenant: Tenant, *, invoice: Invoice, message_id: str, base_url: str
) -> Letter | None:
    """The mail with the PDF, in the partner's name; none if it cannot go out (`request` says why).

    A client that wants it gets the UBL file too, where the document has one.
    """
    if invoice.pdf_file_id is None:
        return None
    client = get_client(session, tenant, client_id=invoice.client_id)
    document = msgspec.convert(invoice.document, type=InvoiceDocument)
    pdf = get_file(session, tenant, file_id=invoice.pdf_file_id)
    files = [pdf]
    if client.wants_ubl and (ubl := e_invoices.find_peppol(session, tenant, invoice=invoice)) is not None:
        files.append(ubl)
    credited = [each.number for each in document.references if each.kind == "invoice"]
    instead = pay_to.instead_of_debit(session, tenant, document=document)
    is_collected = document.debit is not None and not instead
    return letter_to(
        session,
        tenant,
        client=client,
        message="invoice_issued",
        message_id=message_id,
        values={
            "kind": invoice.kind,
            "number": invoice.number,
            "credits": credited[0] if credited else "",
            "total": formatting.money(abs(invoice.total), invoice.currency, language=client.language),
            "due_on": invoice.due_on,
            "terms": document.payment_terms.splitlines() if document.early_discounts else [],
            "start": document.start,
            "payment_lines": () if is_collected else instead or transfer_lines(document),
            "reference": document.payer_reference,
            "collected_from": document.debit.iban_shown if document.debit and is_collected else "",
            "is_collected_no_more": bool(instead),
            "link": f"{base_url}/invoices/{invoice.id}",
        },
        files=files,
    )


def note_sent(session: Session, tenant: Tenant, *, invoice_id: str, at: datetime) -> None:
    """Say that it left."""
    session.execute(
        sa.update(Invoice)
        .where(Invoice.partner_id == tenant.partner_id, Invoice.id == invoice_id)
        .values(sent_at=at)
    )


def recipients(session: Session, tenant: Tenant, *, invoice: Invoice) -> Sequence[str]:
    """Where the mail goes: none if the client has no address."""
    client = get_client(session, tenant, client_id=invoice.client_id)
    return [client.email] if client.email else []


def require_sendable(
    session: Session, tenant: Tenant, *, client_id: str, number: str, pdf_file_id: str | None
) -> None:
    """That a document can be mailed.

    :raises NotReady: if its PDF is still being rendered.
    :raises CannotSend: for a suspended partner, or a client without an e-mail address.
    """
    partner, client = both_ends(session, tenant, client_id=client_id)
    if partner.suspended_at is not None:
        raise CannotSend("Nothing is sent while this account is suspended.")
    if not client.email:
        raise CannotSend(f"{client.name} has no e-mail address. Add one to the client first.")
    if pdf_file_id is None:
        raise NotReady(number)


def _publish(session: Session, tenant: Tenant, invoice: Invoice) -> None:
    outbox.publish(session, tenant, "invoice.send_requested", invoice_id=invoice.id)
    session.flush()
    audit.note(
        session,
        action="send_requested",
        subject="invoice",
        subject_id=invoice.id,
        details={"number": invoice.number},
    )


def _waiting(tenant: Tenant) -> sa.Select[Invoice]:
    reachable = sa.select(Client.id).where(Client.partner_id == tenant.partner_id, Client.email != "")
    return scoped(Invoice, tenant).where(
        Invoice.sent_at.is_(None), Invoice.pdf_file_id.is_not(None), Invoice.client_id.in_(reachable)
    )

"""Mails to clients about direct debits."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.orm import Session

from haas.accounts.clients import get_client
from haas.accounts.company import company_of
from haas.calendar import local_day
from haas.documents import formatting
from haas.errors import Conflict
from haas.mail import Attachment, Letter
from haas.tenancy.brands import branding_of
from haas.tenancy.scope import Tenant
from invoicing import queries as invoices
from invoicing.bank.debit_models import BY_MAIL, DebitNotice
from invoicing.bank.mandate_paper import MandateDocument
from invoicing.bank.mandates import get_mandate
from invoicing.letters import both_ends, letter_to
from invoicing.mandate_models import DRAFT


def form_of(session: Session, tenant: Tenant, *, mandate_id: str) -> MandateDocument:
    """The form that the client signs.

    :raises Conflict: if the partner has no creditor identifier yet.
    """
    mandate = get_mandate(session, tenant, mandate_id=mandate_id)
    partner, client = both_ends(session, tenant, client_id=mandate.client_id)
    creditor_id = company_of(session, tenant).creditor_id
    if not creditor_id:
        raise Conflict("Give the creditor identifier under Company and bank first.")
    return MandateDocument(
        branding=branding_of(session, partner),
        language=client.language,
        drafted_on=local_day(mandate.created_at, partner.time_zone),
        reference=mandate.reference,
        scheme=mandate.scheme,
        is_recurrent=mandate.usage == "recurrent",
        creditor_name=partner.legal_name,
        creditor_id=creditor_id,
        client_name=client.printed_name,
        client_address_lines=tuple(client.printed_address),
        customer_number=client.number,
        holder=mandate.holder,
        iban=mandate.iban,
        bic=mandate.bic,
    )


def of_form(session: Session, tenant: Tenant, *, mandate_id: str, message_id: str) -> Letter | None:
    """The mail that brings the form, which is to be attached; none if nobody can or may be written to."""
    mandate = get_mandate(session, tenant, mandate_id=mandate_id)
    if mandate.state != DRAFT:
        return None
    return letter_to(
        session,
        tenant,
        client=get_client(session, tenant, client_id=mandate.client_id),
        message="mandate_form",
        message_id=message_id,
        values={"mandate": mandate.reference},
    )


def with_form(letter: Letter, *, reference: str, content: bytes) -> Letter:
    """The same with the printed form."""
    return replace(letter, attachments=(Attachment(f"mandate-{reference}.pdf", "application/pdf", content),))


def of_notice(session: Session, tenant: Tenant, *, notice: DebitNotice, message_id: str) -> Letter | None:
    """The announcement of a debit; none if it left before, or nobody can or may be written to."""
    if notice.sent_at or notice.channel != BY_MAIL:
        return None
    client = get_client(session, tenant, client_id=notice.client_id)
    mandate = get_mandate(session, tenant, mandate_id=notice.mandate_id)
    numbers = invoices.numbers_of(session, tenant, invoice_ids=[notice.invoice_id])
    return letter_to(
        session,
        tenant,
        client=client,
        message="debit_notice",
        message_id=message_id,
        values={
            "number": numbers[notice.invoice_id],
            "amount": formatting.money(notice.amount, "EUR", language=client.language),
            "collect_on": notice.collect_on,
            "mandate": mandate.reference,
            "iban": mandate.iban_shown,
            "creditor_id": company_of(session, tenant).creditor_id,
        },
    )

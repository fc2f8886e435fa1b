"""Mails to clients about direct debits."""

from __future__ import annotations

from sqlalchemy.orm import Session

from haas.accounts.company import company_of
from haas.documents import formatting
from haas.mail import Letter
from haas.tenancy.brands import branding_of
from haas.tenancy.models import Client, Partner
from haas.tenancy.scope import Tenant, scoped
from invoicing import queries as invoices
from invoicing.bank.debit_models import BY_MAIL, DebitNotice
from invoicing.bank.mandates import get_mandate


def of_notice(session: Session, tenant: Tenant, *, notice_id: str) -> Letter | None:
    """The announcement of a debit; none if it left before, or nobody can or may be written to."""
    notice = session.scalars(scoped(DebitNotice, tenant).where(DebitNotice.id == notice_id)).one()
    partner = session.get_one(Partner, tenant.partner_id)
    client = session.scalars(scoped(Client, tenant).where(Client.id == notice.client_id)).one()
    if notice.sent_at or notice.channel != BY_MAIL or not client.email or partner.suspended_at is not None:
        return None
    mandate = get_mandate(session, tenant, mandate_id=notice.mandate_id)
    return Letter(
        message="debit_notice",
        to=client.email,
        to_name=client.name,
        branding=branding_of(session, partner, with_logo=False),
        language=client.language,
        time_zone=client.time_zone,
        message_id=notice.id,
        values={
            "number": invoices.numbers_of(session, tenant, invoice_ids=[notice.invoice_id])[
                notice.invoice_id
            ],
            "amount": formatting.money(notice.amount, "EUR", language=client.language),
            "collect_on": notice.collect_on,
            "mandate": mandate.reference,
            "iban": mandate.iban_shown,
            "creditor_id": company_of(session, tenant).creditor_id,
        },
    )

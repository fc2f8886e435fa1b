"""Where a client's money is to go, in words: in mails and letters, and on the pages to pay on."""

from __future__ import annotations

from sqlalchemy.orm import Session

from haas.accounts.company import company_of
from haas.tenancy.branding import Branding
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant, scoped
from invoicing.document import InvoiceDocument
from invoicing.mandate_models import ACTIVE, SepaMandate
from invoicing.paper import lines_of_account
from invoicing.tax.parties import seller_of


def own_lines(
    session: Session, tenant: Tenant, *, branding: Branding, currency: str, language: str
) -> tuple[str, ...]:
    """Where a partner has money of this currency sent to now."""
    seller = seller_of(session.get_one(Partner, tenant.partner_id), company_of(session, tenant))
    return lines_of_account(branding, seller.means(currency), language=language)


def instead_of_debit(session: Session, tenant: Tenant, *, document: InvoiceDocument) -> tuple[str, ...]:
    """Where to send what an invoice says is collected, once its mandate holds no more; else nothing.

    `tenant` is the partner: mandates are not shown to clients.
    """
    if document.debit is None:
        return ()
    mandate = session.scalar(
        scoped(SepaMandate, tenant).where(SepaMandate.reference == document.debit.mandate_reference)
    )
    if mandate is None or mandate.state == ACTIVE:
        return ()
    return own_lines(
        session,
        tenant,
        branding=document.seller,
        currency=document.currency,
        language=document.language,
    )

"""Where a client's money is to go, in words: in mails and letters, and on the pages to pay on."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.orm import Session
from stdnum import iban

from haas.accounts.company import company_of
from haas.documents.words import words
from haas.tenancy.branding import Branding
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant, scoped
from invoicing.document import InvoiceDocument
from invoicing.document_parts import PaymentMeans
from invoicing.mandate_models import ACTIVE, SepaMandate
from invoicing.tax.parties import seller_of

_TRANSFERS = ("30", "58")  # UNCL4461


def transfer_lines(branding: Branding, means: Iterable[PaymentMeans], *, language: str) -> tuple[str, ...]:
    """What the partner has its papers say; else holder and account of each way to pay by transfer."""
    if branding.payment_lines:
        return branding.payment_lines
    say = words(language).gettext
    lines: list[str] = []
    for way in means:
        if way.code in _TRANSFERS:
            is_iban = way.iban[:2].isalpha()
            named = (
                (say("Holder"), way.account_name),
                (say("IBAN") if is_iban else say("Account"), iban.format(way.iban) if is_iban else way.iban),
                (say("BIC"), way.bic),
            )
            lines += [f"{name}: {value}" for name, value in named if value]
    return tuple(lines)


def own_lines(
    session: Session, tenant: Tenant, *, branding: Branding, currency: str, language: str
) -> tuple[str, ...]:
    """Where a partner has money of this currency sent to now."""
    seller = seller_of(session.get_one(Partner, tenant.partner_id), company_of(session, tenant))
    return transfer_lines(branding, seller.means(currency), language=language)


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

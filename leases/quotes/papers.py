"""Rows of a quote -> the one value that is frozen, shown, printed and hashed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.tenancy.brands import branding_of
from haas.tenancy.models import Client, Partner, Site
from haas.tenancy.scope import Tenant, scoped
from leases.contract_policies import notice_days_of
from leases.models import Agreement, Lease
from leases.quotes import figures, queries
from leases.quotes.document import (
    AcceptanceDocument,
    OfferedLine,
    OfferedOption,
    QuoteDocument,
)
from leases.quotes.models import Quote, QuoteAcceptance, TermsVersion
from leases.quotes.queries import Optioned
from leases.terms import CommercialModel


def document_of(
    session: Session, tenant: Tenant, *, quote: Quote, terms: TermsVersion, issued_on: date, valid_until: date
) -> QuoteDocument:
    """What the client is told, as things stand now; with the logo's bytes, so that it can be printed."""
    partner = session.get_one(Partner, tenant.partner_id)
    client = session.scalars(scoped(Client, tenant).where(Client.id == quote.client_id)).one()
    site = session.scalar(scoped(Site, tenant).where(Site.id == quote.site_id)) if quote.site_id else None
    options = queries.options_of(session, tenant, quote_id=quote.id)
    return QuoteDocument(
        branding=branding_of(session, partner),
        language=client.language,
        number=quote.number,
        revision=quote.revision,
        title=quote.title,
        client_name=client.printed_name,
        client_address_lines=tuple(client.printed_address),
        contact_name=quote.contact_name,
        site=site.name if site else "",
        issued_on=issued_on,
        valid_until=valid_until,
        deliver_by=quote.deliver_by,
        currency=quote.currency,
        intro=quote.intro,
        notice_days=notice_days_of(partner),
        options=tuple(_option(each, currency=quote.currency) for each in options),
        terms_version=terms.version,
        terms_sha256=terms.sha256,
        terms=terms.body,
    )


def frozen(quote: Quote) -> QuoteDocument:
    """What was sent, as it was frozen."""
    return msgspec.convert(quote.document, type=QuoteDocument)


def acceptance_of(
    session: Session, tenant: Tenant, *, quote: Quote, acceptance: QuoteAcceptance
) -> AcceptanceDocument:
    """What the client signed, with the contract that it made."""
    lease, agreement = session.execute(
        sa.select(Lease, Agreement)
        .join(
            Agreement,
            sa.and_(Agreement.partner_id == Lease.partner_id, Agreement.id == Lease.agreement_id),
        )
        .where(Lease.partner_id == tenant.partner_id, Lease.id == acceptance.lease_id)
    ).one()
    return AcceptanceDocument(
        quote=frozen(quote),
        option_id=acceptance.option_id,
        document_sha256=acceptance.document_sha256,
        signer_name=acceptance.signer_name,
        signer_title=acceptance.signer_title,
        accepted_at=acceptance.accepted_at,
        address=acceptance.address,
        user_agent=acceptance.user_agent,
        via=acceptance.via,
        agreement_number=agreement.number,
        lease_number=lease.number,
    )


def priced(each: Optioned, *, currency: str) -> figures.Priced:
    """What an option asks of the client."""
    return figures.price(
        each.priced,
        term_months=each.option.term_months,
        interval_months=each.option.interval_months,
        currency=currency,
    )


def _option(each: Optioned, *, currency: str) -> OfferedOption:
    option, sums = each.option, priced(each, currency=currency)
    bound = option.commercial_model != CommercialModel.RENTAL and option.early_return_pct > 0
    leaving = (
        figures.early_returns(
            each.priced,
            pct=option.early_return_pct,
            term_months=option.term_months,
            interval_months=option.interval_months,
            currency=currency,
        )
        if bound
        else []
    )
    return OfferedOption(
        id=option.id,
        title=option.title,
        commercial_model=option.commercial_model,
        term_months=option.term_months,
        timing=option.timing,
        interval_months=option.interval_months,
        end_option=option.end_option,
        buyout_price=_plain(option.buyout_price) if option.buyout_price is not None else None,
        lines=tuple(
            OfferedLine(
                kind=line.kind,
                component=line.component,
                description=line.description,
                quantity=_plain(line.quantity),
                unit_price=_plain(line.unit_price),
                amount=figures.line_amount(line.kind, line.quantity, line.unit_price, currency=currency),
            )
            for line in each.lines
        ),
        rent=sums.rent,
        monthly=sums.monthly,
        one_off=sums.one_off,
        total=sums.total,
        early_return_pct=_plain(option.early_return_pct) if bound else Decimal(0),
        leaving_early=tuple(leaving),
    )


def _plain(value: Decimal) -> Decimal:
    """Without the column's trailing zeros, so that equal offers are equal texts: 1 and not 1.000000."""
    return Decimal(f"{value.normalize():f}")

"""From an accepted option to the contract: the agreement of these terms, and the lease with its lines."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from haas.calendar import local_day
from haas.ids import new_id
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant, scoped
from leases import operations
from leases.contract_policies import notice_days_of
from leases.models import Agreement, Lease, Line
from leases.quotes import queries
from leases.quotes.models import Quote, QuoteLine, QuoteOption, TermsVersion
from leases.terms import CommercialModel, LineKind


def conclude(
    session: Session,
    tenant: Tenant,
    *,
    quote: Quote,
    option_id: str,
    terms: TermsVersion,
    signer: str,
    at: datetime,
    over_limit_reason: str = "",
) -> Lease:
    """The lease of an option, accepted today where the client is; under a new agreement if none fits.

    Fixed statements whatever the number of devices: the lines are written at once.
    """
    chosen = next(
        each for each in queries.options_of(session, tenant, quote_id=quote.id) if each.option.id == option_id
    )
    option = chosen.option
    agreement = _agreement_for(session, tenant, quote=quote, option=option, terms=terms, at=at)
    lease = operations.draft_lease(
        session,
        tenant,
        agreement_id=agreement.id,
        site_id=quote.site_id,
        title=quote.title or option.title,
        term_months=option.term_months,
        timing=option.timing,
        anchor_day=option.anchor_day,
        interval_months=option.interval_months,
        interim_rent=option.interim_rent,
        end_option=option.end_option,
        commercial_model=option.commercial_model,
        at=at,
    )
    session.add_all(
        line for offered in chosen.lines for line in _lines(offered, lease=lease, option=option, at=at)
    )
    session.flush()
    today = local_day(at, quote.time_zone)
    operations.quote(session, tenant, lease_id=lease.id, valid_until=quote.valid_until or today, at=at)
    return operations.accept(
        session,
        tenant,
        lease_id=lease.id,
        signer=signer,
        accepted_on=today,
        at=at,
        over_limit_reason=over_limit_reason,
    )


def _agreement_for(
    session: Session,
    tenant: Tenant,
    *,
    quote: Quote,
    option: QuoteOption,
    terms: TermsVersion,
    at: datetime,
) -> Agreement:
    """The client's newest agreement under these very terms; another text or currency is another agreement."""
    pct = Decimal(0) if option.commercial_model == CommercialModel.RENTAL else option.early_return_pct
    policy = "remaining_rents" if pct else "none"
    found = session.scalar(
        scoped(Agreement, tenant)
        .where(
            Agreement.client_id == quote.client_id,
            Agreement.terms_version == terms.version,
            Agreement.currency == quote.currency,
            Agreement.early_return_policy == policy,
            Agreement.early_return_pct == pct,
        )
        .order_by(Agreement.id.desc())
        .limit(1)
    )
    if found is not None:
        return found
    partner = session.get_one(Partner, tenant.partner_id)
    made = operations.create_agreement(
        session,
        tenant,
        client_id=quote.client_id,
        terms_version=terms.version,
        signed_on=local_day(at, quote.time_zone),
        notice_days=notice_days_of(partner),
        payment_terms_days=partner.payment_terms_days,
        payment_terms_kind=partner.payment_terms_kind,
        at=at,
    )
    made.early_return_policy, made.early_return_pct = policy, pct
    session.flush()
    return made


def _lines(offered: QuoteLine, *, lease: Lease, option: QuoteOption, at: datetime) -> list[Line]:
    """The places of the devices, one each; a pool, a service or a single charge is one line."""
    is_place = offered.kind == LineKind.ASSET
    flexible = offered.kind == LineKind.POOLED or option.commercial_model in (
        CommercialModel.RENTAL,
        CommercialModel.SUBSCRIPTION,
    )
    return [
        Line(
            partner_id=lease.partner_id,
            id=new_id("lin"),
            lease_id=lease.id,
            client_id=lease.client_id,
            kind=offered.kind,
            component=offered.component,
            flexible=flexible,
            description=offered.description,
            model_id=offered.model_id,
            quantity=Decimal(1) if is_place else offered.quantity,
            unit_price=offered.unit_price,
            standalone_price=offered.standalone_price,
            residual_value=offered.residual_value,
            tax_category=offered.tax_category,
            tax_class=offered.tax_class,
            created_at=at,
        )
        for _ in range(int(offered.quantity) if is_place else 1)
    ]

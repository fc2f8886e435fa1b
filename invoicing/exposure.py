"""What clients owe or are bound to owe, read for many at once; and the refusal beyond a limit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

import sqlalchemy as sa
from sqlalchemy.orm import Session, raiseload

from haas import audit
from haas.calendar import ONE_DAY, local_day
from haas.money import round_minor
from haas.tenancy.models import Client, Partner
from haas.tenancy.scope import Tenant, scoped
from invoicing import queries
from invoicing.book import load_taxation
from invoicing.bulk import among
from invoicing.credit_limit import BeyondLimit, CreditPolicy, Exposure
from invoicing.models import Invoice
from invoicing.money.entries import lock_client, standings
from invoicing.money.rates import latest_each
from invoicing.unbilled import TaxOnTop, unbilled_charges, unbilled_rents
from leases.coming import single_price
from leases.credit import REASON, OverCreditLimit
from leases.lifecycle import BILLABLE
from leases.models import Lease, Line
from leases.terms import LineKind

_Sums = defaultdict[tuple[str, str, str], Decimal]  # client, currency, part


def exposures(
    session: Session, tenant: Tenant, *, clients: Collection[Client], today: date
) -> dict[str, Exposure]:
    """Each client's exposure by its id; at most 26 queries, however many clients and leases.

    What is owed in other currencies than the client's own is converted by the last rates until today.
    """
    if not clients:
        return {}
    ids = [client.id for client in clients]
    policy = CreditPolicy.of_policies(session.get_one(Partner, tenant.partner_id).policies)
    sums: _Sums = defaultdict(Decimal)
    _add_invoices(session, tenant, sums, ids)
    for rent in unbilled_rents(session, tenant, today=today, until=today + ONE_DAY, client_ids=ids):
        sums[rent.client.id, rent.currency, "rent"] += rent.amount
    for charge in unbilled_charges(
        session, tenant, today=today, until=today + ONE_DAY, client_ids=ids, all_single=True
    ):
        sums[charge.client.id, charge.charge.currency, "charges"] += charge.amount
    _add_accepted(session, tenant, sums, clients, policy=policy, today=today)
    for (client_id, currency), row in standings(session, tenant, client_ids=ids).items():
        if row.balance:
            sums[client_id, currency, "credit"] -= row.balance
    return _in_own_currency(session, tenant, sums, clients, today=today)


def exposure_of(session: Session, tenant: Tenant, *, client: Client, today: date) -> Exposure:
    """One client's."""
    return exposures(session, tenant, clients=[client], today=today)[client.id]


def over_limit(
    session: Session, tenant: Tenant, *, clients: Collection[Client], today: date
) -> dict[str, Exposure]:
    """Those of the clients that owe more than their limit, by id; no query where none has one."""
    limited = [client for client in clients if client.credit_limit is not None]
    found = exposures(session, tenant, clients=limited, today=today)
    return {client_id: row for client_id, row in found.items() if row.is_over}


def demand_within_limit(
    session: Session, tenant: Tenant, *, client_id: str, at: datetime, reason: str
) -> None:
    """Refuse what would take a client beyond its limit, if its partner's rules say so (`leases.credit`).

    The client's row is locked: of two who both would still have fitted, the second sees the first.
    """
    partner = session.get_one(Partner, tenant.partner_id)
    if CreditPolicy.of_policies(partner.policies).beyond is not BeyondLimit.BLOCK:
        return
    client = lock_client(session, tenant, client_id=client_id)
    if client.credit_limit is None:
        return
    found = exposure_of(session, tenant, client=client, today=local_day(at, partner.time_zone))
    if not found.is_over and not found.unrated:
        return
    if not reason:
        raise OverCreditLimit(_refusal(client, found), field=REASON)
    audit.note(
        session,
        action="credit_limit_released",
        subject="client",
        subject_id=client.id,
        details={
            "reason": reason,
            "limit": str(found.limit),
            "exposure": str(found.total),
            "currency": found.currency,
            "unrated": list(found.unrated),
        },
    )


def _refusal(client: Client, found: Exposure) -> str:
    if not found.is_over:
        return (
            f"{client.name} owes something in {', '.join(found.unrated)}, and no exchange rate of the last"
            f" month into {found.currency} is on file, so that nobody can tell whether its credit limit is"
            " kept. Add the rate, or let the owner or finance give a reason to go on."
        )
    total, limit, beyond = (
        f"{round_minor(amount or Decimal(0), found.currency):,} {found.currency}"
        for amount in (found.total, found.limit, -(found.left or Decimal(0)))
    )
    return (
        f"{client.name} would owe {total}, which is {beyond} beyond its credit limit of {limit}. Wait for a"
        " payment, raise the limit of the client, or let the owner or finance give a reason to go beyond it."
    )


def _add_invoices(session: Session, tenant: Tenant, sums: _Sums, ids: Collection[str]) -> None:
    back = queries.given_back(tenant)
    left = sa.func.sum(queries.open_of(back))
    rows = session.execute(
        scoped(Invoice, tenant)
        .outerjoin(back, back.c.invoice_id == Invoice.id)
        .where(among(Invoice.client_id, ids), Invoice.kind == "invoice", Invoice.state == "issued")
        .with_only_columns(Invoice.client_id, Invoice.currency, left)
        .group_by(Invoice.client_id, Invoice.currency)
    )
    for client_id, currency, amount in rows:
        sums[client_id, currency, "invoices"] += Decimal(amount)


def _add_accepted(
    session: Session,
    tenant: Tenant,
    sums: _Sums,
    clients: Collection[Client],
    *,
    policy: CreditPolicy,
    today: date,
) -> None:
    """Lines of accepted leases whose rent has not begun: so many full periods, and single charges whole."""
    by_id = {client.id: client for client in clients}
    rows = session.execute(
        scoped(Line, tenant)
        .join(Lease, sa.and_(Lease.partner_id == Line.partner_id, Lease.id == Line.lease_id))
        .where(
            among(Line.client_id, by_id),
            Lease.state.in_(BILLABLE),
            Line.starts_on.is_(None),
            Line.ends_on.is_(None),
        )
        .with_only_columns(Line, Lease)
        .options(raiseload(Line.terms_over_time), raiseload(Line.abatements))
    ).all()
    if not rows:
        return
    sites = {lease.site_id for _, lease in rows if lease.site_id}
    tax = TaxOnTop(load_taxation(session, tenant, site_ids=sites), today=today)
    for line, lease in rows:
        times = 1 if line.kind == LineKind.ONE_OFF else policy.accepted_periods
        amount, _ = tax.of(
            single_price(line, lease.currency) * times,
            client=by_id[line.client_id],
            kind="one_off" if line.kind == LineKind.ONE_OFF else "rent",
            category=line.tax_category,
            tax_class=line.tax_class,
            site_id=lease.site_id,
            currency=lease.currency,
        )
        sums[line.client_id, lease.currency, "accepted"] += amount


def _in_own_currency(
    session: Session, tenant: Tenant, sums: _Sums, clients: Collection[Client], *, today: date
) -> dict[str, Exposure]:
    own = {client.id: client.currency for client in clients}
    foreign: defaultdict[str, set[str]] = defaultdict(set)
    for client_id, currency, _ in sums:
        if currency != own[client_id]:
            foreign[own[client_id]].add(currency)
    rates = {
        (base, quote): rate
        for quote, bases in foreign.items()
        for base, rate in latest_each(session, tenant, bases=bases, quote=quote, day=today).items()
    }
    parts: defaultdict[str, defaultdict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    unrated: defaultdict[str, set[str]] = defaultdict(set)
    for (client_id, currency, part), amount in sums.items():
        quote = own[client_id]
        if currency == quote:
            parts[client_id][part] += amount
        elif (rate := rates[currency, quote]) is not None:
            parts[client_id][part] += round_minor(Fraction(amount) * Fraction(rate.rate), quote)
        elif amount:
            unrated[client_id].add(currency)
    return {
        client.id: Exposure(
            client.id,
            client.currency,
            client.credit_limit,
            unrated=sorted(unrated[client.id]),
            **parts[client.id],
        )
        for client in clients
    }

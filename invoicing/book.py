"""What the proposals of some clients are made from, read by a fixed number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session, aliased, raiseload
from sqlalchemy.orm.attributes import set_committed_value

from haas.accounts.company import company_of
from haas.tenancy.models import Client, Partner, Site
from haas.tenancy.payment_terms import PaymentTerms, TermsKind, own_discounts
from haas.tenancy.scope import Tenant, scoped
from invoicing.allowances.operations import load_rules
from invoicing.allowances.rules import Rule
from invoicing.balance import Billed
from invoicing.bulk import among
from invoicing.charges.models import Charge
from invoicing.charges.queries import open_charges
from invoicing.document import PaymentMeans
from invoicing.end_charges import EndCharge, end_charges_of
from invoicing.mandate_models import ACTIVE, RECURRENT, SepaMandate
from invoicing.models import InvoiceLine, TaxRate
from invoicing.purchase_orders.limits import OrderTerms
from invoicing.purchase_orders.operations import terms_of_orders
from invoicing.rents import EPOCH, Past, Schedules
from invoicing.tax.parties import seller_of
from invoicing.tax.taxation import Taxation
from invoicing.taxes import DatedRate
from leases.amendment_models import Abatement, LineTerms
from leases.lifecycle import LeaseState
from leases.models import Agreement, Assignment, Lease, Line, ReturnOrder
from leases.queries import assignments_by_line
from leases.schedule import RentPayment
from leases.terms import LineKind

# What has rent to bill or to give back: a closed lease is looked at again until its last credit is out.
_WITH_RENT = (LeaseState.ACTIVE, LeaseState.ENDING, LeaseState.HOLDOVER, LeaseState.CLOSED)


@dataclass(frozen=True, slots=True)
class Book:
    """Everything the proposals of some clients are made from; loaded by a fixed number of queries."""

    clients: dict[str, Client]
    leases: list[Lease]
    named: dict[str, Lease]  # these, and those without rent that charges name
    agreements: dict[str, Agreement]
    lines: dict[str, list[Line]]
    assignments: dict[str, list[Assignment]]
    damages: list[ReturnOrder]
    ends: list[EndCharge]
    charges: list[Charge]
    schedules: Schedules  # of the rent that fell due by the day of which all this is read
    ahead: dict[str, Sequence[RentPayment]]  # by line: rent to bill of those billed as is owed so far
    billed: dict[str, list[Billed]]  # by other line, return order or charge, oldest first
    taxation: Taxation
    # Those that leases and charges name, and those under which was billed what may go back.
    orders: dict[str, OrderTerms] = field(default_factory=dict)
    rules: dict[str, list[Rule]] = field(default_factory=dict)  # discounts and surcharges, by client
    debits: Mapping[str, PaymentMeans] = field(default_factory=dict)  # how debts in EUR are collected
    partner_terms: PaymentTerms = field(default_factory=PaymentTerms)  # for what no agreement is about

    @property
    def as_of(self) -> date:
        """The clients' calendar day by which rent fell due."""
        return self.schedules.as_of


def load(
    session: Session, tenant: Tenant, *, client_ids: Sequence[str], as_of: date, lock: bool = True
) -> Book:
    """Load these clients' leases for what is due by `as_of`, the clients' calendar day.

    With `lock`, a rival run and a swap wait until this one has committed.
    """
    statement = (
        scoped(Lease, tenant)
        .where(among(Lease.client_id, client_ids), Lease.state.in_(_WITH_RENT))
        .order_by(Lease.id)
    )
    if lock:
        # As writing a line of it needs no more: a credit note that waits for its client lets us through.
        statement = statement.with_for_update(key_share=True)
    leases = list(session.scalars(statement.execution_options(populate_existing=True)))
    if lock:
        # Damages have no lease to lock: the client's row stands for them. After the leases, as whoever
        # changes one asks about its client's credit: the two would wait for one another else.
        session.execute(
            sa.select(Client.id)
            .where(Client.partner_id == tenant.partner_id, among(Client.id, client_ids))
            .order_by(Client.id)
            .with_for_update(key_share=True)
        )
    lease_ids = [lease.id for lease in leases]
    lines: dict[str, list[Line]] = defaultdict(list)
    for line in session.scalars(
        scoped(Line, tenant)
        .where(among(Line.lease_id, lease_ids), Line.starts_on.is_not(None))
        .order_by(Line.id)
        .options(raiseload(Line.terms_over_time), raiseload(Line.abatements))
    ):
        lines[line.lease_id].append(line)
    damages = session.scalars(
        scoped(ReturnOrder, tenant).where(
            among(ReturnOrder.client_id, client_ids),
            ReturnOrder.state == "closed",
            ReturnOrder.damage_charge > 0,
        )
    ).all()
    all_lines = [line for rows in lines.values() for line in rows]
    line_ids = [line.id for line in all_lines]
    _load_amended(session, tenant, all_lines)
    ends = end_charges_of(session, tenant, client_ids=client_ids)
    charges = open_charges(session, tenant, client_ids=client_ids)
    named = {lease.id: lease for lease in leases}
    named |= _other_leases(session, tenant, {each.lease_id for each in charges if each.lease_id} - set(named))
    agreements = {
        row.id: row
        for row in session.scalars(
            scoped(Agreement, tenant).where(
                among(Agreement.id, {lease.agreement_id for lease in named.values()})
            )
        )
    }
    schedules = Schedules(as_of=as_of)
    rents = [
        (lease, line, agreements[lease.agreement_id])
        for lease in leases
        for line in lines.get(lease.id, [])
        if line.kind != LineKind.ONE_OFF
    ]
    ahead = _load_ahead(session, tenant, rents, schedules=schedules)
    sources = [line_id for line_id in line_ids if line_id not in ahead] + [order.id for order in damages]
    sources += [charge.source_id for charge in ends] + [charge.id for charge in charges]
    billed = load_billed(session, tenant, sources=sources)
    taxation = load_taxation(
        session,
        tenant,
        site_ids=filter(
            None, {lease.site_id for lease in named.values()} | {charge.site_id for charge in charges}
        ),
    )
    clients, debits = _load_clients(
        session, tenant, client_ids=client_ids, creditor_id=taxation.seller.creditor_id
    )
    return Book(
        clients=clients,
        leases=leases,
        named=named,
        agreements=agreements,
        lines=lines,
        assignments=assignments_by_line(session, tenant, line_ids=line_ids),
        damages=list(damages),
        ends=ends,
        charges=charges,
        schedules=schedules,
        ahead=ahead,
        billed=billed,
        taxation=taxation,
        orders=terms_of_orders(
            session,
            tenant,
            order_ids=_order_ids(
                [*named.values(), *charges, *(row for rows in billed.values() for row in rows)]
            ),
        ),
        rules=load_rules(session, tenant, client_ids=client_ids),
        debits=debits,
        partner_terms=_terms_of(session.get_one(Partner, tenant.partner_id)),
    )


def _terms_of(partner: Partner) -> PaymentTerms:
    return PaymentTerms(
        TermsKind(partner.payment_terms_kind), partner.payment_terms_days, own_discounts(partner) or ()
    )


def _order_ids(rows: Iterable[Lease | Charge | Billed]) -> set[str]:
    return {row.purchase_order_id for row in rows if row.purchase_order_id}


def _other_leases(session: Session, tenant: Tenant, lease_ids: set[str]) -> dict[str, Lease]:
    if not lease_ids:
        return {}
    return {row.id: row for row in session.scalars(scoped(Lease, tenant).where(among(Lease.id, lease_ids)))}


def _load_amended(session: Session, tenant: Tenant, lines: Sequence[Line]) -> None:
    """How these lines were amended: by one statement each, where lazy loading would take one for each 500."""
    line_ids = [line.id for line in lines]
    terms: dict[str, list[LineTerms]] = defaultdict(list)
    for row in session.scalars(
        scoped(LineTerms, tenant)
        .where(among(LineTerms.line_id, line_ids))
        .order_by(LineTerms.line_id, LineTerms.position)
    ):
        terms[row.line_id].append(row)
    abatements: dict[str, list[Abatement]] = defaultdict(list)
    for abated in session.scalars(
        scoped(Abatement, tenant).where(among(Abatement.line_id, line_ids)).order_by(Abatement.starts_on)
    ):
        abatements[abated.line_id].append(abated)
    for line in lines:
        set_committed_value(line, "terms_over_time", terms.get(line.id, []))
        set_committed_value(line, "abatements", abatements.get(line.id, []))


def _load_ahead(
    session: Session,
    tenant: Tenant,
    rents: Sequence[tuple[Lease, Line, Agreement]],
    *,
    schedules: Schedules,
) -> dict[str, Sequence[RentPayment]]:
    """The rent to bill of lines that were billed exactly as is owed so far; a short row is read for each."""
    pasts = _load_pasts(session, tenant, line_ids=[line.id for _, line, _ in rents], as_of=schedules.as_of)
    ahead = {}
    for lease, line, agreement in rents:
        rest = schedules.of(lease, line, agreement).still_owed(pasts.get(line.id))
        if rest is not None:
            ahead[line.id] = rest
    return ahead


def _load_pasts(session: Session, tenant: Tenant, *, line_ids: Sequence[str], as_of: date) -> dict[str, Past]:
    """Count and fingerprint (`invoicing.rents.fingerprint`) of what each line was billed, by the database."""
    if not line_ids:
        return {}
    told = sa.func.concat_ws(
        " ",
        InvoiceLine.kind,
        InvoiceLine.period_start - EPOCH,
        InvoiceLine.revision,
        InvoiceLine.net - InvoiceLine.allowance + InvoiceLine.included_tax,
    )
    ordered = aggregate_order_by(
        sa.literal(","), InvoiceLine.kind, InvoiceLine.period_start, InvoiceLine.revision
    )
    text = sa.func.string_agg(told, ordered)
    rows = session.execute(
        sa.select(InvoiceLine.source_id, sa.func.count(), sa.func.sha256(sa.func.convert_to(text, "UTF8")))
        .where(
            InvoiceLine.partner_id == tenant.partner_id,
            among(InvoiceLine.source_id, line_ids),
            InvoiceLine.kind != "manual",
            InvoiceLine.period_end.is_not(None),
            InvoiceLine.fell_due_on <= as_of,
        )
        .group_by(InvoiceLine.source_id)
    )
    return {source_id: Past(number, bytes(digest)) for source_id, number, digest in rows}


def load_billed(session: Session, tenant: Tenant, *, sources: Sequence[str]) -> dict[str, list[Billed]]:
    """What these lines and return orders were billed. Values, not rows: a year's run reads many thousands."""
    billed: dict[str, list[Billed]] = defaultdict(list)
    if not sources:
        return billed
    given = aliased(InvoiceLine)
    by_hand = (
        sa.select(sa.func.sum(given.net))
        .where(
            # The whole of the unique key's beginning: one look at its index a line, never at all lines.
            given.partner_id == InvoiceLine.partner_id,
            given.source_id == InvoiceLine.id,
            given.kind == "manual",
        )
        .correlate(InvoiceLine)
        .scalar_subquery()
    )
    rows = session.execute(
        sa.select(
            InvoiceLine.source_id,
            InvoiceLine.kind,
            InvoiceLine.period_start,
            InvoiceLine.period_end,
            InvoiceLine.net - InvoiceLine.allowance + InvoiceLine.included_tax,
            InvoiceLine.revision,
            InvoiceLine.fell_due_on,
            InvoiceLine.invoice_id,
            InvoiceLine.tax_rate_pct,
            sa.func.coalesce(by_hand, 0),
            InvoiceLine.allowance,
            InvoiceLine.purchase_order_id,
            InvoiceLine.tax_category,
            InvoiceLine.included_tax,
        )
        .where(
            InvoiceLine.partner_id == tenant.partner_id,
            among(InvoiceLine.source_id, sources),
            InvoiceLine.kind != "manual",
            InvoiceLine.period_end.is_not(None),
        )
        .order_by(InvoiceLine.period_start, InvoiceLine.revision)
    )
    for row in rows:
        values: Any = row
        billed[row[0]].append(Billed(*values))
    return billed


def load_taxation(session: Session, tenant: Tenant, *, site_ids: Iterable[str] = ()) -> Taxation:
    """What decides the tax of lines at these sites: rates, the seller, the sites; four queries."""
    partner = session.get_one(Partner, tenant.partner_id)
    return Taxation(
        seller=seller_of(partner, company_of(session, tenant)),
        rates=load_rates(session, tenant),
        sites={
            row.id: row for row in session.scalars(scoped(Site, tenant).where(among(Site.id, list(site_ids))))
        },
    )


def _load_clients(
    session: Session, tenant: Tenant, *, client_ids: Sequence[str], creditor_id: str
) -> tuple[dict[str, Client], dict[str, PaymentMeans]]:
    """The clients, and how the bank collects what those with a standing mandate owe in EUR; one query."""
    standing = sa.and_(
        SepaMandate.partner_id == Client.partner_id,
        SepaMandate.client_id == Client.id,
        SepaMandate.state == ACTIVE,
        SepaMandate.usage == RECURRENT,
    )
    rows = session.execute(
        scoped(Client, tenant)
        .outerjoin(SepaMandate, standing)
        .where(among(Client.id, client_ids))
        .add_columns(SepaMandate.iban, SepaMandate.reference)
    ).all()
    return {client.id: client for client, _, _ in rows}, {
        client.id: PaymentMeans(code="59", iban=iban, mandate_reference=reference, creditor_id=creditor_id)
        for client, iban, reference in rows
        if creditor_id and iban
    }


def load_rates(session: Session, tenant: Tenant) -> list[DatedRate]:
    """The partner's dated tax rates."""
    return [
        DatedRate(
            row.country, row.category, row.rate_pct, row.valid_from, row.name, row.region, row.tax_class
        )
        for row in session.scalars(scoped(TaxRate, tenant))
    ]

"""Recognised lines with all that is known of them: what was agreed, who stood there, what is posted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from devices.models import Asset, HardwareModel
from haas.calendar import local_day
from haas.tenancy.scope import Tenant, scoped
from invoicing.ledger.chart import Book
from invoicing.ledger.effective import NOTHING, Effective, Flows
from invoicing.ledger.journal import Draft, Side
from invoicing.ledger.models import FinanceLeaseLine, JournalEntry, JournalLine
from invoicing.ledger.net_rents import IncludedTax, load_included_tax
from invoicing.ledger.recognition import Carried, carried, plans_of
from invoicing.models import Invoice, InvoiceLine
from leases.book_models import DepreciationPlan
from leases.contract import terms_of
from leases.finance.net_investment import NetInvestment
from leases.models import Agreement, Assignment, Lease, Line
from leases.schedule import RentKind, rent_schedule

DERECOGNITION, INTEREST, SWAP, END = KINDS = ("derecognition", "interest", "lease_swap", "lease_end")


@dataclass(frozen=True, slots=True)
class Stay:
    """Who stood on a line, from which day, as its depreciation plan tells of it."""

    assignment_id: str
    asset_id: str
    category: str
    since: date
    plan: DepreciationPlan | None

    def carried(self, on: date) -> Carried:
        """How it would be carried by the financial book alone."""
        return carried(self.plan, on=on) if self.plan is not None else Carried(NOTHING, NOTHING)


@dataclass(slots=True)
class Standing:
    """What was posted for a line: the newest entry's day, how many, and each purpose, by kind."""

    newest: dict[str, date] = field(default_factory=dict)
    entries: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    amounts: dict[tuple[str, str, str | None], Decimal] = field(default_factory=dict)

    def posted(self, kind: str, purpose: str) -> Decimal:
        """A purpose's sum in entries of one kind."""
        return sum(
            (amount for (k, p, _), amount in self.amounts.items() if (k, p) == (kind, purpose)), NOTHING
        )


@dataclass(frozen=True, slots=True)
class FinanceLine:
    """One recognised line with all that is known of it."""

    row: FinanceLeaseLine
    line: Line
    lease: Lease
    agreement: Agreement
    stays: Sequence[Stay]
    credited: Decimal  # of its rent by hand: nobody will bill it again
    standing: Standing
    included: IncludedTax

    @property
    def effective(self) -> Effective:
        """Its schedule, as it was recognised."""
        row = self.row
        flows = Flows(
            since=row.recognised_on,
            ends_on=row.ends_on,
            rents=[(date.fromisoformat(due_on), Decimal(amount)) for due_on, amount in row.rents],
            guaranteed=row.guaranteed,
            unguaranteed=row.unguaranteed,
            currency=row.currency,
            day_count=row.day_count,
        )
        return Effective.of(
            flows, annual_rate=row.annual_rate, opening=NetInvestment(row.receivable, row.residual)
        )

    @property
    def ended_on(self) -> date | None:
        """The first day without rent; none while the line runs, be it on into holdover."""
        return self.line.ends_on

    def side(self, purpose: str, amount: Decimal, *, stay: Stay | None = None) -> Side:
        """One side of an entry; the net investment goes by the asset that was leased out."""
        return Side(
            purpose,
            amount,
            client_id=self.lease.client_id,
            lease_id=self.lease.id,
            asset_id=stay.asset_id if stay else self.row.asset_id,
            asset_class=stay.category if stay else "",
        )

    def draft(self, key: str, dated_on: date, *sides: Side) -> Draft:
        """An entry of this line."""
        return Draft(self.row.id, key, dated_on, self.row.currency, self.lease.number, sides)

    def rents(self, *, until: date) -> Decimal:
        """All its rent for the days before `until`, as it is agreed now, without tax."""
        terms = terms_of(self.lease, self.line, self.agreement)
        schedule = rent_schedule(terms, self.line.starts_on, until)
        return sum(
            (
                rent.amount
                for rent in self.included.taken_out(self.lease, self.line, schedule)
                if rent.kind is RentKind.RENT and rent.period_start >= self.row.recognised_on
            ),
            NOTHING,
        )


def read_lines(
    session: Session, tenant: Tenant, *, until: date, first_id: str, last_id: str
) -> Iterator[FinanceLine]:
    """Lines with all that is known of them, by a fixed number of statements."""
    found = session.execute(
        scoped(FinanceLeaseLine, tenant)
        .add_columns(Line, Lease, Agreement)
        .join(
            Line, sa.and_(Line.partner_id == FinanceLeaseLine.partner_id, Line.id == FinanceLeaseLine.line_id)
        )
        .join(Lease, sa.and_(Lease.partner_id == Line.partner_id, Lease.id == Line.lease_id))
        .join(
            Agreement, sa.and_(Agreement.partner_id == Lease.partner_id, Agreement.id == Lease.agreement_id)
        )
        .where(FinanceLeaseLine.id.between(first_id, last_id), FinanceLeaseLine.recognised_on < until)
        .order_by(FinanceLeaseLine.id)
    ).all()
    by_line = {row.line_id: (row, lease) for row, _, lease, _ in found}
    stays = _stays(session, tenant, by_line=by_line, until=until)
    credited = _credited(session, tenant, line_ids=list(by_line), until=until)
    standing = _standings(session, tenant, first_id=first_id, last_id=last_id)
    included = load_included_tax(
        session, tenant, leases=[lease for _, _, lease, _ in found], line_ids=list(by_line)
    )
    for row, line, lease, agreement in found:
        yield FinanceLine(
            row,
            line,
            lease,
            agreement,
            stays[row.line_id],
            credited.get(row.line_id, NOTHING),
            standing[row.id],
            included,
        )


def _stays(
    session: Session,
    tenant: Tenant,
    *,
    by_line: Mapping[str, tuple[FinanceLeaseLine, Lease]],
    until: date,
) -> dict[str, list[Stay]]:
    """Who stood on each line since it was recognised, oldest first; two queries."""
    found = session.execute(
        sa.select(Assignment, HardwareModel.category)
        .join(Asset, sa.and_(Asset.partner_id == Assignment.partner_id, Asset.id == Assignment.asset_id))
        .join(
            HardwareModel,
            sa.and_(HardwareModel.partner_id == Asset.partner_id, HardwareModel.id == Asset.model_id),
        )
        .where(Assignment.partner_id == tenant.partner_id, Assignment.line_id.in_(by_line))
        .order_by(sa.func.lower(Assignment.during), Assignment.id)
    ).all()
    plans = plans_of(session, tenant, asset_ids=[row[0].asset_id for row in found])
    stays: dict[str, list[Stay]] = defaultdict(list)
    for assignment, category in found:
        (row, lease), during = by_line[assignment.line_id], assignment.during
        if during.lower is None:
            continue
        since = local_day(during.lower, lease.time_zone)
        ended = None if during.upper is None else local_day(during.upper, lease.time_zone)
        if since >= until or (ended is not None and ended <= row.recognised_on):
            continue
        stays[row.line_id].append(
            Stay(assignment.id, assignment.asset_id, category, since, plans.get(assignment.asset_id))
        )
    return stays


def _credited(
    session: Session, tenant: Tenant, *, line_ids: Sequence[str], until: date
) -> dict[str, Decimal]:
    """What was given back of each line's rent by hand."""
    origin = sa.orm.aliased(InvoiceLine)
    rows = session.execute(
        sa.select(InvoiceLine.line_id, -sa.func.sum(InvoiceLine.net))
        .join(
            origin,
            sa.and_(origin.partner_id == InvoiceLine.partner_id, origin.id == InvoiceLine.source_id),
        )
        .join(
            Invoice,
            sa.and_(Invoice.partner_id == InvoiceLine.partner_id, Invoice.id == InvoiceLine.invoice_id),
        )
        .join(
            FinanceLeaseLine,
            sa.and_(
                FinanceLeaseLine.partner_id == InvoiceLine.partner_id,
                FinanceLeaseLine.line_id == InvoiceLine.line_id,
            ),
        )
        .where(
            InvoiceLine.partner_id == tenant.partner_id,
            InvoiceLine.line_id.in_(line_ids),
            InvoiceLine.kind == "manual",
            origin.kind == RentKind.RENT,
            origin.period_start >= FinanceLeaseLine.recognised_on,
            Invoice.issued_on < until,
        )
        .group_by(InvoiceLine.line_id)
    )
    return {str(row[0]): row[1] for row in rows}


def _standings(session: Session, tenant: Tenant, *, first_id: str, last_id: str) -> dict[str, Standing]:
    standings: dict[str, Standing] = defaultdict(Standing)
    for source_id, kind, key, dated_on, purpose, asset_id, amount in session.execute(
        sa.select(
            JournalEntry.source_id,
            JournalEntry.source_kind,
            JournalEntry.key,
            JournalEntry.dated_on,
            JournalLine.purpose,
            JournalLine.asset_id,
            JournalLine.amount,
        )
        .join(
            JournalLine,
            sa.and_(
                JournalLine.partner_id == JournalEntry.partner_id, JournalLine.entry_id == JournalEntry.id
            ),
        )
        .where(
            JournalEntry.partner_id == tenant.partner_id,
            JournalEntry.book == Book.FINANCIAL,
            JournalEntry.source_kind.in_(KINDS),
            JournalEntry.source_id.between(first_id, last_id),
        )
    ):
        standing = standings[source_id]
        standing.entries[kind].add(key)
        standing.newest[kind] = max(standing.newest.get(kind, dated_on), dated_on)
        at = (kind, purpose, asset_id)
        standing.amounts[at] = standing.amounts.get(at, NOTHING) + amount
    return standings

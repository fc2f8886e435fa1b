"""The cash forecast of a currency, and how long its money stayed out month by month. Reads only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.accounts.clients import get_client
from haas.calendar import add_months
from haas.tenancy.models import Client, Partner
from haas.tenancy.payment_terms import PaymentTerms, TermsKind, due_on
from haas.tenancy.scope import Tenant, scoped
from invoicing import queries
from invoicing.bank.debit_models import ORDERED, Collection, CollectionItem
from invoicing.dunning.forecast import (
    Agreed,
    Bucket,
    Expected,
    Span,
    by_span,
    days_late,
    expected_on,
    less_credit,
    of_open_items,
)
from invoicing.dunning.outstanding import DsoMethod, Month, days_sales_outstanding
from invoicing.holds.models import DunningPause, InvoiceDispute
from invoicing.models import Invoice, Payment
from invoicing.money.entries import standings
from invoicing.open_items import OpenItem
from invoicing.unbilled import unbilled_charges, unbilled_rents
from leases.models import Agreement

HABIT = timedelta(days=365)  # invoices issued since then say how late a client pays
MONTHS_SHOWN, MONTHS_READ = 12, 24  # of the history; counting back may need those before


@dataclass(frozen=True, slots=True)
class CashForecast:
    """What is to come in, in one currency, with tax: of all clients or of one."""

    currency: str
    span: Span
    start: date
    until: date  # exclusive
    rows: Sequence[Expected]
    is_taxed: bool  # False where the tax of some rent cannot be told yet and is in no sum

    @property
    def buckets(self) -> list[Bucket]:
        """By week or month, without gaps."""
        return by_span(self.rows, start=self.start, until=self.until, span=self.span)

    @property
    def by_client(self) -> list[tuple[str, Decimal, Decimal]]:
        """(client, best, expected) within the horizon, the most expected first."""
        return _summed(self, key=lambda row: row.client_id)

    @property
    def by_why(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Reason -> (best, expected) within the horizon."""
        return {why: (best, expected) for why, best, expected in _summed(self, key=lambda row: row.why)}

    @property
    def disputed(self) -> Decimal:
        """What clients dispute: in the best case alone."""
        return sum((row.amount for row in self.rows if row.expected_on is None), Decimal(0))


def cash_forecast(
    session: Session,
    tenant: Tenant,
    *,
    today: date,
    weeks: int,
    span: Span,
    currency: str,
    client_id: str | None = None,
) -> CashForecast:
    """Open invoices as each client uses to pay, promises, debits under way, and what is agreed to be billed.

    Holdover, renewals and quotes are not agreed and not in it. At most 24 queries, however many rows.
    """
    until = today + timedelta(weeks=weeks)
    late = _habits(session, tenant, today=today, client_id=client_id)
    rows = _of_invoices(session, tenant, today=today, currency=currency, client_id=client_id, late=late)
    to_bill, is_taxed = _to_be_billed(
        session, tenant, today=today, until=until, currency=currency, client_id=client_id, late=late
    )
    return CashForecast(currency, span, today, until, [*rows, *to_bill], is_taxed)


@dataclass(frozen=True, slots=True)
class Outlook:
    """The forecast, and the months that were with their days of sales."""

    forecast: CashForecast
    months: Sequence[tuple[Month, Decimal | None]]  # the oldest first, each with the days of sales at its end
    method: DsoMethod
    over_months: int


def outlook(
    session: Session,
    tenant: Tenant,
    *,
    today: date,
    currency: str,
    weeks: int,
    span: Span,
    dso_method: str,
    dso_months: int,
    client_id: str | None = None,
) -> Outlook:
    """What page and API show.

    :raises NotFound: if the client is not this partner's.
    """
    if client_id is not None:
        get_client(session, tenant, client_id=client_id)
    method = DsoMethod(dso_method)
    months = history(session, tenant, today=today, currency=currency, client_id=client_id)
    shown = range(len(months) - MONTHS_SHOWN, len(months))
    return Outlook(
        forecast=cash_forecast(
            session,
            tenant,
            today=today,
            weeks=weeks,
            span=span,
            currency=currency,
            client_id=client_id,
        ),
        months=[
            (
                months[at],
                days_sales_outstanding(months[: at + 1], method=method, over_months=dso_months),
            )
            for at in shown
        ],
        method=method,
        over_months=dso_months,
    )


def currencies_of(session: Session, tenant: Tenant, *, own: str) -> list[str]:
    """The partner's own currency, and the others that its clients are billed in or owe; one query."""
    billed = scoped(Client, tenant).with_only_columns(Client.currency)
    owed = scoped(Invoice, tenant).where(Invoice.kind == "invoice", Invoice.state == "issued")
    found = session.scalars(sa.union(billed, owed.with_only_columns(Invoice.currency)))
    return [own, *sorted(set(found) - {own})]


def history(
    session: Session, tenant: Tenant, *, today: date, currency: str, client_id: str | None = None
) -> list[Month]:
    """The months up to this one, oldest first: billed, open at their end, and what was paid.

    Three queries. This month stands as of today.
    """
    this = today.replace(day=1)
    starts = [add_months(this, -back) for back in range(MONTHS_READ - 1, -1, -1)]
    before = add_months(starts[0], -1)  # where all that is older is summed up
    mine = [Invoice.currency == currency, *([] if client_id is None else [Invoice.client_id == client_id])]
    issued = _month_of(Invoice.issued_on, at_least=before)
    billed = session.execute(
        scoped(Invoice, tenant)
        .where(*mine, Invoice.issued_on <= today)
        .with_only_columns(issued, sa.func.sum(Invoice.total))
        .group_by(issued)
    )
    received = _month_of(Payment.received_on, at_least=before)
    paid = session.execute(
        scoped(Payment, tenant)
        .where(
            Payment.currency == currency,
            Payment.received_on <= today,
            *([] if client_id is None else [Payment.client_id == client_id]),
        )
        .with_only_columns(received, sa.func.sum(Payment.amount))
        .group_by(received)
    )
    back = queries.given_back(tenant)
    due = _month_of(Invoice.due_on, at_least=before)
    fell_due = session.execute(
        scoped(Invoice, tenant)
        .outerjoin(back, back.c.invoice_id == Invoice.id)
        .where(*mine, Invoice.kind == "invoice", Invoice.due_on <= today)
        .with_only_columns(
            due,
            sa.func.sum(Invoice.total + sa.func.coalesce(back.c.amount, 0)),
            sa.func.sum(Invoice.paid_total),
        )
        .group_by(due)
    )
    of_billed = {row[0]: row[1] for row in billed}
    of_paid = {row[0]: row[1] for row in paid}
    of_due = {row[0]: (row[1], row[2]) for row in fell_due}
    nothing = Decimal(0)
    left = of_billed.get(before, nothing) - of_paid.get(before, nothing)
    months = []
    for start in starts:
        left += of_billed.get(start, nothing) - of_paid.get(start, nothing)
        months.append(
            Month(start, of_billed.get(start, nothing), left, *of_due.get(start, (nothing, nothing)))
        )
    return months


def _month_of(column: sa.orm.InstrumentedAttribute[date], *, at_least: date) -> sa.ColumnElement[date]:
    # Written out, not a parameter: GROUP BY must see the same expression as the list of columns.
    first = sa.cast(sa.literal_column(f"'{at_least.isoformat()}'"), sa.Date)
    return sa.func.greatest(sa.cast(sa.func.date_trunc("month", column), sa.Date), first)


def _of_invoices(
    session: Session,
    tenant: Tenant,
    *,
    today: date,
    currency: str,
    client_id: str | None,
    late: dict[str, int],
) -> list[Expected]:
    open_of: defaultdict[str, list[OpenItem]] = defaultdict(list)
    for item in queries.open_items(session, tenant, client_id=client_id):
        if item.currency == currency:
            open_of[item.client_id].append(item)
    agreed = _agreed(session, tenant, today=today, currency=currency)
    disputed = set(
        session.scalars(
            scoped(InvoiceDispute, tenant)
            .where(InvoiceDispute.state == "open")
            .with_only_columns(InvoiceDispute.invoice_id)
        )
    )
    return [
        row
        for client, items in open_of.items()
        for row in of_open_items(
            items,
            agreed=agreed.get(client, ()),
            disputed=disputed,
            late=late.get(client, 0),
            today=today,
        )
    ]


def _agreed(session: Session, tenant: Tenant, *, today: date, currency: str) -> dict[str, list[Agreed]]:
    """What has a day, by client: debits that the bank has, then promises that are not broken; two queries.

    A sum that is promised for no invoice in particular is one of the client's own currency.
    """
    found: defaultdict[str, list[Agreed]] = defaultdict(list)
    debits = session.execute(
        scoped(CollectionItem, tenant)
        .join(
            Collection,
            sa.and_(
                Collection.partner_id == CollectionItem.partner_id,
                Collection.id == CollectionItem.collection_id,
            ),
        )
        .where(CollectionItem.state == ORDERED)
        .with_only_columns(
            CollectionItem.client_id, Collection.collect_on, CollectionItem.invoice_id, CollectionItem.amount
        )
        .order_by(Collection.collect_on, CollectionItem.id)
    )
    for client, on, invoice_id, amount in debits:
        found[client].append(Agreed(on, "direct_debit", invoice_id, amount))
    promises = session.scalars(
        scoped(DunningPause, tenant)
        .join(
            Client, sa.and_(Client.partner_id == DunningPause.partner_id, Client.id == DunningPause.client_id)
        )
        .where(
            DunningPause.kind == "promise",
            DunningPause.ended_at.is_(None),
            DunningPause.until >= today,
            sa.or_(
                DunningPause.amount.is_(None),
                DunningPause.invoice_id.is_not(None),
                Client.currency == currency,
            ),
        )
        .order_by(DunningPause.until, DunningPause.id)
    )
    for row in promises:
        if row.until is not None:
            found[row.client_id].append(Agreed(row.until, "promise", row.invoice_id, row.amount))
    return found


def _habits(session: Session, tenant: Tenant, *, today: date, client_id: str | None) -> dict[str, int]:
    """How many days late each client pays; one query."""
    statement = (
        scoped(Invoice, tenant)
        .join(
            Payment,
            sa.and_(Payment.partner_id == Invoice.partner_id, Payment.invoice_id == Invoice.id),
        )
        .where(
            Invoice.kind == "invoice",
            Invoice.state == "paid",
            Invoice.issued_on >= today - HABIT,
            Payment.amount > 0,  # what was taken off it again says nothing of the payer
        )
        .with_only_columns(Invoice.client_id, Invoice.due_on, sa.func.max(Payment.received_on))
        .group_by(Invoice.client_id, Invoice.id, Invoice.due_on)
    )
    if client_id is not None:
        statement = statement.where(Invoice.client_id == client_id)
    paid: defaultdict[str, list[tuple[date, date]]] = defaultdict(list)
    for client, was_due, paid_on in session.execute(statement):
        paid[client].append((was_due, paid_on))
    return {client: days_late(days) for client, days in paid.items()}


def _to_be_billed(
    session: Session,
    tenant: Tenant,
    *,
    today: date,
    until: date,
    currency: str,
    client_id: str | None,
    late: dict[str, int],
) -> tuple[list[Expected], bool]:
    """Rent and charges that are agreed and not billed, less the credit that pays them; is the tax known."""
    ids = None if client_id is None else [client_id]
    sums: defaultdict[tuple[str, date, str], Decimal] = defaultdict(Decimal)
    is_taxed = True
    for rent in unbilled_rents(session, tenant, today=today, until=until, client_ids=ids):
        if rent.currency == currency:
            due = due_on(_terms(rent.client, rent.rents.agreement), max(rent.due_on, today))
            sums[rent.client.id, due, "rent"] += rent.amount
            is_taxed = is_taxed and rent.is_taxed
    partner = session.get_one(Partner, tenant.partner_id)
    for charge in unbilled_charges(session, tenant, today=today, until=until, client_ids=ids):
        if charge.charge.currency == currency:
            due = due_on(_terms(charge.client, partner), max(charge.due_on, today))
            sums[charge.client.id, due, "charge"] += charge.amount
            is_taxed = is_taxed and charge.is_taxed
    rows: defaultdict[str, list[Expected]] = defaultdict(list)
    for (client, due, why), amount in sums.items():
        on = expected_on(due, late=late.get(client, 0), today=today)
        rows[client].append(Expected(client, amount, due, on, why))
    credit = standings(session, tenant, client_ids=rows)
    found: list[Expected] = []
    for client, of_it in rows.items():
        standing = credit.get((client, currency))
        found += less_credit(of_it, standing.balance if standing else Decimal(0))
    return found, is_taxed


def _terms(client: Client, otherwise: Agreement | Partner) -> PaymentTerms:
    """The client's own terms; where it has none, `otherwise`. Nobody is taken to pay early for a discount."""
    if client.payment_terms_days is None:
        return PaymentTerms(TermsKind(otherwise.payment_terms_kind), otherwise.payment_terms_days)
    return PaymentTerms(TermsKind(client.payment_terms_kind or TermsKind.DAYS), client.payment_terms_days)


def _summed(forecast: CashForecast, *, key: Callable[[Expected], str]) -> list[tuple[str, Decimal, Decimal]]:
    best: defaultdict[str, Decimal] = defaultdict(Decimal)
    expected: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in forecast.rows:
        if max(row.due_on, forecast.start) < forecast.until:
            best[key(row)] += row.amount
        if row.expected_on is not None and row.expected_on < forecast.until:
            expected[key(row)] += row.amount
    found = [(name, best[name], expected[name]) for name in {*best, *expected}]
    return sorted(found, key=lambda row: (-row[2], -row[1], row[0]))

"""What ought to be billed by a date: leases, services, single charges and damages -> lines. Reads only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from devices.tax_classes import TaxClass
from haas.calendar import ONE_DAY, Period, local_day
from haas.money import round_minor
from haas.tenancy.models import Client
from haas.tenancy.payment_terms import PaymentTerms, TermsKind, own_discounts
from invoicing.balance import Billed, Owed, ToBill, to_bill
from invoicing.book import Book
from invoicing.charges.models import Charge
from invoicing.charges.queries import KIND as CHARGE
from invoicing.charges.recurrence import periods_due
from invoicing.end_charges import EndCharge
from invoicing.grouping import Grouping, PaperKey, paper_key
from leases.contract import stays_of
from leases.models import Agreement, Lease, Line, ReturnOrder
from leases.schedule import RentPayment, SerialShare, split_by_serial


@dataclass(frozen=True, slots=True)
class Proposal:
    """One line to put on the next invoice (or, negative, on a credit note), with all that it prints."""

    client_id: str
    change: ToBill
    description: str
    quantity: Decimal
    unit_price: Decimal
    tax_category: str
    lease: Lease | None
    line: Line | None
    serials: Sequence[tuple[SerialShare, date, date]]
    paper: PaperKey
    purchase_order_id: str | None = None
    corrects: Billed | None = None  # of a negative line: what it gives back of
    at_site_id: str | None = None  # of what belongs to no lease
    tax_class: str = TaxClass.STANDARD

    @property
    def site_id(self) -> str | None:
        """Where the hardware stands that it is about."""
        return self.lease.site_id if self.lease is not None else self.at_site_id

    @property
    def credits_invoice_id(self) -> str | None:
        """The invoice that a negative line corrects."""
        return self.corrects.invoice_id if self.corrects is not None else None


def propose(book: Book) -> dict[str, list[Proposal]]:
    """Due less billed by the book's day, for each client that has any."""
    as_of = book.as_of
    found: dict[str, list[Proposal]] = defaultdict(list)
    for lease in book.leases:
        for line in book.lines.get(lease.id, []):
            for proposal in _of_line(book, lease, line):
                found[lease.client_id].append(proposal)
    for order in book.damages:
        for proposal in _of_damage(book, order, as_of):
            found[order.client_id].append(proposal)
    for end in book.ends:
        for proposal in _of_end(book, end, as_of):
            found[end.client_id].append(proposal)
    for charge in book.charges:
        for proposal in _of_charge(book, charge, as_of):
            found[charge.client_id].append(proposal)
    return dict(found)


def _paper_of_lease(book: Book, lease: Lease, *, days_to_pay: int | None = None) -> PaperKey:
    agreement, client = book.agreements[lease.agreement_id], book.clients[lease.client_id]
    return paper_key(
        currency=lease.currency,
        terms=_terms(book, client, agreement, days_to_pay=days_to_pay),
        grouping=Grouping(agreement.billing_grouping or client.billing_grouping),
        site_id=lease.site_id,
        purchase_order_id=lease.purchase_order_id,
        agreement_id=lease.agreement_id,
        lease_id=lease.id,
    )


def _terms(
    book: Book, client: Client, agreement: Agreement | None, *, days_to_pay: int | None = None
) -> PaymentTerms:
    """The client's own terms; where it has none, the agreement's, else the partner's.

    :param days_to_pay: what was agreed for this charge alone.
    """
    own = own_discounts(client)
    discounts = book.partner_terms.discounts if own is None else own
    if days_to_pay is None and client.payment_terms_days is not None:
        kind = TermsKind(client.payment_terms_kind or TermsKind.DAYS)
        return PaymentTerms(kind, client.payment_terms_days, discounts)
    if agreement is None:
        kind, days = book.partner_terms.kind, book.partner_terms.number
    else:
        kind, days = TermsKind(agreement.payment_terms_kind), agreement.payment_terms_days
    if days_to_pay is not None and days_to_pay != days:
        kind, days = TermsKind.DAYS, days_to_pay
    return PaymentTerms(kind, days, discounts)


def _paper_of_client(book: Book, client: Client, *, days_to_pay: int | None = None) -> PaperKey:
    """The paper of what belongs to no lease."""
    return paper_key(
        currency=client.currency,
        terms=_terms(book, client, None, days_to_pay=days_to_pay),
        grouping=Grouping(client.billing_grouping),
    )


def _of_line(book: Book, lease: Lease, line: Line) -> Iterator[Proposal]:
    changes = _changes(book, lease, line)
    if not changes:
        return
    paper = _paper_of_lease(book, lease)
    for change in changes:
        corrected = change.corrects
        yield Proposal(
            client_id=lease.client_id,
            change=change,
            description=line.description,
            quantity=line.quantity,
            unit_price=line.unit_price,
            tax_category=line.tax_category,
            tax_class=line.tax_class,
            lease=lease,
            line=line,
            serials=_serials(book, lease, line, change),
            paper=paper,
            purchase_order_id=corrected.purchase_order_id if corrected else lease.purchase_order_id,
            corrects=corrected,
        )


def _changes(book: Book, lease: Lease, line: Line) -> Sequence[ToBill]:
    """What to bill of the line."""
    ahead = book.ahead.get(line.id)
    if ahead is not None:
        return [_first_bill(_of_payment(line, payment)) for payment in ahead]
    billed = book.billed.get(line.id, [])
    owed = _owed(book, lease, line)
    return to_bill(owed, billed, as_of=book.as_of, currency=lease.currency)


def _owed(book: Book, lease: Lease, line: Line) -> list[Owed]:
    if line.starts_on is None:
        return []
    if line.kind == "one_off":
        if line.starts_on > book.as_of:
            return []
        amount = round_minor(line.unit_price * line.quantity, lease.currency)
        return [Owed(line.id, "one_off", line.starts_on, line.starts_on + ONE_DAY, amount)]
    schedule = book.schedules.of(lease, line, book.agreements[lease.agreement_id])
    return [_of_payment(line, payment) for payment in schedule.payments]


def _first_bill(owed: Owed) -> ToBill:
    return ToBill(owed.line_id, owed.kind, owed.period_start, owed.period_end, owed.amount, 0, owed)


def _of_payment(line: Line, payment: RentPayment) -> Owed:
    return Owed(
        line.id, payment.kind.value, payment.period_start, payment.period_end, payment.amount, source=payment
    )


def _of_damage(book: Book, order: ReturnOrder, as_of: date) -> Iterator[Proposal]:
    client = book.clients[order.client_id]
    if order.inspected_at is None or order.damage_charge is None:
        return
    day = local_day(order.inspected_at, client.time_zone)
    if day > as_of:
        return
    owed = Owed(order.id, "damage", day, day + ONE_DAY, order.damage_charge)
    billed = book.billed.get(order.id, [])
    for change in to_bill([owed], billed, as_of=as_of, currency=client.currency):
        missing = ", ".join(order.kit_missing)
        words = "; ".join(
            part for part in (order.damage_notes, f"missing: {missing}" if missing else "") if part
        )
        yield Proposal(
            client_id=order.client_id,
            change=change,
            description=f"Return {order.number}: {words}" if words else f"Return {order.number}",
            quantity=Decimal(1),
            unit_price=order.damage_charge,
            tax_category="S",
            lease=None,
            line=None,
            serials=(),
            paper=_paper_of_client(book, client),
            corrects=change.corrects,
        )


def _of_end(book: Book, charge: EndCharge, as_of: date) -> Iterator[Proposal]:
    billed = book.billed.get(charge.source_id, [])
    lease = book.named.get(charge.lease_id)
    order_id = lease.purchase_order_id if lease else None
    days = charge.payment_terms_days
    paper = (
        _paper_of_client(book, book.clients[charge.client_id], days_to_pay=days)
        if lease is None
        else _paper_of_lease(book, lease, days_to_pay=days)
    )
    for change in to_bill(charge.owed(as_of=as_of), billed, as_of=as_of, currency=paper.currency):
        corrected = change.corrects
        yield Proposal(
            client_id=charge.client_id,
            change=change,
            description=charge.description,
            quantity=Decimal(1),
            unit_price=charge.amount,
            tax_category=charge.tax_category,
            tax_class=charge.tax_class,
            lease=lease,
            line=None,
            serials=(),
            paper=paper,
            purchase_order_id=corrected.purchase_order_id if corrected else order_id,
            corrects=corrected,
        )


def _of_charge(book: Book, charge: Charge, as_of: date) -> Iterator[Proposal]:
    """A charge by hand; what it leaves open, its lease says."""
    lease = book.named.get(charge.lease_id or "")
    agreement = book.agreements[lease.agreement_id] if lease else None
    client = book.clients[charge.client_id]
    order_id = charge.purchase_order_id or (lease.purchase_order_id if lease else None)
    paper = paper_key(
        currency=charge.currency,
        terms=_terms(book, client, agreement),
        grouping=Grouping((agreement and agreement.billing_grouping) or client.billing_grouping),
        site_id=charge.site_id or (lease.site_id if lease else None),
        purchase_order_id=order_id,
        agreement_id=lease.agreement_id if lease else None,
        lease_id=charge.lease_id,
    )
    owed = [
        Owed(charge.id, CHARGE, period.start, period.end, charge.terms.amount)
        for period in periods_due(charge.terms, as_of=as_of)
    ]
    billed = book.billed.get(charge.id, [])
    for change in to_bill(owed, billed, as_of=as_of, currency=charge.currency):
        corrected = change.corrects
        yield Proposal(
            client_id=charge.client_id,
            change=change,
            description=f"{charge.description}, {charge.serial}" if charge.serial else charge.description,
            quantity=charge.quantity,
            unit_price=charge.unit_price,
            tax_category=charge.tax_category,
            tax_class=charge.tax_class,
            lease=lease,
            line=None,
            at_site_id=charge.site_id,
            serials=(),
            paper=paper,
            purchase_order_id=corrected.purchase_order_id if corrected else order_id,
            corrects=corrected,
        )


def _serials(book: Book, lease: Lease, line: Line, change: ToBill) -> list[tuple[SerialShare, date, date]]:
    """Who stood there in the period, with days and share; a correction shows only the sum."""
    if change.revision or line.kind != "asset":
        return []
    period = Period(change.period_start, change.period_end)
    stays = stays_of(book.assignments.get(line.id, []), time_zone=lease.time_zone)
    shares = split_by_serial(change.amount, period, stays, currency=lease.currency)
    spans: dict[str, tuple[date, date]] = {}
    for stay in stays:
        there = period.overlap(Period(stay.start, max(stay.start, stay.end or period.end)))
        if there:
            first, last = spans.get(stay.serial, (there.start, there.end))
            spans[stay.serial] = (min(first, there.start), max(last, there.end))
    return [(share, *spans[share.serial]) for share in shares]

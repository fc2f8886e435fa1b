"""Money that pays invoices less their discount for early payment: the rest is credited, tax and all.

The discount lessens what the supply cost, so it takes the tax along, rate by rate in the same share. The
credit note comes first and the money then pays what is left, in one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from devices.tax_classes import TaxClass
from haas.accounts.clients import get_client
from haas.calendar import local_day
from haas.documents.words import words
from haas.errors import InvalidInput
from haas.ids import new_id
from haas.money import allocate
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant, scoped
from invoicing import corrections, queries
from invoicing.book import load_rates
from invoicing.charges.models import Charge
from invoicing.charges.operations import NewCharge, make_charge
from invoicing.corrections import CreditPlan, DiscountTaken
from invoicing.credit_reasons import EARLY_DISCOUNT
from invoicing.crediting import Creditable, CreditedBy, Given
from invoicing.document import InvoiceDocument
from invoicing.early_discount_models import EarlyDiscountTaken
from invoicing.models import Invoice, InvoiceLine, Payment
from invoicing.money import receipts
from invoicing.money.entries import lock_client
from invoicing.money.models import Receipt
from invoicing.money.queries import find_receipt, payments_of_receipt
from invoicing.payment_terms import early_discount
from invoicing.taxes import TaxableLine, tax_within

_NOTHING = Decimal(0)


class DiscountNotDue(InvalidInput):
    """The discount is not what paying on that day takes off, or the money is not the rest of the invoice."""

    code = "discount_not_due"


def discount_due(session: Session, tenant: Tenant, *, invoice: Invoice, on: date) -> Decimal:
    """What settling the invoice on this day takes off it; nothing once it had its discount."""
    if invoice.state != "issued" or invoice.discount_until is None or on > invoice.discount_until:
        return _NOTHING
    if queries.had_discount(session, tenant, invoice_id=invoice.id):
        return _NOTHING
    document = msgspec.convert(invoice.document, type=InvoiceDocument)
    return early_discount(document, queries.open_amount(session, tenant, invoice=invoice), on)


def granted_with(session: Session, tenant: Tenant, *, receipt_id: str) -> dict[str, Decimal]:
    """The numbers of the credit notes that this money was the condition of, with their amounts. One query.

    They stand when the money goes back: `take_back` charges as much again.
    """
    taken = EarlyDiscountTaken
    rows = session.execute(
        scoped(taken, tenant)
        .join(Invoice, sa.and_(Invoice.partner_id == taken.partner_id, Invoice.id == taken.credit_note_id))
        .where(taken.receipt_id == receipt_id)
        .with_only_columns(Invoice.number, taken.amount)
        .order_by(Invoice.number)
    )
    return {number: amount for number, amount in rows}  # noqa: C416 - rows, not pairs


def take_back(session: Session, tenant: Tenant, *, invoice_id: str, at: datetime) -> list[Charge]:
    """Charge again what was taken off an invoice that a payment taken off it has opened again; once.

    It does not ask what is open now: an invoice that is paid anew meanwhile was not paid in time. The credit
    note stands, as every document does. The next run bills a charge for each rate of it; where the partner
    waives that, it voids the charge. A discount that somebody credited by hand had no money as its condition
    and stays.
    """
    taken = session.scalar(
        scoped(EarlyDiscountTaken, tenant).where(EarlyDiscountTaken.invoice_id == invoice_id)
    )
    if taken is None:
        return []
    invoice = queries.get_invoice(session, tenant, invoice_id=invoice_id)
    return _charge_again(session, tenant, taken=taken, number=invoice.number, at=at)


def _charge_again(
    session: Session, tenant: Tenant, *, taken: EarlyDiscountTaken, number: str, at: datetime
) -> list[Charge]:
    known = session.scalars(
        scoped(Charge, tenant).where(Charge.reference.startswith(f"{taken.id}/")).order_by(Charge.reference)
    ).all()
    if known:
        return list(known)  # more of the money went back later
    client = get_client(session, tenant, client_id=taken.client_id)
    if client.currency != taken.currency:
        return []  # charges are in the client's own currency: of another one somebody decides by hand
    credit = queries.get_invoice(session, tenant, invoice_id=taken.credit_note_id)
    document = msgspec.convert(credit.document, type=InvoiceDocument)
    told = words(client.language).gettext("Discount for early payment of %s, whose payment went back")
    today = local_day(at, session.get_one(Partner, tenant.partner_id).time_zone)
    classes = {
        (rate.category, rate.rate_pct): rate.tax_class
        for rate in load_rates(session, tenant)
        if rate.country == client.country and rate.valid_from <= today
    }
    return [
        make_charge(
            session,
            tenant,
            wanted=NewCharge(
                client_id=client.id,
                description=told % number,
                unit_price=row.taxable + row.tax if client.prices_include_tax else row.taxable,
                charged_on=today,
                tax_category=row.category,
                tax_class=classes.get((row.category, row.rate_pct), TaxClass.STANDARD),
                reference=f"{taken.id}/{place}",
            ),
            at=at,
        )
        for place, row in enumerate(document.tax_totals, start=1)
    ]


def record_receipt(
    session: Session,
    tenant: Tenant,
    *,
    client_id: str,
    amount: Decimal,
    currency: str,
    received_on: date,
    method: str,
    reference: str,
    allocations: Mapping[str, Decimal],
    discounts: Mapping[str, Decimal],
    source: str,
    at: datetime,
    paid_on: date | None = None,
    fee: Decimal = _NOTHING,
    provider: str = "",
    provider_id: str | None = None,
) -> Receipt:
    """Note money received, as `receipts.record_receipt`, and credit the discounts of what it pays.

    :param discounts: what is taken off which invoice, by id, as it was shown to whoever confirmed it; the
        invoice's allocation is then all the rest of it.
    :param paid_on: the day by which the discounts are due, where it is not the day of receipt.
    :raises DiscountNotDue: if a discount is another on that day, or the money is not the rest.
    :raises DiscountTaken: if the invoice had one already.
    """
    lock_client(session, tenant, client_id=client_id)
    is_known = find_receipt(session, tenant, reference=reference.strip()) is not None
    granted = [
        _grant(
            session,
            tenant,
            invoice_id=invoice_id,
            client_id=client_id,
            discount=discounts[invoice_id],
            paid=allocations.get(invoice_id, _NOTHING),
            on=paid_on or received_on,
            at=at,
        )
        for invoice_id in sorted(() if is_known else discounts)
    ]
    receipt = receipts.record_receipt(
        session,
        tenant,
        client_id=client_id,
        amount=amount,
        currency=currency,
        received_on=received_on,
        method=method,
        reference=reference,
        allocations=allocations,
        source=source,
        at=at,
        fee=fee,
        provider=provider,
        provider_id=provider_id,
    )
    _note(session, tenant, receipt, granted, on=paid_on or received_on, at=at)
    return receipt


def record_payment(
    session: Session,
    tenant: Tenant,
    *,
    invoice_id: str,
    amount: Decimal,
    received_on: date,
    method: str,
    reference: str,
    discount: Decimal,
    at: datetime,
    excess: str = receipts.REFUSED,
) -> Payment:
    """Note money received for one invoice, as `corrections.record_payment`; with a discount, all the rest.

    :raises DiscountNotDue, DiscountTaken: as `record_receipt`.
    :raises ReferenceTaken: if the reference was recorded before.
    """
    if not discount:
        return corrections.record_payment(
            session,
            tenant,
            invoice_id=invoice_id,
            amount=amount,
            received_on=received_on,
            method=method,
            reference=reference,
            at=at,
            excess=excess,
        )
    if find_receipt(session, tenant, reference=reference.strip()) is not None:
        raise receipts.ReferenceTaken(f"A payment with the reference {reference} was recorded before.")
    invoice = queries.get_invoice(session, tenant, invoice_id=invoice_id)
    receipt = record_receipt(
        session,
        tenant,
        client_id=invoice.client_id,
        amount=amount,
        currency=invoice.currency,
        received_on=received_on,
        method=method,
        reference=reference,
        allocations={invoice.id: amount},
        discounts={invoice.id: discount},
        source="manual",
        at=at,
    )
    (payment,) = payments_of_receipt(session, tenant, receipt_id=receipt.id)
    return payment


def _grant(
    session: Session,
    tenant: Tenant,
    *,
    invoice_id: str,
    client_id: str,
    discount: Decimal,
    paid: Decimal,
    on: date,
    at: datetime,
) -> tuple[Invoice, Invoice]:
    """The invoice and the credit note that takes the discount off it."""
    invoice = queries.lock_invoice(session, tenant, invoice_id=invoice_id)
    if invoice.client_id != client_id:
        raise InvalidInput(f"The client has no invoice {invoice_id}.", field="allocations")
    if queries.had_discount(session, tenant, invoice_id=invoice.id):
        raise DiscountTaken(invoice.number)
    due = discount_due(session, tenant, invoice=invoice, on=on)
    if not due or discount != due:
        raise DiscountNotDue(
            f"Paid on {on:%d %B %Y}, {invoice.number} has a discount of {due} {invoice.currency}, and not of"
            f" {discount}.",
            field="discounts",
        )
    still_open = queries.open_amount(session, tenant, invoice=invoice)
    if paid != still_open - due:
        raise DiscountNotDue(
            f"With its discount {still_open - due} {invoice.currency} settle {invoice.number},"
            f" and not {paid}.",
            field="amount",
        )
    plan = plan_discount(session, tenant, invoice=invoice, total=due)
    return invoice, corrections.issue_credit(
        session,
        tenant,
        plan=plan,
        reason="",
        reason_code=EARLY_DISCOUNT,
        issued_on=local_day(at, session.get_one(Partner, tenant.partner_id).time_zone),
        at=at,
        portal_url=_portal_of(invoice),
    )


def plan_discount(session: Session, tenant: Tenant, *, invoice: Invoice, total: Decimal) -> CreditPlan:
    """A credit over `total`, tax and all: shared by what each rate, then each line of it, is left to bear.

    The tax is that which each share contains, so that net and tax are the discount to the last cent.
    """
    lines = [
        (row, line) for row, line in corrections.creditable(session, tenant, invoice=invoice) if line.left > 0
    ]
    rates: dict[tuple[str, Decimal], list[int]] = {}
    for index, (row, _) in enumerate(lines):
        rates.setdefault((row.tax_category, row.tax_rate_pct), []).append(index)
    of_rates = allocate(
        total,
        [sum((_gross(*lines[index]) for index in places), Fraction(0)) for places in rates.values()],
        currency=invoice.currency,
    )
    shares: dict[int, Decimal] = {}
    for share, places in zip(of_rates, rates.values(), strict=True):
        weights = [lines[index][1].left for index in places]
        shares.update(zip(places, allocate(share, weights, currency=invoice.currency), strict=True))
    borne = [(row, line, shares[index]) for index, (row, line) in enumerate(lines) if shares[index]]
    taxed, nets = tax_within(
        [TaxableLine(-share, row.tax_category, row.tax_rate_pct) for row, _, share in borne],
        currency=invoice.currency,
    )
    chosen = [
        (row, Given(CreditedBy.AMOUNT, -net, period=line.period))
        for (row, line, _), net in zip(borne, nets, strict=True)
    ]
    return CreditPlan(invoice, chosen, taxed, takes_all=False, includes_tax=True)


def _gross(row: InvoiceLine, line: Creditable) -> Fraction:
    return Fraction(line.left) * (100 + Fraction(row.tax_rate_pct)) / 100


def _portal_of(invoice: Invoice) -> str:
    """Where the portal was when the invoice was frozen: its credit note lies beside it."""
    return str(invoice.document.get("portal_url", "")).removesuffix(f"/invoices/{invoice.id}")


def _note(
    session: Session,
    tenant: Tenant,
    receipt: Receipt,
    granted: list[tuple[Invoice, Invoice]],
    *,
    on: date,
    at: datetime,
) -> None:
    for invoice, credit in granted:
        session.add(
            EarlyDiscountTaken(
                partner_id=tenant.partner_id,
                id=new_id("edt"),
                client_id=invoice.client_id,
                invoice_id=invoice.id,
                credit_note_id=credit.id,
                receipt_id=receipt.id,
                amount=-credit.total,
                currency=invoice.currency,
                paid_on=on,
                recorded_at=at,
                actor=tenant.actor,
            )
        )
    session.flush()

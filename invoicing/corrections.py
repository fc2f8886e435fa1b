"""A mistake becomes a credit note with its reference; money received becomes a payment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import outbox
from haas.crash import crashpoint
from haas.errors import Conflict, InvalidInput
from haas.ids import new_id
from haas.money import exponent, round_minor
from haas.tenancy.models import Client
from haas.tenancy.scope import Tenant, scoped
from invoicing import queries
from invoicing.document import DocumentLine, InvoiceDocument, Reference, TaxInOwnCurrency, TaxTotal
from invoicing.models import Invoice, InvoiceLine, Payment
from invoicing.money import receipts
from invoicing.money.entries import lock_client
from invoicing.money.paying import release_excess
from invoicing.money.queries import find_receipt, payments_of_receipt
from invoicing.money.receipts import REFUSED, TO_CREDIT
from invoicing.money.refunds import refund_balance
from invoicing.numbering import next_numbers
from invoicing.purchase_orders.operations import count_billed
from invoicing.taxes import TaxableLine, TaxedLines, tax_lines, tax_within

REFUNDED = "refund"  # what is done with money that a credit note sets free, if it is not the client's credit


class AlreadyCredited(Conflict):
    """More would be given back than was charged."""

    code = "already_credited"


@dataclass(frozen=True, slots=True)
class CreditPlan:
    """What a credit note would give back; all amounts positive."""

    invoice: Invoice
    chosen: list[tuple[InvoiceLine, Decimal]]
    taxed: TaxedLines  # negative, as it is posted
    takes_all: bool
    includes_tax: bool = False  # the tax is that which the invoice's prices contained

    @property
    def net(self) -> Decimal:
        """What goes back before tax."""
        return sum((net for _, net in self.chosen), Decimal(0))

    @property
    def tax(self) -> Decimal:
        """The tax that goes back with it."""
        return -self.taxed.tax_total

    @property
    def total(self) -> Decimal:
        """Net and tax."""
        return self.net + self.tax


def creditable(session: Session, tenant: Tenant, *, invoice: Invoice) -> list[tuple[InvoiceLine, Decimal]]:
    """The invoice's lines, each with the net amount that is left after the credit notes so far."""
    lines = queries.lines_of(session, tenant, invoice_id=invoice.id)
    left = _left(session, tenant, invoice=invoice, lines=lines)
    return [(row, left[row.id]) for row in lines]


def plan_credit(
    session: Session, tenant: Tenant, *, invoice: Invoice, amounts: Mapping[str, Decimal] | None = None
) -> CreditPlan:
    """What `credit_invoice` would give back: all of what is left, or net `amounts` by invoice line id.

    :raises AlreadyCredited: if a line would give back more than is left of it, or nothing is left.
    """
    if invoice.kind != "invoice":
        raise Conflict("A credit note is not credited; issue a new invoice instead.")
    lines = creditable(session, tenant, invoice=invoice)
    left = {row.id: rest for row, rest in lines}
    wanted = dict(amounts) if amounts is not None else left
    _check_wanted(wanted, left, currency=invoice.currency)
    chosen = [(row, wanted[row.id]) for row, _ in lines if wanted.get(row.id)]
    if not any(left.values()):
        raise AlreadyCredited(f"Nothing of {invoice.number} is left to credit.")
    if not chosen:
        raise InvalidInput("Say how much goes back of at least one line.", field="amounts")
    takes_all = sum(left.values(), Decimal(0)) == sum((net for _, net in chosen), Decimal(0))
    if invoice.document.get("prices_include_tax") and [(row, row.net) for row, _ in lines] == chosen:
        # All of it goes back: the tax that the prices contained, to the last cent.
        gross = [TaxableLine(-row.net - row.tax, row.tax_category, row.tax_rate_pct) for row, _ in chosen]
        taxed, _ = tax_within(gross, currency=invoice.currency)
        return CreditPlan(invoice, chosen, taxed, takes_all, includes_tax=True)
    taxed = tax_lines(
        [TaxableLine(-net, row.tax_category, row.tax_rate_pct) for row, net in chosen],
        currency=invoice.currency,
    )
    return CreditPlan(invoice, chosen, taxed, takes_all)


def credit_invoice(
    session: Session,
    tenant: Tenant,
    *,
    invoice_id: str,
    reason: str,
    issued_on: date,
    at: datetime,
    portal_url: str,
    amounts: Mapping[str, Decimal] | None = None,
    excess: str = TO_CREDIT,
) -> Invoice:
    """Issue a credit note for an invoice: all of what is left of it, or net `amounts` by invoice line id.

    It is a decision of its own (kind `manual`): the billing run neither repeats nor undoes it. What was paid
    and is not owed any more is the client's `credit`, or asked to go back (`refund`).

    :raises AlreadyCredited: if a line would give back more than is left of it.
    """
    client_id = queries.get_invoice(session, tenant, invoice_id=invoice_id).client_id
    lock_client(session, tenant, client_id=client_id)
    invoice = queries.lock_invoice(session, tenant, invoice_id=invoice_id)
    if not reason.strip():
        raise InvalidInput("Say why; the credit note prints it.", field="reason")
    plan = plan_credit(session, tenant, invoice=invoice, amounts=amounts)
    credit = _issue(
        session, tenant, plan=plan, reason=reason.strip(), issued_on=issued_on, at=at, portal_url=portal_url
    )
    if plan.takes_all and invoice.state == "issued" and not invoice.paid_total:
        invoice.state = "credited"
        session.flush()
    gained = release_excess(session, tenant, invoice_ids=[invoice.id], on=issued_on, at=at)
    if excess == REFUNDED:
        for (_, currency), amount in gained.items():
            refund_balance(
                session,
                tenant,
                client_id=client_id,
                amount=amount,
                currency=currency,
                reason=f"{credit.number}: {credit.reason or reason.strip()}",
                on=issued_on,
                at=at,
                once_key=f"credit:{credit.id}",
            )
    return credit


def record_payment(
    session: Session,
    tenant: Tenant,
    *,
    invoice_id: str,
    amount: Decimal,
    received_on: date,
    method: str,
    reference: str,
    at: datetime,
    excess: str = REFUSED,
    source: str = "manual",
) -> Payment:
    """Note money received for one invoice: a receipt with one payment. Paid in full, the invoice is paid.

    :param excess: whether more than is open is refused (`refuse`), or the rest is the client's (`credit`).
    :raises InvalidInput: if it is more than is open and the rest is not to be credit.
    :raises ReferenceTaken: if the reference was recorded before.
    """
    known = find_receipt(session, tenant, reference=reference.strip())
    if known is not None:
        raise receipts.ReferenceTaken(f"A payment with the reference {reference} was recorded before.")
    invoice = queries.get_invoice(session, tenant, invoice_id=invoice_id)
    lock_client(session, tenant, client_id=invoice.client_id)
    invoice = queries.lock_invoice(session, tenant, invoice_id=invoice_id)
    still_open = queries.open_amount(session, tenant, invoice=invoice)
    if amount > still_open and (excess != TO_CREDIT or not still_open):
        raise InvalidInput(
            f"Only {still_open} {invoice.currency} of {invoice.number} is open.", field="amount"
        )
    receipt = receipts.record_receipt(
        session,
        tenant,
        client_id=invoice.client_id,
        amount=amount,
        currency=invoice.currency,
        received_on=received_on,
        method=method,
        reference=reference,
        allocations={invoice.id: min(amount, still_open)},
        source=source,
        at=at,
    )
    (payment,) = payments_of_receipt(session, tenant, receipt_id=receipt.id)
    return payment


def _left(
    session: Session, tenant: Tenant, *, invoice: Invoice, lines: list[InvoiceLine]
) -> dict[str, Decimal]:
    """What is left of each line after the credit notes so far."""
    given: dict[tuple[str, str, date | None], Decimal] = {}
    by_line: dict[str, Decimal] = {}
    credit_lines = session.scalars(
        scoped(InvoiceLine, tenant)
        .join(
            Invoice,
            sa.and_(Invoice.partner_id == InvoiceLine.partner_id, Invoice.id == InvoiceLine.invoice_id),
        )
        .where(Invoice.credits_invoice_id == invoice.id)
    )
    for row in credit_lines:
        if row.kind == "manual":
            by_line[row.source_id] = by_line.get(row.source_id, Decimal(0)) + row.net
        else:
            key = (row.source_id, row.kind, row.period_start)
            given[key] = given.get(key, Decimal(0)) + row.net
    return {
        row.id: row.net
        + by_line.get(row.id, Decimal(0))
        + given.get((row.source_id, row.kind, row.period_start), Decimal(0))
        for row in lines
    }


def _check_wanted(wanted: Mapping[str, Decimal], left: Mapping[str, Decimal], *, currency: str) -> None:
    for line_id, amount in wanted.items():
        if line_id not in left:
            raise InvalidInput(f"The invoice has no line {line_id}.", field="amounts")
        if amount < 0 or round(amount, exponent(currency)) != amount:
            raise InvalidInput(f"{amount} is no amount of {currency} to give back.", field="amounts")
        if amount > left[line_id]:
            raise AlreadyCredited(f"Only {left[line_id]} {currency} of that line is left.", field="amounts")


def _issue(
    session: Session,
    tenant: Tenant,
    *,
    plan: CreditPlan,
    reason: str,
    issued_on: date,
    at: datetime,
    portal_url: str,
) -> Invoice:
    invoice = plan.invoice
    credit_id = new_id("crn")
    client = session.scalars(scoped(Client, tenant).where(Client.id == invoice.client_id)).one()
    number = next_numbers(session, tenant, kind="credit_note", issued_on=issued_on, count=1)[0]
    crashpoint("credit.after_number")
    document = _document(
        plan,
        number=number,
        language=client.language,
        reason=reason,
        issued_on=issued_on,
        portal_url=f"{portal_url}/invoices/{credit_id}",
    )
    credit = Invoice(
        partner_id=tenant.partner_id,
        id=credit_id,
        client_id=invoice.client_id,
        kind="credit_note",
        number=number,
        currency=invoice.currency,
        issued_on=issued_on,
        due_on=issued_on,
        net_total=-document.net_total,
        tax_total=-document.tax_total,
        total=-document.total,
        paid_total=Decimal(0),
        credits_invoice_id=invoice.id,
        reason=reason,
        document=msgspec.json.decode(document.to_json()),
        document_hash=document.content_hash(),
        created_at=at,
    )
    session.add(credit)
    session.flush()
    _add_lines(session, tenant, credit=credit, plan=plan)
    under_orders: dict[str, Decimal] = {}
    for row, net in plan.chosen:
        if row.purchase_order_id is not None:
            under_orders[row.purchase_order_id] = under_orders.get(row.purchase_order_id, Decimal(0)) - net
    count_billed(session, tenant, amounts=under_orders)
    outbox.publish(session, tenant, "invoice.issued", invoice_id=credit.id, once_key=f"issued:{credit.id}")
    return credit


def _document(
    plan: CreditPlan, *, number: str, language: str, reason: str, issued_on: date, portal_url: str
) -> InvoiceDocument:
    """What the credit note prints; its amounts are positive."""
    invoice, taxed = plan.invoice, plan.taxed
    original = msgspec.convert(invoice.document, type=InvoiceDocument)
    total = plan.net - taxed.tax_total
    said: dict[tuple[str, Decimal], TaxTotal] = {
        (row.category, row.rate_pct): row for row in original.tax_totals
    }
    return InvoiceDocument(
        kind="credit_note",
        number=number,
        seller=original.seller,
        seller_tax_id=original.seller_tax_id,
        supplier=original.supplier,
        buyer=original.buyer,
        site=original.site,
        issued_on=issued_on,
        due_on=issued_on,
        delivered_on=original.delivered_on,
        currency=invoice.currency,
        language=language,
        tax_name=original.tax_name,
        prices_include_tax=plan.includes_tax,
        lines=tuple(
            DocumentLine(
                description=row.description,
                start=row.period_start,
                until=row.period_end,
                unit_price=net,
                net=net,
                tax_rate_pct=row.tax_rate_pct,
                tax_category=row.tax_category,  # type: ignore[arg-type]
                tax_reason_code=said[row.tax_category, row.tax_rate_pct].reason_code,
            )
            for row, net in plan.chosen
        ),
        # Category, rate and reason are those of the invoice: a credit repeats its tax.
        tax_totals=tuple(
            msgspec.structs.replace(
                said[group.category, group.rate_pct or Decimal(0)], taxable=-group.basis, tax=-group.tax
            )
            for group in taxed.groups
        ),
        net_total=plan.net,
        tax_total=-taxed.tax_total,
        total=total,
        payable=total,
        accounting=_in_own_currency(original, tax=-taxed.tax_total),
        buyer_order=original.buyer_order,
        references=(Reference(kind="invoice", number=invoice.number, issued_on=invoice.issued_on),),
        notes=(reason,),
        portal_url=portal_url,
    )


def _in_own_currency(original: InvoiceDocument, *, tax: Decimal) -> TaxInOwnCurrency | None:
    """The tax that goes back, at the rate of the invoice that is corrected."""
    own = original.accounting
    if own is None or not tax:
        return None
    converted = round_minor(Fraction(tax) * Fraction(own.rate), own.currency)
    return msgspec.structs.replace(own, tax_total=converted)


def _add_lines(session: Session, tenant: Tenant, *, credit: Invoice, plan: CreditPlan) -> None:
    for position, ((row, net), tax) in enumerate(zip(plan.chosen, plan.taxed.taxes, strict=True), start=1):
        session.add(
            InvoiceLine(
                partner_id=tenant.partner_id,
                id=new_id("ivl"),
                invoice_id=credit.id,
                client_id=credit.client_id,
                lease_id=row.lease_id,
                line_id=row.line_id,
                purchase_order_id=row.purchase_order_id,
                source_id=row.id,
                position=position,
                kind="manual",
                description=row.description,
                period_start=row.period_start,
                period_end=row.period_end,
                revision=_next_revision(session, tenant, source_id=row.id),
                fell_due_on=credit.issued_on,
                quantity=Decimal(1),
                unit_price=-net,
                net=-net,
                tax_category=row.tax_category,
                tax_rate_pct=row.tax_rate_pct,
                tax=tax,
            )
        )
    session.flush()


def _next_revision(session: Session, tenant: Tenant, *, source_id: str) -> int:
    last = session.scalar(
        sa.select(sa.func.max(InvoiceLine.revision)).where(
            InvoiceLine.partner_id == tenant.partner_id, InvoiceLine.source_id == source_id
        )
    )
    return 0 if last is None else last + 1

"""A mistake becomes a credit note with its reference; money received becomes a payment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import outbox
from haas.calendar import Period
from haas.crash import crashpoint
from haas.errors import Conflict, InvalidInput
from haas.ids import new_id
from haas.tenancy.models import Client
from haas.tenancy.scope import Tenant, scoped
from invoicing import queries
from invoicing.credit_papers import CreditPlan, add_lines, credit_document
from invoicing.credit_reasons import CREDIT_REASONS, EARLY_DISCOUNT
from invoicing.crediting import AlreadyCredited, Creditable, CreditedBy, Given, Part, days_gone, give_back
from invoicing.models import Invoice, InvoiceLine, Payment
from invoicing.money import receipts
from invoicing.money.entries import lock_client
from invoicing.money.paying import close_paid, release_excess
from invoicing.money.queries import find_receipt, payments_of_receipt
from invoicing.money.receipts import REFUSED, TO_CREDIT
from invoicing.money.refunds import refund_balance
from invoicing.numbering import next_numbers
from invoicing.purchase_orders.operations import count_billed
from invoicing.taxes import TaxableLine, TaxedSoFar, tax_given_back
from leases.models import Lease
from leases.terms import Proration

__all__ = [
    "AlreadyCredited", "CreditPlan", "DiscountTaken", "Part", "credit_invoice", "creditable", "issue_credit",
    "plan_credit", "record_payment",
]  # fmt: skip

REFUNDED = "refund"  # what is done with money that a credit note sets free, if it is not the client's credit


class DiscountTaken(Conflict):
    """The invoice had its discount for early payment."""

    code = "discount_taken"

    def __init__(self, number: str) -> None:
        super().__init__(f"{number} had its discount for early payment already.")


def creditable(session: Session, tenant: Tenant, *, invoice: Invoice) -> list[tuple[InvoiceLine, Creditable]]:
    """The invoice's lines, each with what is left of it after the credit notes so far; three queries."""
    lines = queries.lines_of(session, tenant, invoice_id=invoice.id)
    return _creditable(session, tenant, invoice=invoice, lines=lines, given=_given(session, tenant, invoice))


def plan_credit(
    session: Session, tenant: Tenant, *, invoice: Invoice, amounts: Mapping[str, Decimal | Part] | None = None
) -> CreditPlan:
    """What `credit_invoice` would give back: all of what is left, or a part of lines by their ids.

    :raises AlreadyCredited: if a line would give back more than is left of it, or nothing is left.
    """
    if invoice.kind != "invoice":
        raise Conflict("A credit note is not credited; issue a new invoice instead.")
    rows = queries.lines_of(session, tenant, invoice_id=invoice.id)
    given = _given(session, tenant, invoice)
    lines = _creditable(session, tenant, invoice=invoice, lines=rows, given=given)
    chosen = _chosen(lines, amounts)
    left = sum((line.left for _, line in lines), Decimal(0))
    if not left:
        raise AlreadyCredited(f"Nothing of {invoice.number} is left to credit.")
    if not chosen:
        raise InvalidInput("Say how much goes back of at least one line.", field="amounts")
    takes_all = left == sum((part.net for _, part in chosen), Decimal(0))
    before = _taxed(given)
    taxed = tax_given_back(
        [TaxableLine(-part.net, row.tax_category, row.tax_rate_pct) for row, part in chosen],
        before=before,
        charged=_taxed(rows),
        currency=invoice.currency,
    )
    # When all of it goes back, that is the tax which the prices contained, to the last cent.
    includes_tax = takes_all and bool(invoice.document.get("prices_include_tax"))
    return CreditPlan(invoice, chosen, taxed, takes_all, before, includes_tax)


def credit_invoice(
    session: Session,
    tenant: Tenant,
    *,
    invoice_id: str,
    reason: str,
    issued_on: date,
    at: datetime,
    portal_url: str,
    reason_code: str = "",
    amounts: Mapping[str, Decimal | Part] | None = None,
    excess: str = TO_CREDIT,
) -> Invoice:
    """Issue a credit note for an invoice: all of what is left of it, or a part of lines by their ids.

    `amounts` are net amounts, or parts counted in pieces or days. Why is one of `credit_reasons`, words, or
    both; both are frozen and printed.

    It is a decision of its own (kind `manual`): the billing run neither repeats nor undoes it. What was paid
    and is not owed any more is the client's `credit`, or asked to go back (`refund`).

    :raises AlreadyCredited: if a line would give back more than is left of it.
    :raises DiscountTaken: if it is the discount for early payment, and the invoice had that.
    :raises InvalidInput: if nothing is said of why, or the part of a line cannot be.
    """
    client_id = queries.get_invoice(session, tenant, invoice_id=invoice_id).client_id
    lock_client(session, tenant, client_id=client_id)
    invoice = queries.lock_invoice(session, tenant, invoice_id=invoice_id)
    if reason_code and reason_code not in CREDIT_REASONS:
        raise InvalidInput(f"Use one of {', '.join(CREDIT_REASONS)}.", field="reason_code")
    if not (reason_code or reason.strip()):
        raise InvalidInput("Say why; the credit note prints it.", field="reason")
    if reason_code == EARLY_DISCOUNT and queries.had_discount(session, tenant, invoice_id=invoice.id):
        raise DiscountTaken(invoice.number)
    plan = plan_credit(session, tenant, invoice=invoice, amounts=amounts)
    credit = issue_credit(
        session,
        tenant,
        plan=plan,
        reason=reason.strip(),
        reason_code=reason_code,
        issued_on=issued_on,
        at=at,
        portal_url=portal_url,
    )
    if plan.takes_all and invoice.state == "issued" and not invoice.paid_total:
        invoice.state = "credited"
        session.flush()
    gained = release_excess(session, tenant, invoice_ids=[invoice.id], on=credit.issued_on, at=at)
    close_paid(session, tenant, invoice_ids=[invoice.id])
    if excess == REFUNDED:
        for (_, currency), amount in gained.items():
            refund_balance(
                session,
                tenant,
                client_id=client_id,
                amount=amount,
                currency=currency,
                reason=f"{credit.number}: {credit.document['notes'][0]}",
                on=credit.issued_on,
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


def _given(session: Session, tenant: Tenant, invoice: Invoice) -> Sequence[InvoiceLine]:
    """The lines of all credit notes of the invoice."""
    return session.scalars(
        scoped(InvoiceLine, tenant)
        .join(
            Invoice,
            sa.and_(Invoice.partner_id == InvoiceLine.partner_id, Invoice.id == InvoiceLine.invoice_id),
        )
        .where(Invoice.credits_invoice_id == invoice.id)
    ).all()


def _creditable(
    session: Session,
    tenant: Tenant,
    *,
    invoice: Invoice,
    lines: Sequence[InvoiceLine],
    given: Sequence[InvoiceLine],
) -> list[tuple[InvoiceLine, Creditable]]:
    by_run: dict[tuple[str, str, date | None], list[InvoiceLine]] = {}
    by_hand: dict[str, list[InvoiceLine]] = {}
    for row in given:
        if row.kind == "manual":
            by_hand.setdefault(row.source_id, []).append(row)
        else:
            key = (row.source_id, row.kind, row.period_start)
            by_run.setdefault(key, []).append(row)
    rules = _prorations(session, tenant, lines)
    found = []
    for row in lines:
        taken = by_hand.get(row.id, [])
        taken_back = by_run.get((row.source_id, row.kind, row.period_start), [])
        left = row.net + sum((each.net for each in taken_back), Decimal(0))
        counted = [each for each in taken if each.credited_by == CreditedBy.QUANTITY]
        dated = [each for each in taken if each.credited_by == CreditedBy.DAYS]
        found.append(
            (
                row,
                Creditable(
                    position=row.position,
                    net=row.net,
                    left=left + sum((each.net for each in taken), Decimal(0)),
                    quantity=row.quantity,
                    quantity_left=row.quantity - sum((each.quantity for each in counted), Decimal(0)),
                    currency=invoice.currency,
                    period=_period(row),
                    days_credited=days_gone(
                        [period for each in dated if (period := _period(each))],
                        whole=_period(row),
                        cuts=[each.period_end for each in taken_back if each.period_end],
                    ),
                    proration=rules.get(row.lease_id or "", Proration.ACTUAL_PERIOD),
                ),
            )
        )
    return found


def _period(row: InvoiceLine) -> Period | None:
    return Period(row.period_start, row.period_end) if row.period_start and row.period_end else None


def _prorations(session: Session, tenant: Tenant, lines: Iterable[InvoiceLine]) -> dict[str, Proration]:
    """What a part of a period costs, by lease; what belongs to none goes by its days."""
    ids = {row.lease_id for row in lines if row.lease_id is not None}
    found = session.execute(
        scoped(Lease, tenant).with_only_columns(Lease.id, Lease.proration).where(Lease.id.in_(ids))
    )
    return {lease_id: Proration(rule) for lease_id, rule in found}


def _chosen(
    lines: Sequence[tuple[InvoiceLine, Creditable]], amounts: Mapping[str, Decimal | Part] | None
) -> list[tuple[InvoiceLine, Given]]:
    """What goes back of each line that is named; of all that is left where none is."""
    if amounts is None:
        return [(row, give_back(line, Part())) for row, line in lines if line.left]
    for line_id in amounts.keys() - {row.id for row, _ in lines}:
        raise InvalidInput(f"The invoice has no line {line_id}.", field="amounts")
    wanted = {
        line_id: part if isinstance(part, Part) else Part(amount=part) for line_id, part in amounts.items()
    }
    given = [(row, give_back(line, wanted[row.id])) for row, line in lines if row.id in wanted]
    return [(row, part) for row, part in given if part.net]


def _taxed(rows: Iterable[InvoiceLine]) -> dict[tuple[str, Decimal], TaxedSoFar]:
    found: dict[tuple[str, Decimal], TaxedSoFar] = {}
    for row in rows:
        key = (row.tax_category, row.tax_rate_pct)
        before = found.get(key, TaxedSoFar())
        found[key] = TaxedSoFar(before.taxable + row.net, before.tax + row.tax)
    return found


def issue_credit(
    session: Session,
    tenant: Tenant,
    *,
    plan: CreditPlan,
    reason: str,
    reason_code: str,
    issued_on: date,
    at: datetime,
    portal_url: str,
) -> Invoice:
    """Issue the credit note that was planned; its invoice is locked, and its state the caller's to see to.

    It is of no day before its invoice's, which may lie ahead.
    """
    invoice = plan.invoice
    issued_on = max(issued_on, invoice.issued_on)
    credit_id = new_id("crn")
    client = session.scalars(scoped(Client, tenant).where(Client.id == invoice.client_id)).one()
    number = next_numbers(session, tenant, kind="credit_note", issued_on=issued_on, count=1)[0]
    crashpoint("credit.after_number")
    document = credit_document(
        plan,
        number=number,
        language=client.language,
        reason=reason,
        reason_code=reason_code,
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
        reason_code=reason_code,
        document=msgspec.json.decode(document.to_json()),
        document_hash=document.content_hash(),
        created_at=at,
    )
    session.add(credit)
    session.flush()
    add_lines(session, tenant, credit=credit, plan=plan)
    under_orders: dict[str, Decimal] = {}
    for row, given in plan.chosen:
        if row.purchase_order_id is not None:
            before = under_orders.get(row.purchase_order_id, Decimal(0))
            under_orders[row.purchase_order_id] = before - given.net
    count_billed(session, tenant, amounts=under_orders)
    outbox.publish(session, tenant, "invoice.issued", invoice_id=credit.id, once_key=f"issued:{credit.id}")
    return credit

"""Money put to an invoice and taken off it again: payment rows, what the invoice is paid, its state."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session, defer

from haas import outbox
from haas.accounts.checks import check_currency
from haas.errors import InvalidInput
from haas.ids import new_id
from haas.money import exponent, round_places
from haas.tenancy.scope import Tenant, scoped
from invoicing import queries
from invoicing.models import Invoice, Payment
from invoicing.money.entries import Account, add_entry
from invoicing.money.reversing import Held

AMOUNT_MAX = Decimal(99999999999)  # as the API takes it; the column holds one digit more
BY_BALANCE = "balance"  # the method of a payment that came out of the client's credit, or went into it


def checked_amount(amount: Decimal, currency: str, *, field: str = "amount") -> Decimal:
    """The amount, if it is a number, more than nothing, no larger than is kept, no finer than its currency.

    :raises InvalidInput: otherwise. A bank's file or a provider's answer may say anything.
    """
    check_currency(currency)
    if not amount.is_finite():
        raise InvalidInput("The amount is a number.", field=field)
    if amount > AMOUNT_MAX:
        raise InvalidInput(f"The amount is at most {AMOUNT_MAX}.", field=field)
    if amount <= 0:
        raise InvalidInput("The amount is more than 0.", field=field)
    if round_places(amount, exponent(currency)) != amount:
        raise InvalidInput(f"{currency} has {exponent(currency)} decimals.", field=field)
    return amount


def lock_invoices(session: Session, tenant: Tenant, *, invoice_ids: Iterable[str]) -> dict[str, Invoice]:
    """The invoices by id, locked in the order of their ids; one query. Their client is locked already."""
    found = session.scalars(
        scoped(Invoice, tenant)
        .where(Invoice.id.in_(set(invoice_ids)))
        .order_by(Invoice.id)
        .options(defer(Invoice.document))
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return {invoice.id: invoice for invoice in found}


def pay(
    session: Session,
    tenant: Tenant,
    *,
    invoice: Invoice,
    amount: Decimal,
    on: date,
    method: str,
    reference: str,
    at: datetime,
    receipt_id: str | None = None,
    balance_entry_id: str | None = None,
    payment_id: str | None = None,
) -> Payment:
    """Put money to an invoice that is locked. Paid in full, it is paid.

    :raises InvalidInput: if it is more than is open.
    """
    still_open = queries.open_amount(session, tenant, invoice=invoice)
    if amount > still_open:
        raise InvalidInput(
            f"Only {still_open} {invoice.currency} of {invoice.number} is open.", field="amount"
        )
    payment = Payment(
        partner_id=tenant.partner_id,
        id=payment_id or new_id("pay"),
        invoice_id=invoice.id,
        client_id=invoice.client_id,
        amount=amount,
        currency=invoice.currency,
        received_on=on,
        method=method,
        reference=reference,
        receipt_id=receipt_id,
        balance_entry_id=balance_entry_id,
        recorded_at=at,
        actor=tenant.actor,
    )
    session.add(payment)
    invoice.paid_total += amount
    if amount == still_open:
        invoice.state = "paid"
    session.flush()
    outbox.publish(session, tenant, "payment.recorded", payment_id=payment.id, invoice_id=invoice.id)
    if invoice.state == "paid":
        outbox.publish(session, tenant, "invoice.paid", invoice_id=invoice.id)
    return payment


def take_off(
    session: Session,
    tenant: Tenant,
    *,
    payment: Payment,
    invoice: Invoice,
    amount: Decimal,
    on: date,
    at: datetime,
    to_credit: bool,
    reason: str = "",
) -> Payment:
    """Take `amount` of a payment off its invoice, which is locked, into the client's credit or out of all.

    The invoice is open again for as much, unless a credit note took that much of it back. Whatever day is
    told, that is not before the payment: no invoice was ever open for more than its total.
    """
    on = max(on, payment.received_on)
    entry_id = None
    if to_credit:
        entry_id = add_entry(
            session,
            tenant,
            account=(payment.client_id, payment.currency),
            kind="released",
            amount=amount,
            on=on,
            at=at,
            reason=reason,
            receipt_id=payment.receipt_id,
            invoice_id=invoice.id,
        ).id
    back = Payment(
        partner_id=tenant.partner_id,
        id=new_id("pay"),
        invoice_id=invoice.id,
        client_id=invoice.client_id,
        amount=-amount,
        currency=invoice.currency,
        received_on=on,
        method=BY_BALANCE if to_credit else payment.method,
        reference=payment.reference,
        receipt_id=payment.receipt_id,
        balance_entry_id=entry_id,
        reverses_payment_id=payment.id,
        recorded_at=at,
        actor=tenant.actor,
    )
    session.add(back)
    invoice.paid_total -= amount
    invoice.state = _state(invoice, given_back=queries.credited_of(session, tenant, invoice_id=invoice.id))
    session.flush()
    outbox.publish(session, tenant, "payment.reversed", payment_id=back.id, invoice_id=invoice.id)
    if invoice.state == "issued":
        outbox.publish(session, tenant, "invoice.reopened", invoice_id=invoice.id, payment_id=back.id)
    return back


def held(session: Session, tenant: Tenant, payments: Sequence[Payment]) -> list[Held]:
    """What of each payment still stands on its invoice, the newest first; one query."""
    ids = [payment.id for payment in payments]
    back: dict[str | None, Decimal] = {
        row[0]: row[1]
        for row in session.execute(
            sa.select(Payment.reverses_payment_id, sa.func.sum(Payment.amount))
            .where(Payment.partner_id == tenant.partner_id, Payment.reverses_payment_id.in_(ids))
            .group_by(Payment.reverses_payment_id)
        )
    }
    found = sorted(payments, key=lambda payment: payment.id, reverse=True)
    return [Held(payment.id, payment.amount + back.get(payment.id, Decimal(0))) for payment in found]


def release_excess(
    session: Session, tenant: Tenant, *, invoice_ids: Iterable[str], on: date, at: datetime
) -> dict[Account, Decimal]:
    """Put into the clients' credit what invoices are paid beyond what credit notes have left of them.

    The clients are locked already. The newest payment is taken off first. Answers what each account gained;
    one query if nothing is too much.
    """
    credits = queries.given_back(tenant)  # noqa: A001 - the trade's word
    owed = sa.func.greatest(Invoice.total + sa.func.coalesce(credits.c.amount, 0), 0)
    extra = {
        row[0]: row[1]
        for row in session.execute(
            sa.select(Invoice.id, Invoice.paid_total - owed)
            .join(credits, credits.c.invoice_id == Invoice.id)
            .where(
                Invoice.partner_id == tenant.partner_id,
                Invoice.id.in_(set(invoice_ids)),
                Invoice.paid_total > owed,
            )
        )
    }
    gained: dict[Account, Decimal] = {}
    invoices = lock_invoices(session, tenant, invoice_ids=extra) if extra else {}
    for invoice_id, invoice in invoices.items():
        payments = {
            row.id: row
            for row in queries.payments_of(session, tenant, invoice_id=invoice_id)
            if row.amount > 0
        }
        left = extra[invoice_id]
        for each in held(session, tenant, list(payments.values())):
            part = min(each.left, left)
            if part <= 0:
                continue
            take_off(
                session,
                tenant,
                payment=payments[each.payment_id],
                invoice=invoice,
                amount=part,
                on=on,
                at=at,
                to_credit=True,
            )
            left -= part
        account = (invoice.client_id, invoice.currency)
        gained[account] = gained.get(account, Decimal(0)) + extra[invoice_id]
    return gained


def close_paid(session: Session, tenant: Tenant, *, invoice_ids: Iterable[str]) -> None:
    """Say of invoices whose rest credit notes took back that what was paid is all that was owed.

    They are locked already, and `release_excess` has seen to what was paid beyond that; one query if there
    is none.
    """
    credits = queries.given_back(tenant)  # noqa: A001 - the trade's word
    paid = session.scalars(
        sa.select(Invoice.id)
        .join(credits, credits.c.invoice_id == Invoice.id)
        .where(
            Invoice.partner_id == tenant.partner_id,
            Invoice.id.in_(set(invoice_ids)),
            Invoice.kind == "invoice",
            Invoice.state == "issued",
            Invoice.paid_total > 0,
            Invoice.paid_total >= Invoice.total + credits.c.amount,
        )
    ).all()
    for invoice in lock_invoices(session, tenant, invoice_ids=paid).values() if paid else ():
        invoice.state = "paid"
        session.flush()
        outbox.publish(session, tenant, "invoice.paid", invoice_id=invoice.id)


def _state(invoice: Invoice, *, given_back: Decimal) -> str:
    left = invoice.total + given_back
    if given_back and left <= 0:
        return "credited"
    return "paid" if invoice.paid_total >= left else "issued"

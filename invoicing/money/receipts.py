"""Money that came in: recorded once, put to invoices, the rest to the client's credit; reversed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from haas import outbox
from haas.calendar import ONE_DAY
from haas.crash import crashpoint
from haas.errors import Conflict, InvalidInput, NotFound
from haas.ids import new_id
from haas.tenancy.scope import Tenant, scoped
from invoicing import queries
from invoicing.models import Payment
from invoicing.money.entries import Standing, add_entry, lock_client, standings
from invoicing.money.models import Receipt, ReceiptReversal
from invoicing.money.paying import BY_BALANCE, checked_amount, held, lock_invoices, pay, take_off
from invoicing.money.queries import (
    credit_of_receipt,
    find_receipt,
    get_receipt,
    going_back_of,
    payments_of_receipt,
    reversals_of,
)
from invoicing.money.reversing import ReversalPlan, plan_reversal
from invoicing.open_items import oldest_first

TO_CREDIT, REFUSED = "credit", "refuse"  # what is done with money that no invoice takes
_NOTHING = Decimal(0)


class ReferenceTaken(Conflict):
    """The reference is another receipt's."""

    code = "reference_taken"


class RefundUnderWay(Conflict):
    """The provider was asked to give it back, and has not said what became of that."""

    code = "refund_under_way"


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
    allocations: Mapping[str, Decimal] | None,
    source: str,
    at: datetime,
    excess: str = TO_CREDIT,
    fee: Decimal = _NOTHING,
    provider: str = "",
    provider_id: str | None = None,
) -> Receipt:
    """Note money received and put it to invoices; what is left over is the client's credit.

    :param allocations: how much goes to which invoice, by id; none puts it to the oldest first.
    :param reference: the bank's or provider's. The same money told again answers the receipt that is there.
    :param excess: whether what no invoice takes goes to the `credit`, or the receipt is to `refuse` it.
    :param fee: what bank or provider kept of it; the amount is what the client paid.
    :raises InvalidInput: if more goes to an invoice than is open, or it is another client's or currency's.
    :raises ReferenceTaken: if the reference is that of a receipt of another client or amount.
    """
    reference = reference.strip()
    _check(amount=amount, currency=currency, fee=fee, received_on=received_on, reference=reference, at=at)
    lock_client(session, tenant, client_id=client_id)
    if (known := find_receipt(session, tenant, reference=reference)) is not None:
        return _same(known, client_id=client_id, amount=amount, currency=currency)
    if allocations is None:
        items = queries.open_items(session, tenant, client_id=client_id)
        allocations = oldest_first(amount, [item for item in items if item.currency == currency])
    rest = _check_parts(amount, currency, allocations, excess=excess)
    receipt = Receipt(
        partner_id=tenant.partner_id,
        id=new_id("rcp"),
        client_id=client_id,
        amount=amount,
        currency=currency,
        received_on=received_on,
        method=method,
        reference=reference,
        source=source,
        provider=provider,
        provider_id=provider_id,
        fee=fee,
        recorded_at=at,
        actor=tenant.actor,
    )
    _insert(session, receipt, taken=f"A payment with the reference {reference} was recorded before.")
    crashpoint("receipt.inserted")
    _allocate(session, tenant, receipt=receipt, allocations=allocations, on=received_on, at=at)
    if rest:
        add_entry(
            session,
            tenant,
            account=(client_id, currency),
            kind="overpayment",
            amount=rest,
            on=received_on,
            at=at,
            receipt_id=receipt.id,
        )
    outbox.publish(session, tenant, "receipt.recorded", receipt_id=receipt.id)
    crashpoint("receipt.allocated")
    return receipt


def reverse_receipt(
    session: Session,
    tenant: Tenant,
    *,
    receipt_id: str,
    amount: Decimal | None,
    reason: str,
    on: date,
    at: datetime,
    kind: str = "returned",
    reference: str = "",
    fee: Decimal = _NOTHING,
    by_provider: bool = False,
) -> ReceiptReversal:
    """Money of a receipt went back, or never came. The invoices that it paid are open again for as much.

    What the client has to its credit of it goes first, then the newest payment. What was refunded before is a
    shortfall: a loss, not a claim. The same `reference` again answers the reversal that is there.

    :param amount: how much; none for all that is left of the receipt.
    :param by_provider: the provider itself says that it went back: then nothing is kept for its refunds, and
        what went back twice, by a refund and by the payer's bank, is a shortfall, too.
    :raises InvalidInput: if more would go back than is left of it, unless the provider says that it did.
    :raises RefundUnderWay: if the provider may give the same money back at any moment.
    :raises ReferenceTaken: if the reference is that of another receipt's reversal.
    :raises Conflict: for money that came out of a deposit.
    """
    receipt = get_receipt(session, tenant, receipt_id=receipt_id)
    lock_client(session, tenant, client_id=receipt.client_id)
    before = reversals_of(session, tenant, receipt_id=receipt.id)
    reference = reference.strip() or f"{receipt.reference}/R{len(before) + 1}"
    for row in before:
        if row.reference == reference:
            return row
    if receipt.source == "deposit":
        raise Conflict("This came out of a deposit, whose own ledger says what it holds.")
    left = max(receipt.amount - sum((row.amount for row in before), _NOTHING), _NOTHING)
    amount = left if amount is None else amount
    if not by_provider:
        if not left:
            raise Conflict(f"All of {receipt.reference} went back already.")
        if amount > left:
            raise InvalidInput(f"Only {left} {receipt.currency} of it is left.", field="amount")
        _check_free(session, tenant, receipt=receipt, amount=amount, left=left)
    checked_amount(amount, receipt.currency)
    if fee:
        checked_amount(fee, receipt.currency, field="fee")
    if not reason.strip():
        raise InvalidInput("Say why.", field="reason")
    if on > at.date() + ONE_DAY:
        raise InvalidInput("This day lies ahead.", field="on")
    if on < receipt.received_on:
        raise InvalidInput("It came in later than that.", field="on")
    plan = _plan(session, tenant, receipt=receipt, amount=min(amount, left))
    reversal = ReceiptReversal(
        partner_id=tenant.partner_id,
        id=new_id("rev"),
        receipt_id=receipt.id,
        client_id=receipt.client_id,
        amount=amount,
        shortfall=plan.shortfall + max(amount - left, _NOTHING),
        fee=fee,
        currency=receipt.currency,
        kind=kind,
        reason=reason.strip(),
        reference=reference,
        reversed_on=on,
        recorded_at=at,
        actor=tenant.actor,
    )
    _insert(session, reversal, taken=f"The reference {reference} is that of other money that went back.")
    crashpoint("reversal.inserted")
    _carry_out(session, tenant, receipt=receipt, plan=plan, reason=reversal.reason, on=on, at=at)
    outbox.publish(session, tenant, "receipt.reversed", receipt_id=receipt.id, reversal_id=reversal.id)
    crashpoint("reversal.carried_out")
    return reversal


def preview_reversal(session: Session, tenant: Tenant, *, receipt: Receipt, amount: Decimal) -> ReversalPlan:
    """What `reverse_receipt` would take from where. Nothing is locked or written."""
    return _plan(session, tenant, receipt=receipt, amount=amount)


def release_payment(
    session: Session,
    tenant: Tenant,
    *,
    payment_id: str,
    reason: str,
    on: date,
    at: datetime,
) -> Payment:
    """Take a payment off an invoice that it was put to by mistake, into the client's credit, whole.

    :raises Conflict: if nothing of it stands there.
    """
    payment = session.scalar(scoped(Payment, tenant).where(Payment.id == payment_id, Payment.amount > 0))
    if payment is None:
        raise NotFound(f"There is no payment {payment_id}.")
    lock_client(session, tenant, client_id=payment.client_id)
    (still,) = held(session, tenant, [payment])
    if not still.left:
        raise Conflict("Nothing of this payment is on the invoice any more.")
    invoices = lock_invoices(session, tenant, invoice_ids=[payment.invoice_id])
    return take_off(
        session,
        tenant,
        payment=payment,
        invoice=invoices[payment.invoice_id],
        amount=still.left,
        on=on,
        at=at,
        to_credit=True,
        reason=reason,
    )


def note_fee(session: Session, tenant: Tenant, *, receipt_id: str, fee: Decimal) -> Receipt:
    """Say what bank or provider kept of a receipt, where that is known later. Once.

    :raises Conflict: if another fee is known already.
    """
    receipt = get_receipt(session, tenant, receipt_id=receipt_id)
    if fee < 0 or fee > receipt.amount:
        raise InvalidInput(f"A fee is between 0 and {receipt.amount}.", field="fee")
    if receipt.fee not in (_NOTHING, fee):
        raise Conflict(f"The fee of {receipt.reference} is known: {receipt.fee} {receipt.currency}.")
    receipt.fee = fee
    session.flush()
    return receipt


def _insert(session: Session, row: Receipt | ReceiptReversal, *, taken: str) -> None:
    try:
        with session.begin_nested():
            session.add(row)
            session.flush()
    except IntegrityError as other:
        raise ReferenceTaken(taken) from other


def _check(
    *, amount: Decimal, currency: str, fee: Decimal, received_on: date, reference: str, at: datetime
) -> None:
    checked_amount(amount, currency)
    if fee:
        checked_amount(fee, currency, field="fee")
    if received_on > at.date() + ONE_DAY:  # it may be tomorrow already where the partner is
        raise InvalidInput("This day lies ahead: give the day on which the money came.", field="received_on")
    if not reference:
        raise InvalidInput("Give the bank's or the provider's reference.", field="reference")


def _same(known: Receipt, *, client_id: str, amount: Decimal, currency: str) -> Receipt:
    if (known.client_id, known.amount, known.currency) != (client_id, amount, currency):
        raise ReferenceTaken(
            f"A payment with the reference {known.reference} was recorded before:"
            f" {known.amount} {known.currency} on {known.received_on}."
        )
    return known


def _check_free(
    session: Session, tenant: Tenant, *, receipt: Receipt, amount: Decimal, left: Decimal
) -> None:
    """That what is reversed is not what the provider is giving back, under the client's lock."""
    going = going_back_of(session, tenant, receipt_id=receipt.id)
    if going and amount > left - going:
        raise RefundUnderWay(
            f"The provider was asked to refund {going} {receipt.currency} of it: wait until that is settled,"
            f" or reverse at most {max(left - going, _NOTHING)}.",
            field="amount",
        )


def _check_parts(
    amount: Decimal, currency: str, allocations: Mapping[str, Decimal], *, excess: str
) -> Decimal:
    """What no invoice takes."""
    for part in allocations.values():
        checked_amount(part, currency, field="allocations")
    rest = amount - sum(allocations.values(), _NOTHING)
    if rest < 0:
        raise InvalidInput(f"More is put to invoices than came in: {-rest} {currency}.", field="allocations")
    if rest and excess == REFUSED:
        raise InvalidInput(f"{rest} {currency} of it is put to no invoice.", field="amount")
    return rest


def _allocate(
    session: Session,
    tenant: Tenant,
    *,
    receipt: Receipt,
    allocations: Mapping[str, Decimal],
    on: date,
    at: datetime,
) -> None:
    invoices = lock_invoices(session, tenant, invoice_ids=allocations) if allocations else {}
    for invoice_id, part in allocations.items():
        invoice = invoices.get(invoice_id)
        if invoice is None or invoice.client_id != receipt.client_id:
            raise InvalidInput(f"The client has no invoice {invoice_id}.", field="allocations")
        if invoice.currency != receipt.currency:
            raise InvalidInput(
                f"{invoice.number} is in {invoice.currency}, and the money in {receipt.currency}.",
                field="currency",
            )
        pay(
            session,
            tenant,
            invoice=invoice,
            amount=part,
            on=on,
            method=receipt.method,
            reference=receipt.reference,
            at=at,
            receipt_id=receipt.id,
        )


def _plan(session: Session, tenant: Tenant, *, receipt: Receipt, amount: Decimal) -> ReversalPlan:
    account = (receipt.client_id, receipt.currency)
    own = [row for row in payments_of_receipt(session, tenant, receipt_id=receipt.id) if row.amount > 0]
    applied = session.scalars(
        scoped(Payment, tenant).where(
            Payment.client_id == receipt.client_id,
            Payment.currency == receipt.currency,
            Payment.method == BY_BALANCE,
            Payment.amount > 0,
        )
    ).all()
    return plan_reversal(
        amount,
        credit_of_receipt=credit_of_receipt(session, tenant, receipt_id=receipt.id),
        balance=standings(session, tenant, client_ids=[account[0]]).get(account, Standing()).balance,
        payments=held(session, tenant, own),
        applied=held(session, tenant, applied),
    )


def _carry_out(
    session: Session,
    tenant: Tenant,
    *,
    receipt: Receipt,
    plan: ReversalPlan,
    reason: str,
    on: date,
    at: datetime,
) -> None:
    parts = [(each, False) for each in plan.taken_off] + [(each, True) for each in plan.unapplied]
    ids = [each.payment_id for each, _ in parts]
    payments = {row.id: row for row in session.scalars(scoped(Payment, tenant).where(Payment.id.in_(ids)))}
    invoices = lock_invoices(session, tenant, invoice_ids={row.invoice_id for row in payments.values()})
    for each, to_credit in parts:
        payment = payments[each.payment_id]
        take_off(
            session,
            tenant,
            payment=payment,
            invoice=invoices[payment.invoice_id],
            amount=each.left,
            on=on,
            at=at,
            to_credit=to_credit,
            reason=reason,
        )
    if plan.out_of_balance:
        add_entry(
            session,
            tenant,
            account=(receipt.client_id, receipt.currency),
            kind="reversed",
            amount=-plan.out_of_balance,
            on=on,
            at=at,
            reason=reason,
            receipt_id=receipt.id,
        )

"""Credit that goes back: asked for, carried out by bank or provider, or failed and credit again."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from haas import outbox
from haas.calendar import ONE_DAY
from haas.crash import crashpoint
from haas.errors import Conflict, InvalidInput, NotFound
from haas.ids import new_id
from haas.tenancy.scope import Tenant, scoped
from invoicing.money.entries import add_entry, lock_client
from invoicing.money.models import Refund
from invoicing.money.paying import checked_amount
from invoicing.money.queries import find_transfer_of, get_receipt, left_at_provider

ASKED, PAID, FAILED, RETURNED = "asked", "paid", "failed", "returned"
BY_BANK, BY_PROVIDER = "bank", "provider"


class RefundSettled(Conflict):
    """It was paid, or failed, before."""

    code = "refund_settled"


class RefundOrdered(Conflict):
    """It is in an order to the bank, or the provider was asked for it."""

    code = "refund_ordered"


def refund_balance(
    session: Session,
    tenant: Tenant,
    *,
    client_id: str,
    amount: Decimal,
    currency: str,
    reason: str,
    on: date,
    at: datetime,
    receipt_id: str | None = None,
    once_key: str | None = None,
) -> Refund:
    """Ask for credit to go back to the client. It leaves the balance at once.

    With the `receipt_id` of money that came by a provider, it goes back by that provider, and at most as much
    as came; otherwise it is a transfer that somebody makes at the bank. `refund.requested` tells whoever
    carries it out, who says so by `mark_paid` or `mark_failed`.

    :param once_key: a second call with the same key answers the refund that is there.
    :raises NotEnoughCredit: if there is less to the client's credit.
    """
    checked_amount(amount, currency)
    if not reason.strip():
        raise InvalidInput("Say why.", field="reason")
    lock_client(session, tenant, client_id=client_id)
    if once_key is not None:
        known = session.scalar(scoped(Refund, tenant).where(Refund.once_key == once_key))
        if known is not None:
            return known
    channel = BY_BANK
    if receipt_id is not None:
        channel = _channel(
            session, tenant, receipt_id=receipt_id, client_id=client_id, amount=amount, currency=currency
        )
    refund = Refund(
        partner_id=tenant.partner_id,
        id=new_id("rfd"),
        client_id=client_id,
        currency=currency,
        amount=amount,
        channel=channel,
        receipt_id=receipt_id,
        reason=reason.strip(),
        once_key=once_key,
        asked_on=on,
        asked_at=at,
        asked_by=tenant.actor,
    )
    session.add(refund)
    session.flush()
    crashpoint("balance_refund.inserted")
    add_entry(
        session,
        tenant,
        account=(client_id, currency),
        kind="refund",
        amount=-amount,
        on=on,
        at=at,
        reason=refund.reason,
        refund_id=refund.id,
    )
    outbox.publish(session, tenant, "refund.requested", refund_id=refund.id)
    crashpoint("balance_refund.asked")
    return refund


def mark_paid(
    session: Session,
    tenant: Tenant,
    *,
    refund_id: str,
    reference: str,
    on: date,
    at: datetime,
    by_provider: bool = False,
) -> Refund:
    """It went back. The same told again changes nothing.

    :param by_provider: the provider itself says so: nobody else knows of one that it was asked for.
    :raises RefundSettled: if it failed before.
    :raises RefundOrdered: if the provider may pay it at any moment.
    """
    refund = lock_refund(session, tenant, refund_id=refund_id)
    if refund.state == PAID:
        return refund
    _check_asked(refund)
    _check_teller(refund, by_provider=by_provider)
    if not reference.strip():
        raise InvalidInput("Give the bank's or the provider's reference.", field="reference")
    if on > at.date() + ONE_DAY:
        raise InvalidInput("This day lies ahead.", field="on")
    refund.state, refund.reference, refund.settled_on = PAID, reference.strip(), on
    session.flush()
    outbox.publish(session, tenant, "refund.paid", refund_id=refund.id)
    crashpoint("balance_refund.paid")
    return refund


def mark_failed(
    session: Session,
    tenant: Tenant,
    *,
    refund_id: str,
    failure: str,
    on: date,
    at: datetime,
    by_provider: bool = False,
) -> Refund:
    """It could not be carried out, was called off, or came back: the amount is the client's credit again.

    What was paid before is `returned` then, as of `on`, so that books which have it are told of both. The
    same told again changes nothing.

    :param by_provider: the provider itself says so: nobody else knows of one that it was asked for.
    :raises RefundOrdered: if the bank or the provider may pay it at any moment.
    """
    client_id = get_refund(session, tenant, refund_id=refund_id).client_id
    lock_client(session, tenant, client_id=client_id)
    refund = lock_refund(session, tenant, refund_id=refund_id)
    if refund.state in (FAILED, RETURNED):
        return refund
    if refund.state == PAID:
        refund.state, refund.failure, refund.returned_on = RETURNED, failure.strip(), on
    else:
        _check_teller(refund, by_provider=by_provider)
        ordered = find_transfer_of(session, tenant, refund_id=refund.id)
        if ordered is not None:
            raise RefundOrdered(
                f"The bank was ordered to pay this by {ordered}: call that order off, or note there that the"
                " bank refused it."
            )
        refund.state, refund.failure, refund.settled_on = FAILED, failure.strip(), on
    session.flush()
    add_entry(
        session,
        tenant,
        account=(refund.client_id, refund.currency),
        kind="refund_failed",
        amount=refund.amount,
        on=on,
        at=at,
        reason=refund.failure,
        refund_id=refund.id,
    )
    outbox.publish(session, tenant, "refund.failed", refund_id=refund.id)
    return refund


def get_refund(session: Session, tenant: Tenant, *, refund_id: str) -> Refund:
    """The refund.

    :raises NotFound: if this tenant has none by that id.
    """
    return _found(session.scalar(scoped(Refund, tenant).where(Refund.id == refund_id)), refund_id)


def lock_refund(session: Session, tenant: Tenant, *, refund_id: str) -> Refund:
    """The refund, locked until the transaction ends.

    :raises NotFound: if this tenant has none by that id.
    """
    statement = scoped(Refund, tenant).where(Refund.id == refund_id).with_for_update(key_share=True)
    return _found(session.scalar(statement.execution_options(populate_existing=True)), refund_id)


def lock_refunds(session: Session, tenant: Tenant, *, refund_ids: Collection[str]) -> None:
    """Many refunds, locked in the order of their ids; one query."""
    session.execute(
        scoped(Refund, tenant)
        .where(Refund.id.in_(refund_ids))
        .order_by(Refund.id)
        .with_only_columns(Refund.id)
        .with_for_update(key_share=True)
    ).all()


def _found(refund: Refund | None, refund_id: str) -> Refund:
    if refund is None:
        raise NotFound(f"There is no refund {refund_id}.")
    return refund


def _check_asked(refund: Refund) -> None:
    if refund.state != ASKED:
        raise RefundSettled(f"This refund is settled: {refund.state} on {refund.settled_on}.")


def _check_teller(refund: Refund, *, by_provider: bool) -> None:
    if refund.channel == BY_PROVIDER and not by_provider:
        raise RefundOrdered("The provider was asked to pay this: what it says settles it.")


def _channel(
    session: Session, tenant: Tenant, *, receipt_id: str, client_id: str, amount: Decimal, currency: str
) -> str:
    receipt = get_receipt(session, tenant, receipt_id=receipt_id)
    if (receipt.client_id, receipt.currency) != (client_id, currency):
        raise InvalidInput("Choose a receipt of this client in this currency.", field="receipt_id")
    if receipt.source != BY_PROVIDER:
        return BY_BANK
    left = left_at_provider(session, tenant, receipt=receipt)
    if amount > left:
        raise InvalidInput(
            f"By the provider at most {left} {currency} of this receipt can go back.", field="amount"
        )
    return BY_PROVIDER

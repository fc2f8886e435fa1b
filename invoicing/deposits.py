"""Deposits: asked on a lease, received, held, applied to an invoice, refunded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from haas import outbox
from haas.calendar import ONE_DAY
from haas.errors import Conflict, InvalidInput, NotFound
from haas.ids import new_id
from haas.money import exponent, round_places
from haas.series import take_number
from haas.tenancy.scope import Tenant, scoped
from invoicing import corrections, queries
from invoicing.deposit_models import Deposit, DepositEntry
from leases.queries import lock_lease

BY_DEPOSIT = "deposit"  # the method of a payment that came out of one


class NotEnoughHeld(InvalidInput):
    """More would leave the deposit than it holds."""

    code = "not_enough_held"


@dataclass(frozen=True, slots=True)
class Held:
    """A deposit with what it holds."""

    deposit: Deposit
    balance: Decimal


def ask_deposit(
    session: Session, tenant: Tenant, *, lease_id: str, amount: Decimal, asked_on: date, at: datetime
) -> Deposit:
    """Ask for security on a lease, in its currency. It is no invoice: nothing is owed for it.

    :raises InvalidInput: for an amount that is nothing, or finer than the currency.
    """
    lease = lock_lease(session, tenant, lease_id)
    deposit = Deposit(
        partner_id=tenant.partner_id,
        id=new_id("dep"),
        number=take_number(session, tenant, series="deposit", pattern="D-{:05d}"),
        lease_id=lease.id,
        client_id=lease.client_id,
        currency=lease.currency,
        asked=_checked(amount, lease.currency),
        asked_on=asked_on,
        created_at=at,
    )
    session.add(deposit)
    session.flush()
    return deposit


def receive(
    session: Session,
    tenant: Tenant,
    *,
    deposit_id: str,
    amount: Decimal,
    on: date,
    reference: str,
    at: datetime,
) -> DepositEntry:
    """Money came in for the deposit.

    :raises Conflict: if the same reference was recorded before.
    """
    deposit = get_deposit(session, tenant, deposit_id=deposit_id, lock=True)
    return _add(session, tenant, deposit, "received", amount, on=on, reference=reference, at=at)


def refund(
    session: Session,
    tenant: Tenant,
    *,
    deposit_id: str,
    amount: Decimal,
    on: date,
    reference: str,
    at: datetime,
) -> DepositEntry:
    """Money goes back to the client.

    :raises NotEnoughHeld: if the deposit holds less.
    """
    deposit = get_deposit(session, tenant, deposit_id=deposit_id, lock=True)
    return _add(session, tenant, deposit, "refunded", amount, on=on, reference=reference, at=at)


def apply(
    session: Session,
    tenant: Tenant,
    *,
    deposit_id: str,
    invoice_id: str,
    amount: Decimal,
    on: date,
    at: datetime,
) -> DepositEntry:
    """Pay an invoice of the same client out of the deposit, in one transaction with the payment.

    :raises NotEnoughHeld: if the deposit holds less.
    :raises InvalidInput: if less is open, or the invoice is another client's or in another currency.
    """
    deposit = get_deposit(session, tenant, deposit_id=deposit_id, lock=True)
    invoice = queries.get_invoice(session, tenant, invoice_id=invoice_id)
    if (invoice.client_id, invoice.currency) != (deposit.client_id, deposit.currency):
        raise InvalidInput("Choose an invoice of this client in this currency.", field="invoice_id")
    position = _last(session, tenant, deposit_id)[0] + 1
    entry = _add(
        session,
        tenant,
        deposit,
        "applied",
        amount,
        on=on,
        reference=f"{invoice.number}/{position}",
        invoice_id=invoice.id,
        at=at,
    )
    corrections.record_payment(
        session,
        tenant,
        invoice_id=invoice.id,
        amount=amount,
        received_on=on,
        method=BY_DEPOSIT,
        reference=f"{deposit.number}/{position}",
        at=at,
        source=BY_DEPOSIT,
    )
    return entry


def get_deposit(session: Session, tenant: Tenant, *, deposit_id: str, lock: bool = False) -> Deposit:
    """The deposit.

    :raises NotFound: if this tenant has none by that id.
    """
    statement = scoped(Deposit, tenant).where(Deposit.id == deposit_id)
    found = session.scalar(statement.with_for_update() if lock else statement)
    if found is None:
        raise NotFound(f"There is no deposit {deposit_id}.")
    return found


def entries_of(session: Session, tenant: Tenant, *, deposit_id: str) -> Sequence[DepositEntry]:
    """The deposit's ledger, oldest first."""
    return session.scalars(
        scoped(DepositEntry, tenant)
        .where(DepositEntry.deposit_id == deposit_id)
        .order_by(DepositEntry.position)
    ).all()


def list_deposits(
    tenant: Tenant, *, client_id: str | None = None, lease_id: str | None = None
) -> sa.Select[Deposit]:
    """Deposits, to be paged by the caller."""
    statement = scoped(Deposit, tenant)
    if client_id:
        statement = statement.where(Deposit.client_id == client_id)
    return statement.where(Deposit.lease_id == lease_id) if lease_id else statement


def with_balances(session: Session, tenant: Tenant, deposits: Sequence[Deposit]) -> list[Held]:
    """Each with what it holds; one query."""
    sums = session.execute(
        scoped(DepositEntry, tenant)
        .where(DepositEntry.deposit_id.in_([deposit.id for deposit in deposits]))
        .with_only_columns(DepositEntry.deposit_id, sa.func.sum(DepositEntry.amount))
        .group_by(DepositEntry.deposit_id)
    )
    held = {row[0]: row[1] for row in sums}
    return [Held(deposit, held.get(deposit.id, Decimal(0))) for deposit in deposits]


def held_of_client(
    session: Session, tenant: Tenant, *, client_id: str, until: date | None = None
) -> dict[str, Decimal]:
    """What is held of a client before a day, by currency: its statement says it."""
    statement = (
        sa.select(Deposit.currency, sa.func.sum(DepositEntry.amount))
        .join(
            DepositEntry,
            sa.and_(DepositEntry.partner_id == Deposit.partner_id, DepositEntry.deposit_id == Deposit.id),
        )
        .where(Deposit.partner_id == tenant.partner_id, Deposit.client_id == client_id)
        .group_by(Deposit.currency)
    )
    if until is not None:
        statement = statement.where(DepositEntry.on < until)
    return {currency: amount for currency, amount in session.execute(statement) if amount}


def _last(session: Session, tenant: Tenant, deposit_id: str) -> tuple[int, Decimal]:
    row = session.execute(
        scoped(DepositEntry, tenant)
        .where(DepositEntry.deposit_id == deposit_id)
        .with_only_columns(DepositEntry.position, DepositEntry.balance_after)
        .order_by(DepositEntry.position.desc())
        .limit(1)
    ).first()
    return (row[0], row[1]) if row else (0, Decimal(0))


def _add(
    session: Session,
    tenant: Tenant,
    deposit: Deposit,
    kind: str,
    amount: Decimal,
    *,
    on: date,
    reference: str,
    at: datetime,
    invoice_id: str | None = None,
) -> DepositEntry:
    checked = _checked(amount, deposit.currency)
    if on > at.date() + ONE_DAY:  # it may be tomorrow already where the partner is
        raise InvalidInput("This day lies ahead.", field="on")
    if not reference.strip():
        raise InvalidInput("Give the bank's or the provider's reference.", field="reference")
    position, balance = _last(session, tenant, deposit.id)
    signed = checked if kind == "received" else -checked
    if balance + signed < 0:
        raise NotEnoughHeld(f"Only {balance} {deposit.currency} of it is held.", field="amount")
    entry = DepositEntry(
        partner_id=tenant.partner_id,
        id=new_id("den"),
        deposit_id=deposit.id,
        client_id=deposit.client_id,
        position=position + 1,
        position_before=position or None,
        kind=kind,
        amount=signed,
        balance_before=balance,
        balance_after=balance + signed,
        on=on,
        reference=reference.strip(),
        invoice_id=invoice_id,
        recorded_at=at,
        actor=tenant.actor,
    )
    try:
        with session.begin_nested():
            session.add(entry)
            session.flush()
    except IntegrityError as twice:
        raise Conflict(f"{reference} was recorded before for this deposit.") from twice
    outbox.publish(session, tenant, f"deposit.{kind}", deposit_id=deposit.id, entry_id=entry.id)
    return entry


def _checked(amount: Decimal, currency: str) -> Decimal:
    if amount <= 0:
        raise InvalidInput("The amount is more than 0.", field="amount")
    if round_places(amount, exponent(currency)) != amount:
        raise InvalidInput(f"{currency} has {exponent(currency)} decimals.", field="amount")
    return amount

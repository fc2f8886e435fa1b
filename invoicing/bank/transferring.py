"""Refunds by bank: what is to be paid and to which account, and the order that the bank gets (pain.001)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from stdnum import iban as iban_number

from haas import outbox
from haas.errors import Conflict, InvalidInput, NotFound
from haas.files import get_file, store_file
from haas.ids import new_id
from haas.series import take_number
from haas.tenancy.models import Client
from haas.tenancy.scope import Tenant, scoped
from invoicing.bank import accounts
from invoicing.bank.models import BankBooking, BankLine
from invoicing.bank.pain import OwnSide, Transfer, transfers
from invoicing.bank.target_days import target_day_from
from invoicing.bank.transfer_models import CANCELLED, ORDERED, SETTLED, TransferItem, TransferOrder
from invoicing.mandate_models import ACTIVE, SepaMandate
from invoicing.money.models import Refund
from invoicing.money.refunds import ASKED, BY_BANK
from invoicing.references import reference_key

_KIND = "transfer_order"


@dataclass(frozen=True, slots=True)
class Payable:
    """A refund that waits for the bank, with the account that is known of its client; empty if none is."""

    refund: Refund
    name: str
    iban: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Payee:
    """To whom a refund is paid."""

    refund_id: str
    name: str
    iban: str


def payable(session: Session, tenant: Tenant, *, most: int = 500) -> list[Payable]:
    """Refunds in EUR that somebody has to pay at the bank and that are in no order, oldest first; 4 queries.

    The account is that of the client's mandate, else the one from which it paid last.
    """
    ordered = (
        sa.select(TransferItem.id)
        .where(
            TransferItem.partner_id == Refund.partner_id,
            TransferItem.refund_id == Refund.id,
            TransferItem.state.in_((ORDERED, SETTLED)),
        )
        .exists()
    )
    refunds = session.scalars(
        scoped(Refund, tenant)
        .where(Refund.channel == BY_BANK, Refund.state == ASKED, Refund.currency == "EUR", ~ordered)
        .order_by(Refund.id)
        .limit(most)
    ).all()
    ids = {row.client_id for row in refunds}
    known = _paid_from(session, tenant, client_ids=ids) | _by_mandate(session, tenant, client_ids=ids)
    clients = session.scalars(scoped(Client, tenant).where(Client.id.in_(ids)))
    names = {row.id: row.printed_name for row in clients}
    return [Payable(row, *known.get(row.client_id, (names[row.client_id], ""))) for row in refunds]


def order_transfers(
    session: Session,
    tenant: Tenant,
    *,
    account_id: str,
    payees: Sequence[Payee],
    pay_on: date,
    today: date,
    at: datetime,
) -> TransferOrder:
    """Order refunds on a day that TARGET settles; the file is kept with the order.

    :raises InvalidInput: if the day is past or no such day, an IBAN is wrong, or a refund cannot be paid so.
    :raises Conflict: if a refund came into another order meanwhile.
    """
    account = accounts.get_account(session, tenant, account_id=account_id)
    if account.currency != "EUR":
        raise InvalidInput("SEPA pays from an account in EUR.", field="account_id")
    _check_day(pay_on, today=today)
    refunds = _lock_refunds(session, tenant, refund_ids={payee.refund_id for payee in payees})
    if not payees or len(refunds) != len(payees):
        raise InvalidInput(
            "Some of these refunds cannot be paid by an order: settled, by a provider, or not in EUR.",
            field="payees",
        )
    for place, payee in enumerate(payees, start=1):
        if not payee.name.strip():
            raise InvalidInput(f"Line {place}: name the holder of the account.", field="payees")
        if not iban_number.is_valid(payee.iban):
            raise InvalidInput(f"Line {place}, {payee.name}: this IBAN is wrong.", field="payees")
    number = take_number(session, tenant, series=f"TRF-{today.year}", pattern=f"TRF-{today.year}-{{:05d}}")
    orders = [
        Transfer(
            end_to_end_id=f"{number}-{place}",
            name=payee.name,
            iban=reference_key(payee.iban),
            amount=refunds[payee.refund_id].amount,
            text=f"{number} {refunds[payee.refund_id].reason}",
        )
        for place, payee in enumerate(payees, start=1)
    ]
    content = transfers(
        orders,
        own=OwnSide(name=account.holder, iban=account.number, bic=account.bic),
        message_id=number,
        pay_on=pay_on,
        created_at=at,
    )
    stored = store_file(
        session, tenant, kind=_KIND, name=f"{number}.xml", media_type="application/xml", content=content
    )
    made = TransferOrder(
        partner_id=tenant.partner_id,
        id=new_id("tro"),
        number=number,
        account_id=account.id,
        pay_on=pay_on,
        total=sum((order.amount for order in orders), Decimal(0)),
        file_id=stored.id,
        created_at=at,
        actor=tenant.actor,
        sent_at=None,
        cancelled_at=None,
    )
    try:
        with session.begin_nested():
            session.add(made)
            session.flush()
            session.add_all(
                TransferItem(
                    partner_id=tenant.partner_id,
                    id=new_id("tri"),
                    order_id=made.id,
                    refund_id=payee.refund_id,
                    client_id=refunds[payee.refund_id].client_id,
                    amount=order.amount,
                    name=order.name,
                    iban=order.iban,
                    end_to_end_id=order.end_to_end_id,
                )
                for payee, order in zip(payees, orders, strict=True)
            )
            session.flush()
    except IntegrityError as rival:
        raise Conflict("A refund came into another order meanwhile: look again.") from rival
    outbox.publish(session, tenant, "transfer.ordered", order_id=made.id)
    return made


def mark_sent(session: Session, tenant: Tenant, *, order_id: str, at: datetime) -> TransferOrder:
    """The file went to the bank: the order is not called off here any more. A second time changes nothing.

    :raises Conflict: if it was called off.
    """
    made = lock_order(session, tenant, order_id=order_id)
    if made.cancelled_at is not None:
        raise Conflict(f"{made.number} was called off: order its refunds anew.")
    if made.sent_at is None:
        made.sent_at, made.sent_by = at, tenant.actor
        session.flush()
    return made


def cancel_order(session: Session, tenant: Tenant, *, order_id: str, at: datetime) -> TransferOrder:
    """The file was not sent: its refunds can be ordered again.

    :raises Conflict: if it was sent, or the bank has paid any of it.
    """
    made = lock_order(session, tenant, order_id=order_id)
    if made.sent_at is not None:
        raise Conflict(f"{made.number} was sent: the bank says what becomes of it.")
    items = items_of(session, tenant, order_id=made.id, lock=True)  # the bank's statement locks no order
    if any(item.state not in (ORDERED, CANCELLED) for item in items):
        raise Conflict(f"The bank has paid of {made.number} already.")
    for item in items:
        item.state = CANCELLED
    made.cancelled_at = made.cancelled_at or at
    session.flush()
    return made


def list_orders(tenant: Tenant) -> sa.Select[TransferOrder]:
    """Orders, to be paged by the caller."""
    return scoped(TransferOrder, tenant)


def get_order(session: Session, tenant: Tenant, *, order_id: str) -> TransferOrder:
    """The order.

    :raises NotFound: if this tenant has none by that id.
    """
    return _found(session, scoped(TransferOrder, tenant), order_id)


def lock_order(session: Session, tenant: Tenant, *, order_id: str) -> TransferOrder:
    """The order, which nobody else changes until the transaction ends."""
    statement = scoped(TransferOrder, tenant).with_for_update().execution_options(populate_existing=True)
    return _found(session, statement, order_id)


def items_of(
    session: Session, tenant: Tenant, *, order_id: str, lock: bool = False
) -> Sequence[TransferItem]:
    """What it pays, in the order of the file; locked if it is to be changed."""
    statement = (
        scoped(TransferItem, tenant).where(TransferItem.order_id == order_id).order_by(TransferItem.id)
    )
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return session.scalars(statement).all()


def file_of(session: Session, tenant: Tenant, *, made: TransferOrder) -> bytes:
    """The very bytes that were made for the bank."""
    return get_file(session, tenant, file_id=made.file_id).content


def _lock_refunds(session: Session, tenant: Tenant, *, refund_ids: set[str]) -> dict[str, Refund]:
    """By id, those that a bank is to pay in EUR; locked, so that none is settled otherwise meanwhile."""
    found = session.scalars(
        scoped(Refund, tenant)
        .where(
            Refund.id.in_(refund_ids),
            Refund.channel == BY_BANK,
            Refund.state == ASKED,
            Refund.currency == "EUR",
        )
        .order_by(Refund.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return {row.id: row for row in found}


def _by_mandate(session: Session, tenant: Tenant, *, client_ids: set[str]) -> dict[str, tuple[str, str]]:
    rows = session.scalars(
        scoped(SepaMandate, tenant).where(SepaMandate.client_id.in_(client_ids), SepaMandate.state == ACTIVE)
    )
    return {row.client_id: (row.holder, row.iban) for row in rows}


def _paid_from(session: Session, tenant: Tenant, *, client_ids: set[str]) -> dict[str, tuple[str, str]]:
    rows = session.execute(
        sa.select(BankBooking.client_id, BankLine.counterparty_name, BankLine.counterparty_iban)
        .join(
            BankLine,
            sa.and_(BankLine.partner_id == BankBooking.partner_id, BankLine.id == BankBooking.line_id),
        )
        .where(
            BankBooking.partner_id == tenant.partner_id,
            BankBooking.client_id.in_(client_ids),
            BankBooking.undone_at.is_(None),
            BankLine.amount > 0,
            BankLine.counterparty_iban != "",
        )
        .ext(distinct_on(BankBooking.client_id))
        .order_by(BankBooking.client_id, BankLine.booked_on.desc(), BankLine.id.desc())
    )
    return {row[0]: (row[1], row[2]) for row in rows}


def _check_day(day: date, *, today: date) -> None:
    if target_day_from(day) != day:
        raise InvalidInput(
            f"TARGET is closed on that day: the next open one is {target_day_from(day)}.", field="pay_on"
        )
    if day < today:
        raise InvalidInput("This day is past.", field="pay_on")


def _found(session: Session, statement: sa.Select[TransferOrder], order_id: str) -> TransferOrder:
    found = session.scalar(statement.where(TransferOrder.id == order_id))
    if found is None:
        raise NotFound(f"There is no order {order_id}.")
    return found

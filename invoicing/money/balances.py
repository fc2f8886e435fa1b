"""What a client has to its credit: read, granted, put to an invoice by hand, or to all that a run issues."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from haas import outbox
from haas.errors import Conflict, InvalidInput
from haas.ids import new_id
from haas.tenancy.scope import Tenant, scoped
from invoicing import queries
from invoicing.bulk import insert_rows
from invoicing.models import Payment
from invoicing.money.entries import (
    Account,
    NotEnoughCredit,
    Standing,
    add_entry,
    entry_row,
    lock_client,
    lock_clients,
    standings,
)
from invoicing.money.models import BalanceEntry
from invoicing.money.paying import BY_BALANCE, checked_amount, lock_invoices, pay

_NOTHING = Decimal(0)


def balance_of(session: Session, tenant: Tenant, *, client_id: str) -> dict[str, Decimal]:
    """The client's credit by currency, where there is any; one query."""
    found = standings(session, tenant, client_ids=[client_id])
    return {currency: row.balance for (_, currency), row in sorted(found.items()) if row.balance}


def grant(
    session: Session,
    tenant: Tenant,
    *,
    client_id: str,
    amount: Decimal,
    currency: str,
    reason: str,
    on: date,
    at: datetime,
    once_key: str | None = None,
) -> BalanceEntry:
    """Give the client credit by goodwill; the next invoice is paid out of it.

    :param once_key: a second call with the same key answers the entry that is there.
    """
    checked_amount(amount, currency)
    if not reason.strip():
        raise InvalidInput("Say why; the client reads it.", field="reason")
    lock_client(session, tenant, client_id=client_id)
    if once_key is not None:
        known = session.scalar(scoped(BalanceEntry, tenant).where(BalanceEntry.once_key == once_key))
        if known is not None:
            return known
    entry = add_entry(
        session,
        tenant,
        account=(client_id, currency),
        kind="goodwill",
        amount=amount,
        on=on,
        at=at,
        reason=reason.strip(),
        once_key=once_key,
    )
    outbox.publish(session, tenant, "balance.granted", entry_id=entry.id, client_id=client_id)
    return entry


def apply_to_invoice(
    session: Session,
    tenant: Tenant,
    *,
    invoice_id: str,
    on: date,
    at: datetime,
    amount: Decimal | None = None,
) -> Payment:
    """Pay an invoice out of the client's credit: as much as is open and there is, or `amount` of it.

    :raises NotEnoughCredit: if there is less than that.
    :raises InvalidInput: if less is open.
    """
    client_id = queries.get_invoice(session, tenant, invoice_id=invoice_id).client_id
    lock_client(session, tenant, client_id=client_id)
    invoice = lock_invoices(session, tenant, invoice_ids=[invoice_id])[invoice_id]
    still_open = queries.open_amount(session, tenant, invoice=invoice)
    if invoice.kind != "invoice" or not still_open:
        raise Conflict(f"Nothing of {invoice.number} is open.")
    credit = balance_of(session, tenant, client_id=client_id).get(invoice.currency, _NOTHING)
    if amount is None:
        amount = min(still_open, credit)
        if not amount:
            raise NotEnoughCredit(f"The client has no credit in {invoice.currency}.", field="amount")
    checked_amount(amount, invoice.currency)
    entry = add_entry(
        session,
        tenant,
        account=(client_id, invoice.currency),
        kind="applied",
        amount=-amount,
        on=on,
        at=at,
        invoice_id=invoice.id,
    )
    return pay(
        session,
        tenant,
        invoice=invoice,
        amount=amount,
        on=entry.happened_on,
        method=BY_BALANCE,
        reference=invoice.number,
        at=at,
        balance_entry_id=entry.id,
    )


@dataclass(slots=True)
class CreditInHand:
    """The credit of many clients while their invoices are being issued: used up paper by paper."""

    standings: dict[Account, Standing] = field(default_factory=dict)
    entries: list[dict[str, Any]] = field(default_factory=list)
    payments: list[dict[str, Any]] = field(default_factory=list)

    def left(self, client_id: str, currency: str) -> Decimal:
        """What is still there."""
        return self.standings.get((client_id, currency), Standing()).balance

    def use(
        self,
        tenant: Tenant,
        *,
        invoice_id: str,
        number: str,
        client_id: str,
        currency: str,
        total: Decimal,
        on: date,
        at: datetime,
    ) -> Decimal:
        """Put what is there to a new invoice; how much that is. The rows are written by `write_applied`."""
        account = (client_id, currency)
        amount = min(self.left(client_id, currency), total)
        if amount <= 0:
            return _NOTHING
        entry, self.standings[account] = entry_row(
            tenant,
            self.standings[account],
            account=account,
            kind="applied",
            amount=-amount,
            on=on,
            at=at,
            invoice_id=invoice_id,
        )
        self.entries.append(entry)
        self.payments.append(
            {
                "partner_id": tenant.partner_id,
                "id": new_id("pay"),
                "invoice_id": invoice_id,
                "client_id": client_id,
                "amount": amount,
                "currency": currency,
                "received_on": entry["happened_on"],
                "method": BY_BALANCE,
                "reference": number,
                "receipt_id": None,
                "balance_entry_id": entry["id"],
                "reverses_payment_id": None,
                "recorded_at": at,
                "actor": tenant.actor,
            }
        )
        return amount


def take_in_hand(
    session: Session, tenant: Tenant, *, client_ids: Iterable[str], also_lock: Iterable[str] = ()
) -> CreditInHand:
    """Lock the clients that have credit, and read it. One query where none has any.

    :param also_lock: clients whose invoices are about to be credited, which may give them credit.
    """
    ids = set(client_ids)
    has_credit = {
        client_id for (client_id, _), row in standings(session, tenant, client_ids=ids).items() if row.balance
    }
    to_lock = has_credit | set(also_lock)
    if not to_lock:
        return CreditInHand()
    lock_clients(session, tenant, client_ids=to_lock)
    # Somebody may have used it between the look and the lock.
    return CreditInHand(standings(session, tenant, client_ids=has_credit) if has_credit else {})


def write_applied(session: Session, tenant: Tenant, *, used: CreditInHand, at: datetime) -> None:
    """Write what was used of it, set-based, after the invoices themselves."""
    insert_rows(session, BalanceEntry, used.entries)
    insert_rows(session, Payment, used.payments)
    insert_rows(session, outbox.OutboxEvent, _events(tenant, used.payments, at=at))


def _events(tenant: Tenant, payments: Sequence[Mapping[str, Any]], *, at: datetime) -> list[dict[str, Any]]:
    return [
        outbox.event_row(
            tenant,
            "payment.recorded",
            {"payment_id": row["id"], "invoice_id": row["invoice_id"]},
            once_key=f"paid:{row['id']}",
            at=at,
        )
        for row in payments
    ]

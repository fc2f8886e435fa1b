"""The clients' credit as a ledger: rows that stand one on the other, written under the client's lock.

Whatever moves a client's money locks the client first, and invoices after it in the order of their ids: so
two receipts, or a receipt and a billing run, wait for one another and never in a circle.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from haas.errors import InvalidInput, NotFound
from haas.ids import new_id
from haas.tenancy.models import Client
from haas.tenancy.scope import Tenant, scoped
from invoicing.bulk import among
from invoicing.money.models import BalanceEntry

Account = tuple[str, str]  # client id, currency
_SPENT = ("applied", "refund")  # by our own choice of a day; what the bank took back, it took on its own


class NotEnoughCredit(InvalidInput):
    """More would leave the credit than there is."""

    code = "not_enough_credit"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an account stands: the position of its newest row, the balance after it, the last day of any."""

    position: int = 0
    balance: Decimal = Decimal(0)
    last_on: date = date.min


def lock_client(session: Session, tenant: Tenant, *, client_id: str) -> Client:
    """The client, locked until the transaction ends.

    :raises NotFound: if this tenant has none by that id.
    """
    client = session.scalar(
        scoped(Client, tenant)
        .where(Client.id == client_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if client is None:
        raise NotFound(f"There is no client {client_id}.")
    return client


def lock_clients(session: Session, tenant: Tenant, *, client_ids: Iterable[str]) -> None:
    """Many clients, locked in the order of their ids; one query."""
    session.execute(
        sa.select(Client.id)
        .where(Client.partner_id == tenant.partner_id, among(Client.id, client_ids))
        .order_by(Client.id)
        .with_for_update(key_share=True)
    ).all()


def standings(session: Session, tenant: Tenant, *, client_ids: Iterable[str]) -> dict[Account, Standing]:
    """Where the clients' accounts stand, of those that have any row; one query."""
    newest = (
        sa.select(
            BalanceEntry.client_id,
            BalanceEntry.currency,
            BalanceEntry.position,
            BalanceEntry.balance_after,
            # Money may be told of late: the newest row's day is not always the last.
            sa.func.max(BalanceEntry.happened_on).over(
                partition_by=(BalanceEntry.client_id, BalanceEntry.currency)
            ),
        )
        .where(BalanceEntry.partner_id == tenant.partner_id, among(BalanceEntry.client_id, client_ids))
        .ext(distinct_on(BalanceEntry.client_id, BalanceEntry.currency))
        .order_by(BalanceEntry.client_id, BalanceEntry.currency, BalanceEntry.position.desc())
    )
    return {(row[0], row[1]): Standing(*row[2:]) for row in session.execute(newest)}


def entry_row(
    tenant: Tenant,
    standing: Standing,
    *,
    account: Account,
    kind: str,
    amount: Decimal,
    on: date,
    at: datetime,
    reason: str = "",
    receipt_id: str | None = None,
    invoice_id: str | None = None,
    refund_id: str | None = None,
    once_key: str | None = None,
) -> tuple[dict[str, Any], Standing]:
    """The row that stands on `standing`, and where the account stands after it.

    What is spent is spent on the day on which it is there: an invoice of the first is paid on the tenth out
    of credit of the tenth, so that at the end of no day there was less than nothing.

    :raises NotEnoughCredit: if the balance would fall below nothing.
    """
    client_id, currency = account
    if kind in _SPENT:
        on = max(on, standing.last_on)
    after = Standing(standing.position + 1, standing.balance + amount, max(on, standing.last_on))
    if after.balance < 0:
        raise NotEnoughCredit(f"The credit is {standing.balance} {currency}.", field="amount")
    row = {
        "partner_id": tenant.partner_id,
        "id": new_id("bal"),
        "client_id": client_id,
        "currency": currency,
        "position": after.position,
        "position_before": standing.position or None,
        "kind": kind,
        "amount": amount,
        "balance_before": standing.balance,
        "balance_after": after.balance,
        "happened_on": on,
        "reason": reason,
        "receipt_id": receipt_id,
        "invoice_id": invoice_id,
        "refund_id": refund_id,
        "once_key": once_key,
        "recorded_at": at,
        "actor": tenant.actor,
    }
    return row, after


def add_entry(
    session: Session,
    tenant: Tenant,
    *,
    account: Account,
    kind: str,
    amount: Decimal,
    on: date,
    at: datetime,
    **told: str | None,
) -> BalanceEntry:
    """Move the credit of a client that is locked. `told` is what `entry_row` takes beside.

    :raises NotEnoughCredit: if the balance would fall below nothing.
    """
    standing = standings(session, tenant, client_ids=[account[0]]).get(account, Standing())
    row, _ = entry_row(
        tenant,
        standing,
        account=account,
        kind=kind,
        amount=amount,
        on=on,
        at=at,
        **told,  # type: ignore[arg-type]
    )
    entry = BalanceEntry(**row)
    session.add(entry)
    session.flush()
    return entry

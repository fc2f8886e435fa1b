"""What holds reminders and automatic charges back: disputes, promises, and pauses by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.errors import Conflict, InvalidInput, NotFound
from haas.ids import new_id
from haas.money import exponent
from haas.tenancy.models import Client
from haas.tenancy.scope import Tenant, scoped
from invoicing import queries
from invoicing.holds.models import PAUSE_KINDS, DunningPause, InvoiceDispute
from invoicing.models import Invoice


@dataclass(frozen=True, slots=True)
class Held:
    """Why an invoice is left alone today, by client and by invoice; the reason in words for people."""

    clients: dict[str, str] = field(default_factory=dict)
    invoices: dict[str, str] = field(default_factory=dict)

    def why(self, *, client_id: str, invoice_id: str) -> str | None:
        """Why it is left alone; none if it is not."""
        return self.invoices.get(invoice_id) or self.clients.get(client_id)


def held_on(session: Session, tenant: Tenant, *, today: date, client_id: str | None = None) -> Held:
    """What is held back today, of one client or of all; two queries."""
    pauses = scoped(DunningPause, tenant).where(_lasts(today))
    disputes = scoped(InvoiceDispute, tenant).where(InvoiceDispute.state == "open")
    if client_id is not None:
        pauses = pauses.where(DunningPause.client_id == client_id)
        disputes = disputes.where(InvoiceDispute.client_id == client_id)
    held = Held()
    for pause in session.scalars(pauses.order_by(DunningPause.id)):
        if pause.invoice_id is None:
            held.clients[pause.client_id] = pause.kind
        else:
            held.invoices[pause.invoice_id] = pause.kind
    for dispute in session.scalars(disputes):
        held.invoices[dispute.invoice_id] = "dispute"
    return held


def not_held(*, today: date) -> list[sa.ColumnElement[bool]]:
    """Conditions of a query over `Invoice`: neither disputed, nor promised, nor paused today."""
    paused = (
        sa.select(DunningPause.id)
        .where(
            DunningPause.partner_id == Invoice.partner_id,
            DunningPause.client_id == Invoice.client_id,
            sa.or_(DunningPause.invoice_id.is_(None), DunningPause.invoice_id == Invoice.id),
            _lasts(today),
        )
        .exists()
    )
    disputed = (
        sa.select(InvoiceDispute.id)
        .where(
            InvoiceDispute.partner_id == Invoice.partner_id,
            InvoiceDispute.invoice_id == Invoice.id,
            InvoiceDispute.state == "open",
        )
        .exists()
    )
    return [~paused, ~disputed]


def pause(
    session: Session,
    tenant: Tenant,
    *,
    client_id: str,
    kind: str,
    reason: str,
    until: date | None,
    today: date,
    at: datetime,
    invoice_id: str | None = None,
    amount: Decimal | None = None,
) -> DunningPause:
    """Remind and charge nobody for this client or invoice, until the last day `until` if there is one.

    :raises NotFound: if the client or invoice is not there.
    :raises InvalidInput: for a promise without a day or for more than is open, or a day that is past.
    """
    client = session.scalar(scoped(Client, tenant).where(Client.id == client_id))
    if client is None:
        raise NotFound(f"There is no client {client_id}.")
    if kind not in PAUSE_KINDS:
        raise InvalidInput(f"Use one of {', '.join(PAUSE_KINDS)}.", field="kind")
    if kind == "promise" and until is None:
        raise InvalidInput("Say until when payment is promised.", field="until")
    if until is not None and until < today:
        raise InvalidInput("Choose today or a later day.", field="until")
    if not reason.strip():
        raise InvalidInput("Say why, for those who look at it later.", field="reason")
    if amount is not None and (amount <= 0 or round(amount, exponent(client.currency)) != amount):
        raise InvalidInput(f"{amount} is no amount of {client.currency}.", field="amount")
    if invoice_id is not None:
        invoice = queries.get_invoice(session, tenant, invoice_id=invoice_id)
        if invoice.client_id != client_id:
            raise NotFound(f"There is no invoice {invoice_id} of this client.")
    made = DunningPause(
        partner_id=tenant.partner_id,
        id=new_id("dpa"),
        client_id=client_id,
        invoice_id=invoice_id,
        kind=kind,
        until=until,
        amount=amount,
        reason=reason.strip(),
        recorded_at=at,
        actor=tenant.actor,
    )
    session.add(made)
    session.flush()
    return made


def resume(session: Session, tenant: Tenant, *, pause_id: str, at: datetime) -> DunningPause:
    """End a pause now. A second call changes nothing."""
    found = session.scalar(scoped(DunningPause, tenant).where(DunningPause.id == pause_id).with_for_update())
    if found is None:
        raise NotFound(f"There is no pause {pause_id}.")
    if found.ended_at is None:
        found.ended_at, found.ended_by = at, tenant.actor
        session.flush()
    return found


def pauses_of(session: Session, tenant: Tenant, *, client_id: str, today: date) -> list[DunningPause]:
    """What holds for this client or one of its invoices today, the latest first."""
    statement = scoped(DunningPause, tenant).where(DunningPause.client_id == client_id, _lasts(today))
    return list(session.scalars(statement.order_by(DunningPause.id.desc())))


def require_open(invoice: Invoice) -> None:
    """Whether there is anything to ask for.

    :raises Conflict: for a credit note, or an invoice that is settled.
    """
    if invoice.kind != "invoice" or invoice.state != "issued":
        raise Conflict(f"Nothing is to be paid for {invoice.number}.")


def _lasts(today: date) -> sa.ColumnElement[bool]:
    """A pause that nobody ended, and whose last day, if it has one, is not over."""
    return sa.and_(
        DunningPause.ended_at.is_(None), sa.or_(DunningPause.until.is_(None), DunningPause.until >= today)
    )

"""A client says that an invoice is wrong; somebody decides. Meanwhile nobody asks for the money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from haas import outbox
from haas.errors import Conflict, InvalidInput, NotFound
from haas.ids import new_id
from haas.money import exponent
from haas.tenancy.scope import Tenant, scoped
from invoicing import corrections, queries
from invoicing.holds.held import require_open
from invoicing.holds.models import DISPUTE_REASONS, InvoiceDispute

WORDS_MAX = 4000


class AlreadyDisputed(Conflict):
    """One dispute is open for this invoice."""

    code = "already_disputed"


def open_dispute(
    session: Session,
    tenant: Tenant,
    *,
    invoice_id: str,
    reason: str,
    words: str,
    at: datetime,
    amount: Decimal | None = None,
) -> InvoiceDispute:
    """Say what is wrong with an invoice; `amount` of its total, or all of it.

    :raises AlreadyDisputed: if a dispute about it is open.
    :raises InvalidInput: for a reason that is none, no words, or more than the invoice's total.
    """
    invoice = queries.lock_invoice(session, tenant, invoice_id=invoice_id)
    require_open(invoice)
    if reason not in DISPUTE_REASONS:
        raise InvalidInput(f"Use one of {', '.join(DISPUTE_REASONS)}.", field="reason")
    said = words.strip()
    if not said or len(said) > WORDS_MAX:
        raise InvalidInput(f"Say what is wrong, in at most {WORDS_MAX:,} characters.", field="words")
    if amount is not None and (
        not 0 < amount <= invoice.total or round(amount, exponent(invoice.currency)) != amount
    ):
        raise InvalidInput(f"Give an amount of {invoice.currency} up to {invoice.total}.", field="amount")
    made = InvoiceDispute(
        partner_id=tenant.partner_id,
        id=new_id("dis"),
        client_id=invoice.client_id,
        invoice_id=invoice.id,
        reason=reason,
        words=said,
        amount=amount,
        opened_at=at,
        opened_by=tenant.actor,
    )
    try:
        with session.begin_nested():
            session.add(made)
            session.flush()
    except IntegrityError as twice:
        raise AlreadyDisputed(f"A dispute about {invoice.number} is open already.") from twice
    outbox.publish(session, tenant, "invoice.disputed", dispute_id=made.id, invoice_id=invoice.id)
    return made


def get_dispute(session: Session, tenant: Tenant, *, dispute_id: str, lock: bool = False) -> InvoiceDispute:
    """The dispute.

    :raises NotFound: if this tenant has none by that id.
    """
    statement = scoped(InvoiceDispute, tenant).where(InvoiceDispute.id == dispute_id)
    if lock:
        # The page has read it before: whoever waited for the lock must see what the rival decided.
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found = session.scalar(statement)
    if found is None:
        raise NotFound(f"There is no dispute {dispute_id}.")
    return found


def decide(
    session: Session,
    tenant: Tenant,
    *,
    dispute_id: str,
    state: str,
    decision: str,
    today: date,
    at: datetime,
    portal_url: str,
    amounts: dict[str, Decimal] | None = None,
) -> InvoiceDispute:
    """Accept (a credit note over what is left), accept partly (net `amounts` by line), or reject, with words.

    :raises Conflict: if it was decided before.
    """
    found = get_dispute(session, tenant, dispute_id=dispute_id, lock=True)
    if found.state != "open":
        raise Conflict("This dispute is decided.")
    if state not in ("accepted", "partly", "rejected"):
        raise InvalidInput("Accept it, accept it partly, or reject it.", field="state")
    said = decision.strip()
    if not said or len(said) > WORDS_MAX:
        raise InvalidInput("Say why; the client reads it.", field="decision")
    require_amounts(state, amounts)
    if state != "rejected":
        credit = corrections.credit_invoice(
            session,
            tenant,
            invoice_id=found.invoice_id,
            reason=said,
            issued_on=today,
            at=at,
            portal_url=portal_url,
            amounts=amounts if state == "partly" else None,
        )
        found.credit_note_id = credit.id
    _close(found, tenant, state=state, decision=said, at=at)
    session.flush()
    outbox.publish(
        session, tenant, "invoice.dispute_decided", dispute_id=found.id, once_key=f"decided:{found.id}"
    )
    return found


def require_amounts(state: str, amounts: Mapping[str, Decimal] | None) -> None:
    """Whether a decision in part says which part.

    :raises InvalidInput: if it does not.
    """
    if state == "partly" and not amounts:
        raise InvalidInput("Say how much goes back of at least one line.", field="lines")


def withdraw(session: Session, tenant: Tenant, *, dispute_id: str, at: datetime) -> InvoiceDispute:
    """Take a dispute back. A second call changes nothing; a decided one stays as it was decided."""
    found = get_dispute(session, tenant, dispute_id=dispute_id, lock=True)
    if found.state == "withdrawn":
        return found
    if found.state != "open":
        raise Conflict("This dispute is decided.")
    _close(found, tenant, state="withdrawn", decision="", at=at)
    session.flush()
    return found


def disputes_of(session: Session, tenant: Tenant, *, invoice_id: str) -> Sequence[InvoiceDispute]:
    """Every dispute about an invoice, the latest first."""
    return session.scalars(
        scoped(InvoiceDispute, tenant)
        .where(InvoiceDispute.invoice_id == invoice_id)
        .order_by(InvoiceDispute.id.desc())
    ).all()


def _close(dispute: InvoiceDispute, tenant: Tenant, *, state: str, decision: str, at: datetime) -> None:
    dispute.state, dispute.decision = state, decision
    dispute.decided_at, dispute.decided_by = at, tenant.actor

"""Links to pay by: made with the invoice that prints them, found by their secret, revoked.

A secret has 256 random bits, so its plain hash tells nothing; and as it stands on the frozen paper, it is
never made anew for a paper that was printed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import db
from haas.errors import NotFound
from haas.ids import new_id, new_secret
from haas.tenancy.models import Client, Partner
from haas.tenancy.scope import Stranger, Tenant, scoped
from invoicing.bulk import insert_rows
from invoicing.models import Invoice, Payment
from invoicing.pay_link_models import PayLink

POLICY = "pay_links"  # whether new invoices print one
SHOWN_AFTERWARDS = timedelta(days=30)  # a link of a settled invoice still says so for a while


@dataclass(frozen=True, slots=True)
class Holder:
    """Whoever holds a link: sees what the client sees of this one invoice, and acts in the link's name."""

    invoice_id: str
    tenant: Tenant


def are_printed(partner: Partner) -> bool:
    """Whether new invoices of this partner bear a link."""
    return bool(partner.policies.get(POLICY))


def address(base_url: str, secret: str) -> str:
    """What is printed."""
    return f"{base_url}/pay/{secret}"


def secrets_for(count: int) -> list[str]:
    """As many new secrets."""
    return [new_secret() for _ in range(count)]


def keep(session: Session, tenant: Tenant, links: Sequence[tuple[str, str, str]], *, at: datetime) -> None:
    """Store links of invoices that are there by now, in one statement: (invoice id, client id, secret)."""
    insert_rows(
        session,
        PayLink,
        [
            {
                "partner_id": tenant.partner_id,
                "id": new_id("plk"),
                "invoice_id": invoice_id,
                "client_id": client_id,
                "token_hash": _hash(secret),
                "created_at": at,
                "revoked_at": None,
            }
            for invoice_id, client_id, secret in links
        ],
    )


def make_link(session: Session, tenant: Tenant, *, invoice: Invoice, at: datetime) -> str:
    """A further secret for an invoice, beside the one that its paper may bear."""
    secret = new_secret()
    keep(session, tenant, [(invoice.id, invoice.client_id, secret)], at=at)
    return secret


def revoke(session: Session, tenant: Tenant, *, invoice_id: str, at: datetime) -> int:
    """No link of this invoice works any more, the printed one among them; how many did."""
    done = session.execute(
        sa.update(PayLink)
        .where(
            PayLink.partner_id == tenant.partner_id,
            PayLink.invoice_id == invoice_id,
            PayLink.revoked_at.is_(None),
        )
        .values(revoked_at=at)
        .execution_options(synchronize_session=False)
    )
    return int(done.rowcount)  # type: ignore[attr-defined]


def find_holder(secret: str, *, now: datetime, request_id: str = "") -> Holder:
    """Whose link this is. Opens its own units of work: nobody is known yet.

    :raises NotFound: if it was revoked or never made, its invoice was settled more than a month ago, or its
        partner or client is shut out by now.
    """
    key = _hash(secret)
    with db.unit_of_work(Stranger(key)) as session:
        link = session.scalar(sa.select(PayLink).where(PayLink.token_hash == key))
    gone = NotFound("This link works no more. Ask whoever sent the invoice for a new one.")
    if link is None or link.revoked_at is not None:
        raise gone
    tenant = Tenant(
        link.partner_id,
        client_id=link.client_id,
        actor=f"link:{link.id}",
        door="portal",
        request_id=request_id,
    )
    with db.unit_of_work(tenant) as session:
        if _is_shut_out(session, tenant) or _is_long_settled(
            session, tenant, invoice_id=link.invoice_id, now=now
        ):
            raise gone
    return Holder(link.invoice_id, tenant)


def _is_shut_out(session: Session, tenant: Tenant) -> bool:
    partner = session.get(Partner, tenant.partner_id)
    client = session.get(Client, (tenant.partner_id, tenant.client_id))
    return partner is None or partner.suspended_at is not None or client is None


def _is_long_settled(session: Session, tenant: Tenant, *, invoice_id: str, now: datetime) -> bool:
    invoice = session.scalars(scoped(Invoice, tenant).where(Invoice.id == invoice_id)).one()
    if invoice.state == "issued":
        return False
    paid = session.scalar(
        sa.select(sa.func.max(Payment.recorded_at)).where(
            Payment.partner_id == tenant.partner_id, Payment.invoice_id == invoice_id
        )
    )
    credited = session.scalar(
        sa.select(sa.func.max(Invoice.created_at)).where(
            Invoice.partner_id == tenant.partner_id, Invoice.credits_invoice_id == invoice_id
        )
    )
    settled_at = max(filter(None, (paid, credited)), default=invoice.created_at)
    return settled_at + SHOWN_AFTERWARDS < now


def _hash(secret: str) -> str:
    return hashlib.sha256(f"pay_link\0{secret}".encode()).hexdigest()

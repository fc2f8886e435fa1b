"""Drafts become papers: frozen, numbered last, stored with their lines and events by a few statements."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.crash import crashpoint
from haas.ids import new_id
from haas.outbox import OutboxEvent, event_row
from haas.tenancy.branding import Branding
from haas.tenancy.brands import branding_of
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant
from invoicing import pay_links
from invoicing.bulk import insert_rows
from invoicing.document import InvoiceDocument, hash_of
from invoicing.drafts import Draft
from invoicing.freezing import document_of, give_number
from invoicing.models import Invoice, InvoiceLine
from invoicing.money import balances
from invoicing.money.document import paid_out_of_credit
from invoicing.money.paying import close_paid, release_excess
from invoicing.numbering import next_numbers
from invoicing.purchase_orders.operations import count_billed

_NOTHING = Decimal(0)


def issue(
    session: Session,
    tenant: Tenant,
    drafts: Sequence[Draft],
    *,
    at: datetime,
    portal_url: str,
    run_id: str | None = None,
) -> list[dict[str, Any]]:
    """Freeze, number and store papers with their lines and events. Answers the invoice rows.

    The numbers are taken when nothing else can fail but a rival on the same period, whom the unique key
    stops: then all of it rolls back, the numbers too.
    """
    if not drafts:
        return []
    seller = _seller(session, tenant)
    ids = [new_id("crn" if draft.kind == "credit_note" else "inv") for draft in drafts]
    secrets = _pay_secrets(session, tenant, drafts, ids)
    lines = [
        row
        for invoice_id, draft in zip(ids, drafts, strict=True)
        for row in _line_rows(tenant, draft, invoice_id=invoice_id)
    ]
    documents = [
        document_of(
            draft,
            seller=seller,
            portal_url=f"{portal_url}/invoices/{invoice_id}",
            pay_url=pay_links.address(portal_url, secrets[invoice_id]) if invoice_id in secrets else "",
        )
        for invoice_id, draft in zip(ids, drafts, strict=True)
    ]
    count_billed(session, tenant, amounts=_under_orders(drafts))
    credit = balances.take_in_hand(
        session,
        tenant,
        client_ids=[draft.client.id for draft in drafts if draft.kind == "invoice"],
        also_lock=[draft.client.id for draft in drafts if draft.credits is not None],
    )
    crashpoint("billing.before_number")
    numbers = _take_numbers(session, tenant, drafts)
    crashpoint("billing.after_number")
    for document, number in zip(documents, numbers, strict=True):
        give_number(document, number)
    rows = [
        _invoice_row(
            tenant, draft, invoice_id=invoice_id, document=document, credit=credit, at=at, run_id=run_id
        )
        for invoice_id, draft, document in zip(ids, drafts, documents, strict=True)
    ]
    insert_rows(session, Invoice, rows)
    insert_rows(session, InvoiceLine, lines)
    balances.write_applied(session, tenant, used=credit, at=at)
    pay_links.keep(
        session,
        tenant,
        [(row["id"], row["client_id"], secrets[row["id"]]) for row in rows if row["id"] in secrets],
        at=at,
    )
    crashpoint("billing.after_lines")
    credited = {draft.credits.id: draft.issued_on for draft in drafts if draft.credits is not None}
    if credited:
        _mark_credited(session, tenant, credited.keys())
        # On the papers' own day, which may lie behind or ahead: till then the money was on the invoice.
        release_excess(session, tenant, invoice_ids=credited, on=max(credited.values()), at=at)
        close_paid(session, tenant, invoice_ids=credited)
    paid = [row for row in rows if row["state"] == "paid"]
    events = [_event(tenant, "issued", row, at=at) for row in rows]
    insert_rows(session, OutboxEvent, events + [_event(tenant, "paid", row, at=at) for row in paid])
    return rows


def _event(tenant: Tenant, what: str, row: Mapping[str, Any], *, at: datetime) -> dict[str, Any]:
    told = {"invoice_id": row["id"]}
    return event_row(tenant, f"invoice.{what}", told, once_key=f"{what}:{row['id']}", at=at)


def _under_orders(drafts: Sequence[Draft]) -> dict[str, Decimal]:
    """What these papers come to under each purchase order, by id."""
    found: dict[str, Decimal] = {}
    for draft in drafts:
        for proposal, net in zip(draft.proposals, draft.nets, strict=True):
            if proposal.purchase_order_id is not None:
                order_id = proposal.purchase_order_id
                found[order_id] = found.get(order_id, Decimal(0)) + net
    return found


def _pay_secrets(
    session: Session, tenant: Tenant, drafts: Sequence[Draft], ids: Sequence[str]
) -> dict[str, str]:
    """A secret for each invoice that prints a link to pay by, by its id."""
    if not pay_links.are_printed(session.get_one(Partner, tenant.partner_id)):
        return {}
    owing = [
        invoice_id
        for invoice_id, draft in zip(ids, drafts, strict=True)
        if draft.kind == "invoice" and draft.total > 0
    ]
    return dict(zip(owing, pay_links.secrets_for(len(owing)), strict=True))


def _take_numbers(session: Session, tenant: Tenant, drafts: Sequence[Draft]) -> list[str]:
    taken: dict[tuple[str, date], list[str]] = {}
    for kind, issued_on in sorted({(draft.kind, draft.issued_on) for draft in drafts}):
        count = sum(1 for draft in drafts if (draft.kind, draft.issued_on) == (kind, issued_on))
        numbers = next_numbers(session, tenant, kind=kind, issued_on=issued_on, count=count)
        taken[kind, issued_on] = numbers[::-1]
    return [taken[draft.kind, draft.issued_on].pop() for draft in drafts]


def _invoice_row(
    tenant: Tenant,
    draft: Draft,
    *,
    invoice_id: str,
    document: InvoiceDocument,
    credit: balances.CreditInHand,
    at: datetime,
    run_id: str | None,
) -> dict[str, Any]:
    paid = _NOTHING
    if document.kind == "invoice":
        paid = credit.use(
            tenant,
            invoice_id=invoice_id,
            number=document.number,
            client_id=draft.client.id,
            currency=draft.currency,
            total=document.payable,
            on=draft.issued_on,
            at=at,
        )
    if paid:
        document = paid_out_of_credit(document, amount=paid)
    frozen = document.to_json()
    return {
        "partner_id": tenant.partner_id,
        "id": invoice_id,
        "client_id": draft.client.id,
        "kind": draft.kind,
        "number": document.number,
        # An invoice that asks for nothing, after a discount of all of it, is never overdue.
        "state": "paid" if draft.kind == "invoice" and paid == draft.total else "issued",
        "currency": draft.currency,
        "issued_on": draft.issued_on,
        "due_on": draft.due_on,
        "discount_until": document.early_discounts[-1].last_on if document.early_discounts else None,
        "net_total": draft.net_total,
        "tax_total": draft.taxed.tax_total,
        "total": draft.total,
        "paid_total": paid,
        "credits_invoice_id": draft.credits.id if draft.credits else None,
        "reason": "",
        "document": msgspec.Raw(frozen),
        "document_hash": hash_of(frozen),
        "billing_run_id": run_id,
        "created_at": at,
    }


def _line_rows(tenant: Tenant, draft: Draft, *, invoice_id: str) -> list[dict[str, Any]]:
    rows = []
    for position, (proposal, net, decision, rate, tax) in enumerate(
        zip(draft.proposals, draft.nets, draft.decisions, draft.rates, draft.taxed.taxes, strict=True),
        start=1,
    ):
        change = proposal.change
        allowance, included_tax = draft.without_tax(position - 1)
        due_on = getattr(change.owed.source, "due_on", None) if change.owed is not None else None
        rows.append(
            {
                "partner_id": tenant.partner_id,
                "id": new_id("ivl"),
                "invoice_id": invoice_id,
                "client_id": draft.client.id,
                "lease_id": proposal.lease.id if proposal.lease else None,
                "line_id": proposal.line.id if proposal.line else None,
                "purchase_order_id": proposal.purchase_order_id,
                "source_id": change.line_id,
                "position": position,
                "kind": change.kind,
                "description": proposal.description,
                "period_start": change.period_start,
                "period_end": change.period_end,
                "revision": change.revision,
                "fell_due_on": due_on or change.period_start,
                "quantity": proposal.quantity,
                "unit_price": proposal.unit_price,
                "net": net,
                "allowance": allowance,
                "included_tax": included_tax,
                "tax_category": decision.category,
                "tax_rate_pct": rate,
                "tax": tax,
                "serials": [
                    {"serial": share.serial, "days": share.days, "amount": str(share.amount)}
                    for share, _, _ in proposal.serials
                ],
            }
        )
    return rows


def _mark_credited(session: Session, tenant: Tenant, invoice_ids: Collection[str]) -> None:
    """An invoice whose credit notes take all of it back owes nothing more."""
    credit = sa.orm.aliased(Invoice)
    given_back = (
        sa.select(sa.func.sum(credit.total))
        .where(credit.partner_id == Invoice.partner_id, credit.credits_invoice_id == Invoice.id)
        .scalar_subquery()
    )
    session.execute(
        sa.update(Invoice)
        .where(
            Invoice.partner_id == tenant.partner_id,
            Invoice.id.in_(invoice_ids),
            Invoice.state == "issued",
            Invoice.total + given_back <= 0,
        )
        .values(state="credited")
        .execution_options(synchronize_session=False)
    )


def _seller(session: Session, tenant: Tenant) -> Branding:
    partner = session.get_one(Partner, tenant.partner_id)
    return branding_of(session, partner, with_logo=False)

"""Jobs of leases: print and keep papers, propose swaps, close books of what is gone. Safe to run twice."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from devices.moves import last_move
from haas import clock, db, settings
from haas.calendar import local_day
from haas.files import StoredFile, store_file
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant
from leases import amendment_papers, books, papers, proposals, queries
from leases.amendment_paper import amendment_pdf
from leases.amendments.queries import get_amendment
from leases.paper import hand_over_pdf, return_receipt_pdf


def print_acceptance(*, partner_id: str, event_id: str, acceptance_id: str, **_: Any) -> None:
    """Print the certificate of acceptance and keep it. A second run finds it."""
    tenant = _tenant(partner_id, event_id)
    with db.unit_of_work(tenant) as session:
        row = queries.get_acceptance(session, tenant, acceptance_id=acceptance_id)
        if row.file_id is not None:
            return
        document = papers.hand_over_of_acceptance(
            session, tenant, acceptance_id=acceptance_id, base_url=settings.current().base_url
        )
    content = hand_over_pdf(document)  # a second of work: no transaction is held open for it
    with db.unit_of_work(tenant) as session:
        row = queries.get_acceptance(session, tenant, acceptance_id=acceptance_id)
        row.file_id = _keep(
            session,
            tenant,
            kind="hand_over",
            number=document.number,
            content=content,
            client_id=row.client_id,
            once_key=f"hand_over:{row.id}",
        ).id


def print_swap(*, partner_id: str, event_id: str, swap_id: str, **_: Any) -> None:
    """Print the hand-over of a swap and keep it. A second run finds it."""
    tenant = _tenant(partner_id, event_id)
    with db.unit_of_work(tenant) as session:
        swap = queries.get_swap(session, tenant, swap_id=swap_id)
        if swap.file_id is not None:
            return
        document = papers.hand_over_of_swap(
            session, tenant, swap_id=swap_id, base_url=settings.current().base_url
        )
    content = hand_over_pdf(document)
    with db.unit_of_work(tenant) as session:
        swap = queries.get_swap(session, tenant, swap_id=swap_id)
        swap.file_id = _keep(
            session,
            tenant,
            kind="hand_over",
            number=document.number,
            content=content,
            client_id=swap.client_id,
            once_key=f"hand_over:{swap.id}",
        ).id


def print_receipt(*, partner_id: str, event_id: str, return_id: str, **_: Any) -> None:
    """Print the receipt of a return and keep it. A second run finds it."""
    tenant = _tenant(partner_id, event_id)
    with db.unit_of_work(tenant) as session:
        if queries.get_return(session, tenant, return_id=return_id).receipt_file_id is not None:
            return
        document = papers.receipt_of_return(
            session, tenant, return_id=return_id, base_url=settings.current().base_url
        )
    if document is None:
        return
    content = return_receipt_pdf(document)
    with db.unit_of_work(tenant) as session:
        order = queries.get_return(session, tenant, return_id=return_id, lock=True)
        order.receipt_file_id = _keep(
            session,
            tenant,
            kind="return_receipt",
            number=document.number,
            content=content,
            client_id=order.client_id,
            once_key=f"return_receipt:{order.id}",
        ).id


def print_amendment(*, partner_id: str, event_id: str, amendment_id: str, **_: Any) -> None:
    """Print the paper of an amendment and keep it. A second run finds it."""
    tenant = _tenant(partner_id, event_id)
    with db.unit_of_work(tenant) as session:
        if get_amendment(session, tenant, amendment_id=amendment_id).file_id is not None:
            return
        document = amendment_papers.paper_of_amendment(
            session, tenant, amendment_id=amendment_id, base_url=settings.current().base_url
        )
    if document is None:
        return
    content = amendment_pdf(document)
    with db.unit_of_work(tenant) as session:
        amendment = get_amendment(session, tenant, amendment_id=amendment_id, lock=True)
        amendment.file_id = _keep(
            session,
            tenant,
            kind="amendment",
            number=document.number,
            content=content,
            client_id=amendment.client_id,
            once_key=f"amendment:{amendment.id}",
        ).id


def reconsider_swap(*, partner_id: str, event_id: str, asset_id: str, **_: Any) -> None:
    """Propose to swap a device that fails, or withdraw what was proposed, as things stand now."""
    tenant = _tenant(partner_id, event_id)
    with db.unit_of_work(tenant) as session:
        proposals.reconsider(session, tenant, asset_id=asset_id, at=clock.now())


def close_book(*, partner_id: str, event_id: str, asset_id: str, at: str, **_: Any) -> None:
    """Close the book of an asset that was disposed of or sold, on that day where the partner is."""
    tenant = _tenant(partner_id, event_id)
    with db.unit_of_work(tenant) as session:
        partner = session.get_one(Partner, partner_id)
        books.close_book(
            session,
            tenant,
            asset_id=asset_id,
            disposed_on=local_day(datetime.fromisoformat(at), partner.time_zone),
            proceeds=_proceeds(session, tenant, asset_id=asset_id),
        )


def _proceeds(session: Session, tenant: Tenant, *, asset_id: str) -> Decimal:
    """What the last move says it brought in; nothing where it says nothing."""
    last = last_move(session, tenant, asset_id=asset_id)
    return Decimal(str(last.details.get("proceeds") or 0)) if last else Decimal(0)


def _keep(
    session: Session,
    tenant: Tenant,
    *,
    kind: str,
    number: str,
    content: bytes,
    client_id: str,
    once_key: str,
) -> StoredFile:
    return store_file(
        session,
        tenant,
        kind=kind,
        name=f"{number}.pdf",
        media_type="application/pdf",
        content=content,
        client_id=client_id,
        once_key=once_key,
    )


def _tenant(partner_id: str, event_id: str) -> Tenant:
    return Tenant(partner_id, actor="job:leases", door="job", request_id=event_id)

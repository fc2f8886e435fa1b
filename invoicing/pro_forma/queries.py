"""Reads: pro-formas by filter, one of them, and those that say the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session, defer

from haas.db import starts_with
from haas.errors import NotFound
from haas.tenancy.scope import Tenant, scoped
from invoicing.bulk import among
from invoicing.document import InvoiceDocument
from invoicing.pro_forma.models import ProForma


@dataclass(frozen=True, slots=True)
class ProFormaFilter:
    """What a list is narrowed to. Days are half-open."""

    client_id: str | None = None
    issued_from: date | None = None
    issued_until: date | None = None
    number_prefix: str | None = None
    is_sent: bool | None = None


def list_pro_formas(tenant: Tenant, *, where: ProFormaFilter) -> sa.Select[ProForma]:
    """Pro-formas without their documents, to be paged by the caller."""
    statement = scoped(ProForma, tenant).options(defer(ProForma.document))
    if where.client_id:
        statement = statement.where(ProForma.client_id == where.client_id)
    if where.issued_from:
        statement = statement.where(ProForma.issued_on >= where.issued_from)
    if where.issued_until:
        statement = statement.where(ProForma.issued_on < where.issued_until)
    if where.number_prefix:
        statement = statement.where(starts_with(ProForma.number, where.number_prefix))
    if where.is_sent is not None:
        statement = statement.where(ProForma.sent_at.is_not(None) == where.is_sent)
    return statement


def get_pro_forma(session: Session, tenant: Tenant, *, pro_forma_id: str, lock: bool = False) -> ProForma:
    """One pro-forma.

    :raises NotFound: if this tenant has no such pro-forma.
    """
    statement = scoped(ProForma, tenant).where(ProForma.id == pro_forma_id)
    found = session.scalar(statement.with_for_update() if lock else statement)
    if found is None:
        raise NotFound(f"There is no pro-forma invoice {pro_forma_id}.")
    return found


def said_before(
    session: Session, tenant: Tenant, *, client_id: str, contents: Sequence[str]
) -> dict[str, ProForma]:
    """Of these contents those that the client was told already, each with its paper; one query."""
    rows = session.scalars(
        scoped(ProForma, tenant).where(
            ProForma.client_id == client_id, among(ProForma.contents_hash, contents)
        )
    )
    return {row.contents_hash: row for row in rows}


def document_of(pro_forma: ProForma) -> InvoiceDocument:
    """What was frozen; the logo's bytes are not in it."""
    return msgspec.convert(pro_forma.document, type=InvoiceDocument)

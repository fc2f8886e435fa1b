"""What can be collected by direct debit: open invoices of clients with a signed mandate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from haas.tenancy.scope import Tenant, scoped
from invoicing import queries as invoices
from invoicing.bank.debit_models import CANCELLED, ORDERED, CollectionItem
from invoicing.holds.held import held_on
from invoicing.mandate_models import ACTIVE, SepaMandate
from invoicing.open_items import OpenItem
from invoicing.payments.queries import under_way


@dataclass(frozen=True, slots=True)
class Candidate:
    """An open invoice that a mandate can collect."""

    item: OpenItem
    mandate: SepaMandate
    sequence: str


def collectable(session: Session, tenant: Tenant, *, on: date, scheme: str | None = None) -> list[Candidate]:
    """Open invoices in EUR of clients with an active mandate, in no order yet; seven queries.

    Not what is disputed, on that day still paused or promised, being charged, or paid on a page.

    :param scheme: of the mandates; none: whichever.
    """
    held = held_on(session, tenant, today=on)
    mandates = {
        row.client_id: row
        for row in session.scalars(
            scoped(SepaMandate, tenant).where(
                SepaMandate.state == ACTIVE, *([SepaMandate.scheme == scheme] if scheme else [])
            )
        )
    }
    ordered = set(
        session.scalars(
            scoped(CollectionItem, tenant)
            .where(CollectionItem.state == ORDERED)
            .with_only_columns(CollectionItem.invoice_id)
        )
    )
    paying = under_way(session, tenant)
    used = set(
        session.scalars(
            scoped(CollectionItem, tenant)
            .where(CollectionItem.state != CANCELLED)
            .with_only_columns(CollectionItem.mandate_id)
            .distinct()
        )
    )
    found = []
    for item in invoices.open_items(session, tenant):
        mandate = mandates.get(item.client_id)
        if mandate is None or item.currency != "EUR" or item.invoice_id in ordered | paying:
            continue
        if held.why(client_id=item.client_id, invoice_id=item.invoice_id) is not None:
            continue
        if mandate.usage == "once":
            if mandate.id in used:
                continue
            sequence = "OOFF"
        else:
            sequence = "RCUR" if mandate.id in used else "FRST"
        used.add(mandate.id)
        found.append(Candidate(item, mandate, sequence))
    return found

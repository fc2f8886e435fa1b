"""When the title to a device that is bought passes: with its invoice, or once that is paid."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.tenancy.scope import Tenant, scoped
from invoicing.end_charges import BUY_OUT
from invoicing.models import Invoice, InvoiceLine
from leases.ends import buyouts
from leases.ends.models import Buyout
from leases.ends.policy import TitlePasses


def pass_due(
    session: Session,
    tenant: Tenant,
    *,
    today: date,
    at: datetime,
    invoice_ids: Sequence[str] | None = None,
) -> list[Buyout]:
    """Pass every title whose day has come, as its offer says; of these invoices, or of all.

    What costs nothing is never invoiced: its title passes on its day. A second call finds nothing to do.
    """
    billed = sa.exists().where(
        InvoiceLine.partner_id == Buyout.partner_id,
        InvoiceLine.source_id == Buyout.id,
        InvoiceLine.kind == BUY_OUT,
        InvoiceLine.net > 0,
        Invoice.partner_id == InvoiceLine.partner_id,
        Invoice.id == InvoiceLine.invoice_id,
        sa.or_(Buyout.title_passes == TitlePasses.ON_ISSUE, Invoice.state == "paid"),
    )
    if invoice_ids is not None:
        billed = billed.where(Invoice.id.in_(invoice_ids))
    ready = billed if invoice_ids is not None else sa.or_(Buyout.price == 0, billed)
    due = session.scalars(
        scoped(Buyout, tenant)
        .where(Buyout.state == "agreed", Buyout.effective_on <= today, ready)
        .with_only_columns(Buyout.id)
        .order_by(Buyout.id)
    ).all()
    return [buyouts.pass_title(session, tenant, buyout_id=buyout_id, at=at) for buyout_id in due]
